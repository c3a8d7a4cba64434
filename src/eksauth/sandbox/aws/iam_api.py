"""The IAM API: our own verification and authorization in front, moto's operations behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from moto.core.request import Request
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model
from moto.iam.responses import IamResponse

from eksauth.aws.policy import parse_policy
from eksauth.sandbox.aws.authorization import authorize
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.saml_metadata import parse_metadata
from eksauth.sandbox.aws.iam import IamStore, harden_key
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import new_access_key_id
from eksauth.sandbox.aws.wire import Answer

_log = logging.getLogger(__name__)

_OWN_USER = frozenset(
    [
        "ChangePassword",
        "CreateAccessKey",
        "DeleteAccessKey",
        "GetUser",
        "ListAccessKeys",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListSigningCertificates",
        "UpdateAccessKey",
    ]
)
"""Operations whose UserName, when left out, is the caller's."""

_RESOURCE_PARAMETERS = (
    ("PolicyArn", ""),
    ("OpenIDConnectProviderArn", ""),
    ("RoleName", "role"),
    ("UserName", "user"),
    ("GroupName", "group"),
    ("InstanceProfileName", "instance-profile"),
)


class _Response(IamResponse):
    """moto's IAM operations, told by us which account they work on instead of guessing it from headers."""

    def __init__(self, store: IamStore, caller: Caller) -> None:
        super().__init__()
        self._store = store
        self._caller = caller

    def get_current_account(self) -> str:
        return self._caller.account

    def get_region_from_url(self, request: Any, full_url: str) -> str:  # noqa: ARG002  the parent's signature
        # moto turns the pseudo region into the partition of everything it creates
        return {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(self._caller.partition, "us-east-1")

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        clients = self._client_ids()
        wanted = self._get_param("ClientID")
        if wanted not in clients:
            clients.append(wanted)
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        clients = self._client_ids()
        clients[:] = [one for one in clients if one != self._get_param("ClientID")]
        return EmptyResult()

    def _client_ids(self) -> list[str]:
        found = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
        clients: list[str] = found.client_id_list
        return clients

    def create_user(self) -> ActionResult:
        result = super().create_user()
        self.backend.get_user(self._get_param("UserName")).id = new_access_key_id("AIDA", self._caller.account) + "A"
        return result

    def create_access_key(self) -> ActionResult:
        result: ActionResult = super().create_access_key()
        harden_key(self.backend, result.result["AccessKey"])  # type: ignore[index, unused-ignore]
        return result


def serve_iam(parameters: Parameters, caller: Caller, store: IamStore, context: dict[str, str]) -> Answer:
    """Answer one verified IAM request.

    :raises ServiceFault: AccessDenied, ValidationError, InvalidAction.
    """
    action = parameters.get("Action") or ""
    if not action.isalnum() or not _is_operation(action):
        raise ServiceFault("InvalidAction", f"Could not find operation {action[:64]} for version 2010-05-08")
    fields = parameters.as_dict()
    if action in _OWN_USER and "UserName" not in fields:
        if caller.is_root:
            raise ServiceFault("NotImplemented", "the sandbox has no credentials of root users to look at", 501)
        if not caller.is_user:
            raise ServiceFault("ValidationError", "Must specify userName when calling with non-User credentials")
        fields["UserName"] = caller.name
    authorize(caller, store, f"iam:{action}", _resource(fields, caller, store), context)
    _check_input(action, fields)
    moto_request: Any = Request.from_values(
        method="POST",
        base_url="https://iam.amazonaws.com/",
        data=fields,
        headers={"Authorization": f"AWS4-HMAC-SHA256 Credential={caller.access_key_id}/-/us-east-1/iam/aws4_request"},
    )
    with store.opened():
        try:
            status, headers, body = _Response(store, caller)._dispatch(moto_request)  # noqa: SLF001  moto's one entry point
        except NotImplementedError:
            raise ServiceFault("NotImplemented", f"moto does not implement iam:{action}", 501) from None
        except Exception as error:
            # the request may hold a secret, so only the kind of trouble is logged
            _log.warning("moto failed in iam:%s with %s", action, type(error).__name__)
            raise ServiceFault(
                "ValidationError", f"The request for {action} lacks a parameter or holds one that moto cannot read"
            ) from error
    text = body if isinstance(body, bytes) else str(body).encode()
    return Answer(int(status), text, str(headers.get("Content-Type", "text/xml")), {}, "" if status < 400 else "moto")


def _is_operation(action: str) -> bool:
    return action in get_service_model("iam").operation_names


def _check_input(action: str, fields: dict[str, str]) -> None:
    # moto takes a missing parameter for None and stores policies unread; IAM refuses both
    shape = get_service_model("iam").operation_model(action).input_shape
    for name in shape.required_members if shape else ():
        if not any(given == name or given.startswith(f"{name}.") for given in fields):
            raise ServiceFault(
                "ValidationError",
                f"1 validation error detected: Value null at '{name[:1].lower()}{name[1:]}' failed to satisfy"
                " constraint: Member must not be null",
            )
    _check_provider(fields)
    for name in ("AssumeRolePolicyDocument", "PolicyDocument"):
        if name in fields:
            _check_document(fields[name], is_trust=name != "PolicyDocument" or action == "UpdateAssumeRolePolicy")


def _check_provider(fields: dict[str, str]) -> None:
    # moto takes any text for metadata and any scheme for an issuer
    if "SAMLMetadataDocument" in fields:
        try:
            parse_metadata(fields["SAMLMetadataDocument"])
        except ValueError:
            raise ServiceFault("InvalidInput", "Could not parse metadata") from None
    if not fields.get("Url", "https://").startswith("https://"):
        raise ServiceFault("ValidationError", "Invalid Open ID Connect Provider URL")


def _check_document(text: str, *, is_trust: bool) -> None:
    try:
        policy = parse_policy(text)
    except ValueError as error:
        raise ServiceFault("MalformedPolicyDocument", f"This policy contains invalid Json: {error}") from None
    if any((statement.principals is not None) != is_trust for statement in policy.statements):
        wanted = "must contain a principal" if is_trust else "should not specify a principal"
        raise ServiceFault("MalformedPolicyDocument", f"Policy document {wanted}.")


def _resource(fields: dict[str, str], caller: Caller, store: IamStore) -> str:
    for name, kind in _RESOURCE_PARAMETERS:
        value = fields.get(name)
        if not value:
            continue
        if not kind:
            return value
        return f"arn:{caller.partition}:iam::{caller.account}:{kind}{_path(store, caller.account, kind, value)}{value}"
    return "*"


def _path(store: IamStore, account: str, kind: str, name: str) -> str:
    finders: dict[str, Callable[[Any], Any]] = {
        "role": lambda backend: next((role for role in backend.roles.values() if role.name == name), None),
        "user": lambda backend: backend.users.get(name),
        "group": lambda backend: backend.groups.get(name),
        "instance-profile": lambda backend: next(
            (profile for profile in backend.instance_profiles.values() if profile.name == name), None
        ),
    }
    with store.opened():
        found = finders[kind](store.backend(account))
        return str(getattr(found, "path", "/") or "/")
