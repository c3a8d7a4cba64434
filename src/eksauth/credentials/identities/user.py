"""``aws/user``: an IAM user's long-lived keys, traded for a session of hours; with MFA where the user has a device.

The keys are in the configuration or in the secret store. What follows in a chain is made with the session, so a role
that asks for ``aws:MultiFactorAuthPresent`` gets it.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html: 900 to 129600 seconds, 12 hours by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eksauth.aws.access_keys import unverified_account_of
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.bases import IdentityStep
from eksauth.credentials.identities.chain import region_of
from eksauth.credentials.identities.contract import Context, Input, Material, NeedsHuman, login_hint
from eksauth.credentials.identities.mfa import mfa_code
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.identity_inputs import digest
from eksauth.credentials.model import Credentials, unusable_field
from eksauth.errors import ConfigError, CredentialsError

DEFAULT_SECONDS = 12 * 3600
MIN_SECONDS, MAX_SECONDS = 900, 36 * 3600


@dataclass(frozen=True, slots=True)
class UserStep(IdentityStep):
    """An IAM user."""

    config: AuthConfig = field(repr=False)
    region: str

    @property
    def account(self) -> str | None:
        """The account that the access key id of the configuration names, where it does."""
        key_id = self.identity.credentials.access_key_id
        return None if key_id is None else unverified_account_of(key_id)

    def facts(self) -> tuple[str, ...]:
        """Return whose keys (a digest stands for the secret one), the device, duration and where STS is asked."""
        keys, keyring = self.identity.credentials, self.config.keyring
        stored = f"stored {self.name.lower()} {keyring.kind} {keyring.path or ''}"
        return (
            keys.access_key_id or stored,
            digest(keys.secret_access_key or ""),
            keys.mfa_arn or "",
            str(self._seconds()),
            self.region,
            self.identity.endpoint_url or "",
        )

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Return what decides whose keys are stored, where the configuration has none."""
        if self.identity.credentials.access_key_id:
            return ()
        from eksauth.credentials.secrets.user_keys import key_inputs

        return key_inputs(self.config, self.name, environ)

    def obtain(self, source: Material | None, context: Context) -> Material | None:  # noqa: ARG002  the first of a chain
        """Get a session for the user.

        :raises NeedsHuman: when keys or an MFA code have to be typed, and nobody is there.
        :raises CredentialsError: when the keys are unusable.
        :raises AwsError: when STS refuses, or cannot be reached.
        """
        if self.identity.endpoint_url is not None:
            require_trust(context, "asking the endpoint_url", self.name)
        keys, serial = self._keys(context)
        parameters: dict[str, object] = {"DurationSeconds": self._seconds()}
        if serial is not None:
            process = self.identity.credentials.mfa_process
            parameters |= {
                "SerialNumber": serial,
                "TokenCode": mfa_code(self.name, serial, process, context),
            }
        from eksauth.credentials.identities.sts import STALE, credentials_from, sts_client, sts_errors

        try:
            with sts_errors(self.name, f"getting a session for {self.name}"):
                client = sts_client(self.region, endpoint_url=self.identity.endpoint_url, credentials=keys)
                return credentials_from(client.get_session_token(**parameters), f"user {self.name}")
        except CredentialsError as error:
            if error.code not in STALE:
                raise
            raise CredentialsError(error.message, hint=self._mend(), code=error.code) from None

    def _mend(self) -> str:
        """Return what to do about keys that AWS does not take: no login gets others."""
        if self.identity.credentials.access_key_id:
            mend = f"correct them at {self.identity.place}"
        else:
            from shlex import quote

            mend = f"store others: eksauth login {quote(self.name)} --store-keys"
        if self.identity.credentials.region or self.identity.principal.region:
            return mend
        return f"{mend}; keys of China or GovCloud need credentials.region"

    def _seconds(self) -> int:
        return min(max(self.identity.session_seconds or DEFAULT_SECONDS, MIN_SECONDS), MAX_SECONDS)

    def _keys(self, context: Context) -> tuple[Credentials, str | None]:
        given = self.identity.credentials
        if bool(given.access_key_id) != bool(given.secret_access_key):
            missing = "secret_access_key" if given.access_key_id else "access_key_id"
            raise ConfigError(
                f"{self.identity.place}: identity '{self.name}' has half a pair of keys: {missing} is missing",
                hint="give both, or neither and keep them in the keyring",
                code="config.user_keys",
            )
        if given.access_key_id and given.secret_access_key:
            keys = Credentials(given.access_key_id, given.secret_access_key)
            field_name = unusable_field(keys)
            if field_name:
                raise CredentialsError(
                    f"{self.identity.place}: the {field_name} of identity '{self.name}' has blanks, line ends or other "
                    "characters that no AWS key has",
                    hint="copy it again without the surrounding white space",
                )
            return keys, given.mfa_arn
        from eksauth.credentials.secrets.store import open_store
        from eksauth.credentials.secrets.user_keys import StoredKeys, ask_for_keys, read_user_keys, store_user_keys

        store = open_store(self.config, context.environ, human=context.human)
        found: StoredKeys | None = read_user_keys(store, self.name)
        if found is None:
            if context.human is None:
                raise NeedsHuman(f"no keys are stored for identity '{self.name}'", hint=login_hint(self.name))
            found = ask_for_keys(context.human, self.name)
            store_user_keys(self.config, self.identity, found, context.environ, human=context.human)
        return Credentials(found.access_key_id, found.secret_access_key), given.mfa_arn or found.mfa_arn


def identity_step(identity: Identity, config: AuthConfig) -> UserStep:
    """Return the step of an ``aws/user``."""
    return UserStep(identity, config, region_of(config, identity))
