"""From nothing to kubectl: ``kubeconfig update`` asks the sandbox's EKS, and kubectl is who the entry says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.e2e.peers import Run, kubectls

from eksauth.testing import SandboxHandle

EKSAUTH = Path(sys.executable).parent / "eksauth"


def whoami(run: Run, kubeconfig: Path, *words: str) -> dict:
    """Ask the API server who kubectl is."""
    found = kubectls()
    if not found:
        pytest.skip("no kubectl here")
    done = run(
        next(iter(found.values())), "auth", "whoami", "-o", "json", *words, environ={"KUBECONFIG": str(kubeconfig)}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["status"]["userInfo"]


@pytest.mark.parametrize(
    "words",
    [
        ("kubeconfig", "update", "--profile", "admin"),
        ("eks", "update-kubeconfig", "--profile", "admin"),
        ("aws", "eks", "update-kubeconfig", "--profile", "admin"),
    ],
    ids=["update", "AWS CLI", "Atmos"],
)
def test_kubectl_is_who_the_entry_says(chain: SandboxHandle, run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    """After one command kubectl reaches the cluster as the profile's role, whichever grammar was used."""
    kubeconfig = tmp_path / "config"
    done = run(EKSAUTH, *words, "--name", "demo", "--region", "us-west-2", "--kubeconfig", kubeconfig)
    assert done.returncode == 0, done.stderr

    info = whoami(run, kubeconfig)

    assert info["extra"]["canonicalArn"] == [chain.identities.roles["admin"].arn]


def test_every_cluster_and_two_roles_of_one(chain: SandboxHandle, run: Run, tmp_path: Path) -> None:
    """--all finds both clusters; a second role gets a context of its own and does not disturb the first."""
    kubeconfig = tmp_path / "config"
    source = ("--profile", "alice")
    roles = chain.identities.roles
    for name in ("admin", "readonly"):
        template = ("--context-template", "{role}@{name}", "--role-arn", roles[name].arn)
        everywhere = ("--all", "--regions", "us-west-2,eu-west-1")
        done = run(EKSAUTH, "kubeconfig", "update", *everywhere, *source, *template, "--kubeconfig", kubeconfig)
        assert done.returncode == 0, done.stderr
    contexts = json.loads(run(EKSAUTH, "kubeconfig", "list", "-o", "json", "--kubeconfig", kubeconfig).stdout)
    assert len(contexts) == 4

    seen = {
        context["name"]: whoami(run, kubeconfig, "--context", context["name"])["extra"]["canonicalArn"]
        for context in contexts
    }

    for name in ("admin", "readonly"):
        short = roles[name].arn.rpartition("/")[2]
        assert seen[f"{short}@demo"] == seen[f"{short}@demo-eu"] == [roles[name].arn]
