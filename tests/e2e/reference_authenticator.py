"""The reference, aws-iam-authenticator, as a process next to ours; both ask the same STS.

The program is found at run time and never part of this repository: ``TEST_ASSET_AWS_IAM_AUTHENTICATOR`` names it, or
``KUBEBUILDER_ASSETS`` the directory that holds it, or it is on PATH.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any, Protocol

NAME = "aws-iam-authenticator"
MISSING = (
    f"no {NAME} here; TEST_ASSET_AWS_IAM_AUTHENTICATOR can name it, KUBEBUILDER_ASSETS its directory, or put it on PATH"
)
OURS = (sys.executable, "-m", "eksauth")
_START_SECONDS = 60


def find_reference(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the reference program, or None."""
    candidates = [environ.get("TEST_ASSET_AWS_IAM_AUTHENTICATOR", "")]
    if environ.get("KUBEBUILDER_ASSETS"):
        candidates.append(str(Path(environ["KUBEBUILDER_ASSETS"], NAME)))
    candidates.append(shutil.which(NAME, path=environ.get("PATH")) or "")
    return next((Path(name) for name in candidates if name and os.access(name, os.X_OK)), None)


class Sts(Protocol):
    """What both servers ask."""

    @property
    def environ(self) -> dict[str, str]:
        """Variables that make a program take it for AWS."""


@dataclass(frozen=True)
class Verdict:
    """What a server says about a token: the user it names, or why not.

    :param user: ``status.user`` of a granted review, with lists in their order; None when it is refused.
    :param why: HTTP status, and for ours the reason code.
    """

    user: dict[str, Any] | None
    why: str

    @property
    def granted(self) -> bool:
        """Whether somebody is let in."""
        return self.user is not None


class Webhook:
    """A running webhook, asked over one connection that is kept."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, certificate: Path) -> None:
        self.process = process
        self.port = port
        self._tls = ssl.create_default_context(cafile=certificate)
        self._connection: http.client.HTTPSConnection | None = None

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Post to /authenticate."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection("localhost", self.port, context=self._tls, timeout=60)
        try:
            self._connection.request("POST", "/authenticate", body, {"Content-Type": "application/json"})
            reply = self._connection.getresponse()
            return reply.status, reply.read()
        except (http.client.HTTPException, OSError):
            self.close()
            raise

    def review(self, token: str, api_version: str = "authentication.k8s.io/v1") -> Verdict:
        """Ask about a token."""
        question = {"apiVersion": api_version, "kind": "TokenReview", "spec": {"token": token}}
        status, body = self.post(json.dumps(question).encode())
        answer = json.loads(body)
        outcome = answer.get("status", {})
        if status == 200 and isinstance(outcome, dict) and outcome.get("authenticated"):
            return Verdict(outcome["user"], "ok")
        error = outcome.get("error", "") if isinstance(outcome, dict) else answer.get("message", "")
        return Verdict(None, error.partition(":")[0] or str(status))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def server_config(directory: Path, server: str, port: int) -> Path:
    """Write a configuration that both servers understand.

    :param server: further YAML under the key ``server``, not indented.
    """
    (directory / "state").mkdir(parents=True, exist_ok=True)
    own = f"stateDir: {directory / 'state'}\ngenerateKubeconfig: {directory / 'webhook.yaml'}\nport: {port}\n"
    path = directory / "server.yaml"
    path.write_text("clusterID: demo\nserver:\n" + indent(own + server, "  "))
    return path


def program_environ(directory: Path, aws: Sts, **more: str) -> dict[str, str]:
    """Return the whole environment of a program under test."""
    directory.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(directory), **aws.environ, **more}


@contextlib.contextmanager
def reference_server(program: Path, directory: Path, aws: Sts, server: str, *options: str) -> Iterator[Webhook]:
    """Run the reference's server.

    Its health port is fixed; when it is taken, the server says so in its log and serves all the same, so that any
    number of these can run at a time. It does not end on SIGTERM.
    """
    port = _free_port()
    config = server_config(directory, server, port)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", "--config", config, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=program_environ(directory, aws),
        )
    try:
        _wait_for_listener(process, port, directory / "log")
        webhook = Webhook(process, port, directory / "state" / "cert.pem")
        try:
            yield webhook
        finally:
            webhook.close()
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def our_server(directory: Path, aws: Sts, server: str, *options: str) -> Iterator[Webhook]:
    """Run ``eksauth server run`` with the same configuration and environment."""
    config = server_config(directory, server, 21362)
    ready = directory / "ready.json"
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*OURS, "server", "run", "--config", str(config), "--port", "0", "--ready-file", str(ready), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=program_environ(directory, aws),
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not ready.exists():
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.02)
        facts = json.loads(ready.read_text())
        webhook = Webhook(process, facts["port"], Path(facts["certificate"]))
        try:
            yield webhook
        finally:
            webhook.close()
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Pair:
    """The reference and ours, side by side."""

    theirs: Webhook
    ours: Webhook

    def review(self, token: str) -> tuple[Verdict, Verdict]:
        """Ask both about a token: theirs, ours."""
        return self.theirs.review(token), self.ours.review(token)


@contextlib.contextmanager
def pair_of_servers(program: Path, directory: Path, aws: Sts, server: str, *reference_options: str) -> Iterator[Pair]:
    """Run both servers with one configuration."""
    with (
        reference_server(program, directory / "theirs", aws, server, *reference_options) as theirs,
        our_server(directory / "ours", aws, server, "--explain-refusals") as ours,
    ):
        yield Pair(theirs, ours)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for_listener(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
