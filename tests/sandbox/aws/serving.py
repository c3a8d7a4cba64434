"""An endpoint on a thread of its own, for clients that block: botocore, the AWS CLI, a browser."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.endpoint import AwsEndpoint
from eksauth.sandbox.aws.seed import Seed
from eksauth.sandbox.aws.sso.seeded import SeededPortal


@dataclass
class ServedAws:
    """A running endpoint and how to reach it."""

    url: str
    control_token: str
    ca_file: Path
    seed: Seed
    endpoint: AwsEndpoint

    @property
    def portal(self) -> SeededPortal:
        """Return what the portal was seeded with."""
        assert self.seed.portal is not None
        return self.seed.portal

    @property
    def start_url(self) -> str:
        """Return the portal's start URL."""
        return self.url + self.portal.start_path

    def context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the endpoint."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control API; raises HTTPError when it refuses."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.control_token}"},
        )
        with urllib.request.urlopen(request, context=self.context(), timeout=10) as reply:
            return json.loads(reply.read())

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as it is; returns status, headers with lower-case names, and body. Follows no redirect."""
        request = urllib.request.Request(self.url + path, method=method, data=body, headers=headers or {})
        opener = urllib.request.build_opener(_Stay(), urllib.request.HTTPSHandler(context=self.context()))
        try:
            reply = opener.open(request, timeout=10)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            return reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.read()

    def client(self, service: str, region: str = "us-west-2", **keys: str) -> Any:
        """Return a botocore client without retries; keys are those of ``create_client``."""
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        if not keys and service in {"sso", "sso-oidc", "sts"}:
            config = config.merge(Config(signature_version=botocore.UNSIGNED))
        return _botocore().create_client(
            service, region, endpoint_url=self.url, verify=str(self.ca_file), config=config, **keys
        )


@lru_cache
def _botocore() -> Any:
    # reading the services' models is most of the time that a client takes
    return botocore.session.Session()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def serve_aws(
    ca_file: Path, clusters: tuple[Cluster, ...] = (), clock: Callable[[], float] = time.time
) -> Iterator[ServedAws]:
    """Run an endpoint until the block ends; its CA certificate goes to ``ca_file``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    endpoint = AwsEndpoint(clusters=clusters, clock=clock)
    try:
        asyncio.run_coroutine_threadsafe(endpoint.__aenter__(), loop).result(30)
        assert endpoint.ca_pem is not None
        assert endpoint.seed is not None
        ca_file.write_bytes(endpoint.ca_pem)
        yield ServedAws(endpoint.url, endpoint.control_token, ca_file, endpoint.seed, endpoint)
    finally:
        asyncio.run_coroutine_threadsafe(endpoint.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
