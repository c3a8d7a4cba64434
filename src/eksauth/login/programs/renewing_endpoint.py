"""A container-credentials endpoint on loopback for one child: what AWS SDKs ask again and again as credentials end.

The protocol is that of ECS and EKS Pod Identity: ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` says where,
``AWS_CONTAINER_AUTHORIZATION_TOKEN`` what to send as ``Authorization``. The token is random, for this child only, and
compared in constant time; requests under another ``Host`` are refused, so that no web page reaches it through a name
that it controls. It answers while the child lives and not a moment longer.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from eksauth.credentials.identities.authenticate import Session
from eksauth.errors import EksauthError
from eksauth.token.bearer import utc_text

PATH = "/credentials"
RENEW_SECONDS = 1200
"""Credentials with less life than this are renewed while the old ones are still given out. botocore asks every time
when less than 15 minutes are left, and insists on better ones below 10."""
PATIENCE_SECONDS = 1.5
"""How long a request waits for a renewal while the old credentials live: botocore gives up on one after two."""
RETRY_SECONDS = 5.0
"""After a failure, so long nothing is tried again."""
_LONGEST_WAIT_SECONDS = 60.0
_LAST_WAIT_SECONDS = 15.0
"""For a renewal that is under way when the child ends."""
_MOST_REQUESTS = 64
_FOREVER_SECONDS = 3600
"""Keys without an end are said to end in an hour: the protocol knows no others."""


class Renewal:
    """The session of one identity, renewed by one thread at a time while there is life in the old one.

    :param get: gives a session; raises :class:`EksauthError` when it cannot.
    :param patience: seconds that a request waits for a renewal while the old session lives.
    """

    def __init__(
        self,
        get: Callable[[], Session],
        first: Session,
        *,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._get = get
        self._patience = patience
        self._clock = clock
        self._session = first
        self._changed = threading.Condition()
        self._running = False
        self._failure: EksauthError | None = None
        self._failed_at = 0.0
        self._asked_at = clock()

    def session(self) -> Session:
        """Return a session that lives.

        :raises EksauthError: why there is none.
        """
        with self._changed:
            if self._left() < RENEW_SECONDS:
                self._start()
                wait = self._patience if self._left() > 0 else _LONGEST_WAIT_SECONDS
                self._changed.wait_for(lambda: not self._running, wait)
            if self._left() > 0:
                return self._session
            raise self._failure or EksauthError("renewing the credentials takes too long", code="credentials.slow")

    def finish(self) -> None:
        """Wait for a renewal that has begun: cut off, it could lose a refresh token that was just traded in."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, _LAST_WAIT_SECONDS)

    def _left(self) -> float:
        ends = self._session.credentials.expires_at
        return float("inf") if ends is None else ends - self._clock()

    def _start(self) -> None:
        moment = self._clock()
        recently = 0 <= moment - self._failed_at < RETRY_SECONDS
        # short sessions are always near their end: what was renewed a moment ago is as good as it gets
        fresh = 0 <= moment - self._asked_at < min(60.0, self._left() / 2)
        if self._running or recently or fresh:
            return
        self._running = True
        threading.Thread(target=self._renew, name="renewal", daemon=True).start()

    def _renew(self) -> None:
        found: Session | None = None
        failure: EksauthError | None = None
        try:
            found = self._get()
        except EksauthError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  whatever it is, the child has to hear of it
            failure = EksauthError(f"internal error ({type(error).__name__})")
        with self._changed:
            self._running = False
            self._asked_at = self._clock()
            self._failure, self._failed_at = failure, (self._asked_at if failure else 0.0)
            if found is not None:
                self._session = found
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the child asks, and the secret that lets it."""

    url: str
    token: str = field(repr=False)

    def variables(self) -> dict[str, str]:
        """Return what the child's environment needs."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
        }


@contextmanager
def renewing_endpoint(renewal: Renewal) -> Iterator[Endpoint]:
    """Serve ``renewal`` on a free port of 127.0.0.1 until the block ends.

    :raises OSError: when there is no port.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.renewal = renewal
    server.authorization = secrets.token_urlsafe(32)
    server.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="endpoint", daemon=True)
    thread.start()
    try:
        yield Endpoint(f"http://{server.host}{PATH}", server.authorization)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        renewal.finish()


def credentials_document(session: Session, now: float) -> dict[str, str]:
    """Return what the protocol answers."""
    credentials = session.credentials
    ends = now + _FOREVER_SECONDS if credentials.expires_at is None else credentials.expires_at
    document = {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token or "",
        "Expiration": utc_text(int(ends)),
    }
    return document | ({"AccountId": session.account} if session.account else {})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    renewal: Renewal
    authorization: str
    host: str

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._room = threading.BoundedSemaphore(_MOST_REQUESTS)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that the base class makes."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, unless somebody opens more connections than any program needs."""
        if not self._room.acquire(timeout=5):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Make room again afterwards."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Say nothing: the terminal is the child's, and a client that hung up is nobody's error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5
    protocol_version = "HTTP/1.0"
    server_version = "eksauth"
    sys_version = ""

    def do_GET(self) -> None:
        """Give credentials to whoever knows the token."""
        if self.headers.get_all("Host") != [self.server.host] or self.path != PATH:
            self._answer(404, {"code": "NotFound", "message": "there is nothing here"})
            return
        given = self.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self.server.authorization.encode()):
            self._answer(
                403, {"code": "AccessDenied", "message": "the Authorization header is not the one of this child"}
            )
            return
        try:
            session = self.server.renewal.session()
        except EksauthError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self._answer(500, {"code": error.code, "message": f"eksauth: {error.message}{hint}"})
            return
        self._answer(200, credentials_document(session, time.time()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class calls it so
        """Write nothing: the terminal is the child's."""

    def _answer(self, status: int, document: Mapping[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
