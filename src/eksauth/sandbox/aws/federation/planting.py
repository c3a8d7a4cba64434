"""The identity providers of a new sandbox and the roles that trust them.

=================  =======================================================================================
``GitHubDeploy``   trusts GitHub Actions for the branch ``main`` of ``acme/shop``; describes clusters
``GitLabDeploy``   trusts GitLab for the same
=================  =======================================================================================
"""

from __future__ import annotations

import json
from typing import Any

from eksauth.sandbox.aws.federation.ci_platforms import BRANCH, PLATFORMS, REPOSITORY
from eksauth.sandbox.aws.federation.seeded import SeededCi, SeededFederation
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.iam import IamStore

AUDIENCE = "sts.amazonaws.com"
_DESCRIBES = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"},
}


def plant_federation(federation: Federation, store: IamStore, account: str) -> SeededFederation:
    """Register the sandbox's own identity providers in ``account`` and make roles that trust them."""
    return SeededFederation(
        ci=SeededCi(
            request_token=federation.ci.request_token,
            request_path="/ci/github/token?api-version=2.0",
            repository=REPOSITORY,
            branch=BRANCH,
            github_role_arn=_ci_role(store, account, "github", "GitHubDeploy"),
            gitlab_role_arn=_ci_role(store, account, "gitlab", "GitLabDeploy"),
        )
    )


def _ci_role(store: IamStore, account: str, platform: str, role: str) -> str:
    found = PLATFORMS[platform]
    name = found.issuer.removeprefix("https://")
    with store.opened():
        backend = store.backend(account)
        provider = backend.create_open_id_connect_provider(found.issuer, [], [AUDIENCE], [])
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        "Condition": {"StringEquals": {f"{name}:aud": AUDIENCE, f"{name}:sub": found.claims["sub"]}},
    }
    return make_role(store, account, role, statement)


def make_role(store: IamStore, account: str, name: str, statement: dict[str, Any]) -> str:
    """Make a role with one trust statement that may describe clusters; returns its ARN."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with store.opened():
        backend = store.backend(account)
        role = backend.create_role(name, trust, "/", None, "", [], 3600)  # type: ignore[arg-type, unused-ignore]
        backend.put_role_policy(name, "sandbox", json.dumps(_DESCRIBES))
        return str(role.arn)
