"""Whatever is posted to a running server: a valid answer or a client's mistake, never an internal error."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.authenticator.faults.fuzzing import ANY_TEXT, ARNS, JSON_VALUES, damaged, fuzzed
from tests.authenticator.serving import (
    ACCOUNT,
    KEY,
    MAPPED,
    SESSION,
    USER,
    V1,
    V1BETA1,
    Running,
    Sts,
    collected_log,
    mint,
    serving,
)

from eksauth.authenticator.entries.authorize import authorize
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.mapping.model import Problems
from eksauth.authenticator.server.settings import CacheSettings
from eksauth.authenticator.sts.client import StsRefused, StsUnavailable
from eksauth.token.bearer import encode_token
from eksauth.yaml_source.nodes import YamlFile

# long tokens have long reprs
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
CONFIG = (
    MAPPED
    + f"""
  mapUsers:
  - {{userarn: "arn:aws:iam::{ACCOUNT}:user/dev/bob", username: "{{{{SessionNameRaw}}}}{{{{AccessKeyID}}}}"}}
  mapAccounts: ["{ACCOUNT}"]
  scrubbedAccounts: ["210987654321"]
"""
)
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS{}Policy"
ENTRIES = json.dumps(
    {
        "accessEntries": [
            {
                "principalArn": f"arn:aws:iam::{ACCOUNT}:role/Admin",
                "accessPolicies": [
                    {"policyArn": POLICY.format("View"), "accessScope": {"type": "cluster"}},
                    {"policyArn": POLICY.format("Edit"), "accessScope": {"type": "namespace", "namespaces": ["dev-*"]}},
                ],
            }
        ]
    }
)
SAR, SAR_BETA = "authorization.k8s.io/v1", "authorization.k8s.io/v1beta1"


@dataclass(repr=False)
class Fuzzed:
    """A server, the STS that it asks, its log, and one kept connection to it."""

    running: Running
    sts: Sts
    runner: asyncio.Runner
    log: StringIO
    forgets: bool
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def __repr__(self) -> str:
        # hypothesis shows it with every failure
        return f"Fuzzed(forgets={self.forgets})"

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Post over the kept connection and return status and JSON."""
        self.sts.asked.clear()
        status, answer = self.runner.run(self._post(path, body))
        return status, json.loads(answer)

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self.connection is None:
            self.connection = await self.running.connect()
        reader, writer = self.connection
        writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body))
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            answer = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        if b"connection: close" in head:
            writer.close()
            self.connection = None
        return int(head.split()[1]), answer

    def check_log(self, *, unwanted: str = "") -> None:
        """Assert that what was logged is one JSON object a line, without tracebacks, and start a new log."""
        text = self.log.getvalue()
        self.log.seek(0)
        self.log.truncate()
        assert "Traceback" not in text
        for line in text.splitlines():
            entry = json.loads(line)
            assert entry["level"] not in {"critical", "fatal"}
            assert entry["msg"] != "request failed"
        # a short text occurs in keys and messages
        assert len(unwanted) < 40 or unwanted not in text


@pytest.fixture(scope="module", params=["asked", "remembered"], name="fuzzed_server")
def fuzzed_server_(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """Run one server for all examples, with or without a memory; its STS says what each example wants."""
    directory: Path = tmp_path_factory.mktemp("fuzz")
    cache = CacheSettings() if request.param == "remembered" else CacheSettings(ttl=0, negative_ttl=0)
    problems = Problems()
    table = EntryTable(EntryReader(YamlFile(ENTRIES, "entries"), problems, partition="aws").read_file())
    assert not problems.found
    sts = Sts()
    with collected_log() as log, asyncio.Runner() as runner:
        context = serving(
            directory, sts, config=CONFIG, cache=cache, authorizer=lambda request: authorize(table, request)
        )
        running = runner.run(context.__aenter__())
        fuzzed_server = Fuzzed(running, sts, runner, log, forgets=request.param == "asked")
        try:
            yield fuzzed_server
            assert runner.run(running.metric("eksauth_internal_errors_total")) == 0
        finally:
            if fuzzed_server.connection is not None:
                fuzzed_server.connection[1].close()
            runner.run(context.__aexit__(None, None, None))


HOSTS = st.sampled_from(
    ["sts.eu-west-1.amazonaws.com", "sts.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn", "evil.example", "STS..x"]
)
PARAMETERS = st.sampled_from(
    [
        "Action=GetCallerIdentity",
        "Version=2011-06-15",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        f"X-Amz-Credential={KEY}%2F20260101%2Feu-west-1%2Fsts%2Faws4_request",
        "X-Amz-Date=20260101T000000Z",
        "X-Amz-Expires=60",
        "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
        "X-Amz-Signature=" + "0" * 64,
        "X-Amz-Security-Token=x%2F",
        "x-amz-date=%zz",
        "Action",
        "=;&",
    ]
)
URLS = st.builds(
    lambda scheme, host, path, query, tail: f"{scheme}://{host}{path}?{'&'.join(query)}{tail}",
    st.sampled_from(["https", "http", "HTTPS", ""]),
    HOSTS | ANY_TEXT,
    st.sampled_from(["/", "", "//", "/x"]),
    st.lists(PARAMETERS | ANY_TEXT, max_size=10),
    st.sampled_from(["", "#f", "&", "%gh", "\n"]),
)
MINTED = [mint(serial=serial, age=age) for serial in range(20) for age in (0, 1000, -1000)]
TOKENS = (
    damaged(st.sampled_from(MINTED))
    | damaged(URLS).map(lambda url: encode_token(url.encode("utf-8", "replace").decode()))
    | st.binary(max_size=300).map(lambda raw: "k8s-aws-v1." + urlsafe_b64encode(raw).decode())
    | st.builds(lambda text, times: "k8s-aws-v1." + text * times, st.text(max_size=3), st.integers(0, 9000))
    | st.text(max_size=100)
)
CALLERS = (
    st.just(SESSION)
    | st.just(USER)
    | st.builds(
        CallerIdentity,
        st.sampled_from([ACCOUNT, "210987654321", "", "x"]) | ANY_TEXT,
        ARNS | damaged(ARNS),
        st.sampled_from(["AROAEXAMPLE:ann@example.com", "AIDAEXAMPLE", "a:b:c", ":", ""]) | ANY_TEXT,
    )
)
TROUBLES = st.sampled_from(
    [
        StsRefused("no", code="sts.signature_mismatch"),
        StsUnavailable("slow down", code="sts.throttled"),
        StsUnavailable("gone", code="sts.unreachable"),
    ]
)


def body_of(value: object) -> bytes:
    """Return JSON that may hold what no valid JSON holds."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def check_review(status: int, answer: Any, question: object, server: Fuzzed) -> None:
    """Assert that an answer is a TokenReview, a client's mistake, or an outage that STS really had."""
    sts = server.sts
    if status != 200:
        assert answer["kind"] == "Status"
        assert answer["code"] == status
        assert 400 <= status < 500 or (status == 504 and isinstance(sts.answer, StsUnavailable)), answer
        return
    assert answer["kind"] == "TokenReview"
    assert answer["apiVersion"] in {V1, V1BETA1}
    if isinstance(question, dict) and question.get("apiVersion"):
        assert answer["apiVersion"] == question["apiVersion"]
    verdict = answer["status"]
    assert isinstance(verdict["authenticated"], bool)
    if verdict["authenticated"]:
        assert not server.forgets or (sts.asked and isinstance(sts.answer, CallerIdentity))
        assert verdict["user"]["username"]
        assert verdict["user"]["uid"].startswith("aws-iam-authenticator:")
    else:
        assert not verdict.get("user", {}).get("username")


@fuzzed()
@given(token=TOKENS, caller=CALLERS | TROUBLES, version=st.sampled_from([V1, V1BETA1]))
def test_tokens(fuzzed_server: Fuzzed, token: str, caller: CallerIdentity | Exception, version: str) -> None:
    """Any token in a proper TokenReview gets a TokenReview, and its text is nowhere in the log."""
    fuzzed_server.sts.answer = caller
    question = {"apiVersion": version, "kind": "TokenReview", "spec": {"token": token}}
    status, answer = fuzzed_server.post("/authenticate", body_of(question))
    check_review(status, answer, question, fuzzed_server)
    fuzzed_server.check_log(unwanted=token)


REVIEWS = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from([V1, V1BETA1, "", "v1", SAR]) | JSON_VALUES,
        "kind": st.sampled_from(["TokenReview", "", "Pod"]) | JSON_VALUES,
        "metadata": JSON_VALUES,
        "status": JSON_VALUES,
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "token": TOKENS | JSON_VALUES,
                "audiences": st.lists(ANY_TEXT, max_size=5) | JSON_VALUES,
                "more": JSON_VALUES,
            },
        )
        | JSON_VALUES,
    },
)


@fuzzed()
@given(
    body=REVIEWS.map(body_of)
    | JSON_VALUES.map(body_of)
    | damaged(REVIEWS.map(lambda value: body_of(value).decode("utf-8", "replace"))).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
    | st.binary(max_size=200),
    caller=CALLERS,
)
def test_token_reviews(fuzzed_server: Fuzzed, body: bytes, caller: CallerIdentity) -> None:
    """Any body is answered on a connection that stays usable: a TokenReview, or 4xx."""
    fuzzed_server.sts.answer = caller
    status, answer = fuzzed_server.post("/authenticate", body)
    try:
        question = json.loads(body)
    except ValueError:
        question = None
        assert status in {400, 413}
    check_review(status, answer, question if status == 200 else None, fuzzed_server)
    fuzzed_server.check_log()


WORDS = st.sampled_from(
    [
        "get",
        "list",
        "*",
        "create",
        "pods",
        "secrets",
        "pods/log",
        "apps",
        "",
        "dev-1",
        "kube-system",
        "/healthz",
        "/metrics",
    ]
)
ACCESS_REVIEWS = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from([SAR, SAR_BETA]) | JSON_VALUES,
        "kind": st.just("SubjectAccessReview") | JSON_VALUES,
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "user": WORDS | JSON_VALUES,
                "groups": st.lists(WORDS | ANY_TEXT, max_size=3) | JSON_VALUES,
                "extra": st.dictionaries(
                    st.sampled_from(["canonicalArn", "arn", "principalId", "x"]),
                    st.lists(ARNS | ANY_TEXT, max_size=3) | JSON_VALUES,
                    max_size=4,
                )
                | JSON_VALUES,
                "resourceAttributes": st.dictionaries(
                    st.sampled_from(["namespace", "verb", "group", "resource", "subresource", "name", "version"]),
                    WORDS | ANY_TEXT,
                    max_size=7,
                )
                | JSON_VALUES,
                "nonResourceAttributes": st.dictionaries(st.sampled_from(["path", "verb"]), WORDS | ANY_TEXT)
                | JSON_VALUES,
            },
        )
        | JSON_VALUES,
    },
)


@fuzzed()
@given(
    body=ACCESS_REVIEWS.map(body_of)
    | damaged(ACCESS_REVIEWS.map(lambda value: body_of(value).decode("utf-8", "replace"))).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
    | st.binary(max_size=200)
)
def test_subject_access_reviews(fuzzed_server: Fuzzed, body: bytes) -> None:
    """Any body is answered: allowed only for the one entry that there is, never denied, or 4xx."""
    status, answer = fuzzed_server.post("/authorize", body)
    if status == 200:
        question = json.loads(body)
        assert (answer["kind"], answer["apiVersion"]) == ("SubjectAccessReview", question["apiVersion"])
        assert set(answer["status"]) <= {"allowed", "reason"}
        if answer["status"]["allowed"]:
            extra = question["spec"]["extra"]
            assert f"arn:aws:iam::{ACCOUNT}:role/admin" in str(extra).lower()
    else:
        assert answer["kind"] == "Status"
        assert 400 <= status < 500
    fuzzed_server.check_log()


@fuzzed(0.25)
@given(
    head=st.builds(
        lambda method, path, headers: f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n",
        st.sampled_from(["POST", "GET", "PUT", "TRACE", "HEAD", ""]) | st.text(max_size=5),
        st.sampled_from(["/authenticate", "/authorize", "/metrics", "/healthz", "/readyz", "/", "*", "http://x/"])
        | st.text(max_size=10),
        st.lists(
            st.sampled_from(
                [
                    "Content-Length: 5\r\n",
                    "Content-Length: 99999999999999999999\r\n",
                    "Transfer-Encoding: chunked\r\n",
                    "Transfer-Encoding: gzip, chunked\r\n",
                    "Content-Encoding: gzip\r\n",
                    "Expect: 100-continue\r\n",
                    "Connection: upgrade\r\nUpgrade: h2c\r\n",
                    "Connection: close\r\n",
                    "X: \x00\r\n",
                    ": x\r\n",
                ]
            )
            | st.text(max_size=10),
            max_size=4,
        ).map("".join),
    ),
    tail=st.binary(max_size=40),
)
def test_bytes_on_the_wire(fuzzed_server: Fuzzed, head: str, tail: bytes) -> None:
    """Anything that a client may send before it goes: no 5xx, no traceback, and the next login works."""
    answer = fuzzed_server.runner.run(_say_and_go(fuzzed_server, head.encode("utf-8", "replace") + tail))
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1."):
            # 501: a method or encoding that nobody has
            assert line.split()[1][:1] in b"1234" or line.split()[1] == b"501", line
    fuzzed_server.check_log()
    fuzzed_server.sts.answer = SESSION
    assert fuzzed_server.post("/authenticate", body_of({"spec": {"token": mint()}}))[1]["status"]["authenticated"]


async def _say_and_go(fuzzed_server: Fuzzed, said: bytes) -> bytes:
    reader, writer = await fuzzed_server.running.connect()
    try:
        writer.write(said)
        # whatever was asked for, this ends the conversation, unless a body swallows it
        writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            async with asyncio.timeout(0.05):
                return await reader.read()
        except (TimeoutError, OSError, ssl.SSLError):
            return b""
    finally:
        writer.transport.abort()
