"""The webhook over real TLS connections: answers, statuses, cache, metrics, log."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from tests.authenticator.serving import (
    ACCOUNT,
    KEY,
    MAPPED,
    SESSION,
    USER,
    V1,
    V1BETA1,
    Sts,
    collected_log,
    mint,
    serving,
)

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.server import decision_log
from eksauth.authenticator.server.settings import CacheSettings, Limits, WebhookSettings
from eksauth.authenticator.sts.client import StsRefused, StsUnavailable
from eksauth.errors import AwsError

THROTTLED = StsUnavailable("STS is throttling", code="sts.throttled")
UNREACHABLE = StsUnavailable("sts.eu-west-1.amazonaws.com cannot be reached", code="sts.unreachable")
MISMATCH = StsRefused("STS says that the signature does not match", code="sts.signature_mismatch")


@pytest.fixture(autouse=True, name="log")
def log_() -> Iterator[StringIO]:
    """Collect the server's log, and put logging back."""
    with collected_log() as stream:
        yield stream


def lines(log: StringIO, message: str) -> list[dict]:
    """Return the log lines that say ``message``."""
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["msg"] == message]


@pytest.mark.parametrize("version", [V1, V1BETA1])
async def test_a_mapped_role_gets_in(tmp_path: Path, version: str) -> None:
    """The whole answer, in the version asked: name, uid, groups, the six extras and the audiences."""
    async with serving(tmp_path) as running:
        status, answer = await running.review(mint(), version=version, audiences=["https://kubernetes.default.svc"])
    assert status == 200
    assert answer == {
        "apiVersion": version,
        "kind": "TokenReview",
        "metadata": {},
        "spec": {},
        "status": {
            "authenticated": True,
            "audiences": ["https://kubernetes.default.svc"],
            "user": {
                "username": "admin:ann-example.com",
                "uid": f"aws-iam-authenticator:{ACCOUNT}:AROAEXAMPLE",
                "groups": ["system:masters", f"team:{ACCOUNT}"],
                "extra": {
                    "arn": [SESSION.arn],
                    "canonicalArn": [f"arn:aws:iam::{ACCOUNT}:role/Admin"],
                    "sessionName": ["ann@example.com"],
                    "accessKeyId": [KEY],
                    "principalId": ["AROAEXAMPLE"],
                    "sigs.k8s.io/aws-iam-authenticator/principalId": ["AROAEXAMPLE"],
                },
            },
        },
    }


@pytest.mark.parametrize(
    "section, who, username, groups",
    [
        pytest.param(
            f"mapUsers: [{{userarn: 'arn:aws:iam::{ACCOUNT}:user/dev/bob', username: bob, groups: [devs]}}]",
            USER,
            "bob",
            ["devs"],
            id="user",
        ),
        pytest.param(f"mapAccounts: ['{ACCOUNT}']", USER, USER.arn, None, id="account-user"),
        pytest.param(
            f"mapAccounts: ['{ACCOUNT}']", SESSION, f"arn:aws:iam::{ACCOUNT}:role/Admin", None, id="account-role"
        ),
    ],
)
async def test_other_mappings(
    tmp_path: Path, section: str, who: CallerIdentity, username: str, groups: list[str] | None
) -> None:
    """Users are mapped by their ARN; a mapped account gives the canonical ARN as name and no groups."""
    async with serving(tmp_path, Sts(who), config=f"clusterID: demo\nserver:\n  {section}\n") as running:
        _, answer = await running.review(mint())
    user = answer["status"]["user"]
    assert (user["username"], user.get("groups")) == (username, groups)


@pytest.mark.parametrize(
    "age, sts, reason, label",
    [
        pytest.param(None, Sts(), "token.", "invalid_token", id="malformed"),
        pytest.param(1_000, Sts(), "token.expired", "invalid_token", id="expired"),
        pytest.param(0, Sts(MISMATCH), "sts.signature_mismatch", "sts_error", id="sts-refuses"),
        pytest.param(0, Sts(USER), "mapping.not_mapped", "uknown_user", id="not-mapped"),
    ],
)
async def test_a_definitive_refusal_is_a_clean_no(
    tmp_path: Path, log: StringIO, age: int | None, sts: Sts, reason: str, label: str
) -> None:
    """API servers cache 200 with authenticated false and no error; the reason is for our log and metrics only."""
    async with serving(tmp_path, sts) as running:
        status, answer = await running.review("nonsense" if age is None else mint(age=age))
        assert await running.metric("aws_iam_authenticator_authenticate_latency_seconds_count", result=label) == 1
    assert (status, answer["status"]) == (200, {"authenticated": False})
    assert answer["apiVersion"] == V1
    (line,) = lines(log, "access denied")
    assert line["reason"].startswith(reason)
    assert line["level"] == "warning"


async def test_refusals_are_explained_on_request(tmp_path: Path) -> None:
    """With the switch on the reason travels in status.error."""
    async with serving(tmp_path, webhook=WebhookSettings(explain_refusals=True)) as running:
        _, answer = await running.review(mint(age=1_000))
    assert answer["status"]["error"].startswith("token.expired: ")


@pytest.mark.parametrize(
    "trouble, status, kind, label",
    [(THROTTLED, 429, "TooManyRequests", "sts_throttling"), (UNREACHABLE, 504, "Timeout", "sts_error")],
    ids=["throttled", "outage"],
)
async def test_trouble_at_sts_is_retryable_and_never_remembered(
    tmp_path: Path, trouble: Exception, status: int, kind: str, label: str
) -> None:
    """API servers ask again for these statuses; there is no Retry-After; the next question is asked of STS again."""
    sts = Sts(trouble)
    async with serving(tmp_path, sts) as running:
        async with running.client.post(running.at("/authenticate"), json={"spec": {"token": mint()}}) as reply:
            answer = await reply.json()
            assert (reply.status, reply.headers.get("Retry-After")) == (status, None)
        assert (answer["kind"], answer["reason"], answer["code"]) == ("Status", kind, status)
        assert answer["message"].startswith("sts.")
        sts.answer = SESSION
        assert (await running.review(mint()))[0] == 200
        assert len(sts.asked) == 2
        assert await running.metric("aws_iam_authenticator_authenticate_latency_seconds_count", result=label) == 1


async def test_sts_metrics_have_bounded_regions(tmp_path: Path) -> None:
    """A region that only looks like one is counted as other, so no token can make new time series."""
    async with serving(tmp_path, Sts(THROTTLED)) as running:
        await running.review(mint(region="eu-west-1"))
        await running.review(mint(region="eu-nowhere-7"))
        running.sts.answer = UNREACHABLE
        await running.review(mint(region="us-east-1"))
        assert await running.metric("aws_iam_authenticator_sts_throttling_total", StsRegion="eu-west-1") == 1
        assert await running.metric("aws_iam_authenticator_sts_throttling_total", StsRegion="other") == 1
        assert await running.metric("aws_iam_authenticator_sts_connection_failures_total", StsRegion="us-east-1") == 1


@pytest.mark.parametrize(
    "asked, own, answered",
    [
        pytest.param(None, None, None, id="none-asked"),
        pytest.param(["a", "b"], None, ["a", "b"], id="echo"),
        pytest.param(["a", "b"], frozenset("b"), ["b"], id="intersection"),
    ],
)
async def test_audiences_are_answered(
    tmp_path: Path, asked: list[str] | None, own: frozenset[str] | None, answered: list[str] | None
) -> None:
    """What was asked for is echoed, or what of it is served here."""
    async with serving(tmp_path, webhook=WebhookSettings(audiences=own)) as running:
        _, answer = await running.review(mint(), audiences=asked)
    assert answer["status"]["authenticated"] is True
    assert answer["status"].get("audiences") == answered


async def test_a_foreign_audience_is_refused(tmp_path: Path) -> None:
    """A token is no credential for somebody else when the operator named the audiences."""
    async with serving(tmp_path, webhook=WebhookSettings(audiences=frozenset(["k8s"]))) as running:
        _, answer = await running.review(mint(), audiences=["vault"])
        assert await running.metric("eksauth_decisions_total", reason="audience.not_served") == 1
    assert answer["status"] == {"authenticated": False}


async def test_sts_is_asked_once_for_a_known_token(tmp_path: Path, log: StringIO) -> None:
    """Three API servers that ask seven times each cost one call to STS, and mappings still count on each."""
    token = mint()
    async with serving(tmp_path) as running:
        for _ in range(21):
            assert (await running.review(token))[1]["status"]["authenticated"]
        assert len(running.sts.asked) == 1
        assert await running.metric("eksauth_verification_cache_hits_total") == 20
        assert await running.metric("eksauth_verification_cache_entries", kind="grant") == 1
        assert await running.metric("eksauth_decisions_total", reason="ok") == 21
    assert [line["cached"] for line in lines(log, "access granted")] == [False] + [True] * 20


async def test_an_sts_refusal_is_asked_once_for_a_while(tmp_path: Path) -> None:
    """The same bad token does not reach STS with each attempt; refusals that cost nothing take no room."""
    token = mint()
    async with serving(tmp_path, Sts(MISMATCH)) as running:
        for _ in range(3):
            await running.review(token)
            await running.review("nonsense")
        assert len(running.sts.asked) == 1
        assert await running.metric("eksauth_verification_cache_entries", kind="refusal") == 1


async def test_the_cache_can_be_switched_off(tmp_path: Path) -> None:
    """Without a cache each request is a call to STS."""
    async with serving(tmp_path, cache=CacheSettings(ttl=0, negative_ttl=0)) as running:
        token = mint()
        for _ in range(3):
            await running.review(token)
        assert len(running.sts.asked) == 3


async def test_a_hundred_at_once_are_one_call(tmp_path: Path) -> None:
    """Simultaneous requests about one token share one call to STS."""
    sts = Sts(gate=asyncio.Event())
    async with serving(tmp_path, sts) as running:
        token = mint()
        requests = [asyncio.create_task(running.review(token)) for _ in range(100)]
        while await running.metric("eksauth_requests_in_flight") < 101:
            await asyncio.sleep(0.01)
        assert sts.gate is not None
        sts.gate.set()
        answers = await asyncio.gather(*requests)
        assert all(answer["status"]["authenticated"] for _, answer in answers)
        assert len(sts.asked) == 1
        assert await running.metric("eksauth_verification_joined_total") == 99


async def test_who_hangs_up_does_not_spoil_it_for_the_others(tmp_path: Path) -> None:
    """A client that closes its connection while STS is asked takes nobody along."""
    sts = Sts(gate=asyncio.Event())
    async with serving(tmp_path, sts) as running:
        token = mint()
        first = asyncio.create_task(running.review(token))
        while not sts.asked:
            await asyncio.sleep(0.01)
        second = asyncio.create_task(running.review(token))
        while await running.metric("eksauth_requests_in_flight") < 3:
            await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.wait([first])
        assert sts.gate is not None
        sts.gate.set()
        assert (await second)[1]["status"]["authenticated"]
        assert len(sts.asked) == 1


async def test_too_many_verifications_are_turned_away_but_known_tokens_are_not(tmp_path: Path) -> None:
    """Load is shed with a retryable status before it reaches STS, and never for what is in memory."""
    sts = Sts()
    async with serving(tmp_path, sts, limits=Limits(verifications=1, grace=5)) as running:
        known = mint(serial=1)
        await running.review(known)
        sts.gate = asyncio.Event()
        slow = asyncio.create_task(running.review(mint(serial=2)))
        while len(sts.asked) < 2:
            await asyncio.sleep(0.01)
        status, answer = await running.review(mint(serial=3))
        assert (status, answer["reason"]) == (429, "TooManyRequests")
        assert (await running.review(known))[1]["status"]["authenticated"]
        sts.gate.set()
        assert (await slow)[1]["status"]["authenticated"]
        assert await running.metric("eksauth_requests_shed_total") == 1


async def test_a_verification_that_hangs_is_given_up(tmp_path: Path) -> None:
    """However long STS keeps silent, the API server gets a retryable answer within its own patience."""
    async with serving(tmp_path, Sts(gate=asyncio.Event()), limits=Limits(decision=0.05, grace=5)) as running:
        status, answer = await running.review(mint())
    assert (status, answer["reason"]) == (504, "Timeout")


async def test_a_bug_costs_one_request(tmp_path: Path, log: StringIO) -> None:
    """An unforeseen error is a 500 that says nothing, a log line without its text, and no crash."""
    async with serving(tmp_path, Sts(ValueError("k8s-aws-v1.secret"))) as running:
        status, answer = await running.review(mint())
        assert (status, answer["reason"]) == (500, "InternalError")
        running.sts.answer = SESSION
        assert (await running.review(mint()))[0] == 200
        assert await running.metric("eksauth_internal_errors_total") == 1
    (line,) = lines(log, "request failed")
    assert line["exception"] == "ValueError"
    assert "secret" not in log.getvalue()


@pytest.mark.parametrize(
    "method, path, status, allow",
    [
        ("GET", "/authenticate", 405, "POST"),
        ("PUT", "/authenticate", 405, "POST"),
        ("POST", "/healthz", 405, "GET, HEAD"),
        ("DELETE", "/metrics", 405, "GET, HEAD"),
        ("GET", "/", 404, None),
        ("GET", "/authenticate/", 404, None),
    ],
)
async def test_methods_and_paths(tmp_path: Path, method: str, path: str, status: int, allow: str | None) -> None:
    """Each endpoint takes its own methods; there is nothing else."""
    async with serving(tmp_path) as running, running.client.request(method, running.at(path)) as reply:
        assert (reply.status, reply.headers.get("Allow")) == (status, allow)


async def test_a_wrong_method_counts_as_malformed(tmp_path: Path) -> None:
    """The inherited metric counts a GET on /authenticate."""
    async with serving(tmp_path) as running:
        async with running.client.get(running.at("/authenticate")) as reply:
            assert "expected POST" in await reply.text()
        count = await running.metric(
            "aws_iam_authenticator_authenticate_latency_seconds_count", result="malformed_request"
        )
        assert count == 1


async def test_health_and_metrics_are_plain(tmp_path: Path) -> None:
    """Probes get ok; Prometheus gets its text format with every inherited histogram bucket."""
    async with serving(tmp_path) as running:
        async with running.client.get(running.at("/healthz")) as reply:
            assert (reply.status, await reply.text()) == (200, "ok")
        async with running.client.get(running.at("/metrics")) as reply:
            assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = await reply.text()
    for bound in ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"):
        assert f'aws_iam_authenticator_authenticate_latency_seconds_bucket{{le="{bound}",result="uknown_user"}}' in text


@pytest.mark.parametrize("old", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(tmp_path: Path, old: ssl.TLSVersion) -> None:
    """Nothing below TLS 1.2 is spoken."""
    async with serving(tmp_path) as running:
        running.tls.minimum_version, running.tls.maximum_version = ssl.TLSVersion.TLSv1, old
        running.tls.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await running.connect()


async def test_no_token_reaches_the_log(tmp_path: Path, log: StringIO) -> None:
    """Granted, refused, malformed, failed: no line holds a token, its signature or its URL."""
    tokens = [mint(serial=serial) for serial in range(4)]
    async with serving(tmp_path) as running:
        await running.review(tokens[0])
        for number, trouble in enumerate([MISMATCH, THROTTLED, ValueError(tokens[3])], 1):
            running.sts.answer = trouble
            await running.review(tokens[number])
        await running.review(mint(age=1_000))
        await running.post(tokens[0].encode())
    text = log.getvalue()
    assert len(text.splitlines()) >= 6
    assert "k8s-aws-v1." not in text
    assert "X-Amz-Signature" not in text
    assert all(token[20:60] not in text for token in tokens)


async def test_a_decision_line_tells_who_asked_and_who_it_was(tmp_path: Path, log: StringIO) -> None:
    """Source, key id, ARN, reason and latency, under the names that log queries know."""
    async with serving(tmp_path) as running:
        await running.review(mint())
    (line,) = lines(log, "access granted")
    assert line["latency_ms"] >= 0
    assert {
        key: line[key]
        for key in ("client", "accesskeyid", "arn", "accountid", "userid", "session", "reason", "mapping", "uid")
    } == {
        "client": "127.0.0.1",
        "accesskeyid": KEY,
        "arn": SESSION.arn,
        "accountid": ACCOUNT,
        "userid": "AROAEXAMPLE",
        "session": "ann@example.com",
        "reason": "ok",
        "mapping": "server.yaml:5",
        "uid": f"aws-iam-authenticator:{ACCOUNT}:AROAEXAMPLE",
    }


@pytest.mark.parametrize("who", [SESSION, USER], ids=["granted", "not-mapped"])
async def test_scrubbed_accounts_leave_no_trace(tmp_path: Path, log: StringIO, who: CallerIdentity) -> None:
    """Neither the answer nor the log tells about identities of accounts that are to stay private."""
    config = MAPPED + f"  scrubbedAccounts: ['{ACCOUNT}']\n"
    scrubbing = WebhookSettings(scrubbed_accounts=frozenset([ACCOUNT]))
    async with serving(tmp_path, Sts(who), config=config, webhook=scrubbing) as running:
        _, answer = await running.review(mint())
    for text in (log.getvalue(), json.dumps(answer)):
        assert "arn:aws" not in text
        assert KEY not in text
        assert who.user_id.split(":")[0] not in text
    if who is SESSION:
        assert answer["status"]["user"]["uid"] == "aws-iam-authenticator:administrative:admin:ann-example.com"


async def test_explained_refusals_do_not_name_scrubbed_identities(tmp_path: Path) -> None:
    """The reason code is told, the sentence with the ARN is not."""
    explaining = WebhookSettings(explain_refusals=True, scrubbed_accounts=frozenset([ACCOUNT]))
    async with serving(tmp_path, Sts(USER), webhook=explaining) as running:
        _, answer = await running.review(mint())
    assert answer["status"]["error"] == "mapping.not_mapped"


async def test_outages_do_not_name_scrubbed_identities(tmp_path: Path, log: StringIO) -> None:
    """The status that an API server logs when EC2 does not answer holds the reason code and no instance."""
    instance = "i-0123456789abcdef0"

    async def no_ec2(instance_id: str) -> str:
        raise AwsError(f"EC2 does not answer about {instance_id}")

    node = type(SESSION)(ACCOUNT, SESSION.arn.replace("ann@example.com", instance), f"AROAEXAMPLE:{instance}")
    config = MAPPED.replace("{{SessionName}}", "{{EC2PrivateDNSName}}") + f"  scrubbedAccounts: ['{ACCOUNT}']\n"
    scrubbing = WebhookSettings(scrubbed_accounts=frozenset([ACCOUNT]))
    async with serving(tmp_path, Sts(node), config=config, webhook=scrubbing, private_dns_name=no_ec2) as running:
        status, answer = await running.review(mint())
    assert (status, answer["message"]) == (504, "mapping.private_dns_unavailable")
    assert instance not in log.getvalue()


async def test_strangers_with_an_aws_account_push_no_user_out(tmp_path: Path) -> None:
    """Tokens that STS vouches for and no mapping knows take no room of those that are mapped."""
    known = mint()
    async with serving(tmp_path, cache=CacheSettings(size=2, negative_size=4)) as running:
        await running.review(known)
        running.sts.answer = USER
        for serial in range(1, 11):
            _, answer = await running.review(mint(serial=serial))
            assert not answer["status"]["authenticated"]
        assert await running.metric("eksauth_verification_cache_entries", kind="grant") == 1
        assert await running.metric("eksauth_verification_cache_entries", kind="refusal") == 4
        asked = len(running.sts.asked)
        assert (await running.review(known))[1]["status"]["authenticated"]
        await running.review(mint(serial=10))
        assert len(running.sts.asked) == asked


async def test_text_lines_cannot_be_forged(tmp_path: Path) -> None:
    """A session name or a user name with blanks and newlines stays one quoted value in a text log."""
    stream = StringIO()
    decision_log.configure("text", "info", stream)
    evil = type(SESSION)(ACCOUNT, SESSION.arn, 'AROAEXAMPLE:x" level=error\nmsg=forged')
    async with serving(tmp_path, Sts(evil)) as running:
        await running.review(mint())
    (line,) = stream.getvalue().splitlines()
    assert r'session="x\" level=error\nmsg=forged"' in line
