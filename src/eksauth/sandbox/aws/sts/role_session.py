"""What every way into a role ends with: a session of the role, and its credentials in the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.aws.policy import AccessRequest, Policy, parse_policy
from eksauth.aws.policy_foreign import ForeignPrincipal, all_allowed
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller, Session
from eksauth.sandbox.aws.sessions import SessionStore, new_access_key_id
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.session_policies import SessionPolicies, packed_size
from eksauth.sandbox.aws.sts.tags import SessionTags
from eksauth.sandbox.aws.wire import Moment

_DEFAULT_SECONDS = 3600


@dataclass(frozen=True)
class Role:
    """A role that somebody wants to become.

    :param longest: its MaxSessionDuration in seconds.
    """

    arn: str
    name: str
    unique_id: str
    account: str
    partition: str
    longest: int
    trust: Policy


@dataclass(frozen=True)
class Wanted:
    """The session that is asked for, with everything that it is going to carry.

    :param federation: condition keys that tell later requests where the session came from.
    :param own_tags: the tags of this request alone, which count for the packed size; None means all of them.
    """

    session_name: str
    seconds: int | None = None
    policies: SessionPolicies = field(default_factory=SessionPolicies)
    tags: SessionTags = field(default_factory=SessionTags)
    source_identity: str = ""
    federation: tuple[tuple[str, str], ...] = ()
    is_chained: bool = False


def find_role(store: IamStore, arn: str) -> Role | None:
    """Return the role of an ARN; None when there is none, it lies under another path or its trust is unusable."""
    account = parse_arn(arn).account
    found = store.find_role(account, arn.rpartition("/")[2])
    partition = store.partition_of(account)
    if found is None or found.arn != arn or partition is None:
        return None
    try:
        trust = parse_policy(found.assume_role_policy_document)
    except ValueError:
        return None
    longest = int(found.max_session_duration or _DEFAULT_SECONDS)
    return Role(arn, found.name, found.id, account, partition, longest, trust)


def trusting_role(
    store: IamStore,
    arn: str,
    principal: ForeignPrincipal,
    actions: Sequence[str],
    context: Mapping[str, str | Sequence[str]],
) -> Role:
    """Return a role whose trust policy lets ``principal`` do all of ``actions``.

    :raises ServiceFault: AccessDenied, also for a role that does not exist.
    """
    role = find_role(store, arn)
    requests = [AccessRequest(action, arn, context) for action in actions]
    refused = actions[0] if role is None else all_allowed(role.trust, principal, requests)
    if role is None or refused is not None:
        raise ServiceFault("AccessDenied", f"Not authorized to perform {refused}", 403)
    return role


def check_duration(role: Role, seconds: int | None) -> None:
    """Check a wish against the role's limit.

    :raises ServiceFault: ValidationError.
    """
    if seconds is not None and seconds > role.longest:
        raise fields.invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def open_role_session(
    store: IamStore, sessions: SessionStore, role: Role, wanted: Wanted, *, now: float
) -> Mapping[str, Any]:
    """Open a session and return what all answers about it have in common.

    :raises ServiceFault: ValidationError, PackedPolicyTooLarge.
    """
    check_duration(role, wanted.seconds)
    limits = wanted.policies.resolve(store, role.account)
    size = packed_size(wanted.policies, wanted.tags)
    access_key_id = new_access_key_id("ASIA", role.account)
    caller = Caller(
        access_key_id=access_key_id,
        arn=f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/{wanted.session_name}",
        user_id=f"{role.unique_id}:{wanted.session_name}",
        account=role.account,
        partition=role.partition,
        principal_arn=role.arn,
        name=role.name,
        is_role=True,
        is_temporary=True,
        mfa=False,
        session_policies=limits,
        issued_at=now,
        session_tags=wanted.tags,
        source_identity=wanted.source_identity,
        federation=wanted.federation,
        is_chained=wanted.is_chained,
    )
    seconds = wanted.seconds if wanted.seconds is not None else min(_DEFAULT_SECONDS, role.longest)
    session = sessions.open(access_key_id=access_key_id, expires_at=now + seconds, caller=caller)
    return {
        "AssumedRoleUser": {"AssumedRoleId": caller.user_id, "Arn": caller.arn},
        "Credentials": credentials(session),
        "PackedPolicySize": size,
        "SourceIdentity": wanted.source_identity or None,
    }


def credentials(session: Session) -> Mapping[str, Any]:
    """Return a session's credentials as answers hold them."""
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": Moment(session.expires_at),
    }
