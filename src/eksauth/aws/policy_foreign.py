"""Trust policies and principals that are no AWS identities: identity providers and AWS services; pure.

Such a caller has no identity policies, so the trust policy alone decides. Rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eksauth.aws.policy import AccessRequest, Decision, Policy, Statement, statement_covers


@dataclass(frozen=True)
class ForeignPrincipal:
    """Who vouches for the caller.

    :param kind: ``Federated`` (an OIDC or SAML provider) or ``Service``.
    :param name: the ARN of the provider, or a service's name such as ``rolesanywhere.amazonaws.com``.
    """

    kind: Literal["Federated", "Service"]
    name: str


def evaluate_foreign_trust(policy: Policy, principal: ForeignPrincipal, request: AccessRequest) -> Decision:
    """Judge ``request`` by the trust policy of the role that it is about."""
    verdict = Decision.IMPLICIT_DENY
    for statement in policy.statements:
        if not _names(statement, principal) or not statement_covers(policy, statement, request):
            continue
        if not statement.allows:
            return Decision.EXPLICIT_DENY
        verdict = Decision.ALLOW
    return verdict


def all_allowed(policy: Policy, principal: ForeignPrincipal, requests: Sequence[AccessRequest]) -> str | None:
    """Return the first action that ``policy`` does not allow, or None when it allows all of ``requests``."""
    for request in requests:
        if evaluate_foreign_trust(policy, principal, request) is not Decision.ALLOW:
            return request.action
    return None


def _names(statement: Statement, principal: ForeignPrincipal) -> bool:
    if statement.principals is None:
        return False
    values = statement.principals.get(principal.kind, ())
    # "AWS": "*" is another spelling of "*", which means everyone, however they prove who they are
    named = principal.name in values or "*" in values or "*" in statement.principals.get("AWS", ())
    return named != statement.not_principals
