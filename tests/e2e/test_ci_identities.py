"""Pipelines, chains of roles, certificates and programs that run as somebody: each way ends at a real cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from tests.e2e.admission import admitted
from tests.e2e.peers import kubectls
from tests.e2e.workplace import BIN, EKSAUTH, Workplace

from eksauth.sandbox.aws.seed import ACCOUNT
from eksauth.testing import SandboxHandle

FIRST, SECOND = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("ChainFirst", "ChainSecond"))


@pytest.fixture(scope="module", autouse=True)
def known_(chain: SandboxHandle) -> Iterator[None]:
    """Let the roles of pipelines, certificates and chains into the cluster."""
    found = kubectls()
    if not found:
        pytest.skip("no kubectl here")
    environ = {"PATH": os.environ["PATH"], "HOME": str(chain.kubeconfig.parent), **chain.environ}
    roles = {
        "github": f"arn:aws:iam::{ACCOUNT}:role/GitHubDeploy",
        "gitlab": f"arn:aws:iam::{ACCOUNT}:role/GitLabDeploy",
        "workload": f"arn:aws:iam::{ACCOUNT}:role/WorkloadRole",
        "chain": SECOND,
    }
    with admitted(chain, next(iter(found.values())), roles, environ):
        yield


def following(identity: str, **spec: str) -> dict[str, Any]:
    """Return an integration for cluster demo, as context ``shop``."""
    cluster = {"name": "demo", "region": "us-west-2", "alias": "shop"}
    return {"kind": "aws/eks", "via": {"identity": identity}, "spec": {"cluster": cluster, **spec}}


def assuming(arn: str, via: dict[str, str], **principal: object) -> dict[str, Any]:
    """Return an identity that assumes a role."""
    return {
        "kind": "aws/assume-role",
        "via": via,
        "principal": {"assume_role": arn, "region": "us-west-2", **principal},
    }


def use(
    work: Workplace,
    identities: dict[str, Any],
    target: str,
    providers: dict[str, Any] | None = None,
    **spec: str,
) -> None:
    """Write a configuration whose identity ``target`` has cluster demo as context ``shop``, and name the file."""
    auth = {"identities": identities, "integrations": {"shop": following(target, **spec)}}
    path = work.write("shop/eksauth.yaml", auth | ({"providers": providers} if providers else {}))
    work.environ["EKSAUTH_CONFIG"] = str(path)


def log_in(work: Workplace, identity: str) -> None:
    """Log in where nobody sits."""
    done = work.eksauth("login", identity)
    assert done.returncode == 0, done.stderr


def users_keys(work: Workplace, name: str = "alice") -> dict[str, Any]:
    """Return the identity of a user with keys."""
    user = work.chain.identities.users[name]
    keys = {"access_key_id": user.access_key_id, "secret_access_key": user.secret_access_key}
    return {"kind": "aws/user", "credentials": keys}


def test_github_actions(work: Workplace, newest: Path) -> None:
    """A job's OIDC token becomes a role, a kubeconfig and a user of the cluster, and is traded again when that ends."""
    use(
        work,
        {"deploy": assuming(f"arn:aws:iam::{ACCOUNT}:role/GitHubDeploy", {"provider": "ci"})},
        "deploy",
        providers={"ci": {"kind": "github/oidc"}},
    )
    work.environ |= {**work.control("GET", "ci")["environment"], "CI": "true"}
    work.forget_requests()
    log_in(work, "deploy")
    assert work.asked().count("sts:AssumeRoleWithWebIdentity") == 1

    assert work.who(newest, "--context", "shop")["username"].startswith("github:")

    for entry in (work.home / ".cache" / "eksauth").rglob("*.cred"):
        entry.unlink()
    work.forget_requests()
    assert work.who(newest, "--context", "shop")["username"].startswith("github:")
    assert work.asked().count("sts:AssumeRoleWithWebIdentity") == 1


def test_another_branch_is_refused_with_what_the_token_says(work: Workplace) -> None:
    """The trust policy's refusal names the subject of the job, and never the token."""
    use(
        work,
        {"deploy": assuming(f"arn:aws:iam::{ACCOUNT}:role/GitHubDeploy", {"provider": "ci"})},
        "deploy",
        providers={"ci": {"kind": "oidc/token", "spec": {"token": {"env": "ID_TOKEN"}}}},
    )
    body = {"platform": "github", "audience": "sts.amazonaws.com", "claims": {"sub": "repo:acme/shop:ref:refs/heads/x"}}
    token = work.control("POST", "ci/tokens", body)["token"]

    done = work.eksauth("login", "deploy", environ={"ID_TOKEN": token})

    assert done.returncode == 5
    assert "repo:acme/shop:ref:refs/heads/x" in done.stderr
    assert token.rpartition(".")[2] not in done.stderr


def test_a_token_in_a_variable(work: Workplace, newest: Path) -> None:
    """As in a job of GitLab: the variable that ``id_tokens`` fills is enough."""
    use(
        work,
        {"deploy": assuming(f"arn:aws:iam::{ACCOUNT}:role/GitLabDeploy", {"provider": "ci"})},
        "deploy",
        providers={"ci": {"kind": "oidc/token", "spec": {"token": {"env": "AWS_ID_TOKEN"}}}},
    )
    work.environ["AWS_ID_TOKEN"] = work.control(
        "POST", "ci/tokens", {"platform": "gitlab", "audience": "sts.amazonaws.com"}
    )["token"]
    log_in(work, "deploy")

    assert work.who(newest, "--context", "shop")["username"].startswith("gitlab:")


def _chain_roles(work: Workplace) -> None:
    """Make two roles: the first wants a source identity, the second that it and the right tag have come along."""
    use(
        work,
        {
            "alice": users_keys(work),
            "admin": assuming(work.chain.identities.roles["admin"].arn, {"identity": "alice"}),
        },
        "admin",
    )
    keys = json.loads(work.eksauth("credential-process", "--identity", "admin").stdout)
    iam = botocore.session.Session().create_client(
        "iam",
        "us-east-1",
        endpoint_url=work.url,
        verify=work.environ["AWS_CA_BUNDLE"],
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    alice = work.chain.identities.users["alice"].arn
    wanted = {
        FIRST: (alice, {"sts:SourceIdentity": "alice@example.com"}),
        SECOND: (FIRST, {"aws:PrincipalTag/team": "platform", "aws:SourceIdentity": "alice@example.com"}),
    }
    present = {role["Arn"] for role in iam.list_roles()["Roles"]}
    for arn, (principal, conditions) in wanted.items():
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": actions,
            "Condition": {"StringEquals": conditions},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        if arn not in present:
            iam.create_role(RoleName=arn.rpartition("/")[2], AssumeRolePolicyDocument=policy)


@pytest.mark.parametrize("team", ["platform", "other"])
def test_a_chain_of_roles_with_tags_and_a_source_identity(work: Workplace, newest: Path, team: str) -> None:
    """User, role, role: the last trust policy sees tag and source identity of the first step, and lets in or refuses."""
    _chain_roles(work)
    tagged = {"tags": {"team": team}, "transitive_tags": ["team"], "source_identity": "alice@example.com"}
    identities = {
        "alice": users_keys(work),
        "first": assuming(FIRST, {"identity": "alice"}, **tagged),
        "second": assuming(SECOND, {"identity": "first"}),
    }
    use(work, identities, "second", describe_as="alice")

    done = work.eksauth("login", "second")

    if team == "other":
        assert done.returncode == 5
        assert f"AWS denied assuming {SECOND}" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert work.who(newest, "--context", "shop")["username"].startswith("chain:")
    told = json.loads(work.eksauth("whoami", "-i", "second", "-o", "json").stdout)
    assert told["chain"] == ["alice", "first", "second"]


def test_a_certificate(work: Workplace, newest: Path) -> None:
    """An X.509 certificate becomes a role through Roles Anywhere, and a user of the cluster."""
    workload = work.seed.workload
    assert workload is not None
    certificate = work.write("keys/host.pem", workload.certificate)
    private_key = work.write("keys/host.key", workload.private_key)
    identity = {
        "kind": "aws/roles-anywhere",
        "principal": {
            "assume_role": workload.role_arn,
            "trust_anchor_arn": workload.trust_anchor_arn,
            "profile_arn": workload.profile_arn,
            "certificate": str(certificate),
            "private_key": str(private_key),
        },
    }
    use(work, {"host": identity}, "host")
    log_in(work, "host")

    assert work.who(newest, "--context", "shop")["username"].startswith("workload:")


@pytest.fixture(name="admin")
def admin_(work: Workplace) -> Workplace:
    """Return a workplace where somebody is logged in as the administrator's role."""
    role = work.chain.identities.roles["admin"].arn
    use(work, {"alice": users_keys(work), "admin": assuming(role, {"identity": "alice"})}, "admin")
    log_in(work, "admin")
    return work


def test_exec(admin: Workplace, newest: Path) -> None:
    """Under ``exec`` kubectl is the identity, with the caller's own keys hidden from it."""
    wrong = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not a key", "AWS_PROFILE": "nobody"}
    told = admin.eksauth(
        "exec", "-i", "admin", "--", newest, "--context", "shop", "get", "namespaces", "-o", "name", environ=wrong
    )
    assert told.returncode == 0, told.stderr
    assert "namespace/kube-system" in told.stdout.split()
    cli = admin.eksauth("exec", "-i", "admin", "--", BIN / "aws", "sts", "get-caller-identity", environ=wrong)
    assert cli.returncode == 0, cli.stderr
    assert "assumed-role/EksAdmin/" in json.loads(cli.stdout)["Arn"]


def test_env_in_a_shell(admin: Workplace, newest: Path) -> None:
    """What ``env`` prints, evaluated by bash, makes the AWS CLI and kubectl the identity; ``--unset`` ends it."""
    script = f"""
set -eu
export AWS_PROFILE=nobody
eval "$('{EKSAUTH}' env -i admin)"
'{BIN}/aws' sts get-caller-identity --query Arn --output text
'{newest}' --context shop get namespaces -o name
eval "$('{EKSAUTH}' env --unset)"
echo "profile $AWS_PROFILE, files ${{AWS_CONFIG_FILE##*/}}"
"""
    done = admin.run("bash", "-c", script)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "assumed-role/EksAdmin/" in lines[0]
    assert "namespace/kube-system" in lines[1:-1]
    assert lines[-1] == "profile nobody, files aws-config"


def test_credential_process_in_a_profile(admin: Workplace, newest: Path) -> None:
    """A profile of the AWS CLI that asks eksauth: the token that the AWS CLI makes of it is let in."""
    variables = " ".join(f"{name}={admin.environ[name]}" for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"))
    config = admin.environ["EKSAUTH_CONFIG"]
    command = f"/usr/bin/env {variables} {EKSAUTH} credential-process --identity admin --config {config}"
    Path(admin.environ["AWS_CONFIG_FILE"]).write_text(
        f"[profile shop]\nregion = us-west-2\ncredential_process = {command}\n"
    )
    document = yaml.safe_load(admin.kubeconfig.read_text())
    (user,) = document["users"]
    # without these the AWS CLI would sign for the sandbox's host, which is none of STS
    hidden = ["-u", "AWS_ENDPOINT_URL", "-u", "AWS_ENDPOINT_URL_STS"]
    user["user"]["exec"] |= {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "env",
        "args": [*hidden, str(BIN / "aws"), "--profile", "shop", "eks", "get-token", "--cluster-name", "demo"],
    }
    theirs = admin.write("theirs", yaml.safe_dump(document))

    told = admin.who(newest, "--kubeconfig", theirs, "--context", "shop")

    assert told["extra"]["canonicalArn"] == [admin.chain.identities.roles["admin"].arn]
