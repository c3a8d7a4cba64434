"""``eksauth token --identity`` as kubectl runs it: many processes at once, with and without somebody at a terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.credentials.identities.conftest import loopback_, place_  # noqa: F401  fixtures
from tests.credentials.identities.kit import ADMIN, SERIAL, Place

from eksauth.credentials.cache import cache_directory
from eksauth.sandbox.aws.mfa import one_time_code
from eksauth.sandbox.aws.seed import ACCOUNT
from eksauth.token.exec_credential import V1

PROCESSES = 100
ROLE = f'admin:\n  kind: aws/assume-role\n  via: {{identity: alice}}\n  principal: {{assume_role: "{ADMIN}"}}\n'


def command(place: Place) -> list[str]:
    """Return what a kubeconfig entry runs."""
    return [
        str(Path(sys.executable).with_name("eksauth")),
        *("token", "--cluster-name", "demo", "--region", "us-west-2", "--identity", "admin"),
        *("--config", str(place.path), "--realm=", "--account", ACCOUNT),
    ]


def exec_info(*, interactive: bool) -> str:
    """Return ``KUBERNETES_EXEC_INFO`` as kubectl sets it."""
    return json.dumps({"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": interactive}})


def environment(place: Place, marks: Path, *, interactive: bool = False) -> dict[str, str]:
    """Return the environment of a plugin, with a browser that leaves a mark when it is started."""
    browser = marks / "browser"
    browser.write_text(f"#!/bin/sh\ntouch {marks}/opened.$$\n")
    browser.chmod(0o755)
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        **{name: value for name, value in place.aws.environ.items() if name != "AWS_REGION"},
        "KUBERNETES_EXEC_INFO": exec_info(interactive=interactive),
        "BROWSER": str(browser),
        "DISPLAY": ":99",
    }


def run_many(place: Place, marks: Path) -> list[tuple[int, str, str]]:
    """Run a hundred at once; return exit code, stdout and stderr of each."""
    environ = environment(place, marks)
    running = [
        subprocess.Popen(
            command(place),
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    done = [process.communicate(timeout=150) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, done, strict=True)]


def test_a_hundred_renew_once(place: Place, tmp_path: Path) -> None:
    """With an expired session that can be renewed in silence a hundred processes make one renewal, and none opens a browser."""
    place.write("{alice}\n" + ROLE)
    session = place.be("admin")
    # the session has died, here and at AWS
    for entry in Path(str(cache_directory(os.environ))).glob("*.cred"):
        if session.credentials.access_key_id in entry.read_text():
            entry.unlink()
    place.aws.cloud.log.clear()
    outcomes = run_many(place, tmp_path)
    assert {code for code, _, _ in outcomes} == {0}, outcomes[0]
    tokens = {json.loads(out)["status"]["token"] for _, out, _ in outcomes}
    assert all(token.startswith("k8s-aws-v1.") for token in tokens)
    assert place.count("AssumeRole") == 1
    assert place.count("GetSessionToken") == 0
    assert not list(tmp_path.glob("opened.*"))
    assert not [line for _, _, line in outcomes if line]


def test_a_hundred_fail_at_once(place: Place, tmp_path: Path) -> None:
    """With a session that needs a person all fail with one line and one command, and nothing is asked or opened."""
    user = place.aws.seed.users["alice"]
    place.write(
        "alice:\n  kind: aws/user\n  credentials:\n"
        f"    access_key_id: {user.access_key_id}\n    secret_access_key: {user.secret_access_key}\n"
        f'    mfa_arn: "{SERIAL}"\n' + ROLE
    )
    outcomes = run_many(place, tmp_path)
    assert {code for code, _, _ in outcomes} == {4}
    assert {out for _, out, _ in outcomes} == {""}
    (said,) = {err for _, _, err in outcomes}
    assert said.splitlines() == [
        f"eksauth: error: 'alice' needs the code of MFA device {SERIAL}, and nobody can be asked here",
        "eksauth: hint: run: eksauth login admin",
    ]
    assert place.requests() == 0
    assert not list(tmp_path.glob("opened.*"))


@pytest.mark.parametrize("interactive", [True, False], ids=["interactive", "not interactive"])
def test_prompts_only_where_kubectl_says_so(place: Place, tmp_path: Path, interactive: bool) -> None:
    """At a terminal the code is asked for when kubectl says that it is interactive, and only then."""
    seed = place.give_mfa()
    user = place.aws.seed.users["alice"]
    place.write(
        "alice:\n  kind: aws/user\n  credentials:\n"
        f"    access_key_id: {user.access_key_id}\n    secret_access_key: {user.secret_access_key}\n"
        f'    mfa_arn: "{SERIAL}"\n' + ROLE
    )
    leader, follower = pty.openpty()
    try:
        process = subprocess.Popen(
            command(place),
            env=environment(place, tmp_path, interactive=interactive),
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        if interactive:
            said = b""
            while b"MFA code" not in said:
                said += os.read(leader, 1000)
            os.write(leader, f"{one_time_code(seed, now=time.time())}\n".encode())
        out, _ = process.communicate(timeout=60)
        assert process.returncode == (0 if interactive else 4)
        assert bool(out) == interactive
    finally:
        os.close(leader)


def test_a_killed_leader_frees_the_others(place: Place, tmp_path: Path) -> None:
    """When the process that renews is killed another one takes over, and the cache is whole."""
    from eksauth.sandbox.aws.faults import OrderedFault

    place.write("{alice}\n" + ROLE)
    place.be("alice")
    place.aws.cloud.faults.order(OrderedFault(kind="latency", seconds=3, count=1, action="AssumeRole"))
    first = subprocess.Popen(
        command(place), env=environment(place, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while place.aws.cloud.faults.pending():
        time.sleep(0.01)
    second = subprocess.Popen(command(place), env=environment(place, tmp_path), stdout=subprocess.PIPE)
    first.send_signal(signal.SIGKILL)
    first.wait()
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert json.loads(out)["status"]["token"]
