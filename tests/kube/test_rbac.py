"""Role-based access control, decided as kube-apiserver decides it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.kube.rbac import Attributes, Binding, Policy, Rule, Subject, User, evaluate, rules_for, url_covers
from eksauth.kube.rbac_escalation import compact, describe, missing_rules
from eksauth.kube.text import quoted, quoted_list

ALICE = User("alice", ("devs", "system:authenticated"))


def on(verb: str = "get", resource: str = "pods", **more: str) -> Attributes:
    """Make a request of alice's on a resource."""
    plain, _slash, subresource = resource.partition("/")
    return Attributes(ALICE, verb, resource=plain, subresource=subresource, **more)


def rule(verbs: str = "get", resources: str = "pods", groups: str = "", names: str = "") -> Rule:
    """Make a rule from comma-separated lists."""
    return Rule(
        tuple(verbs.split(",")), tuple(groups.split(",")), tuple(resources.split(",")), tuple(names.split()) or ()
    )


@pytest.mark.parametrize(
    "granted, request_, allowed",
    [
        pytest.param(rule(), on(), True, id="exact"),
        pytest.param(rule(), on("list"), False, id="other verb"),
        pytest.param(rule("*"), on("list"), True, id="any verb"),
        pytest.param(rule(groups="apps"), on(), False, id="other group"),
        pytest.param(rule(groups="*"), on(group="apps"), True, id="any group"),
        pytest.param(rule(), on(resource="pods/log"), False, id="a resource does not give its subresources"),
        pytest.param(rule(resources="pods/log"), on(resource="pods/log"), True, id="subresource"),
        pytest.param(rule(resources="pods/log"), on(), False, id="a subresource does not give its resource"),
        pytest.param(rule(resources="*/scale"), on(resource="deployments/scale"), True, id="any resource's scale"),
        pytest.param(rule(resources="*/scale"), on(resource="deployments/status"), False, id="scale is not status"),
        pytest.param(rule(resources="pods/*"), on(resource="pods/log"), False, id="pods/* is no wildcard"),
        pytest.param(rule(resources="*"), on(resource="pods/log"), True, id="star covers subresources"),
        pytest.param(rule(names="a b"), on(name="b"), True, id="named"),
        pytest.param(rule(names="a"), on(name="c"), False, id="another name"),
        pytest.param(rule(names="a"), on("create"), False, id="names and creation do not meet"),
        pytest.param(rule("list", names="a"), on("list"), False, id="a list has no name"),
        pytest.param(Rule(("get",), non_resource_urls=("/x",)), on(), False, id="urls give no resources"),
        pytest.param(rule("*", "*", "*"), Attributes(ALICE, "get", path="/x"), False, id="resources give no urls"),
    ],
)
def test_rule_allows(granted: Rule, request_: Attributes, allowed: bool) -> None:
    """A rule permits exactly what its verbs, groups, resources and names say."""
    assert granted.allows(request_) is allowed


@pytest.mark.parametrize(
    "pattern, path, covered",
    [
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/x", False),
        ("/healthz/*", "/healthz/x", True),
        ("/healthz/*", "/healthz", False),
        ("/api*", "/apis/x", True),
        ("*", "/anything", True),
        ("/a/*/b", "/a/x/b", False),
    ],
)
def test_url_patterns(pattern: str, path: str, covered: bool) -> None:
    """Only a trailing star is a wildcard in a non-resource URL."""
    assert url_covers(pattern, path) is covered


@pytest.mark.parametrize(
    "subject, user, namespace, matches",
    [
        pytest.param(Subject("User", "alice"), ALICE, "", True, id="user"),
        pytest.param(Subject("User", "Alice"), ALICE, "", False, id="names are case-sensitive"),
        pytest.param(Subject("Group", "devs"), ALICE, "", True, id="group"),
        pytest.param(Subject("Group", "alice"), ALICE, "", False, id="a user name is no group"),
        pytest.param(
            Subject("ServiceAccount", "bot", "ci"), User("system:serviceaccount:ci:bot"), "x", True, id="account"
        ),
        pytest.param(
            Subject("ServiceAccount", "bot"), User("system:serviceaccount:ci:bot"), "ci", True, id="binding's namespace"
        ),
        pytest.param(
            Subject("ServiceAccount", "bot"), User("system:serviceaccount:ci:bot"), "", False, id="no namespace at all"
        ),
        pytest.param(
            Subject("ServiceAccount", "bot", "ci"), User("system:serviceaccount:ci:bot:x"), "", False, id="longer name"
        ),
        pytest.param(Subject("Robot", "alice"), ALICE, "", False, id="unknown kind"),
    ],
)
def test_subjects(subject: Subject, user: User, namespace: str, matches: bool) -> None:
    """A subject means a user by name, by group, or as a service account of a namespace."""
    assert subject.matches(user, namespace) is matches


def policy() -> Policy:
    """Make a policy with one binding of each sort, one of them dangling."""
    return Policy(
        roles={("", "reader"): (rule("get,list"),), ("team", "writer"): (rule("create"),)},
        cluster_bindings=(
            Binding("dangling", "ClusterRole", "gone", (Subject("User", "alice"),)),
            Binding("everywhere", "ClusterRole", "reader", (Subject("Group", "devs"),)),
        ),
        bindings={"team": (Binding("local", "Role", "writer", (Subject("User", "alice"),), "team"),)},
    )


@pytest.mark.parametrize(
    "request_, reason",
    [
        (on(namespace="any"), 'ClusterRoleBinding "everywhere" of ClusterRole "reader" to Group "devs"'),
        (on("create", namespace="team"), 'RoleBinding "local/team" of Role "writer" to User "alice"'),
    ],
    ids=["cluster binding", "role binding"],
)
def test_reason_names_what_granted(request_: Attributes, reason: str) -> None:
    """A yes names the binding, the role and the subject in kube-apiserver's words."""
    decision = evaluate(request_, policy())
    assert (decision.allowed, decision.reason) == (True, f"RBAC: allowed by {reason}")
    assert decision.binding is not None
    assert decision.rule is not None
    assert decision.rule.allows(request_)


@pytest.mark.parametrize("namespace", ["", "other"])
def test_role_binding_counts_in_its_namespace_only(namespace: str) -> None:
    """A role binding gives nothing elsewhere, and the refusal reports roles that are missing."""
    decision = evaluate(on("create", namespace=namespace), policy())
    assert not decision.allowed
    assert decision.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'


def test_superusers_need_no_role() -> None:
    """Members of system:masters are allowed without any binding and without a reason."""
    decision = evaluate(Attributes(User("root", ("system:masters",)), "x", path="/y"), Policy({}))
    assert (decision.allowed, decision.reason) == (True, "")


def test_rules_for_collects_rules_and_errors() -> None:
    """The rules of a user in a namespace come from both sorts of bindings; dangling ones are errors."""
    granted = rules_for(ALICE, "team", policy())
    assert granted.rules == (rule("get,list"), rule("create"))
    assert granted.errors == ('clusterrole.rbac.authorization.k8s.io "gone" not found',)


@pytest.mark.parametrize(
    "owned, wanted, missing",
    [
        pytest.param([rule("get,list")], rule("get"), [], id="part of a rule"),
        pytest.param([rule("get"), rule("list")], rule("get,list"), [], id="two rules together"),
        pytest.param([rule("get", names="a")], rule("get"), [rule("get")], id="a name is less than all"),
        pytest.param([rule("get")], rule("get", names="a"), [], id="all is more than a name"),
        pytest.param([rule("get", "*/log")], rule("get", "pods/log"), [], id="subresource wildcard"),
        pytest.param([rule("get", "*/log")], rule("get", "pods"), [rule("get", "pods")], id="not the resource"),
        pytest.param([rule("*", "*", "*")], rule("x", "y,z", "w"), [], id="everything"),
        pytest.param([rule("*", "*")], rule("*", "*", "*"), [rule("*", "*", "*")], id="one group is not all"),
        pytest.param(
            [Rule(("get",), non_resource_urls=("/a/*",))],
            Rule(("get",), non_resource_urls=("/a/b", "/c")),
            [Rule(("get",), non_resource_urls=("/c",))],
            id="urls",
        ),
    ],
)
def test_missing_rules(owned: list[Rule], wanted: Rule, missing: list[Rule]) -> None:
    """What a user may not grant is exactly what no single rule of the user's own covers."""
    assert list(missing_rules(owned, [wanted])) == missing


WORDS = st.lists(st.sampled_from(["get", "list", "*", "pods", "pods/log", "*/log", "a", "b"]), min_size=1, max_size=3)
RULES = st.builds(
    Rule,
    verbs=WORDS.map(tuple),
    api_groups=WORDS.map(tuple),
    resources=WORDS.map(tuple),
    resource_names=st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
)


@given(owned=st.lists(RULES, max_size=4), wanted=RULES, name=st.sampled_from(["", "a", "b"]))
def test_what_is_covered_is_allowed(owned: list[Rule], wanted: Rule, name: str) -> None:
    """When nothing is missing, every request that the wanted rule permits is permitted by the owned ones."""
    if missing_rules(owned, [wanted]):
        return
    for verb in ("get", "list", "delete"):
        for resource in ("pods", "pods/log", "secrets"):
            request = on(verb, resource, group="a", name=name)
            assert not wanted.allows(request) or any(mine.allows(request) for mine in owned)


@given(st.lists(RULES, max_size=5))
def test_everyone_may_grant_what_they_hold(rules: list[Rule]) -> None:
    """No rule is missing from itself."""
    assert missing_rules(rules, rules) == ()


def test_refusals_list_rules_compactly() -> None:
    """Permissions that differ in the verb are listed on one line, in Go's notation."""
    (merged,) = compact(missing_rules([], [rule("get,list", names="a")]))
    assert describe(merged) == '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "list"]}'


def test_text_is_quoted_as_go_quotes() -> None:
    """Quotes, backslashes and control characters are escaped; other printable text stays."""
    assert quoted('a"b\\c\n\x01é\u200b😀') == r'"a\"b\\c\n\x01é' + r'\u200b😀"'
    assert quoted_list(["a", "b c"]) == '["a" "b c"]'
