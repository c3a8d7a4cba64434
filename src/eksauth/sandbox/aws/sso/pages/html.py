"""Templates whose values are escaped, and the frame that every page has."""

from __future__ import annotations

from html import escape
from string import Formatter
from typing import Any


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


class _Escaping(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec:
            raise ValueError("templates format nothing")
        return value if isinstance(value, Html) else escape(printable(str(value)), quote=True)


_FORMATTER = _Escaping()


def fill(template: str, **values: Any) -> Html:
    """Put values into a ``{name}`` template; whatever is not :class:`Html` is escaped."""
    return Html(_FORMATTER.vformat(template, (), values))


def join(parts: list[Html]) -> Html:
    """Put pieces behind one another."""
    return Html("".join(parts))


def printable(text: str) -> str:
    """Return text without characters that turn its direction around or are not seen at all."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def page(title: str, content: Html, *, person: str = "", csrf: str = "") -> bytes:
    """Return a whole document; ``person`` is who is signed in, if anybody, and gets a way out."""
    return fill(
        _FRAME, title=title, content=content, who=fill(_WHO, person=person, csrf=csrf) if person else Html("")
    ).encode("utf-8", "replace")


def hidden(name: str, value: str) -> Html:
    """Return a form field that nobody sees."""
    return fill('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)


_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Sandbox portal</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/portal.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><p class="brand"><span class="mark" aria-hidden="true"></span>Sandbox portal</p>{who}</header>
<main id="main">
{content}
</main>
<footer><p>An eksauth sandbox on this machine. Nothing here is a real AWS account.</p></footer>
</body>
</html>
"""

_WHO = """<form class="who" method="post" action="/sign-out"><input type="hidden" name="csrf" value="{csrf}">
<span>Signed in as <strong>{person}</strong></span> <button class="quiet" type="submit">Sign out</button></form>"""
