"""The link that trades a portal's access token for the credentials of a permission set in one account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.identities.bases import IdentityStep
from eksauth.credentials.identities.contract import Context, Material, SsoAccess
from eksauth.credentials.model import Credentials, unusable_field
from eksauth.errors import AwsError, ConfigError

_LISTED = 8
_EARLIEST, _LATEST = 946684800.0, 253402300800.0
"""The years 2000 and 10000, in seconds since the epoch."""
_NO_ACCESS = {"aws.ForbiddenException", "aws.ResourceNotFoundException"}


@dataclass(frozen=True, slots=True)
class PermissionSetStep(IdentityStep):
    """Gets credentials of ``principal.name`` in ``principal.account``."""

    provider: Provider

    @property
    def account(self) -> str | None:
        """The account's id; None when the configuration names the account instead."""
        return self.identity.principal.account_id

    def facts(self) -> tuple[str, ...]:
        """Return which permission set of which account."""
        principal = self.identity.principal
        return (principal.name or "", principal.account_id or "", principal.account_name or "")

    def obtain(self, source: Material | None, context: Context) -> Credentials:
        """Return the permission set's credentials.

        :raises ConfigError: when the account's name is unknown or means several accounts, or the chain is wrong.
        :raises NeedsHuman: when the portal no longer takes the sign-in, and nobody can be asked.
        :raises AwsError: when the person may not use the permission set, or AWS cannot be reached.
        """
        from eksauth.credentials.sso.calls import PortalCalls
        from eksauth.credentials.sso.clients import Answer

        if not isinstance(source, SsoAccess):
            raise ConfigError(
                f"{self.identity.place}: identity '{self.name}' is a permission set, and those start at a portal",
                hint="its via.provider must be of kind aws/iam-identity-center",
                code="config.chain",
            )
        try:
            with PortalCalls(self.provider, source, context) as calls:
                account, remembered = self._account(calls, context)
                try:
                    return self._credentials(calls, account)
                except AwsError as error:
                    if not remembered or error.code not in _NO_ACCESS:
                        raise
                # the name may belong to another account by now
                return self._credentials(calls, self._look_up(calls, context))
        except Answer as answer:
            raise answer.plain() from None

    def _credentials(self, calls: Any, account: str) -> Credentials:
        from eksauth.credentials.sso.clients import Answer, answers

        role = self.identity.principal.name or ""
        try:
            found: Mapping[str, Any] = calls.role_credentials(account, role)
        except Answer as answer:
            if answer.code not in _NO_ACCESS:
                raise
            raise self._not_assigned(calls, account, role, answer) from None
        with answers(f"getting credentials of {role} in account {account}"):
            made = Credentials(
                found["accessKeyId"],
                found["secretAccessKey"],
                found["sessionToken"],
                float(found["expiration"]) / 1000,  # the portal counts milliseconds
                f"permission set {role} in account {account}",
            )
            if not made.session_token or unusable_field(made) is not None:
                raise ValueError("no keys")
            if not _EARLIEST < (made.expires_at or 0) < _LATEST:
                raise ValueError("no time that credentials end at")
        return made

    def _not_assigned(self, calls: Any, account: str, role: str, answer: AwsError) -> AwsError:
        try:
            offered = sorted(calls.roles(account))
        except AwsError:
            offered = []
        if offered:
            more = ", …" if len(offered) > _LISTED else ""
            hint = f"in that account you may be: {', '.join(offered[:_LISTED])}{more}"
        else:
            hint = "you may be nobody in that account; check its id, or ask who runs the portal"
        return AwsError(
            f"identity '{self.name}': the portal gives you no permission set {role} in account {account}",
            hint=hint,
            code=answer.code,
        )

    def _account(self, calls: Any, context: Context) -> tuple[str, bool]:
        """Return the account's id, and whether it is only remembered."""
        from eksauth.credentials.sso.account_names import read_account
        from eksauth.credentials.sso.portal import portal_of

        principal = self.identity.principal
        if principal.account_id is not None:
            return principal.account_id, False
        name = principal.account_name or ""
        known = None
        if not context.fresh:
            known = read_account(context.environ, portal_of(self.provider), name, context.clock())
        return (known, True) if known is not None else (self._look_up(calls, context), False)

    def _look_up(self, calls: Any, context: Context) -> str:
        from eksauth.credentials.sso.account_names import account_named, forget_account, remember_account
        from eksauth.credentials.sso.portal import portal_of

        name, portal = self.identity.principal.account_name or "", portal_of(self.provider)
        try:
            account = account_named(name, list(calls.accounts()), self.name).id
        except ConfigError:
            forget_account(context.environ, portal, name)
            raise
        if context.use_cache:
            remember_account(context.environ, portal, name, account, context.clock())
        return account


def identity_step(identity: Identity, config: AuthConfig) -> PermissionSetStep:
    """Return the step of an identity of kind ``aws/permission-set``.

    :raises ConfigError: when its provider, permission set or account is missing.
    """
    principal = identity.principal
    provider = _provider(config, identity.via_provider)
    if provider is None or provider.kind != "aws/iam-identity-center":
        raise ConfigError(
            f"{identity.place}: identity '{identity.name}' is a permission set without a portal",
            hint="its via.provider must be of kind aws/iam-identity-center",
            code="config.chain",
        )
    if not principal.name or not (principal.account_id or principal.account_name):
        missing = "principal.account" if principal.name else "principal.name"
        raise ConfigError(
            f"{identity.place}: identity '{identity.name}' has no {missing}",
            hint="a permission set needs principal.name, and principal.account with an id or a name",
            code="config.permission_set",
        )
    return PermissionSetStep(identity, provider)


def _provider(config: AuthConfig, name: str | None) -> Provider | None:
    if name is None:
        return None
    found = config.providers.get(name)
    if found is not None:
        return found
    return next((each for each in config.providers.values() if each.name.casefold() == name.casefold()), None)
