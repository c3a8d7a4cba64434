"""The sandbox's EKS in a thread, and ``eksauth`` and ``aws`` pointed at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sysconfig
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from eksauth.cli.main import run
from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.endpoint import AwsEndpoint
from eksauth.sandbox.aws.faults import OrderedFault
from eksauth.sandbox.aws.seed import ACCOUNT
from eksauth.sandbox.pki import new_authority

REGIONS = (
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
BIN = Path(sysconfig.get_path("scripts"))
CA = b64encode(new_authority("a cluster").cert_pem).decode()


def arn(name: str, region: str = "us-west-2") -> str:
    """Return the ARN of a cluster of the lab's account."""
    return f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}"


def role(name: str) -> str:
    """Return the ARN of a seeded role."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as JSON."""
        return json.loads(self.out)


@dataclass
class Lab:
    """A running EKS and the home of somebody who uses it."""

    endpoint: AwsEndpoint
    home: Path
    environ: dict[str, str]
    capsys: pytest.CaptureFixture[str]

    @property
    def kubeconfig(self) -> Path:
        """The default kubeconfig."""
        return self.home / ".kube" / "config"

    def cluster(self, name: str = "demo", region: str = "us-west-2", **more: Any) -> Cluster:
        """Make a cluster, or change it."""
        given = {"endpoint": f"https://{name}.{region}.example", "ca_data": CA, **more}
        made = Cluster(name=name, region=region, account=ACCOUNT, **given)
        self.endpoint.cloud.clusters.put(made)
        return made

    def fault(self, kind: Any, count: int | None = 1, **more: Any) -> None:
        """Order a fault."""
        self.endpoint.cloud.faults.order(OrderedFault(kind=kind, count=count, **more))

    def asked(self) -> list[tuple[str, str]]:
        """Return action and region of every request so far."""
        return [(each["action"], each["region"]) for each in self.endpoint.cloud.log.as_json()["requests"]]

    def eksauth(self, *words: str) -> Ran:
        """Run eksauth in this process."""
        self.capsys.readouterr()
        code = run(words)
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)

    def update(self, *words: str) -> Ran:
        """Run ``eksauth kubeconfig update``."""
        return self.eksauth("kubeconfig", "update", *words)

    def updated(self, *words: str) -> Any:
        """Run it, expect success, and return what it says as JSON."""
        done = self.update(*words, "-o", "json")
        assert done.code == 0, done.err
        return done.json

    def process(self, program: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run an installed program in a process of its own."""
        return subprocess.run(
            [str(BIN / program), *words],
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def parsed(self, path: Path | None = None) -> dict[str, Any]:
        """Return the sections of a kubeconfig by name, as PyYAML reads them."""
        document = yaml.safe_load((path or self.kubeconfig).read_text())
        found = {"current": document.get("current-context")}
        for section in ("clusters", "contexts", "users"):
            found[section] = {entry["name"]: entry[section[:-1]] for entry in document.get(section) or ()}
        return found

    def sign_in(self, user: str, set_variable: Callable[[str, str], None]) -> None:
        """Take a seeded user's keys."""
        assert self.endpoint.seed is not None
        found = self.endpoint.seed.users[user]
        set_variable("AWS_ACCESS_KEY_ID", found.access_key_id)
        set_variable("AWS_SECRET_ACCESS_KEY", found.secret_access_key)


@contextlib.contextmanager
def running_endpoint() -> Iterator[AwsEndpoint]:
    """Run an endpoint with a loop and a thread of its own."""
    endpoint = AwsEndpoint()
    up, down = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    async def serve() -> None:
        async with endpoint:
            up.set()
            await asyncio.to_thread(down.wait)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001  told to the test
            failures.append(error)
        finally:
            up.set()

    thread = threading.Thread(target=work, name="eks-lab")
    thread.start()
    try:
        up.wait()
        assert not failures, failures
        yield endpoint
    finally:
        down.set()
        thread.join()
