"""Edits: what each operation means, what text comes out, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from tests.kubeconfig.rendering import VALUES
from tests.kubeconfig.shapes import SHAPES

from eksauth.errors import ConfigError
from eksauth.kubeconfig import emit
from eksauth.kubeconfig.document import parse_document
from eksauth.kubeconfig.edit import Edited, edit
from eksauth.kubeconfig.operations import (
    Operation,
    RemoveEntry,
    RenameEntry,
    SetCurrentContext,
    SetEntry,
    SetField,
    UnsetCurrentContext,
    UnsetField,
)
from eksauth.sandbox.binaries import find_kubectl

EXISTING = """\
# my clusters
apiVersion: v1
kind: Config
clusters:
- name: prod          # do not touch
  cluster:
    server: https://old.example
    proxy-url: http://proxy:3128
    tls-server-name: prod.internal
    x-unknown: kept
contexts:
- name: prod
  context:
    cluster: prod
    user: prod
    namespace: 'team-a'
    extensions:
    - name: my.tool
      extension: {colour: red}
users:
- name: prod
  user:
    token: abc
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: aws
      args: [eks, get-token]
      env:
      - name: HTTPS_PROXY   # for the office
        value: http://proxy:3128
      - name: AWS_PROFILE
        value: old
current-context: prod
"""


def _edit(text: str, *operations: Operation, mark: bytes = b"") -> Edited:
    return edit(parse_document(mark + text.encode(), Path("config")), operations)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_document_is_edited_by_its_smallest_spans(shape: tuple[str, Sequence[Operation], str]) -> None:
    """The outcome is exactly the expected text, comments, order, quotes and line ends included."""
    before, operations, after = shape
    assert _edit(before, *operations).text == after


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_edit_done_twice_changes_nothing_the_second_time(shape: tuple[str, Sequence[Operation], str]) -> None:
    """Setting what is set already leaves every byte; only removals and renames complain that nothing is there."""
    _, operations, after = shape
    again = [op for op in operations if not isinstance(op, RemoveEntry | RenameEntry)]
    assert not _edit(after, *again).changed


def test_setting_an_entry_keeps_what_the_user_added() -> None:
    """Namespace, proxy, server name, extensions, unknown keys and extra variables survive a new body."""
    body = {
        "command": "/usr/bin/eksauth",
        "args": ["token", "--cluster-name", "prod"],
        "interactiveMode": "IfAvailable",
    }
    result = _edit(
        EXISTING,
        SetEntry(
            "clusters", "prod", {"server": "https://new.example", "proxy-url": "http://other"}, keep=(("proxy-url",),)
        ),
        SetEntry(
            "contexts",
            "prod",
            {"cluster": "prod", "user": "prod", "extensions": [{"name": "eksauth", "extension": {}}]},
        ),
        SetEntry(
            "users", "prod", {"exec": {**body, "env": [{"name": "AWS_PROFILE", "value": "new"}]}}, remove=(("token",),)
        ),
    )
    said = yaml.safe_load(result.text)
    assert said["clusters"][0]["cluster"] == {
        "server": "https://new.example", "proxy-url": "http://proxy:3128", "tls-server-name": "prod.internal",
        "x-unknown": "kept",
    }  # fmt: skip
    assert said["contexts"][0]["context"]["namespace"] == "team-a"
    assert [item["name"] for item in said["contexts"][0]["context"]["extensions"]] == ["my.tool", "eksauth"]
    user = said["users"][0]["user"]
    assert "token" not in user
    assert user["exec"]["args"] == ["token", "--cluster-name", "prod"]
    assert {item["name"]: item["value"] for item in user["exec"]["env"]} == {
        "HTTPS_PROXY": "http://proxy:3128", "AWS_PROFILE": "new",
    }  # fmt: skip
    for comment in ("# my clusters", "# do not touch", "# for the office"):
        assert comment in result.text


def test_a_new_kubeconfig_is_laid_out_as_kubectl_does() -> None:
    """Into an empty file go apiVersion, kind and sorted keys, lists without indentation."""
    result = _edit(
        "", SetCurrentContext("x"), SetEntry("users", "u", {"token": "t"}), SetEntry("contexts", "x", {"user": "u"})
    )
    assert result.text == (
        "apiVersion: v1\ncontexts:\n- context:\n    user: u\n  name: x\ncurrent-context: x\nkind: Config\n"
        "users:\n- name: u\n  user:\n    token: t\n"
    )


@pytest.mark.parametrize(
    "mark", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"], ids=["none", "utf-8", "utf-16-le", "utf-16-be"]
)
def test_byte_order_mark_and_encoding_stay(mark: bytes) -> None:
    """The bytes keep their mark and encoding, with nothing changed but the value."""
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, "utf-8")
    text = "current-context: a # ü\r\nkind: Config\r\n"
    document = parse_document(mark + text.encode(encoding), Path("config"))
    assert edit(document, [SetCurrentContext("☸")]).encode() == mark + text.replace(": a", ': "☸"').encode(encoding)


@pytest.mark.parametrize(
    "operation, code",
    [
        (RemoveEntry("clusters", "nope"), "kubeconfig.missing"),
        (RenameEntry("contexts", "nope", "x"), "kubeconfig.missing"),
        (SetField("contexts", "nope", ("namespace",), "n"), "kubeconfig.missing"),
        (UnsetField("users", "nope", ("token",)), "kubeconfig.missing"),
        (SetField("clusters", "prod", ("server", "x"), "n"), "kubeconfig.path"),
        (SetCurrentContext("\ud800"), "kubeconfig.text"),
    ],
)
def test_operations_that_make_no_sense_are_refused(operation: Operation, code: str) -> None:
    """Missing entries, impossible paths and text that no file can hold are errors with their own code."""
    with pytest.raises(ConfigError) as caught:
        _edit(EXISTING, operation)
    assert caught.value.code == code


def test_renaming_onto_an_existing_name_is_refused() -> None:
    """Two entries of one name would make kubectl refuse the whole file."""
    text = "contexts:\n- name: a\n- name: b\n"
    with pytest.raises(ConfigError, match='context "b" exists already'):
        _edit(text, RenameEntry("contexts", "a", "b"))
    assert not _edit(text, RenameEntry("contexts", "a", "a")).changed


@pytest.mark.parametrize("section, reference", [("clusters", "cluster"), ("users", "user")])
def test_renaming_changes_the_contexts_that_refer_to_the_entry(section: str, reference: str) -> None:
    """A context follows its cluster and its user; other references of the same name stay."""
    result = _edit(EXISTING, RenameEntry(section, "prod", "production"))
    said = yaml.safe_load(result.text)
    assert said[section][0]["name"] == "production"
    assert said["contexts"][0]["context"][reference] == "production"
    assert said["contexts"][0]["name"] == said["current-context"] == "prod"


def test_unsetting_the_current_context_leaves_an_empty_value() -> None:
    """As with kubectl the key stays; a file without one is not touched."""
    assert _edit(EXISTING, UnsetCurrentContext()).text == EXISTING.replace(
        "current-context: prod", 'current-context: ""'
    )
    assert not _edit("kind: Config\n", UnsetCurrentContext()).changed


def test_secrets_are_not_in_the_representation_of_operations_and_edits() -> None:
    """Neither an operation nor an edit shows a token when printed."""
    operations: list[Operation] = [
        SetEntry("users", "u", {"token": "s3cret"}),
        SetField("users", "u", ("token",), "s3cret"),
    ]
    result = _edit("", *operations)
    assert "s3cret" not in repr(operations) + repr(result) + "".join(op.describe() for op in operations)


WORDS = r"""
y n Y N Yes NO On OFF True FALSE Null ~ 0o17 1e3 1E5 12e03 -.5 +.5 08 09 0x1f 0b1 1_000 +1 -1 .5 1. .inf -.INF .nan
2024-01-01 2024-01-01T00:00:00Z 12:30:45 190:20:30 1.10 == = << - -- --- ... : a: :a a:b # a#b {} [] a{b a]b ,x ? ?x ! !x
& * | > % @ ` ' " \ // http://x:80 -x --x- -9 -n -y -a:b a: !!str <<: -1:2 n:y 1:y
"""
STRINGS = [
    *VALUES, *WORDS.split(), "a: b", "a #b", "a\tb", " ", "", "\n", "a\nb\n", "\r", "\x00", "\x1b[0m", "\x7f", "\x85",
    "\u2028", "\ufeff", "\ue000", "\U0001f600", "\uffff", "é", "日本", "x" * 5000, "- a", "? a", "'", "''", '"', "\\n",
    "%YAML", "a:\n", "key: {x}", "y\n", "a\n", "true\n",
]  # fmt: skip


@pytest.mark.parametrize("flow", [False, True], ids=["block", "flow"])
def test_written_strings_are_the_same_strings_to_every_reader(*, flow: bool) -> None:
    """PyYAML (1.1) and our own kubectl-like reader see the text that was written, as a value and as a key."""
    for text in STRINGS:
        written = emit.scalar(text, flow=flow)
        key = written if len(text) < 1000 else "k"  # YAML ends short keys at 1,024 characters
        document = f"[{written}, {{{key}: {written}}}]\n" if flow else f"- {written}\n- {key}: {written}\n"
        assert yaml.load(document, Loader=yaml.SafeLoader) == [text, {text if key != "k" else key: text}], text
        assert yaml.load(document, Loader=yaml.CSafeLoader) == [text, {text if key != "k" else key: text}], text
        result = _edit("current-context: {}\n".format("'x'" if flow else "x"), SetCurrentContext(text))
        assert parse_document(result.encode(), Path("config")).current_context == text


@pytest.mark.peer
def test_kubectl_reads_the_strings_that_were_written(tmp_path: Path) -> None:
    """Every string comes back from kubectl as an argument of an exec plugin."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl")
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "Never"}
    path = tmp_path / "config"
    path.write_bytes(_edit("", SetEntry("users", "u", {"exec": {**plugin, "args": STRINGS}})).encode())
    run = subprocess.run(
        [kubectl, "config", "view", "--raw", "-o", "json"],
        env={**os.environ, "KUBECONFIG": str(path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["users"][0]["user"]["exec"]["args"] == STRINGS
