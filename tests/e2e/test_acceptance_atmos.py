"""What ``atmos auth login`` and ``atmos aws eks token`` promise, kept by eksauth in front of a cluster, through kubectl."""

from __future__ import annotations

import json
import shutil
import time
from calendar import timegm
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.terminal import on_terminal
from tests.e2e.test_chain import every_kubectl
from tests.e2e.workplace import BIN, EKSAUTH, Workplace

from eksauth.testing import SandboxHandle

ATMOS_YAML = """\
# a repository of Atmos: much of it is none of our business
base_path: "./"
components:
  terraform: {{base_path: components/terraform, apply_auto_approve: false}}
stacks:
  base_path: stacks
  name_template: "{{{{ .vars.stage }}}}"
logs: {{level: Info}}
auth:
  providers:
    company-sso:
      kind: aws/iam-identity-center
      region: us-west-2
      start_url: {start_url}/

  identities:
    dev-admin:
      kind: aws/permission-set
      via:
        provider: company-sso
      principal:
        name: AdministratorAccess
        account: sandbox-main
{more}
  integrations:
    dev/eks/primary:
      kind: aws/eks
      via:
        identity: dev-admin
      spec:
        cluster:
          name: demo
          region: us-west-2
          alias: dev-eks
"""
READER = """\
    prod.reader/eu:
      kind: aws/permission-set
      via:
        provider: company-sso
      principal:
        name: ClusterReader
        account: {id: "111122223333"}
"""
CLUSTER = ("--cluster-name", "demo", "--region", "us-west-2")
TOKEN = ("aws", "eks", "token")
DANA = "sso-admin:dana"


def in_a_repository(chain: SandboxHandle, home: Path) -> Workplace:
    """Return a workplace in a directory of a repository whose root has the ``atmos.yaml`` of the tutorial."""
    work = Workplace(chain, home)
    write(work)
    (home / "repo" / ".git").mkdir()
    work.cwd = home / "repo" / "components" / "terraform"
    work.cwd.mkdir(parents=True)
    return work


@pytest.fixture(name="repository")
def repository_(chain: SandboxHandle, home: Path) -> Workplace:
    """Return a repository whose person is not signed in."""
    return in_a_repository(chain, home)


@pytest.fixture(scope="module", name="signed_in_once")
def signed_in_once_(chain: SandboxHandle, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Sign in for all tests that only read."""
    work = in_a_repository(chain, tmp_path_factory.mktemp("home"))
    work.sign_in("dev-admin", "--no-kubeconfig")
    return work


@pytest.fixture(name="signed_in")
def signed_in_(signed_in_once: Workplace) -> Workplace:
    """Return a repository whose person is signed in, with its ``atmos.yaml`` as in the tutorial."""
    write(signed_in_once)
    shutil.rmtree(signed_in_once.home / ".kube", ignore_errors=True)
    return signed_in_once


def write(work: Workplace, more: str = "") -> None:
    """Write the repository's ``atmos.yaml``."""
    work.write("repo/atmos.yaml", ATMOS_YAML.format(start_url=work.start_url, more=more))


def kubeconfig(work: Workplace, plugin: dict[str, Any], name: str = "plugin") -> Path:
    """Write a kubeconfig for cluster demo with an exec entry, as other tools leave them."""
    cluster = work.chain.clusters["demo"]
    document = yaml.safe_load(work.chain.kubeconfig.read_text())
    ours = next(one for one in document["clusters"] if one["cluster"]["server"] == cluster.endpoint)
    arn = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
    path = work.home / name
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": arn, "cluster": ours["cluster"]}],
                "contexts": [{"name": "x", "context": {"cluster": arn, "user": "atmos-eks-demo-us-west-2"}}],
                "users": [{"name": "atmos-eks-demo-us-west-2", "user": {"exec": plugin}}],
                "current-context": "x",
            }
        )
    )
    path.chmod(0o600)
    return path


def of_atmos(*args: str, identity: str | None = None) -> dict[str, Any]:
    """Return an exec entry as Atmos writes it, with its one word changed."""
    variables = [] if identity is None else [{"name": "ATMOS_IDENTITY", "value": identity}]
    return {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": str(EKSAUTH),
        "args": [*TOKEN, *args],
        "env": variables or None,
        "interactiveMode": "Never",
    }


def test_login_in_the_repository_writes_a_kubeconfig_that_works(repository: Workplace, newest: Path) -> None:
    """Unchanged ``atmos.yaml``, one login, and kubectl works from anywhere: S9."""
    shown = repository.sign_in("dev-admin")

    assert "signed in as dev-admin" in shown
    plugin = repository.entry("dev-eks")
    assert plugin["args"][:1] == ["token"]
    assert [*zip(plugin["args"][1::2], plugin["args"][2::2], strict=False)][:3] == [
        ("--cluster-name", "demo"),
        ("--region", "us-west-2"),
        ("--identity", "dev-admin"),
    ]
    assert str(repository.home / "repo" / "atmos.yaml") in plugin["args"]
    repository.cwd = Path("/")
    assert repository.who(newest, "--context", "dev-eks")["username"] == DANA
    looked = repository.run(newest, "get", "namespaces", "-o", "name")
    assert "namespace/kube-system" in looked.stdout.split(), looked.stderr


@every_kubectl
def test_an_entry_that_atmos_wrote(signed_in: Workplace, kubectl: Path) -> None:
    """With ``command: eksauth`` the entry of Atmos works after ``eksauth login``, with every kubectl: S1, S2."""
    write(signed_in, READER)
    path = kubeconfig(signed_in, of_atmos(*CLUSTER, "--identity=dev-admin", identity="dev-admin"))

    told = signed_in.who(kubectl, "--kubeconfig", path)

    assert told["username"] == DANA
    assert "system:masters" in told["groups"]


@pytest.mark.parametrize(
    "more, args, variables, expected",
    [
        pytest.param(READER, ("--identity", "prod.reader/eu"), {}, "sso-reader:dana", id="flag"),
        pytest.param(READER, ("-i", "PROD.Reader/EU"), {}, "sso-reader:dana", id="short flag in other letters"),
        pytest.param(READER, ("-i", "dev-admin"), {"ATMOS_IDENTITY": "prod.reader/eu"}, DANA, id="flag beats variable"),
        pytest.param(READER, (), {"ATMOS_IDENTITY": "prod.reader/eu"}, "sso-reader:dana", id="Atmos's variable"),
        pytest.param(READER, (), {"EKSAUTH_IDENTITY": "prod.reader/eu"}, "sso-reader:dana", id="our variable"),
        pytest.param(READER + "      default: true\n", (), {}, "sso-reader:dana", id="default"),
        pytest.param("", (), {}, DANA, id="sole"),
    ],
)
def test_which_identity(
    signed_in: Workplace, newest: Path, more: str, args: tuple[str, ...], variables: dict[str, str], expected: str
) -> None:
    """Flag, else variable, else default, else the only one: S2."""
    write(signed_in, more)
    path = kubeconfig(signed_in, of_atmos(*CLUSTER, *args))

    assert signed_in.who(newest, "--kubeconfig", path, environ=variables)["username"] == expected


def test_no_aws_cli_and_what_login_left_is_used(signed_in: Workplace, newest: Path, tmp_path: Path) -> None:
    """Nothing but eksauth is on PATH; the second kubectl asks AWS for nothing, no command ever asks EKS: S3, S7."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "eksauth").symlink_to(EKSAUTH)
    plugin = of_atmos(*CLUSTER, "--identity=dev-admin") | {"command": "eksauth"}
    path = kubeconfig(signed_in, plugin)
    bare = {"PATH": str(programs)}
    assert signed_in.who(newest, "--kubeconfig", path, environ=bare)["username"] == DANA
    signed_in.forget_requests()

    assert signed_in.who(newest, "--kubeconfig", path, environ=bare)["username"] == DANA

    # the one that asks is the cluster's authenticator; a token of the same second is one that it has judged already
    assert set(signed_in.asked()) <= {"sts:GetCallerIdentity"}


def test_the_document(signed_in: Workplace) -> None:
    """One ExecCredential on stdout, for jq; a presigned GetCallerIdentity with the cluster's name signed in: S4 to S7."""
    signed_in.forget_requests()
    if shutil.which("jq") is None:
        pytest.skip("no jq here")
    script = f"{EKSAUTH} {' '.join([*TOKEN, *CLUSTER])} | jq -ce ."
    done = signed_in.run("bash", "-o", "pipefail", "-c", script)
    now = time.time()

    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert document["kind"] == "ExecCredential"
    assert set(document["status"]) == {"expirationTimestamp", "token"}
    ends = timegm(time.strptime(document["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
    assert 13 * 60 < ends - now <= 15 * 60
    assert signed_in.asked() == []
    decoded = signed_in.eksauth("decode", "-", "-o", "json", stdin=document["status"]["token"])
    assert decoded.returncode == 0, decoded.stderr
    assert "x-k8s-aws-id" in decoded.stdout
    assert json.loads(decoded.stdout)["host"] == "sts.us-west-2.amazonaws.com"
    assert "=" not in document["status"]["token"]
    judged = signed_in.eksauth(
        "verify",
        "-",
        "--config",
        signed_in.chain.server_config("demo"),
        stdin=document["status"]["token"],
    )
    assert judged.returncode == 0, judged.stderr
    assert DANA in judged.stdout


@pytest.mark.parametrize(
    "args, said",
    [
        pytest.param(("--cluster-name", "demo", "-i", "dev-admin"), "--region", id="no region"),
        pytest.param(("--region", "us-west-2", "-i", "dev-admin"), "--cluster-name", id="no cluster"),
        pytest.param((*CLUSTER, "-i", "dev-admin", "more"), "more", id="positional"),
        pytest.param((*CLUSTER, "--identitty", "dev-admin"), "--identitty", id="unknown flag"),
        pytest.param((*CLUSTER, "-i", "dev-admni"), "did you mean dev-admin", id="unknown identity"),
    ],
)
def test_mistakes_under_kubectl(signed_in: Workplace, newest: Path, args: tuple[str, ...], said: str) -> None:
    """A mistake is our one line and its hint among kubectl's own; no usage text: S1, S8."""
    path = kubeconfig(signed_in, of_atmos(*args))

    done = signed_in.review(newest, "--kubeconfig", path)

    assert done.returncode == 1
    ours = [line for line in done.stderr.splitlines() if line.startswith("eksauth: ")]
    assert [line.partition(": ")[2].partition(":")[0] for line in ours] in (["error"], ["error", "hint"])
    assert said in done.stderr
    assert "Usage" not in done.stderr
    assert "Options" not in done.stderr


def test_nobody_is_signed_in(repository: Workplace, newest: Path) -> None:
    """Without a login kubectl fails at once with the one command to run, and asks AWS nothing: S3, S8."""
    repository.forget_requests()
    path = kubeconfig(repository, of_atmos(*CLUSTER, "--identity=dev-admin"))

    done = repository.review(newest, "--kubeconfig", path)

    assert done.returncode == 1
    assert "eksauth: hint: run: eksauth login dev-admin" in done.stderr
    assert repository.asked() == []


def test_a_login_where_nobody_sits(repository: Workplace) -> None:
    """Without a terminal ``login`` cannot be the remedy for itself: it says what is missing, and asks AWS nothing."""
    repository.forget_requests()

    done = repository.eksauth("login")

    assert done.returncode == 4
    assert done.stderr.endswith("at a terminal, run: eksauth login dev-admin\n")
    assert repository.asked() == []


@pytest.mark.parametrize(
    "words",
    [
        ("--name", "demo", "--region", "us-west-2", "--identity", "dev-admin", "--alias", "dev-eks"),
        ("--integration", "dev/eks/primary"),
    ],
    ids=["by name", "by integration"],
)
def test_update_kubeconfig(signed_in: Workplace, newest: Path, words: tuple[str, ...]) -> None:
    """The sibling command writes the same entries, by cluster or by integration, and a dry run nothing: S10."""
    command = (str(EKSAUTH), "aws", "eks", "update-kubeconfig", *words)
    dry = at_terminal(signed_in, *command, "--dry-run")
    assert "dev-eks" in dry
    assert not signed_in.kubeconfig.exists()

    at_terminal(signed_in, *command)

    assert signed_in.who(newest, "--context", "dev-eks")["username"] == DANA


def test_update_kubeconfig_in_a_pipeline(signed_in: Workplace, newest: Path) -> None:
    """Where nobody sits, an entry that trusts the repository's file is made only for a file that was named."""
    command = ("aws", "eks", "update-kubeconfig", "--integration", "dev/eks/primary")

    refused = signed_in.eksauth(*command)
    named = signed_in.eksauth(*command, environ={"EKSAUTH_CONFIG": str(signed_in.home / "repo" / "atmos.yaml")})

    assert refused.returncode == 3
    assert "EKSAUTH_CONFIG" in refused.stderr
    assert named.returncode == 0, named.stderr
    assert signed_in.who(newest, "--context", "dev-eks")["username"] == DANA


def at_terminal(work: Workplace, *command: str) -> str:
    """Run a program at a terminal, to a good end; return the screen."""
    with on_terminal(command, work.environ, work.cwd) as terminal:
        assert terminal.finish() == 0, terminal.text
        return terminal.text


def test_a_program_beside_the_aws_cli(signed_in: Workplace) -> None:
    """The token is the one that the AWS CLI would make for the same credentials, but for its date and lifetime."""
    plain = ("eks", "get-token", "--cluster-name", "demo", "--region", "us-west-2")
    # with the sandbox as its endpoint the AWS CLI would sign for that host
    command = ("env", "-u", "AWS_ENDPOINT_URL", "-u", "AWS_ENDPOINT_URL_STS", BIN / "aws", *plain)
    theirs = signed_in.run(EKSAUTH, "exec", "-i", "dev-admin", "--credentials", "static", "--", *command)
    assert theirs.returncode == 0, theirs.stderr
    ours = signed_in.eksauth(*TOKEN, *CLUSTER)

    seen = [
        json.loads(
            signed_in.eksauth("decode", "-", "-o", "json", stdin=json.loads(one.stdout)["status"]["token"]).stdout
        )
        for one in (theirs, ours)
    ]

    for one in seen:
        for name in ("signed_at", "expires_at", "age_seconds", "remaining_seconds"):
            one.pop(name, None)
    assert seen[0].keys() == seen[1].keys()
    assert seen[0].get("access_key_id") == seen[1].get("access_key_id")
