"""``!env NAME`` and ``!env NAME default``, Atmos's way to take a value from the environment."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

TAG = "!env"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """A variable's name, and the value when it is not set."""

    name: str
    default: str | None


def parse_env(text: str) -> FromEnvironment:
    """Return what the text after ``!env`` asks for; a default with blanks stands in quotes.

    :raises ValueError: when it is not a name, or a name and a default.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("!env has a quote that does not end") from None
    if not 1 <= len(words) <= 2:
        raise ValueError("!env takes the name of a variable, and a default in quotes if it has blanks")
    if _NAME.fullmatch(words[0]) is None:
        raise ValueError("!env takes the name of a variable, such as !env SSO_START_URL")
    return FromEnvironment(words[0], words[1] if len(words) == 2 else None)
