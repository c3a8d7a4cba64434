"""Backups and undo: every write can be taken back, and so can that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.kubeconfig import backup
from eksauth.kubeconfig.operations import SetCurrentContext
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.store import apply
from eksauth.kubeconfig.undo import list_backups, restore


@pytest.fixture(name="config")
def config_(home: Path) -> Path:
    """Return an existing kubeconfig."""
    path = home / ".kube" / "config"
    path.parent.mkdir()
    path.write_text("current-context: zero # first\n")
    path.chmod(0o600)
    return path


def _switch(config: Path, name: str) -> None:
    apply(Files((config,), Origin.FLAG), [SetCurrentContext(name)])


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_every_write_keeps_what_was_there(config: Path, home: Path) -> None:
    """Content, reason and mode are kept; nothing is kept when nothing is written; everything is private."""
    for name in ("one", "two", "two"):
        _switch(config, name)
    backups = list_backups(config)
    assert [backup.read_backup(kept) for kept in backups] == [
        b"current-context: one # first\n", b"current-context: zero # first\n",
    ]  # fmt: skip
    assert [kept.reason for kept in backups] == ["switch to context two", "switch to context one"]
    state = home / ".local" / "state" / "eksauth"
    for path in [state, *state.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_undo_goes_back_and_can_be_undone(config: Path) -> None:
    """Undo brings the bytes before the last write, undoing the undo brings the later ones."""
    _switch(config, "one")
    assert restore(config).changed
    assert config.read_text() == "current-context: zero # first\n"
    restore(config)
    assert config.read_text() == "current-context: one # first\n"
    assert [kept.reason for kept in list_backups(config)] == [
        "redo: switch to context one", "undo: switch to context one", "switch to context one",
    ][1:] or list_backups(config)[0].reason.startswith("redo")  # fmt: skip


def test_an_older_backup_is_restored_by_its_key(config: Path) -> None:
    """Any backup of the list can be chosen."""
    for name in ("one", "two", "three"):
        _switch(config, name)
    oldest = list_backups(config)[-1]
    outcome = restore(config, key=oldest.key)
    assert config.read_text() == "current-context: zero # first\n"
    assert "-current-context: three # first" in outcome.diff()


def test_undo_of_a_new_file_removes_it_and_back(home: Path) -> None:
    """A kubeconfig that did not exist before goes away, and comes back the same way."""
    path = home / "new" / "config"
    _switch(path, "x")
    assert restore(path).changes[0].after is None
    assert not path.exists()
    restore(path)
    assert path.read_text().endswith("current-context: x\nkind: Config\n")
    assert path.stat().st_mode & 0o777 == 0o600


def test_undo_works_through_links(config: Path, home: Path) -> None:
    """Backups belong to the file, by whichever name it was written."""
    link = home / "link"
    link.symlink_to(config)
    _switch(link, "one")
    restore(config)
    assert config.read_text() == "current-context: zero # first\n"
    assert link.is_symlink()


def test_a_dry_run_of_undo_writes_nothing(config: Path) -> None:
    """The outcome tells what would change."""
    _switch(config, "one")
    count = len(list_backups(config))
    outcome = restore(config, dry_run=True)
    assert outcome.dry_run
    assert "+current-context: zero # first" in outcome.diff()
    assert config.read_text() == "current-context: one # first\n"
    assert len(list_backups(config)) == count


def test_nothing_to_undo_is_said_so(config: Path) -> None:
    """A file that we never wrote has no backups; an unknown key is refused."""
    with pytest.raises(ConfigError, match="nothing to undo"):
        restore(config)
    with pytest.raises(ConfigError, match="has no backup 123"):
        restore(config, key="123")


def test_a_damaged_backup_is_refused(config: Path) -> None:
    """What was kept is restored exactly or not at all."""
    _switch(config, "one")
    blob = list_backups(config)[0].blob
    assert blob is not None
    blob.write_text("tampered")
    with pytest.raises(ConfigError, match="missing or damaged"):
        restore(config)
    blob.unlink()
    with pytest.raises(ConfigError, match="missing or damaged"):
        restore(config)
    assert config.read_text() == "current-context: one # first\n"


def test_damaged_records_are_left_out(tmp_path: Path) -> None:
    """Rubbish in the directory neither breaks listing nor further backups."""
    target = tmp_path / "config"
    backup.keep(tmp_path, target, b"a", mode=0o600, reason="r", now=1.0)
    directory = backup.backup_directory(tmp_path, target)
    for name, content in (("7.json", "["), ("8.json", '{"sha256": "../../x"}'), ("9.json", "null"), ("x.json", "{}")):
        (directory / name).write_text(content)
    assert [kept.reason for kept in backup.list_backups(tmp_path, target)] == ["r"]
    backup.keep(tmp_path, target, b"b", mode=0o600, reason="s", now=2.0)
    assert [kept.reason for kept in backup.list_backups(tmp_path, target)] == ["s", "r"]


def test_equal_contents_are_stored_once(tmp_path: Path) -> None:
    """Going back and forth between two contents takes room for two."""
    for number in range(6):
        backup.keep(tmp_path, Path("/t"), b"ab"[number % 2 :], mode=0o600, reason="", now=float(number))
    files = _files(backup.backup_directory(tmp_path, Path("/t")))
    assert len([path for path in files if path.suffix == ".yaml"]) == 2
    assert len(backup.list_backups(tmp_path, Path("/t"))) == 6


@pytest.mark.parametrize(
    "limits, kept",
    [
        (backup.Limits(count=8), 8),
        (backup.Limits(seconds=6.5), 7),
        (backup.Limits(size=1000), 10),
        (backup.Limits(size=99), 5),
        (backup.Limits(count=1, seconds=0, size=0, always=2), 2),
    ],
    ids=["number", "age", "size", "newest in any case", "newest two"],
)
def test_old_backups_are_forgotten(tmp_path: Path, limits: backup.Limits, kept: int) -> None:
    """Number, age and size are bounded, the newest few stay, and contents nobody refers to go."""
    count = 20
    for number in range(count):
        content, now = b"%0100d" % number, float(number)
        backup.keep(tmp_path, Path("/t"), content, mode=0o600, reason=str(number), now=now, limits=limits)
    listed = backup.list_backups(tmp_path, Path("/t"))
    assert [item.reason for item in listed] == [str(number) for number in range(count - 1, count - 1 - kept, -1)]
    assert len(_files(backup.backup_directory(tmp_path, Path("/t")))) == 2 * kept


def test_backups_stay_in_order_when_the_clock_does_not(tmp_path: Path) -> None:
    """A clock that stands still or goes back never reorders what happened."""
    for number, now in enumerate([100.0, 100.0, 50.0, 101.0]):
        backup.keep(tmp_path, Path("/t"), b"%d" % number, mode=0o600, reason=str(number), now=now)
    assert [item.reason for item in backup.list_backups(tmp_path, Path("/t"))] == ["3", "2", "1", "0"]


@pytest.mark.parametrize("kind", ["none", "a file in the way", "somebody else's"])
def test_without_room_for_backups_the_write_goes_on_with_a_warning(config: Path, home: Path, kind: str) -> None:
    """A read-only home must not stop a switch; that nothing can be undone is said."""
    environ = {"HOME": str(home)}
    if kind == "none":
        environ = {}
    elif kind == "a file in the way":
        (home / ".local").touch()
    elif os.geteuid() != 0:
        pytest.skip("only root can change owners")
    else:
        (home / ".local" / "state" / "eksauth").mkdir(parents=True)
        os.chown(home / ".local" / "state" / "eksauth", 65534, 65534)
    outcome = apply(Files((config,), Origin.FLAG), [SetCurrentContext("one")], environ=environ)
    assert config.read_text() == "current-context: one # first\n"
    assert [warning for warning in outcome.warnings if "no backup" in warning]
