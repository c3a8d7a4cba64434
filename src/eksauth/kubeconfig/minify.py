"""The part of a merged kubeconfig that one context needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from eksauth.errors import ConfigError
from eksauth.kubeconfig.model import Context
from eksauth.kubeconfig.resolve import Found, Merged

T = TypeVar("T")


def minify(merged: Merged, context: str | None = None) -> Merged:
    """Return ``merged`` with one context, its cluster and its user; preferences and extensions stay.

    :param context: the context to keep, which becomes the current one; None or empty keeps the current one.
    :raises ConfigError: when there is no such context, or its cluster or user does not exist.
    """
    kept = merged.context(context)
    current = Found("current-context", kept.name, kept.document, None, kept.place)
    if merged.current_context is not None and merged.current_context.value == kept.name:
        current = merged.current_context
    return replace(
        merged,
        contexts={kept.name: kept},
        clusters=_only(merged.clusters, kept.value.cluster, kept, "cluster"),
        users=_only(merged.users, kept.value.user, kept, "user"),
        current_context=current,
    )


def _only(section: Mapping[str, Found[T]], name: str, context: Found[Context], what: str) -> dict[str, Found[T]]:
    if not name:
        return {}
    if name in section:
        return {name: section[name]}
    raise ConfigError(
        f'{context.place}: context "{context.name}" names the {what} "{name}", which does not exist',
        hint=f"add the {what}, or correct the name",
        code=f"kubeconfig.no_{what}",
    )
