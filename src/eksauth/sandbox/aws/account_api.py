"""The Account API: ListRegions, which tells a client where to look for clusters."""

from __future__ import annotations

import json
from typing import Any

from eksauth.aws.partitions import AWS, partition_named
from eksauth.sandbox.aws.authorization import authorize
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.wire import Answer, rest_result

_DEFAULT = frozenset(
    (
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    )
)
"""Commercial regions that every account has; the others are off until somebody opts in."""


def account_operation(request: RawRequest) -> str:
    """Return the operation that method and path stand for; empty when the sandbox does not have it."""
    return "ListRegions" if (request.method, request.path) == ("POST", b"/listRegions") else ""


def serve_account(request: RawRequest, caller: Caller, store: IamStore, context: dict[str, str]) -> Answer:
    """Answer one verified request.

    :raises ServiceFault: ValidationException, AccessDenied, NotImplemented.
    """
    if not account_operation(request):
        raise ServiceFault("NotImplemented", "the sandbox's Account API implements ListRegions only", 501)
    resource = f"arn:{caller.partition}:account::{caller.account}:account"
    authorize(caller, store, "account:ListRegions", resource, context)
    wanted = _body(request).get("RegionOptStatusContains")
    partition = partition_named(caller.partition) or AWS
    shown = []
    for region in sorted(partition.regions):
        enabled = partition is not AWS or region in _DEFAULT
        status = "ENABLED_BY_DEFAULT" if enabled else "DISABLED"
        if not wanted or status in wanted:
            shown.append({"RegionName": region, "RegionOptStatus": status})
    return rest_result({"Regions": shown})


def _body(request: RawRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceFault("ValidationException", "The body is not a JSON object.")
    return found
