"""One log line per decision: who asked, who it was, what was decided and why. Never a token, signature or assertion.

Field names are those of aws-iam-authenticator where it has one (``accesskeyid``, ``arn``, ``session``, …), so that log
queries carry over. Identities of scrubbed accounts leave no trace but the Kubernetes user name.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from eksauth.authenticator.mapping.model import Match
from eksauth.authenticator.server.judge import Judgement

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
_log = logging.getLogger(LOGGER_NAME)


def log_decision(
    judgement: Judgement, *, client: str, seconds: float, scrubbed_accounts: frozenset[str] = frozenset()
) -> None:
    """Write the line for one decision: grants at info, refusals at warning."""
    decision = judgement.decision
    level = logging.INFO if decision.allowed else logging.WARNING
    if not _log.isEnabledFor(level):
        return
    fields: dict[str, object] = {
        "client": client,
        "reason": decision.reason,
        "latency_ms": round(seconds * 1000, 3),
        "cached": judgement.source == "cached",
    }
    identity = decision.identity
    scrubbed = identity is not None and identity.account_id in scrubbed_accounts
    if identity is not None and not scrubbed:
        fields |= {
            "accesskeyid": identity.access_key_id,
            "arn": identity.arn,
            "accountid": identity.account_id,
            "userid": identity.user_id,
            "session": identity.session_name,
        }
    if decision.user is not None:
        fields["username"] = decision.user.username
        fields["groups"] = list(decision.user.groups)
        if not scrubbed:
            fields["uid"] = decision.user.uid
    if isinstance(decision.match, Match):
        fields["mapping"] = str(decision.match.source)
    if not decision.allowed and not scrubbed:
        fields["error"] = decision.message
        if decision.hint:
            fields["hint"] = decision.hint
    text = "access granted" if decision.allowed else "access denied"
    # made by hand: looking up the caller's line, which nobody prints, costs as much as the rest
    _log.handle(_log.makeRecord(LOGGER_NAME, level, __file__, 0, text, (), None, extra={"fields": fields}))


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return _as_json(_line(record))


class TextFormatter(logging.Formatter):
    """``key=value`` pairs; values with anything but plain characters in them are quoted as JSON text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return " ".join(f"{key}={_plain(value)}" for key, value in _line(record).items())


def configure(log_format: str, verbosity: str, stream: TextIO | None = None) -> None:
    """Send the authenticator's log to ``stream`` (stderr when None), as ``text`` or ``json``.

    What the libraries under it log takes the same way: one line, without what a request said.

    :param verbosity: one of :data:`LEVELS`.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    for logger in (_log, *map(logging.getLogger, FOREIGN_LOGGERS)):
        for old in list(logger.handlers):
            logger.removeHandler(old)
        logger.addHandler(handler)
        # at debug the libraries tell how they work, which is nobody's business here
        logger.setLevel(LEVELS[verbosity] if logger is _log else max(LEVELS[verbosity], logging.WARNING))
        logger.propagate = False


def _line(record: logging.LogRecord) -> dict[str, object]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    line: dict[str, object] = {
        "time": f"{stamp}.{int(record.msecs):03d}Z",
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


_BARE = re.compile(r"[A-Za-z0-9._/@^+:,-]+")


def _plain(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        return value
    return _as_json(value)


_as_json = json.JSONEncoder(separators=(",", ":")).encode
"""ASCII only: a terminal or a log reader with another idea of line ends must not see one inside a value."""
