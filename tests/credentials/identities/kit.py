"""A strict AWS on loopback, configurations written as text, and people who answer."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import botocore.session
from tests.credentials.people import Typist
from tests.e2e.loopback_aws import LoopbackAws

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import Session, authenticate
from eksauth.credentials.identities.contract import Human
from eksauth.sandbox.aws.mfa import one_time_code
from eksauth.sandbox.aws.seed import ACCOUNT

ADMIN = f"arn:aws:iam::{ACCOUNT}:role/EksAdmin"
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
        clock = {} if now is None else {"clock": lambda: now}
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
        """Give alice a device and return the seed of its codes; its serial is :data:`SERIAL`."""
        user = self.aws.seed.users["alice"]
        session = botocore.session.get_session()
        sts = session.create_client(
            "sts",
            "us-east-1",
            aws_access_key_id=user.access_key_id,
            aws_secret_access_key=user.secret_access_key,
        )
        keys = sts.assume_role(RoleArn=ADMIN, RoleSessionName="device")["Credentials"]
        from eksauth.sandbox.aws.iam import IamStore

        assert isinstance(self.aws.cloud.iam, IamStore)
        iam = session.create_client(
            "iam",
            "us-east-1",
            endpoint_url="https://sts.us-east-1.amazonaws.com",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        answer = iam.create_virtual_mfa_device(VirtualMFADeviceName="alice")["VirtualMFADevice"]
        iam.enable_mfa_device(
            UserName="alice", SerialNumber=SERIAL, AuthenticationCode1="111111", AuthenticationCode2="222222"
        )
        for client in (sts, iam):
            client.close()
        seed: bytes = answer["Base32StringSeed"]
        return b64decode(seed).decode() if not seed.isalnum() else seed.decode()


SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/alice"

__all__ = ["ADMIN", "ET", "READER", "SERIAL", "Place", "Typist", "one_time_code"]
