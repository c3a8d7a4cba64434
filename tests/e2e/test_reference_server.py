"""The webhook protocol and what STS's troubles become: the reference's server next to ours."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.authenticator.serving import sample
from tests.e2e.loopback_aws import LoopbackAws, loopback_aws
from tests.e2e.reference_authenticator import MISSING, Pair, Webhook, find_reference, pair_of_servers
from tests.e2e.signing import Key, Signing

from eksauth.sandbox.aws.faults import OrderedFault

PROGRAM = find_reference()
AGES = count(100)
"""Each test's token is of another second, so that no answer comes from a cache."""
pytestmark = [pytest.mark.peer, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


@pytest.fixture(scope="module", name="aws")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackAws]:
    """Run the AWS that both ask."""
    with loopback_aws(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="module", name="directory")
def directory_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where both servers keep their files."""
    return tmp_path_factory.mktemp("pair")


@pytest.fixture(scope="module", name="pair")
def pair_(aws: LoopbackAws, directory: Path) -> Iterator[Pair]:
    """Run both servers; alice is mapped, bob is not."""
    assert PROGRAM is not None
    mapped = f"mapUsers:\n- {{userarn: '{aws.seed.users['alice'].arn}', username: alice, groups: [people]}}\n"
    with pair_of_servers(PROGRAM, directory, aws, mapped) as running:
        yield running


def key_of(aws: LoopbackAws, user: str) -> Key:
    """Return a seeded user's key."""
    found = aws.seed.users[user]
    return Key(found.access_key_id, found.secret_access_key)


def question(token: str) -> bytes:
    """Return a TokenReview."""
    return json.dumps(
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, "audiences": ["x"]}}
    ).encode()


@pytest.mark.parametrize(
    "body, theirs, ours",
    [
        pytest.param(b"", 400, 400, id="SRV-03-empty"),
        pytest.param(b"{", 400, 400, id="SRV-04-cut-off"),
        pytest.param(b"[]", 400, 400, id="list"),
        pytest.param(b'{"spec":{"token":5}}', 400, 400, id="token-is-a-number"),
        pytest.param(b'\xef\xbb\xbf{"spec":{"token":"x"}}', 400, 400, id="byte-order-mark"),
        pytest.param(b"null", 403, 400, id="null"),
        pytest.param(b"{}", 403, 400, id="no-spec"),
        pytest.param(b'{"spec":{"token":""}}', 403, 400, id="no-token"),
        pytest.param(b'{"kind":"Pod","spec":{"token":"x"}}', 403, 400, id="other-kind"),
        pytest.param(b'{"apiVersion":"authentication.k8s.io/v9","spec":{"token":"x"}}', 403, 400, id="other-version"),
        pytest.param(b'{"spec":{"token":"x"}} tail', 403, 400, id="trailing-text"),
        pytest.param(b'{"Spec":{"TOKEN":"x"}}', 403, 400, id="keys-in-another-case"),
        pytest.param(b'{"spec":{"token":"%s"}}' % (b"x" * 200_000), 403, 413, id="200000-bytes"),
        pytest.param(b'{"spec":{"token":"x"}}', 403, 200, id="SRV-06-bad-token"),
    ],
)
def test_statuses_of_odd_requests(pair: Pair, body: bytes, theirs: int, ours: int) -> None:
    """What is no TokenReview is a client's mistake here; there much of it counts as a refused token."""
    assert (pair.theirs.post(body)[0], pair.ours.post(body)[0]) == (theirs, ours)


@pytest.mark.parametrize(
    "method, path, status",
    [
        pytest.param("GET", "/authenticate", 405, id="SRV-02-get"),
        pytest.param("PUT", "/authenticate", 405, id="put"),
        pytest.param("GET", "/healthz", 200, id="health"),
        pytest.param("GET", "/nothing", 404, id="no-such-path"),
    ],
)
def test_paths_and_methods(pair: Pair, directory: Path, method: str, path: str, status: int) -> None:
    """Paths and methods are answered with the same status, health with the same body."""
    answers = [_request(server, directory / name, method, path) for server, name in _both(pair)]

    assert [code for code, _ in answers] == [status, status]
    if status == 200:
        assert [body for _, body in answers] == [b"ok", b"ok"]


FAULTS = [
    pytest.param(OrderedFault("throttle", None), 429, 429, id="STS-01-throttled"),
    pytest.param(OrderedFault("reset", None), 403, 504, id="STS-02-connection-lost"),
    pytest.param(OrderedFault("error", None, status=403, code="AccessDenied"), 403, 200, id="STS-03-denied"),
    pytest.param(OrderedFault("truncate", None), 403, 504, id="STS-05-cut-off"),
    pytest.param(OrderedFault("garbage", None), 403, 504, id="STS-06-garbage"),
    pytest.param(OrderedFault("error", None, status=500), 403, 504, id="server-error"),
    pytest.param(OrderedFault("error", None, status=503, code="ServiceUnavailable"), 403, 504, id="unavailable"),
    pytest.param(OrderedFault("latency", None, seconds=0.3), 200, 200, id="slow"),
]


@pytest.mark.parametrize("fault, theirs, ours", FAULTS)
def test_troubles_of_sts(aws: LoopbackAws, pair: Pair, fault: OrderedFault, theirs: int, ours: int) -> None:
    """Throttling can be tried again in both; an outage is final there and can be tried again here."""
    body = question(Signing(key_of(aws, "alice"), age=next(AGES)).token())
    aws.cloud.faults.order(fault)
    try:
        assert (pair.theirs.post(body)[0], pair.ours.post(body)[0]) == (theirs, ours)
    finally:
        aws.cloud.faults.clear()


def test_the_shape_of_answers(aws: LoopbackAws, pair: Pair) -> None:
    """A grant holds the same user; ours adds what the API asks for: version, kind and the audiences."""
    body = question(Signing(key_of(aws, "alice"), age=60).token())
    theirs, ours = (json.loads(server.post(body)[1]) for server in (pair.theirs, pair.ours))

    assert ours.pop("apiVersion") == "authentication.k8s.io/v1"
    assert ours.pop("kind") == "TokenReview"
    assert ours["status"].pop("audiences") == ["x"]
    assert ours == theirs


def test_an_unmapped_identity(aws: LoopbackAws, pair: Pair) -> None:
    """SRV-09: theirs is a failed webhook call, ours a proper no."""
    body = question(Signing(key_of(aws, "bob")).token())
    (theirs, _), (ours, answer) = pair.theirs.post(body), pair.ours.post(body)

    assert (theirs, ours) == (403, 200)
    assert json.loads(answer)["status"]["authenticated"] is False


def test_metrics_have_the_same_names_and_labels(aws: LoopbackAws, pair: Pair, directory: Path) -> None:
    """Dashboards made for the reference find the same counts in ours: by result, and by STS region and status."""
    bodies = [
        question(Signing(key_of(aws, "alice"), age=30).token()),
        question(Signing(key_of(aws, "bob"), age=30).token()),
        question("k8s-aws-v1.x"),
        question(Signing(key_of(aws, "alice"), cluster="other").token()),
        b"{",
    ]
    names = ("success", "uknown_user", "invalid_token", "sts_error", "malformed_request")
    changes = []
    for server, name in _both(pair):
        before = _request(server, directory / name, "GET", "/metrics")[1].decode()
        for body in bodies:
            server.post(body)
        after = _request(server, directory / name, "GET", "/metrics")[1].decode()
        metric = "aws_iam_authenticator_authenticate_latency_seconds_count"
        change = {
            one: sample(after, metric, {"result": one}) - sample(before, metric, {"result": one}) for one in names
        }
        for status in ("200", "403"):
            labels = {"ResponseCode": status, "StsRegion": "us-west-2"}
            metric = "aws_iam_authenticator_sts_responses_total"
            change[f"sts {status}"] = sample(after, metric, labels) - sample(before, metric, labels)
        changes.append(change)

    assert changes[0] == changes[1]
    assert all(changes[0].values())


def test_sigterm(aws: LoopbackAws, tmp_path: Path) -> None:
    """SIGTERM drains and ends ours; the reference goes on serving."""
    assert PROGRAM is not None
    with pair_of_servers(PROGRAM, tmp_path, aws, "") as pair:
        for server in (pair.theirs, pair.ours):
            server.post(b"{}")
            server.process.send_signal(signal.SIGTERM)
        assert pair.ours.process.wait(30) == 0
        assert pair.theirs.post(b"{}")[0] == 403
        assert pair.theirs.process.poll() is None


def _both(pair: Pair) -> tuple[tuple[Webhook, str], tuple[Webhook, str]]:
    return (pair.theirs, "theirs"), (pair.ours, "ours")


def _request(server: Webhook, directory: Path, method: str, path: str) -> tuple[int, bytes]:
    tls = ssl.create_default_context(cafile=directory / "state" / "cert.pem")
    connection = http.client.HTTPSConnection("localhost", server.port, context=tls, timeout=30)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()
