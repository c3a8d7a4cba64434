"""Several kubeconfig files as one, with the origin of every value.

The rules are kubectl's: of equal names the first file's entry wins whole; current-context is the first that is not
empty; references are followed after the merge, so a context may end at a user of another file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import Document, Entry, load_document
from eksauth.kubeconfig.model import Cluster, Context, NamedExtension, User
from eksauth.kubeconfig.paths import Files

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A file and a line in it, from 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A merged value with its origin.

    :ivar name: the entry's name; for settings the key.
    :ivar document: the file that gave it.
    :ivar entry: where it stands in that file; None for settings and extensions.
    :ivar place: file and line.
    :ivar shadowed: the places of the same name in later files, which have no effect.
    """

    name: str
    value: T
    document: Document
    entry: Entry | None
    place: Place
    shadowed: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """What all files say together; mappings are sorted by name, bytewise, as kubectl prints them.

    :ivar files: which files were asked for.
    :ivar documents: those that exist, in order.
    :ivar missing: those that do not; kubectl skips them without a word.
    :ivar current_context: None when no file sets one.
    :ivar colors: the preference of that name; None when no file turns it on.
    """

    files: Files
    documents: tuple[Document, ...]
    missing: tuple[Path, ...]
    clusters: Mapping[str, Found[Cluster]]
    contexts: Mapping[str, Found[Context]]
    users: Mapping[str, Found[User]]
    current_context: Found[str] | None
    colors: Found[bool] | None
    preference_extensions: Mapping[str, Found[NamedExtension]]
    extensions: Mapping[str, Found[NamedExtension]]

    def is_empty(self) -> bool:
        """Tell whether there is nothing to connect with, so that a pod's own service account is used."""
        return not (self.clusters or self.contexts or self.users or self.current_context)

    def section(self, name: str) -> Mapping[str, Found[Cluster | Context | User]]:
        """Return ``clusters``, ``contexts`` or ``users`` by name."""
        sections = {"clusters": self.clusters, "contexts": self.contexts, "users": self.users}
        return cast("Mapping[str, Found[Cluster | Context | User]]", sections[name])

    def context(self, name: str | None = None) -> Found[Context]:
        """Return a context by name, or the current one when ``name`` is None or empty.

        :raises ConfigError: when it does not exist or none is current.
        """
        if name:
            if name in self.contexts:
                return self.contexts[name]
            raise ConfigError(
                f'context "{name}" does not exist', hint="list them with eksauth ctx", code="kubeconfig.no_context"
            )
        if self.current_context is None:
            raise ConfigError(
                "current-context is not set", hint="choose one with eksauth ctx NAME", code="kubeconfig.no_current"
            )
        wanted = self.current_context
        if wanted.value in self.contexts:
            return self.contexts[wanted.value]
        raise ConfigError(
            f'{wanted.place}: current-context names "{wanted.value}", which does not exist',
            hint="choose another with eksauth ctx NAME",
            code="kubeconfig.no_context",
        )


def load_merged(files: Files, *, load: Callable[[Path], Document | None] = load_document) -> Merged:
    """Read and merge files.

    :param load: how a file is read; None for a file that is missing.
    :raises ConfigError: when any file is there and cannot be read or parsed, as kubectl does.
    """
    loaded = [(path, load(path)) for path in files.paths]
    missing = tuple(path for path, document in loaded if document is None)
    return merge(files, [document for _, document in loaded if document is not None], missing)


def merge(files: Files, documents: Iterable[Document], missing: tuple[Path, ...] = ()) -> Merged:
    """Merge parsed files, first one first; pure."""
    found = tuple(documents)
    return Merged(
        files,
        found,
        missing,
        _merge_entries(found, "clusters"),
        _merge_entries(found, "contexts"),
        _merge_entries(found, "users"),
        _first(found, "current-context", lambda document: document.current_context),
        _first(found, "preferences", lambda document: document.preferences.colors),
        _merge_extensions(found, "preferences", lambda document: document.preferences.extensions),
        _merge_extensions(found, "extensions", lambda document: document.extensions),
    )


def _merge_entries(documents: tuple[Document, ...], section: str) -> dict[str, Found[Any]]:
    winners: dict[str, tuple[Document, Entry]] = {}
    shadows: dict[str, list[Place]] = {}
    for document in documents:
        for entry in document.sections[section]:
            if entry.name in winners:
                shadows.setdefault(entry.name, []).append(Place(document.path, entry.line))
            else:
                winners[entry.name] = (document, entry)
    return {
        name: Found(name, entry.value, document, entry, Place(document.path, entry.line), tuple(shadows.get(name, ())))
        for name, (document, entry) in sorted(winners.items(), key=lambda pair: bytewise(pair[0]))
    }


def _first(documents: tuple[Document, ...], key: str, read: Callable[[Document], T]) -> Found[T] | None:
    giving = [document for document in documents if read(document)]
    if not giving:
        return None
    places = [Place(document.path, document.top[key].key.line) for document in giving]
    return Found(key, read(giving[0]), giving[0], None, places[0], tuple(places[1:]))


def _merge_extensions(
    documents: tuple[Document, ...], key: str, read: Callable[[Document], tuple[NamedExtension, ...]]
) -> dict[str, Found[NamedExtension]]:
    found: dict[str, list[tuple[Document, NamedExtension]]] = {}
    for document in documents:
        for extension in read(document):
            found.setdefault(extension.name, []).append((document, extension))
    merged = {}
    for name in sorted(found, key=bytewise):
        places = [Place(document.path, document.top[key].key.line) for document, _ in found[name]]
        document, extension = found[name][0]
        merged[name] = Found(name, extension, document, None, places[0], tuple(places[1:]))
    return merged


def bytewise(name: str) -> bytes:
    """Return the key that sorts names as Go does."""
    return name.encode(errors="surrogatepass")
