"""``eksauth login`` with a person at the terminal: choosing, giving reasons, typing keys, leaving."""

from __future__ import annotations

import os
import stat
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.cli.terminal import Terminal, on_terminal
from tests.kubeconfig.update.conftest import lab_, shared_endpoint_
from tests.kubeconfig.update.eks_lab import BIN
from tests.login.conftest import desk_
from tests.login.desk import Desk

__all__ = ["desk_", "lab_", "shared_endpoint_"]

PASSWORD = "correct horse battery"


def at_terminal(*words: str) -> AbstractContextManager[Terminal]:
    """Run eksauth on a terminal."""
    return on_terminal([str(BIN / "eksauth"), *words], {**os.environ, "TERM": "xterm"})


def test_the_one_who_is_meant_is_picked(desk: Desk) -> None:
    """Several identities and no default: a list to choose from, and the choice is signed in to."""
    with at_terminal("login") as terminal:
        terminal.expect("identity>")
        terminal.send("admin\r")
        terminal.expect("signed in as admin")
        assert terminal.finish() == 0, terminal.text
    assert desk.lab.kubeconfig.exists()


@pytest.mark.parametrize("keys", ["\x03", "\x04"], ids=["Ctrl-C", "end of input"])
def test_leaving_a_question_is_no_crash(desk: Desk, keys: str) -> None:
    """Whoever leaves at the reason a guard asks for gets 130, no traceback, and nothing is written."""
    desk.write(guards={"prod": {"identities": ["admin"], "require_reason": True}})
    with at_terminal("login", "admin") as terminal:
        terminal.expect("Why do you need admin?")
        terminal.send(keys)
        assert terminal.finish() == 130, terminal.text
        assert "Traceback" not in terminal.text
    assert not desk.lab.kubeconfig.exists()


def test_a_reason_that_is_typed_is_kept(desk: Desk) -> None:
    """The guard's question is answered at the terminal, and the audit log has the answer."""
    desk.write(guards={"prod": {"identities": ["admin"], "require_reason": True, "confirm": True}})
    with at_terminal("login", "admin") as terminal:
        terminal.expect("Why do you need admin?")
        terminal.send("INC-7\r")
        terminal.expect("[y/N]")
        terminal.send("y\r")
        terminal.expect("signed in as admin")
        assert terminal.finish() == 0, terminal.text
    assert "INC-7" in desk.audit_log().read_text()


def test_keys_are_typed_and_not_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """--store-keys at a terminal asks for both keys; the secret one is not on the screen, nor in any open file."""
    monkeypatch.setenv("EKSAUTH_KEYRING_PASSWORD", PASSWORD)
    place = tmp_path / "keys"
    desk.write({}, identities={"mine": {"kind": "aws/user"}}, keyring={"type": "file", "spec": {"path": str(place)}})
    key_id, secret = desk.keys().values()
    with at_terminal("login", "mine", "--store-keys") as terminal:
        terminal.expect("access key id of mine:")
        terminal.send(f"{key_id}\r")
        terminal.expect("secret access key:")
        terminal.send(f"{secret}\r")
        terminal.expect("signed in as mine")
        assert terminal.finish() == 0, terminal.text
        assert secret not in terminal.raw
    files = [path for path in place.rglob("*") if path.is_file()]
    assert files
    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o600 and secret.encode() not in path.read_bytes() for path in files
    )


def test_a_found_configuration_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal a file that was only found is used, said, and pinned: the person decided."""
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.chdir(desk.config.parent)
    with at_terminal("login", "admin") as terminal:
        terminal.expect("found by searching")
        terminal.expect("signed in as admin")
        assert terminal.finish() == 0, terminal.text
    assert desk.lab.parsed()["contexts"]
