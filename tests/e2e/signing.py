"""Identities that an AWS on loopback vouches for, and tokens signed for them in every unusual way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import quote

from eksauth.aws.partitions import partition_of_region
from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.model import Caller, Session
from eksauth.sandbox.aws.sessions import new_access_key_id, new_secret
from eksauth.token.bearer import encode_token
from eksauth.token.sigv4 import EMPTY_SHA256, sign, signing_key

CLUSTER = "demo"


@dataclass(frozen=True)
class Key:
    """What signs a token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    @property
    def environ(self) -> dict[str, str]:
        """The key as environment variables."""
        found = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        return found | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})


def session(
    cloud: Cloud,
    arn: str,
    user_id: str,
    *,
    token_bytes: int = 0,
    expires_in: float = 3600.0,
    account: str | None = None,
) -> Key:
    """Make temporary credentials that STS answers ``arn`` and ``user_id`` for, whatever principal that is."""
    partition, owner = arn.split(":")[1], account or arn.split(":")[4]
    access_key_id = new_access_key_id("ASIA", owner if owner.isdigit() else "111122223333")
    caller = Caller(
        access_key_id=access_key_id,
        arn=arn,
        user_id=user_id,
        account=owner,
        partition=partition,
        principal_arn=arn,
        name=arn.rpartition("/")[2],
        is_role=":assumed-role/" in arn,
        is_temporary=True,
        issued_at=cloud.now(),
    )
    opened = cloud.sessions.open(access_key_id=access_key_id, caller=caller, expires_at=cloud.now() + expires_in)
    if token_bytes:
        opened = Session(access_key_id, new_secret(), "T" * token_bytes, opened.expires_at, caller)
        cloud.sessions._sessions[access_key_id] = opened
    return Key(opened.access_key_id, opened.secret_access_key, opened.session_token)


@dataclass
class Signing:
    """One token in the making; every field can be set to what no honest client writes.

    :param headers: what is signed, in this order.
    :param age: seconds since it was dated; negative for the future.
    :param overrides: parameters as they are signed, by name; None leaves one out.
    """

    key: Key
    region: str = "us-west-2"
    host: str = ""
    scope_region: str = ""
    cluster: str = CLUSTER
    age: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str | None] = field(default_factory=dict)
    secret: str | None = None

    def parameters(self) -> list[tuple[str, str]]:
        """Return the signed parameters and the signature, in the order of the reference."""
        host = self.host or _host(self.region)
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - self.age))
        date = self.overrides.get("X-Amz-Date") or date
        region = self.scope_region or ("us-east-1" if host == "sts.amazonaws.com" else self.region)
        headers = self.headers or {"host": host, "x-k8s-aws-id": self.cluster}
        values: dict[str, str | None] = {
            "Action": "GetCallerIdentity",
            "Version": "2011-06-15",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.key.access_key_id}/{date[:8]}/{region}/sts/aws4_request",
            "X-Amz-Date": date,
            "X-Amz-Expires": "60",
            "X-Amz-Security-Token": self.key.session_token,
            "X-Amz-SignedHeaders": ";".join(headers),
        }
        values |= self.overrides
        present = [(name, value) for name, value in values.items() if value is not None]
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(present))
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in headers.items())
        canonical = f"GET\n/\n{query}\n{lines}\n{';'.join(headers)}\n{EMPTY_SHA256}"
        scope = f"{date[:8]}/{region}/sts/aws4_request"
        secret = self.secret or self.key.secret_access_key
        signature = sign(signing_key(secret, date[:8], region, "sts"), date, scope, canonical)
        return [*present, ("X-Amz-Signature", signature)]

    def url(self) -> str:
        """Return the presigned URL."""
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.parameters())
        return f"https://{self.host or _host(self.region)}/?{query}"

    def token(self) -> str:
        """Return the token."""
        return encode_token(self.url())


def _host(region: str) -> str:
    partition = partition_of_region(region)
    assert partition is not None, region
    return f"sts.{region}.{partition.dns_suffix}"
