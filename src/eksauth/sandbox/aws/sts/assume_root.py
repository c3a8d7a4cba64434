"""AssumeRoot: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eksauth.sandbox.aws.authorization import authorize
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.organization import Organization
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore, new_access_key_id
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import credentials

TASKS = (
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
)
"""The policies, below ``policy/root-task/``, that a task may be limited to."""

_SECONDS = 900
_TARGET = re.compile(r"(?:arn:[a-z0-9-]+:iam::)?([0-9]{12})(?::root)?")


def assume_root(
    parameters: Parameters,
    caller: Caller,
    context: Mapping[str, str | Sequence[str]],
    store: IamStore,
    sessions: SessionStore,
    organization: Organization,
    *,
    now: float,
) -> Mapping[str, Any]:
    """Let ``caller`` be the root user of a member account for one task, for fifteen minutes at most.

    :raises ServiceFault: ValidationError, AccessDenied.
    """
    target = _target(fields.required(parameters, "TargetPrincipal", least=12, most=2048))
    policy_arn = parameters.get("TaskPolicyArn.arn")
    if policy_arn is None:
        raise fields.null("taskPolicyArn")
    seconds = fields.duration(parameters, least=0, most=_SECONDS)
    if policy_arn not in {f"arn:{caller.partition}:iam::aws:policy/root-task/{task}" for task in TASKS}:
        raise fields.invalid(f"The task policy {policy_arn[:256]} is not one of the managed root task policies")
    arn = f"arn:{caller.partition}:iam::{target}:root"
    authorize(caller, store, "sts:AssumeRoot", arn, {**context, "sts:TaskPolicyArn": policy_arn})
    policies = tuple(store.managed_policies(target, [policy_arn])) if store.partition_of(target) else ()
    if not policies or caller.is_root or not organization.may_be_root_of(caller.account, target):
        raise ServiceFault(
            "AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRoot on resource: {arn}", 403
        )
    access_key_id = new_access_key_id("ASIA", target)
    session = sessions.open(
        access_key_id=access_key_id,
        expires_at=now + (seconds if seconds is not None else _SECONDS),
        caller=Caller(
            access_key_id=access_key_id,
            arn=arn,
            user_id=target,
            account=target,
            partition=caller.partition,
            principal_arn=arn,
            name="",
            is_role=False,
            is_temporary=True,
            mfa=False,
            session_policies=policies,
            issued_at=now,
            is_root=True,
            source_identity=caller.source_identity,
        ),
    )
    return {"Credentials": credentials(session), "SourceIdentity": caller.source_identity or None}


def _target(text: str) -> str:
    found = _TARGET.fullmatch(text)
    if found is None or text.startswith("arn:") != text.endswith(":root"):
        raise fields.invalid(f"{text[:256]} is no account and no root user of one")
    return found[1]
