"""The ``oidc/token`` provider: a token that something else keeps in a file, a variable, or prints.

That is how GitLab, CircleCI, Buildkite, Bitbucket and Kubernetes hand out tokens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from eksauth.credentials.command_output import command_output
from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.identities.bases import ProviderStep
from eksauth.credentials.identities.contract import Context, Input, Material, WebIdentity
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.oidc.known_ci import JOB_VARIABLES, how_to_get, known_here
from eksauth.credentials.oidc.unverified_claims import MAX_TOKEN_CHARS, check_unverified
from eksauth.credentials.small_files import read_small
from eksauth.errors import ConfigError, CredentialsError

_MAX_BYTES = MAX_TOKEN_CHARS + 1024


@dataclass(frozen=True, slots=True)
class TokenStep(ProviderStep):
    """Reads the token anew each time: whoever keeps it renews it."""

    def facts(self) -> tuple[str, ...]:
        """Return where the token comes from, for whom it is, and the call that it is for."""
        provider, source = self.provider, self.provider.token
        return (
            provider.audience,
            source.file or "",
            source.env or "",
            "\0".join(source.command),
            str(provider.session_seconds),
            provider.endpoint_url or "",
        )

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Name the token, or what tells one job from another: a shared runner must not give a job another one's."""
        del environ
        source = self.provider.token
        if source.file:
            return (("file", os.path.expanduser(source.file)),)  # noqa: PTH111  as read_small does
        if source.env:
            return (("env", source.env),)
        return tuple([("env", name) for name in JOB_VARIABLES])

    def obtain(self, source: Material | None, context: Context) -> WebIdentity:
        """Get the token.

        :raises CredentialsError: when it is missing, expired, for somebody else or no token.
        :raises NeedsHuman: when it comes from a command of a configuration that was only come across.
        """
        del source
        what = f"provider '{self.name}'"
        token = _text(self._read(context, what), what)
        check_unverified(token, what=what, audience=self.provider.audience or None, now=context.clock())
        return WebIdentity(token)

    def _read(self, context: Context, what: str) -> bytes:
        source = self.provider.token
        if source.file:
            return read_small(source.file, what=f"the token of {what}", max_bytes=_MAX_BYTES)
        if source.env:
            found = context.environ.get(source.env, "")
            if not found.strip():
                raise CredentialsError(
                    f"{what}: the variable {source.env} holds no token",
                    hint=how_to_get(source.env, self.provider.audience, context.environ),
                    code="oidc.no_token",
                )
            return found.encode(errors="surrogateescape")
        if source.command:
            require_trust(context, "running the command", self.name)
            return command_output(
                source.command,
                purpose=f"the token of {what}",
                environ=context.environ,
                attended=context.human is not None,
                max_bytes=_MAX_BYTES,
            )
        known = known_here(context.environ)
        raise ConfigError(
            f"{self.provider.place}: {what} does not say where its token comes from",
            hint=f"this looks like {known.name}: {known.setting}"
            if known
            else "set spec.token.file, spec.token.env or spec.token.command",
            code="oidc.no_source",
        )


def provider_step(provider: Provider, config: AuthConfig) -> TokenStep:
    """Return the step of an ``oidc/token`` provider."""
    del config
    return TokenStep(provider)


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise CredentialsError(
            f"what {what} gives is not a JSON Web Token: it has other letters than ASCII", code="oidc.not_a_jwt"
        ) from None
