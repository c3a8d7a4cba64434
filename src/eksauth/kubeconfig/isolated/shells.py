"""Interactive shells that keep their context: what each shell reads at its start.

The user's own start files are read first; what they set ``KUBECONFIG`` to is undone afterwards, and the prompt gets a
hint that follows ``eksauth ctx``. The hint is read from a file of harmless letters: shells expand their prompts.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from eksauth.kubeconfig.isolated.overlay import CONTEXT, DEPTH, ORIGINAL, OVERLAY, PROMPT, Overlay

_EXPORTED = ("KUBECONFIG", OVERLAY, ORIGINAL, CONTEXT, PROMPT, DEPTH)
NO_PROMPT = "EKSAUTH_NO_PROMPT"

_BASH = """\
if [ -r ~/.bashrc ]; then . ~/.bashrc; fi
{exports}
if [ -z "${{EKSAUTH_NO_PROMPT:-}}" ]; then
    _eksauth_prompt() {{ IFS= read -r _eksauth_now <"$EKSAUTH_PROMPT_FILE"; }} 2>/dev/null
    PROMPT_COMMAND="_eksauth_prompt${{PROMPT_COMMAND:+;$PROMPT_COMMAND}}"
    PS1='(${{_eksauth_now-}}) '"${{PS1-\\\\$ }}"
fi
"""
_ZSHENV = """\
ZDOTDIR={user}
if [[ -r $ZDOTDIR/.zshenv ]]; then . "$ZDOTDIR/.zshenv"; fi
_eksauth_zdotdir=$ZDOTDIR
ZDOTDIR={own}
"""
_ZSHRC = """\
ZDOTDIR=$_eksauth_zdotdir
if [[ -r $ZDOTDIR/.zshrc ]]; then . "$ZDOTDIR/.zshrc"; fi
{restore}
{exports}
if [[ -z ${{EKSAUTH_NO_PROMPT:-}} ]]; then
  _eksauth_hint=
  _eksauth_prompt() {{
    local now="($(<$EKSAUTH_PROMPT_FILE)) "
    PROMPT="$now${{PROMPT#$_eksauth_hint}}"
    _eksauth_hint=$now
  }}
  autoload -Uz add-zsh-hook && add-zsh-hook precmd _eksauth_prompt
fi
"""
_FISH = """\
{exports}
if test -z "$EKSAUTH_NO_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _eksauth_user_prompt
    function fish_prompt
        read -l _eksauth_now <$EKSAUTH_PROMPT_FILE
        printf '(%s) ' $_eksauth_now
        _eksauth_user_prompt
    end
end
"""


def shell_command(
    shell: str,
    made: Overlay,
    environ: Mapping[str, str],
    *,
    more: Sequence[str] = (),
    unset: Sequence[str] = (),
) -> tuple[list[str], dict[str, str]]:
    """Return the command that starts ``shell`` and its environment; writes its start files into the overlay.

    :param shell: a program; its name says which shell it is. Unknown ones get the environment and no hint.
    :param environ: the environment of the session.
    :param more: names of further variables that the user's start files must not change.
    :param unset: names that they must not set.
    :raises OSError: when the start files cannot be written.
    """
    changed = dict(environ)
    names = [name for name in dict.fromkeys((*_EXPORTED, *more)) if name in environ]
    name = os.path.basename(shell).removeprefix("r")  # noqa: PTH119  a restricted shell starts the same way
    if name == "bash":
        return [
            shell,
            "--rcfile",
            str(_write(made, "bashrc", _BASH.format(exports=_posix(environ, names, unset)))),
        ], changed
    if name == "zsh":
        user = environ.get("ZDOTDIR") or environ.get("HOME", "")
        restore = "" if environ.get("ZDOTDIR") else "[[ $ZDOTDIR == $HOME ]] && unset ZDOTDIR"
        _write(made, ".zshenv", _ZSHENV.format(user=shlex.quote(user), own=shlex.quote(str(made.directory))))
        _write(made, ".zshrc", _ZSHRC.format(exports=_posix(environ, names, unset), restore=restore))
        return [shell], {**changed, "ZDOTDIR": str(made.directory)}
    if name == "fish":
        path = _write(made, "init.fish", _FISH.format(exports=_fish(environ, names, unset)))
        return [shell, "--init-command", f"source {_fish_quote(str(path))}"], changed
    return [shell], changed


def _posix(environ: Mapping[str, str], names: Sequence[str], unset: Sequence[str]) -> str:
    lines = [f"unset {name}" for name in unset]
    return "\n".join([*lines, *(f"export {name}={shlex.quote(environ[name])}" for name in names)])


def _fish(environ: Mapping[str, str], names: Sequence[str], unset: Sequence[str]) -> str:
    lines = [f"set -e {name}" for name in unset]
    return "\n".join([*lines, *(f"set -gx {name} {_fish_quote(environ[name])}" for name in names)])


def _fish_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _write(made: Overlay, name: str, text: str) -> Path:
    path = made.directory / name
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path
