"""What the how-to pages promise: the other authenticator's files fit both ways, and a certificate changes under load."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.authenticator.process import Server, config_in, fake_sts, running
from tests.authenticator.serving import mint
from tests.e2e.reference_authenticator import MISSING, find_reference, our_server, reference_server

from eksauth.sandbox.binaries import find_kubectl

pytestmark = [pytest.mark.peer, pytest.mark.slow]
MAPPED = "mapRoles: [{rolearn: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}]\n"


@dataclass(frozen=True)
class NoAws:
    """An AWS that nobody asks."""

    environ: dict[str, str] = field(
        default_factory=lambda: {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"}
    )


def test_the_reference_is_replaced_and_comes_back(tmp_path: Path) -> None:
    """One state directory serves aws-iam-authenticator, then eksauth, then it again: what API servers trust stays."""
    program = find_reference()
    if program is None:
        pytest.skip(MISSING)
    pairs, trusted = [], []
    for turn in ("theirs", "ours", "theirs"):
        run = reference_server(program, tmp_path, NoAws(), MAPPED) if turn == "theirs" else None
        with run or our_server(tmp_path, NoAws(), MAPPED) as webhook:
            # TLS is checked against the certificate on disk
            assert not webhook.review("k8s-aws-v1.x").granted
        pairs.append(tuple((tmp_path / "state" / name).read_bytes() for name in ("cert.pem", "key.pem")))
        [cluster] = yaml.safe_load((tmp_path / "webhook.yaml").read_text())["clusters"]
        trusted.append(cluster["cluster"]["certificate-authority-data"])
    assert pairs[0] == pairs[1] == pairs[2]
    assert trusted == [base64.b64encode(pairs[0][0]).decode()] * 3


def test_a_certificate_is_rotated_under_load(tmp_path: Path) -> None:
    """The steps of the how-to page: whoever trusts both certificates is answered before, while and after they change."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl here")
    kubeconfig, state, following = tmp_path / "webhook.yaml", tmp_path / "state", tmp_path / "next"
    with fake_sts() as sts, running(tmp_path, config_in(tmp_path, sts)) as server:
        init = [sys.executable, "-m", "eksauth", "server", "init", "--cluster-id=demo", f"--state-dir={following}"]
        subprocess.run([*init, f"--generate-kubeconfig={tmp_path / 'next.yaml'}"], check=True, capture_output=True)
        both = tmp_path / "both.pem"
        both.write_bytes((state / "cert.pem").read_bytes() + (following / "cert.pem").read_bytes())
        own = tmp_path / "pregenerated.yaml"
        shutil.copy(kubeconfig, own)
        embed = ["config", "set-cluster", "aws-iam-authenticator", "--embed-certs", f"--certificate-authority={both}"]
        subprocess.run([kubectl, *embed, f"--kubeconfig={own}"], check=True, capture_output=True)
        client = _Client(own)
        load = threading.Thread(target=client.ask_until_told)
        load.start()
        try:
            assert client.ask() == "admin"
            (following / "key.pem").replace(state / "key.pem")
            (following / "cert.pem").replace(state / "cert.pem")
            assert _changes(server, (state / "cert.pem").read_bytes())
        finally:
            client.enough.set()
            load.join()
        assert client.ask() == "admin"
    assert client.failures == []
    assert client.answers > 0


class _Client:
    """Asks as an API server does, each time over a new connection."""

    def __init__(self, kubeconfig: Path) -> None:
        [cluster] = yaml.safe_load(kubeconfig.read_text())["clusters"]
        self._url = cluster["cluster"]["server"]
        data = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=data)
        self.enough = threading.Event()
        self.answers = 0
        self.failures: list[str] = []

    def ask(self) -> str:
        """Return whom a token belongs to."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": mint()}}
        request = urllib.request.Request(self._url, json.dumps(body).encode())
        with urllib.request.urlopen(request, context=self._tls, timeout=30) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
        name: str = answer["status"]["user"]["username"]
        return name

    def ask_until_told(self) -> None:
        """Go on until ``enough``."""
        while not self.enough.wait(0.01):
            try:
                self.ask()
                self.answers += 1
            except (OSError, KeyError) as error:
                self.failures.append(repr(error))


def _changes(server: Server, certificate: bytes) -> bool:
    wanted = ssl.PEM_cert_to_DER_cert(certificate.decode())
    for _ in range(300):
        shown = ssl.get_server_certificate(("127.0.0.1", server.ready["port"]), timeout=30)
        if ssl.PEM_cert_to_DER_cert(shown) == wanted:
            return True
        threading.Event().wait(0.1)
    return False
