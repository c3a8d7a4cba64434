"""A sandbox lives in a private directory of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.sandbox.layout import Layout, default_root


def test_the_directory_is_private_and_marked(tmp_path: Path) -> None:
    """Nobody else can read it, and it can be recognised later."""
    layout = Layout(tmp_path / "a" / "b")
    layout.create()

    assert layout.root.stat().st_mode & 0o777 == 0o700
    assert layout.is_sandbox()


def test_a_directory_with_other_things_is_refused(tmp_path: Path) -> None:
    """A directory that holds something else is never taken over."""
    foreign = tmp_path / "documents"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")

    with pytest.raises(ConfigError, match="not empty and is no sandbox"):
        Layout(foreign).create()

    assert [entry.name for entry in foreign.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file in the way is reported with its path and a hint."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"cannot use .*file/sandbox for the sandbox: not a directory") as caught:
        Layout(tmp_path / "file" / "sandbox").create()

    assert caught.value.hint == "give another place with --dir"


@pytest.mark.parametrize(
    "environ,expected",
    [
        pytest.param({"EKSAUTH_SANDBOX_DIR": "/s", "HOME": "/h"}, "/s", id="own variable"),
        pytest.param({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/eksauth/sandbox", id="xdg"),
        pytest.param(
            {"XDG_STATE_HOME": "rel", "HOME": "/h"}, "/h/.local/state/eksauth/sandbox", id="relative xdg is ignored"
        ),
        pytest.param({"HOME": "/h"}, "/h/.local/state/eksauth/sandbox", id="home"),
    ],
)
def test_the_default_place(environ: dict[str, str], expected: str) -> None:
    """The XDG base directory specification decides, unless the user did."""
    assert default_root(environ) == Path(expected)


def test_no_home_is_an_error_with_a_hint() -> None:
    """Without a home directory the user must say where."""
    with pytest.raises(ConfigError, match="no HOME"):
        default_root({})


def test_a_sandbox_that_others_can_write_to_is_not_believed(tmp_path: Path) -> None:
    """What a directory open to others says could have been written by them; nothing in it is run or stopped."""
    layout = Layout(tmp_path / "open")
    layout.create()
    layout.root.chmod(0o777)

    with pytest.raises(ConfigError, match="others can write to the sandbox"):
        layout.require_ours()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    """Not even an empty one is taken: its owner could read and replace what is put there."""
    layout = Layout(tmp_path / "theirs")
    layout.root.mkdir()
    os.chown(layout.root, 12345, 12345)

    with pytest.raises(ConfigError, match="belongs to another user"):
        layout.create()

    assert list(layout.root.iterdir()) == []


def test_a_path_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """The path goes into JSON and YAML files, which are UTF-8."""
    with pytest.raises(ConfigError, match="not UTF-8"):
        Layout(tmp_path / os.fsdecode(b"\xff")).create()


@pytest.mark.parametrize(
    "name,own",
    [
        ("kubeconfig", True),
        ("kubeconfig.lock", True),
        (".kubeconfig.4711", True),
        ("clusters", True),
        (".git", False),
        (".kubeconfig.orig", False),
        ("thesis.tex", False),
        ("..4711", False),
        ("", False),
    ],
)
def test_what_belongs_to_the_sandbox(name: str, own: bool) -> None:
    """Only names that a sandbox makes, and the temporary files of killed writers, are its own to remove."""
    assert Layout(Path("/sandbox")).is_own(name) == own
