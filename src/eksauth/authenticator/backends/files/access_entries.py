"""The ``AccessEntries`` backend on a file: EKS access entries for any cluster, loaded again whenever it changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from eksauth.authenticator.backends.files.file_backend import FileBackend, Loaded
from eksauth.authenticator.backends.files.reading.jobs import AccessEntriesJob
from eksauth.authenticator.backends.files.reading.read import paced, read
from eksauth.authenticator.backends.last_good import GRACE_SECONDS, LastGood, Notice
from eksauth.authenticator.backends.put_away import put_away
from eksauth.authenticator.entries.table import EntryTable

MODE = "AccessEntries"


def access_entries_file_backend(
    path: Path,
    *,
    partition: str,
    grace: float = GRACE_SECONDS,
    notice: Callable[[Notice], None] = lambda _notice: None,
    clock: Callable[[], float] = time.time,
) -> FileBackend[EntryTable]:
    """Return the backend; entries that EKS would refuse are skipped and reported, the others count."""

    async def load() -> Loaded[EntryTable]:
        content = await read(AccessEntriesJob(str(path), partition))
        table = await paced(EntryTable.in_steps(content.entries, content.problems))
        return Loaded(table, len(table), table.problems)

    last_good = LastGood(MODE, EntryTable(()), grace=grace, notice=notice, clock=clock, put_away=put_away)
    return FileBackend(MODE, path, load, last_good, lambda: EntryTable(()))
