"""``eksauth audit`` as a person and a script see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eksauth.cli.audit import since_seconds
from eksauth.cli.main import run
from eksauth.credentials.audit import append, audit_path
from eksauth.errors import UsageError


@pytest.fixture(name="log")
def log_(home: Path) -> Path:
    """Give a log with three events."""
    now = time.time()
    append(os.environ, {"event": "login", "identity": "prod", "reason": "INC-1\x1b[2J"}, now=now - 7200)
    append(os.environ, {"event": "token", "identity": "prod", "cluster": "demo"}, now=now)
    append(os.environ, {"event": "refused", "identity": "dev", "code": "guard.reason"}, now=now)
    return Path(audit_path(os.environ) or "")


def test_a_table(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People get a table, oldest first, in which nothing drives the terminal; what was refused says why."""
    assert run(["audit"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TIME", "EVENT", "IDENTITY", "ACCOUNT", "CLUSTER", "REGION", "PROGRAM", "REASON"]
    assert [line.split()[1:3] for line in lines[1:]] == [["login", "prod"], ["token", "prod"], ["refused", "dev"]]
    assert r"\x1b[2J" in lines[1]
    assert lines[3].endswith("guard.reason")


def test_filters(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options narrow it down, and JSON is one list."""
    assert run(["audit", "--since", "1h", "--identity", "PROD", "-o", "json"]) == 0
    assert [one["cluster"] for one in json.loads(capsys.readouterr().out)] == ["demo"]
    assert run(["audit", "--event", "refused", "-n", "5", "-o", "json"]) == 0
    assert [one["identity"] for one in json.loads(capsys.readouterr().out)] == ["dev"]
    assert run(["audit", "--cluster", "nothing", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_damage_is_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damaged lines are counted on stderr."""
    log.write_bytes(log.read_bytes() + b"garbage\nmore\n")
    assert run(["audit"]) == 0
    assert "2 damaged lines" in capsys.readouterr().err


def test_no_log(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No events are an empty table; a log that is switched off is an error."""
    assert run(["audit"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    monkeypatch.setenv("EKSAUTH_AUDIT_LOG", "off")
    assert run(["audit"]) == 3


@pytest.mark.parametrize(
    "text, seconds", [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800), ("1h30m", 5400), ("60", 60)]
)
def test_since(text: str, seconds: int) -> None:
    """Times have a unit."""
    assert since_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1y", "-1h", "1 h", "٣h", "9" * 20 + "s", "0"])
def test_since_what(text: str) -> None:
    """Anything else is a mistake."""
    with pytest.raises(UsageError):
        since_seconds(text)


def test_following_from_another_process(log: Path) -> None:
    """What another process writes is shown at once, one JSON object a line."""
    command = [sys.executable, "-m", "eksauth", "audit", "--follow", "-n", "1", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["event"] == "refused"
            append(os.environ, {"event": "logout", "identity": "prod"})
            assert json.loads(process.stdout.readline())["event"] == "logout"
        finally:
            process.terminate()
