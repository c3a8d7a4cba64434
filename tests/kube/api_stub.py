"""A small HTTPS API server that knows namespaces, who may see them, and what it was asked."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme


@dataclass
class Api:
    """What the server knows and has seen.

    :ivar tokens: bearer tokens that it takes; others get 401.
    :ivar may_list: whether callers may list namespaces; ``may_get``: look at one.
    """

    namespaces: list[str] = field(default_factory=lambda: ["default", "kube-system", "payments"])
    tokens: set[str] = field(default_factory=lambda: {"good"})
    may_list: bool = True
    may_get: bool = True
    page: int = 2
    client_certificates: bool = False
    requests: list[dict[str, object]] = field(default_factory=list)
    port: int = 0
    ca_pem: bytes = b""
    certificate: bytes = b""
    key: bytes = b""

    @property
    def server(self) -> str:
        """The server's address."""
        return f"https://127.0.0.1:{self.port}"

    def kubeconfig(self, user: str, *, cluster: str = "", server: str = "") -> str:
        """Return a kubeconfig with one context ``one`` whose user entry is ``user`` (YAML at its place)."""
        ca = base64.b64encode(self.ca_pem).decode()
        return (
            "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
            f"clusters:\n- name: c\n  cluster:\n    server: {server or self.server}\n    certificate-authority-data: {ca}\n{cluster}"
            "contexts:\n- name: one\n  context:\n    cluster: c\n    user: u\n"
            f"users:\n- name: u\n  user:\n{user}"
        )


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
            given = self.headers.get("Authorization", "")
            groups = self.headers.get_all("Impersonate-Group") or []
            api.requests.append(
                {"path": self.path, "authorization": given, "certificate": bool(peer), "groups": groups,
                 "user": self.headers.get("Impersonate-User", "")}
            )  # fmt: skip
            if given.removeprefix("Bearer ") not in api.tokens and not peer and given != "Basic bWU6c2VjcmV0":
                self._status(401, "Unauthorized")
            elif url.path == "/api/v1/namespaces":
                self._list(parse_qs(url.query)) if api.may_list else self._status(403, "namespaces is forbidden")
            elif url.path.startswith("/api/v1/namespaces/"):
                name = url.path.rpartition("/")[2]
                if not api.may_get:
                    self._status(403, f'namespaces "{name}" is forbidden')
                elif name in api.namespaces:
                    self._answer(200, {"kind": "Namespace", "metadata": {"name": name}})
                else:
                    self._status(404, f'namespaces "{name}" not found')
            else:
                self._status(404, "not found")

        def _list(self, query: dict[str, list[str]]) -> None:
            first = int(query.get("continue", ["0"])[0])
            items = [{"metadata": {"name": name}} for name in api.namespaces[first : first + api.page]]
            following = first + api.page
            more = {"continue": str(following)} if following < len(api.namespaces) else {}
            self._answer(200, {"kind": "NamespaceList", "metadata": more, "items": items})

        def _status(self, code: int, message: str) -> None:
            self._answer(code, {"kind": "Status", "code": code, "message": message})

        def _answer(self, code: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def running_api(api: Api) -> Iterator[Api]:
    """Serve ``api`` on a free port of the loopback."""
    authority = trustme.CA()
    api.ca_pem = authority.cert_pem.bytes()
    client = authority.issue_cert("me@example.com", common_name="me")
    api.certificate, api.key = client.cert_chain_pems[0].bytes(), client.private_key_pem.bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "kubernetes.default").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plugin(directory: Path, script: str) -> Path:
    """Write a credential plugin: a shell script with ``$ANSWER``-free text of its own."""
    path = directory / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def answer(token: str, version: str = "v1") -> str:
    """Return a shell command that prints an ExecCredential."""
    document = {
        "kind": "ExecCredential",
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "status": {"token": token},
    }
    return f"echo '{json.dumps(document)}'"
