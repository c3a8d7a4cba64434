"""``eksauth token --identity`` as kubectl runs it: many processes at once, with and without somebody at a terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.credentials.identities.conftest import loopback_, place_  # noqa: F401  fixtures
from tests.credentials.identities.kit import ADMIN, SERIAL, Place
from tests.credentials.sso.conftest import Center, center_, running_  # noqa: F401  fixtures
from tests.credentials.sso.person import Person

from eksauth.credentials.cache import cache_directory
from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import authenticate
from eksauth.credentials.sso.files import read_token, write_token
from eksauth.sandbox.aws.mfa import one_time_code
from eksauth.sandbox.aws.seed import ACCOUNT
from eksauth.token.exec_credential import V1

FEW = 16
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


def browser(marks: Path, *, interactive: bool = False) -> dict[str, str]:
    """Return what kubectl adds to a plugin's environment, and a browser that leaves a mark when it is started."""
    program = marks / "browser"
    program.write_text(f"#!/bin/sh\ntouch {marks}/opened.$$\n")
    program.chmod(0o755)
    return {"KUBERNETES_EXEC_INFO": exec_info(interactive=interactive), "BROWSER": str(program), "DISPLAY": ":99"}


def environment(place: Place, marks: Path, *, interactive: bool = False) -> dict[str, str]:
    """Return the environment of a plugin that talks to this AWS."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        **{name: value for name, value in place.aws.environ.items() if name != "AWS_REGION"},
        **browser(marks, interactive=interactive),
    }


def run_many(argv: list[str], environ: dict[str, str], number: int) -> list[tuple[int, str, str]]:
    """Run as many at once; return exit code, stdout and stderr of each."""
    running = [
        subprocess.Popen(
            argv, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(number)
    ]
    done = [process.communicate(timeout=150) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, done, strict=True)]


def forget_credentials() -> None:
    """Take all cached credentials away, as if they had ended."""
    for entry in Path(str(cache_directory(os.environ))).glob("*.cred"):
        entry.unlink()


@pytest.fixture(name="entry")
def entry_(center: Center, home: Path, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Sign in at the portal as a permission set; give the command of its kubeconfig entry and its environment."""
    portal = center.portal()
    path = home / "eksauth.yaml"
    path.write_text(
        f"auth:\n  providers:\n    corp: {{kind: aws/iam-identity-center, start_url: {portal.start_url!r}, "
        f"region: {portal.region}}}\n  identities:\n    dev:\n      kind: aws/permission-set\n"
        f"      via: {{provider: corp}}\n      principal: {{name: ClusterReader, account: {{id: '{ACCOUNT}'}}}}\n"
    )
    path.chmod(0o600)
    config = load_config(os.environ, flag=str(path), realm="")
    session = authenticate(config, find_identity(config, "dev"), environ=os.environ, human=Person(center.served))
    assert session.account == ACCOUNT
    argv = [
        str(Path(sys.executable).with_name("eksauth")),
        *("token", "--cluster-name", "demo", "--region", "us-west-2", "--identity", "dev"),
        *("--config", str(path), "--realm=", "--account", ACCOUNT),
    ]
    more = {name: os.environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "HOME", "PATH")}
    return argv, {**more, **browser(tmp_path)}


def test_many_renew_once(center: Center, entry: tuple[list[str], dict[str, str]], tmp_path: Path) -> None:
    """With an ended session that can be renewed in silence, many processes renew it once and open no browser."""
    token = read_token(os.environ, center.portal())
    assert token is not None
    write_token(os.environ, center.portal(), replace(token, expires_at=int(time.time()) - 5))
    forget_credentials()
    center.served.control("DELETE", "requests")
    outcomes = run_many(*entry, FEW)
    assert {code for code, _, _ in outcomes} == {0}, outcomes[0]
    assert all(json.loads(out)["status"]["token"].startswith("k8s-aws-v1.") for _, out, _ in outcomes)
    assert not [err for _, _, err in outcomes if err]
    assert center.asked("CreateToken") == 1
    assert center.asked("GetRoleCredentials") == 1
    assert not list(tmp_path.glob("opened.*"))


def test_many_fail_at_once(center: Center, entry: tuple[list[str], dict[str, str]], tmp_path: Path) -> None:
    """With a session that the portal has ended all fail with one line and one command; nobody is asked, nothing opened."""
    token = read_token(os.environ, center.portal())
    assert token is not None
    write_token(os.environ, center.portal(), replace(token, expires_at=int(time.time()) - 5))
    forget_credentials()
    center.control("DELETE", "sessions/dana")
    center.served.control("DELETE", "requests")
    outcomes = run_many(*entry, FEW)
    assert {(code, out) for code, out, _ in outcomes} == {(4, "")}
    for _, _, err in outcomes:
        lines = err.splitlines()
        assert len(lines) == 2, err
        assert lines[0].startswith("eksauth: error: ")
        assert lines[1] == "eksauth: hint: run: eksauth login dev"
    assert center.asked("CreateToken") == 1
    assert center.asked("GetRoleCredentials") == 0
    assert center.asked("StartDeviceAuthorization") == 0
    assert not list(tmp_path.glob("opened.*"))


def test_roles_are_renewed_once(place: Place, tmp_path: Path) -> None:
    """Many processes assume a role once, with the session that is still good."""
    place.write("{alice}\n" + ROLE)
    session = place.be("admin")
    for entry in Path(str(cache_directory(os.environ))).glob("*.cred"):
        if session.credentials.access_key_id in entry.read_text():
            entry.unlink()
    place.aws.cloud.log.clear()
    outcomes = run_many(command(place), environment(place, tmp_path), FEW)
    assert {(code, err) for code, _, err in outcomes} == {(0, "")}, outcomes[0]
    assert place.count("AssumeRole") == 1
    assert place.count("GetSessionToken") == 0


def test_second_factor_is_nobodys_when_nobody_is_there(place: Place, tmp_path: Path) -> None:
    """Processes that would need a typed code fail at once, with the one command, and AWS is not asked."""
    user = place.aws.seed.users["alice"]
    place.write(
        "alice:\n  kind: aws/user\n  credentials:\n"
        f"    access_key_id: {user.access_key_id}\n    secret_access_key: {user.secret_access_key}\n"
        f'    mfa_arn: "{SERIAL}"\n' + ROLE
    )
    outcomes = run_many(command(place), environment(place, tmp_path), FEW)
    ((code, out, err),) = set(outcomes)
    assert (code, out) == (4, "")
    assert err.splitlines() == [
        f"eksauth: error: 'alice' needs the code of MFA device {SERIAL}, and nobody can be asked here",
        "eksauth: hint: run: eksauth login admin",
    ]
    assert place.requests() == 0


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
