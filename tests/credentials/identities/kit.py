"""A strict AWS on loopback, configurations written as text, and people who answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import botocore.session
from tests.e2e.loopback_aws import LoopbackAws

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import Session, authenticate
from eksauth.credentials.identities.contract import Human
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.seed import ACCOUNT

ADMIN = f"arn:aws:iam::{ACCOUNT}:role/EksAdmin"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
READER = f"arn:aws:iam::{ACCOUNT}:role/EksReadOnly"


@dataclass
class Place:
    """AWS, and a configuration next to it."""

    aws: LoopbackAws
    path: Path

    def write(self, identities: str, rest: str = "") -> None:
        """Write ``eksauth.yaml``; ``{alice}`` stands for the identity of the seeded user."""
        user = self.aws.seed.users["alice"]
        alice = (
            "alice:\n  kind: aws/user\n  credentials:\n"
            f"    access_key_id: {user.access_key_id}\n    secret_access_key: {user.secret_access_key}\n"
        )
        text = indent(identities.replace("{alice}\n", alice), "    ")
        self.path.write_text(f"auth:\n  identities:\n{text}{rest}")
        self.path.chmod(0o600)

    def config(self, realm: str | None = None) -> AuthConfig:
        """Read it as a file that was named."""
        return load_config(os.environ, flag=str(self.path), realm=realm)

    def be(
        self,
        name: str,
        *,
        human: Human | None = None,
        fresh: bool = False,
        use_cache: bool = True,
        realm: str | None = None,
        now: float | None = None,
    ) -> Session:
        """Become an identity, with a clock that stands still where ``now`` is given."""
        config = self.config(realm)
        clock: dict[str, Any] = {} if now is None else {"clock": lambda: now}
        return authenticate(
            config,
            find_identity(config, name),
            environ=os.environ,
            human=human,
            fresh=fresh,
            use_cache=use_cache,
            **clock,
        )

    def count(self, action: str) -> int:
        """Return how often an action of STS was asked for since the last time the log was cleared."""
        return self.aws.cloud.log.count(f"sts:{action}")

    def requests(self) -> int:
        """Return how many requests there were at all."""
        return len(self.aws.cloud.log.as_json()["requests"])

    def who(self, session: Session) -> str:
        """Return the ARN that STS gives for a session."""
        client = botocore.session.get_session().create_client(
            "sts",
            "us-east-1",
            aws_access_key_id=session.credentials.access_key_id,
            aws_secret_access_key=session.credentials.secret_access_key,
            aws_session_token=session.credentials.session_token,
        )
        try:
            return str(client.get_caller_identity()["Arn"])
        finally:
            client.close()

    def give_mfa(self) -> str:
        """Give alice a device, unless she has it, and return the seed of its codes; its serial is :data:`SERIAL`."""
        iam = self.aws.cloud.iam
        with iam.opened():
            backend = iam.backend(ACCOUNT)
            device = backend.virtual_mfa_devices.get(SERIAL)
            if device is None:
                device = backend.create_virtual_mfa_device("alice", "/")
                backend.enable_mfa_device("alice", SERIAL, "111111", "222222")
        seed = iam.mfa_seed(ACCOUNT, "alice", SERIAL)
        assert seed is not None
        return seed

    def caller(self, session: Session) -> Caller:
        """Return what AWS itself remembers of a session."""
        found = self.aws.cloud.sessions.get(session.credentials.access_key_id)
        assert found is not None
        return found.caller

    def life(self, session: Session) -> float:
        """Return for how many seconds AWS made a session."""
        found = self.aws.cloud.sessions.get(session.credentials.access_key_id)
        assert found is not None
        return found.expires_at - found.caller.issued_at
