"""CreateSession: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.aws.policy_foreign import ForeignPrincipal
from eksauth.sandbox.aws.authorization import anonymous_context_of
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import RawRequest, parse_pairs
from eksauth.sandbox.aws.roles_anywhere.authentication import Presented, denied, holder_of
from eksauth.sandbox.aws.roles_anywhere.certificates import why_not_trusted
from eksauth.sandbox.aws.roles_anywhere.store import Profile, RolesAnywhere, TrustAnchor
from eksauth.sandbox.aws.roles_anywhere.subject import certificate_tags, source_identity
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import Wanted, open_role_session, trusting_role
from eksauth.sandbox.aws.sts.session_policies import SessionPolicies, parse_session_policy
from eksauth.sandbox.aws.sts.tags import SessionTags
from eksauth.sandbox.aws.wire import Answer, Moment, rest_result

SERVICE = "rolesanywhere"
_PRINCIPAL = ForeignPrincipal("Service", "rolesanywhere.amazonaws.com")
_LONGEST_ARN = 1011
_ACTIONS = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")


@dataclass(frozen=True)
class _Asked:
    role_arn: str
    profile_arn: str
    anchor_arn: str
    seconds: int | None
    session_name: str


def roles_anywhere_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for CreateSession, as its path says."""
    return (SERVICE, "CreateSession") if request.path == b"/sessions" else None


def create_session(
    request: RawRequest, state: RolesAnywhere, store: IamStore, sessions: SessionStore, *, now: float
) -> Answer:
    """Give credentials of a role to the holder of a certificate.

    :raises ServiceFault: ValidationException, ResourceNotFoundException, AccessDenied.
    """
    if request.method != "POST":
        raise ServiceFault("ValidationException", "Sessions are made with POST", 400)
    presented = holder_of(request, now=now)
    asked = _read(request)
    anchor, profile = _find(state, asked, presented)
    _check_trust(presented, anchor, state, now=now)
    if asked.role_arn not in profile.role_arns:
        raise denied(f"Unable to assume role for {asked.role_arn}: the profile does not have it")
    if asked.session_name and not profile.accepts_session_name:
        raise denied("The profile does not accept a role session name")
    leaf = presented.unverified_leaf  # trusted from here on
    tags = SessionTags(certificate_tags(leaf))
    identity = source_identity(leaf)
    given: dict[str, str | Sequence[str]] = {
        **anonymous_context_of(request, region=presented.region, now=now),
        **tags.request_context(),
        **{f"aws:PrincipalTag/{key}": value for key, value in tags.pairs},
        "aws:SourceArn": anchor.arn,
        "aws:SourceAccount": parse_arn(anchor.arn).account,
        "sts:SourceIdentity": identity,
        "sts:RoleSessionName": asked.session_name or f"{leaf.serial_number:x}",
    }
    try:
        role = trusting_role(store, asked.role_arn, _PRINCIPAL, _ACTIONS, given)
        wanted = Wanted(
            session_name=(asked.session_name or f"{leaf.serial_number:x}")[:64],
            seconds=asked.seconds if asked.seconds is not None else min(profile.seconds, role.longest),
            policies=_policies(profile),
            tags=tags,
            source_identity=identity,
        )
        result = open_role_session(store, sessions, role, wanted, now=now)
    except ServiceFault:
        raise denied(f"Unable to assume role for {asked.role_arn}") from None
    return _answer(result, asked, profile, leaf.serial_number)


def _read(request: RawRequest) -> _Asked:
    try:
        body = json.loads(request.body or b"{}")
        query = {name.decode(): value.decode() for name, value in parse_pairs(request.query)}
    except (ValueError, RecursionError):
        body, query = None, {}
    if not isinstance(body, dict):
        raise _bad("The body is not a JSON object")
    role_arn, profile_arn, anchor_arn = (
        _arn(name, body.get(name, query.get(name))) for name in ("roleArn", "profileArn", "trustAnchorArn")
    )
    seconds, session_name = body.get("durationSeconds"), body.get("roleSessionName") or ""
    if seconds is not None and (type(seconds) is not int or not 900 <= seconds <= 43200):
        raise _bad("durationSeconds lies between 900 and 43200")
    if not isinstance(session_name, str) or not _is_session_name(session_name):
        raise _bad("roleSessionName is no session name")
    return _Asked(role_arn, profile_arn, anchor_arn, seconds, session_name)


def _is_session_name(text: str) -> bool:
    return not text or (2 <= len(text) <= 64 and fields.NAME.fullmatch(text) is not None)


def _arn(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_ARN:
        raise _bad(f"{name} is missing or not an ARN")
    return value


def _find(state: RolesAnywhere, asked: _Asked, presented: Presented) -> tuple[TrustAnchor, Profile]:
    anchor, profile = state.anchors.get(asked.anchor_arn), state.profiles.get(asked.profile_arn)
    if anchor is None or parse_arn(anchor.arn).region != presented.region:
        raise ServiceFault("ResourceNotFoundException", "Trust anchor not found", 404)
    if profile is None or parse_arn(profile.arn).region != presented.region:
        raise ServiceFault("ResourceNotFoundException", "Profile not found", 404)
    if not anchor.enabled or not profile.enabled:
        raise denied("The trust anchor or the profile is disabled")
    if parse_arn(anchor.arn).account != parse_arn(profile.arn).account:
        raise denied("The trust anchor and the profile are of different accounts")
    return anchor, profile


def _check_trust(presented: Presented, anchor: TrustAnchor, state: RolesAnywhere, *, now: float) -> None:
    leaf = presented.unverified_leaf
    reason = why_not_trusted(leaf, presented.unverified_chain, anchor.certificates, now=now)
    if reason is None and (anchor.arn, leaf.serial_number) in state.revoked:
        reason = "Certificate revoked"
    if reason is not None:
        raise denied(reason)


def _policies(profile: Profile) -> SessionPolicies:
    inline = (parse_session_policy(profile.session_policy),) if profile.session_policy else ()
    return SessionPolicies(profile.session_policy, profile.managed_policy_arns, inline)


def _answer(result: Mapping[str, Any], asked: _Asked, profile: Profile, serial_number: int) -> Answer:
    keys, user = result["Credentials"], result["AssumedRoleUser"]
    ends: Moment = keys["Expiration"]
    own = parse_arn(profile.arn)
    subject = f"arn:{own.partition}:{SERVICE}:{own.region}:{own.account}:subject/{serial_number:x}"
    one = {
        "assumedRoleUser": {"arn": user["Arn"], "assumedRoleId": user["AssumedRoleId"]},
        "credentials": {
            "accessKeyId": keys["AccessKeyId"],
            "secretAccessKey": keys["SecretAccessKey"],
            "sessionToken": keys["SessionToken"],
            "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends.seconds)),
        },
        "packedPolicySize": result["PackedPolicySize"] or 0,
        "roleArn": asked.role_arn,
        "sourceIdentity": result["SourceIdentity"],
    }
    return rest_result({"credentialSet": [one], "subjectArn": subject}, 201)


def _bad(message: str) -> ServiceFault:
    return ServiceFault("ValidationException", message, 400)
