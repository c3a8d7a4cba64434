"""AssumeRole: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.aws.policy import AccessRequest, Decision, authorize_assume_role
from eksauth.sandbox.aws.authorization import policies_of
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import Role, Wanted, find_role, open_role_session
from eksauth.sandbox.aws.sts.second_factor import check_mfa
from eksauth.sandbox.aws.sts.session_policies import SessionPolicies, read_session_policies
from eksauth.sandbox.aws.sts.source_identity import read_source_identity
from eksauth.sandbox.aws.sts.tags import SessionTags, read_tags

_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]*", re.ASCII)
_CHAINED_SECONDS = 3600


@dataclass(frozen=True)
class _Asked:
    role_arn: str
    session_name: str
    duration: int | None
    external_id: str | None
    serial_number: str | None
    token_code: str | None
    policies: SessionPolicies
    tags: SessionTags
    source_identity: str


def assume_role(
    parameters: Parameters,
    caller: Caller,
    context: Mapping[str, str | Sequence[str]],
    store: IamStore,
    sessions: SessionStore,
    *,
    now: float,
) -> Mapping[str, Any]:
    """Let ``caller`` become a role for a while.

    :raises ServiceFault: ValidationError, InvalidParameterValue, MalformedPolicyDocument, PackedPolicyTooLarge,
        AccessDenied.
    """
    asked = _read(parameters, caller)
    if caller.is_root and not caller.is_temporary:
        raise ServiceFault("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    given: dict[str, str | Sequence[str]] = {**context, "sts:RoleSessionName": asked.session_name}
    given |= asked.tags.request_context()
    if asked.source_identity:
        given["sts:SourceIdentity"] = asked.source_identity
    if asked.external_id is not None:
        given["sts:ExternalId"] = asked.external_id
    if asked.serial_number is not None:
        check_mfa(asked.serial_number, asked.token_code, caller, store, now=now)
        given |= {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}
    role = find_role(store, asked.role_arn)
    actions = ["sts:AssumeRole"]
    if asked.tags.pairs:
        actions.append("sts:TagSession")
    if asked.source_identity:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        # a role that does not exist, or exists under another path, is answered like one that says no
        if role is None or not _allowed(caller, store, role, AccessRequest(action, asked.role_arn, given)):
            raise _refusal(caller, action, asked.role_arn)
    if role is None:  # said above already, for the type checker
        raise _refusal(caller, "sts:AssumeRole", asked.role_arn)
    if caller.is_role and asked.duration is not None and role.longest >= asked.duration > _CHAINED_SECONDS:
        raise fields.invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    wanted = Wanted(
        session_name=asked.session_name,
        seconds=asked.duration,
        policies=asked.policies,
        tags=asked.tags,
        source_identity=asked.source_identity,
        is_chained=caller.is_role,
    )
    return open_role_session(store, sessions, role, wanted, now=now)


def _allowed(caller: Caller, store: IamStore, role: Role, request: AccessRequest) -> bool:
    identity, limits = policies_of(caller, store)
    decision = authorize_assume_role(
        caller.requester, request, role_account=role.account, trust=role.trust, identity=identity, boundaries=limits
    )
    return decision is Decision.ALLOW


def _refusal(caller: Caller, action: str, role_arn: str) -> ServiceFault:
    return ServiceFault(
        "AccessDenied", f"User: {caller.arn} is not authorized to perform: {action} on resource: {role_arn}", 403
    )


def _read(parameters: Parameters, caller: Caller) -> _Asked:
    if parameters.having_prefix("ProvidedContexts."):
        raise ServiceFault("NotImplemented", "the sandbox does not implement the ProvidedContexts of AssumeRole", 501)
    arn = fields.role_arn(parameters)
    name = fields.session_name(parameters)
    return _Asked(
        role_arn=arn,
        session_name=name,
        duration=fields.duration(parameters, most=43200),
        external_id=fields.optional(parameters, "ExternalId", least=2, most=1224, pattern=_EXTERNAL_ID),
        serial_number=parameters.get("SerialNumber"),
        token_code=parameters.get("TokenCode"),
        policies=read_session_policies(parameters),
        tags=read_tags(parameters).joined(caller.session_tags.inherited()),
        source_identity=read_source_identity(parameters, caller),
    )
