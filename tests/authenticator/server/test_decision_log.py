"""The decision log: what it says, and how it gets out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.authenticator.serving import KEY, collected_log

from eksauth.authenticator.decide import Decision
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import NearMiss, NotMapped, Source
from eksauth.authenticator.server import decision_log
from eksauth.authenticator.server.decision_log import LOGGER_NAME, LineHandler, log_told, told

IDENTITY = Identity(
    arn="arn:aws:sts::111122223333:assumed-role/Dev/ann",
    canonical_arn="arn:aws:iam::111122223333:role/Dev",
    kind="assumed-role",
    account_id="111122223333",
    user_id="AROAEXAMPLE",
    session_name="ann",
    access_key_id=KEY,
    sts_host="sts.eu-west-1.amazonaws.com",
)
MISSES = tuple(NearMiss("path", "x", f"reason {number}", Source("aws-auth.yaml", number)) for number in range(1, 6))
NOT_MAPPED = Decision(
    allowed=False,
    reason="mapping.not_mapped",
    message="nobody",
    hint="look",
    identity=IDENTITY,
    match=NotMapped(MISSES, "yaml"),
)


def line_of(decision: Decision, *, scrubbed: frozenset[str] = frozenset()) -> dict[str, object]:
    """Return the log line of a decision."""
    with collected_log() as log:
        log_told(told(decision, scrubbed), client="10.0.0.1", seconds=0.0123456, source="asked")
        line: dict[str, object] = json.loads(log.getvalue())
    return line


def test_a_refusal_tells_what_came_near() -> None:
    """Who it was, where the request came from, and the nearest entries with what keeps them from fitting."""
    line = line_of(NOT_MAPPED)
    assert line["near_misses"] == [
        {"at": f"aws-auth.yaml:{number}", "why": f"reason {number}"} for number in range(1, 4)
    ]
    expected = {
        "level": "warning",
        "msg": "access denied",
        "client": "10.0.0.1",
        "latency_ms": 12.346,
        "cached": False,
        "verification": "asked",
        "accesskeyid": KEY,
        "arn": IDENTITY.arn,
        "stsendpoint": IDENTITY.sts_host,
        "hint": "look",
    }
    assert {name: line[name] for name in expected} == expected


def test_a_token_that_sts_refuses_tells_the_key() -> None:
    """It is marked as what it is: a claim."""
    decision = Decision(
        allowed=False,
        reason="sts.expired_credentials",
        message="no",
        unverified_access_key_id=KEY,
        unverified_sts_host="sts.us-east-1.amazonaws.com",
    )
    line = line_of(decision)
    assert line["unverified_accesskeyid"] == KEY
    assert line["stsendpoint"] == "sts.us-east-1.amazonaws.com"
    assert "accesskeyid" not in line


def test_scrubbed_identities_have_no_near_misses() -> None:
    """Entries that come near name the account's roles."""
    line = line_of(NOT_MAPPED, scrubbed=frozenset(("111122223333",)))
    assert set(line) == {"time", "level", "msg", "client", "latency_ms", "cached", "verification", "reason"}


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["json", "text"]))
def test_whatever_a_decision_says_is_one_line(message: str, client: str, log_format: str) -> None:
    """Line ends, quotes and letters of any script stay inside their value."""
    stream = StringIO()
    words = decision_log.JsonFormatter() if log_format == "json" else decision_log.TextFormatter()
    handler = LineHandler(stream, words)
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.handlers[:]
    logger.handlers[:] = [handler]
    try:
        decision = Decision(allowed=False, reason="token.expired", message=message)
        log_told(told(decision), client=client, seconds=1, source="asked")
    finally:
        logger.handlers[:] = before
    text = stream.getvalue()
    assert text.isascii()
    assert text.count("\n") == 1
    if log_format == "json":
        line = json.loads(text)
        assert (line["error"], line["client"]) == (message, client)


class Pipe(StringIO):
    """A stream that remembers how it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str, /) -> int:
        """Remember it."""
        self.writes.append(text)
        return len(text)


async def test_lines_of_one_turn_go_out_together() -> None:
    """Few writes for many lines, each one small enough for a pipe and ending with a line."""
    stream = Pipe()
    handler = LineHandler(stream, decision_log.TextFormatter())
    lines = [f"{number} " + "x" * 300 for number in range(100)]
    for line in lines:
        handler.line(line)
    assert stream.writes == []
    await asyncio.sleep(0)
    assert "".join(stream.writes).splitlines() == lines
    assert len(stream.writes) < 12
    assert all(text.endswith("\n") and len(text) <= 4096 for text in stream.writes)


async def test_the_order_of_lines_is_kept() -> None:
    """A record of another kind goes out behind the decisions before it."""
    with collected_log() as log:
        for number in range(3):
            log_told(told(NOT_MAPPED), client=str(number), seconds=0, source="asked")
        logging.getLogger(LOGGER_NAME).warning("between")
        log_told(told(NOT_MAPPED), client="3", seconds=0, source="asked")
        await asyncio.sleep(0)
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line.get("client", line["msg"]) for line in lines] == ["0", "1", "2", "between", "3"]


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise RuntimeError('boom')", "return"])
def test_no_line_is_lost_when_the_process_ends(end: str) -> None:
    """Lines that were written right before an end of whatever kind, but for a kill, are there."""
    script = f"""
import asyncio
from eksauth.authenticator.decide import Decision
from eksauth.authenticator.server import decision_log as log
log.configure("json", "info")
async def main():
    for number in range(5):
        said = log.told(Decision(allowed=False, reason="token.expired", message=""))
        log.log_told(said, client=str(number), seconds=0, source="asked")
    {end}
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr.count('"access denied"') == 5


def test_a_stream_that_is_gone_costs_no_answer() -> None:
    """When nobody reads the log any more, the server goes on."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", buffering=1)
    handler = LineHandler(stream, decision_log.TextFormatter())
    for _ in range(3):
        handler.line("x")
    # what could not be written is still in its buffer
    with contextlib.suppress(BrokenPipeError):
        stream.close()
