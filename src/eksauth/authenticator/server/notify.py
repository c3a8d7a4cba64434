"""Telling systemd how a service is doing: the protocol of ``sd_notify(3)``, datagrams on a socket.

Specification: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping


class Notifier:
    """Sends states to the service manager; does nothing when there is none.

    :param environ: where ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` are looked up.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog(environ, os.getpid() if pid is None else pid)

    def ready(self, status: str) -> None:
        """Say that start-up, or a reload, is over."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def reloading(self) -> None:
        """Say that a reload begins; :meth:`ready` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    async def watch(self, alive: Callable[[], Awaitable[bool]]) -> None:
        """Send signs of life twice per period while ``alive`` says so, until cancelled; return when none are wanted."""
        while self._address is not None and self.watchdog_seconds:
            if await alive():
                self._send("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds / 2)

    def _send(self, state: str) -> None:
        if self._address is None:
            return
        # the manager may be gone or busy: no reason to fail or to wait
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)
            sender.sendto(state.encode(), self._address)


def _address(text: str) -> str | None:
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog(environ: Mapping[str, str], pid: int) -> float:
    microseconds, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (microseconds.isascii() and microseconds.isdigit()) or whose not in {"", str(pid)}:
        return 0.0
    return int(microseconds) / 1_000_000


def _one_line(text: str) -> str:
    return " ".join(text.split())
