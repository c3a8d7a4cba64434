"""``eksauth aws eks token`` in the place of ``atmos aws eks token``: its forms, its variables, its ``atmos.yaml``."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.credentials.identities.conftest import loopback_, place_  # noqa: F401  fixtures
from tests.credentials.identities.kit import ADMIN, READER, Place

from eksauth.cli.main import run

CONFIG = f"""\
base_path: .
auth:
  identities:
{{alice}}
    admin:
      kind: aws/assume-role
      via: {{{{identity: alice}}}}
      principal: {{{{assume_role: "{ADMIN}"}}}}
    reader:
      kind: aws/assume-role
      via: {{{{identity: alice}}}}
      principal: {{{{assume_role: "{READER}"}}}}
"""
TOKEN = ["aws", "eks", "token"]
BASIC = ["--cluster-name", "demo", "--region", "us-west-2"]


@pytest.fixture(name="atmos")
def atmos_(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Write an ``atmos.yaml`` and go where it is."""
    user = place.aws.seed.users["alice"]
    keys = f"access_key_id: {user.access_key_id}, secret_access_key: {user.secret_access_key}"
    place.path = place.path.with_name("atmos.yaml")
    place.path.write_text(CONFIG.format(alice=f"    alice: {{kind: aws/user, credentials: {{{keys}}}}}"))
    monkeypatch.chdir(place.path.parent)
    return place


def signer(token: str) -> dict[str, list[str]]:
    """Return the parameters of the URL in a token."""
    url = base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()
    assert "=" not in token.removeprefix("k8s-aws-v1.")
    assert urlsplit(url).hostname == "sts.us-west-2.amazonaws.com"
    return parse_qs(urlsplit(url).query)


@pytest.mark.parametrize(
    "argv, env",
    [
        (["--identity", "admin"], {}),
        (["--identity=admin"], {}),
        (["-i", "admin"], {}),
        (["-i", "ADMIN"], {}),
        ([], {"ATMOS_IDENTITY": "admin"}),
        ([], {"EKSAUTH_IDENTITY": "admin", "ATMOS_IDENTITY": "nobody"}),
        (["--identity=admin"], {"ATMOS_IDENTITY": "reader"}),
    ],
    ids=["long", "equals", "short", "case", "Atmos's variable", "ours first", "flag first"],
)
def test_forms(
    atmos: Place,
    argv: list[str],
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every way to name the identity gives one ExecCredential for it, on stdout and nothing else."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert run([*TOKEN, *BASIC, *argv]) == 0
    out, err = capfd.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["kind"] == "ExecCredential"
    assert document["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    left = time.mktime(time.strptime(document["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert 13 * 60 < left - time.time() < 14 * 60 + 1
    parameters = signer(document["status"]["token"])
    assert parameters["Action"] == ["GetCallerIdentity"]
    assert "x-k8s-aws-id" in parameters["X-Amz-SignedHeaders"][0]
    session = atmos.aws.cloud.sessions.get(parameters["X-Amz-Credential"][0].split("/")[0])
    assert session is not None
    assert session.caller.name == "EksAdmin"
    assert atmos.aws.cloud.log.count("eks:DescribeCluster") == 0


def test_default_and_sole_identities(atmos: Place, capfd: pytest.CaptureFixture[str]) -> None:
    """``default: true`` is honoured; without it and with several, the error lists them and shows no usage."""
    assert run([*TOKEN, *BASIC]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "admin, alice, reader" in err
    assert "Usage" not in err
    atmos.path.write_text(atmos.path.read_text().replace("reader:\n", "reader:\n      default: true\n"))
    assert run([*TOKEN, *BASIC]) == 0


@pytest.mark.parametrize(
    "argv, words",
    [
        ([*BASIC, "--identity"], "name one of: admin, alice, reader"),
        (["--identity", *BASIC], "name one of: admin, alice, reader"),
        ([*BASIC, "-i"], "name one of: admin, alice, reader"),
        ([*BASIC, "-i", "admn"], "did you mean admin"),
        (["--region", "us-west-2", "-i", "admin"], "--cluster-name"),
        (["--cluster-name", "demo", "-i", "admin"], "--region"),
        ([*BASIC, "-i", "admin", "more"], "unexpected extra argument"),
    ],
    ids=["bare", "bare first", "bare short", "typing error", "no cluster", "no region", "positional"],
)
@pytest.mark.usefixtures("atmos")
def test_mistakes(argv: list[str], words: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake is exit code 2 and two lines at most, without a usage text, for kubectl shows them to people."""
    assert run([*TOKEN, *argv]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert words in err
    assert len(err.splitlines()) <= 2
    assert "Usage" not in err


def test_through_jq_as_a_process(atmos: Place) -> None:
    """The installed program does the same from the directory of the configuration, and a second time without AWS."""
    program = str(Path(sys.executable).with_name("eksauth"))
    for _ in range(2):
        done = subprocess.run(
            [program, *TOKEN, *BASIC, "--identity=reader"], env=dict(os.environ), capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["status"]["token"].startswith("k8s-aws-v1.")
    assert atmos.count("AssumeRole") == 1
