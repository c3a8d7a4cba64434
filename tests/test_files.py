"""Writing files that others read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eksauth.files import why, write_whole


@pytest.fixture(name="place")
def place_(tmp_path: Path) -> Path:
    """Give an empty directory."""
    place = tmp_path / "place"
    place.mkdir()
    return place


def names(place: Path) -> set[str]:
    """Return what lies in a directory."""
    return {path.name for path in place.iterdir()}


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_is_the_one_asked_for(place: Path, mode: int) -> None:
    """Neither the umask nor the mode of an earlier file counts."""
    path = place / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    before = os.umask(0o077)
    try:
        write_whole(path, b"new", mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o7777 == mode
    assert names(place) == {"file"}


def test_a_symlink_is_replaced_or_followed_as_asked(place: Path) -> None:
    """A cache must not write where a link points; an operator's link to a kubeconfig must stay one."""
    target, link = place / "target", place / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"followed", 0o600, follow=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"followed"
    write_whole(link, b"replaced", 0o600)
    assert not link.is_symlink()
    assert target.read_bytes() == b"followed"


def test_links_in_a_circle_are_no_crash(place: Path) -> None:
    """They lead nowhere, so the file takes the place of one."""
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    write_whole(place / "a", b"here", 0o600, follow=True)
    assert sorted(path.read_bytes() for path in place.iterdir() if not path.is_symlink()) == [b"here"]


@pytest.mark.parametrize("name", ["x" * 255, "\N{GRINNING FACE}" * 63])
def test_any_name_that_a_file_can_have_will_do(place: Path, name: str) -> None:
    """The temporary file's name is no longer than the file's own."""
    write_whole(place / name, b"x", 0o600)
    assert (place / name).read_bytes() == b"x"


def test_what_cannot_be_replaced_stays_and_nothing_is_left(place: Path) -> None:
    """A directory in the place of the file is an error of the operating system, and no temporary file stays."""
    (place / "taken").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_whole(place / "taken", b"x", 0o600)
    assert why(caught.value) == "is a directory"
    assert names(place) == {"taken"}
    with pytest.raises(FileNotFoundError):
        write_whole(place / "missing" / "file", b"x", 0o600)


def test_a_full_disk_leaves_the_old_file(place: Path) -> None:
    """When the content does not fit the old one is still whole, and nothing lies beside it."""
    path = place / "file"
    path.write_bytes(b"old")
    code = (
        "import resource, signal, sys; from pathlib import Path; from eksauth.files import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "write_whole(Path(sys.argv[1]), b'x' * 100_000, 0o600)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert "OSError" in done.stderr
    assert path.read_bytes() == b"old"
    assert names(place) == {"file"}


def test_a_killed_writer_leaves_the_old_file(place: Path) -> None:
    """Killed between writing and renaming, it leaves the old content and a temporary file that can be told by its end."""
    path = place / "file"
    path.write_bytes(b"old")
    code = (
        "import os, signal, sys; from pathlib import Path; from eksauth.files import write_whole\n"
        "sys.addaudithook(lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event == 'os.rename' else None)\n"
        "write_whole(Path(sys.argv[1]), b'new', 0o600)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    (left,) = names(place) - {"file"}
    assert left.startswith(".file.")
    assert left.endswith(".tmp")
