"""Identity providers and a strict STS on loopback, and configurations that go via them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.aws.serving import ServedAws

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import Session, authenticate
from eksauth.credentials.identities.contract import Human
from eksauth.sandbox.aws.federation.seeded import SeededFederation

HEAD = "auth:\n  keyring: {type: memory}\n"


@dataclass
class Room:
    """AWS, and a configuration next to it."""

    aws: ServedAws
    path: Path

    @property
    def seeded(self) -> SeededFederation:
        """Return what the identity providers were seeded with."""
        assert self.aws.seed.federation is not None
        return self.aws.seed.federation

    def write(self, *identities: tuple[str, str], provider: str) -> None:
        """Write a configuration of one provider ``up`` and identities (name, role ARN) that go via it."""
        text = [HEAD, "  providers:\n    up: ", provider, "\n  identities:\n"]
        text += [
            f"    {name}: {{kind: aws/assume-role, via: {{provider: up}}, principal: {{assume_role: '{role}'}}}}\n"
            for name, role in identities
        ]
        self.write_text("".join(text))

    def write_text(self, text: str) -> None:
        """Write a configuration as it is."""
        self.path.write_text(text)
        self.path.chmod(0o600)

    def config(self) -> AuthConfig:
        """Read it as a file that was named."""
        return load_config(os.environ, flag=str(self.path))

    def be(self, name: str, human: Human | None = None, **more: Any) -> Session:
        """Become an identity."""
        config = self.config()
        return authenticate(config, find_identity(config, name), environ=os.environ, human=human, **more)

    def who(self, session: Session) -> str:
        """Return the ARN that STS gives for a session."""
        found = session.credentials
        client = self.aws.client(
            "sts",
            aws_access_key_id=found.access_key_id,
            aws_secret_access_key=found.secret_access_key,
            aws_session_token=found.session_token or "",
        )
        return str(client.get_caller_identity()["Arn"])

    def trust(self, role: str, statement: dict[str, Any]) -> str:
        """Make a role that trusts whom the statement says, and return its ARN."""
        from eksauth.sandbox.aws.federation.planting import make_role
        from eksauth.sandbox.aws.seed import ACCOUNT

        return make_role(self.aws.endpoint.cloud.iam, ACCOUNT, role, statement)


@contextmanager
def room_in(aws: ServedAws, home: Path) -> Iterator[Room]:
    """Point AWS clients of this process at ``aws`` until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.url)
        patch.setenv("AWS_CA_BUNDLE", str(aws.ca_file))
        yield Room(aws, home / "eksauth.yaml")
