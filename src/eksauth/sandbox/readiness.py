"""Waiting for a component, and saying why when it does not come."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from eksauth.errors import EksauthError

T = TypeVar("T")


def wait_for(
    name: str,
    process: subprocess.Popen[bytes],
    log: Path,
    probe: Callable[[], T | None],
    *,
    patience: float,
) -> T:
    """Call ``probe`` until it returns something and return that.

    :raises EksauthError: when the process ends, or ``patience`` seconds pass; with the end of the log as the reason.
    """
    deadline = time.monotonic() + patience
    while True:
        result = probe()
        if result is not None:
            return result
        if process.poll() is not None:
            raise _failure(f"the sandbox's {name} ended with code {process.returncode}", log)
        if time.monotonic() > deadline:
            raise _failure(f"the sandbox's {name} did not become ready within {patience:.0f} s", log)
        time.sleep(0.03)


def ready_file(path: Path) -> Callable[[], dict[str, object] | None]:
    """Return a probe for a JSON object that the component writes when it listens."""

    def probe() -> dict[str, object] | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        except (OSError, msgspec.DecodeError):
            return None

    return probe


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free now; only for programs that cannot be told to choose one themselves."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _failure(message: str, log: Path) -> EksauthError:
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    said = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")
    detail = f": {said.strip()[:300]}" if said else ""
    return EksauthError(message + detail, hint=f"its log is {log}", code="sandbox.component_failed")
