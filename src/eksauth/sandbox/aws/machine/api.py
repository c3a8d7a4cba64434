"""Container credentials (EKS Pod Identity agent, ECS) and the instance metadata service, version 2 only.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.machine.state import Machine
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.wire import Answer

SERVICE = "machine"
CONTAINER_PATH = "/v1/credentials"
_ROLE_PATH = "/latest/meta-data/iam/security-credentials/"
_TOKEN_PATH = "/latest/api/token"
_HOSTS = frozenset(["127.0.0.1", "[::1]", "localhost", "169.254.169.254", "169.254.170.2", "169.254.170.23"])
_MOST_TOKENS = 1000
_LONGEST_TTL = 21600


def machine_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for the machine, as its path says."""
    path = request.path.decode("ascii", "replace")
    if path == CONTAINER_PATH:
        return SERVICE, "ContainerCredentials"
    if path == _TOKEN_PATH:
        return SERVICE, "MetadataToken"
    if path.startswith("/latest/"):
        return SERVICE, "MetadataCredentials" if path.startswith(_ROLE_PATH) else "Metadata"
    return None


def serve_machine(
    request: RawRequest, machine: Machine, store: IamStore, sessions: SessionStore, *, now: float
) -> Answer:
    """Answer a request that :func:`machine_operation` recognised.

    :raises ServiceFault: with the status that the real service has.
    """
    if request.host not in _HOSTS:
        raise ServiceFault("Forbidden", "called through an invalid address", 403)
    path = request.path.decode("ascii", "replace")
    if path == CONTAINER_PATH:
        return _container(request, machine, store, sessions, now=now)
    if path == _TOKEN_PATH:
        return _new_token(request, machine, now=now)
    if request.method != "GET":
        raise ServiceFault("MethodNotAllowed", "metadata is read with GET", 405)
    # without a session token there is nothing: version 1 is switched off
    if machine.metadata_tokens.get(request.header("x-aws-ec2-metadata-token"), 0.0) <= now:
        raise ServiceFault("Unauthorized", "the session token is missing, unknown or expired", 401)
    return _metadata(path, machine, store, sessions, now=now)


def machine_error(fault: ServiceFault) -> Answer:
    """Write a refusal."""
    body = json.dumps({"code": fault.code, "message": fault.message}).encode()
    return Answer(fault.status, body, "application/json", {}, fault.code)


def _container(request: RawRequest, machine: Machine, store: IamStore, sessions: SessionStore, *, now: float) -> Answer:
    if request.method != "GET":
        raise ServiceFault("MethodNotAllowed", "credentials are read with GET", 405)
    # compared as it is: the header holds the token and no scheme
    if not hmac.compare_digest(request.header("authorization").encode(), machine.container_token.encode()):
        raise ServiceFault("InvalidTokenException", "the authorization token is missing or wrong", 400)
    found = machine.pod_credentials(store, sessions, now=now)
    return _json({**_keys(found), "AccountId": parse_arn(machine.pod_role_arn).account})


def _new_token(request: RawRequest, machine: Machine, *, now: float) -> Answer:
    if request.method != "PUT":
        raise ServiceFault("MethodNotAllowed", "a session token is asked for with PUT", 405)
    if request.header_values("x-forwarded-for"):
        raise ServiceFault("Forbidden", "session tokens are not for proxies", 403)
    text = request.header("x-aws-ec2-metadata-token-ttl-seconds")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= _LONGEST_TTL):
        raise ServiceFault("BadRequest", "the life of a session token lies between 1 and 21600 seconds", 400)
    token = secrets.token_urlsafe(40)
    machine.metadata_tokens[token] = now + int(text)
    while len(machine.metadata_tokens) > _MOST_TOKENS:
        machine.metadata_tokens.pop(next(iter(machine.metadata_tokens)))
    return Answer(200, token.encode(), "text/plain", {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": text})


def _metadata(path: str, machine: Machine, store: IamStore, sessions: SessionStore, *, now: float) -> Answer:
    role = machine.node_role_arn.rpartition("/")[2]
    texts = {
        "/latest/meta-data/instance-id": machine.instance_id,
        "/latest/meta-data/placement/region": machine.region,
        "/latest/meta-data/placement/availability-zone": f"{machine.region}a",
        "/latest/meta-data/placement/availability-zone/": f"{machine.region}a",
    }
    if role:
        texts[_ROLE_PATH] = role
    if path in texts:
        return Answer(200, texts[path].encode(), "text/plain")
    if path == "/latest/dynamic/instance-identity/document":
        account = parse_arn(machine.node_role_arn).account if role else ""
        return _json({"instanceId": machine.instance_id, "region": machine.region, "accountId": account})
    if not role or path != _ROLE_PATH + role:
        raise ServiceFault("NotFound", "there is no such metadata", 404)
    found = machine.node_credentials(store, sessions, now=now)
    return _json({"Code": "Success", "LastUpdated": _iso(now), "Type": "AWS-HMAC", **_keys(found)})


def _keys(found: Any) -> dict[str, str]:
    return {
        "AccessKeyId": found["AccessKeyId"],
        "SecretAccessKey": found["SecretAccessKey"],
        "Token": found["SessionToken"],
        "Expiration": _iso(found["Expiration"].seconds),
    }


def _json(document: dict[str, str]) -> Answer:
    return Answer(200, json.dumps(document).encode(), "application/json")


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
