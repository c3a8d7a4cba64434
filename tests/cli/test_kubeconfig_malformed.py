"""Broken kubeconfigs: every command names file, line and column, says how to mend it, and writes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.kubeconfig.caseload import Case, all_cases
from tests.kubeconfig.managed import one, write

from eksauth.cli.main import run

BROKEN = {
    "tab": ("clusters:\n\t- name: x\n", "2:1"),
    "open flow": ("a: [1,\n", "2:1"),
    "list at the top": ("- a\n", "1:1"),
    "text at the top": ("just text\n", "1:1"),
    "kind": ("kind: Pod\n", "1:7"),
    "map for a list": ("clusters:\n  x: {}\n", "2:3"),
    "list for a map": ("contexts:\n- name: x\n  context: []\n", "3:12"),
    "number for text": ("contexts:\n- name: x\n  context: {namespace: 1234}\n", "3:24"),
    "bool name": ("users:\n- name: n\n", "2:9"),
    "text for bool": ("clusters:\n- name: x\n  cluster:\n    insecure-skip-tls-verify: 'true'\n", "4:31"),
    "base64": ("users:\n- name: x\n  user:\n    client-key-data: '%%'\n", "4:22"),
    "duplicate": ("users:\n- name: x\n- name: x\n", "3:3"),
    "alias": ("users: *nowhere\n", "1:8"),
    "tag": ("clusters: !!binary '%'\n", "1:11"),
    "control character": ("users: \x07\n", "1:8"),
}
COMMANDS = {
    "list": ["list"],
    "view": ["view"],
    "merge": ["merge", "FILE"],
    "merge into": ["merge", "GOOD", "--into", "FILE"],
    "merge into good": ["merge", "FILE", "--into", "GOOD"],
    "split": ["split", "--dir", "OUT"],
    "remove": ["remove", "x"],
    "rename": ["rename", "x", "y"],
    "prune": ["prune", "--yes"],
}


def _everything(directory: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file() and ".local" not in path.parts
    }


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("text,place", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_placed_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    place: str,
    command: list[str],
) -> None:
    """Exit code 3, the place in the error, a hint, and every file as it was."""
    broken = write(tmp_path / "broken.yaml", text)
    good = write(tmp_path / "good.yaml", one("x"))
    monkeypatch.setenv("KUBECONFIG", f"{good}:{broken}")
    before = _everything(tmp_path)
    words = {"FILE": str(broken), "GOOD": str(good), "OUT": str(tmp_path / "out")}
    assert run(["kubeconfig", *(words.get(word, word) for word in command)]) == 3
    out, err = capsys.readouterr()
    assert f"{broken}:{place}: " in err
    assert "hint: " in err
    assert out == ""
    assert _everything(tmp_path) == before


@pytest.mark.parametrize("text,place", BROKEN.values(), ids=BROKEN)
def test_lint_reports_the_same_place(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, place: str) -> None:
    """Lint calls it an error with a fix, and goes on."""
    broken = write(tmp_path / "broken.yaml", text)
    assert run(["kubeconfig", "lint", "--kubeconfig", str(broken)]) == 1
    out = capsys.readouterr().out
    assert f"{broken}:{place}: error: " in out
    assert out.count("fix: ") >= 1


def _refused() -> list[tuple[Case, int]]:
    """Return the recorded reads of files whose content kubectl refuses."""
    found = []
    for case in all_cases():
        for index, step in enumerate(case.recorded["steps"]):
            words = step["run"]
            if words[:2] != ["kubectl", "config"] or words[2] not in {"view", "get-contexts", "current-context"}:
                break
            content = re.search(r"error loading config file|unmarshal|yaml:|illegal base64", step.get("stderr", ""))
            unreadable = re.search(r"permission denied|is a directory", step.get("stderr", ""))
            if step["exit"] and content and not unreadable and not step.get("as_nobody"):
                found.append((case, index))
    return found


@pytest.mark.parametrize(
    "case,index", _refused(), ids=lambda value: value.name if isinstance(value, Case) else str(value)
)
@pytest.mark.parametrize(
    "words", [["list"], ["remove", "x"], ["rename", "x", "y"], ["split"]], ids=lambda words: words[0]
)
def test_what_kubectl_refuses_is_refused_with_a_place(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    case: Case,
    index: int,
    words: list[str],
) -> None:
    """Every recorded case: file and line where kubectl names a type or nothing at all, and nothing is written."""
    laid = case.lay_out(tmp_path / "case")
    step = laid.steps[index]
    for name, value in step.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(step.cwd)
    flag = [word for word in step.run if word.startswith("--kubeconfig=")]
    if "--kubeconfig" in step.run:
        flag = ["--kubeconfig", step.run[step.run.index("--kubeconfig") + 1]]
    before = _everything(tmp_path)
    assert run(["kubeconfig", *words, *flag]) == 3
    err = capsys.readouterr().err
    assert re.search(r"error: \S+?(:\d+:\d+)?: ", err)
    assert _everything(tmp_path) == before
