"""ctx, ns, run and each through the whole chain: real tokens, a real API server where there is one, and kubectl."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from tests.e2e.peers import Run, kubectls

from eksauth.testing import SandboxHandle

EKSAUTH = str(Path(sys.executable).with_name("eksauth"))


@pytest.fixture(name="kubeconfig")
def kubeconfig_(chain: SandboxHandle, tmp_path: Path) -> dict[str, str]:
    """Give a copy of the sandbox's kubeconfig, which tests may change."""
    copy = tmp_path / "kubeconfig"
    shutil.copy(chain.kubeconfig, copy)
    return {"KUBECONFIG": str(copy)}


@pytest.fixture(name="kubectl")
def kubectl_() -> str:
    """Give a plain kubectl."""
    found = kubectls()
    if not found:
        pytest.skip("needs kubectl")
    return str(found["first"])


def test_namespaces_of_the_current_context(run: Run, kubeconfig: dict[str, str], kubectl: str) -> None:
    """Ns asks the cluster with the token of the context's plugin, and sees what kubectl sees."""
    assert run(EKSAUTH, "ctx", "admin@demo", environ=kubeconfig).returncode == 0
    ours = run(EKSAUTH, "ns", "-o", "name", environ=kubeconfig)
    theirs = run(kubectl, "get", "namespaces", "-o", "name", environ=kubeconfig)
    assert ours.returncode == theirs.returncode == 0, ours.stderr + theirs.stderr
    assert ours.stdout.split() == sorted(name.removeprefix("namespace/") for name in theirs.stdout.split())
    assert run(EKSAUTH, "ns", "kube-system", environ=kubeconfig).returncode == 0
    shown = run(kubectl, "config", "view", "--minify", "-o", "jsonpath={..namespace}", environ=kubeconfig)
    assert shown.stdout == "kube-system"
    missing = run(EKSAUTH, "ns", "kube-sistem", environ=kubeconfig)
    assert missing.returncode == 1
    assert "did you mean kube-system" in missing.stderr


def test_a_user_whom_the_cluster_does_not_know(run: Run, kubeconfig: dict[str, str]) -> None:
    """A token that the cluster refuses is exit code 6 and names the way around; nothing is written."""
    assert run(EKSAUTH, "ctx", "bob@demo", environ=kubeconfig).returncode == 0
    before = Path(kubeconfig["KUBECONFIG"]).read_bytes()
    done = run(EKSAUTH, "ns", "default", environ=kubeconfig)
    assert done.returncode == 6
    assert "401 Unauthorized" in done.stderr
    assert "--force" in done.stderr
    assert Path(kubeconfig["KUBECONFIG"]).read_bytes() == before


def test_run_is_somebody_else_for_one_command(run: Run, kubeconfig: dict[str, str], kubectl: str) -> None:
    """The command inside is the context's user, by its own plugin and CA; the current context stays."""
    before = Path(kubeconfig["KUBECONFIG"]).read_bytes()
    names = []
    for context in ("admin@demo", "alice@demo-eu"):
        done = run(EKSAUTH, "run", context, "--", kubectl, "auth", "whoami", "-o", "json", environ=kubeconfig)
        assert done.returncode == 0, done.stderr
        names.append(json.loads(done.stdout)["status"]["userInfo"]["username"])
    assert len(set(names)) == 2
    assert Path(kubeconfig["KUBECONFIG"]).read_bytes() == before


def test_each_asks_every_cluster(run: Run, kubeconfig: dict[str, str], kubectl: str) -> None:
    """One command in several contexts at once: every cluster answers, and one that refuses makes the whole fail."""
    argv = ["each", "-o", "json", "admin@*", "bob@demo", "--", kubectl, "get", "namespaces", "-o", "name"]
    done = run(EKSAUTH, *argv, environ=kubeconfig)
    results = {row["context"]: row for row in json.loads(done.stdout)}
    assert {name: row["state"] for name, row in results.items()} == {
        "admin@demo": "done",
        "admin@demo-eu": "done",
        "bob@demo": "failed",
    }
    assert all("namespace/kube-system\n" in results[name]["stdout"] for name in ("admin@demo", "admin@demo-eu"))
    assert done.returncode == results["bob@demo"]["exit_code"] == 1
