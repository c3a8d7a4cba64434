"""Every recorded case that reads: our merged view against what kubectl printed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeconfig.caseload import Case, Laid, Step, all_cases

from eksauth.errors import ConfigError
from eksauth.kubeconfig.flatten import flatten
from eksauth.kubeconfig.minify import minify
from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.redact import redact
from eksauth.kubeconfig.resolve import Merged, load_merged
from eksauth.kubeconfig.view import as_dict, as_json, as_yaml

READ_COMMANDS = ("view", "get-contexts", "current-context", "get-clusters", "get-users")

# what differs on purpose: case and step -> why, and what we say instead
DIFFERENCES = {
    ("051-flatten-embeds", 0): "tokenFile and exec command become absolute, so that the output works where it is saved",
}
# these concern the printer of kubectl, not the reading: options that it refuses, and its log lines
PRINTER_ONLY = {
    ("009-all-missing", 4),
    ("062-view-output-formats", 3),
    ("062-view-output-formats", 4),
    ("063-get-contexts-formats", 4),
    ("065-merge-flag", 0),
}


def _read_steps() -> Iterator[Any]:
    for case in all_cases():
        for index, command in enumerate(case.commands()):
            words = command.split()
            if words[:2] == ["kubectl", "config"] and words[2] in READ_COMMANDS:
                if (case.name, index) not in PRINTER_ONLY:
                    yield pytest.param(case, index, id=f"{case.name}-{index}")
            elif words[0] != "kubectl" or words[1] not in {"get", "apply"}:
                break  # a write: what follows reads files that kubectl changed


def _merged(step: Step) -> Merged:
    flag = next((word for word in step.run if word.startswith("--kubeconfig=")), "").partition("=")[2]
    if "--kubeconfig" in step.run:
        flag = step.run[step.run.index("--kubeconfig") + 1]
    return load_merged(kubeconfig_files(step.env, kubeconfig=flag))


def _view(step: Step) -> dict[str, Any]:
    merged = _merged(step)
    if "--minify" in step.run:
        merged = minify(merged)
    if "--flatten" in step.run:
        merged = flatten(merged, step.cwd)
    elif "--raw" not in step.run:
        merged = redact(merged)
    return as_dict(merged)


def _without_empty_preferences(shown: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key != "preferences" or value}


def _at(values: Any, jsonpath: str) -> Any:
    for key, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", jsonpath):
        values = values[key] if key else values[int(index)]
    return values


def _check_view(step: Step) -> None:
    shown = _view(step)
    path = next((word.partition("=")[2] for word in step.run if word.startswith("jsonpath=")), "")
    if path:
        assert _at(shown, path) == step.stdout.rstrip("\n")
    elif "json" in step.run:
        assert list(shown) == list(_without_empty_preferences(json.loads(step.stdout)))
        assert json.loads(as_json(shown)) == _without_empty_preferences(json.loads(step.stdout))
    else:
        expected = step.stdout.replace("preferences: {}\n", "")
        assert yaml.safe_load(as_yaml(shown)) == yaml.safe_load(expected)
        assert [line.split(":")[0] for line in as_yaml(shown).splitlines()] == [
            line.split(":")[0] for line in expected.splitlines()
        ]


def _check_contexts(step: Step) -> None:
    merged = _merged(step)
    current = merged.current_context.value if merged.current_context else None
    wanted = [word for word in step.run[3:] if not word.startswith("-") and word != "name"]
    if "-o" in step.run or "--no-headers" in step.run or not step.stdout:
        lines = step.stdout.splitlines()
        names = [line.lstrip("* ").split("  ")[0].strip() for line in lines]
        assert [name for name in merged.contexts if not wanted or name in wanted] == names
        return
    header, *rows = step.stdout.splitlines()
    starts = [header.index(title) for title in ("CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE")]
    ends = [*starts[1:], None]
    table = [tuple(row[start:end].strip() for start, end in zip(starts, ends, strict=True)) for row in rows]
    ours = [
        ("*" if name == current else "", name, found.value.cluster, found.value.user, found.value.namespace)
        for name, found in merged.contexts.items()
        if not wanted or name in wanted
    ]
    assert ours == table


def _check(step: Step) -> None:
    command = step.run[2]
    if command == "view":
        _check_view(step)
    elif command == "get-contexts" and "--kubeconfig" not in step.run:
        _check_contexts(step)
    elif command == "get-contexts":
        assert list(_merged(step).contexts) == [row.split()[1] for row in step.stdout.splitlines()[1:]]
    elif command == "current-context":
        current = _merged(step).current_context
        assert (current.value if current else "") == step.stdout.strip()
    else:
        names = _merged(step).section({"get-clusters": "clusters", "get-users": "users"}[command])
        assert sorted(names) == sorted(step.stdout.splitlines()[1:])


def _check_refusal(case: Case, step: Step, laid: Laid) -> None:
    if step.run[2] == "current-context" or "not found" in step.stderr:  # nothing is wrong with the file
        _check(step)
        return
    with pytest.raises(ConfigError) as caught:
        _view(step)
    message = caught.value.message
    named = re.search(r'config file "([^"]+)"', step.stderr)
    if named:
        assert named[1] in message
        line = re.search(r"yaml: line (\d+):", step.stderr)
        place = re.search(rf"{re.escape(named[1])}:(\d+):(\d+): ", message)
        if line:
            assert place
            assert abs(int(place[1]) - int(line[1])) <= 1
        elif "aliasing" not in step.stderr and "is a directory" not in step.stderr and "denied" not in step.stderr:
            assert place
    assert "\n" not in message
    assert caught.value.hint


@pytest.mark.parametrize("case,index", list(_read_steps()))
def test_reading_agrees_with_kubectl(case: Case, index: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kubectl prints is what we read; what kubectl refuses is refused with file, line and column."""
    laid = case.lay_out(tmp_path / "case")
    step = laid.steps[index]
    if step.as_nobody and os.geteuid() == 0:
        pytest.skip("root reads files of any mode")
    monkeypatch.chdir(step.cwd)
    if (case.name, index) in DIFFERENCES:
        with pytest.raises(AssertionError):
            _check(step)
    elif step.exit:
        _check_refusal(case, step, laid)
    else:
        _check(step)


def test_flatten_makes_every_path_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deliberate difference of the flatten case is the two paths and nothing else."""
    case = next(case for case in all_cases() if case.name == "051-flatten-embeds")
    step = case.lay_out(tmp_path / "case").steps[0]
    monkeypatch.chdir(step.cwd)
    expected = yaml.safe_load(step.stdout.replace("preferences: {}\n", ""))
    expected["users"][0]["user"]["exec"]["command"] = str(step.cwd / "d1/plugin.sh")
    expected["users"][2]["user"]["tokenFile"] = str(step.cwd / "d1/tok.txt")
    assert yaml.safe_load(as_yaml(_view(step))) == expected


def test_enough_cases_are_read() -> None:
    """The recorded cases are found: a moved directory must not turn the comparison into nothing."""
    assert len(list(_read_steps())) >= 50
