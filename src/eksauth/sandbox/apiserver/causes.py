"""The standard complaints about a field, in the words of Kubernetes' field validation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from eksauth.kube.text import quoted
from eksauth.sandbox.apiserver.status import Cause


def required(path: str, text: str = "") -> Cause:
    """Return the complaint that a field is missing."""
    return Cause("FieldValueRequired", f"Required value: {text}" if text else "Required value", path)


def wrong(path: str, value: Any, text: str) -> Cause:
    """Return the complaint that a field's value is not acceptable."""
    shown = quoted(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {text}", path)


def too_long(path: str, limit: int) -> Cause:
    """Return the complaint that a field is too long, without repeating its value."""
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", path)


def unsupported(path: str, value: str | list[str], supported: Iterable[str]) -> Cause:
    """Return the complaint that a value (or one of a list) is none of those allowed."""
    shown = quoted(value) if isinstance(value, str) else json.dumps(value)
    allowed = ", ".join(quoted(entry) for entry in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {allowed}", path)


def duplicate(path: str, value: str) -> Cause:
    """Return the complaint that a value appears twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {quoted(value)}", path)


def not_allowed(path: str, text: str) -> Cause:
    """Return the complaint that a field may not be changed or set."""
    return Cause("FieldValueForbidden", f"Forbidden: {text}", path)
