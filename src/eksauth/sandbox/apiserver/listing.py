"""LIST: selection by labels and fields, pages that stay consistent, and how a list is shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eksauth.kube.labels import Requirement, parse_label_selector
from eksauth.kube.text import quoted
from eksauth.sandbox.apiserver.field_selector import FieldCondition, parse_field_selector
from eksauth.sandbox.apiserver.resources import Resource
from eksauth.sandbox.apiserver.status import bad_request
from eksauth.sandbox.apiserver.store import Key, Object, Store


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects are wanted."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[FieldCondition, ...] = ()

    def matches(self, value: Object) -> bool:
        """Tell whether an object is wanted."""
        labels = value["metadata"].get("labels") or {}
        return all(requirement.matches(labels) for requirement in self.labels) and all(
            condition.matches(value) for condition in self.fields
        )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    items: list[Object]
    revision: int
    next_token: str = ""
    remaining: int = 0

    def metadata(self) -> dict[str, Any]:
        """Return the list's metadata."""
        metadata: dict[str, Any] = {"resourceVersion": str(self.revision)}
        if self.next_token:
            metadata |= {"continue": self.next_token, "remainingItemCount": self.remaining}
        return metadata


def read_selection(resource: Resource, query: Mapping[str, str]) -> Selection:
    """Read the selectors of a request.

    :raises ApiError: 400 when one cannot be parsed.
    """
    try:
        return Selection(
            parse_label_selector(query.get("labelSelector", "")),
            parse_field_selector(query.get("fieldSelector", ""), resource.field_labels),
        )
    except ValueError as error:
        raise bad_request(str(error)) from None


def read_number(query: Mapping[str, str], name: str) -> int:
    """Read a whole number from a query; absent means 0.

    :raises ApiError: 400 when it is none.
    """
    text = query.get(name, "")
    digits = text.removeprefix("-")
    if not text:
        return 0
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise bad_request(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    return int(text)


def read_page(store: Store, resource: Resource, namespace: str, query: Mapping[str, str]) -> Page:
    """Return the page that a request asks for.

    :raises ApiError: 400 for malformed parameters, 410 for a continue token that is too old.
    """
    selection = read_selection(resource, query)
    limit = read_number(query, "limit")
    revision, start = store.revision, ("", "")
    token = query.get("continue", "")
    if token:
        revision, start = _read_token(token)
        if revision > store.revision:
            raise bad_request("invalid continue token: it is from another server")
        entries = [entry for entry in store.items_at(resource, namespace, revision) if entry[0] > start]
    else:
        entries = store.items(resource, namespace)
    wanted = [(key, value) for key, value in entries if selection.matches(value)]
    if limit <= 0 or len(wanted) <= limit:
        return Page([value for _key, value in wanted], revision)
    page = wanted[:limit]
    return Page([value for _key, value in page], revision, _write_token(revision, page[-1][0]), len(wanted) - limit)


def as_list(resource: Resource, page: Page) -> dict[str, Any]:
    """Return a page as a List object; its items carry neither kind nor version, as in kube-apiserver."""
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": page.metadata(),
        "items": list(_bare(page.items)),
    }


def _bare(values: Iterable[Object]) -> Iterable[dict[str, Any]]:
    for value in values:
        yield {name: entry for name, entry in value.items() if name not in ("kind", "apiVersion")}


def _write_token(revision: int, last: Key) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": f"{last[0]}/{last[1]}\0"})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, Key]:
    try:
        document = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _slash, name = document["start"].removesuffix("\0").partition("/")
        return int(document["rv"]), (namespace, name)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise bad_request("invalid continue token: continue key is not valid") from None
