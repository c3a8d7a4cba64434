"""What a real kube-apiserver makes of the authenticator's answers, in both versions of the protocol."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.authenticator.process import FakeSts, Server, config_in, fake_sts, running, vouching
from tests.authenticator.serving import ACCOUNT, KEY, SESSION, mint
from tests.real_control_plane import ROOT, api_server_command, files, process, running_etcd, until_ready

from eksauth.sandbox.binaries import find_control_plane
from eksauth.sandbox.readiness import free_port

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]
THROTTLING = 400, {"Error": {"Code": "Throttling", "Message": "Rate exceeded", "Type": "Sender"}}
OUTAGE = 500, {"Error": {"Code": "InternalFailure", "Message": "sorry", "Type": "Receiver"}}
MISMATCH = 403, {"Error": {"Code": "SignatureDoesNotMatch", "Message": "no", "Type": "Sender"}}


@dataclass
class Cluster:
    """A kube-apiserver, the authenticator that it asks, and the STS behind that."""

    url: str
    tls: ssl.SSLContext
    server: Server
    sts: FakeSts
    log: Path

    def create(self, path: str, body: object, token: str) -> tuple[int, dict[str, Any]]:
        """Post an object to the API server and return status and answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=60) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def whoami(self, token: str) -> tuple[int, dict[str, Any]]:
        """Ask the API server who ``token`` is."""
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        status, answer = self.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", kind, token)
        return status, answer.get("status", {}).get("userInfo", {}) if status == 201 else answer

    def decided(self, reason: str) -> float:
        """Return how often the authenticator decided so."""
        return self.server.metric("eksauth_decisions_total", reason=reason)


def saying(answer: tuple[int, object]) -> Callable[[], tuple[int, object]]:
    """Return what makes STS say the same each time."""
    return lambda: answer


@pytest.fixture(scope="module", params=["v1", "v1beta1"], name="cluster")
def cluster_(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run etcd, kube-apiserver with audiences of its own, the authenticator and an STS."""
    programs = find_control_plane()
    if programs is None:
        pytest.skip("no kube-apiserver and etcd here; KUBEBUILDER_ASSETS can name their directory")
    directory: Path = tmp_path_factory.mktemp(f"apiserver-{request.param}")
    tls, port, log = files(directory), free_port(), directory / "kube-apiserver.log"
    with (
        fake_sts() as sts,
        running(directory, config_in(directory, sts)) as server,
        running_etcd(directory, programs) as etcd,
    ):
        command = api_server_command(
            directory,
            programs,
            etcd,
            port,
            "--authorization-mode=RBAC",
            "--api-audiences=our-audience",
            f"--authentication-token-webhook-config-file={server.ready['kubeconfig']}",
            f"--authentication-token-webhook-version={request.param}",
        )
        cluster = Cluster(f"https://localhost:{port}", tls, server, sts, log)
        with process(log, command) as child:
            until_ready(cluster.url, tls, child, log)
            yield cluster


@pytest.fixture(autouse=True, name="_reset")
def reset_(cluster: Cluster) -> None:
    """Let STS vouch for everybody again."""
    cluster.sts.answer = vouching


def test_whoami_is_what_we_answered(cluster: Cluster) -> None:
    """Name, uid, groups and the six extras arrive, also when the API server has audiences of its own."""
    status, user = cluster.whoami(mint())
    assert status == 201
    assert user == {
        "username": "admin",
        "uid": f"aws-iam-authenticator:{ACCOUNT}:AROAEXAMPLE",
        "groups": ["system:masters", "system:authenticated"],
        "extra": {
            "accessKeyId": [KEY],
            "arn": [SESSION.arn],
            "canonicalArn": [f"arn:aws:iam::{ACCOUNT}:role/Admin"],
            "principalId": ["AROAEXAMPLE"],
            "sessionName": ["ann@example.com"],
            "sigs.k8s.io/aws-iam-authenticator/principalId": ["AROAEXAMPLE"],
        },
    }


def test_a_refusal_is_cached_by_the_api_server(cluster: Cluster) -> None:
    """A token that STS refuses costs one call to us, however often it is tried."""
    cluster.sts.answer = saying(MISMATCH)
    before, token = cluster.decided("sts.signature_mismatch"), mint(serial=1)
    assert [cluster.whoami(token)[0] for _ in range(3)] == [401, 401, 401]
    assert cluster.decided("sts.signature_mismatch") - before == 1


def test_an_outage_is_tried_again_and_its_reason_is_logged(cluster: Cluster) -> None:
    """Throttling and outages are tried five times, end in 401, and the API server's log says why."""
    for serial, (answer, reason) in enumerate([(THROTTLING, "sts.throttled"), (OUTAGE, "sts.server_error")], 2):
        cluster.sts.answer = saying(answer)
        before = cluster.decided(reason)
        assert cluster.whoami(mint(serial=serial))[0] == 401
        assert cluster.decided(reason) - before == 5
    log = cluster.log.read_text()
    assert "sts.throttled: STS is throttling" in log
    assert "sts.server_error: STS failed with status 500" in log


def test_a_short_outage_is_not_noticed(cluster: Cluster) -> None:
    """When STS comes back between two attempts the user just gets in."""
    answers = [THROTTLING, OUTAGE]
    cluster.sts.answer = lambda: answers.pop() if answers else vouching()
    assert cluster.whoami(mint(serial=4))[0] == 201
    assert not answers


def test_an_outage_is_not_remembered(cluster: Cluster) -> None:
    """The token that failed during an outage works right after it."""
    token = mint(serial=5)
    cluster.sts.answer = saying(OUTAGE)
    assert cluster.whoami(token)[0] == 401
    cluster.sts.answer = vouching
    assert cluster.whoami(token)[0] == 201


def test_a_tokenreview_for_another_audience_is_echoed(cluster: Cluster) -> None:
    """Without --audience of our own, whoever reviews a token for any audience gets that audience back."""
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": mint(serial=6), "audiences": ["vault"]},
    }
    status, answer = cluster.create("/apis/authentication.k8s.io/v1/tokenreviews", review, ROOT)
    assert status == 201
    assert answer["status"]["audiences"] == ["vault"]
    assert answer["status"]["user"]["username"] == "admin"
