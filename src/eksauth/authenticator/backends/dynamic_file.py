"""The ``DynamicFile`` backend: a JSON file that is loaded again whenever it changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from eksauth.authenticator.backends.file_backend import FileBackend, Loaded
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood, Notice
from eksauth.authenticator.mapping.dynamic_json import parse_dynamic
from eksauth.authenticator.mapping.model import Mappings
from eksauth.authenticator.mapping.table import MappingTable
from eksauth.authenticator.mapping.user_ids import UserIdTable
from eksauth.errors import ConfigError

MAX_BYTES = 64 * 1024 * 1024
MODE = "DynamicFile"
DynamicTable = MappingTable | UserIdTable


def dynamic_file_backend(
    path: Path,
    *,
    strict: bool,
    grace: float = GRACE_SECONDS,
    notice: Callable[[Notice], None] = lambda _notice: None,
    loaded_after: Callable[[float], None] = lambda _seconds: None,
    clock: Callable[[], float] = time.time,
) -> FileBackend[DynamicTable]:
    """Return the backend.

    :param strict: entries are known by ``userid``; see :mod:`eksauth.authenticator.mapping.user_ids`.
    :param loaded_after: told, for each load, the seconds since the file's LastUpdatedDateTime.
    """

    def load(file: Path) -> Loaded[DynamicTable]:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{file}: larger than {MAX_BYTES // 2**20} MiB", hint="this cannot be a mapping file")
        content = parse_dynamic(raw, str(file), strict=strict)
        found = content.mappings
        table = _table(found, strict=strict)
        if content.updated_at is not None:
            loaded_after(max(0.0, clock() - content.updated_at))
        return Loaded(table, len(found.roles) + len(found.users) + len(found.accounts), table.problems)

    last_good: LastGood[DynamicTable] = LastGood(
        MODE, _table(Mappings(), strict=strict), grace=grace, notice=notice, clock=clock
    )
    return FileBackend(MODE, path, load, last_good, lambda: _table(Mappings(), strict=strict))


def _table(mappings: Mappings, *, strict: bool) -> DynamicTable:
    return UserIdTable(mappings) if strict else MappingTable(mappings, canonicalise_roles=True)
