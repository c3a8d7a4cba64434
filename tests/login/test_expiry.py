"""A long-running program across the end of its credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kubeconfig.update.eks_lab import BIN, role
from tests.sandbox.aws.serving import ServedAws, serve_aws

_LIFE_SECONDS = 8
"""Of a session, as its expiry says: STS gives 15 minutes or more, so its clock runs behind by almost as much, which
signatures just allow."""

PROGRAM = f"""
import json, sys, time
import botocore.session
client = botocore.session.Session().create_client("sts")
began = time.time()
while time.time() - began < {_LIFE_SECONDS + 4}:
    arn = client.get_caller_identity()["Arn"]
    key = client._request_signer._credentials.get_frozen_credentials().access_key
    print(json.dumps([arn.split("/")[1], key]), flush=True)
    time.sleep(1)
"""


@pytest.fixture(name="aws")
def aws_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedAws]:
    """Run AWS with a clock that is behind, and a configuration whose identity is a role there."""
    ca_file = tmp_path / "ca.pem"
    with serve_aws(ca_file, clock=lambda: time.time() - (900 - _LIFE_SECONDS)) as aws:
        alice = aws.seed.users["alice"]
        config = tmp_path / "eksauth.yaml"
        principal = {"assume_role": role("EksAdmin"), "region": "us-west-2"}
        identities = {
            "alice": {"kind": "aws/ambient"},
            "admin": {
                "kind": "aws/assume-role",
                "via": {"identity": "alice"},
                "principal": principal,
                "session": {"duration": "15m"},
            },
        }
        config.write_text(json.dumps({"auth": {"identities": identities}}))
        config.chmod(0o600)
        for name, value in {
            "EKSAUTH_CONFIG": str(config),
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_CA_BUNDLE": str(ca_file),
            "AWS_ACCESS_KEY_ID": alice.access_key_id,
            "AWS_SECRET_ACCESS_KEY": alice.secret_access_key,
        }.items():
            monkeypatch.setenv(name, value)
        yield aws


def test_programs_outlive_their_credentials(aws: ServedAws) -> None:
    """One client of one program goes on calling AWS after the keys that it began with have ended, with new ones."""
    program = [sys.executable, "-c", PROGRAM]
    running = {
        delivery: subprocess.Popen(
            [str(BIN / "eksauth"), "exec", "-i", "admin", "--credentials", delivery, "--", *program],
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for delivery in ("endpoint", "process")
    }
    told = {delivery: process.communicate(timeout=120) for delivery, process in running.items()}
    for delivery, process in running.items():
        out, err = told[delivery]
        assert process.returncode == 0, (delivery, err)
        calls = [json.loads(line) for line in out.splitlines()]
        assert {name for name, _ in calls} == {"EksAdmin"}
        assert len({key for _, key in calls}) > 1
