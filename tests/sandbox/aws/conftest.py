"""A cloud without a network, requests signed by botocore, and a running endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import pytest_asyncio
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.endpoint import AwsEndpoint
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.seed import ACCOUNT, Seed, plant
from eksauth.sandbox.aws.wire import Answer

HOST = "sts.us-west-2.amazonaws.com"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True)
class Key:
    """What signs a request."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def botocore(self) -> Credentials:
        """Return the key as botocore wants it."""
        return Credentials(self.access_key_id, self.secret_access_key, self.session_token)


@dataclass
class Lab:
    """A cloud with the default seed, and a botocore to sign for it."""

    cloud: Cloud
    seed: Seed

    def key(self, user: str = "alice") -> Key:
        """Return a seeded user's key."""
        found = self.seed.users[user]
        return Key(found.access_key_id, found.secret_access_key)

    def presigned(
        self,
        key: Key,
        *,
        host: str = HOST,
        region: str = "us-west-2",
        cluster: str = "demo",
        service: str = "sts",
        expires: int = 60,
        query: str = "Action=GetCallerIdentity&Version=2011-06-15",
    ) -> RawRequest:
        """Return a GET with query authentication, as bearer tokens hold it."""
        request = AWSRequest(method="GET", url=f"https://{host}/?{query}", headers={"x-k8s-aws-id": cluster})
        SigV4QueryAuth(key.botocore(), service, region, expires=expires).add_auth(request)
        parts = urlsplit(request.url)
        return RawRequest(
            method="GET",
            path=b"/",
            query=parts.query.encode(),
            headers=((b"host", host.encode()), (b"x-k8s-aws-id", cluster.encode()), (b"accept", b"application/json")),
        )

    def signed(
        self,
        key: Key,
        *,
        method: str = "POST",
        host: str = "127.0.0.1:8443",
        region: str = "us-west-2",
        service: str = "sts",
        path: str = "/",
        query: str = "",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> RawRequest:
        """Return a request with an Authorization header made by botocore."""
        url = f"https://{host}{path}" + (f"?{query}" if query else "")
        sent = {"Content-Type": FORM, **(headers or {})} if body else dict(headers or {})
        request = AWSRequest(method=method, url=url, data=body, headers=sent)
        SigV4Auth(key.botocore(), service, region).add_auth(request)
        arrived = [(b"host", host.encode())]
        arrived += [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
        arrived.append((b"accept", b"application/json"))
        return RawRequest(method=method, path=path.encode(), query=query.encode(), headers=tuple(arrived), body=body)

    def call(self, key: Key, action: str, **parameters: str) -> tuple[int, Any]:
        """Call STS; returns the status and the result, or the status and (code, message)."""
        form = urlencode({"Action": action, "Version": "2011-06-15", **parameters}).encode()
        return outcome(self.cloud.answer(self.signed(key, body=form)), action)

    def assume(self, key: Key, role: str, **parameters: str) -> Key:
        """Assume a seeded role and return the session's key."""
        wanted = {"RoleArn": self.seed.roles[role].arn, "RoleSessionName": "test", **parameters}
        status, result = self.call(key, "AssumeRole", **wanted)
        assert status == 200, result
        found = result["Credentials"]
        return Key(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def iam(self, key: Key, action: str, **parameters: str) -> Answer:
        """Call IAM."""
        form = urlencode({"Action": action, "Version": "2010-05-08", **parameters}).encode()
        return self.cloud.answer(self.signed(key, service="iam", region="us-east-1", body=form))

    def eks(self, key: Key, path: str, region: str = "us-west-2", query: str = "") -> tuple[int, Any, str]:
        """Call EKS; returns status, document and error type."""
        request = self.signed(key, method="GET", service="eks", region=region, path=path, query=query)
        answer = self.cloud.answer(request)
        return answer.status, json.loads(answer.body), answer.headers.get("x-amzn-ErrorType", "")

    def outcome(self, request: RawRequest) -> tuple[int, Any]:
        """Answer a raw STS request that asks for JSON."""
        return outcome(self.cloud.answer(request))


def outcome(answer: Answer, action: str = "GetCallerIdentity") -> tuple[int, Any]:
    """Return (status, result) or (status, (code, message)) of a JSON answer."""
    document = json.loads(answer.body)
    if answer.status == 200:
        return 200, document[f"{action}Response"][f"{action}Result"]
    return answer.status, (document["Error"]["Code"], document["Error"]["Message"])


def cluster(name: str = "demo", region: str = "us-west-2", account: str = ACCOUNT) -> Cluster:
    """Return a cluster record."""
    return Cluster(name=name, region=region, account=account, endpoint="https://127.0.0.1:6443", ca_data="Q0E=")


def new_lab() -> Lab:
    """Return a cloud with the default seed and two clusters, asked without a network."""
    cloud = Cloud()
    seed = plant(cloud.iam)
    cloud.clusters.put(cluster())
    cloud.clusters.put(cluster("demo-eu", "eu-west-1"))
    return Lab(cloud, seed)


@pytest.fixture(name="shared_lab", scope="session")
def shared_lab_() -> Lab:
    """Return one lab for all tests that only ask (making one reads fifteen hundred managed policies)."""
    return new_lab()


@pytest.fixture(name="lab")
def lab_(shared_lab: Lab) -> Lab:
    """Return a lab whose users, roles and keys the test leaves as they are."""
    shared_lab.cloud.clock_offset = 0.0
    return shared_lab


@pytest.fixture(name="own_lab")
def own_lab_() -> Lab:
    """Return a lab that the test may change."""
    return new_lab()


@pytest_asyncio.fixture(name="endpoint")
async def endpoint_() -> AsyncIterator[AwsEndpoint]:
    """Run an endpoint on a free port for one test."""
    async with AwsEndpoint(clusters=[cluster(), cluster("demo-eu", "eu-west-1")]) as running:
        yield running


@pytest.fixture(name="ca_file")
def ca_file_(endpoint: AwsEndpoint, tmp_path: Path) -> Path:
    """Return the path of the running endpoint's CA certificate."""
    assert endpoint.ca_pem is not None
    path = tmp_path / "ca.pem"
    path.write_bytes(endpoint.ca_pem)
    return path


@pytest.fixture(name="served", scope="session")
def served_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint on a thread for all blocking clients that leave its people and settings as they are."""
    with serve_aws(tmp_path_factory.mktemp("served") / "ca.pem") as aws:
        yield aws


@pytest.fixture(name="own_served")
def own_served_(tmp_path: Path) -> Iterator[ServedAws]:
    """Run an endpoint on a thread that the test may change."""
    with serve_aws(tmp_path / "ca.pem") as aws:
        yield aws
