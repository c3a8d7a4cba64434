"""The recorded write cases: our transactions change the same files to the same meaning as kubectl did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeconfig.caseload import Case, Step, all_cases

from eksauth.errors import ConfigError
from eksauth.kubeconfig.operations import (
    RemoveEntry,
    RenameEntry,
    SetCurrentContext,
    SetEntry,
    SetField,
    UnsetCurrentContext,
    UnsetField,
)
from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change
from eksauth.kubeconfig.store import apply

_FLAGS = {
    "--namespace": "namespace",
    "--cluster": "cluster",
    "--user": "user",
    "--server": "server",
    "--token": "token",
}
_KINDS = {"set-context": "contexts", "set-cluster": "clusters", "set-credentials": "users"}
_DELETED = {"delete-context": "contexts", "delete-cluster": "clusters", "delete-user": "users"}
# property paths, as kubectl resolves them; it knows the names of fields, we name the entry
_PROPERTIES: dict[str, list[Change]] = {
    "set contexts.a.namespace dev": [SetField("contexts", "a", ("namespace",), "dev")],
    "set clusters.my.dotted.name.server https://dot": [
        SetEntry("clusters", "my.dotted.name", {"server": "https://dot"})
    ],
    "set clusters.a-cluster.insecure-skip-tls-verify true": [
        SetField("clusters", "a-cluster", ("insecure-skip-tls-verify",), value=True)
    ],
    "set clusters.a-cluster.certificate-authority-data Q0E=": [
        SetField("clusters", "a-cluster", ("certificate-authority-data",), "Q0E=")
    ],
    "set clusters.a-cluster.certificate-authority-data raw text --set-raw-bytes=true": [
        SetField("clusters", "a-cluster", ("certificate-authority-data",), "cmF3IHRleHQ=")
    ],
    "set current-context ghost": [SetCurrentContext("ghost")],
    "unset users.a-user": [RemoveEntry("users", "a-user", missing_ok=True)],
    "unset users.none": [RemoveEntry("users", "none", missing_ok=True)],
    "unset clusters.none.server": [UnsetField("clusters", "none", ("server",))],
    "unset contexts.a.namespace": [UnsetField("contexts", "a", ("namespace",))],
    "unset current-context": [UnsetCurrentContext()],
}
CASES = [
    case
    for case in all_cases()
    if case.name[:3]
    in {"070", "071", "073", "074", "075", "076", "077", "078", "084", "085", "086", "087", "093", "095", "096"}
]
# kubectl locks an empty member as ".lock" in the working directory and trips over a stray one; we leave it out
_KEPT_DIFFERENCES = {("084-empty-entry-write", 1)}
# kubectl leaves a current-context that another file shadows with the old name, dangling; here it follows
_SHADOWED_CURRENT = {"078-rename-context": {"b.yaml": "bee"}}


def _changes(words: Sequence[str], merged: Merged) -> list[Change] | None:
    """Return the operations of a kubectl command line; None for one that does not write or that kubectl only parses."""
    verb, *rest = [word for word in words[1:] if not word.startswith("--context=")][1:]
    if verb in _KINDS:
        fields = {_FLAGS[word.partition("=")[0]]: word.partition("=")[2] for word in rest if "=" in word}
        name = (merged.current_context.value if merged.current_context else "") if "--current" in rest else rest[0]
        return [SetEntry(_KINDS[verb], name, fields)]
    if verb in _DELETED:
        return [RemoveEntry(_DELETED[verb], rest[0])]
    if verb == "rename-context":
        return [RenameEntry("contexts", rest[0], rest[1])]
    if verb == "use-context" and rest and rest[0]:
        merged.context(rest[0])
        return [SetCurrentContext(rest[0])]
    return _PROPERTIES.get(" ".join([verb, *rest]))


def _run(step: Step) -> int | None:
    """Do what a step does; its exit code, or None for steps that do not write."""
    if step.run[0] != "kubectl" or step.run[1] == "sh":
        return None
    files = kubeconfig_files(step.env)

    def decide(merged: Merged) -> list[Change]:
        changes = _changes(step.run, merged)
        if changes is None:
            raise LookupError
        return changes

    try:
        apply(files, decide, environ={**step.env, "XDG_STATE_HOME": str(Path(step.env["HOME"]) / "state")})
    except LookupError:
        return None
    except ConfigError:
        return 1
    return 0


def _meaning(text: str) -> dict[str, Any]:
    said = yaml.safe_load(text) or {}
    for filled_in in ("preferences", "apiVersion", "kind"):
        said.pop(filled_in, None)
    for section in ("clusters", "contexts", "users"):
        items = [{"name": "", **item} for item in said.get(section) or ()]
        for item in items:
            for body in item.values():
                if isinstance(body, dict):  # kubectl writes empty texts of some fields
                    for key in [key for key, value in body.items() if value in ("", None)]:
                        del body[key]
        said[section] = sorted(items, key=lambda item: str(item["name"]))
    said["current-context"] = said.get("current-context") or ""
    return said


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_files_end_up_meaning_what_kubectl_made_of_them(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step succeeds or fails as recorded, and each file says the same at the end."""
    laid = case.lay_out(tmp_path / "case")
    done = 0
    for index, step in enumerate(laid.steps):
        step.cwd.mkdir(exist_ok=True)
        monkeypatch.chdir(step.cwd)
        result = _run(step)
        if result is None:
            continue
        done += 1
        assert result == (0 if (case.name, index) in _KEPT_DIFFERENCES else step.exit), step.run
    assert done or case.name.startswith("093")
    for name, expected in laid.after.items():
        if expected is not None and (laid.directory / name).exists() and (case.name, 1) not in _KEPT_DIFFERENCES:
            meant = _meaning(expected)
            meant["current-context"] = _SHADOWED_CURRENT.get(case.name, {}).get(name, meant["current-context"])
            assert _meaning((laid.directory / name).read_text("utf-8-sig")) == meant, name
    assert not list(laid.directory.rglob("*.lock")) or case.name.startswith("084")
