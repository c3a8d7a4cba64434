"""Starting shells and commands that see one context only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eksauth.cli.confirm import can_ask
from eksauth.cli.protected import confirm_protected, tell
from eksauth.errors import ConfigError

if TYPE_CHECKING:
    from eksauth.kubeconfig.resolve import Merged


def start_shell(merged: Merged, name: str, *, yes: bool) -> int:
    """Start the user's shell with a context of its own; return its exit code when it ends."""
    from eksauth.kubeconfig.contexts import require_context
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.isolated.child import run_child
    from eksauth.kubeconfig.isolated.overlay import DEPTH, overlay, single_context
    from eksauth.kubeconfig.isolated.session import depth, original_value
    from eksauth.kubeconfig.isolated.shells import shell_command

    require_context(merged, name)
    confirm_protected(protected_among(merged, [name]), "start a shell in", yes=yes)
    content = single_context(merged, name, Path.cwd())
    original = original_value(os.environ, Path.cwd())
    shell = os.environ.get("SHELL") or "/bin/sh"
    with overlay(content, name, os.environ) as made:
        environ = made.environment(os.environ, name, original)
        environ[DEPTH] = str(depth(os.environ) + 1)
        if can_ask():
            tell(f'this shell has context "{name}" to itself; leave it with: exit')
        try:
            argv, environ = shell_command(shell, made, environ)
        except OSError as error:
            raise ConfigError(f"cannot prepare the shell: {(error.strerror or 'failed').lower()}") from None
        return run_child(argv, environ)


def run_isolated(merged: Merged, name: str, argv: Sequence[str], namespace: str | None = None) -> int:
    """Run a command with a context of its own; return its exit code."""
    from eksauth.kubeconfig.isolated.child import require_command, run_child
    from eksauth.kubeconfig.isolated.overlay import overlay, single_context
    from eksauth.kubeconfig.isolated.session import original_value

    require_command(argv[0], os.environ)
    content = single_context(merged, name, Path.cwd(), namespace=namespace)
    original = original_value(os.environ, Path.cwd())
    with overlay(content, name, os.environ) as made:
        return run_child(argv, made.environment(os.environ, name, original))
