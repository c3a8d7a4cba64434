"""From role and binding objects, as the Kubernetes API holds them, to the policy they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from eksauth.kube.labels import matches_label_selector
from eksauth.kube.rbac import Binding, Policy, Rule, Subject

Manifest = Mapping[str, Any]


def policy_from_manifests(
    *,
    roles: Iterable[Manifest] = (),
    bindings: Iterable[Manifest] = (),
    cluster_roles: Iterable[Manifest] = (),
    cluster_bindings: Iterable[Manifest] = (),
) -> Policy:
    """Build the policy of a cluster; aggregated cluster roles get the rules of those that their selectors match.

    Objects are taken as the API returns them (already validated); missing fields count as empty.
    """
    clustered = list(cluster_roles)
    compiled = {("", _name(role)): rules_from_manifest(role) for role in clustered}
    compiled.update(aggregated_rules(clustered))
    for role in roles:
        compiled[role["metadata"].get("namespace", ""), _name(role)] = rules_from_manifest(role)
    by_namespace: dict[str, list[Binding]] = defaultdict(list)
    for binding in sorted(bindings, key=_name):
        by_namespace[binding["metadata"].get("namespace", "")].append(binding_from_manifest(binding))
    return Policy(
        roles=compiled,
        cluster_bindings=tuple(binding_from_manifest(binding) for binding in sorted(cluster_bindings, key=_name)),
        bindings={namespace: tuple(entries) for namespace, entries in by_namespace.items()},
    )


def aggregated_rules(cluster_roles: Iterable[Manifest]) -> dict[tuple[str, str], tuple[Rule, ...]]:
    """Return the rules of every cluster role that has an aggregation rule, to any depth (``admin`` gathers ``edit``).

    A role never gathers itself. The rules come in name order of the roles they are from, without repeats, which is what
    Kubernetes' aggregation controller writes.
    """
    roles = {_name(role): role for role in cluster_roles}
    resolved: dict[tuple[str, str], tuple[Rule, ...]] = {}
    aggregating = {name: role for name, role in roles.items() if _selectors(role)}
    for name, role in aggregating.items():
        gathered: dict[Rule, None] = {}
        seen = {name}
        pending = _selected(role, roles)
        while pending:
            other = pending.pop(0)
            if other in seen:
                continue
            seen.add(other)
            if other in aggregating:
                pending = _selected(roles[other], roles) + pending
            else:
                gathered.update(dict.fromkeys(rules_from_manifest(roles[other])))
        resolved["", name] = tuple(gathered)
    return resolved


def rules_from_manifest(role: Manifest) -> tuple[Rule, ...]:
    """Return the rules that a Role or ClusterRole object spells out itself."""
    return tuple(rule_from_manifest(rule) for rule in role.get("rules") or ())


def rule_from_manifest(rule: Manifest) -> Rule:
    """Return one policy rule."""
    return Rule(
        verbs=tuple(rule.get("verbs") or ()),
        api_groups=tuple(rule.get("apiGroups") or ()),
        resources=tuple(rule.get("resources") or ()),
        resource_names=tuple(rule.get("resourceNames") or ()),
        non_resource_urls=tuple(rule.get("nonResourceURLs") or ()),
    )


def rule_to_manifest(rule: Rule) -> dict[str, list[str]]:
    """Return the rule as a Role object spells it, without empty fields."""
    fields = {
        "verbs": rule.verbs,
        "apiGroups": rule.api_groups,
        "resources": rule.resources,
        "resourceNames": rule.resource_names,
        "nonResourceURLs": rule.non_resource_urls,
    }
    return {name: list(values) for name, values in fields.items() if values}


def binding_from_manifest(binding: Manifest) -> Binding:
    """Return a RoleBinding or ClusterRoleBinding."""
    reference = binding["roleRef"]
    return Binding(
        name=_name(binding),
        namespace=binding["metadata"].get("namespace", ""),
        role_kind=reference.get("kind", ""),
        role_name=reference.get("name", ""),
        subjects=tuple(
            Subject(subject.get("kind", ""), subject.get("name", ""), subject.get("namespace", ""))
            for subject in binding.get("subjects") or ()
        ),
    )


def _selected(role: Manifest, roles: Mapping[str, Manifest]) -> list[str]:
    return [
        name
        for name in sorted(roles)
        if any(
            matches_label_selector(selector, roles[name]["metadata"].get("labels") or {})
            for selector in _selectors(role)
        )
    ]


def _selectors(role: Manifest) -> list[Manifest]:
    return list((role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ())


def _name(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name
