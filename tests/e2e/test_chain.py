"""The main job on real input: kubectl is told who it is by an API server that asked our authenticator, which asked STS."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from tests.e2e.peers import Run, kubectls

from eksauth.testing import SandboxHandle

BIN = Path(sys.executable).parent
KUBECTLS = kubectls()
every_kubectl = (
    pytest.mark.parametrize("kubectl", KUBECTLS.values(), ids=KUBECTLS.keys())
    if KUBECTLS
    else pytest.mark.skip("no kubectl here")
)


def _newest() -> Path:
    if not KUBECTLS:
        pytest.skip("no kubectl here")
    return next(iter(KUBECTLS.values()))


def _user_info(text: str) -> dict:
    return json.loads(text)["status"]["userInfo"]


@every_kubectl
def test_kubectl_is_told_who_it_is(chain: SandboxHandle, run: Run, kubectl: Path) -> None:
    """Every kubectl of this machine, with a kubeconfig that calls eksauth, is the mapped user."""
    # not `auth whoami`: kubectl 1.27 asks for the beta API, which a current server does not serve any more
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    done = run(kubectl, "--context", "admin@demo", "create", f"--raw={path}", "-f", "-", stdin=body)

    assert done.returncode == 0, done.stderr
    info = _user_info(done.stdout)
    assert "system:masters" in info["groups"]
    assert "system:authenticated" in info["groups"]
    assert info["extra"]["canonicalArn"] == [chain.identities.roles["admin"].arn]
    assert info["uid"].startswith(f"aws-iam-authenticator:{chain.identities.account}:AROA")


@pytest.mark.parametrize("api_version", ["v1", "v1beta1"])
def test_both_exec_protocols_work(chain: SandboxHandle, run: Run, tmp_path: Path, api_version: str) -> None:
    """The plugin answers in the version of ExecCredential that the kubeconfig names."""
    text = chain.kubeconfig.read_text()
    assert "client.authentication.k8s.io/v1\n" in text
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        text.replace("client.authentication.k8s.io/v1\n", f"client.authentication.k8s.io/{api_version}\n")
    )

    done = run(
        _newest(),
        "--context",
        "readonly@demo",
        "get",
        "namespaces",
        "-o",
        "name",
        environ={"KUBECONFIG": str(kubeconfig)},
    )

    assert done.returncode == 0, done.stderr
    assert "namespace/kube-system" in done.stdout.split()


def test_rbac_has_the_last_word(run: Run) -> None:
    """The read-only role may look and not touch, and the refusal names the mapped user."""
    kubectl = _newest()

    looked = run(kubectl, "--context", "readonly@demo", "get", "pods")
    touched = run(kubectl, "--context", "readonly@demo", "create", "configmap", "mine")

    assert looked.returncode == 0, looked.stderr
    assert touched.returncode == 1
    assert 'User "readonly:readonly" cannot create resource "configmaps"' in touched.stderr


def test_an_unmapped_role_is_unauthorized(run: Run) -> None:
    """Valid AWS credentials that no mapping knows end in 401."""
    done = run(_newest(), "--context", "ci@demo", "get", "pods")

    assert done.returncode == 1
    assert "Unauthorized" in done.stderr or "must be logged in" in done.stderr


def test_a_token_for_one_cluster_is_worthless_at_another(chain: SandboxHandle, run: Run, tmp_path: Path) -> None:
    """The cluster's name is signed in: a token for demo does not open demo-eu."""
    text = chain.kubeconfig.read_text()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(text.replace("- demo-eu\n", "- demo\n"))
    assert kubeconfig.read_text() != text

    done = run(_newest(), "--context", "admin@demo-eu", "auth", "whoami", environ={"KUBECONFIG": str(kubeconfig)})

    assert done.returncode == 1
    assert "Unauthorized" in done.stderr or "must be logged in" in done.stderr


def test_the_second_cluster_takes_its_own(chain: SandboxHandle, run: Run) -> None:
    """The other cluster, in another region, works the same."""
    done = run(_newest(), "--context", "admin@demo-eu", "auth", "whoami", "-o", "json")

    assert done.returncode == 0, done.stderr
    assert _user_info(done.stdout)["extra"]["canonicalArn"] == [chain.identities.roles["admin"].arn]


def test_tokens_of_the_aws_cli_and_ours_are_judged_alike(chain: SandboxHandle, run: Run) -> None:
    """`aws eks get-token` and `eksauth token` become the same user, at `verify` and at the API server."""
    arguments = ("--region", "us-west-2", "eks", "get-token", "--cluster-name", "demo", "--output", "json")
    # the AWS CLI would sign for the sandbox's own endpoint, which no cluster accepts
    theirs_environ = {"AWS_PROFILE": "admin", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    user = {"AWS_PROFILE": "alice"}

    theirs = run(BIN / "aws", *arguments, environ=theirs_environ | user)
    ours = run(BIN / "eksauth", *arguments, environ=user)
    assert theirs.returncode == 0, theirs.stderr
    assert ours.returncode == 0, ours.stderr
    config = chain.server_config("demo")
    verdicts = [
        run(BIN / "eksauth", "verify", "-", "--config", config, "-o", "json", stdin=done.stdout)
        for done in (theirs, ours)
    ]

    first, second = (json.loads(verdict.stdout) for verdict in verdicts)
    assert (
        first["identity"]["canonical_arn"] == second["identity"]["canonical_arn"] == chain.identities.users["alice"].arn
    )
    assert first["reason"] == second["reason"]
    assert verdicts[0].returncode == verdicts[1].returncode
    for done in (theirs, ours):
        token = json.loads(done.stdout)["status"]["token"]
        answer = run(
            _newest(),
            "--kubeconfig",
            "/dev/null",
            "--server",
            chain.clusters["demo"].endpoint,
            "--certificate-authority",
            _ca_file(chain, Path(chain.environ["KUBECONFIG"]).parent / "demo-ca.pem"),
            "--token",
            token,
            "auth",
            "whoami",
            "-o",
            "json",
        )
        assert answer.returncode == 0, answer.stderr
        assert _user_info(answer.stdout)["extra"]["arn"] == [chain.identities.users["alice"].arn]


def test_the_kubeconfig_of_the_aws_cli_works_with_one_word_changed(
    chain: SandboxHandle, run: Run, tmp_path: Path
) -> None:
    """What `aws eks update-kubeconfig` wrote for the sandbox's cluster works with `command: eksauth`."""
    kubeconfig = tmp_path / "kubeconfig"
    role = chain.identities.roles["admin"].arn
    written = run(
        BIN / "aws", "eks", "update-kubeconfig", "--name", "demo", "--region", "us-west-2", "--role-arn", role,
        "--kubeconfig", kubeconfig, environ={"AWS_PROFILE": "alice"},
    )  # fmt: skip
    assert written.returncode == 0, written.stderr
    text = kubeconfig.read_text()
    assert "command: aws\n" in text
    kubeconfig.write_text(text.replace("command: aws\n", f"command: {BIN / 'eksauth'}\n"))

    done = run(_newest(), "auth", "whoami", "-o", "json", environ={"KUBECONFIG": str(kubeconfig)})

    assert done.returncode == 0, done.stderr
    assert _user_info(done.stdout)["extra"]["canonicalArn"] == [role]
    server = json.loads(run(_newest(), "config", "view", "-o", "json", environ={"KUBECONFIG": str(kubeconfig)}).stdout)
    assert server["clusters"][0]["cluster"]["server"] == chain.clusters["demo"].endpoint


def test_an_added_line_lets_the_role_in(chain: SandboxHandle, run: Run) -> None:
    """The suggestion that a refusal makes, put into the configuration, works for a new token."""
    kubectl, config = _newest(), chain.server_config("demo-eu")
    before = config.read_text()
    refused = run(
        BIN / "eksauth", "token", "--cluster-name", "demo-eu", "--region", "eu-west-1", "--profile", "ci", "-o", "token"
    )
    verdict = json.loads(
        run(BIN / "eksauth", "verify", "-", "--config", config, "-o", "json", stdin=refused.stdout).stdout
    )
    assert verdict["reason"] == "mapping.not_mapped"
    try:
        item = "".join(f"  {line}\n" for line in verdict["match"]["suggestion"].splitlines()[1:])
        config.write_text(before.replace("  mapRoles:\n", "  mapRoles:\n" + item, 1))
        deadline = time.monotonic() + 30
        while True:
            time.sleep(1.1)
            done = run(kubectl, "--context", "ci@demo-eu", "auth", "whoami", "-o", "json")
            if done.returncode == 0 or time.monotonic() > deadline:
                break
        assert done.returncode == 0, done.stderr
        assert _user_info(done.stdout)["extra"]["canonicalArn"] == [chain.identities.roles["ci"].arn]
    finally:
        config.write_text(before)


def test_a_broken_edit_keeps_the_cluster_open(chain: SandboxHandle, run: Run) -> None:
    """A configuration that does not parse is not loaded; whoever could get in still can."""
    config = chain.server_config("demo-eu")
    before = config.read_text()
    try:
        config.write_text(before + "\n  mapRoles: {{{\n")
        time.sleep(2)
        done = run(_newest(), "--context", "admin@demo-eu", "auth", "whoami")
        assert done.returncode == 0, done.stderr
    finally:
        config.write_text(before)


def _ca_file(chain: SandboxHandle, path: Path) -> str:
    path.write_text(chain.clusters["demo"].ca_pem)
    return str(path)
