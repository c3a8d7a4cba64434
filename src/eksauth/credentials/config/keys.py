"""The words that tables of keys are written in: a key, a section of keys, lists, maps."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.credentials.config.shapes import Scalar, Text


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with known keys."""

    keys: tuple[Key, ...]

    def key(self, name: str) -> Key | None:
        """Return the key called ``name``."""
        return next((key for key in self.keys if key.name == name), None)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of scalars; one alone may stand for the list."""

    item: Scalar = field(default_factory=Text)


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments, as a list or as one line in a shell's quoting; no shell ever sees it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping from names that are free to scalars."""

    item: Scalar


@dataclass(frozen=True, slots=True)
class Variables:
    """Environment variables: a list of ``{key, value}`` as Atmos writes them, or a mapping."""


@dataclass(frozen=True, slots=True)
class Either:
    """A scalar or a section."""

    scalar: Scalar
    section: Section


@dataclass(frozen=True, slots=True)
class Anything:
    """Not looked at."""


Shape = Scalar | Section | Listing | Command | Table | Variables | Either | Anything


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section.

    :ivar about: what it does, one sentence without a full stop; editors show it.
    :ivar unused: why it is accepted but does nothing here.
    :ivar secret: its value is never shown.
    :ivar default: what holds when it is missing, for people.
    """

    name: str
    shape: Shape
    about: str
    required: bool = False
    unused: str | None = None
    secret: bool = False
    default: str | None = None
