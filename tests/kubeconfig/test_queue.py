"""The queue of eksauth processes in front of a kubeconfig."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.kubeconfig.queue import Queue

COUNT = """
import sys
from pathlib import Path
from eksauth.kubeconfig.queue import Queue
directory, counter = map(Path, sys.argv[1:])
for _ in range(20):
    with Queue(directory, [counter], wait=60):
        counter.write_text(str(int(counter.read_text()) + 1))
"""
HOLD = """
import sys
from pathlib import Path
from eksauth.kubeconfig.queue import Queue
with Queue(Path(sys.argv[1]), [Path("/b"), Path("/a")], wait=1):
    print("in", flush=True)
    sys.stdin.read()
"""


def test_only_one_process_is_inside_at_a_time(tmp_path: Path) -> None:
    """Six processes that read, add and write a counter lose no count."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path / "queue"), str(counter)]) for _ in range(6)
    ]
    assert [process.wait() for process in processes] == [0] * 6
    assert counter.read_text() == "120"


def test_a_process_that_does_not_finish_is_reported_and_its_death_frees_the_queue(tmp_path: Path) -> None:
    """Waiting ends with a message; a killed process leaves nothing behind."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        with (
            pytest.raises(ConfigError, match="by another eksauth process") as caught,
            Queue(tmp_path, [Path("/a")], wait=0),
        ):
            pass
        assert caught.value.code == "kubeconfig.locked"
        with Queue(tmp_path, [Path("/other")], wait=0):
            pass
        process.kill()
    with Queue(tmp_path, [Path("/a"), Path("/b")], wait=5):
        pass


def test_what_is_remembered_is_there_for_the_next(tmp_path: Path) -> None:
    """Facts survive, belong to one file, and damage counts as knowing nothing."""
    with Queue(tmp_path, [Path("/a"), Path("/b")], wait=1) as queue:
        queue.remember(Path("/a"), {"stamp": [1, 2]})
    with Queue(tmp_path, [Path("/a"), Path("/b")], wait=1) as queue:
        assert queue.recall(Path("/a")) == {"stamp": [1, 2]}
        assert queue.recall(Path("/b")) == {}
        assert queue.recall(Path("/unknown")) == {}
    for path in tmp_path.glob("*.queue"):
        path.write_text("[broken")
    with Queue(tmp_path, [Path("/a")], wait=1) as queue:
        assert queue.recall(Path("/a")) == {}


@pytest.mark.parametrize("kind", ["none", "a file"])
def test_without_a_state_directory_there_is_no_queue(tmp_path: Path, kind: str) -> None:
    """The lock files still protect; a read-only home must not stop anybody."""
    (tmp_path / "file").touch()
    with Queue(None if kind == "none" else tmp_path / "file", [Path("/a")], wait=0) as queue:
        queue.remember(Path("/a"), {"x": 1})
        assert queue.recall(Path("/a")) == {}
