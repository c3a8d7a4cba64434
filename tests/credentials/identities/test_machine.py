"""Identities of the machine: container endpoint, EKS Pod Identity, instance metadata, through botocore's own providers."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import Session, authenticate, cached_session
from eksauth.credentials.resolve import UNKEYED_LIFE_SECONDS
from eksauth.errors import CredentialsError
from eksauth.token.bearer import utc_text

CONFIG = """\
auth:
  identities:
    box: {kind: aws/imds}
    task: {kind: aws/container}
    pod: {kind: aws/pod-identity}
"""


class Machine(ThreadingHTTPServer):
    """Instance metadata (IMDSv2 only) and a container's endpoint that wants a token; counts the credentials given."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.given: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Machine

    def do_PUT(self) -> None:
        good = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self._answer(200 if good else 400, "imds-token")

    def do_GET(self) -> None:
        keys = {"AccessKeyId": f"ASIA{len(self.server.given)}", "SecretAccessKey": "s", "Token": "t"}
        end = utc_text(int(time.time()) + 6 * 3600)
        if self.path.startswith("/latest/meta-data/iam/security-credentials/"):
            if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
                return self._answer(401, "")
            if self.path.endswith("/"):
                return self._answer(200, "node-role")
            document = {"Code": "Success", "LastUpdated": end, "Type": "AWS-HMAC", **keys, "Expiration": end}
        elif self.headers.get("Authorization") == "pod-token":
            document = {**keys, "Expiration": end}
        else:
            return self._answer(401, "{}")
        self.server.given.append(self.path)
        return self._answer(200, json.dumps(document))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(name="machine")
def machine_(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Run a machine, with everything set as it would be there."""
    (home / "eksauth.yaml").write_text(CONFIG)
    (home / "eksauth.yaml").chmod(0o600)
    (home / "pod-token").write_text("pod-token")
    with Machine() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(home / "pod-token"))
        yield server
        server.shutdown()
        thread.join()


def be(name: str, now: float | None = None) -> Session:
    """Become an identity of the configuration."""
    config = load_config(os.environ, flag=str(Path.home() / "eksauth.yaml"))
    clock = time.time if now is None else lambda: now
    return authenticate(config, find_identity(config, name), environ=os.environ, clock=clock)


@pytest.mark.parametrize("name", ["box", "task", "pod"])
def test_asked_once_in_a_quarter_of_an_hour(machine: Machine, name: str) -> None:
    """The machine gives credentials, which are used again for a quarter of an hour, and then asked for anew."""
    now = time.time()
    first = be(name, now)
    assert be(name, now + UNKEYED_LIFE_SECONDS - 1).credentials.access_key_id == first.credentials.access_key_id
    assert len(machine.given) == 1
    later = be(name, now + UNKEYED_LIFE_SECONDS + 1)
    assert later.credentials.access_key_id != first.credentials.access_key_id
    assert len(machine.given) == 2


@pytest.mark.parametrize("name", ["box", "task", "pod"])
def test_environment_keys_play_no_part(machine: Machine, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity of the machine is that, whatever keys the environment has."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert be(name).credentials.access_key_id == "ASIA0"
    assert len(machine.given) == 1


def test_another_endpoint_is_another_machine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of one container are not used in another one that shares the home directory."""
    be("task")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{machine.url}/v2/credentials")
    config = load_config(os.environ, flag=str(Path.home() / "eksauth.yaml"))
    assert cached_session(config, find_identity(config, "task"), environ=os.environ, now=time.time()) is None
    be("task")
    assert machine.given == ["/v1/credentials", "/v2/credentials"]


@pytest.mark.parametrize(
    "name, variable, words",
    [
        ("box", "AWS_EC2_METADATA_DISABLED=true", "metadata service"),
        ("task", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "no container with a role"),
        ("pod", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not set"),
        ("task", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/nowhere", "/nowhere"),
    ],
    ids=["no metadata", "no container", "no pod", "no token file"],
)
@pytest.mark.usefixtures("machine")
def test_not_here(name: str, variable: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there is said, with what to do, and is no reason to sign in."""
    name_of, given, value = variable.partition("=")
    if given:
        monkeypatch.setenv(name_of, value)
    else:
        monkeypatch.delenv(name_of)
    with pytest.raises(CredentialsError) as caught:
        be(name)
    assert words in caught.value.message
    assert caught.value.hint
    assert "eksauth login" not in caught.value.hint
