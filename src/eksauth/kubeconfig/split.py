"""One file per context: its cluster, its user, and itself as the current one; pure but for the names.

A context's name may hold anything, so a file name is made of it that leads nowhere else and that no file system takes
for another one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksauth.kubeconfig.document import BODY_KEYS, parse_document
from eksauth.kubeconfig.edit import edit
from eksauth.kubeconfig.insert import InsertEntries, SetTop
from eksauth.kubeconfig.operations import Operation, SetCurrentContext
from eksauth.kubeconfig.paths import directory_of
from eksauth.kubeconfig.rebase import rebased
from eksauth.kubeconfig.resolve import Found, Merged
from eksauth.kubeconfig.tree import Values

ENDING = ".yaml"
_LONGEST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+-]+")
# names that Windows takes for devices, whatever their ending
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One file to write.

    :ivar context: the context's name.
    :ivar path: the file.
    :ivar text: its content; holds whatever secrets the entries hold.
    :ivar missing: ``cluster "x"`` or ``user "y"`` where the context names what does not exist.
    """

    context: str
    path: Path
    text: str = field(repr=False)
    missing: tuple[str, ...] = ()


def split(merged: Merged, contexts: Iterable[str], directory: Path, cwd: Path) -> list[Part]:
    """Return the files for ``contexts``, or for all of them when none is named.

    Values are those of the files, unknown keys included; relative paths are rewritten for ``directory``.

    :param cwd: the working directory, absolute.
    :raises ConfigError: for a context that does not exist.
    """
    chosen = [merged.context(name) for name in dict.fromkeys(contexts)] or list(merged.contexts.values())
    names = file_names(found.name for found in chosen)
    target = directory_of(directory / "any", cwd)
    values: dict[int, Values] = {id(document): Values() for document in merged.documents}
    tops = _tops(merged, values)
    parts = []
    for found in chosen:
        operations: list[Operation] = []
        missing = []
        for section, name in (("clusters", found.value.cluster), ("users", found.value.user)):
            entry = merged.section(section).get(name)
            if entry is not None:
                operations.append(InsertEntries(section, [_item(section, entry, values, target, cwd)]))
            else:
                missing.append(f'{BODY_KEYS[section]} "{name}"')
        operations.append(InsertEntries("contexts", [_item("contexts", found, values, target, cwd)]))
        operations += [SetTop(key, value) for key, value in tops.items()]
        operations.append(SetCurrentContext(found.name))
        path = directory / names[found.name]
        parts.append(Part(found.name, path, edit(parse_document(b"", path), operations).text, tuple(missing)))
    return parts


def file_names(contexts: Iterable[str]) -> dict[str, str]:
    """Return a file name for each context: readable, harmless, and different even where case does not count.

    A name that had to be changed ends in a part of its hash, so the same context gets the same file every time.
    """
    names: dict[str, str] = {}
    for context in contexts:
        plain = _UNSAFE.sub("_", context).lstrip(".-")[:_LONGEST].rstrip(".")
        same = plain and plain == context and not _DEVICES.fullmatch(plain)
        names[context] = plain if same else f"{plain or 'context'}-{_hash(context)}"
    counts: dict[str, int] = {}
    for name in names.values():
        counts[name.lower()] = counts.get(name.lower(), 0) + 1
    return {
        context: (name if counts[name.lower()] == 1 else f"{name}-{_hash(context)}") + ENDING
        for context, name in names.items()
    }


def _hash(context: str) -> str:
    return hashlib.sha256(context.encode(errors="surrogatepass")).hexdigest()[:8]


def _item(section: str, found: Found[Any], values: dict[int, Values], target: Path, cwd: Path) -> dict[str, Any]:
    reader, entry = values[id(found.document)], found.entry
    if entry is None:
        raise TypeError("an entry of a merged section has its place")
    whole = reader.of(entry.item)
    item = {**(whole if isinstance(whole, dict) else {}), "name": found.name}
    if entry.body is not None:
        body = reader.of(entry.body)
        item[BODY_KEYS[section]] = rebased(section, body, directory_of(found.document.path, cwd), target)
    return item


def _tops(merged: Merged, values: dict[int, Values]) -> dict[str, Any]:
    """Return top-level extensions and preferences, of the first file that has them."""
    found: dict[str, Any] = {}
    for document in merged.documents:
        for key in ("preferences", "extensions"):
            value = values[id(document)].of(document.top[key].node) if key in document.top else None
            if value and key not in found:
                found[key] = value
    return found
