"""What people need to sign in to the sandbox's portal: AWS profiles with an sso-session, and an ``eksauth.yaml``."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from eksauth.sandbox.aws.seed import SeededCluster
from eksauth.sandbox.aws.sso.seeded import SeededPortal

SESSION = "sandbox"
"""Name of the sso-session in the AWS config file."""

PERSON = "dana"
"""Who the files are made for: somebody with permission sets for every example."""

_SCOPE = "sso:account:access"
_PROFILES = {"sso-admin": "AdministratorAccess", "sso-reader": "ClusterReader"}


def sso_profiles_text(portal: SeededPortal, account: str, aws_endpoint: str) -> str:
    """Return the sections of an AWS config file that ``aws sso login --sso-session sandbox`` and profiles need."""
    text = f"[sso-session {SESSION}]\nsso_start_url = {aws_endpoint}{portal.start_path}\n"
    text += f"sso_region = {portal.region}\nsso_registration_scopes = {_SCOPE}\n\n"
    for profile, permission_set in _PROFILES.items():
        text += f"[profile {profile}]\nsso_session = {SESSION}\nsso_account_id = {account}\n"
        text += f"sso_role_name = {permission_set}\nregion = {portal.region}\n\n"
    return text


def eksauth_config_text(
    portal: SeededPortal, account: str, partner_role_arn: str, clusters: Sequence[SeededCluster], aws_endpoint: str
) -> str:
    """Return an ``eksauth.yaml`` with the portal, identities that ``dana`` may be, and both clusters.

    :param partner_role_arn: a role in another account that trusts ``account``; the end of a chain.
    """
    names = {one.account: one.name for one in portal.accounts}
    identities = {
        "admin": _permission_set("AdministratorAccess", {"id": account}, default=True),
        "reader": _permission_set("ClusterReader", {"name": names[account]}),
        "partner": {
            "kind": "aws/assume-role",
            "via": {"identity": "admin"},
            "principal": {"assume_role": partner_role_arn},
        },
    }
    integrations = {
        cluster.name: {
            "kind": "aws/eks",
            "via": {"identity": identity},
            "spec": {
                "cluster": {
                    "name": cluster.name,
                    "region": cluster.region,
                    "alias": f"sso-{identity}@{cluster.name}",
                }
            },
        }
        for cluster, identity in zip(clusters, ("admin", "reader"), strict=False)
    }
    document = {
        "auth": {
            "realm": "sandbox",
            "providers": {
                "portal": {
                    "kind": "aws/iam-identity-center",
                    "region": portal.region,
                    "start_url": aws_endpoint + portal.start_path,
                    "spec": {"endpoint_url": aws_endpoint},
                }
            },
            "identities": identities,
            "integrations": integrations,
        }
    }
    shown: str = yaml.safe_dump(document, sort_keys=False, width=1000)
    return f"# Who {PERSON} can be in this sandbox; the portal's passwords are in aws/seed.json.\n{shown}"


def _permission_set(name: str, account: dict[str, str], *, default: bool = False) -> dict[str, object]:
    found: dict[str, object] = {
        "kind": "aws/permission-set",
        "via": {"provider": "portal"},
        "principal": {"name": name, "account": account},
    }
    return {**found, "default": True} if default else found
