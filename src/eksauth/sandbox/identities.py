"""The seeded identities under the names that profiles, contexts and fixtures use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from eksauth.errors import ConfigError, UsageError
from eksauth.sandbox.aws.seed import Seed, SeededRole, SeededUser
from eksauth.sandbox.aws.sso.seeded import SeededPortal
from eksauth.sandbox.clientfiles import RoleProfile, UserProfile, shell_environment
from eksauth.sandbox.layout import Layout
from eksauth.sandbox.lifecycle import require_ready

HOME_REGION = "us-west-2"
ROLES = {"admin": "EksAdmin", "readonly": "EksReadOnly", "ci": "CICDRole"}
"""Short name -> role; the short names are profiles and contexts."""


class SandboxIdentities(msgspec.Struct, frozen=True):
    """Users and roles of the sandbox's account. Holds secrets of the sandbox; ``repr`` does not show them.

    :param roles: by short name, see :data:`ROLES`.
    :param partner_role_arn: a role of the second account that trusts the main one.
    :param portal: people with their passwords, accounts, and who may use which permission set where.
    """

    account: str
    users: dict[str, SeededUser]
    roles: dict[str, SeededRole]
    portal: SeededPortal
    partner_role_arn: str

    @classmethod
    def of_seed(cls, seed: Seed) -> SandboxIdentities:
        """Pick what belongs to the main account, and the portal.

        :raises KeyError: when the seed has no portal.
        """
        if seed.portal is None:
            raise KeyError("portal")
        return cls(
            account=seed.account,
            users={name: user for name, user in seed.users.items() if user.account == seed.account},
            roles={short: seed.roles[name] for short, name in ROLES.items()},
            portal=seed.portal,
            partner_role_arn=seed.roles["PartnerRole"].arn,
        )

    def user_profiles(self) -> list[UserProfile]:
        """Return a profile for each user, the first one being the one that assumes roles."""
        return [
            UserProfile(user.name, user.access_key_id, user.secret_access_key, HOME_REGION)
            for user in self.users.values()
        ]

    def role_profiles(self) -> list[RoleProfile]:
        """Return a profile for each role, assumed by the first user."""
        source = self.user_profiles()[0]
        return [RoleProfile(short, role.arn, source, role.external_id) for short, role in self.roles.items()]


def seed_file(layout: Layout) -> Path:
    """Return where the AWS endpoint writes what it seeded."""
    return layout.aws / "seed.json"


def read_identities(layout: Layout) -> SandboxIdentities:
    """Read what the AWS endpoint seeded.

    :raises ConfigError: when the file is missing or damaged.
    """
    path = seed_file(layout)
    try:
        return SandboxIdentities.of_seed(msgspec.json.decode(path.read_bytes(), type=Seed))
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise ConfigError(f"cannot read the sandbox's identities: {error}", code="sandbox.damaged") from error


def exports_for(layout: Layout, name: str | None, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return what a shell has to set, or with None unset, to be one user inside the sandbox; holds access keys.

    :param environ: the shell's environment as it is.
    :raises ConfigError: when no sandbox runs.
    :raises UsageError: when there is no such user.
    """
    manifest = require_ready(layout)
    identities = read_identities(layout)
    users = {user.name: user for user in identities.user_profiles()}
    chosen = next(iter(users)) if name is None else name
    if chosen not in users:
        hint = f"users are {', '.join(users)}"
        if chosen in identities.roles:
            hint += f"; for the role use --profile {chosen}, or the context {chosen}@{manifest.clusters[0].name}"
        raise UsageError(f"the sandbox has no user {chosen!r}", hint=hint)
    return shell_environment(layout, manifest.aws_endpoint, users[chosen], environ)
