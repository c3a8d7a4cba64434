"""Who asks AWS on behalf of a kubeconfig command."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eksauth.aws.access_keys import unverified_account_of
from eksauth.credentials.clients import AwsClients
from eksauth.credentials.env import has_environment_keys
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.resolve import resolve_credentials
from eksauth.credentials.settings import named_profile
from eksauth.credentials.slow_settings import full_settings
from eksauth.errors import ConfigError
from eksauth.token.checks import check_region

_PROFILE_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


class Asker:
    """Who asks EKS: settings and credentials, resolved when they are first needed.

    :param region: from the command line.
    :param role: to assume before asking.
    :param credentials: ask with these (or assume the role with them); no others are looked for.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        region: str | None,
        profile: str | None,
        role: RoleRequest | None,
        endpoint_url: str | None,
        interactive: bool,
        clock: Callable[[], float],
        credentials: Credentials | None = None,
    ) -> None:
        if credentials is not None:
            # who asks is settled; a profile of the environment that does not exist must not stop it
            environ = {name: value for name, value in environ.items() if name not in _PROFILE_VARIABLES}
        self._given = credentials
        self._environ = environ
        self._profile = profile
        self._role = role
        self._endpoint_url = endpoint_url
        self._interactive = interactive
        self._clock = clock
        self._credentials = credentials if role is None else None
        self._made: list[AwsClients] = []
        self.region_flag = region
        self.settings = full_settings(environ, region_flag=region, profile_flag=profile)
        self.warnings: list[str] = []

    def clients(self, *, attempts: int, connect_timeout: float = 5.0) -> AwsClients:
        """Return clients that act as the identity.

        :raises EksauthError: whichever kind says why there are no credentials.
        """
        if self._credentials is None and self._given is not None and self._role is not None:
            from eksauth.credentials.assume_role import assume_role

            self._credentials = assume_role(self._environ, self.settings, self._role, self._given)
        if self._credentials is None:
            resolved = resolve_credentials(
                self._environ,
                self.settings,
                role=self._role,
                use_cache=True,
                interactive=self._interactive,
                clock=self._clock,
            )
            self._credentials = resolved.credentials
            self.warnings += resolved.warnings
        clients = AwsClients(
            self._environ,
            self.settings,
            self._credentials,
            endpoint_url=self._endpoint_url,
            attempts=attempts,
            connect_timeout=connect_timeout,
        )
        self._made.append(clients)
        return clients

    def unverified_account(self) -> str | None:
        """Return the account that the access key's own letters name; good for a hint."""
        return None if self._credentials is None else unverified_account_of(self._credentials.access_key_id)

    def profile_in_force(self) -> str | None:
        """Return the profile whose credentials these are, or None when they come from elsewhere."""
        if self._given is not None:
            return None
        if self._profile:
            return self._profile
        return None if has_environment_keys(self._environ) else named_profile(self._environ, None)

    def region(self) -> str:
        """Return the region to ask in.

        :raises ConfigError: when nothing names one, or it is none.
        """
        region = self.settings.region
        if region is None:
            raise ConfigError(
                "no region: neither --region, AWS_REGION, AWS_DEFAULT_REGION nor the profile names one",
                hint="add --region, for example --region eu-west-1, or give the cluster's ARN as --name",
                code="config.no_region",
            )
        if not self.region_flag:
            check_region(region, ConfigError)
        return region

    def close(self) -> None:
        """Close all connections."""
        for clients in self._made:
            clients.close()
