"""``kubeconfig list`` and ``view``: what people and scripts see of several files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.kubeconfig.managed import API, config, one, write

from eksauth.cli.main import run
from eksauth.kubeconfig.listing_quick import quick_list
from eksauth.sandbox.binaries import find_kubectl

KUBECTL = find_kubectl()
MARK = {
    "name": "eksauth",
    "extension": {"account": "111122223333", "region": "eu-west-1", "cluster": "demo", "arn": "x"},
}


@pytest.fixture(name="files")
def files_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return two files, both with a context "shared", the second with one of eksauth's."""
    first = write(tmp_path / "a.yaml", one("shared", "https://first") | {"current-context": "shared"})
    second = config(
        {"shared": {"server": "https://second"}, "eks": {"server": "https://eks", "proxy-url": "http://u:hunter2@p:1"}},
        {"shared": {"cluster": "shared", "user": "eks"}, "eks": {"cluster": "eks", "user": "eks", "namespace": "web", "extensions": [MARK]},
         "lost": {"cluster": "nowhere", "user": "eks"}},
        {"eks": {"exec": {"apiVersion": API, "command": "/bin/aws", "interactiveMode": "Never",
                          "env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}, {"name": "AWS_PROFILE", "value": "prod"}]}},
         "old": {"auth-provider": {"name": "oidc", "config": {"client-secret": "hunter2", "idp-issuer-url": "https://i"}}}},
    )  # fmt: skip
    write(tmp_path / "b.yaml", second)
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'b.yaml'}:{tmp_path / 'none.yaml'}")
    return first, tmp_path / "b.yaml"


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["kubeconfig", *words, "-o", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list_shows_where_each_context_comes_from(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Rows are sorted by name, the first file wins, hidden twins and missing parts are named."""
    rows = _json(capsys, "list")
    assert [row["name"] for row in rows] == ["eks", "lost", "shared"]
    eks, lost, shared = rows
    assert (eks["owner"], eks["account"], eks["region"], eks["namespace"]) == (
        "eksauth",
        "111122223333",
        "eu-west-1",
        "web",
    )
    assert eks["auth"] == "exec aws"
    assert lost["missing"] == ["cluster"]
    assert (shared["current"], shared["server"], shared["file"]) == (True, "https://first", str(files[0]))
    assert shared["shadows"] == [{"file": str(files[1]), "line": 12}]


def test_list_as_a_table_marks_the_current_context(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has the columns of the manual and a star."""
    assert run(["kubeconfig", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["CURRENT", "NAME", "CLUSTER", "USER", "NAMESPACE", "OWNER", "FILE"]
    assert lines[3].split() == ["*", "shared", "shared", "shared", str(files[0])]
    assert lines[1].split() == ["eks", "eks", "eks", "web", "eksauth", str(files[1])]


@pytest.mark.parametrize(
    "patterns,code,shown",
    [
        (["eks"], 0, ["eks"]),
        (["*s*"], 0, ["eks", "lost", "shared"]),
        (["l*", "eks"], 0, ["eks", "lost"]),
        (["no"], 1, []),
    ],
    ids=["name", "pattern", "several", "nothing"],
)
def test_list_takes_patterns(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], patterns: list[str], code: int, shown: list[str]
) -> None:
    """Names and shell patterns choose; nothing found is a no."""
    assert run(["kubeconfig", "list", *patterns, "-o", "name"]) == code
    assert capsys.readouterr().out.split() == shown


def test_list_of_nothing_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any file the table is empty and stderr has a hint."""
    assert run(["kubeconfig", "list"]) == 0
    assert "kubeconfig update" in capsys.readouterr().err


def test_names_cannot_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in names are shown escaped."""
    path = write(tmp_path / "x", one("a\x1b[2Jb"))
    assert run(["kubeconfig", "list", "--kubeconfig", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "a\\x1b[2Jb" in out


@pytest.mark.parametrize("marked", [False, True], ids=["plain", "owned"])
def test_the_quick_list_is_the_full_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], marked: bool
) -> None:
    """Files in kubectl's layout are scanned; with a comment that the scanner does not know, the output is the same."""
    extension = (
        "    extensions:\n    - extension:\n        cluster: demo\n        region: eu-west-1\n      name: eksauth\n"
        if marked
        else ""
    )
    text = (
        "apiVersion: v1\nclusters:\n- cluster:\n    server: https://c\n  name: c\ncontexts:\n"
        f"- context:\n    cluster: c\n{extension}    namespace: web\n    user: u\n  name: b\n"
        "- context:\n    cluster: c\n    user: u\n  name: a\ncurrent-context: b\nkind: Config\nusers: null\n"
    ).replace("users: null\n", "users:\n- name: u\n  user:\n    token: t\n")
    path = write(tmp_path / "config", text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert quick_list(os.environ) is not None
    assert run(["kubeconfig", "list"]) == 0
    quick = capsys.readouterr().out
    write(path, text + "x-unknown: {a: 1}\n")
    assert quick_list(os.environ) is None
    assert run(["kubeconfig", "list"]) == 0
    assert capsys.readouterr().out == quick
    assert ("eksauth" in quick) is marked


def test_list_agrees_with_kubectl(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """``-o name`` prints what ``kubectl config get-contexts -o name`` prints."""
    if KUBECTL is None:
        pytest.skip("no kubectl here")
    assert run(["kubeconfig", "list", "-o", "name"]) == 0
    theirs = subprocess.run(
        [KUBECTL, "config", "get-contexts", "-o", "name"], capture_output=True, text=True, env=dict(os.environ)
    )
    assert capsys.readouterr().out == theirs.stdout


@pytest.mark.parametrize(
    "flags",
    [["--raw"], ["--raw", "--minify"], ["--raw", "--flatten"], ["--raw", "--minify", "--context=eks"]],
    ids=["raw", "minify", "flatten", "another context"],
)
@pytest.mark.parametrize("output", ["json", "yaml"])
def test_view_prints_what_kubectl_prints(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], flags: list[str], output: str
) -> None:
    """Byte for byte, but for the empty preferences that kubectl before 1.34 adds."""
    if KUBECTL is None:
        pytest.skip("no kubectl here")
    assert run(["kubeconfig", "view", *flags, "-o", output]) == 0
    ours = capsys.readouterr().out
    theirs = subprocess.run(
        [KUBECTL, "config", "view", *flags, "-o", output],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=True,
    ).stdout
    for empty in ('    "preferences": {},\n', "preferences: {}\n"):
        theirs = theirs.replace(empty, "")
    assert ours == theirs


def test_view_hides_what_kubectl_forgets(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Secrets of plugins, providers and proxies are hidden; the profile is none; --raw shows them."""
    assert run(["kubeconfig", "view"]) == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert "value: prod" in shown
    assert "https://i" in shown
    assert run(["kubeconfig", "view", "--raw"]) == 0
    assert capsys.readouterr().out.count("hunter2") == 3


def test_view_explains_where_everything_comes_from(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, missing ones, where new entries go, and for each entry its place and what it hides."""
    found = _json(capsys, "view", "--explain")
    assert (found["asked_by"], len(found["read"]), len(found["missing"])) == ("KUBECONFIG", 2, 1)
    assert found["new_entries"] == str(files[0])
    origins = {(item["kind"], item["name"]): item for item in found["origins"]}
    shared = origins["context", "shared"]
    assert (shared["file"], shared["line"]) == (str(files[0]), 8)
    assert shared["shadowed"] == [{"file": str(files[1]), "line": 12}]
    assert origins["current-context", "shared"]["line"] == 16
    assert run(["kubeconfig", "view", "--explain"]) == 0
    assert f"{files[0]}:8" in capsys.readouterr().out


def test_view_explains_one_context(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """With a context only its own parts are explained."""
    found = _json(capsys, "view", "--explain", "--context", "eks")
    kinds = {(item["kind"], item["name"]) for item in found["origins"]}
    assert kinds == {("cluster", "eks"), ("context", "eks"), ("user", "eks"), ("current-context", "eks")}
