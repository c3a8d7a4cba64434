"""The ``DynamicFile`` backend: a JSON file that is loaded again whenever it changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from eksauth.authenticator.backends.files.file_backend import FileBackend, Loaded
from eksauth.authenticator.backends.files.reading.jobs import DynamicFileJob
from eksauth.authenticator.backends.files.reading.read import paced, read
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood, Notice
from eksauth.authenticator.backends.put_away import put_away
from eksauth.authenticator.mapping.model import Mappings
from eksauth.authenticator.mapping.steps import Steps, finish
from eksauth.authenticator.mapping.table import MappingTable
from eksauth.authenticator.mapping.user_ids import UserIdTable

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

    async def load() -> Loaded[DynamicTable]:
        content = await read(DynamicFileJob(str(path), strict))
        table = await paced(_table_in_steps(content.mappings, strict=strict))
        if content.updated_at is not None:
            loaded_after(max(0.0, clock() - content.updated_at))
        return Loaded(table, len(content), table.problems)

    last_good: LastGood[DynamicTable] = LastGood(
        MODE, _table(Mappings(), strict=strict), grace=grace, notice=notice, clock=clock, put_away=put_away
    )
    return FileBackend(MODE, path, load, last_good, lambda: _table(Mappings(), strict=strict))


def _table(mappings: Mappings, *, strict: bool) -> DynamicTable:
    return finish(_table_in_steps(mappings, strict=strict))


def _table_in_steps(mappings: Mappings, *, strict: bool) -> Steps[DynamicTable]:
    if strict:
        return (yield from UserIdTable.in_steps(mappings))
    return (yield from MappingTable.in_steps(mappings, canonicalise_roles=True))
