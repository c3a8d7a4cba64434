"""What a request is about, read from its method, path and query, as kube-apiserver reads it before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eksauth.kube.rbac import Attributes, User
from eksauth.sandbox.apiserver.field_selector import exact_name
from eksauth.sandbox.apiserver.names import name_problems

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = {"status", "finalize"}


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request in RBAC's terms; for a path that is no resource, ``resource`` is empty and ``verb`` is the method."""

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()

    def attributes(self, user: User) -> Attributes:
        """Return what authorization judges."""
        if not self.is_resource:
            return Attributes(user, self.verb, path=self.path)
        return Attributes(user, self.verb, self.group, self.resource, self.subresource, self.namespace, self.name)


def parse_request(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Read a request; never fails, since even nonsense is authorized before it is refused."""
    parts = path.strip("/").split("/") if path.strip("/") else []
    plain = RequestInfo(path, method.lower())
    if len(parts) < 3 or parts[0] not in ("api", "apis") or (parts[0] == "apis" and len(parts) < 4):
        return plain
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    verb = _VERBS.get(method, "")
    if rest[0] == "watch" and len(rest) > 1:  # the old form, still authorized as a watch
        verb, rest = "watch", rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name and verb == "get":
        verb = "watch" if is_true(query.get("watch")) else "list"
        chosen = exact_name(query.get("fieldSelector", ""))
        if chosen and not name_problems(chosen, "path"):
            name = chosen
    elif not name and verb == "delete":
        verb = "deletecollection"
    return RequestInfo(
        path,
        verb,
        is_resource=True,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
        parts=tuple(rest),
    )


def is_true(value: str | None) -> bool:
    """Read a boolean query parameter: present means yes unless it says ``false`` or ``0``."""
    return value is not None and value.lower() not in ("false", "0")
