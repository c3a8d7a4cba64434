"""The ``aws/saml`` provider: a SAML response from a file, a command, or the person's own browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from eksauth.credentials.command_output import command_output
from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.identities.bases import ProviderStep
from eksauth.credentials.identities.contract import (
    Context,
    Human,
    Input,
    Material,
    NeedsHuman,
    SamlAssertion,
    login_hint,
)
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.plain_http import is_safe_url
from eksauth.credentials.saml.assertion import MAX_BASE64_CHARS, as_base64, check_unverified
from eksauth.credentials.small_files import read_small
from eksauth.errors import ConfigError, CredentialsError, EksauthError
from eksauth.files import why

WAIT_SECONDS = 300.0
"""For the person to sign in; a response lives five minutes at most anyway."""
_MAX_BYTES = 2 * MAX_BASE64_CHARS
_PLACEHOLDER = "{acs}"
_KEPT_SECONDS, _MARGIN_SECONDS = 240.0, 30.0
_SIGNED_IN: dict[tuple[str, ...], tuple[str, float]] = {}
"""Response and its end, by configuration and provider; of this process, and of the last minutes only."""


@dataclass(frozen=True, slots=True)
class SamlStep(ProviderStep):
    """Gets a SAML response."""

    def facts(self) -> tuple[str, ...]:
        """Return where the response comes from."""
        source = self.provider.saml
        return (
            self.provider.url or "",
            source.file or "",
            "\0".join(source.command),
            self.provider.username or "",
            str(self.provider.session_seconds),
            self.provider.endpoint_url or "",
        )

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Return nothing: a response is used once, and another one of the same source makes the same credentials."""
        del environ
        return ()

    def obtain(self, source: Material | None, context: Context) -> SamlAssertion:
        """Get a response.

        :raises NeedsHuman: when a person would have to sign in in the browser, and nobody is there.
        :raises CredentialsError: when what comes is no response, expired, or says that the sign-in failed.
        """
        del source
        what = f"provider '{self.name}'"
        given = self.provider.saml
        if given.file:
            data = read_small(given.file, what=f"the SAML response of {what}", max_bytes=_MAX_BYTES)
        elif given.command:
            require_trust(context, "running the command", self.name)
            data = command_output(
                given.command,
                purpose=f"the SAML response of {what}",
                environ=context.environ,
                attended=context.human is not None,
                max_bytes=_MAX_BYTES,
            )
        elif context.human is None:
            raise NeedsHuman(f"{what} needs a person who signs in in a browser", hint=login_hint(self.name))
        else:
            return self._signed_in(context, context.human, what)
        encoded = as_base64(data, what)
        check_unverified(encoded, what=what, now=context.clock())
        return SamlAssertion(encoded)

    def _signed_in(self, context: Context, human: Human, what: str) -> SamlAssertion:
        """Return the response of a sign-in in the browser; roles that are wanted together need one sign-in."""
        key = (context.config.path or "", context.config.realm, self.name, *self.facts())
        encoded, until = _SIGNED_IN.get(key, ("", 0.0))
        if context.fresh or context.clock() >= until:
            encoded = as_base64(_from_browser(self.provider, human, context, what), what)
            response = check_unverified(encoded, what=what, now=context.clock())
            ends = response.redeem_until or 0.0
            _SIGNED_IN[key] = encoded, min(ends - _MARGIN_SECONDS, context.clock() + _KEPT_SECONDS)
        return SamlAssertion(encoded)


def provider_step(provider: Provider, config: AuthConfig) -> SamlStep:
    """Return the step of an ``aws/saml`` provider."""
    del config
    return SamlStep(provider)


def _from_browser(provider: Provider, human: Human, context: Context, what: str) -> bytes:
    from eksauth.credentials.saml.page import Listener

    address, port = provider.url or "", provider.saml.port
    if not is_safe_url(address.replace(_PLACEHOLDER, "")):
        raise ConfigError(
            f"{provider.place}: the url of {what} is not an https address", hint="a browser is sent there to sign in"
        )
    if not port and _PLACEHOLDER not in address:
        raise ConfigError(
            f"{provider.place}: {what} does not say where the identity provider posts its answer",
            hint="set spec.assertion.port, and have it post to http://127.0.0.1:PORT/saml; "
            f"or write {_PLACEHOLDER} into the url where it takes that address",
            code="saml.no_port",
        )

    def judge(data: bytes) -> bool | None:
        try:
            encoded = as_base64(data, what)
            check_unverified(encoded, what=what, now=context.clock())
        except EksauthError as error:
            return False if error.code in {"saml.refused", "saml.expired"} else None
        return True

    try:
        listener = Listener(port, judge)
    except OSError as error:
        raise CredentialsError(
            f"{what}: port {port} of this machine cannot be used for the answer: {why(error)}",
            hint="another program listens there, perhaps another sign-in",
            code="saml.port",
        ) from None
    with listener:
        target = address.replace(_PLACEHOLDER, quote(listener.url, safe=""))
        if not human.browse(target):
            human.tell(f"open this address in a browser on this machine: {target}")
        human.tell(f"waiting for the answer of the identity provider at {listener.url}")
        answer = listener.wait(WAIT_SECONDS)
    if answer is None:
        raise CredentialsError(
            f"{what}: no answer of the identity provider came within {WAIT_SECONDS / 60:.0f} minutes",
            hint=f"it must post to {listener.url}; over SSH forward that port (ssh -L)",
            code="saml.timeout",
        )
    return answer
