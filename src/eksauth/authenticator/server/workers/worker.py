"""One of several server processes: ``python -m eksauth.authenticator.server.workers.worker DESCRIPTOR``.

Started by the supervisor only, which sends what to do over the socket with that descriptor.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import sys
from dataclasses import replace

from eksauth.authenticator.server import decision_log
from eksauth.authenticator.server.launch import Launch
from eksauth.authenticator.server.run import loop_factory, serve
from eksauth.authenticator.server.settings import SideSettings
from eksauth.errors import EksauthError

FAILED_TO_START = 3
_log = logging.getLogger(decision_log.LOGGER_NAME)


def main(descriptor: int) -> int:
    """Serve, and return the exit code."""
    end = socket.socket(fileno=descriptor)
    launch = receive_launch(end)
    try:
        config = asyncio.run(launch.read())
        decision_log.configure(launch.log_format, config.log_verbosity)
        # the supervisor does what needs to be done once
        settings = replace(launch.settings(config), kubeconfig=None, ready_file=None, shared=True, side=SideSettings())
        read = launch.read if launch.path is not None else None
        serving = serve(config, settings, read=read, path=launch.path, link=end)
        del config  # or its mappings would stay in memory when newer ones have replaced them
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(serving)
    except EksauthError as error:
        _log.error("a worker cannot start", extra={"fields": {"error": error.message, "hint": error.hint}})
        return FAILED_TO_START


def send_launch(end: socket.socket, launch: Launch) -> None:
    """Send a worker what to do."""
    content = pickle.dumps(launch)
    end.sendall(len(content).to_bytes(4, "big") + content)


def receive_launch(end: socket.socket) -> Launch:
    """Return what to do; the other end is the process that started this one."""
    length = int.from_bytes(_exactly(end, 4), "big")
    launch = pickle.loads(_exactly(end, length))  # noqa: S301  of our own parent, over a socket that only it has
    if not isinstance(launch, Launch):
        raise TypeError("not a launch")
    return launch


def _exactly(end: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        more = end.recv(length - len(content))
        if not more:
            raise EOFError("the supervisor is gone")
        content += more
    return content


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
