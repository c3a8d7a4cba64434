"""An HTTP request exactly as it arrived, which is what a signature is checked over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from eksauth.sandbox.aws.faults import ServiceFault

_MAX_PARAMETERS = 1000
_HEX = frozenset(b"0123456789abcdefABCDEF")
_FORM = "application/x-www-form-urlencoded"

Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class RawRequest:
    """One request; nothing in it has been decoded.

    :param path: the path part of the request target, still percent-encoded.
    :param query: what follows the question mark, still percent-encoded.
    :param headers: lower-case names and raw values, in order of arrival.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[Pair, ...]
    body: bytes = field(default=b"", repr=False)
    source_ip: str = "127.0.0.1"

    def header_values(self, name: str) -> list[bytes]:
        """Return every value of a header, in order of arrival."""
        wanted = name.encode()
        return [value for key, value in self.headers if key == wanted]

    def header(self, name: str) -> str:
        """Return the first value of a header as text, or nothing."""
        values = self.header_values(name)
        return values[0].decode("utf-8", "replace").strip() if values else ""

    @property
    def host(self) -> str:
        """Return the Host header without its port, lower case."""
        host = self.header("host").lower()
        name, colon, port = host.rpartition(":")
        return name if colon and port.isdigit() else host

    @property
    def is_form(self) -> bool:
        """Tell whether the body holds parameters."""
        return self.header("content-type").partition(";")[0].strip().lower() == _FORM


def parse_pairs(encoded: bytes) -> list[Pair]:
    """Decode ``a=b&c=d``; a plus sign is a blank, a name without a value has an empty one.

    :raises ServiceFault: for a broken percent escape or too many parameters.
    """
    pieces = [piece for piece in encoded.split(b"&") if piece]
    if len(pieces) > _MAX_PARAMETERS:
        raise ServiceFault("MalformedQueryString", "The query string holds too many parameters.")
    return [(_decode(name), _decode(value)) for name, _, value in (piece.partition(b"=") for piece in pieces)]


def _decode(text: bytes) -> bytes:
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text
    head, *escapes = text.split(b"%")
    out = [head]
    for escape in escapes:
        if len(escape) < 2 or escape[0] not in _HEX or escape[1] not in _HEX:
            raise ServiceFault("MalformedQueryString", "The query string contains a broken percent escape.")
        out.append(bytes((int(escape[:2], 16),)) + escape[2:])
    return b"".join(out)


def encode(text: bytes) -> str:
    """Percent-encode everything but RFC 3986 unreserved characters."""
    return quote_from_bytes(text, safe="")


class Parameters:
    """The parameters of a query-protocol request, from the query string and a form body, each at most once.

    :raises ServiceFault: for a repeated name (also in other spelling) or text that is not UTF-8.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._values: dict[str, str] = {}
        seen: set[str] = set()
        for raw_name, raw_value in pairs:
            try:
                name, value = raw_name.decode(), raw_value.decode()
            except UnicodeDecodeError:
                raise ServiceFault("MalformedQueryString", "The query string is not valid UTF-8.") from None
            if name.lower() in seen:
                raise ServiceFault("MalformedQueryString", f"The parameter {name[:64]} is given more than once.")
            seen.add(name.lower())
            self._values[name] = value

    def get(self, name: str) -> str | None:
        """Return a value, or None when the request does not have it."""
        return self._values.get(name)

    def members(self, name: str, leaf: str = "") -> list[str]:
        """Return a list parameter: ``Name.member.1``, ``Name.member.2``, … with an optional ``.leaf``."""
        found: list[str] = []
        suffix = f".{leaf}" if leaf else ""
        while (value := self._values.get(f"{name}.member.{len(found) + 1}{suffix}")) is not None:
            found.append(value)
        return found

    def as_dict(self) -> dict[str, str]:
        """Return all parameters."""
        return dict(self._values)

    def having_prefix(self, prefix: str) -> list[str]:
        """Return the names that start with ``prefix``."""
        return [name for name in self._values if name.startswith(prefix)]


def read_parameters(request: RawRequest) -> Parameters:
    """Return the operation's parameters, without those of the signature."""
    pairs = [pair for pair in parse_pairs(request.query) if not pair[0].lower().startswith(b"x-amz-")]
    if request.method == "POST" and request.is_form:
        pairs += parse_pairs(request.body)
    return Parameters(pairs)
