"""GetSessionToken: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore, new_access_key_id
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import credentials
from eksauth.sandbox.aws.sts.second_factor import check_mfa

_DEFAULT_SECONDS = 43200


def session_token(
    parameters: Parameters, caller: Caller, store: IamStore, sessions: SessionStore, *, now: float
) -> Mapping[str, Any]:
    """Give a user temporary credentials for what it is already.

    :raises ServiceFault: AccessDenied, ValidationError.
    """
    if caller.is_temporary:
        raise ServiceFault("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = fields.duration(parameters, most=129600)
    serial = parameters.get("SerialNumber")
    if serial is not None:
        check_mfa(serial, parameters.get("TokenCode"), caller, store, now=now)
    access_key_id = new_access_key_id("ASIA", caller.account)
    session = sessions.open(
        access_key_id=access_key_id,
        expires_at=now + (seconds if seconds is not None else _DEFAULT_SECONDS),
        caller=replace(caller, access_key_id=access_key_id, is_temporary=True, mfa=serial is not None, issued_at=now),
    )
    return {"Credentials": credentials(session)}
