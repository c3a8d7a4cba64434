"""A content as it goes from one process to another: MessagePack frames, none with more entries than one step handles.

Nothing that a frame holds is run or looked up by name, so that whoever takes over the process that reads hostile text
gains nothing over the one that serves. What many entries have in common (file, groups, policies) is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import msgspec

from eksauth.authenticator.backends.files.reading.jobs import Content, Job
from eksauth.authenticator.config import ServerConfig
from eksauth.authenticator.entries.model import AccessEntry, Association, EntryType, Scope
from eksauth.authenticator.entries.policies import policy_table
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Mappings,
    PermissionSet,
    Problem,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.authenticator.mapping.steps import batches
from eksauth.errors import ConfigError

MAX_FRAME_BYTES = 256 * 1024 * 1024
"""More than one entry can take: a file is at most 64 MiB, and its texts are no longer than it."""
HEADER = 4
"""Bytes before each frame: its length, the most significant first."""
READY = b"\n"
"""What comes before the first frame: the process has begun."""
_SPLIT_BYTES = 256 * 1024

_Role = tuple[str | None, PermissionSet | None, str, tuple[str, ...], int, str | None]
_User = tuple[str, str, tuple[str, ...], int, str | None]
_Entry = tuple[
    str, str, EntryType, str, tuple[str, ...], int, str | None, tuple[tuple[str, tuple[str, ...] | None], ...]
]
T = TypeVar("T", RoleMapping, UserMapping, AccountMapping, AccessEntry)


class Roles(msgspec.Struct, tag="roles", array_like=True):
    """Entries of ``mapRoles`` in one file."""

    file: str
    rows: list[_Role]


class Users(msgspec.Struct, tag="users", array_like=True):
    """Entries of ``mapUsers`` in one file."""

    file: str
    rows: list[_User]


class Accounts(msgspec.Struct, tag="accounts", array_like=True):
    """Entries of ``mapAccounts`` in one file."""

    file: str
    rows: list[tuple[str, int]]


class Entries(msgspec.Struct, tag="entries", array_like=True):
    """Access entries in one file."""

    file: str
    rows: list[_Entry]


class End(msgspec.Struct, tag="end", array_like=True):
    """The last frame of a content; without it nothing before counts.

    :ivar length: how many entries there were.
    """

    length: int
    problems: tuple[Problem, ...]
    config: ServerConfig | None
    updated_at: float | None


class Failed(msgspec.Struct, tag="failed", array_like=True):
    """The only frame when there is no content; ``number`` is that of an OSError, 0 for a ConfigError."""

    message: str
    hint: str | None
    code: str
    number: int


Frame = Roles | Users | Accounts | Entries | End | Failed

_JOBS: msgspec.json.Decoder[Job] = msgspec.json.Decoder(Job)
_FRAMES: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(
    Frame, dec_hook=lambda kind, value: Path(value) if kind is Path else value
)
_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


def encode_job(job: Job) -> bytes:
    """Return a job as one line."""
    return msgspec.json.encode(job) + b"\n"


def decode_job(line: bytes) -> Job:
    """Return the job that a line holds; raises ValueError."""
    return _JOBS.decode(line)


def frames_of(read: Callable[[], Content]) -> Iterator[bytes]:
    """Yield what ``read`` returns, or the error that it raises, each frame behind its length."""
    try:
        content = read()
    except ConfigError as error:
        frames: Iterator[Frame] = iter([Failed(error.message, error.hint, error.code, 0)])
    except OSError as error:
        frames = iter([Failed(error.strerror or "unreadable", None, "", error.errno or 5)])
    else:
        frames = _frames(content)
    for frame in frames:
        for raw in _encoded(frame):
            yield len(raw).to_bytes(HEADER, "big") + raw


def _encoded(frame: Frame) -> Iterator[bytes]:
    """Yield a frame, in parts when its entries are long ones: whoever takes it has other things to do."""
    raw = _encode(frame)
    if isinstance(frame, (End, Failed)) or len(raw) <= _SPLIT_BYTES or len(frame.rows) < 2:
        yield raw
        return
    half = len(frame.rows) // 2
    for rows in (frame.rows[:half], frame.rows[half:]):
        yield from _encoded(msgspec.structs.replace(frame, rows=rows))


def _frames(content: Content) -> Iterator[Frame]:
    mappings = content.mappings
    for file, roles in _by_file(mappings.roles):
        yield Roles(file, [(x.arn, x.sso, x.username, x.groups, x.source.line, x.user_id) for x in roles])
    for file, users in _by_file(mappings.users):
        yield Users(file, [(x.arn, x.username, x.groups, x.source.line, x.user_id) for x in users])
    for file, accounts in _by_file(mappings.accounts):
        yield Accounts(file, [(x.account_id, x.source.line) for x in accounts])
    for file, entries in _by_file(content.entries):
        yield Entries(file, [_row(entry) for entry in entries])
    yield End(len(content), content.problems, content.config, content.updated_at)


def _by_file(entries: Iterable[T]) -> Iterator[tuple[str, list[T]]]:
    for file, some in groupby(entries, key=lambda entry: entry.source.file):
        for batch in batches(some):
            yield file, batch


def _row(entry: AccessEntry) -> _Entry:
    return (
        entry.principal_arn,
        entry.lookup_arn,
        entry.type,
        entry.username,
        entry.groups,
        entry.source.line,
        entry.principal_id,
        tuple((one.policy_arn, one.scope.namespaces) for one in entry.associations),
    )


class Assembly:
    """Frames becoming a content again.

    :ivar content: what was read; None until the last frame was taken.
    """

    def __init__(self) -> None:
        self.content: Content | None = None
        self._roles: list[RoleMapping] = []
        self._users: list[UserMapping] = []
        self._accounts: list[AccountMapping] = []
        self._entries: list[AccessEntry] = []
        self._groups: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._associations: dict[tuple[str, tuple[str, ...] | None], Association] = {}

    def take(self, raw: bytes) -> None:
        """Take one frame.

        :raises ConfigError: the one that reading raised.
        :raises OSError: likewise.
        :raises ValueError: when it is no frame, or frames are missing.
        """
        frame = _FRAMES.decode(raw)
        if isinstance(frame, Failed):
            if frame.number:
                raise OSError(frame.number, frame.message)
            raise ConfigError(frame.message, hint=frame.hint, code=frame.code)
        if isinstance(frame, End):
            self.content = self._content(frame)
        elif isinstance(frame, Entries):
            self._entries += [self._entry(frame.file, row) for row in frame.rows]
        elif isinstance(frame, Roles):
            self._roles += [
                RoleMapping(arn, sso, username, self._shared(groups), Source(frame.file, line), user_id)
                for arn, sso, username, groups, line, user_id in frame.rows
            ]
        elif isinstance(frame, Users):
            self._users += [
                UserMapping(arn, username, self._shared(groups), Source(frame.file, line), user_id)
                for arn, username, groups, line, user_id in frame.rows
            ]
        else:
            self._accounts += [AccountMapping(account, Source(frame.file, line)) for account, line in frame.rows]

    def _content(self, end: End) -> Content:
        content = Content(
            mappings=Mappings(tuple(self._roles), tuple(self._users), tuple(self._accounts)),
            entries=tuple(self._entries),
            problems=end.problems,
            config=end.config,
            updated_at=end.updated_at,
        )
        if len(content) != end.length:
            raise ValueError("entries are missing")
        return content

    def _shared(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        return self._groups.setdefault(groups, groups)

    def _entry(self, file: str, row: _Entry) -> AccessEntry:
        principal_arn, lookup_arn, kind, username, groups, line, principal_id, policies = row
        return AccessEntry(
            principal_arn=principal_arn,
            lookup_arn=lookup_arn,
            type=kind,
            username=username,
            groups=self._shared(groups),
            source=Source(file, line),
            principal_id=principal_id,
            associations=tuple(map(self._association, policies)),
        )

    def _association(self, key: tuple[str, tuple[str, ...] | None]) -> Association:
        found = self._associations.get(key)
        if found is None:
            arn, namespaces = key
            found = self._associations[key] = Association(arn, policy_table().find(arn), Scope(namespaces))
        return found
