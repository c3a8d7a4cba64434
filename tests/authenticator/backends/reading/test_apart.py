"""Processes that read: equal to reading here, killed with whoever asked, and harmless when they die."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.authenticator.backends.reading.contents import many_entries, readers
from tests.authenticator.mapping.callers import identity

from eksauth.authenticator.backends.files.access_entries import access_entries_file_backend
from eksauth.authenticator.backends.files.reading.apart import command
from eksauth.authenticator.backends.files.reading.jobs import (
    AccessEntriesJob,
    DynamicFileJob,
    Job,
    SectionJob,
    ServerConfigJob,
)
from eksauth.authenticator.backends.files.reading.read import LARGE_BYTES, read
from eksauth.authenticator.backends.files.reading.wire import HEADER, READY, Assembly, encode_job
from eksauth.authenticator.mapping.model import Match
from eksauth.errors import ConfigError

LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="finds processes in /proc")


async def until(true: Callable[[], object]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(lambda path: ServerConfigJob(str(path)), id="config"),
        pytest.param(lambda path: DynamicFileJob(str(path), strict=False), id="dynamic"),
        pytest.param(lambda path: AccessEntriesJob(str(path), "aws"), id="entries"),
        pytest.param(lambda path: SectionJob("mapRoles", path.read_text(), "aws-auth/mapRoles"), id="section"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("clusterID: x\nserver:\n  mapAccounts: ['111122223333']\n  port: 1\n", id="config"),
        pytest.param('{"mapRoles": [{"rolearn": "arn:aws:iam::1:role/r", "userid": "x"}]}', id="dynamic"),
        pytest.param(many_entries(3), id="entries"),
        pytest.param("- rolearn: arn:aws:iam::1:role/r\n- rolearn: [\n", id="broken"),
        pytest.param("", id="empty"),
        pytest.param("[" * 5000, id="deep"),
    ],
)
async def test_every_job_is_done_there_as_here(job: Callable[[Path], Job], text: str, tmp_path: Path) -> None:
    """The process returns what this one returns, and raises the error that this one raises, place and hint included."""
    path = tmp_path / "file"
    path.write_text(text)
    found: list[object] = []
    for large in (0, LARGE_BYTES):
        try:
            found.append(await read(job(path), large=large))
        except ConfigError as error:
            found.append((error.message, error.hint, error.code))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "job, error",
    [
        pytest.param(ServerConfigJob, ConfigError, id="config"),
        pytest.param(lambda path: DynamicFileJob(path, strict=False), FileNotFoundError, id="dynamic"),
        pytest.param(lambda path: AccessEntriesJob(path, "aws"), FileNotFoundError, id="entries"),
    ],
)
@pytest.mark.parametrize("large", [0, LARGE_BYTES])
async def test_a_file_that_is_not_there(
    job: Callable[[str], Job], error: type[Exception], large: int, tmp_path: Path
) -> None:
    """It is told from one that cannot be used, wherever it is looked for."""
    with pytest.raises(error):
        await read(job(str(tmp_path / "none")), large=large)


async def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    """A name that cannot be told to another process is read in this one."""
    path = tmp_path / os.fsdecode(b"\xff")
    path.write_text(many_entries(2))
    assert len(await read(AccessEntriesJob(str(path), "aws"), large=0)) == 2


@pytest.mark.parametrize("program", ["", "/nonexistent", "/bin/false", "/bin/echo"])
async def test_where_no_process_can_be_started(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system at its limits, or a program that is no interpreter: large contents are read here, as small ones are."""
    path = tmp_path / "entries.json"
    path.write_text(many_entries(3))
    monkeypatch.setattr(sys, "executable", program)
    assert len(await read(AccessEntriesJob(str(path), "aws"), large=0)) == 3


def readers_of(fifo: Path) -> bool:
    """Tell whether somebody has the FIFO open for reading."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno != errno.ENXIO
    return True


async def test_a_cancelled_call_kills_its_process(tmp_path: Path) -> None:
    """Nothing goes on reading after the call has returned."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # held open, so that what opens it for reading waits for content instead of finding its end
    holder = os.open(fifo, os.O_RDWR)
    try:
        task = asyncio.create_task(read(ServerConfigJob(str(fifo)), large=0))
        await until(readers) if Path("/proc/self/status").exists() else await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not readers()
    finally:
        os.close(holder)
    assert not readers_of(fifo)


@LINUX
async def test_a_process_that_dies_is_a_failed_load(tmp_path: Path) -> None:
    """Killed in the middle of a new content, the old one stays in force; the next change is read again."""
    path = tmp_path / "entries.json"
    path.write_text(many_entries(2, "good"))

    def username() -> str | None:
        answer = backend.lookup(identity())
        return answer.username if isinstance(answer, Match) else None

    backend = access_entries_file_backend(path, partition="aws")
    await backend.start()
    try:
        (tmp_path / "new").write_text(many_entries(40_000, "never"))
        (tmp_path / "new").replace(path)
        # it is in the middle of it when it has taken memory for nodes
        await until(lambda: max(readers().values(), default=0) > 70_000)
        os.kill(next(iter(readers())), signal.SIGKILL)
        await until(lambda: backend.status().failure)
        assert "was killed by SIGKILL" in (backend.status().failure or "")
        assert (username(), backend.status().entries) == ("good", 2)
        (tmp_path / "new").write_text(many_entries(4000, "better"))
        (tmp_path / "new").replace(path)
        await until(lambda: username() == "better")
        assert (backend.status().failure, backend.status().entries) == (None, 4000)
    finally:
        await backend.close()


@LINUX
async def test_closing_a_backend_kills_its_reader(tmp_path: Path) -> None:
    """A server that stops leaves no process behind and does not wait for one."""
    path = tmp_path / "entries.json"
    path.write_text(many_entries(2))
    backend = access_entries_file_backend(path, partition="aws")
    await backend.start()
    (tmp_path / "new").write_text(many_entries(40_000))
    (tmp_path / "new").replace(path)
    await until(readers)
    await backend.close()
    assert not readers()
    assert backend.status().entries == 2


def test_it_ends_when_nobody_waits(tmp_path: Path) -> None:
    """A server that was killed leaves no process that reads on."""
    path = tmp_path / "entries.json"
    path.write_text(many_entries(100_000))
    with subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode_job(AccessEntriesJob(str(path), "aws")))
        process.stdin.flush()
        assert process.stdout.read(len(READY)) == READY
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(timeout=60) == 0


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    """A content that does not fit is an error with the file's name, and no half of it is used."""
    path = tmp_path / "entries.json"
    path.write_text(many_entries(100_000))
    limit = 240 * 2**20
    with subprocess.Popen(
        command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encode_job(AccessEntriesJob(str(path), "aws")))
        process.stdin.flush()
        frame = process.stdout.read().removeprefix(READY)[HEADER:]
    with pytest.raises(ConfigError, match=r"entries\.json: reading it takes more memory"):
        Assembly().take(frame)
