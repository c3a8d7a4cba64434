"""STS: which operations there are, and which function serves each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.aws.access_keys import KINDS, unverified_account_of
from eksauth.sandbox.aws.authorization import authorize
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.organization import Organization
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.assume_role import assume_role
from eksauth.sandbox.aws.sts.assume_root import assume_root
from eksauth.sandbox.aws.sts.federation_token import federation_token
from eksauth.sandbox.aws.sts.saml import assume_role_with_saml
from eksauth.sandbox.aws.sts.session_token import session_token
from eksauth.sandbox.aws.sts.web_identity import assume_role_with_web_identity

UNSIGNED = frozenset(["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"])
"""Operations that prove who asks by what they carry; a signature on them is not looked at."""

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
    federation: Federation
    organization: Organization

    def serve_unsigned(
        self, parameters: Parameters, context: Mapping[str, str | Sequence[str]], now: float
    ) -> Mapping[str, Any]:
        """Return the result of one of the operations that nobody signs.

        :raises ServiceFault: as the operation documents.
        """
        match check_action(parameters):
            case "AssumeRoleWithSAML":
                return assume_role_with_saml(parameters, context, self.store, self.sessions, now=now)
            case "AssumeRoleWithWebIdentity":
                issuers = self.federation.issuers
                return assume_role_with_web_identity(parameters, context, self.store, self.sessions, issuers, now=now)
            case _:
                raise ServiceFault("MissingAuthenticationToken", "Request is missing Authentication Token", 403)

    def serve(
        self, parameters: Parameters, caller: Caller, context: Mapping[str, str | Sequence[str]], now: float
    ) -> Mapping[str, Any]:
        """Return the result of one verified request.

        :raises ServiceFault: as the operation documents, and InvalidAction.
        """
        action = check_action(parameters)
        if caller.is_federated_user and action != "GetCallerIdentity":
            # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html, Permissions
            raise ServiceFault("AccessDenied", f"Cannot call {action} with federation credentials", 403)
        match action:
            case "GetCallerIdentity":
                # allowed whatever policies say: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
                return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}
            case "AssumeRole":
                return assume_role(parameters, caller, context, self.store, self.sessions, now=now)
            case "AssumeRoot":
                return assume_root(parameters, caller, context, self.store, self.sessions, self.organization, now=now)
            case "GetSessionToken":
                return session_token(parameters, caller, self.store, self.sessions, now=now)
            case "GetFederationToken":
                return federation_token(parameters, caller, context, self.store, self.sessions, now=now)
            case "GetAccessKeyInfo":
                authorize(caller, self.store, "sts:GetAccessKeyInfo", "*", context)
                return {"Account": _account_of(parameters.get("AccessKeyId") or "")}
            case _:
                raise ServiceFault("NotImplemented", f"the sandbox does not implement sts:{action}", 501)


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


def _account_of(access_key_id: str) -> str:
    account = unverified_account_of(access_key_id) if access_key_id[:4] in KINDS else None
    if account is None or not 16 <= len(access_key_id) <= 128:
        raise fields.invalid("Invalid access key")
    return account
