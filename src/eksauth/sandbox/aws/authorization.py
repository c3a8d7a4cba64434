"""May this caller do that? Identity policies, boundaries and session policies, with AWS's own refusal text."""

from __future__ import annotations

import time
from collections.abc import Sequence

from eksauth.aws.policy import AccessRequest, Decision, Policy, evaluate_identity_policies
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import RawRequest


def policies_of(caller: Caller, store: IamStore) -> tuple[list[Policy], list[Sequence[Policy]]]:
    """Return (identity policies, sets of limiting policies that must each allow as well)."""
    limits: list[Sequence[Policy]] = []
    if caller.is_role:
        identity, boundary = store.role_policies(caller.account, caller.user_id.partition(":")[0])
        if boundary is not None:
            limits.append(boundary)
    else:
        identity = store.user_policies(caller.account, caller.name)
    if caller.session_policies:
        limits.append(caller.session_policies)
    return identity, limits


def authorize(caller: Caller, store: IamStore, action: str, resource: str, context: dict[str, str]) -> None:
    """Return when ``caller`` may do ``action`` on ``resource``.

    :raises ServiceFault: AccessDenied, saying which kind of policy is the reason.
    """
    identity, limits = policies_of(caller, store)
    request = AccessRequest(action, resource, context)
    kinds = ["identity-based policy"] + ["permissions boundary" if limit else "" for limit in limits]
    if caller.session_policies:
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


def context_of(request: RawRequest, caller: Caller, *, region: str, now: float) -> dict[str, str]:
    """Return the condition keys that every signed request has."""
    context = {
        "aws:PrincipalArn": caller.principal_arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": "AssumedRole" if caller.is_role else "User",
        "aws:userid": caller.user_id,
        "aws:SourceIp": request.source_ip,
        "aws:UserAgent": request.header("user-agent"),
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": region,
        "aws:EpochTime": str(int(now)),
        "aws:CurrentTime": _iso(now),
    }
    if not caller.is_role:
        context["aws:username"] = caller.name
    if caller.mfa is not None:
        context["aws:MultiFactorAuthPresent"] = "true" if caller.mfa else "false"
    if caller.is_temporary:
        context["aws:TokenIssueTime"] = _iso(caller.issued_at)
        if caller.mfa:
            context["aws:MultiFactorAuthAge"] = str(int(now - caller.issued_at))
    return context


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
