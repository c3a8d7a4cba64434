"""May this caller do that? Identity policies, boundaries and session policies, with AWS's own refusal text."""

from __future__ import annotations

import time
from collections.abc import Sequence

from eksauth.aws.policy import AccessRequest, Decision, Policy, evaluate_identity_policies, parse_policy
from eksauth.aws.policy_conditions import Context
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import RawRequest

_EVERYTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


def policies_of(caller: Caller, store: IamStore) -> tuple[list[Policy], list[Sequence[Policy]]]:
    """Return (identity policies, sets of limiting policies that must each allow as well)."""
    limits: list[Sequence[Policy]] = []
    if caller.is_root:
        # what a task policy does not deny, the root user may do
        return [parse_policy(_EVERYTHING), *caller.session_policies], limits
    if caller.is_role:
        identity, boundary = store.role_policies(caller.account, caller.user_id.partition(":")[0])
        if boundary is not None:
            limits.append(boundary)
    else:
        identity = store.user_policies(caller.account, caller.name)
    if caller.session_policies or caller.is_federated_user:
        # a federated user without session policies may do nothing: what both allow is nothing
        limits.append(caller.session_policies)
    return identity, limits


def authorize(caller: Caller, store: IamStore, action: str, resource: str, context: Context) -> None:
    """Return when ``caller`` may do ``action`` on ``resource``.

    :raises ServiceFault: AccessDenied, saying which kind of policy is the reason.
    """
    identity, limits = policies_of(caller, store)
    request = AccessRequest(action, resource, context)
    kinds = ["identity-based policy"] + ["permissions boundary" if limit else "" for limit in limits]
    if limits and (caller.session_policies or caller.is_federated_user):
        kinds[-1] = "session policy"
    verdicts = [evaluate_identity_policies(policies, request) for policies in (identity, *limits)]
    refusal = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
    for verdict, kind in zip(verdicts, kinds, strict=True):
        if verdict is Decision.EXPLICIT_DENY:
            article = "an" if kind.startswith("identity") else "a"
            raise ServiceFault("AccessDenied", f"{refusal} with an explicit deny in {article} {kind}", 403)
    for verdict, kind in zip(verdicts, kinds, strict=True):
        if verdict is not Decision.ALLOW:
            raise ServiceFault("AccessDenied", f"{refusal} because no {kind} allows the {action} action", 403)


def anonymous_context_of(request: RawRequest, *, region: str, now: float) -> dict[str, str]:
    """Return the condition keys that every request has, signed or not."""
    return {
        "aws:SourceIp": request.source_ip,
        "aws:UserAgent": request.header("user-agent"),
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": region,
        "aws:EpochTime": str(int(now)),
        "aws:CurrentTime": _iso(now),
    }


def context_of(request: RawRequest, caller: Caller, store: IamStore, *, region: str, now: float) -> dict[str, str]:
    """Return the condition keys that every signed request has."""
    tags = store.principal_tags(caller.account, caller.principal_arn) | dict(caller.session_tags.pairs)
    context = {
        **anonymous_context_of(request, region=region, now=now),
        "aws:PrincipalArn": caller.principal_arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": _kind(caller),
        "aws:userid": caller.user_id,
    }
    if caller.is_user:
        context["aws:username"] = caller.name
    if caller.source_identity:
        context["aws:SourceIdentity"] = caller.source_identity
    context |= {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
    context |= dict(caller.federation)
    if caller.mfa is not None:
        context["aws:MultiFactorAuthPresent"] = "true" if caller.mfa else "false"
    if caller.is_temporary:
        context["aws:TokenIssueTime"] = _iso(caller.issued_at)
        if caller.mfa:
            context["aws:MultiFactorAuthAge"] = str(int(now - caller.issued_at))
    return context


def _kind(caller: Caller) -> str:
    if caller.is_root:
        return "Account"
    if caller.is_federated_user:
        return "FederatedUser"
    return "AssumedRole" if caller.is_role else "User"


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
