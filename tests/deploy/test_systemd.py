"""The systemd unit, judged by systemd itself where it is installed."""

from __future__ import annotations

import configparser
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.deploy.chart import DEPLOY

from eksauth.authenticator.server.settings import Limits
from eksauth.cli.server_run import run

UNIT = DEPLOY / "systemd" / "eksauth-server.service"


@pytest.fixture(name="service")
def service_() -> configparser.SectionProxy:
    """Read the section about the service; of keys that are given twice the last counts here."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys are in CamelCase
    parser.read(UNIT)
    return parser["Service"]


def test_the_command_is_one_of_ours(service: configparser.SectionProxy) -> None:
    """ExecStart starts the server with flags that it knows."""
    program, *arguments = shlex.split(service["ExecStart"])
    assert Path(program).name == "eksauth"
    assert arguments[:2] == ["server", "run"]
    run.make_context("run", arguments[2:])


def test_systemd_waits_for_the_drain(service: configparser.SectionProxy) -> None:
    """The time to stop is longer than the server's own grace; a reload is a SIGHUP; readiness is told."""
    assert int(service["TimeoutStopSec"]) >= Limits().grace + 10
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Type"] == "notify"


@pytest.mark.peer
def test_systemd_knows_every_line(tmp_path: Path) -> None:
    """systemd-analyze verify has nothing to say, once the program is there."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/eksauth/bin/eksauth", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.peer
def test_systemd_finds_the_service_well_confined() -> None:
    """The overall exposure that systemd computes stays below 2 of 10."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    command = [analyze, "security", "--offline=true", "--threshold=20", "--json=short", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    exposed = [item["name"] for item in json.loads(done.stdout) if float(item["exposure"] or 0) > 0.3]
    assert exposed == ["PrivateNetwork="]
