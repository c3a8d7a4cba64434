"""The STS API: who am I, and other identities for a while."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eksauth.aws.access_keys import KINDS, unverified_account_of
from eksauth.aws.arn import parse_arn
from eksauth.aws.policy import AccessRequest, Decision, Policy, authorize_assume_role, parse_policy
from eksauth.sandbox.aws.authorization import authorize, policies_of
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.mfa import is_current_code
from eksauth.sandbox.aws.model import Caller, Session
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore, new_access_key_id
from eksauth.sandbox.aws.wire import Moment

_ROLE_ARN = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]*", re.ASCII)
_UNSUPPORTED = ("Tags.", "TransitiveTagKeys.", "SourceIdentity", "ProvidedContexts.")
_ALL_ACTIONS = frozenset(
    [
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        "AssumeRoot",
        "DecodeAuthorizationMessage",
        "GetAccessKeyInfo",
        "GetCallerIdentity",
        "GetDelegatedAccessToken",
        "GetFederationToken",
        "GetSessionToken",
        "GetWebIdentityToken",
    ]
)


@dataclass(frozen=True)
class Sts:
    """STS over one set of accounts."""

    store: IamStore
    sessions: SessionStore

    def serve(self, parameters: Parameters, caller: Caller, context: dict[str, str], now: float) -> Mapping[str, Any]:
        """Return the result of one verified request.

        :raises ServiceFault: as the operation documents, and InvalidAction.
        """
        action = check_action(parameters)
        match action:
            case "GetCallerIdentity":
                # allowed whatever policies say: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
                return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}
            case "AssumeRole":
                return self._assume_role(parameters, caller, context, now)
            case "GetSessionToken":
                return self._session_token(parameters, caller, now)
            case "GetAccessKeyInfo":
                authorize(caller, self.store, "sts:GetAccessKeyInfo", "*", context)
                return {"Account": _account_of(parameters.get("AccessKeyId") or "")}
            case _:
                raise ServiceFault("NotImplemented", f"the sandbox does not implement sts:{action}", 501)

    def _assume_role(
        self, parameters: Parameters, caller: Caller, context: dict[str, str], now: float
    ) -> Mapping[str, Any]:
        asked = _read_assume_role(parameters)
        chained = caller.is_role
        role_account = parse_arn(asked.role_arn).account
        context = {**context, "sts:RoleSessionName": asked.session_name}
        if asked.external_id is not None:
            context["sts:ExternalId"] = asked.external_id
        if asked.serial_number is not None:
            self._check_mfa(asked.serial_number, asked.token_code, caller, now)
            context |= {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}
        refusal = ServiceFault(
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {asked.role_arn}",
            403,
        )
        name = asked.role_arn.rpartition("/")[2]
        role = self.store.find_role(role_account, name)
        # a role that does not exist, or exists under another path, is answered like one that says no
        if role is None or role.arn != asked.role_arn:
            raise refusal
        try:
            trust = parse_policy(role.assume_role_policy_document)
        except ValueError:
            raise refusal from None
        identity, limits = policies_of(caller, self.store)
        request = AccessRequest("sts:AssumeRole", asked.role_arn, context)
        decision = authorize_assume_role(
            caller.requester, request, role_account=role_account, trust=trust, identity=identity, boundaries=limits
        )
        if decision is not Decision.ALLOW:
            raise refusal
        duration = asked.duration if asked.duration is not None else 3600
        if duration > int(role.max_session_duration or 3600):
            raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        if chained and duration > 3600:
            raise _invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        partition = self.store.partition_of(role_account) or caller.partition
        session_policies = (*asked.policies, *self.store.managed_policies(role_account, asked.policy_arns))
        if asked.policy_arns and not session_policies:
            raise _invalid("PolicyArns names no policy that exists")
        access_key_id = new_access_key_id("ASIA", role_account)
        session = self.sessions.open(
            access_key_id=access_key_id,
            expires_at=now + duration,
            caller=Caller(
                access_key_id=access_key_id,
                arn=f"arn:{partition}:sts::{role_account}:assumed-role/{role.name}/{asked.session_name}",
                user_id=f"{role.id}:{asked.session_name}",
                account=role_account,
                partition=partition,
                principal_arn=role.arn,
                name=role.name,
                is_role=True,
                is_temporary=True,
                mfa=False,
                session_policies=session_policies,
                issued_at=now,
            ),
        )
        return {
            "AssumedRoleUser": {"AssumedRoleId": session.caller.user_id, "Arn": session.caller.arn},
            "Credentials": _credentials(session),
        }

    def _session_token(self, parameters: Parameters, caller: Caller, now: float) -> Mapping[str, Any]:
        if caller.is_temporary:
            raise ServiceFault("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
        duration = _duration(parameters, most=129600)
        serial = parameters.get("SerialNumber")
        if serial is not None:
            self._check_mfa(serial, parameters.get("TokenCode"), caller, now)
        access_key_id = new_access_key_id("ASIA", caller.account)
        session = self.sessions.open(
            access_key_id=access_key_id,
            expires_at=now + (duration if duration is not None else 43200),
            caller=Caller(
                access_key_id=access_key_id,
                arn=caller.arn,
                user_id=caller.user_id,
                account=caller.account,
                partition=caller.partition,
                principal_arn=caller.principal_arn,
                name=caller.name,
                is_role=False,
                is_temporary=True,
                mfa=serial is not None,
                issued_at=now,
            ),
        )
        return {"Credentials": _credentials(session)}

    def _check_mfa(self, serial_number: str, code: str | None, caller: Caller, now: float) -> None:
        if code is None:
            raise ServiceFault(
                "AccessDenied", "MultiFactorAuthentication failed, must provide MFA one time pass code", 403
            )
        seed = None if caller.is_role else self.store.mfa_seed(caller.account, caller.name, serial_number)
        if seed is None or not is_current_code(seed, code, now=now):
            raise ServiceFault(
                "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403
            )


@dataclass(frozen=True)
class _AssumeRole:
    role_arn: str
    session_name: str
    duration: int | None
    external_id: str | None
    serial_number: str | None
    token_code: str | None
    policies: tuple[Policy, ...]
    policy_arns: list[str]


def check_action(parameters: Parameters) -> str:
    """Return the operation asked for.

    :raises ServiceFault: MissingAction or InvalidAction, as unknown operations get before anything else is looked at.
    """
    action, version = parameters.get("Action"), parameters.get("Version")
    if not action:
        raise ServiceFault("MissingAction", "Could not find operation for this request: it has no Action parameter.")
    if action not in _ALL_ACTIONS or version not in {"2011-06-15", None}:
        shown = f"{action[:64]} for version {version[:16] if version else 'NO_VERSION_SPECIFIED'}"
        raise ServiceFault("InvalidAction", f"Could not find operation {shown}")
    return action


def _read_assume_role(parameters: Parameters) -> _AssumeRole:
    for prefix in _UNSUPPORTED:
        if parameters.having_prefix(prefix):
            name = prefix.rstrip(".")
            raise ServiceFault("NotImplemented", f"the sandbox does not implement the {name} of AssumeRole", 501)
    role_arn = _required(parameters, "RoleArn", "roleArn", least=20, most=2048)
    if not _ROLE_ARN.fullmatch(role_arn):
        raise _invalid(f"{role_arn[:256]} is invalid")
    session_name = _required(parameters, "RoleSessionName", "roleSessionName", least=2, most=64)
    _check_pattern(session_name, "roleSessionName", _SESSION_NAME)
    external_id = parameters.get("ExternalId")
    if external_id is not None:
        _check_length(external_id, "externalId", least=2, most=1224)
        _check_pattern(external_id, "externalId", _EXTERNAL_ID)
    policies: tuple[Policy, ...] = ()
    text = parameters.get("Policy")
    if text is not None:
        if len(text) > 2048:
            raise ServiceFault("PackedPolicyTooLarge", "The session policy is larger than 2048 characters")
        try:
            policies = (parse_policy(text),)
        except ValueError as error:
            raise ServiceFault(
                "MalformedPolicyDocument", f"The policy is not in the valid JSON format: {error}"
            ) from None
    return _AssumeRole(
        role_arn=role_arn,
        session_name=session_name,
        duration=_duration(parameters, most=43200),
        external_id=external_id,
        serial_number=parameters.get("SerialNumber"),
        token_code=parameters.get("TokenCode"),
        policies=policies,
        policy_arns=parameters.members("PolicyArns", "arn"),
    )


def _required(parameters: Parameters, name: str, shown: str, *, least: int, most: int) -> str:
    value = parameters.get(name)
    if value is None:
        raise _invalid(
            f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint:"
            " Member must not be null"
        )
    _check_length(value, shown, least=least, most=most)
    return value


def _check_length(value: str, shown: str, *, least: int, most: int) -> None:
    if len(value) < least:
        raise _constraint(value, shown, f"length greater than or equal to {least}")
    if len(value) > most:
        raise _constraint(value, shown, f"length less than or equal to {most}")


def _check_pattern(value: str, shown: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise _invalid(
            f"1 validation error detected: Value '{value[:128]}' at '{shown}' failed to satisfy constraint:"
            f" Member must satisfy regular expression pattern: {pattern.pattern}"
        )


def _duration(parameters: Parameters, *, most: int) -> int | None:
    text = parameters.get("DurationSeconds")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ServiceFault("MalformedInput", "DurationSeconds is not a number")
    value = int(text)
    if value < 900:
        raise _constraint(text, "durationSeconds", "value greater than or equal to 900")
    if value > most:
        raise _constraint(text, "durationSeconds", f"value less than or equal to {most}")
    return value


def _constraint(value: str, shown: str, rule: str) -> ServiceFault:
    return _invalid(
        f"1 validation error detected: Value '{value[:128]}' at '{shown}' failed to satisfy constraint:"
        f" Member must have {rule}"
    )


def _invalid(message: str) -> ServiceFault:
    return ServiceFault("ValidationError", message)


def _account_of(access_key_id: str) -> str:
    account = unverified_account_of(access_key_id) if access_key_id[:4] in KINDS else None
    if account is None or not 16 <= len(access_key_id) <= 128:
        raise _invalid("Invalid access key")
    return account


def _credentials(session: Session) -> Mapping[str, Any]:
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": Moment(session.expires_at),
    }
