"""Files that a kubeconfig names may be anything: devices, pipes, endless ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.kubeconfig.managed import config, write

from eksauth.cli.main import run
from eksauth.kubeconfig.referenced import MAX_BYTES, open_referenced, read_referenced


def test_files_and_pipes_are_read(tmp_path: Path) -> None:
    """A regular file, and a pipe of the shell's process substitution."""
    (tmp_path / "key").write_bytes(b"pem")
    assert read_referenced(str(tmp_path / "key")) == b"pem"
    reading, writing = os.pipe()
    os.write(writing, b"token")
    os.close(writing)
    try:
        assert read_referenced(f"/proc/self/fd/{reading}") == b"token"
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    "name,reason",
    [("/dev/zero", "is a device"), (".", "directory"), ("none", "No such file"), ("a\0b", "not a path"), ("large", "larger than 8 MiB")],
    ids=["device", "directory", "missing", "NUL", "large"],
)  # fmt: skip
def test_what_is_none_of_these_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    """Always as an OSError that says why."""
    monkeypatch.chdir(tmp_path)
    with Path("large").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(OSError, match=reason):
        read_referenced(name)


def test_nobody_waits_for_a_pipe_without_a_writer(tmp_path: Path) -> None:
    """Opening returns at once, and there is nothing in it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    os.close(open_referenced(pipe))
    assert read_referenced(pipe) == b""


@pytest.mark.parametrize(
    "words,code",
    [(["kubeconfig", "view", "--flatten"], 3), (["kubeconfig", "lint"], 1), (["ns", "--list"], 3)],
    ids=["flatten", "lint", "ns"],
)
def test_commands_refuse_a_kubeconfig_that_names_devices_and_pipes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    """Nothing hangs, and nothing fills the memory."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = config(
        {"a": {"server": "https://127.0.0.1:1", "certificate-authority": "/dev/zero"}},
        {"a": {"cluster": "a", "user": "a"}},
        {"a": {"client-certificate": str(pipe), "client-key": str(pipe)}},
        current_context="a",
    )
    path = write(tmp_path / "config", content)
    assert run([*words, "--kubeconfig", str(path)]) == code
    shown = capsys.readouterr()
    assert "/dev/zero" in shown.err + shown.out
    assert "is a device" in shown.err + shown.out
