"""Which API server a sandbox runs."""

from __future__ import annotations

from typing import Literal, cast

from eksauth.errors import UsageError

Flavour = Literal["auto", "embedded", "real"]
"""``real`` is kube-apiserver with etcd; ``auto`` takes it where it is found."""


def flavour_named(name: str) -> Flavour:
    """Return ``name`` as a choice of API server.

    :raises UsageError: when it is none.
    """
    if name not in {"auto", "embedded", "real"}:
        raise UsageError(f"no API server is called {name!r}", hint="auto, embedded or real")
    return cast("Flavour", name)
