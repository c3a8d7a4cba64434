"""Which command goes into the entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from eksauth.errors import ConfigError, UsageError
from eksauth.kubeconfig.command_path import chosen_command, own_command

PYENV = '#!/usr/bin/env bash\nset -e\nexport PYENV_ROOT="/x"\nexec "/x/libexec/pyenv" exec "$program" "$@"\n'
ASDF = '#!/usr/bin/env bash\n# asdf-plugin: python 3.12\nexec asdf exec "eksauth" "$@"\n'
SCRIPT = "#!/opt/venv/bin/python\nimport sys\nfrom eksauth._entry import main\nsys.exit(main())\n"


def program(path: Path, text: str = SCRIPT) -> Path:
    """Make an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_running_program_is_named_by_its_absolute_path(tmp_path: Path) -> None:
    """A relative start becomes an absolute command."""
    mine = program(tmp_path / "venv" / "bin" / "eksauth")
    found = own_command("venv/bin/eksauth", [], {}, tmp_path)
    assert (found.command, found.warning, found.leads_to) == (str(mine), None, None)


def test_a_link_stays_and_what_it_leads_to_is_said(tmp_path: Path) -> None:
    """~/.local/bin/eksauth outlives an upgrade, the versioned directory behind it does not."""
    real = program(tmp_path / "Cellar" / "eksauth" / "1.2.3" / "bin" / "eksauth")
    link = tmp_path / "bin" / "eksauth"
    link.parent.mkdir()
    link.symlink_to(real)
    found = own_command(str(link), [], {}, tmp_path)
    assert (found.command, found.leads_to) == (str(link), str(real))


@pytest.mark.parametrize(
    "kind",
    ["pyenv", "asdf", "mise", "shims directory"],
)
def test_shims_are_never_written(tmp_path: Path, kind: str) -> None:
    """A shim chooses by the directory that kubectl happens to run in; the program behind it is named instead."""
    shim = tmp_path / "tools" / "eksauth"
    if kind == "mise":
        manager = program(tmp_path / "mise-install" / "mise", "binary")
        shim.parent.mkdir()
        shim.symlink_to(manager)
    elif kind == "shims directory":
        shim = program(tmp_path / ".x" / "shims" / "eksauth")
    else:
        program(shim, PYENV if kind == "pyenv" else ASDF)
    real = program(tmp_path / "versions" / "3.12" / "bin" / "eksauth")

    beside = own_command(str(shim), [str(real.parent)], {}, tmp_path)
    on_path = own_command("eksauth", [], {"PATH": f"{shim.parent}:{real.parent}"}, tmp_path)
    alone = own_command(str(shim), [], {"PATH": str(shim.parent)}, tmp_path)

    assert beside.command == on_path.command == str(real)
    assert "shim" in (beside.warning or "")
    assert alone.command == "eksauth"
    assert "shim" in (alone.warning or "")


@pytest.mark.parametrize(
    "where",
    [
        ".cache/uv/archive-v0/abc/bin",
        ".local/share/uv/environments-v2/abc/bin",
        ".cache/pipx/abc/bin",
        ".local/pipx/.cache/x/bin",
    ],
)
def test_temporary_environments_are_not_written(tmp_path: Path, where: str) -> None:
    """What uvx and pipx run keep in a cache is gone tomorrow: a bare name with the install hint is better."""
    cached = program(tmp_path / where / "eksauth")
    found = own_command(str(cached), [str(cached.parent)], {}, tmp_path)
    assert found.command == "eksauth"
    assert "cache" in (found.warning or "")


def test_no_program_at_all_is_an_error(tmp_path: Path) -> None:
    """Run as a module from a checkout, there may be nothing to name."""
    with pytest.raises(ConfigError) as caught:
        own_command("src/eksauth/__main__.py", ["", str(tmp_path)], {"PATH": f"relative:{tmp_path}"}, tmp_path)
    assert "--exec-command" in (caught.value.hint or "")


def test_a_directory_or_plain_file_of_the_name_is_passed_over(tmp_path: Path) -> None:
    """Only programs count."""
    (tmp_path / "a" / "eksauth").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "eksauth").write_text("text")
    real = program(tmp_path / "c" / "eksauth")
    directories = [str(tmp_path / name) for name in "abc"]
    assert own_command("x", directories, {}, tmp_path).command == str(real)


def test_what_the_user_demands_is_taken(tmp_path: Path) -> None:
    """A bare name stays bare, a path becomes absolute (kubectl would start at the kubeconfig's directory)."""
    mine = program(tmp_path / "bin" / "mine")
    assert chosen_command("eksauth", tmp_path).command == "eksauth"
    assert chosen_command("bin/mine", tmp_path).command == str(mine)
    missing = chosen_command("/nowhere/eksauth", tmp_path)
    assert missing.command == "/nowhere/eksauth"
    assert "no program" in (missing.warning or "")


@pytest.mark.parametrize("text", ["", "  ", "uv run eksauth", "a\nb", "/usr/bin/env eksauth"])
def test_arguments_inside_the_command_are_refused(text: str, tmp_path: Path) -> None:
    """No client understands a command with arguments in it."""
    with pytest.raises(UsageError):
        chosen_command(text, tmp_path)
