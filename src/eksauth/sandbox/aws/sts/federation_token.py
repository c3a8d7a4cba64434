"""GetFederationToken: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eksauth.sandbox.aws.authorization import authorize
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore, new_access_key_id
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import credentials
from eksauth.sandbox.aws.sts.session_policies import packed_size, read_session_policies
from eksauth.sandbox.aws.sts.tags import read_tags

_DEFAULT_SECONDS = 43200


def federation_token(
    parameters: Parameters,
    caller: Caller,
    context: Mapping[str, str | Sequence[str]],
    store: IamStore,
    sessions: SessionStore,
    *,
    now: float,
) -> Mapping[str, Any]:
    """Give a federated user what the calling user may do and the session policies allow.

    :raises ServiceFault: AccessDenied, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge.
    """
    if caller.is_temporary:
        raise ServiceFault("AccessDenied", "Cannot call GetFederationToken with session credentials", 403)
    name = fields.required(parameters, "Name", least=2, most=32)
    fields.check_pattern(name, "Name", fields.NAME)
    seconds = fields.duration(parameters, most=129600)
    policies = read_session_policies(parameters)
    tags = read_tags(parameters)
    arn = f"arn:{caller.partition}:sts::{caller.account}:federated-user/{name}"
    given = {**context, **tags.request_context()}
    authorize(caller, store, "sts:GetFederationToken", arn, given)
    if tags.pairs:
        authorize(caller, store, "sts:TagSession", arn, given)
    size = packed_size(policies, tags)
    access_key_id = new_access_key_id("ASIA", caller.account)
    session = sessions.open(
        access_key_id=access_key_id,
        expires_at=now + (seconds if seconds is not None else _DEFAULT_SECONDS),
        caller=replace(
            caller,
            access_key_id=access_key_id,
            arn=arn,
            user_id=f"{caller.account}:{name}",
            principal_arn=arn,
            is_federated_user=True,
            is_temporary=True,
            mfa=False,
            session_policies=policies.resolve(store, caller.account),
            session_tags=tags,
            issued_at=now,
        ),
    )
    return {
        "Credentials": credentials(session),
        "FederatedUser": {"FederatedUserId": session.caller.user_id, "Arn": arn},
        "PackedPolicySize": size,
    }
