"""Which file the configuration is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eksauth.credentials.config.search import find_config, is_atmos


@pytest.fixture(name="repo")
def repo_(tmp_path: Path) -> Path:
    """Make a git repository with directories in it, below a directory that has a configuration too."""
    (tmp_path / "eksauth.yaml").write_text("auth: {}\n")
    repo = tmp_path / "repo"
    (repo / ".git").mkdir(parents=True)
    (repo / "a" / "b").mkdir(parents=True)
    return repo


def _environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), **more}


def test_the_flag_beats_the_variable(repo: Path, home: Path) -> None:
    """``--config`` wins over ``EKSAUTH_CONFIG``; both are taken whether the file exists or not, and are not searched."""
    environ = _environ(home, EKSAUTH_CONFIG="/from/variable.yaml")

    by_flag = find_config(environ, flag="sub/mine.yaml", cwd=repo)
    by_variable = find_config(environ, cwd=repo)

    assert by_flag is not None
    assert (by_flag.path, by_flag.searched, by_flag.named_by) == (f"{repo}/sub/mine.yaml", False, "--config")
    assert by_variable is not None
    assert (by_variable.path, by_variable.named_by) == ("/from/variable.yaml", "EKSAUTH_CONFIG")


def test_a_tilde_is_the_home(home: Path) -> None:
    """``~`` in a named path is the home directory, also where no shell expanded it."""
    found = find_config(_environ(home, EKSAUTH_CONFIG="~/c/../eksauth.yaml"))

    assert found is not None
    assert found.path == f"{home}/eksauth.yaml"


def test_an_empty_variable_counts_as_none(repo: Path, home: Path) -> None:
    """An empty ``EKSAUTH_CONFIG`` names nothing, and the search goes on."""
    assert find_config(_environ(home, EKSAUTH_CONFIG=""), cwd=repo) is None


def test_the_nearest_file_up_to_the_git_root(repo: Path, home: Path) -> None:
    """The search goes up to the root of the repository, the nearest directory wins, and what lies above is not seen."""
    deep = repo / "a" / "b"

    assert find_config(_environ(home), cwd=deep) is None
    (repo / "eksauth.yaml").write_text("auth: {}\n")
    at_root = find_config(_environ(home), cwd=deep)
    (repo / "a" / "atmos.yaml").write_text("base_path: .\nauth:\n  identities: {}\n")
    nearer = find_config(_environ(home), cwd=deep)

    assert at_root is not None
    assert (at_root.path, at_root.searched) == (f"{repo}/eksauth.yaml", True)
    assert nearer is not None
    assert nearer.path == f"{repo}/a/atmos.yaml"


def test_outside_of_a_repository_only_the_directory_itself(tmp_path: Path, home: Path) -> None:
    """Without a repository the directories above belong to anybody: only the working directory is looked at."""
    inner = tmp_path / "x" / "y"
    inner.mkdir(parents=True)
    (tmp_path / "x" / "eksauth.yaml").write_text("auth: {}\n")

    assert find_config(_environ(home), cwd=inner) is None
    assert find_config(_environ(home), cwd=tmp_path / "x") is not None


def test_eksauth_yaml_beats_atmos_yaml(repo: Path, home: Path) -> None:
    """In one directory ``eksauth.yaml`` comes first, then ``atmos.yaml``, then ``.atmos.yaml``."""
    for name in (".atmos.yaml", "atmos.yaml", "eksauth.yaml"):
        (repo / name).write_text("auth: {}\n")
        found = find_config(_environ(home), cwd=repo)
        assert found is not None
        assert found.path == f"{repo}/{name}"


@pytest.mark.parametrize(
    "text, counts",
    [
        pytest.param("auth:\n  identities: {}\n", True, id="section"),
        pytest.param('"auth" : {}\n', True, id="quoted"),
        pytest.param("\ufeffauth: {}\n", True, id="byte order mark"),
        pytest.param("{auth: {}}\n", True, id="braces"),
        pytest.param("base_path: .\n", False, id="none"),
        pytest.param("components:\n  auth: {}\n", False, id="deeper"),
        pytest.param("# auth:\nauthor: me\n", False, id="comment and likeness"),
        pytest.param("", False, id="empty"),
    ],
)
def test_a_file_of_atmos_counts_with_an_auth_section(repo: Path, home: Path, text: str, counts: bool) -> None:
    """An ``atmos.yaml`` without ``auth`` is passed over, whatever else is in it."""
    (repo / "atmos.yaml").write_text(text)

    assert (find_config(_environ(home), cwd=repo) is not None) is counts


def test_the_users_own_file_comes_last(repo: Path, home: Path) -> None:
    """Without any of those the file in the user's configuration directory is taken, as one that can be trusted."""
    own = home / ".config" / "eksauth" / "eksauth.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("auth: {}\n")
    elsewhere = home / "xdg" / "eksauth" / "eksauth.yaml"

    found = find_config(_environ(home), cwd=repo)

    assert found is not None
    assert (found.path, found.searched, found.named_by) == (str(own), False, "")
    assert find_config(_environ(home, XDG_CONFIG_HOME=str(home / "xdg")), cwd=repo) is None
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text("auth: {}\n")
    moved = find_config(_environ(home, XDG_CONFIG_HOME=str(home / "xdg")), cwd=repo)
    assert moved is not None
    assert moved.path == str(elsewhere)


def test_odd_things_on_the_way_do_not_stop_the_search(repo: Path, home: Path) -> None:
    """Directories, loops, pipes and unreadable names called ``atmos.yaml`` are passed over, without waiting for anybody."""
    (repo / "atmos.yaml").symlink_to("atmos.yaml")
    os.mkfifo(repo / "a" / "atmos.yaml")
    (repo / "a" / "eksauth.yaml").mkdir()

    assert find_config(_environ(home), cwd=repo / "a") is None


def test_a_dangling_eksauth_yaml_is_found(repo: Path, home: Path) -> None:
    """An ``eksauth.yaml`` that leads nowhere is not passed over in silence: another file would mean other identities."""
    (repo / "eksauth.yaml").symlink_to("gone.yaml")

    found = find_config(_environ(home), cwd=repo)

    assert found is not None
    assert found.path.endswith("eksauth.yaml")


def test_files_of_atmos_by_name() -> None:
    """A file is Atmos's by its name."""
    assert is_atmos("/x/atmos.yaml")
    assert is_atmos("/x/.atmos.yaml")
    assert not is_atmos("/x/eksauth.yaml")
    assert not is_atmos("/atmos.yaml/other.yaml")
