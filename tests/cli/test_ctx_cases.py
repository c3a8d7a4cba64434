"""The recorded cases of kubectl with several files, done by eksauth: the same outcome, or the one difference we want."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kubeconfig.caseload import Case, Step, all_cases

from eksauth.kubeconfig.document import load_document, parse_document
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.resolve import merge
from eksauth.kubeconfig.view import as_dict

WANTED = ("064", "070", "071", "073", "077", "078", "087")
# kubectl clears one file and the next one's value takes over; unset means unset here
UNSET_EVERYWHERE = "077-unset-current-context-chain"
# a current-context that another file hides keeps the old name in kubectl, leading nowhere; here it follows
SHADOWED_CURRENT = {("078-rename-context", "b.yaml"): "bee"}
_ENTRY = [sys.executable, "-P", "-c", "import sys; from eksauth._entry import main; sys.exit(main())"]


def translated(step: Step) -> list[str] | None:
    """Return the arguments of eksauth for a kubectl command, or None when it has none here."""
    match step.run[1:]:
        case ("config", "use-context", name):
            return ["ctx", name]
        case ("config", "use-context"):
            return ["ctx", "--list", "too many"]
        case ("config", "current-context"):
            return ["ctx", "--current"]
        case ("config", "unset", "current-context"):
            return ["ctx", "--unset"]
        case ("config", "rename-context", old, new):
            return ["ctx", f"{new}={old}"]
        case ("config", "set-context", name, namespace) if namespace.startswith("--namespace="):
            return ["run", name, "-n", namespace.partition("=")[2], "--", "true"]
        case _:
            return None


@pytest.mark.parametrize(
    "case", [case for case in all_cases() if case.name.startswith(WANTED)], ids=lambda case: case.name
)
def test_recorded_cases(case: Case, tmp_path: Path) -> None:
    """Exit codes fail and succeed alike, what is printed is the same, and every file says the same afterwards."""
    laid = case.lay_out(tmp_path / "case")
    changed_otherwise = False
    for step in laid.steps:
        argv = translated(step)
        if argv is None:
            changed_otherwise = True
            continue
        done = subprocess.run(
            [*_ENTRY, *argv], env={"PATH": os.environ["PATH"], **step.env}, cwd=step.cwd, capture_output=True, text=True
        )
        if case.name == UNSET_EVERYWHERE:
            assert done.returncode == (1 if argv == ["ctx", "--current"] else 0), done.stderr
            continue
        assert bool(done.returncode) == bool(step.exit), (argv, done.stderr)
        if argv == ["ctx", "--current"]:
            assert done.stdout == step.stdout
    for name, text in laid.after.items():
        document = load_document(laid.directory / name)
        if text is None or document is None:
            assert (text, document) == (None, None)
        elif case.name == UNSET_EVERYWHERE:
            assert document.current_context == ""
        elif not changed_otherwise and not case.name.startswith("073"):
            theirs = parse_document(text.encode(), Path(name))
            files = Files((Path(name),), Origin.FLAG)
            wanted = as_dict(merge(files, [theirs]))
            wanted["current-context"] = SHADOWED_CURRENT.get((case.name, name), wanted["current-context"])
            assert as_dict(merge(files, [document])) == wanted
