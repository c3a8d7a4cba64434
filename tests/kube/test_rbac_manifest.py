"""Policies from stored objects, and the label selectors that aggregation needs."""

from __future__ import annotations

from typing import Any

import pytest

from eksauth.kube.labels import matches_label_selector, parse_label_selector
from eksauth.kube.rbac import Rule
from eksauth.kube.rbac_manifest import policy_from_manifests, rule_from_manifest, rule_to_manifest


def cluster_role(name: str, verb: str = "", labels: dict[str, str] | None = None, gathers: str = "") -> dict[str, Any]:
    """Make a cluster role with one rule, or one that gathers others by a label."""
    role: dict[str, Any] = {"metadata": {"name": name, "labels": labels}, "rules": None}
    if verb:
        role["rules"] = [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}]
    if gathers:
        role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {gathers: "true"}}]}
    return role


def test_aggregation_reaches_through_and_survives_cycles() -> None:
    """An aggregated role holds the rules of all it gathers, however deep, and a circle of roles ends."""
    policy = policy_from_manifests(
        cluster_roles=[
            cluster_role("admin", gathers="to-admin"),
            cluster_role("edit", labels={"to-admin": "true"}, gathers="to-edit"),
            cluster_role("view", labels={"to-edit": "true"}, gathers="to-view"),
            cluster_role("loop", labels={"to-view": "true"}, gathers="to-admin"),
            cluster_role("a", "create", {"to-admin": "true"}),
            cluster_role("v", "get", {"to-view": "true"}),
        ]
    )

    def verbs(name: str) -> set[str]:
        return {verb for rule in policy.rules_of("ClusterRole", name, "") for verb in rule.verbs}

    assert verbs("admin") == {"create", "get"}
    assert verbs("view") == {"create", "get"}
    assert verbs("a") == {"create"}


@pytest.mark.parametrize(
    "kind, name, namespace, text",
    [
        ("Role", "x", "team", 'role.rbac.authorization.k8s.io "x" not found'),
        ("ClusterRole", "x", "", 'clusterrole.rbac.authorization.k8s.io "x" not found'),
        ("Team", "x", "", 'unsupported role reference kind: "Team"'),
    ],
)
def test_missing_roles_are_named(kind: str, name: str, namespace: str, text: str) -> None:
    """A reference to a role that is not there says so in kube-apiserver's words."""
    with pytest.raises(LookupError) as caught:
        policy_from_manifests().rules_of(kind, name, namespace)
    assert str(caught.value) == text


def test_rules_survive_the_round_trip() -> None:
    """A rule becomes an object and the same rule again."""
    rule = Rule(("get",), ("",), ("pods",), ("a",), ())
    assert rule_from_manifest(rule_to_manifest(rule)) == rule
    assert rule_from_manifest({}) == Rule()


@pytest.mark.parametrize(
    "text, labels, matches",
    [
        ("", {}, True),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("!a", {"a": "1"}, False),
        ("a=1", {"a": "1"}, True),
        ("a==1", {"a": "2"}, False),
        ("a!=1", {}, True),
        ("a!=1", {"a": "1"}, False),
        ("a in (1, 2)", {"a": "2"}, True),
        ("a in (1,2)", {}, False),
        ("a notin (1)", {}, True),
        ("a notin (1)", {"a": "1"}, False),
        ("n > 5", {"n": "6"}, True),
        ("n < 5", {"n": "x"}, False),
        ("a=1,b in (x),!c", {"a": "1", "b": "x"}, True),
        ("a=", {"a": ""}, True),
        ("x.io/a=1", {"x.io/a": "1"}, True),
    ],
)
def test_label_selectors(text: str, labels: dict[str, str], matches: bool) -> None:
    """Selectors in text form select as the documentation says."""
    assert all(requirement.matches(labels) for requirement in parse_label_selector(text)) is matches


@pytest.mark.parametrize(
    "text", ["a b", "a in", "a in (", "a in 1", ",", "a,", "=1", "n > x", "a=1 b", "!!a", "a=(", "-"]
)
def test_malformed_selectors_are_refused(text: str) -> None:
    """A selector that does not parse is an error, not an empty selection."""
    with pytest.raises(ValueError, match=r"found|must be an integer|Invalid value"):
        parse_label_selector(text)


def test_selector_objects() -> None:
    """Expressions and labels of a selector object must all match."""
    selector = {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["x"]}]}
    assert matches_label_selector(selector, {"a": "1"})
    assert not matches_label_selector(selector, {"a": "1", "b": "x"})
    assert matches_label_selector({}, {})
