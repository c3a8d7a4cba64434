"""A configuration that came with somebody's repository: only a login at a terminal lets it run or ask anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.credentials.people import Typist
from tests.login.desk import Desk

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.errors import AwsError
from eksauth.login.acting import act_as
from eksauth.login.programs.console import ConsoleRequest, console_sign_in
from eksauth.login.programs.usable import usable_session
from eksauth.login.sign_in import Terms, sign_in


@pytest.fixture(name="marker")
def marker_(tmp_path: Path) -> Path:
    """Return a file that the repository's command makes."""
    return tmp_path / "it-ran"


@pytest.fixture(name="config")
def config_(desk: Desk, marker: Path, monkeypatch: pytest.MonkeyPatch) -> AuthConfig:
    """Return a configuration that was found by searching, with a command in it."""
    keys: dict[str, Any] = desk.identities["alice"]["credentials"]
    evil = f"open({str(marker)!r}, 'w').close(); print(123456)"
    factor = {"mfa_arn": "arn:aws:iam::111122223333:mfa/alice", "mfa_process": [sys.executable, "-c", evil]}
    alice = {"kind": "aws/user", "default": True, "credentials": keys | factor}
    desk.write({}, identities={"alice": alice, "admin": desk.identities["admin"]})
    monkeypatch.delenv("EKSAUTH_CONFIG")
    found = load_config(os.environ, cwd=desk.config.parent)
    assert found.searched
    return found


@pytest.mark.parametrize("what", ["exec, env and shell", "console", "kubeconfig update", "nobody there"])
def test_nothing_but_a_login_runs_its_commands(config: AuthConfig, marker: Path, what: str) -> None:
    """A person at the terminal who did not ask for a login has not vouched for the file either."""
    person, admin = Typist(), config.identities["admin"]
    with pytest.raises(NeedsHuman) as caught:
        if what == "console":
            console_sign_in(config, admin, ConsoleRequest(human=person), environ=os.environ)
        elif what == "nobody there":
            usable_session(config, admin, environ=os.environ)
        elif what == "kubeconfig update":
            act_as(config, admin, environ=os.environ, human=person)
        else:
            usable_session(config, admin, environ=os.environ, human=person)
    assert caught.value.code == "credentials.untrusted_config"
    assert "eksauth login admin" in (caught.value.hint or "")
    assert not marker.exists()
    # who waits for the same credentials with a file that was named must not hear of this
    assert list(Path(os.environ["HOME"]).rglob("*.failed")) == []


def test_a_login_does(config: AuthConfig, marker: Path) -> None:
    """Signing in is what vouches for it."""
    with pytest.raises(AwsError, match="MultiFactorAuthentication failed"):
        sign_in(config, config.identities["alice"], Terms(human=Typist()), environ=os.environ)
    assert marker.exists()


@pytest.mark.parametrize("command", ["login", "logout"])
def test_a_pipe_as_kubeconfig(desk: Desk, tmp_path: Path, command: str) -> None:
    """A kubeconfig that a configuration names and that nobody ever writes to is an error, and not waited for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    desk.write({"demo": desk.following("admin", kubeconfig={"path": str(pipe)})})

    done = desk.lab.eksauth(command, "admin")

    assert done.code in {1, 3}
    assert "is not a regular file" in done.err
