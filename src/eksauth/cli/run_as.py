"""Starting programs and shells as an identity, with a context of their own where one is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eksauth.cli.as_identity import being_of, chosen_identity, environment_of
from eksauth.cli.confirm import can_ask
from eksauth.cli.human import terminal_human
from eksauth.cli.protected import confirm_protected, tell
from eksauth.errors import ConfigError
from eksauth.files import why

if TYPE_CHECKING:
    from eksauth.kubeconfig.isolated.overlay import Overlay
    from eksauth.login.programs.child import Being, Delivery


@dataclass(frozen=True, slots=True)
class RunAs:
    """What was asked on the command line."""

    named: str | None
    config_file: str | None
    realm: str | None
    context: str | None
    yes: bool
    delivery: Delivery


def run_program(asked: RunAs, argv: Sequence[str]) -> int:
    """Run a program as an identity and return its exit code."""
    from eksauth.kubeconfig.isolated.child import require_command, run_child
    from eksauth.login.programs.child import being

    what = _being(asked)
    added = {} if what.config.searched else dict(what.identity.env)
    require_command(argv[0], {**os.environ, **added})  # before anybody has to sign in
    with being(what, argv[0]) as pointers:
        environ = environment_of(pointers, what.environ)
        _warn_of_keys(asked, environ)
        with _context(asked, environ, f"run {os.path.basename(argv[0])} in") as (environ, _):  # noqa: PTH119
            return run_child(argv, environ)


def run_shell(asked: RunAs, program: str | None) -> int:
    """Run the user's shell as an identity and return its exit code."""
    from eksauth.kubeconfig.isolated.child import require_command, run_child
    from eksauth.kubeconfig.isolated.overlay import PROMPT, overlay, write_prompt
    from eksauth.kubeconfig.isolated.shells import shell_command
    from eksauth.login.programs.child import being

    shell = program or os.environ.get("SHELL") or "/bin/sh"
    require_command(shell, os.environ)
    what = _being(asked)
    name = what.identity.name if asked.context is None else f"{what.identity.name}@{asked.context}"
    with being(what, shell) as pointers:
        environ = environment_of(pointers, what.environ)
        _warn_of_keys(asked, environ)
        with _context(asked, environ, "start a shell in") as (inner, made), overlay(b"", name, environ) as own:
            place = made or own
            write_prompt(place, name)
            inner[PROMPT] = str(place.prompt)
            if can_ask():
                tell(f'this shell is identity "{what.identity.name}"; leave it with: exit')
            try:
                started = shell_command(shell, place, inner, more=tuple(pointers.set), unset=pointers.unset)
            except OSError as error:
                raise ConfigError(f"cannot prepare the shell: {why(error)}") from None
            return run_child(*started)


def _being(asked: RunAs) -> Being:
    human, inside = terminal_human(), dict(os.environ)
    named, config_file, realm = asked.named, asked.config_file, asked.realm
    if asked.context is not None and named is None:
        named, config_file, realm = _pinned(asked.context, config_file, realm)
    config, identity = chosen_identity(named, config_file, realm, human)
    return being_of(config, identity, asked.delivery, human, inside)


def _pinned(context: str, config_file: str | None, realm: str | None) -> tuple[str | None, str | None, str | None]:
    """Return the identity that a context's user entry is pinned to, with its configuration and realm."""
    from eksauth.cli.kubeconfig_options import chosen_files
    from eksauth.kubeconfig.contexts import load, require_context
    from eksauth.kubeconfig.exec_identity import identity_of

    merged = load(chosen_files(None))
    require_context(merged, context)
    user = merged.users.get(merged.contexts[context].value.user)
    found = None if user is None else identity_of(user.value)
    if found is None or not found.identity:
        return None, config_file, realm
    if config_file is not None or not found.config:
        return found.identity, config_file, realm
    return found.identity, found.config, realm if realm is not None else found.realm


@contextmanager
def _context(asked: RunAs, environ: dict[str, str], purpose: str) -> Iterator[tuple[dict[str, str], Overlay | None]]:
    """Give the environment with a kubeconfig of one context, when one was asked for."""
    if asked.context is None:
        yield environ, None
        return
    from eksauth.kubeconfig.contexts import load, require_context
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.isolated.overlay import DEPTH, overlay, single_context
    from eksauth.kubeconfig.isolated.session import current_session, depth, original_value
    from eksauth.kubeconfig.paths import kubeconfig_files

    session = current_session(environ)
    merged = load(session.files() if session else kubeconfig_files(environ))
    require_context(merged, asked.context)
    confirm_protected(protected_among(merged, [asked.context]), purpose, yes=asked.yes)
    content = single_context(merged, asked.context, Path.cwd())
    original = original_value(environ, Path.cwd())
    with overlay(content, asked.context, environ) as made:
        inner = made.environment(environ, asked.context, original)
        inner[DEPTH] = str(depth(environ) + 1)
        yield inner, made


def _warn_of_keys(asked: RunAs, environ: Mapping[str, str]) -> None:
    from eksauth.cli.output import complain

    ends = environ.get("AWS_CREDENTIAL_EXPIRATION")
    if asked.delivery == "static":
        complain("warning", f"nothing renews these keys; they end {f'at {ends}' if ends else 'when AWS says so'}")
