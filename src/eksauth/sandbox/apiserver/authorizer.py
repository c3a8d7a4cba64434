"""Authorization: the stored roles and bindings as a policy, and the checks that stop users from raising themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eksauth.kube.rbac import (
    RBAC_GROUP,
    SUPERUSERS,
    Attributes,
    Decision,
    Policy,
    Rule,
    User,
    aggregate,
    evaluate,
    rules_for,
)
from eksauth.kube.rbac_escalation import EVERYTHING, compact, describe, missing_rules
from eksauth.kube.rbac_manifest import policy_from_manifests, rules_from_manifest
from eksauth.kube.text import quoted, quoted_list
from eksauth.sandbox.apiserver.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource
from eksauth.sandbox.apiserver.status import ApiError, forbidden_object, not_found
from eksauth.sandbox.apiserver.store import Change, Store

_MAINTENANCE = ("finalizers", "ownerReferences")  # what garbage collection may change without holding the rules


class Authorizer:
    """Decides requests by what the store holds at that moment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policy: Policy | None = None
        store.on_change(self._changed)

    @property
    def policy(self) -> Policy:
        """Return the policy that the stored roles and bindings make, built anew after one of them changed."""
        if self._policy is None:
            self._policy = policy_from_manifests(
                roles=self._all(ROLES),
                bindings=self._all(ROLE_BINDINGS),
                cluster_roles=self._all(CLUSTER_ROLES),
                cluster_bindings=self._all(CLUSTER_ROLE_BINDINGS),
            )
        return self._policy

    def decide(self, request: Attributes) -> Decision:
        """Decide one request."""
        return evaluate(request, self.policy)

    def check_escalation(
        self, user: User, resource: Resource, namespace: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
    ) -> None:
        """Refuse a role or binding that gives what its writer does not hold.

        :raises ApiError: 403 that lists the permissions missing, or 404 when a binding's role is not there.
        """
        if resource.group != RBAC_GROUP or SUPERUSERS in user.groups or _only_maintained(before, after):
            return
        if resource in (ROLES, CLUSTER_ROLES):
            self._check_role(user, resource, namespace, before, after)
        else:
            self._check_binding(user, resource, namespace, after)

    def _check_role(
        self, user: User, resource: Resource, namespace: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
    ) -> None:
        name = after["metadata"]["name"] if before is not None else ""  # a creation has no name in its path
        escalate = Attributes(user, "escalate", RBAC_GROUP, resource.plural, namespace=namespace, name=name)
        if self.decide(escalate).allowed:
            return
        self._confirm(user, resource, namespace, after["metadata"]["name"], rules_from_manifest(after))
        aggregates = any((entry or {}).get("aggregationRule") for entry in (before, after))
        if aggregates and missing_rules(rules_for(user, namespace, self.policy).rules, EVERYTHING):
            text = "must have cluster-admin privileges to use the aggregationRule"
            raise forbidden_object(resource.plural, resource.group, after["metadata"]["name"], text)

    def _check_binding(self, user: User, resource: Resource, namespace: str, after: Mapping[str, Any]) -> None:
        reference = after["roleRef"]
        plural = {"ClusterRole": "clusterroles", "Role": "roles"}.get(reference["kind"])
        if plural is None:
            return  # validation refuses it next
        bind = Attributes(user, "bind", RBAC_GROUP, plural, namespace=namespace, name=reference["name"])
        if self.decide(bind).allowed:
            return
        try:
            rules = self.policy.rules_of(reference["kind"], reference["name"], namespace)
        except LookupError:
            # kube-apiserver blames the binding's type for the missing role
            raise not_found(resource.plural, RBAC_GROUP, reference["name"]) from None
        self._confirm(user, resource, namespace, after["metadata"]["name"], rules)

    def _confirm(self, user: User, resource: Resource, namespace: str, name: str, rules: tuple[Rule, ...]) -> None:
        granted = rules_for(user, namespace, self.policy)
        missing = missing_rules(granted.rules, rules)
        if not missing:
            return
        listed = "\n".join(sorted({describe(rule) for rule in compact(missing)}))
        text = (
            f"user {quoted(user.name)} (groups={quoted_list(user.groups)}) is attempting to grant RBAC permissions not "
            f"currently held:\n{listed}"
        )
        if granted.errors:
            text += f"; resolution errors: {aggregate(granted.errors)}"
        raise forbidden_object(resource.plural, resource.group, name, text)

    def _all(self, resource: Resource) -> list[Mapping[str, Any]]:
        return [value for _key, value in self._store.items(resource)]

    def _changed(self, change: Change) -> None:
        if change.resource.group == RBAC_GROUP:
            self._policy = None


def require(decision: Decision, error: ApiError) -> None:
    """Raise ``error`` unless the decision allows."""
    if not decision.allowed:
        raise error


def _only_maintained(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    if before is None:
        return False
    return _unmaintained(before) == _unmaintained(after)


def _unmaintained(value: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: entry for name, entry in value["metadata"].items() if name not in _MAINTENANCE}
    metadata.pop("resourceVersion", None)
    return {**value, "metadata": metadata}
