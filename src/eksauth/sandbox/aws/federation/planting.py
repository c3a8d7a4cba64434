"""The identity providers of a new sandbox and the roles that trust them.

=================  =======================================================================================
``GitHubDeploy``   trusts GitHub Actions for the branch ``main`` of ``acme/shop``; describes clusters
``GitLabDeploy``   trusts GitLab for the same
``SamlAdmin``      trusts the SAML provider ``SandboxIdp``; administrator; sessions of up to twelve hours
``SamlReader``     trusts it too; describes clusters
``erin``           may sign in to the provider and be either
=================  =======================================================================================
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from eksauth.sandbox.aws.federation.ci_platforms import BRANCH, PLATFORMS, REPOSITORY
from eksauth.sandbox.aws.federation.saml_idp import ENTITY_ID, RECIPIENT, SamlIdp, SamlPerson
from eksauth.sandbox.aws.federation.seeded import SeededCi, SeededFederation, SeededSaml
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.iam import IamStore

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
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
        ),
        saml=_plant_saml(federation.idp, store, account),
    )


def _plant_saml(idp: SamlIdp, store: IamStore, account: str) -> SeededSaml:
    with store.opened():
        provider = store.backend(account).create_saml_provider("SandboxIdp", idp.metadata()).arn
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
        "Condition": {"StringEquals": {"SAML:aud": RECIPIENT}},
    }
    roles = [
        make_role(store, account, "SamlAdmin", statement, longest=43200, managed=_ADMINISTRATOR),
        make_role(store, account, "SamlReader", statement),
    ]
    person = SamlPerson("erin", "erin@example.com", secrets.token_urlsafe(12), tuple((one, provider) for one in roles))
    idp.people[person.user_name] = person
    return SeededSaml(
        entity_id=ENTITY_ID,
        provider_arn=provider,
        sign_in_path="/saml/idp",
        user_name=person.user_name,
        password=person.password,
        email=person.email,
        role_arns=roles,
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


def make_role(
    store: IamStore,
    account: str,
    name: str,
    statement: dict[str, Any],
    *,
    longest: int = 3600,
    managed: str | None = None,
) -> str:
    """Make a role with one trust statement; it may describe clusters, and what ``managed`` allows. Returns its ARN."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with store.opened():
        backend = store.backend(account)
        role = backend.create_role(name, trust, "/", None, "", [], longest)  # type: ignore[arg-type, unused-ignore]
        backend.put_role_policy(name, "sandbox", json.dumps(_DESCRIBES))
        if managed is not None:
            backend.attach_role_policy(managed, name)
        return str(role.arn)
