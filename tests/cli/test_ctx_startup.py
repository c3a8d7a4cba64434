"""What the fast lane of ctx, ns and completion may load. Modules, not milliseconds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.cli.context_kit import kubeconfig, write
from tests.cli.test_startup import DENIED, imported
from tests.installed import clean_environment

ALLOWED = {
    "eksauth",
    "eksauth._entry",
    "eksauth.kubeconfig",
    "eksauth.kubeconfig.context_lines",
    "eksauth.kubeconfig.fast",
    "eksauth.kubeconfig.quick",
    "eksauth.kubeconfig.scan",
    "eksauth.token",
    "eksauth.token.stdout",
    "binascii",
}
# the same locks and the same writing as every other command's, and nothing that parses
HEAVY_FOR_A_SWITCH = {"click", "yaml", "_yaml", "botocore", "rich", "ssl", "asyncio", "eksauth.kubeconfig.document"}
_ENTRY = "from eksauth._entry import main; import sys; sys.exit(main())"


def loaded(home: Path, *argv: str) -> tuple[set[str], str]:
    """Return what a command imports over an empty program, and its output."""
    environ = clean_environment(HOME=str(home))
    floor, _ = imported([sys.executable, "-P", "-c", "pass"], environ)
    modules, out = imported([sys.executable, "-P", "-c", _ENTRY, *argv], environ)
    return modules - floor, out


@pytest.mark.parametrize(
    "argv,more,expected",
    [
        (["ctx"], set[str](), "* one\n  two\n"),
        (["ctx", "-c"], set[str](), "one\n"),
        (["ns", "-c"], set[str](), "default\n"),
        (["__complete", "zsh", "ctx", "t"], {"eksauth.kubeconfig.complete"}, "names\ntwo\n"),
    ],
    ids=["list", "current", "namespace", "completion"],
)
def test_what_reading_loads(argv: list[str], more: set[str], expected: str, home: Path) -> None:
    """A list, a prompt and a completion load our few modules and nothing that imports ``re``."""
    write(home / ".kube" / "config", kubeconfig(["one", "two"], "one"))
    modules, out = loaded(home, *argv)
    assert out == expected
    assert modules & set(DENIED) == set()
    assert modules - ALLOWED - more == set()


def test_what_a_switch_loads(home: Path) -> None:
    """A switch loads what locks and writes, and no parser of YAML or command lines."""
    path = write(home / ".kube" / "config", kubeconfig(["one", "two"], "one"))
    modules, _ = loaded(home, "ctx", "two")
    assert "current-context: two" in path.read_text()
    assert modules & HEAVY_FOR_A_SWITCH == set()
