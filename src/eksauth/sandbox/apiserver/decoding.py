"""From a request body to a draft object of the wanted kind, with the field validation that clients may ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eksauth.kube.text import quoted
from eksauth.sandbox.apiserver.causes import unsupported, wrong
from eksauth.sandbox.apiserver.decode import DecodeError, decode
from eksauth.sandbox.apiserver.status import bad_request, invalid

_LEVELS = ("Ignore", "Strict", "Warn")


@dataclass(slots=True)
class Draft:
    """An object as the client wants it, and warnings about what was dropped from it."""

    value: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def check_options(query: Mapping[str, str], options_kind: str) -> tuple[bool, str]:
    """Return whether to change nothing, and how strict to be with unknown fields.

    :param options_kind: what complaints call the options, such as ``CreateOptions``.
    :raises ApiError: 422 for values that are not known.
    """
    causes = []
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        causes.append(unsupported("dryRun", [dry_run], ["All"]))
    level = query.get("fieldValidation") or "Warn"
    if level not in _LEVELS:
        causes.append(unsupported("fieldValidation", level, ("", *_LEVELS)))
    if causes:
        raise invalid(options_kind, "meta.k8s.io", "", causes)
    return dry_run == "All", level


def read_draft(
    value: Mapping[str, Any], *, model: type, kind: str, api_version: str, level: str, patched: bool = False
) -> Draft:
    """Check kind and version (missing ones are taken as meant) and decode the fields.

    :param patched: the value is what a patch made, so a wrong type is the patch's fault and gives 422.
    :raises ApiError: 400 for another kind, a field of the wrong type or, under ``Strict``, an unknown field.
    """
    given_kind, given_version = value.get("kind") or kind, value.get("apiVersion") or api_version
    version = str(given_version).rpartition("/")[2]
    cannot = f"{given_kind} in version {quoted(version)} cannot be handled as a {kind}"
    if given_version != api_version:
        raise bad_request(
            f"{cannot}: no kind {quoted(str(given_kind))} is registered for version {quoted(str(given_version))} in "
            'scheme "pkg/api/legacyscheme/scheme.go:30"'
        )
    if given_kind != kind:
        raise bad_request(f"{cannot}: converting (v1.{given_kind}) to (core.{kind}): unknown conversion")
    try:
        decoded = decode(model, value)
    except DecodeError as error:
        if patched:
            shown = json.dumps(value, separators=(",", ":"))
            raise invalid("", "", "", [wrong("patch", shown, str(error))]) from None
        raise bad_request(f"{cannot}: {error}") from None
    # deeper fields first: kube-apiserver reports in the order in which its decoder meets the ends of objects
    unknown = sorted(decoded.unknown, key=lambda text: -text.count("."))
    if unknown and level == "Strict":
        raise bad_request(f"{cannot}: strict decoding error: {', '.join(unknown)}")
    return Draft(decoded.value, unknown if level == "Warn" else [])


def warning_headers(warnings: list[str]) -> dict[str, str]:
    """Return warnings as a Warning header (RFC 7234), bounded as kube-apiserver bounds it."""
    if not warnings:
        return {}
    shown: list[str] = []
    total = 0
    for text in warnings:
        total += len(text)
        if total > 4096:
            break
        shown.append(f"299 - {quoted(text.encode('ascii', 'replace').decode())}")
    return {"Warning": ", ".join(shown)}
