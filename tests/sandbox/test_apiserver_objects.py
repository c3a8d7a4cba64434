"""Objects: creating, reading, changing, patching and deleting them, and every way in which that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.apiserver_kit import CORE, DEFAULT, RBAC, Api, running

CONFIG_MAPS = f"{DEFAULT}/configmaps"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


def config_map(name: str, **rest: Any) -> dict[str, Any]:
    """Make a config map."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **rest}


async def test_life_of_an_object(tmp_path: Path) -> None:
    """An object is created, read, replaced and deleted, and each write moves its resource version."""
    async with running(tmp_path) as (api, _):
        created = await api("POST", CONFIG_MAPS, config_map("a", data={"k": "v"}))
        assert created.status == 201
        metadata = created.json["metadata"]
        assert {"name", "namespace", "uid", "creationTimestamp", "resourceVersion"} == metadata.keys()
        assert (await api("GET", f"{CONFIG_MAPS}/a")).json == created.json
        again = await api("POST", CONFIG_MAPS, config_map("a"))
        assert (again.status, again.json["reason"]) == (409, "AlreadyExists")
        replaced = await api("PUT", f"{CONFIG_MAPS}/a", {**created.json, "data": {"k": "w"}})
        assert int(replaced.json["metadata"]["resourceVersion"]) > int(metadata["resourceVersion"])
        assert replaced.json["metadata"]["uid"] == metadata["uid"]
        stale = await api("PUT", f"{CONFIG_MAPS}/a", {**created.json, "data": {"k": "x"}})
        assert (stale.status, stale.json["reason"]) == (409, "Conflict")
        same = await api("PUT", f"{CONFIG_MAPS}/a", replaced.json)
        assert same.json["metadata"]["resourceVersion"] == replaced.json["metadata"]["resourceVersion"]
        deleted = await api("DELETE", f"{CONFIG_MAPS}/a")
        assert deleted.json["details"] == {"name": "a", "kind": "configmaps", "uid": metadata["uid"]}
        gone = await api("GET", f"{CONFIG_MAPS}/a")
        assert (gone.status, gone.message) == (404, 'configmaps "a" not found')


@pytest.mark.parametrize(
    "body, status, text",
    [
        (b"", 400, "unexpected end of JSON input"),
        (b"{", 400, "unexpected end of JSON input"),
        (b"[]", 400, "cannot unmarshal array"),
        (b'{"metadata": NaN}', 400, "couldn't get version/kind"),
        (b"\xff\xfe", 400, "couldn't get version/kind"),
        (b"[" * 100_000, 400, "exceeded max depth"),
        (b'{"a":' * 100_000, 400, "exceeded max depth"),
        (b"{}", 422, "name or generateName is required"),
        (config_map("a", kind="Secret"), 400, "Secret in version"),
        (config_map("a", apiVersion="v2"), 400, 'version "v2"'),
        (config_map("a", data=[]), 400, "cannot unmarshal array into Go struct field ConfigMap.data"),
        (
            config_map("a", data={"k": 1}),
            400,
            "cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
        (config_map("a", metadata=[]), 400, "cannot unmarshal array into Go struct field ConfigMap.metadata"),
        (config_map("A_b"), 422, "a lowercase RFC 1123 subdomain"),
        (config_map("a" * 254), 422, "no more than 253"),
        (config_map("a", data={"x/y": ""}), 422, "a valid config key"),
        (config_map("a", metadata={"name": "a", "labels": {"ok": "not ok"}}), 422, "a valid label"),
        (config_map("a", metadata={"name": "a", "namespace": "other"}), 400, "does not match the namespace"),
        (config_map("a", metadata={"name": "a", "resourceVersion": "5"}), 500, "should not be set"),
        (config_map("a", metadata={"name": "a", "creationTimestamp": "yesterday"}), 400, "parsing time"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_bad_bodies(tmp_path: Path, body: Any, status: int, text: str) -> None:
    """A body that is no acceptable object is refused with a Status that says why, and nothing is stored."""
    async with running(tmp_path) as (api, _):
        reply = await api("POST", CONFIG_MAPS, body)
        assert (reply.status, reply.json["kind"]) == (status, "Status")
        assert text in reply.message
        assert (await api("GET", CONFIG_MAPS)).json["items"] == []


async def test_limits_and_media_types(tmp_path: Path) -> None:
    """Bodies over 3 MiB give 413, unknown media types 415 and 406; YAML without aliases is read."""
    async with running(tmp_path) as (api, _):
        assert (await api("POST", CONFIG_MAPS, b" " * (3 * 1024 * 1024 + 1))).status == 413
        assert (await api("POST", CONFIG_MAPS, b"{}", content_type="text/plain")).status == 415
        protobuf = "application/vnd.kubernetes.protobuf"
        assert (await api("POST", f"{DEFAULT}/pods", b"k8s\0", content_type=protobuf)).status == 415
        assert (await api("POST", CONFIG_MAPS, b"k8s\0\xff\xff", content_type=protobuf)).status == 400
        assert (await api("GET", CONFIG_MAPS, headers={"Accept": protobuf})).status == 406
        text = b"kind: ConfigMap\nmetadata: {name: y}\ndata: {at: 2001-01-01}\n"
        made = await api("POST", CONFIG_MAPS, text, content_type="application/yaml")
        assert (made.status, made.json["data"]) == (201, {"at": "2001-01-01"})
        bomb = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
        assert (await api("POST", CONFIG_MAPS, bomb, content_type="application/yaml")).status == 400
        too_big = config_map("big", data={"k": "x" * 1_600_000})
        assert (await api("POST", CONFIG_MAPS, too_big)).status == 422


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("PUT", CONFIG_MAPS, 405),
        ("POST", f"{CONFIG_MAPS}/a", 405),
        ("DELETE", f"{CORE}/namespaces", 405),
        ("POST", f"{CORE}/configmaps", 405),
        ("GET", f"{CORE}/nopes", 404),
        ("GET", f"{DEFAULT}/configmaps/a/status", 404),
        ("GET", "/apis/nope.io/v1/things", 404),
        ("GET", f"{RBAC.replace('v1', 'v9')}/roles", 404),
        ("GET", "/nope", 404),
        ("GET", f"{DEFAULT}/nodes", 404),
        ("POST", "/version", 405),
        ("OPTIONS", CONFIG_MAPS, 405),
    ],
)
async def test_wrong_places(tmp_path: Path, method: str, path: str, status: int) -> None:
    """Unknown resources give 404 and methods that a resource does not have 405, also to administrators."""
    async with running(tmp_path) as (api, _):
        assert (await api(method, path)).status == status


async def test_field_validation(tmp_path: Path) -> None:
    """Unknown fields are refused, reported in a Warning header, or dropped in silence, as the client asks."""
    async with running(tmp_path) as (api, _):
        odd = config_map("a", foo=1)
        strict = await api("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", odd)
        assert (strict.status, 'strict decoding error: unknown field "foo"' in strict.message) == (400, True)
        warned = await api("POST", f"{CONFIG_MAPS}?fieldValidation=Warn&dryRun=All", odd)
        assert warned.headers["Warning"] == r'299 - "unknown field \"foo\""'
        silent = await api("POST", f"{CONFIG_MAPS}?fieldValidation=Ignore", odd)
        assert ("Warning" in silent.headers, "foo" in silent.json) == (False, False)
        assert (await api("POST", f"{CONFIG_MAPS}?fieldValidation=Loud", odd)).status == 422
        assert (await api("POST", f"{CONFIG_MAPS}?dryRun=Some", odd)).status == 422


async def test_dry_run_changes_nothing(tmp_path: Path) -> None:
    """With dryRun=All every write answers as it would, and nothing happens."""
    async with running(tmp_path) as (api, _):
        assert (await api("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("a"))).status == 201
        assert (await api("GET", f"{CONFIG_MAPS}/a")).status == 404
        await api.create(CONFIG_MAPS, "ConfigMap", "a", data={"k": "v"})
        for method, body in (("PATCH", {"data": {"k": "w"}}), ("DELETE", None)):
            assert (await api(method, f"{CONFIG_MAPS}/a?dryRun=All", body, content_type=MERGE)).status == 200
        assert (await api("GET", f"{CONFIG_MAPS}/a")).json["data"] == {"k": "v"}


async def test_generated_names_differ(tmp_path: Path) -> None:
    """A generateName makes a fresh name each time."""
    async with running(tmp_path) as (api, _):
        body = config_map("", metadata={"generateName": "run-"})
        names = {(await api("POST", CONFIG_MAPS, body)).json["metadata"]["name"] for _ in range(5)}
        assert len(names) == 5
        assert all(name.startswith("run-") and len(name) == 9 for name in names)


async def pod(api: Api) -> str:
    """Make a pod with two containers and return its path."""
    containers = [
        {"name": "a", "image": "x:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"name": "b", "image": "y:1"},
    ]
    await api.create(f"{DEFAULT}/pods", "Pod", "p", spec={"containers": containers})
    return f"{DEFAULT}/pods/p"


@pytest.mark.parametrize(
    "patch, images, env",
    [
        ({"containers": [{"name": "a", "image": "x:2"}]}, ["x:2", "y:1"], ["A", "B"]),
        ({"containers": [{"name": "b", "$patch": "delete"}]}, ["x:1"], ["A", "B"]),
        ({"containers": [{"name": "c", "image": "z"}]}, ["z", "x:1", "y:1"], []),
        ({"containers": [{"name": "a", "env": [{"name": "A", "$patch": "delete"}]}]}, ["x:1", "y:1"], ["B"]),
        ({"containers": [{"name": "a", "env": [{"$patch": "replace"}, {"name": "C"}]}]}, ["x:1", "y:1"], ["C"]),
        ({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, ["y:1", "x:1"], []),
    ],
    ids=["merge by key", "delete", "new ones come first", "nested delete", "replace a list", "reorder"],
)
async def test_strategic_merge(tmp_path: Path, patch: Any, images: list[str], env: list[str]) -> None:
    """Strategic patches merge lists by their keys and obey their directives."""
    async with running(tmp_path) as (api, _):
        path = await pod(api)
        reply = await api("PATCH", path, {"spec": patch}, content_type=STRATEGIC)
        assert reply.status == 200, reply.text
        containers = reply.json["spec"]["containers"]
        assert [container["image"] for container in containers] == images
        assert [entry["name"] for entry in containers[0].get("env", [])] == env


@pytest.mark.parametrize(
    "media, patch, status, data",
    [
        (MERGE, {"data": {"a": None, "c": "3"}}, 200, {"b": "2", "c": "3"}),
        (STRATEGIC, {"data": {"a": None, "c": "3"}}, 200, {"b": "2", "c": "3"}),
        (STRATEGIC, {"data": {"$patch": "replace", "z": "1"}}, 200, {"z": "1"}),
        (JSON_PATCH, [{"op": "add", "path": "/data/c", "value": "3"}], 200, {"a": "1", "b": "2", "c": "3"}),
        (JSON_PATCH, [{"op": "move", "from": "/data/a", "path": "/data/z"}], 200, {"b": "2", "z": "1"}),
        (JSON_PATCH, [{"op": "test", "path": "/data/a", "value": "9"}], 422, None),
        (JSON_PATCH, [{"op": "remove", "path": "/data/zz"}], 422, None),
        (JSON_PATCH, {}, 400, None),
        (MERGE, [], 400, None),
        (MERGE, b"{", 400, None),
        (MERGE, {"data": {"a": 1}}, 422, None),
        (MERGE, {"metadata": {"name": "other"}}, 400, None),
        (MERGE, {"metadata": {"resourceVersion": "1"}}, 409, None),
        (MERGE, {"metadata": {"uid": "x"}}, 422, None),
        (STRATEGIC, {"$patch": "explode"}, 500, None),
        (STRATEGIC, {"metadata": {"finalizers": ["x.io/a"], "$setElementOrder/finalizers": []}}, 500, None),
        ("application/json", {}, 415, None),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_patches(tmp_path: Path, media: str, patch: Any, status: int, data: Any) -> None:
    """Each patch type does what its standard says; one that does not apply changes nothing."""
    async with running(tmp_path) as (api, _):
        await api.create(CONFIG_MAPS, "ConfigMap", "a", data={"a": "1", "b": "2"})
        reply = await api("PATCH", f"{CONFIG_MAPS}/a", patch, content_type=media)
        assert reply.status == status, reply.text
        after = (await api("GET", f"{CONFIG_MAPS}/a")).json["data"]
        assert after == (data if data is not None else {"a": "1", "b": "2"})


async def test_patch_that_grows_without_bounds(tmp_path: Path) -> None:
    """A JSON patch that doubles a document over and over is stopped."""
    async with running(tmp_path) as (api, _):
        await api.create(CONFIG_MAPS, "ConfigMap", "a", data={"a": "x" * 1000})
        steps = [{"op": "copy", "from": "/data", "path": f"/data/n{step}"} for step in range(14)]
        assert (await api("PATCH", f"{CONFIG_MAPS}/a", steps, content_type=JSON_PATCH)).status == 422


async def test_server_side_apply(tmp_path: Path) -> None:
    """Appliers own what they state: others' values conflict unless forced, and what an owner drops disappears."""
    path = f"{CONFIG_MAPS}/a"

    def stated(**data: str) -> dict[str, Any]:
        return config_map("a", data=data)

    async with running(tmp_path) as (api, _):
        assert (await api("PATCH", path, stated(x="1"), content_type=APPLY)).status == 422
        first = await api("PATCH", f"{path}?fieldManager=one", stated(x="1", y="1"), content_type=APPLY)
        assert first.status == 201
        assert first.json["metadata"]["managedFields"][0]["fieldsV1"] == {"f:data": {"f:x": {}, "f:y": {}}}
        clash = await api("PATCH", f"{path}?fieldManager=two", stated(x="2"), content_type=APPLY)
        assert (clash.status, clash.message) == (409, 'Apply failed with 1 conflict: conflict with "one": .data.x')
        forced = await api("PATCH", f"{path}?fieldManager=two&force=true", stated(x="2"), content_type=APPLY)
        assert forced.json["data"] == {"x": "2", "y": "1"}
        dropped = await api("PATCH", f"{path}?fieldManager=one", stated(z="3"), content_type=APPLY)
        assert dropped.json["data"] == {"x": "2", "z": "3"}


async def test_finalizers_hold_objects(tmp_path: Path) -> None:
    """A deletion waits for finalizers, refuses new ones, and completes when the last is removed."""
    async with running(tmp_path) as (api, _):
        await api.create(CONFIG_MAPS, "ConfigMap", "a", metadata={"finalizers": ["x.io/hold"]})
        marked = await api("DELETE", f"{CONFIG_MAPS}/a")
        assert (marked.status, "deletionTimestamp" in marked.json["metadata"]) == (200, True)
        more = await api("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": ["y.io/z"]}}, content_type=STRATEGIC)
        assert more.status == 422
        await api("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}}, content_type=MERGE)
        assert (await api("GET", f"{CONFIG_MAPS}/a")).status == 404


async def test_deletion_preconditions(tmp_path: Path) -> None:
    """A deletion that insists on another uid or version is a conflict."""
    async with running(tmp_path) as (api, _):
        made = await api.create(CONFIG_MAPS, "ConfigMap", "a")
        for wanted in ({"uid": "x"}, {"resourceVersion": "1"}):
            assert (await api("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": wanted})).status == 409
        right = {"preconditions": {"uid": made.json["metadata"]["uid"]}}
        assert (await api("DELETE", f"{CONFIG_MAPS}/a", right)).status == 200


async def test_namespaces_take_their_objects_along(tmp_path: Path) -> None:
    """A new namespace gets a default service account; deleting it empties it; the system's own stay."""
    async with running(tmp_path) as (api, _):
        await api.create(f"{CORE}/namespaces", "Namespace", "team")
        inside = f"{CORE}/namespaces/team"
        assert (await api("GET", f"{inside}/serviceaccounts/default")).status == 200
        await api.create(f"{inside}/configmaps", "ConfigMap", "a", metadata={"finalizers": ["x.io/hold"]})
        await api.create(f"{inside}/secrets", "Secret", "s", stringData={"k": "v"})
        ended = await api("DELETE", inside)
        assert ended.json["status"] == {"phase": "Terminating"}
        late = await api("POST", f"{inside}/configmaps", config_map("b"))
        assert (late.status, "because it is being terminated" in late.message) == (403, True)
        assert (await api("GET", f"{inside}/secrets/s")).status == 404
        hold = [{"op": "remove", "path": "/metadata/finalizers"}]
        await api("PATCH", f"{inside}/configmaps/a", hold, content_type=JSON_PATCH)
        assert (await api("GET", inside)).status == 404
        assert (await api("DELETE", f"{CORE}/namespaces/default")).status == 403
        assert (await api("POST", f"{inside}/configmaps", config_map("b"))).message == 'namespaces "team" not found'


async def test_secrets_encode_and_hide_plain_text(tmp_path: Path) -> None:
    """StringData becomes base64 data, bad base64 is refused, and immutable secrets stay as they are."""
    async with running(tmp_path) as (api, _):
        path = f"{DEFAULT}/secrets"
        made = await api.create(path, "Secret", "s", stringData={"k": "v"}, immutable=True)
        assert (made.json["data"], made.json["type"], "stringData" in made.json) == ({"k": "dg=="}, "Opaque", False)
        changed = await api("PATCH", f"{path}/s", {"stringData": {"k": "w"}}, content_type=MERGE)
        assert (changed.status, "immutable" in changed.message) == (422, True)
        bad = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "data": {"k": "%"}}
        assert (await api("POST", path, bad)).status == 400


async def test_lists_select_and_page(tmp_path: Path) -> None:
    """Selectors narrow lists, and pages show the state at the first page however much changes meanwhile."""
    async with running(tmp_path) as (api, _):
        for index in range(5):
            await api.create(CONFIG_MAPS, "ConfigMap", f"m{index}", metadata={"labels": {"odd": str(index % 2)}})

        async def names(query: str) -> list[str]:
            reply = await api("GET", f"{CONFIG_MAPS}?{query}")
            return [item["metadata"]["name"] for item in reply.json["items"]]

        assert await names("labelSelector=odd%3D1") == ["m1", "m3"]
        assert await names("fieldSelector=metadata.name%3Dm2") == ["m2"]
        first = (await api("GET", f"{CONFIG_MAPS}?limit=2")).json
        assert first["metadata"]["remainingItemCount"] == 3
        await api("DELETE", f"{CONFIG_MAPS}/m3")
        await api.create(CONFIG_MAPS, "ConfigMap", "m9")
        token = first["metadata"]["continue"]
        assert await names(f"limit=9&continue={token}") == ["m2", "m3", "m4"]
        for query in ("continue=xx", "limit=x", "labelSelector=a%20b", "fieldSelector=nope%3D1"):
            assert (await api("GET", f"{CONFIG_MAPS}?{query}")).status == 400
        await api("DELETE", f"{CONFIG_MAPS}?labelSelector=odd")
        assert await names("") == ["m9"]


async def test_tables(tmp_path: Path) -> None:
    """What kubectl prints comes as a table with a row for each object."""
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    async with running(tmp_path) as (api, _):
        await pod(api)
        shown = (await api("GET", f"{DEFAULT}/pods", headers=accept)).json
        assert shown["kind"] == "Table"
        assert [column["name"] for column in shown["columnDefinitions"]][:5] == [
            "Name",
            "Ready",
            "Status",
            "Restarts",
            "Age",
        ]
        assert shown["rows"][0]["cells"][:4] == ["p", "0/2", "Pending", "0"]
        for path in ("namespaces", "nodes", "events", "serviceaccounts"):
            assert (await api("GET", f"{CORE}/{path}", headers=accept)).json["kind"] == "Table"
        partial = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
        assert set((await api("GET", f"{DEFAULT}/pods/p", headers=partial)).json) == {"kind", "apiVersion", "metadata"}


async def test_status_is_its_own_resource(tmp_path: Path) -> None:
    """A pod's status changes through its subresource only, and nothing else does there."""
    async with running(tmp_path) as (api, _):
        path = await pod(api)
        await api("PATCH", path, {"status": {"phase": "Running"}}, content_type=MERGE)
        assert (await api("GET", path)).json["status"]["phase"] == "Pending"
        both = {"status": {"phase": "Running"}, "spec": {"nodeName": "n"}}
        await api("PATCH", f"{path}/status", both, content_type=MERGE)
        after = (await api("GET", path)).json
        assert (after["status"]["phase"], "nodeName" in after["spec"]) == ("Running", False)


async def test_watch(tmp_path: Path) -> None:
    """A watch shows each change once, in order, and an object that leaves its selection as deleted."""
    async with running(tmp_path) as (api, _):
        await api.create(CONFIG_MAPS, "ConfigMap", "a", metadata={"labels": {"app": "x"}})
        url = f"{api.endpoint}{CONFIG_MAPS}?watch=1&labelSelector=app%3Dx"
        headers = {"Authorization": "Bearer admin-token"}
        async with api.session.get(url, headers=headers, ssl=api.tls) as stream:

            async def event() -> tuple[str, str]:
                line = json.loads(await stream.content.readline())
                return line["type"], line["object"]["metadata"]["name"]

            assert await event() == ("ADDED", "a")
            await api.create(CONFIG_MAPS, "ConfigMap", "other")
            await api.create(CONFIG_MAPS, "ConfigMap", "b", metadata={"labels": {"app": "x"}})
            assert await event() == ("ADDED", "b")
            await api("PATCH", f"{CONFIG_MAPS}/a", {"data": {"k": "v"}}, content_type=MERGE)
            assert await event() == ("MODIFIED", "a")
            await api("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"app": "y"}}}, content_type=MERGE)
            assert await event() == ("DELETED", "a")
            await api("DELETE", f"{CONFIG_MAPS}/b")
            assert await event() == ("DELETED", "b")


async def test_watch_from_a_version(tmp_path: Path) -> None:
    """A watch from an old version replays what came after it, or says Expired when that is forgotten."""
    async with running(tmp_path) as (api, _):
        made = await api.create(CONFIG_MAPS, "ConfigMap", "a")
        await api.create(CONFIG_MAPS, "ConfigMap", "b")
        version = made.json["metadata"]["resourceVersion"]
        reply = await api(
            "GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=1&allowWatchBookmarks=1"
        )
        lines = [json.loads(line) for line in reply.text.splitlines()]
        assert [line["type"] for line in lines] == ["ADDED", "BOOKMARK"]
        assert lines[0]["object"]["metadata"]["name"] == "b"
        assert (await api("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion=x")).status == 500
