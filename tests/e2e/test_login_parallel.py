"""A crowd of kubectls when the session has ended: one of them renews it, or all are told the one command to run."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.e2e.workplace import Workplace

CROWD = 100
KUBECTLS = 20
CONTEXT = "sso-admin@demo"
EXEC_INFO = json.dumps(
    {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "spec": {"interactive": False},
    }
)
PEOPLE = {"sso-oidc:RegisterClient", "sso-oidc:StartDeviceAuthorization", "sso-oidc:Authorize"}

# the API server plays no part in who renews what
pytestmark = pytest.mark.parametrize("chain", ["embedded"], indirect=True)


@pytest.fixture(name="signed_in")
def signed_in_(work: Workplace) -> Workplace:
    """Sign in as dana, with kubeconfig entries, on a desktop whose browser leaves a mark when it is started."""
    browser = work.home / "browser"
    browser.write_text(f'#!/bin/sh\ntouch "{work.home}/opened.$$"\n')
    browser.chmod(0o755)
    work.environ |= {
        "EKSAUTH_CONFIG": str(work.chain.kubeconfig.parent / "eksauth.yaml"),
        "BROWSER": str(browser),
        "DISPLAY": ":99",
    }
    work.sign_in("admin")
    return work


def end_the_session(work: Workplace) -> None:
    """Let an hour and more go by: role credentials and access token are over, here and at the portal."""
    entries = list((work.home / ".cache" / "eksauth").rglob("*.cred"))
    assert entries
    for entry in entries:
        entry.unlink()
    tokens = [
        path
        for path in (work.home / ".aws" / "sso" / "cache").glob("*.json")
        if "accessToken" in json.loads(path.read_text())
    ]
    assert tokens
    for path in tokens:
        past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
        path.write_text(json.dumps({**json.loads(path.read_text()), "expiresAt": past}))
    work.control("POST", "sso/expire", {"what": "access", "user_name": "dana"})
    work.forget_requests()


def at_once(
    work: Workplace, argv: Sequence[str], number: int, environ: dict[str, str] | None = None
) -> list[tuple[int, str, str]]:
    """Run a program that many times at once; return exit code, stdout and stderr of each."""
    running = [
        subprocess.Popen(
            argv,
            env={**work.environ, **(environ or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    return [(process.returncode, *texts) for process in running for texts in [process.communicate(timeout=150)]]


def plugin(work: Workplace) -> list[str]:
    """Return what kubectl runs."""
    entry = work.entry(CONTEXT)
    return [entry["command"], *entry["args"]]


def browsers(work: Workplace) -> list[Path]:
    """Return the marks of browsers that were started."""
    return list(work.home.glob("opened.*"))


@pytest.mark.slow
def test_a_hundred_renew_once(signed_in: Workplace) -> None:
    """With a session that can be renewed in silence a hundred plugins give a token: one refresh, no browser."""
    end_the_session(signed_in)

    outcomes = at_once(signed_in, plugin(signed_in), CROWD, {"KUBERNETES_EXEC_INFO": EXEC_INFO})

    assert {(code, err) for code, _, err in outcomes} == {(0, "")}
    assert all(json.loads(out)["status"]["token"].startswith("k8s-aws-v1.") for _, out, _ in outcomes)
    assert sorted(signed_in.asked()) == ["sso-oidc:CreateToken", "sso:GetRoleCredentials"]
    assert browsers(signed_in) == []


@pytest.mark.slow
def test_a_hundred_that_need_a_person(signed_in: Workplace) -> None:
    """With a session that only a person can begin anew all end with the one command, and nobody is asked anything."""
    end_the_session(signed_in)
    signed_in.control("DELETE", "sso/sessions/dana")
    signed_in.forget_requests()

    outcomes = at_once(signed_in, plugin(signed_in), CROWD, {"KUBERNETES_EXEC_INFO": EXEC_INFO})

    assert {(code, out) for code, out, _ in outcomes} == {(4, "")}
    for _, _, err in outcomes:
        error, hint = err.splitlines()
        assert error.startswith("eksauth: error: ")
        assert hint == "eksauth: hint: run: eksauth login admin"
    asked = signed_in.asked()
    assert asked.count("sso-oidc:CreateToken") <= 1
    assert not PEOPLE & set(asked)
    assert browsers(signed_in) == []


def test_kubectls_at_once(signed_in: Workplace, newest: Path) -> None:
    """Real kubectls at the same moment all get in, with one refresh; later ones fail alike when a person is needed."""
    command = [str(newest), "--context", CONTEXT, "get", "namespaces", "-o", "name"]
    end_the_session(signed_in)

    outcomes = at_once(signed_in, command, KUBECTLS)

    assert {code for code, _, _ in outcomes} == {0}, outcomes[0]
    assert all("namespace/kube-system" in out for _, out, _ in outcomes)
    asked = [one for one in signed_in.asked() if not one.startswith("sts:")]
    assert sorted(asked) == ["sso-oidc:CreateToken", "sso:GetRoleCredentials"]
    assert browsers(signed_in) == []

    end_the_session(signed_in)
    signed_in.control("DELETE", "sso/sessions/dana")
    outcomes = at_once(signed_in, command, KUBECTLS)

    assert {code for code, _, _ in outcomes} == {1}
    assert all("eksauth: hint: run: eksauth login admin" in err for _, _, err in outcomes)
    assert browsers(signed_in) == []
