"""Contexts that nobody should get into by accident.

The mark is an extension of the context entry, so it moves with the entry, survives ``kubeconfig update`` and is seen by
every shell; kubectl keeps it and does not care. It is not the owner's mark: any context can be protected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eksauth.errors import Refused
from eksauth.kubeconfig.model import Context
from eksauth.kubeconfig.operations import Operation, SetEntry, UnsetField
from eksauth.kubeconfig.resolve import Merged

GUARD = "eksauth-guard"


class ProtectedContext(Refused):
    """A protected context was to be touched, and nobody agreed to that."""

    def __init__(self, context: str) -> None:
        super().__init__(f'context "{context}" is protected', hint="say so with --yes", code="kubeconfig.protected")
        self.context = context


def is_protected(context: Context) -> bool:
    """Tell whether a context is marked. A mark that cannot be understood protects."""
    for extension in context.extensions:
        if extension.name == GUARD:
            value = extension.extension
            return not (isinstance(value, Mapping) and value.get("protected") is False)
    return False


def protected_among(merged: Merged, names: Iterable[str]) -> list[str]:
    """Return which of these contexts are protected; unknown ones are not."""
    return [name for name in names if name in merged.contexts and is_protected(merged.contexts[name].value)]


def protect(name: str) -> Operation:
    """Return the operation that marks a context."""
    return SetEntry("contexts", name, {"extensions": [{"name": GUARD, "extension": {"protected": True}}]})


def unprotect(name: str) -> Operation:
    """Return the operation that takes the mark away."""
    return UnsetField("contexts", name, ("extensions", GUARD))
