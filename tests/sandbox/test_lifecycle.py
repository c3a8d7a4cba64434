"""A sandbox comes up, says what runs, and goes away without a trace, also when something was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eksauth.sandbox.layout import Layout
from eksauth.sandbox.lifecycle import status
from eksauth.sandbox.manifest import Manifest, read_manifest
from eksauth.sandbox.processes import is_running

EKSAUTH = Path(sys.executable).parent / "eksauth"


def _run(*arguments: str, expect: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(EKSAUTH), "sandbox", *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=cwd
    )
    assert done.returncode == expect, done.stderr
    return done


def _wait_until(condition: Callable[[], bool], patience: float = 20.0) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def _processes(manifest: Manifest) -> list[tuple[int, str]]:
    return [(manifest.supervisor_pid, manifest.supervisor_mark)] + [(one.pid, one.mark) for one in manifest.components]


@pytest.fixture(name="place")
def place_(tmp_path: Path) -> Iterator[Path]:
    """Give a directory for a sandbox, and take down whatever a failed test left in it."""
    place = tmp_path / "sandbox"
    yield place
    if Layout(place).is_sandbox():
        _run("down", "--dir", str(place))


def _up(place: Path) -> Manifest:
    _run("up", "--dir", str(place), "--api-server", "embedded")
    manifest = read_manifest(Layout(place).manifest)
    assert manifest is not None
    return manifest


def test_up_twice_status_env_down(place: Path) -> None:
    """The whole life in one go: a second `up` changes nothing, `down` leaves no process and no file."""
    manifest = _up(place)
    shown = json.loads(_run("status", "--dir", str(place), "-o", "json").stdout)
    again = _up(place)
    exports = json.loads(_run("env", "--dir", str(place), "--shell", "json").stdout)
    everything = _processes(manifest)
    assert all(is_running(pid, mark) for pid, mark in everything)
    _run("down", "--dir", str(place))

    assert shown["healthy"] is True
    assert {row["name"] for row in shown["components"]} >= {"aws", "authenticator-demo", "apiserver-demo"}
    assert again == manifest
    assert exports["AWS_ENDPOINT_URL"] == manifest.aws_endpoint
    assert exports["AWS_ACCESS_KEY_ID"].startswith("AKIA")
    assert not any(is_running(pid, mark) for pid, mark in everything)
    assert not place.exists()


def test_private_files_are_private(place: Path) -> None:
    """Nobody else can read keys, tokens or logs of the sandbox."""
    _up(place)

    open_to_others = [
        str(path) for path in place.rglob("*") if path.is_file() and path.stat().st_mode & 0o077 and "key" in path.name
    ]

    assert place.stat().st_mode & 0o777 == 0o700
    assert open_to_others == []


def test_a_killed_supervisor_takes_its_children_along(place: Path) -> None:
    """After SIGKILL to the supervisor nothing runs, `status` says so, and `up` starts afresh."""
    first = _up(place)
    os.kill(first.supervisor_pid, signal.SIGKILL)

    assert _wait_until(lambda: not any(is_running(pid, mark) for pid, mark in _processes(first)))
    assert json.loads(_run("status", "--dir", str(place), "-o", "json", expect=1).stdout)["state"] == "crashed"
    second = _up(place)
    assert status(Layout(place)).healthy
    assert second.supervisor_pid != first.supervisor_pid


def test_a_component_that_dies_is_seen(place: Path) -> None:
    """`status` looks at processes, not only at what was written down."""
    manifest = _up(place)
    victim = next(one for one in manifest.components if one.name == "authenticator-demo")
    os.kill(victim.pid, signal.SIGKILL)
    assert _wait_until(lambda: not is_running(victim.pid, victim.mark))

    shown = json.loads(_run("status", "--dir", str(place), "-o", "json", expect=1).stdout)

    assert shown["state"] == "incomplete"
    assert [row["name"] for row in shown["components"] if not row["running"]] == ["authenticator-demo"]


def test_a_sandbox_tied_to_a_killed_process_ends(place: Path) -> None:
    """A test run or demo that is killed leaves no server behind."""
    code = (
        "import sys, time; from pathlib import Path; from eksauth.sandbox.lifecycle import Sandbox\n"
        "with Sandbox(Path(sys.argv[1]), flavour='embedded'):\n  print('up', flush=True); time.sleep(120)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == "up\n"
    manifest = read_manifest(Layout(place).manifest)
    assert manifest is not None

    owner.kill()
    owner.wait()

    assert _wait_until(lambda: not any(is_running(pid, mark) for pid, mark in _processes(manifest)))


def test_up_in_a_foreign_directory_touches_nothing(tmp_path: Path) -> None:
    """Neither `up` nor `down` does anything to a directory that is not a sandbox."""
    foreign = tmp_path / "work"
    foreign.mkdir()
    (foreign / "paper").write_text("mine")

    up = _run("up", "--dir", str(foreign), expect=3)
    down = _run("down", "--dir", str(foreign), expect=3)

    assert "is not empty and is no sandbox" in up.stderr
    assert "nothing was removed" in down.stderr
    assert [(entry.name, entry.read_text()) for entry in foreign.iterdir()] == [("paper", "mine")]


def test_down_leaves_files_that_are_not_the_sandboxs(place: Path) -> None:
    """Somebody's own work inside the directory outlives the sandbox, and `down` says so."""
    Layout(place).create()
    (place / "thesis.tex").write_text("years of work")

    said = _run("down", "--dir", str(place)).stderr

    assert [entry.name for entry in place.iterdir()] == ["thesis.tex"]
    assert "did not make" in said


def test_up_in_a_directory_full_of_python_files(place: Path, tmp_path: Path) -> None:
    """Files that are called like modules, in the directory that the user happens to be in, are not run."""
    for name in ("json", "flask", "moto", "eksauth", "uvloop"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')")

    _run("up", "--dir", str(place), "--api-server", "embedded", cwd=tmp_path)

    assert status(Layout(place)).healthy
    assert not (tmp_path / "ran").exists()


def test_down_and_env_without_a_sandbox(place: Path) -> None:
    """`down` is content, `env` says what to do."""
    assert "there was no sandbox" in _run("down", "--dir", str(place)).stderr
    done = _run("env", "--dir", str(place), expect=3)
    assert done.stdout == ""
    assert "eksauth: hint: start one with 'eksauth sandbox up'" in done.stderr


def test_a_damaged_manifest_does_not_stop_down(place: Path) -> None:
    """`status` names the damage, `down` clears it away."""
    layout = Layout(place)
    layout.create()
    layout.manifest.write_text("{half")

    assert "eksauth: error: cannot read" in _run("status", "--dir", str(place), expect=3).stderr
    _run("down", "--dir", str(place))
    assert not place.exists()


def test_two_at_once_do_not_mix(place: Path) -> None:
    """Of two simultaneous `up` one starts the sandbox, the other says that somebody is at it; one sandbox runs."""
    command = [str(EKSAUTH), "sandbox", "up", "--dir", str(place), "--api-server", "embedded"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120)[1] for one in both]

    codes = sorted(one.returncode for one in both)
    assert codes in ([0, 3], [0, 0])  # the second is refused, or came so late that it found a running one
    assert codes == [0, 0] or any("another command is starting or stopping" in text for text in said)
    assert status(Layout(place)).healthy
