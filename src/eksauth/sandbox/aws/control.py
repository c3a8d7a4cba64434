"""The control API under ``/_sandbox/``: clocks, faults, keys, clusters, what was asked.

It needs ``Authorization: Bearer <control token>``. Bodies are JSON. For tests, benchmarks and the sandbox's own parts;
AWS has nothing like it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from eksauth.aws.access_keys import unverified_account_of
from eksauth.aws.partitions import PARTITIONS
from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.faults import OrderedFault
from eksauth.sandbox.aws.federation.control import FederationControl
from eksauth.sandbox.aws.machine.api import CONTAINER_PATH
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.roles_anywhere.control import RolesAnywhereControl
from eksauth.sandbox.aws.seed import Seed, add_user
from eksauth.sandbox.aws.sso.control import SsoControl
from eksauth.sandbox.aws.wire import Answer

PREFIX = b"/_sandbox/"


class _Clock(msgspec.Struct, forbid_unknown_fields=True):
    offset_seconds: float

    def __post_init__(self) -> None:
        if not abs(self.offset_seconds) <= 10**9:
            raise ValueError("offset_seconds lies within a thousand million seconds")


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    active: bool | None = None
    expires_at: float | None = None


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    partition: str = "aws"
    user: str = "admin"

    def __post_init__(self) -> None:
        if len(self.account) != 12 or not self.account.isdigit():
            raise ValueError("an account number has 12 digits")
        if all(partition.name != self.partition for partition in PARTITIONS):
            raise ValueError(f"unknown partition {self.partition}")


class _Organization(msgspec.Struct, forbid_unknown_fields=True):
    management: str
    members: list[str]
    delegated: list[str] = []
    root_sessions: bool = True


class Control:
    """The control API over one cloud."""

    def __init__(self, cloud: Cloud, token: str, seed: Seed | None) -> None:
        self._cloud = cloud
        self._token = token.encode()
        self._seed = seed
        self._sso = SsoControl(cloud.sso, cloud.iam, cloud.now)
        self._federation = FederationControl(cloud.federation, cloud.now)
        self._roles_anywhere = RolesAnywhereControl(cloud.roles_anywhere)
        self._routes: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", "health"): lambda _: {"ok": True, "now": cloud.now()},
            ("GET", "seed"): lambda _: seed,
            ("GET", "clock"): lambda _: {"offset_seconds": cloud.clock_offset, "now": cloud.now()},
            ("PUT", "clock"): self._set_clock,
            ("GET", "faults"): lambda _: {"faults": cloud.faults.pending()},
            ("POST", "faults"): self._order_fault,
            ("DELETE", "faults"): lambda _: cloud.faults.clear(),
            ("GET", "requests"): lambda _: cloud.log.as_json(),
            ("DELETE", "requests"): lambda _: cloud.log.clear(),
            ("GET", "clusters"): lambda _: {"clusters": cloud.clusters.everything()},
            ("POST", "clusters"): self._put_cluster,
            ("POST", "accounts"): self._add_account,
            ("GET", "machine"): lambda _: self._describe_machine(),
            ("PUT", "organization"): self._set_organization,
        }

    def answer(self, request: RawRequest) -> Answer:
        """Answer one control request; never raises for bad input."""
        scheme, _, given = request.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            return _reply(403, {"error": "the control API needs its token: Authorization: Bearer …"})
        path = request.path.removeprefix(PREFIX).decode("ascii", "replace").rstrip("/")
        route = self._routes.get((request.method, path)) or self._with_id(request.method, path)
        if route is None:
            return _reply(404, {"error": f"no {request.method[:16]} {path[:64]} in the control API"})
        try:
            return _reply(200, route(request.body))
        except LookupError as error:
            return _reply(404, {"error": str(error.args[0])})
        except (ValueError, msgspec.DecodeError) as error:
            return _reply(400, {"error": str(error)})

    def _with_id(self, method: str, path: str) -> Callable[[bytes], Any] | None:
        kind, _, rest = path.partition("/")
        if kind == "keys" and method == "PUT" and rest:
            return lambda body: self._set_key(rest, body)
        if kind == "sso":
            return self._sso.route(method, rest)
        if kind in {"ci", "saml"}:
            return self._federation.route(method, path)
        if kind == "rolesanywhere":
            return self._roles_anywhere.route(method, rest)
        parts = rest.split("/")
        if kind == "clusters" and method == "DELETE" and len(parts) == 3:
            return lambda _: self._remove_cluster(parts[0], parts[1], parts[2])
        return None

    def _set_clock(self, body: bytes) -> Any:
        self._cloud.clock_offset = msgspec.json.decode(body, type=_Clock).offset_seconds
        return {"offset_seconds": self._cloud.clock_offset, "now": self._cloud.now()}

    def _order_fault(self, body: bytes) -> Any:
        self._cloud.faults.order(msgspec.json.decode(body, type=OrderedFault))
        return {"faults": self._cloud.faults.pending()}

    def _put_cluster(self, body: bytes) -> Any:
        cluster = msgspec.json.decode(body, type=Cluster)
        self._cloud.clusters.put(cluster)
        return {"arn": cluster.arn}

    def _remove_cluster(self, account: str, region: str, name: str) -> Any:
        if not self._cloud.clusters.remove(account, region, name):
            raise LookupError("no such cluster")
        return {}

    def _set_key(self, access_key_id: str, body: bytes) -> Any:
        change = msgspec.json.decode(body, type=_Key)
        if change.expires_at is not None and not self._cloud.sessions.expire(access_key_id, change.expires_at):
            raise LookupError("no such session")
        if change.active is not None:
            account = unverified_account_of(access_key_id) or ""
            if not self._cloud.iam.set_key_status(access_key_id, account, active=change.active):
                raise LookupError("no such access key")
        return {}

    def _describe_machine(self) -> Any:
        machine = self._cloud.machine
        return {
            "url": machine.url,
            "container": {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": machine.url + CONTAINER_PATH,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": machine.container_token,
            },
            "instance": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url},
        }

    def _set_organization(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Organization)
        organization = self._cloud.organization
        organization.management, organization.root_sessions = wanted.management, wanted.root_sessions
        organization.members, organization.delegated = set(wanted.members), set(wanted.delegated)
        return {}

    def _add_account(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Account)
        if self._cloud.iam.partition_of(wanted.account) is not None:
            raise ValueError("that account exists already")
        self._cloud.iam.add_account(wanted.account, wanted.partition)
        administrator = f"arn:{wanted.partition}:iam::aws:policy/AdministratorAccess"
        return add_user(self._cloud.iam, wanted.account, wanted.user, managed=[administrator])


def _reply(status: int, document: Any) -> Answer:
    return Answer(status, msgspec.json.encode({} if document is None else document), "application/json")
