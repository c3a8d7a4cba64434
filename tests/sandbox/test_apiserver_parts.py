"""The API server's pure parts: protobuf bodies, patches, ages, and the bounds of the store."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import ConfigMap, Pod
from lightkube.models.rbac_v1 import Role

from eksauth.sandbox.apiserver.body import BodyError, parse_json, parse_yaml
from eksauth.sandbox.apiserver.decode import DecodeError, decode
from eksauth.sandbox.apiserver.json_patch import PatchError, json_patch, merge_patch
from eksauth.sandbox.apiserver.protobuf import ProtobufError, parse_protobuf
from eksauth.sandbox.apiserver.resources import BY_NAME
from eksauth.sandbox.apiserver.status import ApiError
from eksauth.sandbox.apiserver.store import Limits, Store
from eksauth.sandbox.apiserver.strategic_merge import strategic_merge
from eksauth.sandbox.apiserver.tables import human_duration

MAPS = BY_NAME["", "configmaps"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc/~"), inner, max_size=3),
    max_leaves=8,
)


def field(number: int, value: bytes) -> bytes:
    """Encode one length-delimited protobuf field."""
    return bytes([number << 3 | 2, len(value)]) + value


def test_protobuf_body() -> None:
    """A body as kubectl sends it becomes the object: lists, maps, and Go's empty fields dropped."""
    metadata = field(1, b"r") + field(2, b"") + field(11, field(1, b"k") + field(2, b"v")) + field(8, b"")
    rule = field(1, b"get") + field(1, b"list") + field(2, b"") + field(3, b"pods")
    envelope = field(1, field(1, b"rbac.authorization.k8s.io/v1") + field(2, b"Role"))
    body = b"k8s\0" + envelope + field(2, field(1, metadata) + field(2, rule)) + field(3, b"") + field(4, b"")
    assert parse_protobuf(body, Role) == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r", "labels": {"k": "v"}},
        "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}],
    }


@given(st.binary(max_size=60))
def test_protobuf_noise(data: bytes) -> None:
    """Whatever follows the prefix is an object or a ProtobufError, nothing else."""
    with contextlib.suppress(ProtobufError):
        assert isinstance(parse_protobuf(b"k8s\0" + data, ConfigMap), dict)


@given(JSON, JSON)
def test_merge_patch_keeps_its_inputs(document: Any, patch: Any) -> None:
    """A merge patch changes neither input, and applying it twice is applying it once."""
    before = copy.deepcopy((document, patch))
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once
    assert (document, patch) == before


@pytest.mark.parametrize(
    "target, patch, result",
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        (["a"], ["c"], ["c"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    """The examples of RFC 7386, appendix A."""
    assert merge_patch(target, patch) == result


@given(JSON)
def test_json_patch_replaces_whole_documents(document: Any) -> None:
    """Replacing the root by a value gives the value, and testing for it then succeeds."""
    steps = [{"op": "replace", "path": "", "value": document}, {"op": "test", "path": "", "value": document}]
    assert json_patch({"x": 1}, steps) == document


@pytest.mark.parametrize(
    "document, step, result",
    [
        ({"a": [1, 2]}, {"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 9]}),
        ({"a/b": 1, "m~n": 2}, {"op": "remove", "path": "/a~1b"}, {"m~n": 2}),
        ({"m~n": 2}, {"op": "test", "path": "/m~0n", "value": 2}, {"m~n": 2}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, None),
        ({"a": 1}, {"op": "replace", "path": "/b", "value": 1}, None),
        ({"a": [1]}, {"op": "remove", "path": "/a/01"}, None),
        ({"a": [1]}, {"op": "remove", "path": "/a/-1"}, None),
        ({"a": [1]}, {"op": "add", "path": "/a/5", "value": 1}, None),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a", "path": "/a/b"}, None),
        ({}, {"op": "dance", "path": "/a"}, None),
        ({}, {"op": "add", "path": "/a"}, None),
        ({}, {"op": "add", "path": "a", "value": 1}, None),
    ],
)
def test_json_patch_operations(document: Any, step: Any, result: Any) -> None:
    """Operations do what RFC 6902 says, and refuse what it refuses."""
    if result is None:
        with pytest.raises(PatchError):
            json_patch(document, [step])
    else:
        assert json_patch(document, [step]) == result


@pytest.mark.parametrize(
    "old, patch, result",
    [
        (
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]},
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        ),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
        ({"nodeSelector": {"a": "1"}}, {"nodeSelector": {"b": "2"}}, {"nodeSelector": {"a": "1", "b": "2"}}),
    ],
    ids=["retainKeys", "atomic list", "map"],
)
def test_strategic_merge_rules(old: Any, patch: Any, result: Any) -> None:
    """Keys, atomic lists and maps merge as their types say."""
    assert strategic_merge(Pod, {"spec": old}, {"spec": patch})["spec"] == result


def test_strategic_merge_of_plain_lists() -> None:
    """Finalizers merge as a set, and leave by the directive made for that."""
    old = {"metadata": {"finalizers": ["a.io/x", "b.io/y"]}}
    patch = {"metadata": {"finalizers": ["c.io/z"], "$deleteFromPrimitiveList/finalizers": ["a.io/x"]}}
    assert strategic_merge(Pod, old, patch)["metadata"]["finalizers"] == ["c.io/z", "b.io/y"]


@given(JSON)
def test_decoding_never_surprises(value: Any) -> None:
    """Any JSON in a known field decodes or is a DecodeError."""
    for name in ("metadata", "spec", "status"):
        with contextlib.suppress(DecodeError):
            decode(Pod, {name: value})


@pytest.mark.parametrize(
    "data", [b"[" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"", b"nul", b"\x00", b"1e", b"Infinity"]
)
def test_hostile_json(data: bytes) -> None:
    """Deep, empty, cut off or non-standard JSON is refused."""
    with pytest.raises(BodyError):
        parse_json(data)


@pytest.mark.parametrize(
    "data", [b"a: &x 1\nb: *x", b"[" * 5000, b"a: !!python/object:os.system x", b"{a: b", b"? [a]\n: b"]
)
def test_hostile_yaml(data: bytes) -> None:
    """Aliases, depth, foreign tags and non-text keys are refused."""
    with pytest.raises(BodyError):
        parse_yaml(data)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (600, "10m"), (10799, "179m"), (10800, "3h"),
        (12000, "3h20m"), (86399, "23h"), (172800, "2d"), (180000, "2d2h"), (691200, "8d"), (63072000, "2y"), (-5, "<invalid>"),
    ],
)  # fmt: skip
def test_ages(seconds: int, text: str) -> None:
    """Ages read as kubectl prints them."""
    assert human_duration(seconds) == text


def manifest(name: str, data: str = "") -> dict[str, Any]:
    """Make the least object that the store takes."""
    return {"kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": data}}


def test_history_is_bounded() -> None:
    """Old events are forgotten, and whoever needs them is told so instead of missing changes."""
    store = Store(Limits(history_events=5))
    for index in range(10):
        store.put(MAPS, ("n", f"m{index}"), manifest(f"m{index}"))
    with pytest.raises(ApiError) as caught:
        store.watch(MAPS, 2)
    assert (caught.value.code, caught.value.reason) == (410, "Expired")
    with pytest.raises(ApiError):
        store.items_at(MAPS, "n", 2)
    assert len(store.items_at(MAPS, "n", store.revision - 3)) == 7


def test_store_is_bounded() -> None:
    """One object may not be larger than in etcd, and all together not larger than the limit."""
    store = Store(Limits(total_bytes=10_000))
    with pytest.raises(ApiError, match="too large"):
        store.put(MAPS, ("n", "a"), manifest("a", "x" * 1_600_000))
    store.put(MAPS, ("n", "a"), manifest("a", "x" * 8000))
    with pytest.raises(ApiError, match="space exceeded"):
        store.put(MAPS, ("n", "b"), manifest("b", "x" * 8000))
    store.delete(MAPS, ("n", "a"))
    store.put(MAPS, ("n", "b"), manifest("b", "x" * 8000))


async def test_lagging_watchers_are_cut_off() -> None:
    """A watcher that does not read is ended instead of filling the memory."""
    store = Store()
    subscription = store.watch(MAPS, store.revision)
    for _ in range(1001):
        store.put(MAPS, ("n", "a"), manifest("a"))
    await subscription.wait()
    assert subscription.lagging
    assert len(list(subscription.drain())) == 1000
