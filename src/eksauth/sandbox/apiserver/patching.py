"""PATCH: which media type means which kind of patch, and how its failures are reported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eksauth.sandbox.apiserver.body import BodyError, parse_json
from eksauth.sandbox.apiserver.json_patch import MalformedPatch, PatchError, json_patch, merge_patch
from eksauth.sandbox.apiserver.resources import Resource
from eksauth.sandbox.apiserver.status import ApiError, bad_request, rejected_patch, unsupported_patch
from eksauth.sandbox.apiserver.strategic_merge import strategic_merge

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def apply_patch(resource: Resource, old: Mapping[str, Any], data: bytes, media: str) -> dict[str, Any]:
    """Return what the patch makes of an object.

    :raises ApiError: 400 for a malformed patch, 415 for an unknown type, 422 for one that does not apply.
    """
    if media not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH):
        raise unsupported_patch()
    try:
        patch = parse_json(data)
    except BodyError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if media == JSON_PATCH:
        return _json_patch(old, patch)
    if not isinstance(patch, dict):
        kind = "array" if isinstance(patch, list) else "value"
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    if media == MERGE_PATCH:
        merged: dict[str, Any] = merge_patch(old, patch)
        return merged
    try:
        return strategic_merge(resource.model, dict(old), patch)
    except PatchError as error:
        raise ApiError(500, "", str(error)) from None


def _json_patch(old: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    if not isinstance(patch, list):
        kind = "object" if isinstance(patch, dict) else "value"
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp"
        )
    try:
        result = json_patch(dict(old), patch)
    except MalformedPatch as error:
        raise ApiError(413, "RequestEntityTooLarge", str(error)) from None
    except PatchError:
        raise rejected_patch() from None
    if not isinstance(result, dict):
        raise rejected_patch()
    if len(json.dumps(result)) > 3 * 1024 * 1024:  # copy operations can double a document many times
        raise rejected_patch()
    return result
