"""From a signed request to a verified caller."""

from __future__ import annotations

import hmac

from eksauth.aws.access_keys import unverified_account_of
from eksauth.aws.partitions import partition_of_region
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.signature import Authentication, check_scope_and_time, check_signature

_SKEW_MINUTES = {"sts": 15, "iam": 15}
_OTHER_SKEW_MINUTES = 5


def identify(
    request: RawRequest, claim: Authentication, store: IamStore, sessions: SessionStore, *, now: float
) -> Caller:
    """Verify the signature of a request and return who made it.

    :raises ServiceFault: SignatureDoesNotMatch, IncompleteSignature, InvalidClientTokenId, ExpiredToken.
    """
    check_scope_and_time(request, claim, now=now, minutes=_SKEW_MINUTES.get(claim.service, _OTHER_SKEW_MINUTES))
    secret, caller = _find(claim, store, sessions, now=now)
    partition = partition_of_region(claim.region)
    if partition is None or partition.name != caller.partition:
        raise _unknown()
    check_signature(request, claim, secret)
    return caller


def _find(claim: Authentication, store: IamStore, sessions: SessionStore, *, now: float) -> tuple[str, Caller]:
    session = sessions.get(claim.access_key_id)
    if session is not None:
        given = (claim.session_token or "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, session.session_token.encode()):
            raise _unknown()
        if session.expires_at <= now:
            raise ServiceFault("ExpiredToken", "The security token included in the request is expired", 403)
        return session.secret_access_key, session.caller
    unverified_account = unverified_account_of(claim.access_key_id)
    key = store.find_key(claim.access_key_id, unverified_account) if unverified_account else None
    if key is None or unverified_account is None or not key.active or claim.session_token is not None:
        raise _unknown()
    caller = Caller(
        access_key_id=claim.access_key_id,
        arn=key.user_arn,
        user_id=key.user_id,
        account=unverified_account,
        partition=key.partition,
        principal_arn=key.user_arn,
        name=key.user_name,
        is_role=False,
        is_temporary=False,
    )
    return key.secret_access_key, caller


def _unknown() -> ServiceFault:
    # AWS gives one answer to unknown, deleted and deactivated keys, wrong tokens and keys of another partition
    return ServiceFault("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
