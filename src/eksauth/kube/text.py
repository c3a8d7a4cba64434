"""Text as Kubernetes writes it: Go's ``%q`` for one string and for a list of them."""

from __future__ import annotations

from collections.abc import Iterable

_SHORT = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r"}


def quoted(text: str) -> str:
    """Return ``text`` in double quotes with Go's escapes, so that messages compare equal to those of kube-apiserver."""
    return f'"{"".join(_escaped(letter) for letter in text)}"'


def quoted_list(texts: Iterable[str]) -> str:
    """Return the quoted texts in brackets with blanks between, as Go prints a slice of strings with ``%q``."""
    return f"[{' '.join(quoted(text) for text in texts)}]"


def _escaped(letter: str) -> str:
    code = ord(letter)
    if letter in '"\\':
        return "\\" + letter
    if code in _SHORT:
        return "\\" + _SHORT[code]
    if letter.isprintable():
        return letter
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
