"""Rules about files: what ``KUBECONFIG`` names, modes, locks left behind, what kubectl refuses or does not read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from eksauth.kubeconfig import lockfile
from eksauth.kubeconfig.document import Document
from eksauth.kubeconfig.lint.finding import Finding, Level, Surroundings, at_file
from eksauth.kubeconfig.lock import STALE_SECONDS, lock_path
from eksauth.kubeconfig.paths import Files, Origin


def check_list(files: Files, missing: Sequence[Path]) -> Iterator[Finding]:
    """Check what names the files."""
    seen: dict[str, Path] = {}
    for path in files.paths:
        if files.origin is Origin.VARIABLE and path.parts[:1] and path.parts[0].startswith("~"):
            fix = f"write {Path.home()}/… or let the shell expand it"
            yield at_file(path, "warning", "file.tilde", "~ is an ordinary letter in KUBECONFIG", fix)
        elif path in missing and files.origin is not Origin.DEFAULT:
            level: Level = "error" if files.origin is Origin.FLAG else "info"
            fix = "correct the path, or take it out of KUBECONFIG"
            yield at_file(path, level, "file.missing", "there is no such file; kubectl says nothing", fix)
        real = os.path.realpath(path)
        if real in seen and path not in missing:
            message = f"this is the same file as {seen[real]}; every kubectl write fails on its own lock"
            yield at_file(path, "warning", "file.twice", message, "name it once")
        seen.setdefault(real, path)
    if files.origin is Origin.VARIABLE and not files.paths:
        yield at_file(Path("KUBECONFIG"), "error", "file.none", "it names no file", "unset it to use ~/.kube/config")


def check_file(path: Path, surroundings: Surroundings) -> Iterator[Finding]:
    """Check mode and lock of one file that exists."""
    try:
        status = path.stat()
    except OSError:
        return
    if not stat.S_ISREG(status.st_mode):  # /dev/null, or the pipe of a shell's <(…)
        return
    mode = stat.S_IMODE(status.st_mode)
    fix = f"run: eksauth kubeconfig lint --fix-permissions, or chmod {mode & ~0o077:o} {path}"
    if mode & 0o002 or (mode & 0o020 and status.st_gid != os.getgid()):
        message = f"others can write it (mode {mode:04o}): whoever does makes you run their programs"
        yield at_file(path, "error", "file.writable", message, fix)
    elif mode & 0o077:
        who = "everybody" if mode & 0o007 else "its group"
        yield at_file(path, "warning", "file.mode", f"{who} has access to it (mode {mode:04o})", fix)
    if status.st_uid not in {os.geteuid(), 0}:
        message = f"it belongs to another user ({status.st_uid}), who can make you run their programs"
        yield at_file(path, "warning", "file.owner", message, "make a copy of your own")
    lock = lock_path(path)
    seen = lockfile.look(lock)
    if seen is not None and surroundings.now - seen.modified > STALE_SECONDS:
        message = (
            f"{lock} has been there for {(surroundings.now - seen.modified) / 60:.0f} minutes; no kubectl can write"
        )
        yield at_file(path, "warning", "file.lock", message, f"if no kubectl is writing: rm {lock}")


def check_document(document: Document) -> Iterator[Finding]:
    """Report what the parser noticed."""
    for problem in document.problems:
        fix = problem.hint or "correct it; kubectl refuses the whole file"
        yield Finding("error", problem.code, document.path, problem.line, problem.column, problem.message, fix)
    if document.multi_document:
        message = "kubectl reads the first YAML document only; another one follows"
        yield at_file(document.path, "warning", "file.documents", message, "put it into a file of its own")
