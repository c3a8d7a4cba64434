"""Creating, changing and deleting objects: the rules between a decoded request and the store. Knows nothing of HTTP."""

from __future__ import annotations

import copy
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eksauth.kube.rbac import User
from eksauth.sandbox.apiserver.authorizer import Authorizer
from eksauth.sandbox.apiserver.causes import required
from eksauth.sandbox.apiserver.defaults import apply_defaults
from eksauth.sandbox.apiserver.resources import NAMESPACES, Resource
from eksauth.sandbox.apiserver.status import (
    ApiError,
    Cause,
    already_exists,
    bad_request,
    conflict,
    details_of,
    forbidden_object,
    invalid,
    not_found,
)
from eksauth.sandbox.apiserver.store import Key, Object, Store
from eksauth.sandbox.apiserver.validation import validate, validate_update

PROTECTED_NAMESPACES = ("default", "kube-system", "kube-public")
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no words appear by chance
_SERVER_SET = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
)


@dataclass(frozen=True, slots=True)
class Write:
    """Who writes what kind of object where, and whether only to see what would happen."""

    user: User
    resource: Resource
    namespace: str
    dry_run: bool = False
    subresource: str = ""
    managed_fields: tuple[dict[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a deletion insists on."""

    uid: str | None = None
    resource_version: str | None = None


class Registry:
    """The write side of the API.

    :param now: returns the time as RFC 3339 text; called once for each stamp.
    """

    def __init__(self, store: Store, authorizer: Authorizer, now: Callable[[], str]) -> None:
        self._store = store
        self._authorizer = authorizer
        self._now = now

    def create(self, write: Write, draft: dict[str, Any]) -> Object:
        """Store a new object.

        :raises ApiError: 400, 403, 404 (no such namespace), 409 (name taken) or 422.
        """
        resource = write.resource
        draft = copy.deepcopy(draft)
        metadata = self._prepared_metadata(write, draft)
        if metadata.get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        metadata.pop("resourceVersion", None)
        for name in _SERVER_SET:
            metadata.pop(name, None)
        name = metadata.get("name") or self._generated(metadata)
        if not name:
            missing = [required("metadata.name", "name or generateName is required")]
            raise invalid(resource.kind, resource.group, "", missing)
        draft["metadata"] = metadata = {**metadata, "name": name}
        if resource.namespaced:
            self._check_namespace(write, name)
        if "status" in resource.subresources and resource.kind != "Node":  # kubelets register nodes with a status
            draft.pop("status", None)
        apply_defaults(resource.kind, draft)
        self._authorizer.check_escalation(write.user, resource, write.namespace, None, draft)
        self._refuse(resource, name, validate(resource, draft))
        key = (write.namespace, name)
        if self._store.get(resource, key) is not None:
            raise already_exists(resource.plural, resource.group, name)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": self._now()}
        if write.managed_fields:
            metadata["managedFields"] = list(write.managed_fields)
        value = _shaped(resource, draft)
        return value if write.dry_run else self._store.put(resource, key, value)

    def update(self, write: Write, name: str, draft: dict[str, Any]) -> Object:
        """Replace an object by ``draft``.

        :raises ApiError: 400, 403, 404, 409 or 422.
        """
        resource = write.resource
        key = (write.namespace, name)
        old = self._found(resource, key)
        draft = copy.deepcopy(draft)
        metadata = self._prepared_metadata(write, draft)
        if metadata.get("name") != name:
            given = metadata.get("name", "")
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        self._check_version(resource, old, metadata)
        draft["metadata"] = self._kept(old["metadata"], metadata, write.managed_fields)
        draft = _with_subresource(write, dict(old), draft)
        apply_defaults(resource.kind, draft)
        new = _shaped(resource, draft)
        self._authorizer.check_escalation(write.user, resource, write.namespace, old, new)
        self._refuse(resource, name, validate_update(resource, old, new))
        if _content(old) == _content(new):
            return old
        if write.dry_run:
            return new
        if metadata_gone(new):
            return self._store.delete(resource, key)
        return self._store.put(resource, key, new)

    def delete(self, write: Write, name: str, preconditions: Preconditions) -> tuple[Object, bool]:
        """Delete an object, or mark it when finalizers hold it.

        :returns: the object as it was last, and whether it is gone.
        :raises ApiError: 403, 404 or 409.
        """
        resource = write.resource
        key = (write.namespace, name)
        old = self._found(resource, key)
        metadata = old["metadata"]
        if preconditions.uid is not None and preconditions.uid != metadata["uid"]:
            text = (
                f"Precondition failed: UID in precondition: {preconditions.uid}, UID in object meta: {metadata['uid']}"
            )
            raise conflict(resource.plural, resource.group, name, text)
        version = preconditions.resource_version
        if version is not None and version != metadata["resourceVersion"]:
            text = (
                f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
                f"({metadata['resourceVersion']}). The object might have been modified"
            )
            raise conflict(resource.kind, resource.group, name, text)
        if resource is NAMESPACES and name in PROTECTED_NAMESPACES:
            raise forbidden_object("namespaces", "", name, "this namespace may not be deleted")
        held = bool(metadata.get("finalizers")) or resource is NAMESPACES
        if not held:
            return (old, True) if write.dry_run else (self._store.delete(resource, key), True)
        if metadata.get("deletionTimestamp"):
            return old, False
        marked = {**old, "metadata": {**metadata, "deletionTimestamp": self._now(), "deletionGracePeriodSeconds": 0}}
        if resource is NAMESPACES:
            del marked["metadata"]["deletionGracePeriodSeconds"]
            marked["status"] = {**(old.get("status") or {}), "phase": "Terminating"}
        return (marked if write.dry_run else self._store.put(resource, key, marked)), False

    def _found(self, resource: Resource, key: Key) -> Object:
        value = self._store.get(resource, key)
        if value is None:
            raise not_found(resource.plural, resource.group, key[1])
        return value

    def _prepared_metadata(self, write: Write, draft: dict[str, Any]) -> dict[str, Any]:
        metadata: dict[str, Any] = draft.get("metadata") or {}
        given = metadata.get("namespace") or ""
        if given and given != write.namespace:
            if not write.resource.namespaced:
                metadata.pop("namespace")
                return metadata
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if write.namespace:
            metadata["namespace"] = write.namespace
        return metadata

    def _generated(self, metadata: dict[str, Any]) -> str:
        prefix: str = metadata.get("generateName") or ""
        if not prefix:
            return ""
        return prefix[:58] + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))

    def _check_namespace(self, write: Write, name: str) -> None:
        namespace = self._store.get(NAMESPACES, ("", write.namespace))
        if namespace is None:
            raise not_found("namespaces", "", write.namespace)
        if namespace["metadata"].get("deletionTimestamp"):
            resource = write.resource
            text = f"unable to create new content in namespace {write.namespace} because it is being terminated"
            error = forbidden_object(resource.plural, resource.group, name, text)
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {write.namespace} is being terminated",
                "field": "metadata.namespace",
            }
            error.details = details_of(name, resource.group, resource.plural, causes=[cause])
            raise error

    def _check_version(self, resource: Resource, old: Object, metadata: dict[str, Any]) -> None:
        name, version = old["metadata"]["name"], metadata.get("resourceVersion")
        if version and not version.isdecimal():
            raise ApiError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
        uid = metadata.get("uid")
        if uid and uid != old["metadata"]["uid"]:
            raise conflict(resource.plural, resource.group, name, _other_uid(uid, old))
        if version and version != "0" and version != old["metadata"]["resourceVersion"]:
            raise conflict(resource.plural, resource.group, name)

    @staticmethod
    def _kept(
        old: Mapping[str, Any], new: dict[str, Any], managed_fields: tuple[dict[str, Any], ...] | None
    ) -> dict[str, Any]:
        kept = {name: old[name] for name in _SERVER_SET if name in old}
        result = {name: value for name, value in new.items() if name not in _SERVER_SET}
        if managed_fields is not None:
            kept["managedFields"] = list(managed_fields)
        if "generateName" in old:
            result["generateName"] = old["generateName"]
        return {**result, **kept, "resourceVersion": old["resourceVersion"]}

    @staticmethod
    def _refuse(resource: Resource, name: str, causes: list[Cause]) -> None:
        if causes:
            raise invalid(resource.kind, resource.group, name, causes)


def metadata_gone(value: Object) -> bool:
    """Tell whether an object is marked for deletion and nothing holds it any more."""
    metadata = value["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    return value["kind"] != "Namespace" or not (value.get("spec") or {}).get("finalizers")


def _content(value: Object) -> dict[str, Any]:
    """Return what a write is about: applying the same again only moves a time in ``managedFields``."""
    entries = value["metadata"].get("managedFields") or ()
    stripped = [{name: entry for name, entry in owner.items() if name != "time"} for owner in entries]
    return {**value, "metadata": {**value["metadata"], "managedFields": stripped}}


def _other_uid(wanted: str, have: Object) -> str:
    return f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {have['metadata']['uid']}"


def _with_subresource(write: Write, old: dict[str, Any], draft: dict[str, Any]) -> dict[str, Any]:
    """Let a write to ``status`` change only the status, and a write to the object anything else."""
    if write.subresource == "status":
        metadata = {**old["metadata"]}
        for name in ("labels", "annotations"):
            if name in draft["metadata"]:
                metadata[name] = draft["metadata"][name]
        return {**old, "metadata": metadata, "status": draft.get("status") or {}}
    if write.subresource == "finalize":
        finalizers = (draft.get("spec") or {}).get("finalizers") or []
        return {**old, "spec": {**(old.get("spec") or {}), "finalizers": finalizers}}
    if "status" in write.resource.subresources:
        draft = {name: value for name, value in draft.items() if name != "status"}
        if "status" in old:
            draft["status"] = old["status"]
        if write.resource is NAMESPACES:
            draft["spec"] = old["spec"]
    return draft


def _shaped(resource: Resource, draft: dict[str, Any]) -> dict[str, Any]:
    """Put kind and version first, as Kubernetes prints objects."""
    rest = {name: value for name, value in draft.items() if name not in ("kind", "apiVersion", "metadata")}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": draft["metadata"], **rest}
