"""What makes roles and bindings acceptable."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from eksauth.kube.rbac import RBAC_GROUP
from eksauth.sandbox.apiserver.causes import required, unsupported, wrong
from eksauth.sandbox.apiserver.names import key_problems, name_problems
from eksauth.sandbox.apiserver.status import Cause

_KINDS = ("ServiceAccount", "User", "Group")


def _role(value: Mapping[str, Any], *, namespaced: bool) -> list[Cause]:
    causes = []
    for index, rule in enumerate(value.get("rules") or ()):
        causes += _rule(rule, f"rules[{index}]", namespaced=namespaced)
    aggregation = value.get("aggregationRule")
    if aggregation is not None:
        selectors = aggregation.get("clusterRoleSelectors") or []
        path = "aggregationRule.clusterRoleSelectors"
        if not selectors:
            causes.append(required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
        for index, selector in enumerate(selectors):
            causes += _selector(selector, f"{path}[{index}]")
    return causes


def _rule(rule: Mapping[str, Any], path: str, *, namespaced: bool) -> list[Cause]:
    causes = [] if rule.get("verbs") else [required(f"{path}.verbs", "verbs must contain at least one value")]
    urls = rule.get("nonResourceURLs") or []
    if urls:
        where = f"{path}.nonResourceURLs"
        if namespaced:
            causes.append(wrong(where, urls, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            causes.append(wrong(where, urls, "rules cannot apply to both regular resources and non-resource URLs"))
        return causes
    if not rule.get("apiGroups"):
        causes.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        causes.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return causes


def _selector(selector: Mapping[str, Any], path: str) -> list[Cause]:
    causes = []
    for key in sorted(selector.get("matchLabels") or {}):
        causes += [wrong(f"{path}.matchLabels", key, text) for text in key_problems(key)]
    for index, entry in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = entry.get("operator", ""), entry.get("values")
        if operator in ("In", "NotIn"):
            if not values:
                causes.append(required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                causes.append(Cause("FieldValueForbidden", text, f"{where}.values"))
        else:
            causes.append(wrong(f"{where}.operator", operator, "not a valid selector operator"))
        causes += [wrong(f"{where}.key", entry.get("key", ""), text) for text in key_problems(entry.get("key", ""))]
    return causes


def _binding(value: Mapping[str, Any], *, namespaced: bool) -> list[Cause]:
    reference = value.get("roleRef") or {}
    causes = []
    if reference.get("apiGroup", "") != RBAC_GROUP:
        causes.append(unsupported("roleRef.apiGroup", reference.get("apiGroup", ""), [RBAC_GROUP]))
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    if reference.get("kind", "") not in kinds:
        causes.append(unsupported("roleRef.kind", reference.get("kind", ""), kinds))
    if not reference.get("name"):
        causes.append(required("roleRef.name"))
    else:
        causes += [wrong("roleRef.name", reference["name"], text) for text in name_problems(reference["name"], "path")]
    for index, subject in enumerate(value.get("subjects") or ()):
        causes += _subject(subject, f"subjects[{index}]", namespaced=namespaced)
    return causes


def _subject(subject: Mapping[str, Any], path: str, *, namespaced: bool) -> list[Cause]:
    name, kind, group = subject.get("name", ""), subject.get("kind", ""), subject.get("apiGroup", "")
    causes = [] if name else [required(f"{path}.name")]
    if kind == "ServiceAccount":
        if name:
            causes += [wrong(f"{path}.name", name, text) for text in name_problems(name, "subdomain")]
        if group:
            causes.append(unsupported(f"{path}.apiGroup", group, [""]))
        if not namespaced and not subject.get("namespace"):
            causes.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != RBAC_GROUP:
            causes.append(unsupported(f"{path}.apiGroup", group, [RBAC_GROUP]))
    else:
        causes.append(unsupported(f"{path}.kind", kind, _KINDS))
    return causes


RULES = {
    "Role": partial(_role, namespaced=True),
    "ClusterRole": partial(_role, namespaced=False),
    "RoleBinding": partial(_binding, namespaced=True),
    "ClusterRoleBinding": partial(_binding, namespaced=False),
}
"""By kind: from an object to what is wrong with it."""
