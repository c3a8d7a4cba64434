"""`aws-iam-authenticator token` and `verify` against `eksauth token` and `eksauth verify`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.loopback_aws import LoopbackAws, loopback_aws
from tests.e2e.reference_authenticator import MISSING, OURS, Pair, find_reference, pair_of_servers, program_environ
from tests.e2e.signing import CLUSTER, Key, Signing
from tests.e2e.token_corpus import Keys

PROGRAM = find_reference()
pytestmark = [pytest.mark.peer, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
THEIR_TOKEN = (str(PROGRAM), "token", "-i", CLUSTER)
OUR_TOKEN = (*OURS, "token", "--cluster-name", CLUSTER)
EXEC_V1 = json.dumps(
    {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": {"interactive": False}}
)


@pytest.fixture(scope="module", name="aws")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackAws]:
    """Run the AWS that everybody asks."""
    with loopback_aws(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="module", name="pair")
def pair_(aws: LoopbackAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Run both servers."""
    assert PROGRAM is not None
    mapped = f"mapAccounts: ['{aws.seed.account}']\n"
    with pair_of_servers(PROGRAM, tmp_path_factory.mktemp("pair"), aws, mapped) as running:
        yield running


@pytest.fixture(name="run")
def run_(aws: LoopbackAws, home: Path) -> Run:
    """Run a program as alice."""
    alice = aws.seed.users["alice"]
    key = Key(alice.access_key_id, alice.secret_access_key)

    def run(*command: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=program_environ(home, aws, **{**key.environ, **environ}),
        )

    return run


@pytest.mark.parametrize(
    "exec_info, version",
    [
        pytest.param("", "v1beta1", id="FMT-01-unset"),
        pytest.param("{{{", "v1beta1", id="FMT-02-malformed"),
        pytest.param(EXEC_V1.replace("/v1", "/v1beta1"), "v1beta1", id="FMT-03-v1beta1"),
        pytest.param(EXEC_V1, "v1", id="FMT-04-v1"),
    ],
)
def test_exec_credentials_are_the_same(run: Run, pair: Pair, exec_info: str, version: str) -> None:
    """Made in the same second, both tokens are byte for byte the same, in the same version and with the same expiry."""
    environ = {"KUBERNETES_EXEC_INFO": exec_info} if exec_info else {}

    def made() -> Iterator[tuple[dict, dict]]:
        for _ in range(20):
            yield json.loads(run(*THEIR_TOKEN, **environ).stdout), json.loads(run(*OUR_TOKEN, **environ).stdout)

    def same_second(pair_made: tuple[dict, dict]) -> bool:
        return len({credential["status"]["expirationTimestamp"] for credential in pair_made}) == 1

    theirs, ours = next(filter(same_second, made()))
    assert theirs["status"] == ours["status"]
    assert {key: value for key, value in theirs.items() if key != "spec"} == {
        key: value for key, value in ours.items() if key != "spec"
    }
    assert ours["apiVersion"] == f"client.authentication.k8s.io/{version}"
    theirs_verdict, ours_verdict = pair.review(ours["status"]["token"])
    assert theirs_verdict.granted
    assert theirs_verdict.user == ours_verdict.user


@pytest.mark.parametrize(
    "exec_info", ["{}", "null", EXEC_V1.replace("/v1", "/v1alpha1")], ids=["empty", "null", "v1alpha1"]
)
def test_exec_versions_that_no_kubectl_takes(run: Run, exec_info: str) -> None:
    """The reference echoes what kubectl cannot read; ours answers in a version that exists, or says what to change."""
    theirs = json.loads(run(*THEIR_TOKEN, KUBERNETES_EXEC_INFO=exec_info).stdout)
    ours = run(*OUR_TOKEN, KUBERNETES_EXEC_INFO=exec_info)

    assert theirs.get("apiVersion") in {None, "client.authentication.k8s.io/v1alpha1"}
    if ours.returncode:
        assert "v1alpha1" in ours.stderr
    else:
        assert json.loads(ours.stdout)["apiVersion"] == "client.authentication.k8s.io/v1beta1"


@pytest.mark.parametrize("region", ["us-west-2", "eu-west-1"])
def test_assumed_roles_are_the_same_user(run: Run, aws: LoopbackAws, pair: Pair, region: str) -> None:
    """Both assume a role for the token, and both servers take either token for the same session."""
    role = aws.seed.roles["EksAdmin"].arn
    theirs = run(*THEIR_TOKEN, "-r", role, "-s", "ann", "--region", region, "--token-only")
    ours = run(*OUR_TOKEN, "--role-arn", role, "--session-name", "ann", "--region", region, "-o", "token")
    assert (theirs.returncode, ours.returncode) == (0, 0), theirs.stderr + ours.stderr
    users = [verdict.user for done in (theirs, ours) for verdict in pair.review(done.stdout.strip())]

    for user in users:
        assert user is not None
        assert user["extra"].pop("accessKeyId")[0].startswith("ASIA")
    assert users[0]["extra"]["sessionName"] == ["ann"]  # type: ignore[index]
    assert all(user == users[0] for user in users)


def test_roles_with_an_external_id(run: Run, aws: LoopbackAws, pair: Pair) -> None:
    """The external id reaches the trust policy from both; without it both fail."""
    role, external_id = aws.seed.roles["CICDRole"].arn, aws.seed.roles["CICDRole"].external_id
    assert external_id is not None
    theirs = run(*THEIR_TOKEN, "-r", role, "-e", external_id, "--token-only")
    ours = run(*OUR_TOKEN, "--role-arn", role, "--external-id", external_id, "-o", "token")
    without = run(*THEIR_TOKEN, "-r", role), run(*OUR_TOKEN, "--role-arn", role)

    for done in (theirs, ours):
        assert all(verdict.granted for verdict in pair.review(done.stdout.strip()))
    assert all(done.returncode and not done.stdout for done in without)


def _their_identity(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found = json.loads(done.stdout)
    names = ("ARN", "CanonicalARN", "AccountID", "UserID", "SessionName", "AccessKeyID", "STSEndpoint")
    assert set(found) == set(names)
    return {name: found[name] for name in names}


def _our_identity(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found = json.loads(done.stdout)["identity"]
    names = {
        "ARN": "arn",
        "CanonicalARN": "canonical_arn",
        "AccountID": "account_id",
        "UserID": "user_id",
        "SessionName": "session_name",
        "AccessKeyID": "access_key_id",
        "STSEndpoint": "sts_host",
    }
    return {theirs: found[ours] for theirs, ours in names.items()}


@pytest.mark.parametrize("who", ["user", "role", "gov"])
def test_verify_names_the_same_identity(run: Run, aws: LoopbackAws, who: str) -> None:
    """Both `verify` commands print the same seven facts about a good token."""
    partition, region = ("aws-us-gov", "us-gov-west-1") if who == "gov" else ("aws", "us-west-2")
    token = Signing(getattr(Keys.make(aws), who), region).token()
    theirs = run(str(PROGRAM), "verify", "-t", token, "-i", CLUSTER, "--partition", partition, "-o", "json")
    ours = run(*OURS, "verify", "-", "-i", CLUSTER, "--partition", partition, "-o", "json", stdin=token)

    assert (theirs.returncode, ours.returncode) == (0, 0)
    assert _their_identity(theirs) == _our_identity(ours)


def test_verify_refuses_alike(run: Run, aws: LoopbackAws) -> None:
    """Both exit with 1 for a bad token, and only ours says what to do about it."""
    token = Signing(Keys.make(aws).user, cluster="other").token()
    theirs = run(str(PROGRAM), "verify", "-t", token, "-i", CLUSTER)
    ours = run(*OURS, "verify", "-", "-i", CLUSTER, stdin=token)

    assert (theirs.returncode, ours.returncode) == (1, 1)
    assert "SignatureDoesNotMatch" in theirs.stderr
    assert "eksauth: hint: usually the token is for another cluster name" in ours.stderr
