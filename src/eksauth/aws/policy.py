"""IAM policy documents and how a request is judged against them; pure.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and the policy grammar.
The same evaluator serves identity policies (no principal) and trust policies (principal, no resource).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from eksauth.aws.arn import Arn, parse_arn
from eksauth.aws.policy_conditions import Condition, Context, parse_conditions, substitute, wildcard_match

_VERSIONS = ("2012-10-17", "2008-10-17")
_STATEMENT_KEYS = frozenset(
    [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ]
)


class Decision(Enum):
    """What policies say about one request; an explicit deny beats everything."""

    ALLOW = "allow"
    IMPLICIT_DENY = "no statement allows it"
    EXPLICIT_DENY = "a statement denies it"


class PrincipalMatch(Enum):
    """How a trust statement named the caller; the evaluation logic treats each differently."""

    SESSION = "the session itself"
    USER = "the user itself"
    ROLE = "the role behind the session"
    ANYONE = "every principal"
    ACCOUNT = "the whole account"


@dataclass(frozen=True)
class Requester:
    """Who asks, as principals are compared.

    :param arn: the caller's own ARN, as GetCallerIdentity shows it (a session for assumed roles).
    :param principal_arn: the IAM ARN behind it, with path: the role of a session, the user otherwise.
    :param account: twelve digits.
    :param unique_id: ``AIDA…`` or ``AROA…``, without a session name; empty when unknown.
    """

    arn: str
    principal_arn: str
    account: str
    unique_id: str = ""


@dataclass(frozen=True)
class AccessRequest:
    """One thing somebody wants to do.

    :param action: ``service:Operation``.
    :param resource: the ARN acted on, or ``*`` where the operation has none.
    :param context: condition keys and their values; keys are compared without regard to case.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """One parsed statement; ``principals`` is None in identity policies."""

    allows: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    principals: Mapping[str, tuple[str, ...]] | None
    not_principals: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Policy:
    """A parsed policy document; ``has_variables`` is false for the 2008 version, where ``${…}`` is plain text."""

    statements: tuple[Statement, ...]
    has_variables: bool


@lru_cache(maxsize=512)
def parse_policy(text: str) -> Policy:
    """Parse a policy document.

    :raises ValueError: with the reason, when it is not valid JSON or breaks the policy grammar.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise ValueError("the policy is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("a policy is a JSON object")  # noqa: TRY004  callers handle one kind of error
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise ValueError("Version is 2012-10-17 or 2008-10-17")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise ValueError("a policy needs at least one Statement")
    return Policy(tuple(_statement(one) for one in statements), version == "2012-10-17")


def evaluate_identity_policies(policies: Iterable[Policy], request: AccessRequest) -> Decision:
    """Judge ``request`` by policies attached to whoever asks."""
    verdict = Decision.IMPLICIT_DENY
    for policy in policies:
        for statement in policy.statements:
            if statement_covers(policy, statement, request):
                if not statement.allows:
                    return Decision.EXPLICIT_DENY
                verdict = Decision.ALLOW
    return verdict


def evaluate_trust_policy(
    policy: Policy, requester: Requester, request: AccessRequest
) -> tuple[Decision, frozenset[PrincipalMatch]]:
    """Judge ``request`` by the trust policy of the role it is about.

    :returns: the verdict, and for ALLOW all the ways in which allowing statements named the caller.
    """
    matches: set[PrincipalMatch] = set()
    for statement in policy.statements:
        match = _principal_match(statement, requester)
        if match is None or not statement_covers(policy, statement, request):
            continue
        if not statement.allows:
            return Decision.EXPLICIT_DENY, frozenset()
        matches.add(match)
    return (Decision.ALLOW if matches else Decision.IMPLICIT_DENY), frozenset(matches)


def authorize_assume_role(
    requester: Requester,
    request: AccessRequest,
    *,
    role_account: str,
    trust: Policy,
    identity: Sequence[Policy],
    boundaries: Sequence[Sequence[Policy]] = (),
) -> Decision:
    """Judge an AssumeRole request by every policy that has a say.

    In the role's own account a trust policy that names the caller is enough; one that names the account leaves the
    choice to the caller's identity policies. From another account both sides must allow. Boundaries (permissions
    boundaries and session policies, each a set that must allow) limit identity policies and grants to a role, but no
    grant that names the user or the session itself.
    """
    verdict, matches = evaluate_trust_policy(trust, requester, request)
    identity_verdict = evaluate_identity_policies(identity, request)
    limits = [evaluate_identity_policies(boundary, request) for boundary in boundaries]
    if Decision.EXPLICIT_DENY in {verdict, identity_verdict, *limits}:
        return Decision.EXPLICIT_DENY
    if verdict is not Decision.ALLOW:
        return Decision.IMPLICIT_DENY
    within_limits = all(limit is Decision.ALLOW for limit in limits)
    by_identity = identity_verdict is Decision.ALLOW and within_limits
    if requester.account != role_account:
        return Decision.ALLOW if by_identity else Decision.IMPLICIT_DENY
    named = bool(matches & {PrincipalMatch.SESSION, PrincipalMatch.USER})
    through_role = bool(matches & {PrincipalMatch.ROLE, PrincipalMatch.ANYONE}) and within_limits
    return Decision.ALLOW if named or through_role or by_identity else Decision.IMPLICIT_DENY


def statement_covers(policy: Policy, statement: Statement, request: AccessRequest) -> bool:
    """Tell whether a statement is about ``request``: action, resource (in identity policies) and conditions."""
    action = request.action.lower()
    if any(wildcard_match(pattern, action) for pattern in statement.actions) == statement.not_actions:
        return False
    if statement.principals is None:
        patterns = statement.resources
        if policy.has_variables:
            patterns = tuple(substitute(pattern, request.context) for pattern in patterns)
        if any(wildcard_match(pattern, request.resource) for pattern in patterns) == statement.not_resources:
            return False
    return all(condition.holds(request.context, variables=policy.has_variables) for condition in statement.conditions)


def _principal_match(statement: Statement, requester: Requester) -> PrincipalMatch | None:
    if statement.principals is None:
        return None
    matches = [_one_principal(value, requester) for value in statement.principals.get("AWS", ())]
    if statement.not_principals:
        return PrincipalMatch.ANYONE if not any(matches) else None
    order = list(PrincipalMatch)
    return min((match for match in matches if match), key=order.index, default=None)


def _one_principal(value: str, requester: Requester) -> PrincipalMatch | None:
    if value == "*":
        return PrincipalMatch.ANYONE
    if value == requester.arn:
        return PrincipalMatch.USER if requester.arn == requester.principal_arn else PrincipalMatch.SESSION
    if value in {requester.principal_arn, requester.unique_id}:
        return PrincipalMatch.ROLE if requester.arn != requester.principal_arn else PrincipalMatch.USER
    if value == requester.account:
        return PrincipalMatch.ACCOUNT
    try:
        named, own = parse_arn(value), parse_arn(requester.principal_arn)
    except ValueError:
        return None
    root = Arn(own.partition, "iam", "", requester.account, "root")
    return PrincipalMatch.ACCOUNT if named == root else None


def _statement(raw: Any) -> Statement:
    if not isinstance(raw, dict):
        raise ValueError("a Statement is an object")  # noqa: TRY004  callers handle one kind of error
    unknown = sorted(raw.keys() - _STATEMENT_KEYS)
    if unknown:
        raise ValueError(f"unknown element in Statement: {unknown[0]}")
    if raw.get("Effect") not in {"Allow", "Deny"}:
        raise ValueError("Effect is Allow or Deny")
    actions, not_actions = _either(raw, "Action", "NotAction")
    if actions is None:
        raise ValueError("a Statement needs Action or NotAction")
    resources, not_resources = _either(raw, "Resource", "NotResource")
    has_principal = "Principal" in raw or "NotPrincipal" in raw
    if has_principal == (resources is not None):
        raise ValueError("a Statement needs either Resource (identity policy) or Principal (trust policy)")
    if "Principal" in raw and "NotPrincipal" in raw:
        raise ValueError("Principal and NotPrincipal exclude each other")
    return Statement(
        allows=raw["Effect"] == "Allow",
        actions=tuple(action.lower() for action in actions),
        not_actions=not_actions,
        resources=resources or (),
        not_resources=not_resources,
        principals=_principals(raw.get("Principal", raw.get("NotPrincipal"))) if has_principal else None,
        not_principals="NotPrincipal" in raw,
        conditions=parse_conditions(raw.get("Condition", {})),
    )


def _either(raw: Mapping[str, Any], name: str, negated: str) -> tuple[tuple[str, ...] | None, bool]:
    if name in raw and negated in raw:
        raise ValueError(f"{name} and {negated} exclude each other")
    if name in raw:
        return _texts(raw[name], name), False
    if negated in raw:
        return _texts(raw[negated], negated), True
    return None, False


def _texts(value: Any, name: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str) and one for one in values):
        raise ValueError(f"{name} is a text or a list of texts")
    return tuple(values)


def _principals(value: Any) -> Mapping[str, tuple[str, ...]]:
    if value == "*":
        return {"AWS": ("*",), "Federated": ("*",), "Service": ("*",), "CanonicalUser": ("*",)}
    if not isinstance(value, dict) or not value:
        raise ValueError('Principal is "*" or an object with AWS, Federated, Service or CanonicalUser')
    for kind in value:
        if kind not in {"AWS", "Federated", "Service", "CanonicalUser"}:
            raise ValueError(f"unknown kind of principal: {kind}")
    return {kind: _texts(names, f"Principal.{kind}") for kind, names in value.items()}


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key in JSON object")
    return result
