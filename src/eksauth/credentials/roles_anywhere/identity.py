"""``aws/roles-anywhere``: a machine's X.509 certificate for a role's credentials; nobody signs in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from eksauth.aws.arn import parse_arn
from eksauth.credentials.assume_role import check_role
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.contract import Context, Input, Material, NeedsHuman, login_hint
from eksauth.credentials.identities.trust import require_own_words, require_trust
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.roles_anywhere.create_session import SessionCall, create_session
from eksauth.errors import ConfigError, UsageError

PASSWORD_VARIABLE = "EKSAUTH_PRIVATE_KEY_PASSWORD"


@dataclass(frozen=True, slots=True)
class RolesAnywhereStep:
    """A certificate, its key, and the role that they are traded for."""

    name: str
    kind: str
    account: str | None
    call: SessionCall
    certificate: str
    private_key: str

    def facts(self) -> tuple[str, ...]:
        """Return what is asked for, where, and with which files."""
        call = self.call
        return (
            call.role_arn,
            call.profile_arn,
            call.trust_anchor_arn,
            str(call.duration_seconds),
            call.session_name or "",
            call.endpoint_url or "",
            self.certificate,
        )

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Name the certificate: another one is somebody else. The key follows it and is no input of its own."""
        del environ
        return (("file", os.path.expanduser(self.certificate)),)  # noqa: PTH111  as read_small does

    def obtain(self, source: Material | None, context: Context) -> Credentials:
        """Get a session for the role.

        :raises CredentialsError: when certificate or key are missing, expired, or do not fit.
        :raises NeedsHuman: when the key is encrypted, its password is not in the environment, and nobody is there.
        :raises AwsError: when Roles Anywhere refuses, or cannot be reached.
        """
        del source
        if self.call.endpoint_url is not None:
            require_trust(context, "asking the endpoint_url", self.name)
        require_own_words(context, self.name)
        from eksauth.credentials.roles_anywhere.key_pair import load_signer

        signer = load_signer(
            self.certificate,
            self.private_key,
            what=f"identity '{self.name}'",
            password=lambda: self._password(context),
            now=context.clock(),
        )
        return create_session(self.call, signer, context)

    def _password(self, context: Context) -> str:
        given = context.environ.get(PASSWORD_VARIABLE)
        if given:
            return given
        if context.human is None:
            raise NeedsHuman(
                f"the private key of identity '{self.name}' is encrypted",
                hint=f"{login_hint(self.name)}, or set {PASSWORD_VARIABLE}",
                code="roles_anywhere.encrypted",
            )
        return context.human.ask(f"password of the private key {self.private_key}", secret=True)


def identity_step(identity: Identity, config: AuthConfig) -> RolesAnywhereStep:
    """Return the step of an ``aws/roles-anywhere``.

    :raises ConfigError: when something is missing, or Roles Anywhere would refuse it.
    """
    del config
    principal = identity.principal
    needed = {
        "assume_role": principal.assume_role,
        "trust_anchor_arn": principal.trust_anchor_arn,
        "profile_arn": principal.profile_arn,
        "certificate": principal.certificate,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise _wrong(identity, f"principal.{missing[0]} is missing", "an aws/roles-anywhere needs all of them")
    role, anchor = principal.assume_role or "", principal.trust_anchor_arn or ""
    profile, certificate = principal.profile_arn or "", principal.certificate or ""
    try:
        check_role(RoleRequest(role, session_name=principal.session_name, duration_seconds=principal.duration_seconds))
    except UsageError as error:
        raise _wrong(identity, error.message, error.hint) from None
    regions = [_region(identity, name, arn) for name, arn in (("trust-anchor", anchor), ("profile", profile))]
    if regions[0] != regions[1]:
        raise _wrong(
            identity,
            f"the trust anchor is in {regions[0]} and the profile in {regions[1]}",
            "they have to be in one region",
        )
    call = SessionCall(
        identity=identity.name,
        role_arn=role,
        profile_arn=profile,
        trust_anchor_arn=anchor,
        duration_seconds=principal.duration_seconds,
        session_name=principal.session_name,
        endpoint_url=identity.endpoint_url,
    )
    return RolesAnywhereStep(
        identity.name,
        identity.declared_kind,
        parse_arn(role).account,
        call,
        certificate,
        principal.private_key or certificate,
    )


def _region(identity: Identity, kind: str, text: str) -> str:
    try:
        arn = parse_arn(text)
    except ValueError:
        arn = None
    plain = text.isascii() and text.isprintable() and " " not in text
    if arn is None or arn.service != "rolesanywhere" or not arn.resource.startswith(f"{kind}/") or not plain:
        raise _wrong(
            identity,
            f"{kind.replace('-', '_')}_arn is not the ARN of a {kind.replace('-', ' ')}",
            f"it looks like arn:aws:rolesanywhere:eu-west-1:111122223333:{kind}/ID",
        )
    if not (arn.region.replace("-", "").isalnum() and len(arn.account) == 12):
        raise _wrong(identity, f"{kind.replace('-', '_')}_arn names no region or account", None)
    return arn.region


def _wrong(identity: Identity, what: str, hint: str | None) -> ConfigError:
    return ConfigError(f"{identity.place}: identity '{identity.name}': {what}", hint=hint, code="config.roles_anywhere")
