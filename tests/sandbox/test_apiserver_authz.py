"""Authorization through the API: refusals, grants, escalation, and the reviews that ask about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.apiserver_kit import ADMIN, ALICE, CORE, DEFAULT, RBAC, running

PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}
AUTHZ = "/apis/authorization.k8s.io/v1"


@pytest.mark.parametrize(
    "method, path, message, details",
    [
        (
            "GET",
            f"{DEFAULT}/pods",
            'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"',
            {"kind": "pods"},
        ),
        (
            "DELETE",
            f"{RBAC}/clusterroles/x",
            (
                'clusterroles.rbac.authorization.k8s.io "x" is forbidden: User "alice" cannot delete resource "clusterroles" '
                'in API group "rbac.authorization.k8s.io" at the cluster scope'
            ),
            {"name": "x", "group": "rbac.authorization.k8s.io", "kind": "clusterroles"},
        ),
        (
            "GET",
            f"{DEFAULT}/pods/p/log",
            (
                'pods "p" is forbidden: User "alice" cannot get resource "pods/log" in API group "" '
                'in the namespace "default"'
            ),
            {"name": "p", "kind": "pods"},
        ),
        ("GET", "/<x>", 'forbidden: User "alice" cannot get path "/&lt;x&gt;"', {}),
        (
            "GET",
            f"{CORE}/nodes?watch=1",
            'nodes is forbidden: User "alice" cannot watch resource "nodes" in API group "" at the cluster scope',
            {"kind": "nodes"},
        ),
        (
            "DELETE",
            f"{DEFAULT}/secrets",
            (
                'secrets is forbidden: User "alice" cannot deletecollection resource "secrets" in API group "" '
                'in the namespace "default"'
            ),
            {"kind": "secrets"},
        ),
    ],
)
async def test_refusals_read_as_kubernetes_writes_them(
    tmp_path: Path, method: str, path: str, message: str, details: dict[str, str]
) -> None:
    """A 403 says who may not do what where, in kube-apiserver's words."""
    async with running(tmp_path) as (api, _):
        reply = await api(method, path, token=ALICE)
        assert reply.status == 403
        assert (reply.json["message"], reply.json["reason"], reply.json["details"]) == (message, "Forbidden", details)


async def test_bindings_take_effect_at_once_and_only_where_they_count(tmp_path: Path) -> None:
    """A role binding opens its namespace and no other, and closes it when it is deleted."""
    async with running(tmp_path) as (api, _):
        await api.grant("pods", [PODS], namespace="default")
        assert (await api("GET", f"{DEFAULT}/pods", token=ALICE)).status == 200
        assert (await api("GET", f"{CORE}/pods", token=ALICE)).status == 403
        assert (await api("GET", f"{CORE}/namespaces/kube-system/pods", token=ALICE)).status == 403
        await api("DELETE", f"{RBAC}/namespaces/default/rolebindings/pods")
        assert (await api("GET", f"{DEFAULT}/pods", token=ALICE)).status == 403


async def test_resource_names_let_lists_of_one_through(tmp_path: Path) -> None:
    """A rule with a name permits reading that object, also as a list that selects it by name."""
    rule = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"]}
    async with running(tmp_path) as (api, _):
        await api.grant("one", [rule], namespace="default")
        for path, status in (("/a", 404), ("/b", 403), ("", 403), ("?fieldSelector=metadata.name%3Da", 200)):
            assert (await api("GET", f"{DEFAULT}/configmaps{path}", token=ALICE)).status == status, path


async def test_default_roles_are_filled_in_and_extensible(tmp_path: Path) -> None:
    """Admin contains edit contains view, and a labelled role adds to all of them."""
    async with running(tmp_path) as (api, _):

        async def verbs(name: str, resource: str) -> set[str]:
            rules = (await api("GET", f"{RBAC}/clusterroles/{name}")).json["rules"]
            return {verb for rule in rules if resource in rule.get("resources", ()) for verb in rule["verbs"]}

        assert await verbs("view", "configmaps") == {"get", "list", "watch"}
        assert await verbs("view", "secrets") == set()
        assert "create" in await verbs("edit", "secrets")
        assert {"create", "get"} <= await verbs("admin", "rolebindings")
        labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
        rule = {"verbs": ["get"], "apiGroups": ["x.io"], "resources": ["widgets"]}
        await api.create(f"{RBAC}/clusterroles", "ClusterRole", "more", rules=[rule], metadata={"labels": labels})
        assert await verbs("admin", "widgets") == {"get"}


async def test_nobody_grants_more_than_they_hold(tmp_path: Path) -> None:
    """Writing roles and bindings beyond one's own needs escalate and bind."""
    manage = {"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]}
    manage["verbs"] = ["get", "create", "update", "patch", "delete"]
    roles, bindings = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"

    def role(name: str, rule: dict[str, Any]) -> dict[str, Any]:
        return {"metadata": {"name": name}, "rules": [rule]}

    def binding(name: str, kind: str, target: str) -> dict[str, Any]:
        subject = {"kind": "User", "name": "alice"}
        return {"metadata": {"name": name}, "roleRef": {"kind": kind, "name": target}, "subjects": [subject]}

    async with running(tmp_path) as (api, _):
        await api.grant("manager", [manage, PODS], namespace="default")
        assert (await api("POST", roles, role("ok", PODS), token=ALICE)).status == 201
        secrets = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}
        refused = await api("POST", roles, role("no", secrets), token=ALICE)
        assert (refused.status, refused.message) == (
            403,
            (
                'roles.rbac.authorization.k8s.io "no" is forbidden: user "alice" (groups=["devs" "ops" '
                '"system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
                '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
            ),
        )
        widened = [{"op": "add", "path": "/rules/-", "value": secrets}]
        patched = await api("PATCH", f"{roles}/ok", widened, token=ALICE, content_type="application/json-patch+json")
        assert patched.status == 403
        assert (await api("POST", bindings, binding("a", "ClusterRole", "cluster-admin"), token=ALICE)).status == 403
        assert (await api("POST", bindings, binding("b", "Role", "absent"), token=ALICE)).status == 404
        assert (await api("POST", bindings, binding("c", "Role", "ok"), token=ALICE)).status == 201
        bind = {"verbs": ["bind"], "apiGroups": ["*"], "resources": ["clusterroles"], "resourceNames": ["view"]}
        escalate = {"verbs": ["escalate"], "apiGroups": ["*"], "resources": ["roles"]}
        await api.grant("more", [bind, escalate], namespace="default")
        assert (await api("POST", bindings, binding("d", "ClusterRole", "view"), token=ALICE)).status == 201
        assert (await api("POST", roles, role("no", secrets), token=ALICE)).status == 201


@pytest.mark.parametrize(
    "path, body, texts",
    [
        ("roles", {"rules": [{}]}, ["rules[0].verbs: Required", "rules[0].apiGroups: Required"]),
        ("roles", {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/"]}]}, ["namespaced rules cannot apply"]),
        ("rolebindings", {"roleRef": {"kind": "Team", "name": "x"}}, ['Unsupported value: "Team"']),
        ("rolebindings", {}, ["roleRef.kind", "roleRef.name: Required value"]),
        (
            "rolebindings",
            {"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "Robot"}]},
            ["subjects[0].name: Required", 'subjects[0].kind: Unsupported value: "Robot"'],
        ),
    ],
)
async def test_malformed_roles_and_bindings(tmp_path: Path, path: str, body: Any, texts: list[str]) -> None:
    """Roles and bindings that mean nothing are invalid, with each field named."""
    async with running(tmp_path) as (api, _):
        reply = await api("POST", f"{RBAC}/namespaces/default/{path}", {"metadata": {"name": "x"}, **body})
        assert reply.status == 422
        for text in texts:
            assert text in reply.message


async def test_a_bindings_role_cannot_change(tmp_path: Path) -> None:
    """The role of a binding is fixed; its subjects are not."""
    async with running(tmp_path) as (api, _):
        await api.grant("x", [PODS])
        path = f"{RBAC}/clusterrolebindings/x"
        merge = "application/merge-patch+json"
        reply = await api("PATCH", path, {"roleRef": {"name": "view"}}, content_type=merge)
        assert (reply.status, "cannot change roleRef" in reply.message) == (422, True)
        assert (await api("PATCH", path, {"subjects": []}, content_type=merge)).status == 200


@pytest.mark.parametrize("token, allowed", [(ADMIN, True), (ALICE, False)])
async def test_self_subject_access_review(tmp_path: Path, token: str, allowed: bool) -> None:
    """Everyone may ask what they may do."""
    spec = {"resourceAttributes": {"verb": "get", "resource": "secrets", "namespace": "default"}}
    async with running(tmp_path) as (api, _):
        reply = await api("POST", f"{AUTHZ}/selfsubjectaccessreviews", {"spec": spec}, token=token)
        assert (reply.status, reply.json["status"]["allowed"]) == (201, allowed)


async def test_reviews_about_others(tmp_path: Path) -> None:
    """Subject access reviews name the binding that allows; they need permission, and sense."""
    path = f"{AUTHZ}/subjectaccessreviews"
    ask = {"user": "alice", "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}
    async with running(tmp_path) as (api, _):
        await api.grant("pods", [PODS])
        reply = await api("POST", path, {"spec": ask})
        assert reply.json["status"] == {
            "allowed": True,
            "reason": 'RBAC: allowed by ClusterRoleBinding "pods" of ClusterRole "pods" to User "alice"',
        }
        local = f"{AUTHZ}/namespaces/default/localsubjectaccessreviews"
        assert (await api("POST", local, {"spec": ask})).json["status"]["allowed"] is True
        other = {**ask, "resourceAttributes": {**ask["resourceAttributes"], "namespace": "kube-system"}}  # type: ignore[dict-item]
        assert (await api("POST", local, {"spec": other})).status == 400
        urls = {"groups": ["system:authenticated"], "nonResourceAttributes": {"path": "/api", "verb": "get"}}
        assert (await api("POST", path, {"spec": urls})).json["status"]["allowed"] is True
        for spec in ({}, {"user": "a"}, {**ask, "nonResourceAttributes": {}}):
            assert (await api("POST", path, {"spec": spec})).status == 422
        assert (await api("POST", path, {"spec": ask}, token=ALICE)).status == 403


async def test_rules_review(tmp_path: Path) -> None:
    """The rules review lists what the user holds in a namespace."""
    path = f"{AUTHZ}/selfsubjectrulesreviews"
    async with running(tmp_path) as (api, _):
        await api.grant("pods", [PODS], namespace="default")
        status = (await api("POST", path, {"spec": {"namespace": "default"}}, token=ALICE)).json["status"]
        assert PODS in status["resourceRules"]
        assert status["incomplete"] is False
        assert any("/version" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
        assert (await api("POST", path, {}, token=ALICE)).status == 400


async def test_token_review(tmp_path: Path) -> None:
    """The server reviews tokens for those who may ask."""
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    async with running(tmp_path) as (api, _):
        good = (await api("POST", path, {"spec": {"token": ALICE}})).json["status"]
        assert (good["authenticated"], good["user"]["username"]) == (True, "alice")
        bad = (await api("POST", path, {"spec": {"token": "x"}})).json["status"]
        assert "authenticated" not in bad
        foreign = (await api("POST", path, {"spec": {"token": ALICE, "audiences": ["else"]}})).json["status"]
        assert "authenticated" not in foreign
        assert (await api("POST", path, {"spec": {"token": ALICE}}, token=ALICE)).status == 403
