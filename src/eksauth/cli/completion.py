"""``eksauth completion``: scripts for shells, and eksauth as the kubectl plugins ``ctx`` and ``ns``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.completion_scripts import SCRIPTS
from eksauth.cli.output import complain
from eksauth.cli.protected import tell
from eksauth.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eksauth.kubeconfig.complete import Names

PLUGINS = ("kubectl-ctx", "kubectl-ns", "kubectl_complete-ctx", "kubectl_complete-ns")

_EPILOG = """\b
Examples:
  eksauth completion bash --install
  source <(eksauth completion zsh)
  eksauth completion --install-plugins     then: kubectl ctx, kubectl ns"""


@click.command(epilog=_EPILOG)
@click.argument("shell", type=click.Choice(list(SCRIPTS)), required=False)
@click.option("--install", is_flag=True, help="Put the script where the shell looks for it.")
@click.option("--install-plugins", is_flag=True, help="Link kubectl-ctx and kubectl-ns to eksauth.")
@click.option("--directory", metavar="DIR", help="Where to put the links [default: beside eksauth, else ~/.local/bin].")
def completion(shell: str | None, install: bool, install_plugins: bool, directory: str | None) -> int:
    """Print the completion script of a shell, or install it, or make eksauth a kubectl plugin.

    Names of contexts, namespaces and clusters are completed, too. Without SHELL, the one in $SHELL is meant.
    """
    if directory and not install_plugins:
        raise UsageError("--directory goes with --install-plugins", hint="see 'eksauth completion --help'")
    if install_plugins:
        _install_plugins(Path(directory) if directory else None)
        if not install:
            return 0
    name = shell or _own_shell()
    if install:
        _install(name)
    else:
        click.echo(SCRIPTS[name], nl=False)
    return 0


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        raise UsageError("which shell", hint=f"name it: eksauth completion {'|'.join(SCRIPTS)}")
    return name


def _install(shell: str) -> None:
    home = os.environ.get("HOME", "")
    if home[:1] != "/":
        raise ConfigError("there is no home directory to install into", hint="set HOME, or save the printed script")
    data = Path(_absolute("XDG_DATA_HOME") or f"{home}/.local/share")
    config = Path(_absolute("XDG_CONFIG_HOME") or f"{home}/.config")
    target = {
        "bash": data / "bash-completion" / "completions" / "eksauth",
        "zsh": data / "zsh" / "site-functions" / "_eksauth",
        "fish": config / "fish" / "completions" / "eksauth.fish",
    }[shell]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        temporary.write_text(SCRIPTS[shell], encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {(error.strerror or 'failed').lower()}") from None
    tell(f"wrote {target}")
    if shell == "bash":
        tell("it works in new shells that have the package bash-completion; else add to ~/.bashrc: "
             f". {target}")  # fmt: skip
    elif shell == "zsh":
        tell(f"add to ~/.zshrc, before compinit: fpath=({target.parent} $fpath)")


def _absolute(variable: str) -> str:
    value = os.environ.get(variable, "")
    return value if value[:1] == "/" else ""


def _install_plugins(directory: Path | None) -> None:
    program = _program()
    target = directory or (program.parent if os.access(program.parent, os.W_OK) else Path.home() / ".local" / "bin")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in PLUGINS:
            _link(target / name, program)
    except OSError as error:
        raise ConfigError(
            f"cannot make links in {target}: {(error.strerror or 'failed').lower()}", hint="choose another --directory"
        ) from None
    tell(f"linked {', '.join(PLUGINS)} in {target}")
    if str(target) not in os.environ.get("PATH", "").split(os.pathsep):
        complain("warning", f"{target} is not in PATH, so kubectl does not find them there")


def _program() -> Path:
    for given in (sys.argv[0], shutil.which("eksauth")):
        # a link to eksauth, made by a package manager or by us, must not be taken for the program itself
        path = Path(given).absolute() if given else None
        if path is not None and path.name == "eksauth" and os.access(path, os.X_OK):
            return path
    raise ConfigError("the program eksauth was not found", hint="install it, and run: eksauth completion …")


def _link(link: Path, program: Path) -> None:
    if link.is_symlink() or link.exists():
        if link.resolve() == program.resolve():
            return
        if not link.is_symlink() or link.resolve().name != "eksauth":
            raise ConfigError(
                f"{link} is there already and is not eksauth's", hint="remove it, or choose another --directory"
            )
        link.unlink()
    link.symlink_to(program)


def full_complete(argv: Sequence[str]) -> int:
    """Answer what :mod:`eksauth.kubeconfig.complete` left open: names in unusual files, commands and options."""
    from eksauth.kubeconfig.complete import complete, split_line

    text = complete(list(argv), os.environ, _names)
    if text is None:
        shell, words, breaks, quote = argv[0], list(argv[1:]), "", ""
        if shell == "bash":
            line, point, breaks = words
            program, words, quote = split_line(line[: int(point)])
            if program.rpartition("/")[2].startswith("kubectl-"):
                words.insert(0, program.rpartition("-")[2])
        try:
            text = _static(shell, words, breaks, quote)
        except Exception:  # noqa: BLE001  somebody is typing; whatever it is, it is said when the command runs
            text = "names\n"
    click.echo(text, nl=False)
    return 0


def _static(shell: str, words: list[str], breaks: str, quote: str) -> str:
    """Return commands, options and choices, from the command line's own definition."""
    from click.shell_completion import ShellComplete

    from eksauth.cli.main import root
    from eksauth.kubeconfig.complete import escaped

    typed = words[-1] if words else ""
    items = ShellComplete(root, {}, "eksauth", "_EKSAUTH_COMPLETE").get_completions(words[:-1], typed)
    plain = [item for item in items if item.type == "plain"]
    files = any(item.type in {"file", "dir"} for item in items)
    if shell == "bash":
        cut = 0 if quote else max([typed.rfind(letter) for letter in breaks if letter in ":="], default=-1) + 1
        lines = [item.value[cut:] if quote else escaped(item.value[cut:]) for item in plain]
    else:
        lines = [f"{item.value}\t{item.help}" if item.help else item.value for item in plain]
    body = "".join(f"{line}\n" for line in lines)
    if shell == "kubectl":
        return f"{body}:{0 if files else 4}\n"
    return ("files\n" if files else "names\n") + body


def _names(environ: Mapping[str, str], _kind: str) -> Names | None:
    """Read the names with the real parser; none where a file cannot be read, since nobody wants errors while typing."""
    from eksauth.errors import EksauthError
    from eksauth.kubeconfig.complete import Names, eks_name
    from eksauth.kubeconfig.guard import is_protected
    from eksauth.kubeconfig.isolated.session import current_in, current_session
    from eksauth.kubeconfig.paths import kubeconfig_files
    from eksauth.kubeconfig.resolve import load_merged

    names = Names()
    try:
        session = current_session(environ)
        merged = load_merged(session.files() if session else kubeconfig_files(environ))
        now = current_in(session) if session else merged.current_context.value if merged.current_context else ""
    except EksauthError:
        return names
    for name, found in merged.contexts.items():
        if name.isprintable():
            names.contexts[name] = "protected" if is_protected(found.value) else ""
        if found.value.namespace:
            names.namespaces.append(found.value.namespace)
    names.clusters = [eks_name(name) for name in merged.clusters]
    if now in merged.contexts:
        context = merged.contexts[now].value
        names.current = (now, context.cluster, context.user)
    return names
