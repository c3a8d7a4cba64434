"""What controllers do in a real cluster: aggregated roles, default service accounts, the end of namespaces."""

from __future__ import annotations

import asyncio
from typing import Any

from eksauth.kube.rbac_manifest import aggregated_rules, rule_to_manifest
from eksauth.sandbox.apiserver.bootstrap import SYSTEM
from eksauth.sandbox.apiserver.registry import Preconditions, Registry, Write
from eksauth.sandbox.apiserver.resources import CLUSTER_ROLES, NAMESPACES, RESOURCES, SERVICE_ACCOUNTS
from eksauth.sandbox.apiserver.store import Change, Object, Store


class Controllers:
    """Reacts to changes, one loop turn later, so that whoever wrote gets the answer first."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._scheduled: asyncio.Handle | None = None
        store.on_change(self._changed)

    def settle(self) -> None:
        """Bring everything to rest now; runs to the end before any other request is looked at."""
        self._scheduled = None
        self._aggregate_roles()
        for (_scope, name), namespace in self._store.items(NAMESPACES):
            if namespace["metadata"].get("deletionTimestamp"):
                self._empty(name, namespace)
            elif self._store.get(SERVICE_ACCOUNTS, (name, "default")) is None:
                self._registry.create(Write(SYSTEM, SERVICE_ACCOUNTS, name), {"metadata": {"name": "default"}})
        self.stop()  # our own writes need no second round: the work above is idempotent

    def stop(self) -> None:
        """Forget what is scheduled."""
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None

    def _changed(self, change: Change) -> None:
        relevant = change.resource in (NAMESPACES, CLUSTER_ROLES, SERVICE_ACCOUNTS) or change.deleted
        if relevant and self._scheduled is None:
            try:
                self._scheduled = asyncio.get_running_loop().call_soon(self.settle)
            except RuntimeError:  # nobody runs yet: the server settles once when it starts
                self._scheduled = None

    def _aggregate_roles(self) -> None:
        roles = [value for _key, value in self._store.items(CLUSTER_ROLES)]
        for (_scope, name), rules in aggregated_rules(roles).items():
            role = self._store.get(CLUSTER_ROLES, ("", name))
            wanted: list[dict[str, Any]] = [rule_to_manifest(rule) for rule in rules]
            if role is not None and (role.get("rules") or []) != wanted:
                self._store.put(CLUSTER_ROLES, ("", name), {**role, "rules": wanted})

    def _empty(self, name: str, namespace: Object) -> None:
        left = 0
        for resource in RESOURCES:
            if not resource.namespaced:
                continue
            for (_namespace, entry), _value in self._store.items(resource, name):
                _last, gone = self._registry.delete(Write(SYSTEM, resource, name), entry, Preconditions())
                left += not gone
        if not left and not namespace["metadata"].get("finalizers"):
            self._store.delete(NAMESPACES, ("", name))
