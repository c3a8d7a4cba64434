"""The endpoint as clients meet it: TLS, botocore, the AWS CLI, many at once, disturbances on order, bad input."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from yarl import URL

from eksauth.sandbox.aws.endpoint import AwsEndpoint
from eksauth.sandbox.aws.seed import ACCOUNT
from eksauth.sandbox.aws.signature import amz_date
from eksauth.token.sigv4 import presign_get_caller_identity

HOST = "sts.us-west-2.amazonaws.com"


def client(endpoint: AwsEndpoint, ca_file: Path, service: str, *, region: str = "us-west-2", **key: str) -> Any:
    """Return a botocore client for the endpoint, alice's by default, that never retries."""
    assert endpoint.seed is not None
    alice = endpoint.seed.users["alice"]
    given = {
        "aws_access_key_id": alice.access_key_id,
        "aws_secret_access_key": alice.secret_access_key,
        **key,
    }
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    return botocore.session.Session().create_client(
        service, region_name=region, endpoint_url=endpoint.url, verify=str(ca_file), config=config, **given
    )


def token_path(endpoint: AwsEndpoint, cluster: str = "demo") -> str:
    """Return path and query of a presigned URL for us-west-2, made by our own presigner."""
    assert endpoint.seed is not None
    alice = endpoint.seed.users["alice"]
    url = presign_get_caller_identity(
        host=HOST,
        region="us-west-2",
        cluster_id=cluster,
        access_key_id=alice.access_key_id,
        secret_access_key=alice.secret_access_key,
        session_token=None,
        amz_date=amz_date(time.time()),
    )
    return url.partition(HOST)[2]


class Browser:
    """A plain HTTPS client that keeps the Host header it is told, as token verifiers do."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        assert endpoint.ca_pem is not None
        self._endpoint = endpoint
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
        self._tls = ssl.create_default_context(cadata=endpoint.ca_pem.decode())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Send one request and return status and body."""
        url = URL(self._endpoint.url + path, encoded=True)
        async with self._session.request(method, url, data=body, headers=headers, ssl=self._tls) as response:
            return response.status, await response.read()

    async def token(self, cluster: str = "demo", path: str | None = None) -> tuple[int, Any]:
        """Present a token for ``cluster`` as an authenticator does."""
        headers = {"Host": HOST, "x-k8s-aws-id": cluster, "Accept": "application/json"}
        status, body = await self.ask(path or token_path(self._endpoint, cluster), **headers)
        return status, json.loads(body)

    async def control(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Call the control API with its token."""
        authorization = f"Bearer {self._endpoint.control_token}"
        body = json.dumps(document) if document is not None else None
        status, answer = await self.ask(f"/_sandbox/{path}", method, body, Authorization=authorization)
        return status, json.loads(answer)


async def test_botocore_walks_the_chain(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """Botocore's own parsers accept STS, EKS and IAM, in two regions, for users and for role sessions."""
    assert endpoint.seed is not None
    role = endpoint.seed.roles["EksAdmin"].arn

    def walk() -> dict[str, Any]:
        sts = client(endpoint, ca_file, "sts")
        credentials = sts.assume_role(RoleArn=role, RoleSessionName="walk")["Credentials"]
        key = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
        eks = client(endpoint, ca_file, "eks", region="eu-west-1", **key)
        pages = client(endpoint, ca_file, "eks", **key).get_paginator("list_clusters").paginate()
        return {
            "user": sts.get_caller_identity()["Arn"],
            "role": client(endpoint, ca_file, "sts", region="eu-west-1", **key).get_caller_identity()["Arn"],
            "left": credentials["Expiration"].timestamp() - time.time(),
            "clusters": [name for page in pages for name in page["clusters"]],
            "status": eks.describe_cluster(name="demo-eu")["cluster"]["status"],
            "roles": {found["RoleName"] for found in client(endpoint, ca_file, "iam", **key).list_roles()["Roles"]},
            "waited": eks.get_waiter("cluster_active").wait(name="demo-eu"),
        }

    seen = await asyncio.to_thread(walk)
    assert seen["user"] == f"arn:aws:iam::{ACCOUNT}:user/team/alice"
    assert seen["role"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/EksAdmin/walk"
    assert 3500 < seen["left"] <= 3601
    assert seen["clusters"] == ["demo"]
    assert seen["status"] == "ACTIVE"
    assert {name for name in seen["roles"] if not name.startswith("AWSReservedSSO_")} == {
        "EksAdmin",
        "EksReadOnly",
        "CICDRole",
        "GitHubDeploy",
        "GitLabDeploy",
        "SamlAdmin",
        "SamlReader",
        "WorkloadRole",
        "PodRole",
        "NodeRole",
    }


async def test_botocore_reads_the_errors(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """Errors reach botocore users with code, text and status."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/CICDRole"

    def fail(call: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as caught:
            call()
        answer = caught.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    def walk() -> list[tuple[str, int]]:
        sts, eks, iam = (client(endpoint, ca_file, name) for name in ("sts", "eks", "iam"))
        stranger = client(endpoint, ca_file, "eks", aws_access_key_id="AKIARTX3GSDSAAAAAAAA")
        return [
            fail(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="walk")),
            fail(lambda: eks.describe_cluster(name="nope")),
            fail(lambda: iam.create_user(UserName="x")),
            fail(stranger.list_clusters),
            fail(lambda: sts.decode_authorization_message(EncodedMessage="x")),
        ]

    assert await asyncio.to_thread(walk) == [
        ("AccessDenied", 403),
        ("ResourceNotFoundException", 404),
        ("AccessDenied", 403),
        ("UnrecognizedClientException", 403),
        ("NotImplemented", 501),
    ]


@pytest.mark.peer
async def test_tokens_of_the_aws_cli(endpoint: AwsEndpoint, home: Path) -> None:
    """What ``aws eks get-token`` presigns for a real region is accepted here, and is tied to its cluster."""
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("no aws program next to the Python interpreter")
    assert endpoint.seed is not None
    bob = endpoint.seed.users["bob"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": bob.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bob.secret_access_key,
    }
    command = ["eks", "get-token", "--cluster-name", "demo", "--region", "eu-west-1", "--output", "json"]
    process = await asyncio.create_subprocess_exec(program, *command, env=environment, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    encoded = json.loads(out)["status"]["token"].removeprefix("k8s-aws-v1.")
    url = URL(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode(), encoded=True)
    async with Browser(endpoint) as browser:
        for cluster, expected in (("demo", 200), ("demo-eu", 403)):
            headers = {"Host": url.host or "", "x-k8s-aws-id": cluster, "Accept": "application/json"}
            status, body = await browser.ask(url.raw_path_qs, **headers)
            assert status == expected
            assert (bob.arn in body.decode()) == (expected == 200)


@pytest.mark.peer
async def test_aws_cli(endpoint: AwsEndpoint, ca_file: Path, home: Path) -> None:
    """The AWS CLI works against the endpoint with nothing but environment variables, in several regions."""
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("no aws program next to the Python interpreter")
    assert endpoint.seed is not None
    alice = endpoint.seed.users["alice"]

    async def aws(command: str, region: str) -> tuple[int, Any]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "AWS_ENDPOINT_URL": endpoint.url,
            "AWS_CA_BUNDLE": str(ca_file),
            "AWS_ACCESS_KEY_ID": alice.access_key_id,
            "AWS_SECRET_ACCESS_KEY": alice.secret_access_key,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_DEFAULT_OUTPUT": "json",
        }
        process = await asyncio.create_subprocess_exec(
            program, *command.split(), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, error = await process.communicate()
        return process.returncode or 0, json.loads(out) if out else error.decode()

    role = endpoint.seed.roles["EksReadOnly"].arn
    identity, there, elsewhere, missing, roles, assumed = await asyncio.gather(
        aws("sts get-caller-identity", "ap-southeast-2"),
        aws("eks describe-cluster --name demo", "us-west-2"),
        aws("eks list-clusters", "eu-west-1"),
        aws("eks describe-cluster --name demo", "eu-west-1"),
        aws("iam list-roles", "eu-central-1"),
        aws(f"sts assume-role --role-arn {role} --role-session-name cli", "us-east-1"),
    )
    assert identity[1]["Arn"] == alice.arn
    assert there[1]["cluster"]["endpoint"] == "https://127.0.0.1:6443"
    assert elsewhere[1] == {"clusters": ["demo-eu"]}
    assert missing[0] != 0
    assert "(ResourceNotFoundException)" in missing[1]
    assert "No cluster found for name: demo." in missing[1]
    assert {"EksAdmin", "EksReadOnly", "CICDRole"} <= {one["RoleName"] for one in roles[1]["Roles"]}
    assert assumed[1]["AssumedRoleUser"]["Arn"].endswith(":assumed-role/EksReadOnly/cli")


async def test_tokens_with_the_real_host(endpoint: AwsEndpoint) -> None:
    """A token for the real STS host is verified when it arrives here with that Host header, unicode names included."""
    async with Browser(endpoint) as browser:
        for cluster in ("demo", "дом 数据", "a" * 100):
            status, document = await browser.token(cluster)
            assert status == 200
            assert document["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Account"] == ACCOUNT
        status, document = await browser.token("prod", token_path(endpoint, "demo"))
        assert (status, document["Error"]["Code"]) == (403, "SignatureDoesNotMatch")


async def test_a_hundred_at_once(endpoint: AwsEndpoint) -> None:
    """A hundred requests in parallel each get their own right answer."""
    async with Browser(endpoint) as browser:
        good = [browser.token(f"c{number}") for number in range(80)]
        bad = [browser.token("other", token_path(endpoint, "one")) for _ in range(20)]
        answers = await asyncio.gather(*good, *bad)
    assert [status for status, _ in answers] == [200] * 80 + [403] * 20
    assert endpoint.cloud.log.count("sts:GetCallerIdentity") == 100


async def test_parallel_assume_role_and_iam(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """Parallel writes to IAM and STS lose nothing."""
    assert endpoint.seed is not None
    role = endpoint.seed.roles["EksAdmin"].arn
    sts = client(endpoint, ca_file, "sts")

    def work(number: int) -> str:
        credentials = sts.assume_role(RoleArn=role, RoleSessionName=f"w{number}")["Credentials"]
        iam = client(
            endpoint,
            ca_file,
            "iam",
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        iam.create_user(UserName=f"user{number}")
        return str(credentials["AccessKeyId"])

    keys = await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(8)))
    assert len(set(keys)) == 8
    with endpoint.cloud.iam.opened():
        users = set(endpoint.cloud.iam.backend(ACCOUNT).users)
    assert users == {"alice", "bob"} | {f"user{number}" for number in range(8)}


async def test_throttling_on_order(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """Ordered throttling hits as many requests as ordered, of the ordered kind, with the body seen in the wild."""
    async with Browser(endpoint) as browser:
        order = {"kind": "throttle", "count": 2, "action": "GetCallerIdentity"}
        assert (await browser.control("POST", "faults", order))[0] == 200
        clusters = await asyncio.to_thread(lambda: client(endpoint, ca_file, "eks").list_clusters()["clusters"])
        assert clusters == ["demo"]
        for _ in range(2):
            status, document = await browser.token()
            assert status == 400
            assert document["Error"] == {"Code": "Throttling", "Message": "Rate exceeded", "Type": "Sender"}
            assert document["RequestId"]
        assert (await browser.token())[0] == 200


async def test_faults_until_withdrawn(endpoint: AwsEndpoint) -> None:
    """A fault without a count lasts until it is withdrawn."""
    async with Browser(endpoint) as browser:
        await browser.control(
            "POST", "faults", {"kind": "error", "count": None, "status": 503, "code": "ServiceUnavailable"}
        )
        for _ in range(3):
            status, document = await browser.token()
            assert (status, document["Error"]["Code"], document["Error"]["Type"]) == (
                503,
                "ServiceUnavailable",
                "Receiver",
            )
        await browser.control("DELETE", "faults")
        assert (await browser.token())[0] == 200


async def test_reset_and_truncated_answers(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """An ordered reset ends the connection without an answer, a truncated one in the middle; the next request works."""
    async with Browser(endpoint) as browser:
        # two, because aiohttp's client repeats a GET once by itself
        await browser.control("POST", "faults", {"kind": "reset", "count": 2})
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await browser.token()
        assert (await browser.control("GET", "requests"))[1]["counts"] == {"sts:GetCallerIdentity": {"reset": 2}}
        await browser.control("POST", "faults", {"kind": "truncate"})
        with pytest.raises(aiohttp.ClientPayloadError):
            await browser.token()
        assert (await browser.token())[0] == 200
        await browser.control("POST", "faults", {"kind": "reset"})
    sts = client(endpoint, ca_file, "sts")
    with pytest.raises(ConnectionClosedError):
        await asyncio.to_thread(sts.get_caller_identity)


async def test_latency_garbage_and_slow_bodies(endpoint: AwsEndpoint) -> None:
    """Late, meaningless and trickling answers can be ordered; other clients are not held up."""
    async with Browser(endpoint) as browser:
        await browser.control("POST", "faults", {"kind": "garbage"})
        status, body = await browser.ask(token_path(endpoint), Host=HOST, **{"x-k8s-aws-id": "demo"})
        assert status == 200
        with pytest.raises(ValueError):
            json.loads(body)
        await browser.control("POST", "faults", {"kind": "slow", "seconds": 0.2})
        assert (await browser.token())[0] == 200
        await browser.control("POST", "faults", {"kind": "latency", "seconds": 30})
        held = asyncio.create_task(browser.token())
        while (await browser.control("GET", "faults"))[1]["faults"]:
            await asyncio.sleep(0.01)
        assert (await browser.token())[0] == 200
        assert not held.done()
        held.cancel()


async def test_clock_key_and_session_by_control(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """The control API moves the clock, switches keys off and ends sessions."""
    assert endpoint.seed is not None
    alice = endpoint.seed.users["alice"]
    async with Browser(endpoint) as browser:
        await browser.control("PUT", "clock", {"offset_seconds": 1000})
        status, document = await browser.token()
        assert (status, document["Error"]["Message"][:17]) == (403, "Signature expired")
        await browser.control("PUT", "clock", {"offset_seconds": 0})
        assert (await browser.control("PUT", f"keys/{alice.access_key_id}", {"active": False}))[0] == 200
        assert (await browser.token())[1]["Error"]["Code"] == "InvalidClientTokenId"
        assert (await browser.control("PUT", f"keys/{alice.access_key_id}", {"active": True}))[0] == 200
        assert (await browser.token())[0] == 200
        sts = client(endpoint, ca_file, "sts")
        arn = endpoint.seed.roles["EksAdmin"].arn
        session = (await asyncio.to_thread(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="me")))["Credentials"]
        assert (await browser.control("PUT", f"keys/{session['AccessKeyId']}", {"expires_at": 1.0}))[0] == 200
        key = {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        }
        with pytest.raises(ClientError, match="ExpiredToken"):
            await asyncio.to_thread(client(endpoint, ca_file, "sts", **key).get_caller_identity)


async def test_clusters_and_accounts_by_control(endpoint: AwsEndpoint, ca_file: Path) -> None:
    """Clusters come and go while the endpoint runs, and accounts of other partitions can be opened."""
    record = {
        "name": "late",
        "region": "cn-north-1",
        "account": "777788889999",
        "endpoint": "https://127.0.0.1:1",
        "ca_data": "Q0E=",
    }
    async with Browser(endpoint) as browser:
        status, user = await browser.control("POST", "accounts", {"account": "777788889999", "partition": "aws-cn"})
        assert (status, user["arn"]) == (200, "arn:aws-cn:iam::777788889999:user/admin")
        status, answer = await browser.control("POST", "clusters", record)
        assert (status, answer["arn"]) == (200, "arn:aws-cn:eks:cn-north-1:777788889999:cluster/late")
        key = {"aws_access_key_id": user["access_key_id"], "aws_secret_access_key": user["secret_access_key"]}

        def walk() -> tuple[str, str, list[str]]:
            eks = client(endpoint, ca_file, "eks", region="cn-north-1", **key)
            sts = client(endpoint, ca_file, "sts", region="cn-north-1", **key)
            iam = client(endpoint, ca_file, "iam", region="cn-north-1", **key)
            found = eks.describe_cluster(name="late")["cluster"]["arn"]
            created = iam.create_user(UserName="second")["User"]["Arn"]
            return found, sts.get_caller_identity()["Arn"], [created]

        found, arn, created = await asyncio.to_thread(walk)
        assert (found, arn) == (answer["arn"], user["arn"])
        assert created == ["arn:aws-cn:iam::777788889999:user/second"]
        assert (await browser.control("DELETE", "clusters/777788889999/cn-north-1/late"))[0] == 200
        assert (await browser.control("DELETE", "clusters/777788889999/cn-north-1/late"))[0] == 404
        assert (await browser.control("POST", "accounts", {"account": "777788889999"}))[0] == 400


async def test_seed_by_control(endpoint: AwsEndpoint) -> None:
    """The seed description tells everything that a client needs to start."""
    async with Browser(endpoint) as browser:
        status, seed = await browser.control("GET", "seed")
    assert status == 200
    assert set(seed["users"]) == {"alice", "bob", "carol"}
    assert set(seed["roles"]) == {"EksAdmin", "EksReadOnly", "CICDRole", "PartnerRole"}
    assert [(cluster["name"], cluster["region"]) for cluster in seed["clusters"]] == [
        ("demo", "us-west-2"),
        ("demo-eu", "eu-west-1"),
    ]
    assert repr(endpoint.seed).count(endpoint.seed.users["alice"].secret_access_key if endpoint.seed else "?") == 0


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic x", "Bearer ", "Bearer ключ"], ids=str)
async def test_control_needs_its_token(endpoint: AwsEndpoint, authorization: str | None) -> None:
    """Without the control token nothing is shown and nothing done, whatever is asked for."""
    headers = {"Authorization": authorization} if authorization is not None else {}
    async with Browser(endpoint) as browser:
        for method, path in (("GET", "seed"), ("PUT", "clock"), ("GET", "nothing")):
            status, body = await browser.ask(f"/_sandbox/{path}", method, b"{}", **headers)
            assert status == 403
            assert b"secret" not in body


@pytest.mark.parametrize(
    "method, path, document, status",
    [
        ("GET", "nothing", None, 404),
        ("POST", "seed", {}, 404),
        ("PUT", "clock", {"offset_seconds": "x"}, 400),
        ("PUT", "clock", {"offset_seconds": 1e300}, 400),
        ("PUT", "clock", None, 400),
        ("POST", "faults", {"kind": "explode"}, 400),
        ("POST", "faults", {"kind": "reset", "count": 0}, 400),
        ("POST", "faults", {"kind": "reset", "often": 1}, 400),
        ("POST", "faults", {"kind": "latency", "seconds": -1}, 400),
        ("POST", "faults", {"kind": "latency", "seconds": 1e9}, 400),
        ("POST", "faults", {"kind": "error", "status": 200}, 400),
        ("POST", "clusters", {"name": "x"}, 400),
        ("POST", "clusters", {"name": "../x", "region": "us-west-2", "account": "1" * 12, "endpoint": "https://x", "ca_data": ""}, 400),
        ("POST", "clusters", {"name": "x", "region": "mars", "account": "1" * 12, "endpoint": "https://x", "ca_data": ""}, 400),
        ("POST", "clusters", {"name": "x", "region": "us-west-2", "account": "1", "endpoint": "https://x", "ca_data": ""}, 400),
        ("POST", "clusters", {"name": "x", "region": "us-west-2", "account": "1" * 12, "endpoint": "http://x", "ca_data": ""}, 400),
        ("PUT", "keys/AKIANOTHING", {"active": False}, 404),
        ("PUT", "keys/ASIANOTHING", {"expires_at": 0}, 404),
        ("POST", "accounts", {"account": "12"}, 400),
        ("POST", "accounts", {"account": "1" * 12, "partition": "moon"}, 400),
    ],
    ids=str,
)  # fmt: skip
async def test_bad_control_requests(endpoint: AwsEndpoint, method: str, path: str, document: Any, status: int) -> None:
    """A control request that makes no sense is answered with one line saying why."""
    async with Browser(endpoint) as browser:
        found, answer = await browser.control(method, path, document)
    assert found == status
    assert answer["error"]


async def test_request_log(endpoint: AwsEndpoint) -> None:
    """The log counts by action and outcome, names who asked, and holds nothing secret."""
    assert endpoint.seed is not None
    alice = endpoint.seed.users["alice"]
    async with Browser(endpoint) as browser:
        path = token_path(endpoint)
        await browser.token("demo", path)
        await browser.token("other", path)
        status, log = await browser.control("GET", "requests")
        text = json.dumps(log)
        assert status == 200
        assert log["counts"] == {"sts:GetCallerIdentity": {"200": 1, "SignatureDoesNotMatch": 1}}
        assert [entry["principal"] for entry in log["requests"]] == [alice.arn, ""]
        assert log["requests"][0]["access_key_id"] == alice.access_key_id
        assert alice.secret_access_key not in text
        assert path.rpartition("=")[2] not in text
        await browser.control("DELETE", "requests")
        assert (await browser.control("GET", "requests"))[1] == {"counts": {}, "requests": []}


@pytest.mark.parametrize(
    "path, method, body, headers, statuses",
    [
        pytest.param("/", "GET", None, {}, {400}, id="nothing"),
        pytest.param("/?%", "GET", None, {}, {400}, id="broken-escape"),
        pytest.param("/?Action=GetCallerIdentity&Action=GetCallerIdentity", "GET", None, {}, {400}, id="twice"),
        pytest.param("/?" + "&".join(f"a{n}=1" for n in range(1500)), "GET", None, {}, {400}, id="many-parameters"),
        pytest.param("/?a=" + "x" * 60_000, "GET", None, {}, {400}, id="long-query"),
        pytest.param("/?a=" + "x" * 200_000, "GET", None, {}, {400}, id="endless-query"),
        pytest.param("/", "GET", None, {"x-big": "x" * 200_000}, {400}, id="huge-header"),
        pytest.param("/", "POST", 3 << 20, {}, {413}, id="huge-body"),
        pytest.param("/", "POST", b"\x00\xff", {"Content-Type": "application/x-www-form-urlencoded"}, {400}, id="binary-form"),
        pytest.param("/", "DELETE", None, {}, {405}, id="method"),
        pytest.param("/nothing", "GET", None, {}, {404}, id="path"),
        pytest.param("/clusters", "GET", None, {}, {403}, id="eks-unsigned"),
        pytest.param("/clusters/" + "a" * 5000, "GET", None, {}, {403}, id="eks-long-name"),
        pytest.param("/", "GET", None, {"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/sqs/aws4_request, SignedHeaders=host, Signature=x", "X-Amz-Date": "20260101T000000Z"}, {501}, id="service"),
        pytest.param("/", "GET", None, {"Authorization": "AWS4-HMAC-SHA256 Credential=////, SignedHeaders=, Signature="}, {400}, id="empty-fields"),
    ],
)  # fmt: skip
async def test_hostile_requests(
    endpoint: AwsEndpoint, path: str, method: str, body: Any, headers: dict[str, str], statuses: set[int]
) -> None:
    """Malformed and oversized requests get a 4xx of their kind, and the endpoint goes on."""

    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size >> 16):
            yield b"x" * (1 << 16)

    async with Browser(endpoint) as browser:
        status, _ = await browser.ask(path, method, pieces(body) if isinstance(body, int) else body, **headers)
        assert status in statuses
        assert (await browser.token())[0] == 200


async def test_raw_nonsense_on_the_wire(endpoint: AwsEndpoint) -> None:
    """Bytes that are no HTTP, absolute targets and half requests end their own connection only."""
    assert endpoint.ca_pem is not None
    tls = ssl.create_default_context(cadata=endpoint.ca_pem.decode())
    payloads = [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET https://sts.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HT",
    ]
    for payload in payloads:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port, ssl=tls)
        writer.write(payload)
        await writer.drain()
        if payload != payloads[-1]:
            assert (await reader.read(100)).startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
        writer.close()
        await writer.wait_closed()
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    async with Browser(endpoint) as browser:
        assert (await browser.token())[0] == 200


async def test_nothing_is_left_behind() -> None:
    """After leaving, the port is closed and no thread is left; a second endpoint can take the same port."""
    before = set(threading.enumerate())
    async with AwsEndpoint(seed="none") as first:
        port = first.port
        assert set(threading.enumerate()) == before
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    async with AwsEndpoint(seed="none", port=port) as second:
        assert second.url == f"https://127.0.0.1:{port}"
        with pytest.raises(OSError):
            await AwsEndpoint(seed="none", port=port).__aenter__()


async def test_ipv6() -> None:
    """The endpoint serves the IPv6 loopback as well, under a certificate for it."""
    try:
        endpoint = await AwsEndpoint(host="::1").__aenter__()
    except OSError:
        pytest.skip("no IPv6 loopback on this machine")
    try:
        async with Browser(endpoint) as browser:
            assert (await browser.token())[0] == 200
    finally:
        await endpoint.__aexit__(None, None, None)
