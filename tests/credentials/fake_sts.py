"""A loopback STS, SSO portal and container endpoint that answer and count; just enough to see who asked for what."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from eksauth.token.bearer import utc_text

_OK = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAFAKEROLE{number:08}</AccessKeyId><SecretAccessKey>secret{number}</SecretAccessKey>
<SessionToken>session/token+{number}==</SessionToken><Expiration>{expiration}</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/x/y</Arn><AssumedRoleId>AROA:y</AssumedRoleId>
</AssumedRoleUser></AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"""
_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"""


class FakeSts:
    """What the server saw, and what it is to answer.

    :ivar requests: the form of each request, with ``authorization`` added.
    :ivar refuse: (HTTP status, code, message) instead of credentials.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, str]] = []
        self.refuse: tuple[int, str, str] | None = None
        self.life_seconds = 3600
        self.delay_seconds = 0.0
        self._lock = threading.Lock()

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        """Take one request into account and return status and body."""
        with self._lock:
            self.requests.append(form)
            number = len(self.requests)
        time.sleep(self.delay_seconds)
        if self.refuse is not None:
            status, code, message = self.refuse
            return status, _ERROR.format(code=code, message=message)
        text = _OK.format(number=number, expiration=utc_text(int(time.time()) + self.life_seconds))
        return 200, text.replace("AssumeRoleRes", f"{form.get('Action', 'AssumeRole')}Res")


@contextmanager
def fake_sts() -> Iterator[FakeSts]:
    """Run the server on a free loopback port."""
    state = FakeSts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            form["authorization"] = self.headers.get("Authorization", "")
            status, text = state.answer(form)
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            expires = time.time() + state.life_seconds
            keys = {"AccessKeyId": "ASIACONTAINER", "SecretAccessKey": "s", "Token": "t"}
            answer: dict[str, object] = {**keys, "Expiration": utc_text(int(expires))}
            if self.path.startswith("/federation/credentials"):
                role = {"accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "t"}
                answer = {"roleCredentials": {**role, "expiration": int(expires * 1000)}}
            state.requests.append({"path": self.path})
            text = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
