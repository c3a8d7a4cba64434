"""kubectl's lock files, with patience: taken, waited for, explained, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.kubeconfig import lockfile
from eksauth.kubeconfig.holder import Holder, current_holder, decode_holder
from eksauth.kubeconfig.lock import locked
from eksauth.sandbox.binaries import find_kubectl

HOLD = """
import os, signal, sys
from pathlib import Path
from eksauth.kubeconfig.lock import locked
with locked([Path(sys.argv[1])]):
    print("locked", flush=True)
    if sys.argv[2] != "stay":
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    if sys.argv[2] == "stay":
        sys.stdin.read()
    print("done", flush=True)
"""


class Clock:
    """Time that passes only by sleeping; ``at`` runs something when that much has passed."""

    def __init__(self, at: float = 0.0, action: object = None) -> None:
        self.now = 0.0
        self.at = at
        self.action = action

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if callable(self.action) and self.now >= self.at:
            self.action()
            self.action = None

    def __call__(self) -> float:
        return self.now


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_every_path_is_locked_and_released(tmp_path: Path) -> None:
    """Existing and missing files get kubectl's lock file, with a note of who holds it; afterwards nothing is left."""
    existing, missing = tmp_path / "b.yaml", tmp_path / "a.yaml"
    existing.write_text("")
    with locked([existing, missing]) as locks:
        assert _names(tmp_path) == ["a.yaml.lock", "b.yaml", "b.yaml.lock", "home"]
        assert decode_holder((tmp_path / "a.yaml.lock").read_bytes()) == current_holder()
        assert not locks.unlockable
        assert not locks.rival_seen
    assert _names(tmp_path) == ["b.yaml", "home"]


def test_locks_are_released_after_an_exception(tmp_path: Path) -> None:
    """Whatever goes wrong inside, the lock goes away and the exception comes out."""
    with pytest.raises(ZeroDivisionError), locked([tmp_path / "a"]):
        raise ZeroDivisionError
    assert _names(tmp_path) == ["home"]


def test_a_file_of_a_missing_directory_is_not_locked_and_no_directory_is_made(tmp_path: Path) -> None:
    """Kubectl makes such directories; here the file is only marked as one that cannot be written."""
    path = tmp_path / "no" / "such" / "config"
    with locked([path, tmp_path / "a"]) as locks:
        assert set(locks.unlockable) == {path}
        assert (tmp_path / "a.lock").exists()
    assert _names(tmp_path) == ["home"]


def test_a_link_is_locked_beside_itself_and_beside_its_target(tmp_path: Path) -> None:
    """A kubectl that was given either name is kept out."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/config")
    with locked([tmp_path / "link"]):
        assert (tmp_path / "link.lock").exists()
        assert (tmp_path / "real" / "config.lock").exists()


def test_two_spellings_of_one_file_do_not_lock_each_other_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubectl fails on its own lock here."""
    monkeypatch.chdir(tmp_path)
    with locked([Path("a"), Path("../" + tmp_path.name + "/a"), tmp_path / "a"]) as locks:
        assert not locks.rival_seen
    assert _names(tmp_path) == ["home"]


def test_a_lock_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    """Kubectl's lock of a moment is no error, but counts as a sign of a rival."""
    lock = tmp_path / "a.lock"
    lock.touch(mode=0)
    clock = Clock(3.0, lock.unlink)
    with locked([tmp_path / "a"], wait=10, sleep=clock.sleep, clock=clock) as locks:
        assert locks.rival_seen
    assert 3.0 <= clock.now < 3.2


@pytest.mark.parametrize(
    "age, waits, words",
    [
        (0, 10.0, "0 seconds ago by kubectl or another program that is writing"),
        (50, 10.0, "50 seconds ago by kubectl or another program that is writing"),
        (300, 0.5, "5 minutes ago by kubectl or another program, most likely killed"),
        (3 * 86400, 0.5, "3 days ago by kubectl"),
        (-500, 10.0, "0 seconds ago by kubectl or another program that is writing"),
    ],
    ids=["fresh", "nearly stale", "stale", "very stale", "from the future"],
)
def test_a_lock_that_stays_is_explained_and_never_removed(tmp_path: Path, age: int, waits: float, words: str) -> None:
    """A fresh one is waited for as long as allowed, a stale one hardly; the message names lock, age and remedy."""
    lock = tmp_path / "a.lock"
    lock.touch(mode=0)
    made = time.time() - age
    os.utime(lock, (made, made))
    clock = Clock()
    with pytest.raises(ConfigError) as caught, locked([tmp_path / "a"], wait=10, sleep=clock.sleep, clock=clock):
        pass
    assert caught.value.code == "kubeconfig.locked"
    assert words in caught.value.message
    assert str(lock) in caught.value.message
    assert f"rm {lock}" in (caught.value.hint or "")
    assert waits <= clock.now < waits + 0.1
    assert lock.exists()


def test_locks_taken_before_one_that_stays_are_given_back(tmp_path: Path) -> None:
    """Nothing is left of a failed attempt on several files."""
    (tmp_path / "b.lock").touch()
    clock = Clock()
    with pytest.raises(ConfigError), locked([tmp_path / "a", tmp_path / "b"], sleep=clock.sleep, clock=clock):
        pass
    assert _names(tmp_path) == ["b.lock", "home"]


def test_a_lock_of_a_killed_eksauth_is_cleared_with_a_warning(tmp_path: Path) -> None:
    """The note proves that the holder is gone, so nobody has to clean up by hand."""
    run = subprocess.run([sys.executable, "-c", HOLD, str(tmp_path / "a"), "SIGKILL"], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL
    assert (tmp_path / "a.lock").exists()
    with locked([tmp_path / "a"]) as locks:
        assert len(locks.warnings) == 1
        assert f"removed {tmp_path / 'a.lock'}" in locks.warnings[0]
        assert not locks.rival_seen
    assert _names(tmp_path) == ["home"]


def test_a_lock_of_a_living_eksauth_is_respected_and_named(tmp_path: Path) -> None:
    """The message says which process holds it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "a"), "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        clock = Clock()
        with (
            pytest.raises(ConfigError, match=f"eksauth process {process.pid} on "),
            locked([tmp_path / "a"], wait=1, sleep=clock.sleep, clock=clock),
        ):
            pass
        process.communicate("")
    assert _names(tmp_path) == ["home"]


@pytest.mark.parametrize(
    "changes, gone",
    [
        ({"pid": 2**22 + 1, "started": "1"}, True),
        ({"started": "12345"}, True),
        ({}, False),
        ({"pid": 2**22 + 1, "started": "1", "host": "elsewhere"}, False),
        ({"pid": 2**22 + 1, "started": "1", "boot": "another"}, False),
        ({"pid": 2**22 + 1, "started": "1", "namespace": "pid:[1]"}, False),
    ],
    ids=["no such process", "process id used again", "itself", "another host", "another boot", "another container"],
)
def test_a_holder_is_gone_only_when_that_is_certain(changes: dict[str, object], *, gone: bool) -> None:
    """Only a process of this host, this boot and this process namespace can be known to be gone."""
    here = current_holder()
    assert here.host == socket.gethostname()
    fields = {name: getattr(here, name) for name in ("pid", "started", "host", "boot", "namespace")}
    assert Holder(**{**fields, **changes}).is_gone() is gone


@pytest.mark.parametrize(
    "note", [b"", b"{}", b"[]", b"\xff", b'{"eksauth": 1}', b'{"eksauth": {"pid": "1"}}', b"[" * 1000, b"null"]
)
def test_notes_of_others_are_nobodys(note: bytes) -> None:
    """Kubectl's empty files and anything else count as foreign."""
    assert decode_holder(note) is None


def test_a_holders_note_can_be_read_back() -> None:
    """The note is one line of JSON."""
    assert decode_holder(current_holder().encode()) == current_holder()
    assert json.loads(current_holder().encode())["eksauth"]["pid"] == os.getpid()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_inside_takes_effect_after_the_locks_are_gone(tmp_path: Path, name: str) -> None:
    """The process ends by the signal, but what it was doing is finished and no lock stays."""
    run = subprocess.run([sys.executable, "-c", HOLD, str(tmp_path / "a"), name], capture_output=True, text=True)
    assert run.stdout == "locked\ndone\n"
    assert run.returncode == -getattr(signal, name)
    assert _names(tmp_path) == ["home"]


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    """Interrupting a process that waits for one lock makes it give back the others and end."""
    (tmp_path / "b.lock").touch()
    code = (
        "import sys\nfrom pathlib import Path\nfrom eksauth.kubeconfig.lock import locked\n"
        "with locked([Path(path) for path in sys.argv[1:]], wait=60): pass"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a"), str(tmp_path / "b")], stderr=subprocess.PIPE
    ) as process:
        while not (tmp_path / "a.lock").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert _names(tmp_path) == ["b.lock", "home"]


def test_a_lock_that_somebody_replaced_is_not_removed(tmp_path: Path) -> None:
    """Releasing removes only the very file that was made."""
    lock = tmp_path / "a.lock"
    with locked([tmp_path / "a"]):
        lock.unlink()
        lock.write_text("other")
    assert lock.read_text() == "other"


def test_clearing_a_dead_lock_spares_a_newer_one(tmp_path: Path) -> None:
    """Between looking and clearing another process may have cleared it and made its own."""
    lock = tmp_path / "a.lock"
    lock.write_text("old")
    seen = lockfile.look(lock)
    assert seen is not None
    (tmp_path / "new").write_text("new")
    (tmp_path / "new").rename(lock)
    assert not lockfile.clear_dead(lock, seen)
    assert lock.read_text() == "new"
    assert _names(tmp_path) == ["a.lock", "home"]


@pytest.mark.parametrize("make", [lockfile._create_whole, lockfile._create_then_write], ids=["unnamed", "exclusive"])
def test_both_ways_of_making_a_lock_exclude_each_other(tmp_path: Path, make: object) -> None:
    """File systems without unnamed files get the plain way; either refuses where a lock is."""
    assert callable(make)
    identity = make(tmp_path / "a.lock", b"note")
    assert (tmp_path / "a.lock").read_bytes() == b"note"
    for other in (lockfile._create_whole, lockfile._create_then_write, lockfile.create):
        with pytest.raises(FileExistsError):
            other(tmp_path / "a.lock", b"x")
    lockfile.release(tmp_path / "a.lock", identity)
    assert _names(tmp_path) == ["home"]


@pytest.mark.peer
def test_kubectl_is_kept_out_while_we_hold_the_lock(tmp_path: Path) -> None:
    """Kubectl refuses to write by either name of a linked file, and does so again afterwards."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl")
    (tmp_path / "link").symlink_to("config")
    run: list[str | Path] = [kubectl, "config", "set-cluster", "c", "--server=https://c"]
    environments = [{**os.environ, "KUBECONFIG": str(tmp_path / name)} for name in ("link", "config")]
    with locked([tmp_path / "link"]):
        for environment in environments:
            refused = subprocess.run(run, env=environment, capture_output=True, text=True)
            assert refused.returncode == 1
            assert "lock: file exists" in refused.stderr
    for environment in environments:
        subprocess.run(run, env=environment, check=True, capture_output=True)
