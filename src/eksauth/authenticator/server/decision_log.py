"""One log line per decision: who asked, who it was, what was decided and why. Never a token, signature or assertion.

Field names are those of aws-iam-authenticator where it has one (``accesskeyid``, ``arn``, ``session``, …), so that log
queries carry over. Identities of scrubbed accounts leave no trace but the Kubernetes user name.

What is the same each time that one decision is told is put into words once; and what is written during one turn of the
event loop goes out in one call at its end, before the loop waits again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from eksauth.authenticator.decide import Decision
from eksauth.authenticator.mapping.model import Match, NotMapped

LOGGER_NAME = "eksauth.authenticator"
LEVELS: Mapping[str, int] = {
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
"""The verbosity names of aws-iam-authenticator."""
FOREIGN_LOGGERS = ("aiohttp", "asyncio")
"""Libraries under the server. Left alone they print tracebacks that quote the request, on lines of their own."""
_NEAR_MISSES = 3
_PIPE_BUF = 4096
"""What POSIX systems write to a pipe in one go, at least Linux."""
_log = logging.getLogger(LOGGER_NAME)


@dataclass(frozen=True, slots=True)
class Told:
    """A decision in words.

    :ivar level: of :mod:`logging`.
    :ivar lead: of the line, from the level up to where the client's address goes, in the format of the log.
    :ivar rest: everything that is the same each time, in the format of the log.
    """

    level: int
    lead: str
    rest: str


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream: records of :mod:`logging`, and decisions by a shorter way."""

    def __init__(self, stream: TextIO, formatter: JsonFormatter | TextFormatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self.words = formatter
        self._pending: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record behind whatever was written before."""
        self._write_pending()
        super().emit(record)

    def flush(self) -> None:
        """Write what is pending."""
        self._write_pending()
        super().flush()

    def line(self, text: str) -> None:
        """Write ``text`` and a line end, at the end of this turn of the event loop."""
        self._pending.append(text)
        if len(self._pending) == 1:
            try:
                asyncio.get_running_loop().call_soon(self._write_pending)
            except RuntimeError:
                self._write_pending()

    def _write_pending(self) -> None:
        if not self._pending:
            return
        lines, self._pending = self._pending, []
        try:
            for text in _pieces(lines):
                self.stream.write(text)
                self.stream.flush()
        except (OSError, ValueError):
            # nowhere to log to: the answers go on
            return


def _pieces(lines: list[str]) -> Iterator[str]:
    """Join lines to texts that a pipe takes as a whole: several workers write to one, and must not cut each other."""
    piece: list[str] = []
    size = 0
    for line in lines:
        # ASCII: as many bytes as letters
        if piece and size + len(line) + 1 > _PIPE_BUF:
            yield "\n".join([*piece, ""])
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    yield "\n".join([*piece, ""])


def told(decision: Decision, scrubbed_accounts: frozenset[str] = frozenset()) -> Told | None:
    """Put a decision into words for :func:`log_told`; None when it would not be logged."""
    level = logging.INFO if decision.allowed else logging.WARNING
    handler = _handler()
    if handler is None or not _log.isEnabledFor(level):
        return None
    text = "access granted" if decision.allowed else "access denied"
    lead = handler.words.some({"level": logging.getLevelName(level).lower(), "msg": text})
    fields = {"reason": decision.reason} | _fields(decision, scrubbed_accounts)
    return Told(level, lead, handler.words.some(fields))


def log_told(told: Told | None, *, client: str, seconds: float, source: str) -> None:
    """Write the line for a decision.

    :param client: the address of whoever asked.
    :param seconds: what it took.
    :param source: where the identity came from: ``asked``, ``joined`` or ``cached``.
    """
    handler = _handler()
    if told is not None and handler is not None:
        handler.line(handler.words.decision(told, client, seconds, source))


def _handler() -> LineHandler | None:
    for handler in _log.handlers:
        if isinstance(handler, LineHandler):
            return handler
    return None


def _fields(decision: Decision, scrubbed_accounts: frozenset[str]) -> dict[str, object]:
    fields: dict[str, object] = {}
    identity = decision.identity
    scrubbed = identity is not None and identity.account_id in scrubbed_accounts
    if identity is not None and not scrubbed:
        fields |= {
            "accesskeyid": identity.access_key_id,
            "arn": identity.arn,
            "accountid": identity.account_id,
            "userid": identity.user_id,
            "session": identity.session_name,
            "stsendpoint": identity.sts_host,
        }
    elif identity is None and decision.unverified_access_key_id:
        # nobody vouches for these: the token was refused
        fields |= {
            "unverified_accesskeyid": decision.unverified_access_key_id,
            "stsendpoint": decision.unverified_sts_host,
        }
    if decision.user is not None:
        fields |= {"username": decision.user.username, "groups": list(decision.user.groups)}
        if not scrubbed:
            fields["uid"] = decision.user.uid
    match = decision.match
    if isinstance(match, Match):
        fields["mapping"] = str(match.source)
        if match.backend:
            fields["backend"] = match.backend
    elif isinstance(match, NotMapped) and match.near_misses and not scrubbed:
        fields["near_misses"] = [
            {"at": str(miss.source), "why": miss.explanation} for miss in match.near_misses[:_NEAR_MISSES]
        ]
    if not decision.allowed and not scrubbed:
        fields["error"] = decision.message
        if decision.hint:
            fields["hint"] = decision.hint
    return fields


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return _as_json(_line(record))

    def some(self, fields: dict[str, object]) -> str:
        """Return fields as they stand in a line."""
        return _as_json(fields)[1:-1]

    def decision(self, told: Told, client: str, seconds: float, source: str) -> str:
        """Return the line of a decision."""
        cached = "true" if source == "cached" else "false"
        return (
            f'{{"time":"{_stamp(time.time())}",{told.lead},"client":{_as_json(client)},'
            f'"latency_ms":{round(seconds * 1000, 3)},"cached":{cached},"verification":"{source}",{told.rest}}}'
        )


class TextFormatter(logging.Formatter):
    """``key=value`` pairs; values with anything but plain characters in them are quoted as JSON text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return self.some(_line(record))

    def some(self, fields: dict[str, object]) -> str:
        """Return fields as they stand in a line."""
        return " ".join(f"{key}={_plain(value)}" for key, value in fields.items())

    def decision(self, told: Told, client: str, seconds: float, source: str) -> str:
        """Return the line of a decision."""
        cached = "true" if source == "cached" else "false"
        return (
            f"time={_stamp(time.time())} {told.lead} client={_plain(client)} "
            f"latency_ms={round(seconds * 1000, 3)} cached={cached} verification={source} {told.rest}"
        )


def configure(log_format: str, verbosity: str, stream: TextIO | None = None) -> None:
    """Send the authenticator's log to ``stream`` (stderr when None), as ``text`` or ``json``.

    What the libraries under it log takes the same way: one line, without what a request said.

    :param verbosity: one of :data:`LEVELS`.
    """
    handler = LineHandler(stream or sys.stderr, JsonFormatter() if log_format == "json" else TextFormatter())
    for logger in (_log, *map(logging.getLogger, FOREIGN_LOGGERS)):
        for old in list(logger.handlers):
            logger.removeHandler(old)
        logger.addHandler(handler)
        # at debug the libraries tell how they work, which is nobody's business here
        logger.setLevel(LEVELS[verbosity] if logger is _log else max(LEVELS[verbosity], logging.WARNING))
        logger.propagate = False


def _line(record: logging.LogRecord) -> dict[str, object]:
    line: dict[str, object] = {
        "time": _stamp(record.created),
        "level": record.levelname.lower(),
        # further lines are asyncio's: reprs of whatever failed
        "msg": record.getMessage().partition("\n")[0],
    }
    fields = getattr(record, "fields", None)
    if isinstance(fields, dict):
        line.update(fields)
    if record.exc_info and record.exc_info[0] is not None:
        # the type and the place only: the text of a foreign exception may quote a request
        line["exception"] = record.exc_info[0].__name__
        line["at"] = _place(record)
    return line


def _place(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "unknown"


def _stamper() -> Callable[[float], str]:
    known = (-1, "")

    def stamp(now: float) -> str:
        nonlocal known
        second = int(now)
        if second != known[0]:
            known = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{known[1]}.{int((now - second) * 1000):03d}Z"

    return stamp


_stamp = _stamper()
_BARE = re.compile(r"[A-Za-z0-9._/@^+:,-]+")


def _plain(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        return value
    return _as_json(value)


_as_json = json.JSONEncoder(separators=(",", ":")).encode
"""ASCII only: a terminal or a log reader with another idea of line ends must not see one inside a value."""
