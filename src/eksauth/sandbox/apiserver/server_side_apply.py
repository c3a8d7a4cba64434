"""Server-side apply: a client states the fields it cares about, and the server remembers who stated which.

Rules: https://kubernetes.io/docs/reference/using-api/server-side-apply/. What is remembered is what apply requests own;
fields written in other ways have no owner here, so they never conflict.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eksauth.sandbox.apiserver.body import BodyError, parse_yaml
from eksauth.sandbox.apiserver.causes import required
from eksauth.sandbox.apiserver.context import ApiContext
from eksauth.sandbox.apiserver.decoding import read_draft
from eksauth.sandbox.apiserver.field_sets import (
    Path,
    from_fields_v1,
    lookup,
    paths_of,
    readable,
    remove,
    to_fields_v1,
)
from eksauth.sandbox.apiserver.registry import Write
from eksauth.sandbox.apiserver.request_info import is_true
from eksauth.sandbox.apiserver.status import ApiError, bad_request, invalid
from eksauth.sandbox.apiserver.strategic_merge import strategic_merge

_NEVER_OWNED: tuple[Path, ...] = (
    ("f:kind",),
    ("f:apiVersion",),
    ("f:metadata", "f:name"),
    ("f:metadata", "f:namespace"),
)


@dataclass(slots=True)
class Applied:
    """The object after an apply."""

    value: Mapping[str, Any]
    created: bool
    warnings: list[str] = field(default_factory=list)


def server_side_apply(
    context: ApiContext,
    write: Write,
    name: str,
    data: bytes,
    query: Mapping[str, str],
    level: str,
    may_not_create: ApiError | None,
) -> Applied:
    """Apply a configuration.

    :param level: what to do with unknown fields: Ignore, Warn or Strict.
    :param may_not_create: the refusal when the object is not there and the user may not create it.
    :raises ApiError: 400 for a malformed one, 409 when other managers own other values, 422 without a manager.
    """
    manager = query.get("fieldManager", "")
    if not manager:
        causes = [required("fieldManager", "is required for apply patch")]
        raise invalid("PatchOptions", "meta.k8s.io", "", causes)
    resource = write.resource
    try:
        document = parse_yaml(data)
    except BodyError as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    if not isinstance(document, dict):
        raise bad_request("error decoding YAML: the configuration is no object")
    draft = read_draft(
        document, model=resource.model, kind=resource.kind, api_version=resource.api_version, level=level
    )
    metadata = draft.value.setdefault("metadata", {})
    if metadata.setdefault("name", name) != name:
        given = metadata["name"]
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
    if metadata.pop("managedFields", None):
        raise bad_request("metadata.managedFields must be nil")
    stated = paths_of(resource.model, draft.value)
    for path in _NEVER_OWNED:
        stated.pop(path, None)
    old = context.store.get(resource, (write.namespace, name))
    if old is None:
        if may_not_create is not None:
            raise may_not_create
        owners = {manager: set(stated)}
        created = context.registry.create(_owned(write, owners), draft.value)
        return Applied(created, created=True, warnings=draft.warnings)
    owners = _owners(old)
    _settle_conflicts(owners, manager, stated, old, force=is_true(query.get("force")))
    merged = strategic_merge(resource.model, copy.deepcopy(dict(old)), draft.value)
    others = {path for other, paths in owners.items() if other != manager for path in paths}
    for path in sorted(owners.get(manager, set()) - stated.keys() - others, key=len, reverse=True):
        remove(merged, path)
    owners[manager] = set(stated)
    value = context.registry.update(_owned(write, owners), name, merged)
    return Applied(value, created=False, warnings=draft.warnings)


def _owners(value: Mapping[str, Any]) -> dict[str, set[Path]]:
    return {
        entry["manager"]: set(from_fields_v1(entry.get("fieldsV1")))
        for entry in value["metadata"].get("managedFields") or ()
    }


def _settle_conflicts(
    owners: dict[str, set[Path]], manager: str, stated: Mapping[Path, Any], old: Mapping[str, Any], *, force: bool
) -> None:
    causes = []
    for other in sorted(owners.keys() - {manager}):
        shared = {path for path in owners[other] if path in stated and path[-1] != "."}
        clashing = {path for path in shared if lookup(old, path) != stated[path]}
        if force:
            owners[other] -= clashing
            continue
        causes += [
            {"reason": "FieldManagerConflict", "message": f'conflict with "{other}"', "field": readable(path)}
            for path in sorted(clashing)
        ]
    if not causes:
        return
    count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    if len(causes) == 1:
        text = f"{causes[0]['message']}: {causes[0]['field']}"
    else:
        text = "\n".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    raise ApiError(409, "Conflict", f"Apply failed with {count}: {text}", {"causes": causes})


def _owned(write: Write, owners: Mapping[str, set[Path]]) -> Write:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    entries = [
        {
            "manager": manager,
            "operation": "Apply",
            "apiVersion": write.resource.api_version,
            "time": now,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_fields_v1(paths),
        }
        for manager, paths in sorted(owners.items())
        if paths
    ]
    return replace(write, managed_fields=tuple(entries))
