"""What tests share that run the server as a process: an STS over HTTP, a configuration, the process."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from tests.authenticator.serving import ACCOUNT, ROLE_ARN, SESSION, sample

READY = "ready.json"
COMMAND = [sys.executable, "-m", "eksauth", "server", "run"]


def vouching() -> tuple[int, object]:
    """Return what STS says to a good token."""
    result = {"Account": ACCOUNT, "Arn": SESSION.arn, "UserId": SESSION.user_id}
    return 200, {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}


@dataclass
class FakeSts:
    """STS over HTTP on loopback, which gives ``answer`` (status and JSON) once ``gate`` is open."""

    answer: Callable[[], tuple[int, object]] = vouching
    gate: threading.Event = field(default_factory=threading.Event)
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    url: str = ""


@contextlib.contextmanager
def fake_sts() -> Iterator[FakeSts]:
    """Run an STS that vouches for everybody until told otherwise."""
    fake = FakeSts()
    fake.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.asked.release()
            fake.gate.wait(30)
            status, answer = fake.answer()
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.gate.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@dataclass
class Server:
    """A server process and what it said when it was ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    directory: Path

    def review(self, token: str) -> dict[str, Any]:
        """Ask about a token through the webhook kubeconfig, as an API server would."""
        cluster = yaml.safe_load(Path(self.ready["kubeconfig"]).read_text())["clusters"][0]["cluster"]
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}})
        context = ssl.create_default_context(cafile=self.ready["certificate"])
        request = urllib.request.Request(cluster["server"], body.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=context, timeout=30) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
        return answer

    def metric(self, name: str, **labels: str) -> float:
        """Return one sample of /metrics, 0 when it is not there."""
        context = ssl.create_default_context(cafile=self.ready["certificate"])
        url = self.ready["url"].replace("/authenticate", "/metrics")
        with urllib.request.urlopen(url, context=context, timeout=30) as reply:
            return sample(reply.read().decode(), name, labels)

    def wait_until_stopping(self) -> None:
        """Wait until the process has seen the first signal: it takes its ready file away."""
        while (self.directory / READY).exists():
            time.sleep(0.02)

    def finish(self) -> tuple[int, str]:
        """Wait for the end and return exit code and log."""
        out, log = self.process.communicate(timeout=30)
        assert not out
        return self.process.returncode, log


def config_in(directory: Path, sts: FakeSts | None = None, **server: object) -> Path:
    """Write a configuration that keeps everything in ``directory``."""
    settings: dict[str, object] = {
        "stateDir": str(directory / "state"),
        "generateKubeconfig": str(directory / "webhook.yaml"),
        "mapRoles": [{"rolearn": ROLE_ARN, "username": "admin", "groups": ["system:masters"]}],
    }
    if sts is not None:
        settings["stsEndpointOverrides"] = {"sts.eu-west-1.amazonaws.com": sts.url}
    path = directory / "server.yaml"
    path.write_text(yaml.safe_dump({"clusterID": "demo", "server": settings | server}))
    return path


@contextlib.contextmanager
def running(directory: Path, config: Path, *options: str, before: tuple[str, ...] = ()) -> Iterator[Server]:
    """Start a server on a free port and wait until it is ready."""
    ready = directory / READY
    # one that was killed cannot have taken it away
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [*before, *COMMAND, "-c", str(config), "--port", "0", "--ready-file", str(ready), "-l", "json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not ready.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        yield Server(process, json.loads(ready.read_text()), directory)
    finally:
        process.kill()
        process.communicate()
