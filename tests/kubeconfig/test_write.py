"""Writing: whole or not at all, through links, with the mode, the owner and the attributes that were there."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.kubeconfig.links import make_parent, resolve_target, state_of
from eksauth.kubeconfig.write import ChangedMeanwhile, write_target

OLD, NEW = b"old: content\n", b"new: content, longer than the old one\n" * 50
WRITE = """
import sys
from pathlib import Path
from eksauth.errors import ConfigError
from eksauth.kubeconfig.links import resolve_target, state_of
from eksauth.kubeconfig.write import write_target
{drop}
try:
    target = resolve_target(Path(sys.argv[1]))
    written = write_target(target, {data}, state_of(target))
except ConfigError as error:
    sys.exit(f"{{error.message}} | {{error.hint}} | {{error.code}}")
print(written.in_place)
"""


def _write(path: Path, data: bytes = NEW, *, fix_permissions: bool = False) -> bool:
    target = resolve_target(path)
    return write_target(target, data, state_of(target), fix_permissions=fix_permissions).in_place


def _in_child(
    path: Path, *, data: str = repr(NEW), prefix: str = "", drop: str = ""
) -> subprocess.CompletedProcess[str]:
    code = prefix + WRITE.format(data=data, drop=drop)
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)


@contextmanager
def _mounted(*arguments: str) -> Iterator[None]:
    """Mount something for a moment; skips where that is not allowed."""
    if os.geteuid() != 0 or subprocess.run(["mount", *arguments], capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", arguments[-1]], check=True)


@pytest.fixture(name="config")
def config_(tmp_path: Path) -> Path:
    """Return an existing file in a directory of its own."""
    directory = tmp_path / "kube"
    directory.mkdir()
    (directory / "config").write_bytes(OLD)
    return directory / "config"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o666, 0o700])
def test_the_mode_stays(config: Path, mode: int) -> None:
    """An existing mode is kept, whatever it is and whatever the umask says."""
    config.chmod(mode)
    assert not _write(config)
    assert config.read_bytes() == NEW
    assert config.stat().st_mode & 0o7777 == mode
    assert [path.name for path in config.parent.iterdir()] == ["config"]


def test_open_permissions_are_taken_away_on_request(config: Path) -> None:
    """With fix_permissions the group and others lose what they had."""
    config.chmod(0o664)
    _write(config, fix_permissions=True)
    assert config.stat().st_mode & 0o7777 == 0o600


def test_new_files_and_directories_are_private(tmp_path: Path) -> None:
    """A file is 0600, directories made for it are 0700, under any umask."""
    path = tmp_path / "one" / "two" / "config"
    before = os.umask(0)
    try:
        make_parent(path)
        _write(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == path.parent.parent.stat().st_mode & 0o7777 == 0o700


def test_a_chain_of_links_is_written_through(config: Path, tmp_path: Path) -> None:
    """The links stay links, relative ones included; the last target changes."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("kube/config")
    _write(tmp_path / "one")
    assert (tmp_path / "one").is_symlink()
    assert (tmp_path / "two").is_symlink()
    assert config.read_bytes() == NEW


def test_a_dangling_link_creates_its_target(tmp_path: Path) -> None:
    """As with kubectl, the file appears where the link leads."""
    (tmp_path / "kube").mkdir()
    (tmp_path / "link").symlink_to("kube/config")
    _write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kube" / "config").read_bytes() == NEW


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    """The message says so; nothing hangs."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ConfigError, match="lead in a circle"):
        resolve_target(tmp_path / "a")


@pytest.mark.parametrize("kind", ["directory", "pipe", "device"])
def test_only_regular_files_are_written(tmp_path: Path, kind: str) -> None:
    """A directory, a pipe or a device is refused by name."""
    path = tmp_path / "config"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/null")
    with pytest.raises(ConfigError, match="cannot be written"):
        _write(path)


def test_a_file_with_several_names_stays_one_file(config: Path) -> None:
    """Hard links are overwritten in place, so that all names see the change."""
    other = config.with_name("other")
    other.hardlink_to(config)
    inode = config.stat().st_ino
    assert _write(config)
    assert other.read_bytes() == NEW
    assert config.stat().st_ino == inode
    assert _write(config, b"short\n")
    assert other.read_bytes() == b"short\n"


def test_a_file_mounted_into_place_is_overwritten(config: Path, tmp_path: Path) -> None:
    """A single file mounted into a container cannot be renamed over; its content changes all the same."""
    source = tmp_path / "source"
    source.write_bytes(OLD)
    with _mounted("--bind", str(source), str(config)):
        assert _write(config)
        assert config.read_bytes() == NEW
        assert [path.name for path in config.parent.iterdir()] == ["config"]
    assert source.read_bytes() == NEW


def test_extended_attributes_stay(config: Path) -> None:
    """What other tools noted at the file is still there."""
    try:
        os.setxattr(config, "user.note", b"mine")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    _write(config)
    assert os.getxattr(config, "user.note") == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")
def test_the_owner_stays_when_root_writes(config: Path) -> None:
    """Sudo must not take a user's kubeconfig away from its user."""
    os.chown(config, 65534, 65534)
    _write(config)
    assert (config.stat().st_uid, config.stat().st_gid) == (65534, 65534)


@pytest.fixture(name="unprivileged")
def unprivileged_() -> Iterator[tuple[Path, str]]:
    """Return a file in a directory of a user for whom modes count, and the code that makes a child run as that user."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "config").write_bytes(OLD)
        if os.geteuid() != 0:
            yield directory / "config", ""
        else:
            for path in (directory, directory / "config"):
                os.chown(path, 65534, 65534)
            yield (
                directory / "config",
                "import os; os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)",
            )
        directory.chmod(0o700)


def test_a_read_only_file_is_not_replaced(unprivileged: tuple[Path, str]) -> None:
    """Renaming would get round the mode; a file that its owner made read-only stays as it is."""
    config, drop = unprivileged
    config.chmod(0o400)
    run = _in_child(config, drop=drop)
    assert "is read-only" in run.stderr
    assert "kubeconfig.readonly" in run.stderr
    assert config.read_bytes() == OLD


def test_in_a_read_only_directory_an_existing_file_is_overwritten(unprivileged: tuple[Path, str]) -> None:
    """Kubectl writes such a file as well, where its lock can be made; a new file is refused."""
    config, drop = unprivileged
    config.parent.chmod(0o555)
    assert _in_child(config, drop=drop).stdout == "True\n"
    assert config.read_bytes() == NEW
    refused = _in_child(config.with_name("new"), drop=drop)
    assert "permission denied" in refused.stderr
    assert [path.name for path in config.parent.iterdir()] == ["config"]


@pytest.mark.parametrize("linked", [False, True], ids=["by renaming", "in place"])
def test_a_file_size_limit_leaves_the_old_file_whole(config: Path, *, linked: bool) -> None:
    """Too large for the limit: refused, nothing changed, no temporary file left."""
    if linked:
        config.with_name("other").hardlink_to(config)
    prefix = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
    run = _in_child(config, prefix=prefix)
    assert "file too large" in run.stderr
    assert "the file is unchanged" in run.stderr
    assert config.read_bytes() == OLD
    assert len(list(config.parent.iterdir())) == 1 + linked


@pytest.mark.parametrize("linked", [False, True], ids=["by renaming", "in place"])
def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, *, linked: bool) -> None:
    """Kubectl leaves an empty file on a full disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with _mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)):
        (disk / "config").write_bytes(OLD)
        if linked:
            (disk / "other").hardlink_to(disk / "config")
        run = _in_child(disk / "config", data="b'x' * 100_000")
        assert "no space left on device" in run.stderr
        assert (disk / "config").read_bytes() == OLD
        assert len(list(disk.iterdir())) == 1 + linked


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(config: Path) -> None:
    """Somebody without the lock was faster: their content stays."""
    before = state_of(config)
    config.write_bytes(b"theirs\n")
    with pytest.raises(ChangedMeanwhile):
        write_target(config, NEW, before)
    assert config.read_bytes() == b"theirs\n"
    assert [path.name for path in config.parent.iterdir()] == ["config"]


def test_leftovers_of_a_killed_writer_are_removed(config: Path) -> None:
    """Our own temporary files go; files of others with similar names stay."""
    for name in (".config.eksauth-0123456789ab.tmp", ".other.eksauth-0123456789ab.tmp", ".config.swp"):
        config.with_name(name).touch()
    _write(config)
    assert sorted(path.name for path in config.parent.iterdir()) == [
        ".config.swp", ".other.eksauth-0123456789ab.tmp", "config",
    ]  # fmt: skip


def test_a_name_as_long_as_file_systems_allow_can_be_written(config: Path) -> None:
    """The temporary file's name does not get longer than 255 bytes."""
    path = config.with_name("x" * 255)
    _write(path)
    assert path.read_bytes() == NEW


def test_killing_the_writer_at_any_moment_leaves_one_of_the_two_files(config: Path) -> None:
    """Whenever SIGKILL comes, the file holds the old or the new content as a whole."""
    code = """
import sys
from pathlib import Path
from eksauth.kubeconfig.links import state_of
from eksauth.kubeconfig.write import write_target
path = Path(sys.argv[1])
print("go", flush=True)
while True:
    for letter in (b"a", b"b"):
        write_target(path, letter * 300_000, state_of(path))
"""
    source = random.Random(7)
    config.write_bytes(b"b" * 300_000)
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", code, str(config)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(source.uniform(0, 0.02))
            process.kill()
        content = config.read_bytes()
        assert len(content) == 300_000
        assert content in {b"a" * 300_000, b"b" * 300_000}
    _write(config)
    assert [path.name for path in config.parent.iterdir()] == ["config"]
