"""What a command prints that the configuration names: a token, a code, an assertion.

No shell is involved. The command cannot hold us up for ever or fill the memory, and what it prints on stdout reaches no
error message.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from eksauth.errors import CredentialsError

WAIT_SECONDS = 60.0
"""Without a person; kubectl has no time limit of its own for its plugins."""
WAIT_FOR_PERSON_SECONDS = 300.0
_MAX_ERROR_BYTES = 16 << 10
_SHOWN_ERROR = 200


def command_output(
    command: Sequence[str],
    *,
    purpose: str,
    environ: Mapping[str, str],
    attended: bool = False,
    max_bytes: int = 256 << 10,
    wait: float | None = None,
) -> bytes:
    """Run ``command`` and return what it printed.

    :param purpose: what the output is for; completes "the command for …".
    :param attended: a person is there: the command has the terminal, so that it can ask.
    :param max_bytes: more output than this is refused, and the command is ended.
    :param wait: seconds until the command is ended; None takes what suits ``attended``.
    :raises CredentialsError: when it cannot be started, fails, takes too long, or prints too much or nothing.
    """
    label = f"the command for {purpose} ({shlex.quote(command[0]) if command else 'empty'})"
    limit = wait if wait is not None else (WAIT_FOR_PERSON_SECONDS if attended else WAIT_SECONDS)
    try:
        process = subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=None if attended else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if attended else subprocess.PIPE,
            # its own session, unless it needs our terminal: then everything that it started can be ended with it
            start_new_session=not attended,
        )
    except (OSError, ValueError, IndexError) as error:
        reason = (getattr(error, "strerror", None) or "it is no command").lower()
        raise CredentialsError(
            f"{label} cannot be started: {reason}", hint="check the command in the configuration", code="command.start"
        ) from None
    try:
        output, complaint = _collect(process, max_bytes, time.monotonic() + limit)
    except _TookTooLong:
        raise CredentialsError(
            f"{label} took longer than {limit:.0f} seconds and was ended",
            hint="run it by hand; it must not wait for input that nobody gives",
            code="command.timeout",
        ) from None
    except _SaidTooMuch:
        raise CredentialsError(
            f"{label} printed more than {max_bytes} bytes and was ended",
            hint="it must print the result and nothing else",
            code="command.output",
        ) from None
    finally:
        _end(process, whole_session=not attended)
    if process.returncode:
        said = " ".join(complaint.decode(errors="replace").split())[-_SHOWN_ERROR:]
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        detail = f": {''.join([c for c in said if c.isprintable()])}" if said else ""
        raise CredentialsError(
            f"{label} failed with {how}{detail}", hint="run it by hand to see why", code="command.failed"
        )
    if not output.strip():
        raise CredentialsError(
            f"{label} printed nothing", hint="it must print the result on stdout", code="command.output"
        )
    return output


class _TookTooLong(Exception):
    pass


class _SaidTooMuch(Exception):
    pass


def _collect(process: subprocess.Popen[bytes], max_bytes: int, deadline: float) -> tuple[bytes, bytes]:
    gathered = {"out": bytearray(), "err": bytearray()}
    with selectors.DefaultSelector() as selector:
        for name, stream in (("out", process.stdout), ("err", process.stderr)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise _TookTooLong
            for key, _events in selector.select(left):
                chunk = os.read(key.fd, 64 << 10)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data == "out":
                    gathered["out"] += chunk
                    if len(gathered["out"]) > max_bytes:
                        raise _SaidTooMuch
                else:
                    # the end of what it said tells why it failed
                    gathered["err"] = (gathered["err"] + chunk)[-_MAX_ERROR_BYTES:]
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _TookTooLong from None
    return bytes(gathered["out"]), bytes(gathered["err"])


def _end(process: subprocess.Popen[bytes], *, whole_session: bool) -> None:
    if process.poll() is None:
        with suppress(OSError):
            if whole_session:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
