"""Session tags: their limits, and how they travel along a chain of roles.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sts import fields

_MOST = 50
_PUNCTUATION = frozenset("_.:/=+-@")


@dataclass(frozen=True)
class SessionTags:
    """Tags of one session, or of a request for one.

    :param pairs: keys and values, each key once.
    :param transitive: the keys that go on to the next role of a chain, lower case.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    transitive: frozenset[str] = frozenset()

    def inherited(self) -> SessionTags:
        """Return the tags that a session with these hands on."""
        return SessionTags(tuple(pair for pair in self.pairs if pair[0].lower() in self.transitive), self.transitive)

    def joined(self, inherited: SessionTags) -> SessionTags:
        """Return these tags with those of the calling session that are transitive.

        :raises ServiceFault: InvalidParameterValue when a request wants to change one of them.
        """
        if {key.lower() for key, _ in self.pairs} & inherited.transitive:
            raise _value(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key"
                " from the calling session."
            )
        return SessionTags(inherited.pairs + self.pairs, inherited.transitive | self.transitive)

    def request_context(self) -> dict[str, str | Sequence[str]]:
        """Return the condition keys of a request for a session with these tags."""
        context: dict[str, str | Sequence[str]] = {f"aws:RequestTag/{key}": value for key, value in self.pairs}
        if self.pairs:
            context["aws:TagKeys"] = [key for key, _ in self.pairs]
        if self.transitive:
            context["sts:TransitiveTagKeys"] = [key for key, _ in self.pairs if key.lower() in self.transitive]
        return context


def read_tags(parameters: Parameters) -> SessionTags:
    """Read ``Tags`` and ``TransitiveTagKeys``.

    :raises ServiceFault: ValidationError, InvalidParameterValue.
    """
    keys = _numbered(parameters, "Tags", "Key")
    values = _numbered(parameters, "Tags", "Value")
    for number in sorted(keys.keys() | values.keys()):
        for found, leaf in ((keys, "key"), (values, "value")):
            if number not in found:
                raise fields.null(f"tags.{number}.member.{leaf}")
    pairs = [(keys[number], values[number]) for number in sorted(keys)]
    return checked(pairs, list(_numbered(parameters, "TransitiveTagKeys", "").values()))


def checked(pairs: Sequence[tuple[str, str]], transitive: Sequence[str]) -> SessionTags:
    """Return tags that are within the limits.

    :raises ServiceFault: ValidationError, InvalidParameterValue.
    """
    if len(pairs) > _MOST:
        raise fields.constraint("", "Tags", f"length less than or equal to {_MOST}")
    if len(transitive) > _MOST:
        raise fields.constraint("", "TransitiveTagKeys", f"length less than or equal to {_MOST}")
    for number, (key, value) in enumerate(pairs, 1):
        _check(key, f"tags.{number}.member.key", least=1, most=128)
        _check(value, f"tags.{number}.member.value", least=0, most=256)
        if key.lower().startswith("aws:"):
            raise _value("aws: prefixed tag key names are not allowed for external use.")
    lower = [key.lower() for key, _ in pairs]
    if len(set(lower)) != len(lower):
        raise _value("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if not {key.lower() for key in transitive} <= set(lower):
        raise _value("The specified transitive tag key must be included in the requested tags.")
    return SessionTags(tuple(pairs), frozenset(key.lower() for key in transitive))


def _numbered(parameters: Parameters, name: str, leaf: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for spelled in parameters.having_prefix(f"{name}.member."):
        number, _, rest = spelled.removeprefix(f"{name}.member.").partition(".")
        if number.isascii() and number.isdigit() and len(number) < 5 and rest == leaf:
            found[int(number)] = parameters.get(spelled) or ""
    return found


def _check(text: str, where: str, *, least: int, most: int) -> None:
    fields.check_length(text, where, least=least, most=most)
    # letters, separators and numbers of any script
    if not all(unicodedata.category(letter)[0] in "LZN" or letter in _PUNCTUATION for letter in text):
        raise fields.invalid(
            f"1 validation error detected: Value '{text[:128]}' at '{where}' failed to satisfy constraint:"
            r" Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*"
        )


def _value(message: str) -> ServiceFault:
    return ServiceFault("InvalidParameterValue", message)
