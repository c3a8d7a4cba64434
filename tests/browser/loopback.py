"""The listener of a program that waits on a loopback port for its authorization code."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue


class Callback:
    """A listener on a free port that remembers the paths it is asked for."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.paths: Queue[str] = Queue()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/oauth/callback"):
                    listener.paths.put(self.path)
                body = b"<!DOCTYPE html><title>done</title><p>Back in the program.</p>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True

    @property
    def redirect_uri(self) -> str:
        """Return where the browser is to be sent."""
        return f"http://127.0.0.1:{self.server.server_port}/oauth/callback"


@contextmanager
def callback() -> Iterator[Callback]:
    """Listen until the block ends."""
    listener = Callback()
    thread = threading.Thread(target=listener.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.server.shutdown()
        listener.server.server_close()
        thread.join(10)
