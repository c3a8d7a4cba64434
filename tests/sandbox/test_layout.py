"""A sandbox lives in a private directory of its own."""

from __future__ import annotations

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
