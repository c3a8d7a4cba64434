"""Edits of random kubeconfigs in random styles: the meaning is right, and what is not concerned keeps every byte."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kubeconfig.rendering import NAMES, VALUES, config, render

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import Document, parse_document
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
from eksauth.kubeconfig.selfcheck import read_pieces
from eksauth.kubeconfig.splice import Splice, apply_splices
from eksauth.kubeconfig.tree import Values, same
from eksauth.sandbox.binaries import find_kubectl

PATH = Path("kubeconfig")
BODIES = {"clusters": "cluster", "contexts": "context", "users": "user"}


def _operation(random: Random) -> Operation:
    section = random.choice(list(BODIES))
    name = random.choice(NAMES[:12])
    value = random.choice(VALUES)
    bodies: dict[str, dict[str, Any]] = {
        "clusters": {"server": value, "proxy-url": "http://p", "certificate-authority-data": "QUJD"},
        "contexts": {"cluster": value, "user": name, "extensions": [{"name": "eksauth", "extension": {"id": value}}]},
        "users": {"exec": {"command": value, "args": [value, name], "env": [{"name": "V0", "value": value}]}},
    }
    paths = {"clusters": ("server",), "contexts": ("namespace",), "users": ("exec", "env", "V1", "value")}
    kinds: list[Operation] = [
        SetEntry(section, name, bodies[section], remove=(("token",),)),
        SetEntry(section, name, bodies[section], merge=False),
        RemoveEntry(section, name, missing_ok=True),
        RenameEntry(section, name, random.choice(NAMES)),
        SetCurrentContext(value),
        UnsetCurrentContext(),
        SetField(section, name, paths[section], value),
        UnsetField(section, name, paths[section]),
        UnsetField(section, name, ("exec", "args")),
        UnsetField(section, name, ("certificate-authority-data",)),
    ]
    return random.choice(kinds)


def _edited(random: Random) -> Edited | None:
    """Return a random edit of a random kubeconfig; None when the operations make no sense for it."""
    text = render(random, config(random))
    mark = b"\xef\xbb\xbf" if random.random() < 0.1 else b""
    document = parse_document(mark + text.encode(), PATH)
    result: Edited | None = None
    operations: list[Operation] = []
    for _ in range(random.randint(1, 4)):
        operations.append(_operation(random))
        try:
            result = edit(document, operations)
        except ConfigError as error:
            if error.code not in {"kubeconfig.missing", "kubeconfig.exists", "kubeconfig.path"}:
                raise
            operations.pop()
    return result


def _entries(document: Document) -> dict[tuple[str, str], str]:
    return {
        (section, entry.name): document.text[entry.start : entry.end]
        for section, entries in document.sections.items()
        for entry in entries
    }


@given(st.integers(0, 2**64))
@settings(max_examples=600, deadline=None)
def test_a_random_edit_passes_the_self_check_and_keeps_what_it_is_not_about(seed: int) -> None:
    """Entries whose value stays keep their text; comments outside changed entries stay; PyYAML agrees on the result."""
    result = _edited(Random(seed))
    if result is None or not result.changed:
        return
    after = parse_document(result.encode(), PATH)
    assert after.source.mark == result.document.source.mark
    old, new = _entries(result.document), _entries(after)
    kept = [key for key, value in _by_name(result.before).items() if _by_name(result.after).get(key) == value]
    for key in kept:
        if (
            "*anchor" not in old[key] and "&anchor" not in old[key]
        ):  # what an alias stands for may have to be written out
            assert new[key].rstrip() == old[key].rstrip()
    assert _meaning(yaml.safe_load(_first_document(result.text))) == _meaning(result.after)
    if result.document.multi_document:
        assert result.text.endswith(result.document.text[result.document.text.index("second: document") :])
    line_ends = {"\r\n" if "\r\n" in line else "\n" for line in result.text.splitlines(keepends=True)[:-1]}
    assert len(line_ends) <= 1


@given(st.integers(0, 2**64))
@settings(max_examples=300, deadline=None)
def test_checking_the_pieces_finds_what_checking_the_whole_finds(seed: int) -> None:
    """Reading only the pieces that splices touch gives the value of the whole text, for good and for damaged splices."""
    random = Random(seed)
    result = _edited(random)
    if result is None or not result.changed:
        return
    read = read_pieces(result.document, result.splices, result.before)
    assert read is None or same(read, result.after)
    damaged = [_damaged(random, splice) for splice in result.splices]
    read = read_pieces(result.document, damaged, result.before)
    if read is not None:
        whole = parse_document(apply_splices(result.document.text, damaged).encode(), PATH)
        assert whole.root is not None
        assert same(Values().of(whole.root), read)


def test_checking_the_pieces_is_what_large_files_usually_get() -> None:
    """In kubectl's layout every change that adds or replaces is checked by pieces; a removal is checked in whole."""
    document = parse_document(_many(50).encode(), PATH)
    adding: list[Operation] = [
        SetEntry("clusters", "new", {"server": "https://new"}),
        SetEntry("users", "u7", {"token": "other"}),
        SetField("contexts", "x3", ("namespace",), "n"),
        SetCurrentContext("x4"),
    ]
    result = edit(document, adding)
    read = read_pieces(document, result.splices, result.before)
    assert read is not None
    assert same(read, result.after)
    removal = edit(document, [RemoveEntry("clusters", "c3")])
    assert read_pieces(document, removal.splices, removal.before) is None


def _many(count: int) -> str:
    parts = ["apiVersion: v1\nclusters:\n"]
    parts += [f"- cluster:\n    server: https://{number}\n  name: c{number}\n" for number in range(count)]
    parts += ["contexts:\n"]
    parts += [
        f"- context:\n    cluster: c{number}\n    user: u{number}\n  name: x{number}\n" for number in range(count)
    ]
    parts += ["current-context: x1\nkind: Config\npreferences: {}\nusers:\n"]
    parts += [f"- name: u{number}\n  user:\n    token: t{number}\n" for number in range(count)]
    return "".join(parts)


def _damaged(random: Random, splice: Splice) -> Splice:
    at = random.randint(0, len(splice.text))
    noise = random.choice(["\n", '"', "'", ": ", "- ", "#", "\n---\n", " ", "{", "|", "x", "\nkind: Config\n", "\n  "])
    return Splice(splice.start, splice.end, splice.text[:at] + noise + splice.text[at + random.randint(0, 2) :])


def _by_name(tree: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(section, item["name"]): item for section in BODIES for item in tree.get(section) or ()}


def _first_document(text: str) -> str:
    return text.replace("\r\n", "\n").removeprefix("---\n").partition("\n---\n")[0]


def _meaning(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str, sort_keys=True))


@pytest.mark.peer
def test_kubectl_reads_the_same_from_edited_files(tmp_path: Path) -> None:
    """What kubectl prints of a batch of edited files is what our own reader says."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl")
    checked = 0
    for seed in range(200):
        result = _edited(Random(seed))
        if result is None or not result.changed or checked == 25:
            continue
        checked += 1
        path = tmp_path / f"{seed}.yaml"
        path.write_bytes(result.encode())
        run = subprocess.run(
            [kubectl, "config", "view", "--raw", "-o", "json"],
            env={**os.environ, "KUBECONFIG": str(path)}, capture_output=True, text=True,
        )  # fmt: skip
        assert run.returncode == 0, (run.stderr, result.text)
        printed = json.loads(run.stdout)
        said = json.loads(json.dumps(result.after))
        for section, key in BODIES.items():
            theirs = {item["name"]: item[key] for item in printed.get(section) or ()}
            ours = {item["name"]: item.get(key) or {} for item in said.get(section) or ()}
            assert theirs.keys() == ours.keys()
            for name, body in ours.items():
                _assert_says(theirs[name], body)
        assert printed.get("current-context", "") == (said.get("current-context") or "")
    assert checked == 25


def _assert_says(theirs: Any, ours: Any) -> None:
    """Assert that kubectl's value holds all of ours; empty values may be left out."""
    if isinstance(ours, dict):
        for key, value in ours.items():
            if value not in (None, "", [], {}, False):
                _assert_says(theirs[key], value)
    else:
        assert theirs == ours
