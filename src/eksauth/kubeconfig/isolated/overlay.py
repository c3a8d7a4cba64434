"""A kubeconfig with one context in a private directory, for one shell or command.

No credential is copied that the user's files do not hold themselves: certificate, key and token files stay files, named
by absolute paths, and exec plugins stay plugins. The directory is removed at the end; what a killed process leaves is
removed by the next one.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.holder import current_holder, decode_holder
from eksauth.kubeconfig.links import resolve_target, state_of
from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.lock import locked
from eksauth.kubeconfig.minify import minify
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.state import private_directory, state_directory
from eksauth.kubeconfig.view import as_dict, as_yaml
from eksauth.kubeconfig.write import write_target

OVERLAY = "EKSAUTH_OVERLAY"
ORIGINAL = "EKSAUTH_ORIGINAL_KUBECONFIG"
CONTEXT = "EKSAUTH_CONTEXT"
PROMPT = "EKSAUTH_PROMPT_FILE"
DEPTH = "EKSAUTH_SHELL_DEPTH"
_UNFINISHED_SECONDS = 3600
_IN_PROMPT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+=-")


@dataclass(frozen=True, slots=True)
class Overlay:
    """A private kubeconfig.

    :ivar directory: holds it and whatever else belongs to the shell.
    """

    directory: Path

    @property
    def file(self) -> Path:
        """The kubeconfig."""
        return self.directory / "config"

    @property
    def prompt(self) -> Path:
        """A file with the name of the context in letters that no shell takes for anything else."""
        return self.directory / "prompt"

    def environment(self, environ: Mapping[str, str], context: str, original: str) -> dict[str, str]:
        """Return the environment of what runs in it.

        :param original: the value of ``KUBECONFIG`` to go back to, absolute.
        """
        return {
            **environ,
            "KUBECONFIG": str(self.file),
            OVERLAY: str(self.file),
            ORIGINAL: original,
            CONTEXT: context,
            PROMPT: str(self.prompt),
        }


def single_context(merged: Merged, name: str, cwd: Path, *, namespace: str | None = None) -> bytes:
    """Return a kubeconfig with one context, its cluster and its user; it can be saved anywhere.

    :param cwd: the working directory, absolute.
    :param namespace: instead of the context's own.
    :raises ConfigError: when the context, its cluster or its user does not exist.
    """
    kept = minify(merged, name)
    for section in ("cluster", "user"):
        if not getattr(kept.contexts[name].value, section):
            raise ConfigError(
                f'context "{name}" names no {section}',
                hint=f"add one to {kept.contexts[name].place}",
                code="kubeconfig",
            )
    if namespace:
        found_context = kept.contexts[name]
        contexts = {name: replace(found_context, value=replace(found_context.value, namespace=namespace))}
        kept = replace(kept, contexts=contexts)
    clusters = {key: replace(found, value=located_cluster(found, cwd)) for key, found in kept.clusters.items()}
    users = {key: replace(found, value=located_user(found, cwd)) for key, found in kept.users.items()}
    shown = as_dict(replace(kept, clusters=clusters, users=users))
    # kubectl writes current-context from what is asked, whatever the files call current
    return as_yaml({**shown, "current-context": name}).encode()


@contextmanager
def overlay(content: bytes, name: str, environ: Mapping[str, str], *, sweeping: bool = True) -> Iterator[Overlay]:
    """Give a private kubeconfig with ``content`` and remove it, and all that was put beside it, afterwards.

    :param sweeping: look for what others left; once is enough where many are made.
    :raises ConfigError: when there is no private place for it.
    """
    base = runtime_directory(environ)
    if sweeping:
        sweep(base)
    try:
        made = Overlay(Path(tempfile.mkdtemp(prefix="context-", dir=base)))
    except OSError as error:
        raise _no_place(base, error) from None
    try:
        try:
            (made.directory / "holder").write_bytes(current_holder().encode())
            _write_private(made.file, content)
            write_prompt(made, name)
        except OSError as error:
            raise _no_place(base, error) from None
        yield made
    finally:
        shutil.rmtree(made.directory, ignore_errors=True)


def replace_content(made: Overlay, content: bytes, name: str) -> None:
    """Put another context into a private kubeconfig, under kubectl's lock.

    :raises ConfigError: when it cannot be written.
    """
    with locked([made.file]):
        target = resolve_target(made.file)
        write_target(target, content, state_of(target))
        with suppress(OSError):
            write_prompt(made, name)


def write_prompt(made: Overlay, name: str) -> None:
    """Write the prompt's hint: a context's name may hold anything, and shells expand their prompts."""
    shown = "".join(letter if letter in _IN_PROMPT else "_" for letter in name)
    temporary = made.directory / "prompt.new"
    _write_private(temporary, f"{shown}\n".encode())
    temporary.replace(made.prompt)


def runtime_directory(environ: Mapping[str, str]) -> Path:
    """Return a directory that nobody else can look into: below ``XDG_RUNTIME_DIR``, else in the state directory.

    :raises ConfigError: when neither can be used.
    """
    given = environ.get("XDG_RUNTIME_DIR", "")
    state = state_directory(environ)
    failure: Exception | None = None
    for base in (
        Path(given) / "eksauth" if given[:1] == "/" and _is_ours(Path(given)) else None,
        state and state / "run",
    ):
        if base is None:
            continue
        try:
            if base.parent == state:
                private_directory(base.parent)
            return private_directory(base)
        except (OSError, ConfigError) as error:
            failure = error
    if isinstance(failure, OSError):
        raise _no_place(state or Path(given), failure)
    raise failure or ConfigError(
        "there is no private directory for a kubeconfig", hint="set HOME, XDG_RUNTIME_DIR or EKSAUTH_STATE_DIR"
    )


def sweep(base: Path, *, now: float | None = None) -> list[Path]:
    """Remove what processes left that certainly do not run any more; return what was removed."""
    removed = []
    moment = time.time() if now is None else now
    with suppress(OSError):
        for path in base.iterdir():
            if path.name.startswith("context-") and not path.is_symlink() and _is_abandoned(path, moment):
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
    return removed


def _is_abandoned(path: Path, now: float) -> bool:
    try:
        holder = decode_holder((path / "holder").read_bytes())
    except OSError:
        holder = None
    if holder is not None:
        return holder.is_gone()
    with suppress(OSError):
        return now - path.stat().st_mtime > _UNFINISHED_SECONDS
    return False


def _is_ours(directory: Path) -> bool:
    try:
        status = directory.stat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)


def _no_place(base: Path, error: OSError) -> ConfigError:
    reason = (error.strerror or type(error).__name__).lower()
    return ConfigError(
        f"cannot make a private kubeconfig below {base}: {reason}", hint="set XDG_RUNTIME_DIR or EKSAUTH_STATE_DIR"
    )
