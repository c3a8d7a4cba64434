"""Why something is refused, as a value."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """One reason to say no.

    :param code: stable and machine-readable, such as ``token.expired``.
    :param message: one line for people, lower case, no full stop, no secrets.
    :param hint: what to do about it, or None.
    """

    code: str
    message: str
    hint: str | None = None
