"""Names of nodes and rates, by the ids of ``docs/reference/compatibility.md``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eksauth.authenticator.nodes.ec2 import Ec2
from eksauth.authenticator.nodes.rate import RateLimit

ROLE = "arn:aws:iam::210987654321:role/describe"
CLUSTER = "arn:aws:eks:eu-west-1:111122223333:cluster/demo"
_ASSUMED = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
_DESCRIBED = b"""<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>
<instancesSet><item><instanceId>i-0123456789abcdef0</instanceId><privateDnsName>ip-10-0-0-1</privateDnsName></item>
</instancesSet></item></reservationSet></DescribeInstancesResponse>"""


@contextmanager
def aws() -> Iterator[tuple[str, list[tuple[bytes, dict[str, str]]]]]:
    """Run STS and EC2 that answer, and remember what they were asked."""
    asked: list[tuple[bytes, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((body, {name.lower(): value for name, value in self.headers.items()}))
            answer = _ASSUMED if b"Action=AssumeRole" in body else _DESCRIBED
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "source, headers",
    [
        pytest.param(
            CLUSTER, {"x-amz-source-arn": CLUSTER, "x-amz-source-account": "111122223333"}, id="EC2-03-EC2-04"
        ),
        pytest.param("", {}, id="EC2-04-absent"),
    ],
)
async def test_the_source_goes_along_with_the_role(
    source: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trust policy of the role can tell one cluster's server by its ARN and account, which are signed."""
    with aws() as (url, asked):
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }.items():
            monkeypatch.setenv(name, value)
        ec2 = Ec2(role_arn=ROLE, source_arn=source)
        assert await ec2.describe(["i-0123456789abcdef0"]) == {"i-0123456789abcdef0": "ip-10-0-0-1"}
    (assume, sent), (describe, _) = asked
    assert b"Action=AssumeRole" in assume
    assert b"Action=DescribeInstances" in describe
    assert {name: value for name, value in sent.items() if name.startswith("x-amz-source")} == headers
    signed = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert set(headers) <= set(signed)


@pytest.mark.parametrize(
    "per_second, burst, calls, seconds",
    [
        pytest.param(15, 5, 5, 0.0, id="RL-01"),
        pytest.param(15, 5, 6, 1 / 15, id="RL-02"),
        pytest.param(10, 1, 11, 1.0, id="RL-03"),
    ],
)
async def test_rates(per_second: int, burst: int, calls: int, seconds: float) -> None:
    """A burst is free, and each call after it waits for its share of a second."""
    now = 0.0

    async def sleep(pause: float) -> None:
        nonlocal now
        now += pause

    rate = RateLimit(per_second, burst, clock=lambda: now, sleep=sleep)
    for _ in range(calls):
        await rate.take()
    assert now == pytest.approx(seconds)


async def test_who_cannot_wait_may_leave() -> None:
    """RL-04: a call whose time is over before its turn comes fails, and takes nobody's turn."""
    import asyncio

    rate = RateLimit(1, 1)
    await rate.take()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await rate.take()
