"""The embedded API server against a real kube-apiserver: the same requests, the same answers."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.sandbox.apiserver_kit import ADMIN, ALICE, CORE, DEFAULT, RBAC, Api, Reply, running
from tests.sandbox.apiserver_real import assets, real_api_server

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
PLAIN = "application/json"
CM = f"{DEFAULT}/configmaps"
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
AUTHZ = "/apis/authorization.k8s.io/v1"
AUTHN = "/apis/authentication.k8s.io/v1"
Step = tuple[str, str, str, Any, str]


def named(name: str, **rest: Any) -> dict[str, Any]:
    """Make an object that has a name."""
    return {"metadata": {"name": name}, **rest}


def rule(verbs: str, resources: str, group: str = "") -> dict[str, Any]:
    """Make a policy rule."""
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}


def bound(name: str, kind: str, role: str, user: str = "alice") -> dict[str, Any]:
    """Make a binding."""
    return named(name, roleRef={"kind": kind, "name": role}, subjects=[{"kind": "User", "name": user}])


CONTAINERS = [
    {"name": "a", "image": "x:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
    {"name": "b", "image": "y:1", "ports": [{"containerPort": 80}]},
]
MANAGE = rule("get create update patch delete", "roles rolebindings", "rbac.authorization.k8s.io")
QUESTION = {"verb": "list", "resource": "pods", "namespace": "default"}

STEPS: list[Step] = [
    # who is it, and what may they read
    (ADMIN, "POST", f"{AUTHN}/selfsubjectreviews", {}, PLAIN),
    (ALICE, "POST", f"{AUTHN}/selfsubjectreviews", {}, PLAIN),
    ("wrong", "GET", "/api", None, PLAIN),
    ("", "GET", "/api", None, PLAIN),
    ("", "GET", "/version/nope", None, PLAIN),
    ("", "GET", f"{DEFAULT}/pods", None, PLAIN),
    ("", "GET", "/healthz", None, PLAIN),
    ("wrong", "GET", "/healthz", None, PLAIN),
    (ALICE, "GET", f"{DEFAULT}/pods/p/log", None, PLAIN),
    (ALICE, "GET", f"{CORE}/nodes?watch=true", None, PLAIN),
    (ALICE, "DELETE", f"{DEFAULT}/secrets", None, PLAIN),
    (ALICE, "PATCH", f"{RBAC}/clusterroles/x", {}, MERGE),
    (ALICE, "GET", "/<x>", None, PLAIN),
    (ALICE, "GET", "/apis/nope.io/v1/things", None, PLAIN),
    (ADMIN, "GET", "/nope", None, PLAIN),
    (ADMIN, "GET", f"{CORE}/nopes", None, PLAIN),
    (ADMIN, "GET", "/api/v9", None, PLAIN),
    (ADMIN, "PUT", CM, {}, PLAIN),
    (ADMIN, "POST", f"{CM}/x", {}, PLAIN),
    (ADMIN, "GET", f"{DEFAULT}/configmaps/x/y", None, PLAIN),
    # objects
    (ADMIN, "POST", CM, b"", PLAIN),
    (ADMIN, "POST", CM, b"{", PLAIN),
    (ADMIN, "POST", CM, {}, PLAIN),
    (ADMIN, "POST", CM, named("a", kind="Secret", apiVersion="v1"), PLAIN),
    (ADMIN, "POST", CM, named("a", kind="ConfigMap", apiVersion="v2"), PLAIN),
    (ADMIN, "POST", CM, named("A_b"), PLAIN),
    (ADMIN, "POST", CM, named("a", data={"k/": "v"}), PLAIN),
    (ADMIN, "POST", CM, {"metadata": {"name": "a", "labels": {"x y": "1"}}}, PLAIN),
    (ADMIN, "POST", CM, {"metadata": {"name": "a", "labels": {"x": "no good"}}}, PLAIN),
    (ADMIN, "POST", CM, {"metadata": {"name": "a", "resourceVersion": "1"}}, PLAIN),
    (ADMIN, "POST", CM, {"metadata": {"name": "a", "namespace": "kube-system"}}, PLAIN),
    (ADMIN, "POST", CM, {"metadata": {"name": "a", "finalizers": ["nope"]}}, PLAIN),
    (ADMIN, "POST", f"{CORE}/namespaces/absent/configmaps", named("a"), PLAIN),
    (ADMIN, "POST", CM, named("a", data={"k": 1}), PLAIN),
    (ADMIN, "POST", f"{CM}?fieldValidation=Strict", named("a", foo=1, data={"k": "1"}), PLAIN),
    (ADMIN, "POST", f"{CM}?fieldValidation=Loud", named("a"), PLAIN),
    (ADMIN, "POST", f"{CM}?dryRun=Some", named("a"), PLAIN),
    (ADMIN, "POST", f"{CM}?dryRun=All", named("a", data={"k": "v"}), PLAIN),
    (ADMIN, "GET", f"{CM}/a", None, PLAIN),
    (ADMIN, "POST", CM, named("a", data={"k": "v", "l": ""}, binaryData={"b": "AAE="}), PLAIN),
    (ADMIN, "POST", CM, named("a"), PLAIN),
    (ADMIN, "PUT", f"{CM}/a", named("b"), PLAIN),
    (ADMIN, "PUT", f"{CM}/b", named("b"), PLAIN),
    (ADMIN, "PUT", f"{CM}/a", {"metadata": {"name": "a", "resourceVersion": "1"}}, PLAIN),
    (ADMIN, "PUT", f"{CM}/a", {"metadata": {"name": "a", "resourceVersion": "x"}}, PLAIN),
    (ADMIN, "PUT", f"{CM}/a", {"metadata": {"name": "a", "labels": {"n": "1"}}, "data": {"k": "w"}}, PLAIN),
    (ADMIN, "PATCH", f"{CM}/a", {}, PLAIN),
    (ADMIN, "PATCH", f"{CM}/a", {"data": {"k": None, "z": "1"}}, MERGE),
    (ADMIN, "PATCH", f"{CM}/a", {"data": {"y": "2"}}, STRATEGIC),
    (ADMIN, "PATCH", f"{CM}/a", [], MERGE),
    (ADMIN, "PATCH", f"{CM}/a", {}, JSON_PATCH),
    (ADMIN, "PATCH", f"{CM}/a", [{"op": "test", "path": "/data/z", "value": "9"}], JSON_PATCH),
    (ADMIN, "PATCH", f"{CM}/a", [{"op": "replace", "path": "/data/z", "value": "3"}], JSON_PATCH),
    (ADMIN, "PATCH", f"{CM}/a", {"metadata": {"resourceVersion": "1"}}, MERGE),
    (ADMIN, "PATCH", f"{CM}/a", {"metadata": {"name": "z"}}, MERGE),
    (ADMIN, "PATCH", f"{CM}/a", {"metadata": {"uid": "z"}}, MERGE),
    (ADMIN, "PATCH", f"{CM}/nope", {}, MERGE),
    (ADMIN, "GET", f"{CM}?labelSelector=n%3D1", None, PLAIN),
    (ADMIN, "GET", f"{CM}?labelSelector=n+n", None, PLAIN),
    (ADMIN, "GET", f"{CM}?fieldSelector=metadata.name%3Da", None, PLAIN),
    (ADMIN, "GET", f"{CM}?fieldSelector=nope%3D1", None, PLAIN),
    (ADMIN, "GET", f"{CM}?fieldSelector=nope", None, PLAIN),
    (ADMIN, "GET", f"{CM}?limit=x", None, PLAIN),
    (ADMIN, "GET", f"{CM}?watch=1&resourceVersion=x", None, PLAIN),
    (ADMIN, "DELETE", f"{CM}/a", {"preconditions": {"resourceVersion": "1"}}, PLAIN),
    (ADMIN, "DELETE", f"{CM}/a", None, PLAIN),
    (ADMIN, "DELETE", f"{CM}/a", None, PLAIN),
    (ADMIN, "PATCH", f"{CM}/s", named("s", data={"k": "1"}, apiVersion="v1", kind="ConfigMap"), APPLY),
    *(
        (
            ADMIN,
            "PATCH",
            f"{CM}/s?fieldManager={manager}{force}",
            named("s", data=data, apiVersion="v1", kind="ConfigMap"),
            APPLY,
        )
        for manager, force, data in (
            ("one", "", {"k": "1", "l": "1"}),
            ("two", "", {"k": "2"}),
            ("two", "&force=true", {"k": "2"}),
            ("one", "", {"m": "1"}),
        )
    ),
    (ADMIN, "POST", f"{DEFAULT}/secrets", named("s", stringData={"k": "v"}, immutable=True), PLAIN),
    (ADMIN, "PATCH", f"{DEFAULT}/secrets/s", {"stringData": {"k": "w"}}, MERGE),
    (ADMIN, "PATCH", f"{DEFAULT}/secrets/s", {"type": "other"}, MERGE),
    (ADMIN, "POST", f"{DEFAULT}/secrets", named("t", type="kubernetes.io/tls"), PLAIN),
    (ADMIN, "POST", f"{DEFAULT}/pods", named("p"), PLAIN),
    (ADMIN, "POST", f"{DEFAULT}/pods", named("p", spec={"containers": [{}]}), PLAIN),
    # namespaces
    (ADMIN, "POST", f"{CORE}/namespaces", named("Bad.Name"), PLAIN),
    (ADMIN, "POST", f"{CORE}/namespaces", named("team"), PLAIN),
    (ADMIN, "DELETE", f"{CORE}/namespaces/default", None, PLAIN),
    (ADMIN, "DELETE", f"{CORE}/namespaces", None, PLAIN),
    (ADMIN, "POST", f"{CORE}/namespaces/team/serviceaccounts", named("bot"), PLAIN),
    # roles, bindings, escalation
    (ADMIN, "POST", ROLES, named("x", rules=[{}]), PLAIN),
    (ADMIN, "POST", ROLES, named("x", rules=[{"verbs": ["get"], "nonResourceURLs": ["/"]}]), PLAIN),
    (ADMIN, "POST", ROLES, named("a/b"), PLAIN),
    (ADMIN, "POST", BINDINGS, named("x"), PLAIN),
    (ADMIN, "POST", BINDINGS, bound("x", "Team", "y"), PLAIN),
    (ADMIN, "POST", BINDINGS, {**bound("x", "Role", "y"), "subjects": [{"kind": "Robot"}]}, PLAIN),
    (ADMIN, "POST", f"{RBAC}/clusterrolebindings", bound("x", "Role", "y"), PLAIN),
    (ADMIN, "POST", f"{RBAC}/clusterroles", named("agg", aggregationRule={}), PLAIN),
    (ADMIN, "POST", ROLES, named("manager", rules=[MANAGE, rule("get list", "pods")]), PLAIN),
    (ADMIN, "POST", BINDINGS, bound("manager", "Role", "manager"), PLAIN),
    (ALICE, "GET", f"{DEFAULT}/pods", None, PLAIN),
    (ALICE, "GET", f"{CORE}/pods", None, PLAIN),
    (ALICE, "POST", ROLES, named("ok", rules=[rule("get", "pods")]), PLAIN),
    (ALICE, "POST", ROLES, named("no", rules=[rule("get list", "secrets configmaps")]), PLAIN),
    (ALICE, "POST", BINDINGS, bound("root", "ClusterRole", "cluster-admin"), PLAIN),
    (ALICE, "POST", BINDINGS, bound("none", "Role", "absent"), PLAIN),
    (ALICE, "POST", BINDINGS, bound("fine", "Role", "ok"), PLAIN),
    (ALICE, "PATCH", f"{BINDINGS}/fine", {"roleRef": {"name": "manager"}}, MERGE),
    (ADMIN, "POST", f"{RBAC}/clusterrolebindings", bound("dangling", "ClusterRole", "gone"), PLAIN),
    (ALICE, "GET", f"{DEFAULT}/secrets", None, PLAIN),
    # reviews
    (ALICE, "POST", f"{AUTHZ}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": QUESTION}}, PLAIN),
    (ALICE, "POST", f"{AUTHZ}/selfsubjectaccessreviews", {"spec": {}}, PLAIN),
    (
        ADMIN,
        "POST",
        f"{AUTHZ}/subjectaccessreviews",
        {"spec": {"user": "alice", "resourceAttributes": QUESTION}},
        PLAIN,
    ),
    (ADMIN, "POST", f"{AUTHZ}/subjectaccessreviews", {"spec": {"resourceAttributes": QUESTION}}, PLAIN),
    (ALICE, "POST", f"{AUTHZ}/subjectaccessreviews", {"spec": {}}, PLAIN),
    (ADMIN, "POST", f"{AUTHN}/tokenreviews", {"spec": {"token": ALICE}}, PLAIN),
    (ADMIN, "POST", f"{AUTHN}/tokenreviews", {"spec": {}}, PLAIN),
    (ADMIN, "GET", f"{AUTHN}/tokenreviews", None, PLAIN),
    (ADMIN, "POST", f"{AUTHZ}/selfsubjectrulesreviews", {}, PLAIN),
]

POD_PATCHES: list[Any] = [
    {"containers": [{"name": "a", "image": "x:2"}]},
    {
        "$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
        "containers": [{"name": "a", "image": "x:3"}, {"name": "b", "image": "y:3"}],
    },
    {"tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}]},
]
METADATA_PATCHES: list[Any] = [
    {"labels": {"a": "1"}, "finalizers": ["x.io/a", "x.io/b"]},
    {"labels": {"a": None, "b": "2"}, "$deleteFromPrimitiveList/finalizers": ["x.io/a"]},
    {"finalizers": ["x.io/c"], "$setElementOrder/finalizers": ["x.io/c", "x.io/b"]},
    {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1"}]},
    {"ownerReferences": [{"uid": "1", "$patch": "delete"}]},
    {"annotations": {"y": "1"}},
    {"annotations": {"$patch": "replace", "z": "1"}},
    {"finalizers": ["x.io/e", "x.io/b", "x.io/d"]},
    {"finalizers": ["x.io/new"]},
    {"finalizers": ["x.io/f"], "$deleteFromPrimitiveList/finalizers": ["x.io/new"]},
    {"finalizers": ["x.io/a"], "$setElementOrder/finalizers": ["x.io/d", "x.io/a", "x.io/b"]},
]
_VOLATILE = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "time", "generation"}
_REASON_ONLY = {
    # a byte-exact text would mean copying the insides of Go programs
    "Precondition failed",
    "json parse error: unexpected end",
    "couldn't get version/kind",
}


@pytest.fixture(name="real", scope="module")
def real_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the real server once for all comparisons."""
    programs = assets()
    if programs is None:
        pytest.skip("KUBEBUILDER_ASSETS names no directory with kube-apiserver and etcd")
    with real_api_server(tmp_path_factory.mktemp("real"), programs) as endpoint:
        yield endpoint


def normal(value: Any) -> Any:
    """Drop what differs from run to run, and empty fields, which Go writes or not as its types have it."""
    if isinstance(value, dict):
        kept = {key: normal(entry) for key, entry in value.items() if key not in _VOLATILE}
        return {key: entry for key, entry in kept.items() if entry not in (None, "", [], {}, False)}
    if isinstance(value, list):
        return [entry for place, entry in enumerate(map(normal, value)) if entry not in map(normal, value[:place])]
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|record \(\d+\)", "VARIES", value)
    return value


def comparable(reply: Reply) -> Any:
    """Return what must be equal."""
    if not reply.text.startswith("{"):
        return reply.status, reply.text.strip()
    body = normal(reply.json)
    if any(part in str(body.get("message")) for part in _REASON_ONLY):
        return reply.status, body.get("reason")
    return reply.status, body


@pytest.mark.peer
async def test_same_answers(real: str, tmp_path: Path) -> None:
    """Every step of a long conversation is answered alike: status, reason, message, details and object."""
    differences = []
    async with running(tmp_path) as (ours, _), aiohttp.ClientSession() as session:
        theirs = Api(session, real, ssl._create_unverified_context())
        for token, method, path, body, media in STEPS:
            replies = [await api(method, path, body, token=token or None, content_type=media) for api in (theirs, ours)]
            expected, got = map(comparable, replies)
            if expected != got:
                differences.append(f"{method} {path} {body}\n  real {expected}\n  ours {got}")
    assert not differences, "\n".join(differences)


@pytest.mark.peer
async def test_same_strategic_merges(real: str, tmp_path: Path) -> None:
    """Strategic merge patches on containers and metadata end in the same objects."""
    differences = []
    async with running(tmp_path) as (ours, _), aiohttp.ClientSession() as session:
        theirs = Api(session, real, ssl._create_unverified_context())
        for api in (theirs, ours):
            await api.create(f"{DEFAULT}/pods", "Pod", "merged", spec={"containers": CONTAINERS})
        patches = [{"spec": patch} for patch in POD_PATCHES] + [{"metadata": patch} for patch in METADATA_PATCHES]
        for patch in patches:
            shown = []
            for api in (theirs, ours):
                reply = await api("PATCH", f"{DEFAULT}/pods/merged", patch, content_type=STRATEGIC)
                document = reply.json
                if "spec" not in document:
                    shown.append(comparable(reply))
                    continue
                own = [entry for entry in document["spec"].get("tolerations", []) if entry["key"] == "k"]
                shown.append((normal(document["metadata"]), normal(document["spec"]["containers"]), own))
            if shown[0] != shown[1]:
                differences.append(f"{patch}\n  real {shown[0]}\n  ours {shown[1]}")
    assert not differences, "\n".join(differences)


@pytest.mark.peer
async def test_same_watch(real: str, tmp_path: Path) -> None:
    """A watch with a selector sees the same events on both servers."""
    import json

    async def watched(api: Api) -> list[tuple[str, str]]:
        path = f"{DEFAULT}/configmaps"
        listed = (await api("GET", path)).json["metadata"]["resourceVersion"]
        await api.create(path, "ConfigMap", "w1", metadata={"labels": {"w": "x"}})
        await api.create(path, "ConfigMap", "w2")
        for labels in ({"w": "x", "n": "1"}, {"w": "y"}, {"w": "x"}):
            await api("PATCH", f"{path}/w1", {"metadata": {"labels": labels}}, content_type=MERGE)
        await api("DELETE", f"{path}/w1")
        query = f"watch=1&labelSelector=w%3Dx&resourceVersion={listed}&timeoutSeconds=2"
        lines = (await api("GET", f"{path}?{query}")).text.splitlines()
        events = [json.loads(line) for line in lines]
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events]

    async with running(tmp_path) as (ours, _), aiohttp.ClientSession() as session:
        theirs = Api(session, real, ssl._create_unverified_context())
        seen = await asyncio.gather(watched(theirs), watched(ours))
    assert seen[0] == seen[1]
    assert [kind for kind, _name in seen[1]] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
