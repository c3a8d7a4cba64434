"""The second factor of AssumeRole and GetSessionToken."""

from __future__ import annotations

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.mfa import is_current_code
from eksauth.sandbox.aws.model import Caller


def check_mfa(serial_number: str, code: str | None, caller: Caller, store: IamStore, *, now: float) -> None:
    """Check the code of a device of the calling user.

    :raises ServiceFault: AccessDenied.
    """
    if code is None:
        raise ServiceFault("AccessDenied", "MultiFactorAuthentication failed, must provide MFA one time pass code", 403)
    seed = store.mfa_seed(caller.account, caller.name, serial_number) if caller.is_user else None
    if seed is None or not is_current_code(seed, code, now=now):
        raise ServiceFault(
            "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403
        )
