"""Reading the configuration file itself: bounded, regular, and not writable by others when it is trusted."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass

from eksauth.errors import ConfigError
from eksauth.files import why

MAX_BYTES = 2 * 1024 * 1024
"""Thousands of identities fit; what is larger is not a configuration."""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file, and the digest of its bytes."""

    path: str
    text: str
    digest: str
    mode: int
    owner: int
    group: int


def read_document(path: str, *, trusted: bool) -> Document:
    """Return the text of a configuration file.

    :param trusted: whether what it says may be executed; then nobody else may be able to write it.
    :raises ConfigError: when it is missing, unreadable, not a regular file, too large, not UTF-8, or trusted and
        writable by others.
    """
    raw, facts = _read(path)
    document = Document(
        path, _decode(path, raw), hashlib.sha256(raw).hexdigest(), facts.st_mode, facts.st_uid, facts.st_gid
    )
    if trusted:
        complaint = writable_by_others(document)
        if complaint is not None:
            raise ConfigError(
                f"{path}: {complaint[0]}; it can name programs to run", hint=complaint[1], code="config.writable"
            )
    return document


def _read(path: str) -> tuple[bytes, os.stat_result]:
    hint = "check the path and its mode"
    try:
        # a named pipe must not make us wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{path or 'configuration'}: {why(error)}", hint=hint, code="config.unreadable") from None
    except ValueError:
        raise ConfigError("the path of the configuration has a NUL byte", code="config.unreadable") from None
    try:
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            raise ConfigError(f"{path}: is a directory", hint="name the file in it", code="config.unreadable")
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigError(f"{path}: not a regular file", hint=hint, code="config.unreadable")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {why(error)}", hint=hint, code="config.unreadable") from None
    finally:
        os.close(descriptor)
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            f"{path}: larger than {MAX_BYTES // 2**20} MiB",
            hint="this cannot be a configuration file",
            code="config.too_large",
        )
    return raw, facts


def _decode(path: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - before.rfind(b"\n")
        raise ConfigError(
            f"{path}:{line}:{column}: not UTF-8", hint="save the file as UTF-8", code="config.encoding"
        ) from None


def writable_by_others(document: Document) -> tuple[str, str] | None:
    """Return what lets somebody else change the file, and the remedy; None when nothing does.

    A file of root's is as good as one's own, and root itself may read anybody's (a checkout in a container belongs to
    whoever made it). Where everybody has a group of their own, files are writable for that group as a rule: it counts
    as the user.
    """
    if os.name == "nt":
        return None
    path = document.path
    me = os.geteuid()
    if document.mode & stat.S_IWOTH:
        return "everybody may write it", f"run: chmod go-w {path}"
    if document.mode & stat.S_IWGRP and not _is_own_group(document.group, me):
        return "its group may write it", f"run: chmod go-w {path}"
    if me != 0 and document.owner not in {0, me}:
        return "it belongs to another user", f"copy it, or run: sudo chown root {path}"
    directory = os.path.dirname(path) or "."  # noqa: PTH120
    try:
        mode = os.stat(directory).st_mode  # noqa: PTH116
    except OSError:
        return None
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return f"everybody may replace it in {directory}", f"run: chmod o-w {directory}"
    return None


def _is_own_group(group: int, user: int) -> bool:
    """Tell whether a group is the private one of a user: called like the user, with nobody else in it."""
    import grp
    import pwd

    if user == 0:  # the group of root has a meaning of its own
        return False
    try:
        name, members = pwd.getpwuid(user).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return members.gr_name == name and set(members.gr_mem) <= {name}
