"""Login, kubectl, logout: people and their kubectl in front of a real cluster's gate."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.terminal import on_terminal
from tests.e2e.peers import Run, kubectls

from eksauth.sandbox.loopback import LoopbackClient, trusting
from eksauth.testing import SandboxHandle

EKSAUTH = Path(sys.executable).parent / "eksauth"
PASSWORD = "correct horse battery"


@pytest.fixture(name="kubectl")
def kubectl_() -> Path:
    """Return the newest kubectl."""
    found = kubectls()
    if not found:
        pytest.skip("no kubectl here")
    return next(iter(found.values()))


class Desk:
    """Somebody with a configuration and a kubeconfig of their own in front of the sandbox."""

    def __init__(self, chain: SandboxHandle, run: Run, directory: Path) -> None:
        self.chain = chain
        self.config = directory / "eksauth.yaml"
        self.kubeconfig = directory / "kube" / "config"
        self.environ = {
            "EKSAUTH_CONFIG": str(self.config),
            "KUBECONFIG": str(self.kubeconfig),
            "EKSAUTH_KEYRING_PASSWORD": PASSWORD,
            "EKSAUTH_CACHE_DIR": str(directory / "cache"),
            "EKSAUTH_STATE_DIR": str(directory / "state"),
        }
        self._run = run
        self._directory = directory

    def write(self, integrations: dict[str, tuple[str, str, str]]) -> None:
        """Write the configuration: alice with keys in a file keyring, her roles, and integrations."""
        roles = self.chain.identities.roles
        identities: dict[str, Any] = {"alice": {"kind": "aws/user"}}
        for name in ("admin", "readonly"):
            identities[name] = {
                "kind": "aws/assume-role",
                "via": {"identity": "alice"},
                "principal": {"assume_role": roles[name].arn, "region": "us-west-2"},
            }
        following = {
            name: {
                "kind": "aws/eks",
                "via": {"identity": identity},
                "spec": {"cluster": {"name": cluster, "region": region}},
            }
            for name, (identity, cluster, region) in integrations.items()
        }
        keyring = {"type": "file", "spec": {"path": str(self._directory / "keys")}}
        auth = {"keyring": keyring, "identities": identities, "integrations": following}
        self.config.write_text(yaml.safe_dump({"auth": auth}))
        self.config.chmod(0o600)

    def eksauth(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run eksauth."""
        return self._run(EKSAUTH, *words, stdin=stdin, environ=self.environ)

    def store_keys(self) -> None:
        """Put alice's keys into the keyring, as her."""
        alice = self.chain.identities.users["alice"]
        keys = f"{alice.access_key_id}\n{alice.secret_access_key}\n"
        done = self.eksauth("login", "alice", "--store-keys", "--no-kubeconfig", stdin=keys)
        assert done.returncode == 0, done.stderr

    def kubectl(self, kubectl: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl."""
        return self._run(kubectl, *words, environ={**self.environ, **environ})

    def process_environ(self, home: Path) -> dict[str, str]:
        """Return the whole environment for processes that the test starts itself."""
        return {"PATH": os.environ["PATH"], "HOME": str(home), **self.chain.environ, **self.environ, "TERM": "xterm"}


@pytest.fixture(name="desk")
def desk_(chain: SandboxHandle, run: Run, tmp_path: Path) -> Desk:
    """Return a desk where admin has both clusters and alice's keys are in the keyring."""
    desk = Desk(chain, run, tmp_path)
    desk.write({"one": ("admin", "demo", "us-west-2"), "two": ("readonly", "demo", "us-west-2")})
    desk.store_keys()
    return desk


def canonical(done: subprocess.CompletedProcess[str]) -> str:
    """Return the role in the answer of ``kubectl auth whoami``."""
    assert done.returncode == 0, done.stderr
    arn: str = json.loads(done.stdout)["status"]["userInfo"]["extra"]["canonicalArn"][0]
    return arn


def test_login_kubectl_logout_refused(desk: Desk, kubectl: Path, tmp_path: Path) -> None:
    """After login kubectl works from any directory; after logout it has no context, and a copy of it is refused."""
    assert desk.eksauth("login", "admin").returncode == 0
    worked = desk.kubectl(kubectl, "get", "namespaces", "-o", "name")
    assert worked.returncode == 0, worked.stderr
    assert "namespace/kube-system" in worked.stdout
    kept = tmp_path / "kept"
    shutil.copy(desk.kubeconfig, kept)

    out = desk.eksauth("logout", "admin")
    assert out.returncode == 0, out.stderr
    keys = desk.eksauth("logout", "alice")

    assert "keys of alice in the keyring: removed" in keys.stdout
    gone = desk.kubectl(kubectl, "get", "namespaces", "--request-timeout=5s")
    assert gone.returncode == 1
    refused = desk.kubectl(kubectl, "get", "namespaces", KUBECONFIG=str(kept))
    assert refused.returncode == 1
    assert "eksauth: error: " in refused.stderr
    assert "eksauth: hint: " in refused.stderr
    assert "eksauth login admin" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_two_identities_on_one_cluster(desk: Desk, kubectl: Path) -> None:
    """Each context is its own role, whichever was signed in to last."""
    done = desk.eksauth("login", "--all", "-o", "json")
    assert done.returncode == 0, done.stderr
    contexts = {each["identity"]: each["context"] for each in json.loads(done.stdout)["kubeconfig"]}

    for name, context in contexts.items():
        told = desk.kubectl(kubectl, "--context", context, "auth", "whoami", "-o", "json")
        assert canonical(told) == desk.chain.identities.roles[name].arn


def test_parallel_logins_on_one_kubeconfig(desk: Desk, kubectl: Path, home: Path) -> None:
    """Logins at the same time lose no entry of each other, and the file is whole at every moment."""
    desk.write(
        {
            "a": ("admin", "demo", "us-west-2"),
            "b": ("readonly", "demo", "us-west-2"),
            "c": ("admin", "demo-eu", "eu-west-1"),
            "d": ("readonly", "demo-eu", "eu-west-1"),
        }
    )
    environ = desk.process_environ(home)
    running = [
        subprocess.Popen([EKSAUTH, "login", name], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for name in ("admin", "readonly") * 2
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors

    found = yaml.safe_load(desk.kubeconfig.read_text())
    assert [len(found[section]) for section in ("clusters", "contexts", "users")] == [2, 4, 4]
    listed = desk.kubectl(kubectl, "config", "get-contexts", "-o", "name")
    assert len(listed.stdout.split()) == 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_an_interrupted_login_leaves_whole_files(desk: Desk, home: Path, number: int) -> None:
    """However far a login got, the kubeconfig is absent or whole, and the next login ends well."""
    environ = desk.process_environ(home)
    for seconds in (0.2, 0.6, 1.0):
        process = subprocess.Popen(
            [EKSAUTH, "login", "admin", "--fresh"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(seconds)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert b"Traceback" not in errors
        if desk.kubeconfig.exists():
            assert yaml.safe_load(desk.kubeconfig.read_text())["kind"] == "Config"
    done = desk.eksauth("login", "admin")
    assert done.returncode == 0, done.stderr


def test_whoami_has_the_side_of_kubernetes(desk: Desk) -> None:
    """--context asks as kubectl would, --cluster makes a token for the identity; both name the user and the groups."""
    assert desk.eksauth("login", "admin").returncode == 0
    (context,) = [each["name"] for each in yaml.safe_load(desk.kubeconfig.read_text())["contexts"]]

    by_context = desk.eksauth("whoami", "--context", context, "-o", "json")
    by_cluster = desk.eksauth("whoami", "-i", "admin", "--cluster", "demo", "-o", "json")

    assert by_context.returncode == 0, by_context.stderr
    assert by_cluster.returncode == 0, by_cluster.stderr
    ours, theirs = (json.loads(done.stdout)["kubernetes"] for done in (by_context, by_cluster))
    assert (
        ours["extra"]["canonicalArn"] == theirs["extra"]["canonicalArn"] == [desk.chain.identities.roles["admin"].arn]
    )
    assert "system:masters" in ours["groups"]
    assert ours["username"] == theirs["username"]


def test_somebody_who_is_not_let_in_is_told_so(desk: Desk) -> None:
    """Valid credentials that the cluster does not map are exit code 6."""
    content = yaml.safe_load(desk.config.read_text())
    role = desk.chain.identities.roles["ci"]
    principal = {"assume_role": role.arn, "external_id": role.external_id, "region": "us-west-2"}
    content["auth"]["identities"]["ci"] = {
        "kind": "aws/assume-role",
        "via": {"identity": "alice"},
        "principal": principal,
    }
    desk.config.write_text(yaml.safe_dump(content))
    done = desk.eksauth("whoami", "-i", "ci", "--cluster", "demo")
    assert done.returncode == 6
    assert "401 Unauthorized" in done.stderr


def test_a_person_signs_in_at_the_portal_with_a_code(desk: Desk, kubectl: Path, home: Path) -> None:
    """Device grant on a terminal: the code is shown, the portal agrees, kubectl is the permission set; then out again."""
    directory = desk.chain.kubeconfig.parent
    environ = desk.process_environ(home) | {"EKSAUTH_CONFIG": str(directory / "eksauth.yaml")}
    desk.environ["EKSAUTH_CONFIG"] = environ["EKSAUTH_CONFIG"]
    control = json.loads((directory / "aws" / "config.json").read_text())
    ca_pem = Path(desk.chain.environ["AWS_CA_BUNDLE"]).read_text()
    client = LoopbackClient(desk.chain.environ["AWS_ENDPOINT_URL"], trusting(ca_pem), control["control_token"])

    with on_terminal([str(EKSAUTH), "login", "admin", "--device", "--no-browser"], environ) as terminal:
        shown = terminal.expect("user_code=") + terminal.expect("\n")
        code = shown.rpartition("user_code=")[2].split()[0]
        client.ask("/_sandbox/sso/decide", json.dumps({"user_code": code, "user_name": "dana"}).encode())
        terminal.expect("signed in as admin")
        assert terminal.finish() == 0, terminal.text

    told = desk.kubectl(kubectl, "--context", "sso-admin@demo", "auth", "whoami", "-o", "json")
    assert "AWSReservedSSO_AdministratorAccess" in told.stdout, told.stderr
    kept = home / "kept"
    shutil.copy(desk.kubeconfig, kept)
    out = desk.eksauth("logout", "admin")
    assert out.returncode == 0, out.stderr
    assert "ended at the portal" in out.stdout
    refused = desk.kubectl(kubectl, "--context", "sso-admin@demo", "get", "pods", KUBECONFIG=str(kept))
    assert refused.returncode == 1
    assert "eksauth login admin" in refused.stderr
