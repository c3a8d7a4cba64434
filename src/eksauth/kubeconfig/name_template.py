"""New names for entries whose own name is taken: from a template, the same every time; pure."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from eksauth.errors import UsageError

DEFAULT = "{name}-{origin}"
VARIABLES = {
    "name": "the name that is taken",
    "origin": "ACCOUNT-REGION where the entry tells them, else the file's name",
    "file": "the file's name without its ending",
    "account": "the AWS account; empty when the entry does not tell",
    "region": "the region; empty when the entry does not tell",
    "cluster": "the name in EKS; empty when the entry does not tell",
}


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A checked template; ``{{`` stands for a brace.

    :raises UsageError: on creation, for an unknown variable or unbalanced braces.
    """

    text: str = DEFAULT

    def __post_init__(self) -> None:
        for _, variable, spec, conversion in self._parts():
            if variable is not None and (variable not in VARIABLES or spec or conversion):
                near = get_close_matches(variable, VARIABLES, 1)
                hint = f"did you mean {{{near[0]}}}" if near else f"these exist: {', '.join(VARIABLES)}"
                raise UsageError(f"the name template has no variable '{variable}'", hint=hint)

    def names(self, name: str, values: Mapping[str, str]) -> Iterator[str]:
        """Yield ``name`` itself, then the template's name, then that with ``-2``, ``-3`` and so on, without end."""
        yield name
        known = {**values, "name": name}
        made = "".join(text + known.get(variable or "", "") for text, variable, _, _ in self._parts()) or name
        if made != name:
            yield made
        number = 2
        while True:
            yield f"{made}-{number}"
            number += 1

    def _parts(self) -> list[tuple[str, str | None, str | None, str | None]]:
        try:
            return list(string.Formatter().parse(self.text))
        except ValueError:
            raise UsageError(
                f"the name template '{self.text}' has unbalanced braces", hint="write {{ and }} for braces themselves"
            ) from None
