"""`make demo` is a promise: the story is told by real calls, and an exit code of 0 means that each did what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eksauth.sandbox.binaries import find_kubectl

EKSAUTH = Path(sys.executable).parent / "eksauth"


@pytest.mark.parametrize("options", [pytest.param([], id="kubectl"), pytest.param(["--no-kubectl"], id="own whoami")])
def test_the_demo_reaches_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    """Refused, explained, mapped, let in; and afterwards no file is left in the temporary directory."""
    if not options and find_kubectl() is None:
        pytest.skip("no kubectl here")
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))

    done = subprocess.run(
        [str(EKSAUTH), "sandbox", "demo", "--api-server", "embedded", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "admin:admin, groups system:masters, system:authenticated" in done.stdout
    assert "[mapping.not_mapped]" in done.stdout
    assert done.stdout.index("[mapping.not_mapped]") < done.stdout.index("CICDRole:ci, groups system:authenticated")
    assert "Every step did what it says" in done.stdout
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("options", [pytest.param([], id="kubectl"), pytest.param(["--no-kubectl"], id="own whoami")])
def test_the_login_story_reaches_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    """Signed in, known to the cluster, signed out, refused; nothing is left behind."""
    if not options and find_kubectl() is None:
        pytest.skip("no kubectl here")
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))

    done = subprocess.run(
        [str(EKSAUTH), "sandbox", "demo", "--story", "login", "--api-server", "embedded", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "sso-admin:dana, groups system:masters" in done.stdout
    assert done.stdout.count("run: eksauth login admin") == 2
    assert "Every step did what it says" in done.stdout
    assert list(place.iterdir()) == []
