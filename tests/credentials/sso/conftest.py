"""A running portal, and configurations that point at it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.credentials.config.model import AuthConfig, Identity, Place, Principal, Provider
from eksauth.credentials.identities.contract import Context, Human
from eksauth.credentials.sso.portal import Portal, portal_of

PLACE = Place("/etc/eksauth.yaml", 3, 5)
SECRETS = ("aoa", "aor")
"""How the sandbox's access and refresh tokens begin."""


@dataclass
class Center:
    """The portal, and what a test needs to use it."""

    served: ServedAws

    def provider(self, **more: Any) -> Provider:
        """Return a provider for the portal."""
        plain = Provider(
            name="corp",
            kind="aws/iam-identity-center",
            declared_kind="aws/iam-identity-center",
            place=PLACE,
            region=self.served.portal.region,
            start_url=self.served.start_url,
        )
        return replace(plain, **more)

    def portal(self, **more: Any) -> Portal:
        """Return the portal's value."""
        return portal_of(self.provider(**more))

    def identity(self, role: str = "ClusterReader", **principal: Any) -> Identity:
        """Return a permission set behind the provider ``corp``."""
        return Identity(
            name="dev",
            kind="aws/permission-set",
            declared_kind="aws/permission-set",
            place=PLACE,
            via_provider="corp",
            principal=Principal(name=role, **principal),
        )

    def config(self, *identities: Identity, searched: bool = False, **provider: Any) -> AuthConfig:
        """Return a configuration with the provider and some identities."""
        return AuthConfig(
            path="/etc/eksauth.yaml",
            searched=searched,
            providers={"corp": self.provider(**provider)},
            identities={identity.name: identity for identity in identities},
        )

    def context(self, human: Human | None = None, **more: Any) -> Context:
        """Return what a step is given; its waits end at once, and the portal's clock moves on by them."""
        plain = Context(
            config=self.config(),
            environ=os.environ,
            region="us-west-2",
            human=human,
            clock=self.clock,
            sleep=self.sleep,
        )
        return replace(plain, **more)

    def clock(self) -> float:
        """Return the portal's time."""
        return time.time() + self.served.endpoint.cloud.clock_offset

    def sleep(self, seconds: float) -> None:
        """Let time pass at the portal."""
        time.sleep(0.001)
        self.served.endpoint.cloud.clock_offset += seconds

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.served.endpoint.cloud.clock_offset += seconds

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the portal's control API."""
        return self.served.control(method, f"sso/{path}", body)

    def fault(self, **order: Any) -> None:
        """Order a disturbance."""
        self.served.control("POST", "faults", order)

    def asked(self, operation: str) -> int:
        """Return how often an operation was called since the test began."""
        records = self.served.control("GET", "requests")["requests"]
        return sum(1 for record in records if record["action"] == operation)


@pytest.fixture(name="running", scope="session")
def running_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for all tests of this process."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@pytest.fixture(name="center")
def center_(running: ServedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Center]:
    """Give a portal that the AWS libraries find through the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(running.ca_file))
    settings = running.control("GET", "sso/")["settings"]
    running.control("DELETE", "requests")
    yield Center(running)
    running.control("DELETE", "faults")
    running.control("PUT", "sso/settings", settings)
    running.endpoint.cloud.clock_offset = 0.0
    for user in running.portal.people:
        running.control("DELETE", f"sso/sessions/{user}")
