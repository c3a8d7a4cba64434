"""What a value in the configuration may look like: how its text is read, and the same for editors as JSON Schema.

A shape reads one scalar's text and raises ValueError with what is expected, never with the text itself: that may be a
secret in the wrong place. Patterns are in the dialect that Python and JSON Schema share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from eksauth.credentials.config import durations

Schema = dict[str, Any]
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LONGEST_TEXT = 16_384
_LINE_ENDS = {ord("\n"): None, ord("\r"): None, ord("\t"): None}


class Scalar(Protocol):
    """Reads one scalar."""

    def read(self, text: str) -> Any:
        """Return the value of a text that is not empty; raises ValueError with what is expected."""

    def schema(self) -> Schema:
        """Return the JSON Schema of what :meth:`read` takes."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text, on one line unless ``lines``; with ``pattern`` it has to fit, or ``problem`` is what is wrong.

    :ivar numbers: an unquoted number is as good as its text.
    """

    pattern: str = ""
    problem: str = ""
    numbers: bool = True
    lines: bool = False

    def read(self, text: str) -> str:
        """Return the text itself."""
        if len(text) > _LONGEST_TEXT:
            raise ValueError(f"must be no longer than {_LONGEST_TEXT} characters")
        if not (text.translate(_LINE_ENDS) if self.lines else text).isprintable():
            # they could drive the terminal that shows them
            raise ValueError(f"must {'' if self.lines else 'be one line and '}have no control characters")
        if self.pattern and re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.problem)
        return text

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        found: Schema = {"type": ["string", "number"] if self.numbers else "string"}
        return found | ({"pattern": self.pattern} if self.pattern else {"minLength": 1})


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def read(self, text: str) -> str:
        """Return the word."""
        if text not in self.words:
            raise ValueError(f"must be {', '.join(self.words[:-1])} or {self.words[-1]}")
        return text

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false, also as YAML 1.1 spells them, and quoted."""

    def read(self, text: str) -> bool:
        """Return the truth value."""
        value = _TRUTH.get(text.lower())
        if value is None:
            raise ValueError("must be true or false")
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        words = "|".join(f"{word}|{word.capitalize()}|{word.upper()}" for word in _TRUTH)
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": f"^({words})$"}]}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, in seconds.

    AWS takes from ``least`` to ``most``, which only ``config validate`` minds; others are refused by AWS, or brought
    into the range where they are ``clamped``.
    """

    least: int = 1
    most: int = 3650 * 86400
    clamped: bool = False

    def read(self, text: str) -> int:
        """Return seconds."""
        return durations.parse_duration(text)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"anyOf": [{"type": "string", "pattern": durations.PATTERN}, {"type": "number", "minimum": 1}]}


@dataclass(frozen=True, slots=True)
class Account:
    """An account id: twelve digits, also when YAML takes them for a number."""

    def read(self, text: str) -> str:
        """Return the twelve digits."""
        if re.fullmatch(r"[0-9]{12}", text) is None:
            raise ValueError("must be an account id of twelve digits, in quotes")
        return text

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        whole = {"type": "integer", "minimum": 10**11, "maximum": 10**12 - 1}
        return {"anyOf": [{"type": "string", "pattern": "^[0-9]{12}$"}, whole]}


@dataclass(frozen=True, slots=True)
class Url:
    """The address of a page or a service; no name or password in it."""

    def read(self, text: str) -> str:
        """Return the address."""
        if re.fullmatch(_URL, text) is None:
            raise ValueError("must be an address that begins with https://, without a name or password in it")
        try:
            parts = urlsplit(text)
            usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("must be an address with a host that can be")
        return text

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "pattern": _URL}


_URL = r"^https?://[A-Za-z0-9._\-\[\]:]+([/?#][!-~]*)?$"


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port, 0 for any free one."""

    def read(self, text: str) -> int:
        """Return the number."""
        if re.fullmatch(r"[0-9]{1,5}", text) is None or int(text) > 65535:
            raise ValueError("must be a port from 0 to 65535")
        return int(text)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "integer", "minimum": 0, "maximum": 65535}


@dataclass(frozen=True, slots=True)
class FileMode:
    """Permission bits in octal, quoted or not."""

    def read(self, text: str) -> int:
        """Return the bits."""
        if re.fullmatch(r"0?o?[0-7]{3}", text) is None:
            raise ValueError('must be permission bits in octal, such as "0600"')
        return int(text.replace("o", ""), 8)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        # an editor's YAML turns 0600 into another number than kubectl's users mean: any number will do
        return {"anyOf": [{"type": "string", "pattern": "^0?o?[0-7]{3}$"}, {"type": "integer"}]}


REGION = Text(r"^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", "must be the name of a region, such as eu-west-1", numbers=False)
ROLE_ARN = Text(
    r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$",
    "must be the ARN of a role, such as arn:aws:iam::123456789012:role/deploy",
    numbers=False,
)
POLICY_ARN = Text(
    r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+$",
    "must be the ARN of an IAM policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess",
    numbers=False,
)
ROOT_TASK_ARN = Text(
    r"^arn:aws[a-z-]*:iam::aws:policy/root-task/[!-~]+$",
    "must be the ARN of a root task policy, such as arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
    numbers=False,
)
MFA = Text(
    r"^(arn:aws[a-z-]*:iam::[0-9]{12}:(mfa|sms-mfa|u2f)/[!-~]+|[A-Za-z0-9]{8,32})$",
    "must be the ARN of an MFA device, such as arn:aws:iam::123456789012:mfa/jane, or its serial number",
)
TRUST_ANCHOR_ARN = Text(
    r"^arn:aws[a-z-]*:rolesanywhere:[a-z0-9-]+:[0-9]{12}:trust-anchor/[!-~]+$",
    "must be the ARN of a trust anchor of IAM Roles Anywhere",
    numbers=False,
)
PROFILE_ARN = Text(
    r"^arn:aws[a-z-]*:rolesanywhere:[a-z0-9-]+:[0-9]{12}:profile/[!-~]+$",
    "must be the ARN of a profile of IAM Roles Anywhere",
    numbers=False,
)
VARIABLE = Text(r"^[A-Za-z_][A-Za-z0-9_]*$", "must be the name of an environment variable", numbers=False)
REALM = Text(
    r"^(?=.{1,64}$)[a-z0-9]([_-]?[a-z0-9])*$",
    "must be lower-case letters and digits, with single - or _ between them, at most 64 characters",
)
SESSION_WORD = Text(r"^[A-Za-z0-9_+=,.@-]{2,64}$", "must be 2 to 64 letters, digits or any of _ + = , . @ -")
EXTERNAL_ID = Text(r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$", "must be 2 to 1224 letters, digits or any of _ + = , . @ : / -")
CLUSTER = Text(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", "must be the name of an EKS cluster: letters, digits, - and _")
ACCESS_KEY_ID = Text(r"^[A-Z0-9]{16,128}$", "must be an access key id, such as AKIA…", numbers=False)
