"""Programs that run as an identity, through the real AWS CLI, botocore and shells."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.terminal import on_terminal
from tests.kubeconfig.update.eks_lab import BIN
from tests.login.desk import Desk

HOSTILE = {
    "AWS_PROFILE": "gone",
    "AWS_DEFAULT_PROFILE": "gone",
    "AWS_ACCESS_KEY_ID": "AKIAWRONG",
    "AWS_SECRET_ACCESS_KEY": "wrong",
    "AWS_SESSION_TOKEN": "wrong",
    "AWS_SECURITY_TOKEN": "wrong",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/wrong",
    "AWS_ROLE_SESSION_NAME": "wrong",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/wrong",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonexistent",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "BOTO_CONFIG": "/nonexistent/boto",
    "ATMOS_IDENTITY": "wrong",
}
"""What a shell may be full of; any of it would make an SDK somebody else."""
ADMIN = "assumed-role/EksAdmin/"
DELIVERIES = ["endpoint", "process", "static"]
WHO = "import botocore.session as b; print(b.Session().create_client('sts').get_caller_identity()['Arn'])"


def eksauth(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    return subprocess.run(
        [str(BIN / "eksauth"), *words],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def variables(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return what ``env -0`` printed."""
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_the_aws_cli_is_the_identity(delivery: str, desk: Desk) -> None:
    """Whatever the shell is full of, the AWS CLI is the identity and nobody else."""
    words = ["exec", "-i", "admin", "--credentials", delivery, "--", str(BIN / "aws"), "sts", "get-caller-identity"]
    done = eksauth(*words, **HOSTILE)
    assert done.returncode == 0, done.stderr
    assert ADMIN in json.loads(done.stdout)["Arn"]
    assert ("nothing renews these keys" in done.stderr) is (delivery == "static")


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_botocore_is_the_identity(delivery: str, desk: Desk) -> None:
    """The SDK itself is the identity; its region is the identity's, not the caller's."""
    code = WHO + "; print(b.Session().get_config_variable('region'))"
    done = eksauth(
        *("exec", "-i", "ADMIN", "--credentials", delivery, "--", sys.executable, "-c", code),
        **{**HOSTILE, "AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "eu-north-1"},
    )
    assert done.returncode == 0, done.stderr
    assert ADMIN in done.stdout
    assert done.stdout.splitlines()[1] == "us-west-2"


def test_nothing_of_the_caller_is_left(desk: Desk) -> None:
    """No source of other credentials is in the program's environment, and no key that the caller had."""
    found = variables(eksauth("exec", "-i", "admin", "--", "env", "-0", **HOSTILE))
    ours = {"AWS_CONFIG_FILE"}
    assert not [name for name in HOSTILE if name in found and name not in ours]
    assert found["AWS_CONFIG_FILE"] != HOSTILE["AWS_CONFIG_FILE"]
    assert Path(found["AWS_SHARED_CREDENTIALS_FILE"]).read_bytes() == b""
    assert found["EKSAUTH_IDENTITY"] == "admin"
    assert found["EKSAUTH_CONFIG"] == str(desk.config)
    assert "AKIAWRONG" not in str(found)
    assert found["AWS_ENDPOINT_URL"] == os.environ["AWS_ENDPOINT_URL"]
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
    assert len(found["AWS_CONTAINER_AUTHORIZATION_TOKEN"]) > 40


@pytest.mark.parametrize(
    "command, code",
    [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["no-such-program"], 127),
        (["/etc/passwd"], 126),
        ([], 2),
    ],
    ids=["its own", "a signal", "missing", "no program", "none"],
)
def test_exit_codes(command: list[str], code: int, desk: Desk) -> None:
    """The exit code is the program's; a program that is not there has those of a shell."""
    assert eksauth("exec", "-i", "admin", "--", *command).returncode == code


def test_what_cannot_run_asks_for_no_credentials(desk: Desk) -> None:
    """A program that is not there is an error before anybody signs in."""
    eksauth("exec", "-i", "admin", "--", "no-such-program")
    assert desk.lab.asked() == []


def test_the_programs_own_path_counts(desk: Desk, tmp_path: Path) -> None:
    """The program is looked up where its own PATH says."""
    program = tmp_path / "bin" / "only-there"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    identities = desk.identities
    identities["admin"]["env"] = {"PATH": f"{program.parent}:/usr/bin:/bin", "GREETING": "it's $HOME"}
    desk.write(identities=identities)
    assert eksauth("exec", "-i", "admin", "--", "only-there").stdout == "found\n"
    assert eksauth("exec", "-i", "admin", "--", "sh", "-c", 'echo "$GREETING"').stdout == "it's $HOME\n"


def test_signals_reach_the_program(desk: Desk) -> None:
    """SIGTERM to eksauth ends the program in its own way, and its exit code is passed on."""
    script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [str(BIN / "eksauth"), "exec", "-i", "admin", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "bye\n"
        assert process.wait() == 3


def test_ctrl_c_is_heard_once(desk: Desk) -> None:
    """At a terminal Ctrl-C reaches the program as often as it was typed, and eksauth waits for its end."""
    script = "trap 'n=$((n+1)); echo heard' INT; echo ready; sleep 5; sleep 0.3; echo count=$n; exit 6"
    command = [str(BIN / "eksauth"), "exec", "-i", "admin", "--", "bash", "-c", script]
    with on_terminal(command, {**os.environ, "TERM": "xterm"}) as terminal:
        terminal.expect("ready")
        terminal.send("\x03")
        terminal.expect("heard")
        terminal.expect("count=1\n")
        assert terminal.finish() == 6


CLIENT = """
import os, sys, urllib.request
request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                                 headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]})
def ask():
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.read().decode()
"""


def test_a_killed_parent_takes_the_endpoint_along(desk: Desk) -> None:
    """After kill -9 the program hears that nobody listens: it gets no old credentials and does not hang."""
    code = CLIENT + (
        "ask(); print('one', flush=True); sys.stdin.readline()\n"
        "try: ask(); print('still there')\n"
        "except OSError as error: print(type(error.reason).__name__)\n"
    )
    command = [str(BIN / "eksauth"), "exec", "-i", "admin", "--", sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        process.kill()
        process.wait()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.read() == "ConnectionRefusedError\n"


def test_the_endpoint_ends_with_the_program(desk: Desk) -> None:
    """What the program leaves behind in the background gets nothing any more."""
    code = CLIENT + "print(request.full_url, request.get_header('Authorization'))"
    done = eksauth("exec", "-i", "admin", "--", sys.executable, "-c", code)
    url = done.stdout.split()[0]
    with pytest.raises(OSError, match="refused"):
        __import__("urllib.request").request.urlopen(url, timeout=5)


def test_a_storm_of_children(desk: Desk) -> None:
    """Forty programs at once under one exec all get credentials, of one AssumeRole."""
    code = CLIENT + (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(40) as pool: print(len(set(pool.map(lambda _: ask(), range(200)))))\n"
    )
    done = eksauth("exec", "-i", "admin", "--", sys.executable, "-c", code)
    assert done.stdout == "1\n", done.stderr
    assert [action for action, _ in desk.lab.asked()].count("AssumeRole") == 1


def test_an_exec_in_an_exec(desk: Desk) -> None:
    """The inner identity counts, and its sources are those outside of the outer one."""
    inner = [str(BIN / "eksauth"), "exec", "-i", "ro", "--", sys.executable, "-c", WHO]
    done = eksauth("exec", "-i", "admin", "--", *inner)
    assert "assumed-role/EksReadOnly/" in done.stdout, done.stderr


@pytest.fixture(name="profile_identity")
def profile_identity_(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an identity that starts from a profile in files that only a variable names."""
    keys = desk.identities["alice"]["credentials"]
    config = tmp_path / "aws" / "config"
    config.parent.mkdir()
    config.write_text(
        f"[profile corp]\nregion = us-west-2\naws_access_key_id = {keys['access_key_id']}\n"
        f"aws_secret_access_key = {keys['secret_access_key']}\ncli_pager =\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "corp")
    identities = desk.identities | {
        "corp": {"kind": "aws/profile", "principal": {"profile": "corp"}},
        "via-corp": desk.assuming(desk.identities["admin"]["principal"]["assume_role"], via="corp"),
    }
    desk.write(identities=identities)
    return "via-corp"


@pytest.mark.parametrize("delivery", ["endpoint", "process"])
def test_eksauth_inside_finds_what_is_outside(delivery: str, profile_identity: str) -> None:
    """Kubectl's call of eksauth, and credential_process, find the profile that the program itself cannot see."""
    token = f"{BIN / 'eksauth'} token --cluster-name demo --region us-west-2 --identity {profile_identity} -o token"
    script = f'{sys.executable} -c "{WHO}" && {token}'
    done = eksauth("exec", "-i", profile_identity, "--credentials", delivery, "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    who, bearer = done.stdout.split()
    assert ADMIN in who
    assert bearer.startswith("k8s-aws-v1.")


@pytest.mark.parametrize("delivery", ["endpoint", "process", "static"])
def test_identities_that_start_from_the_environment(delivery: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys of the environment as the root, programs still are the identity; keys stay hidden unless needed."""
    desk.lab.sign_in("alice", monkeypatch.setenv)
    identities = desk.identities | {"outside": {"kind": "aws/ambient"}}
    identities["admin"]["via"] = {"identity": "outside"}
    desk.write(identities=identities)
    token = f"{BIN / 'eksauth'} token --cluster-name demo --region us-west-2 --identity admin -o token"
    script = f'{sys.executable} -c "{WHO}" && {token} >/dev/null && env'
    done = eksauth("exec", "-i", "admin", "--credentials", delivery, "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert ADMIN in done.stdout.splitlines()[0]
    if delivery != "static":
        assert "\nAWS_SECRET_ACCESS_KEY=" not in done.stdout


def test_kubeconfigs_of_the_identity_come_first(desk: Desk, tmp_path: Path) -> None:
    """A file of its own that exists is in front, the caller's files stay behind it; one that does not exist is not there."""
    own, missing, callers = tmp_path / "own", tmp_path / "missing", tmp_path / "callers"
    own.write_text("")
    desk.write(
        {
            "one": desk.following("admin", kubeconfig={"path": str(own)}),
            "two": desk.following("admin", kubeconfig={"path": str(missing)}),
        }
    )
    found = variables(eksauth("exec", "-i", "admin", "--", "env", "-0", KUBECONFIG=f"{callers}:{own}"))
    assert found["KUBECONFIG"] == f"{own}:{callers}"
    assert found["KUBE_CONFIG_PATH"] == str(own)
    other = variables(eksauth("exec", "-i", "ro", "--", "env", "-0", KUBECONFIG=str(callers)))
    assert other["KUBECONFIG"] == str(callers)
    default = variables(eksauth("exec", "-i", "admin", "--", "env", "-0"))
    assert default["KUBECONFIG"] == str(own)


def test_a_context_of_its_own_is_kept(desk: Desk) -> None:
    """Inside of a command with one context, becoming an identity does not bring other contexts back."""
    own = desk.config.parent / "own"
    desk.write({"one": desk.following("admin", kubeconfig={"path": str(own)})})
    desk.logged_in("admin")
    assert own.exists()
    inner = f"{BIN / 'eksauth'} exec -i admin -- sh -c 'echo $KUBECONFIG'; echo $KUBECONFIG"
    context = desk.lab.parsed(own)["current"]
    done = eksauth("run", context, "--", "sh", "-c", inner, KUBECONFIG=str(own))
    inside, outside = done.stdout.splitlines()
    assert inside == outside != str(own)


def test_a_context_brings_its_identity(desk: Desk) -> None:
    """With --context alone the program is the identity that the context is pinned to, and sees that context only."""
    desk.logged_in("admin")
    context = desk.lab.parsed()["current"]
    script = f'{sys.executable} -c "{WHO}"; grep -c "^- context" "$KUBECONFIG"; echo $EKSAUTH_CONTEXT'
    done = eksauth("exec", "--context", context, "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    who, count, name = done.stdout.split()
    assert (ADMIN in who, count, name) == (True, "1", context)
    assert eksauth("exec", "--context", "nowhere", "--", "true").returncode == 3


def searched(desk: Desk, **more: Any) -> dict[str, str]:
    """Return an environment in which the configuration is found by walking up, and nobody names it."""
    (desk.config.parent / ".git").mkdir(exist_ok=True)
    return {"EKSAUTH_CONFIG": "", **more}


def test_a_configuration_that_was_come_across_runs_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables and kubeconfigs of a repository's own file, which could run programs, do not reach the program."""
    evil = desk.config.parent / "kubeconfig"
    evil.write_text("")
    identities = desk.identities
    identities["admin"]["env"] = {"LD_PRELOAD": "/evil.so", "PATH": "/nowhere"}
    desk.write({"one": desk.following("admin", kubeconfig={"path": str(evil)})}, identities=identities)
    monkeypatch.chdir(desk.config.parent)
    done = eksauth("exec", "-i", "admin", "--", "env", "-0", **searched(desk))
    found = variables(done)
    assert "LD_PRELOAD" not in found
    assert found["PATH"] == os.environ["PATH"]
    assert "KUBECONFIG" not in found
    assert found.get("EKSAUTH_CONFIG", "") == ""
    assert "only found by searching" in done.stderr


def test_a_searched_configuration_stays_one_for_its_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """credential_process for a repository's own file works, and gives it no more trust than the search did."""
    monkeypatch.chdir(desk.config.parent)
    words = ["exec", "-i", "admin", "--credentials", "process", "--", "sh", "-c"]
    script = f'cd /; {sys.executable} -c "{WHO}"; cat $AWS_CONFIG_FILE'
    done = eksauth(*words, script, **searched(desk))
    assert ADMIN in done.stdout, done.stderr
    assert "--found-by-search" in done.stdout


def guarded(desk: Desk, **demands: Any) -> None:
    """Put a guard on admin."""
    desk.write(guards={"rail": {"identities": ["admin"], **demands}})


def test_guards(desk: Desk) -> None:
    """Without the login that a guard asks for nothing starts; afterwards nothing outlives the session."""
    guarded(desk, require_reason=True, max_session="15m")
    refused = eksauth("exec", "-i", "admin", "--", "true")
    assert refused.returncode == 4
    assert "run: eksauth login admin --reason" in refused.stderr
    assert eksauth("credential-process", "-i", "admin").returncode == 4
    assert desk.login("admin", "--reason", "INC-1").code == 0
    given = json.loads(eksauth("credential-process", "-i", "admin").stdout)
    code = CLIENT + "print(ask())"
    served = json.loads(eksauth("exec", "-i", "admin", "--", sys.executable, "-c", code).stdout)
    grants = list((Path(os.environ["HOME"]) / ".cache" / "eksauth" / "grants").iterdir())
    until = json.loads(grants[0].read_text())["until"]
    from eksauth.token.bearer import utc_text

    assert given["Expiration"] == served["Expiration"] == utc_text(int(until))
    log = json.loads(eksauth("audit", "-o", "json").stdout)
    assert [(each["event"], each.get("code"), each.get("reason")) for each in log] == [
        ("refused", "guard.login", None),
        ("refused", "guard.login", None),
        ("login", None, "INC-1"),
        ("credentials", None, None),
        ("exec", None, None),
    ]
    assert log[-1]["program"] == Path(sys.executable).name


def test_a_guard_on_a_link_counts(desk: Desk) -> None:
    """What goes through a guarded identity is guarded."""
    identities = desk.identities | {
        "behind": desk.assuming(desk.identities["admin"]["principal"]["assume_role"], "admin")
    }
    desk.write(identities=identities, guards={"rail": {"identities": ["admin"], "require_reason": True}})
    assert eksauth("exec", "-i", "behind", "--", "true").returncode == 4


def test_a_log_that_is_demanded(desk: Desk) -> None:
    """With require_audit nothing starts that cannot be written down; without it there is a warning."""
    done = eksauth("exec", "-i", "admin", "--", "true", EKSAUTH_AUDIT_LOG="/dev/null/x")
    assert (done.returncode, "audit log is not written" in done.stderr) == (0, True)
    guarded(desk, require_audit=True)
    assert desk.login("admin").code == 0
    assert eksauth("exec", "-i", "admin", "--", "true").returncode == 0
    for place in ("/dev/null/x", "off"):
        done = eksauth("exec", "-i", "admin", "--", "true", EKSAUTH_AUDIT_LOG=place)
        assert (done.returncode, "demands the audit log" in done.stderr) == (4, True)


@pytest.mark.parametrize("words", [["exec", "--", "true"], ["env"], ["credential-process"], ["console"], ["shell"]])
def test_without_a_configuration(words: list[str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no identities there is one line that says so."""
    monkeypatch.chdir(tmp_path)
    done = eksauth(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("eksauth: error: no identity: there is no configuration\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell(shell: str, desk: Desk, home: Path) -> None:
    """A shell is the identity whatever the person's start files set, shows it in its prompt, and passes its code on."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    (home / ".bashrc").write_text("export AWS_PROFILE=mine AWS_REGION=mars-1\nPS1='$ '\n")
    (home / ".zshrc").write_text("export AWS_PROFILE=mine AWS_REGION=mars-1\nPROMPT='$ '\n")
    environ: Mapping[str, str] = {**os.environ, "SHELL": program, "TERM": "xterm"}
    with on_terminal([str(BIN / "eksauth"), "shell", "-i", "admin"], environ) as terminal:
        terminal.expect('this shell is identity "admin"')
        terminal.expect("admin) ")
        terminal.send(
            "echo is=${AWS_PROFILE-none}=$AWS_REGION=$EKSAUTH_IDENTITY\n"
            if shell != "fish"
            else "echo is=none=$AWS_REGION=$EKSAUTH_IDENTITY\n"
        )
        terminal.expect("\nis=none=us-west-2=admin")
        terminal.send(f'{sys.executable} -c "{WHO}"\n')
        terminal.expect(f":{ADMIN}")
        terminal.send("exit 5\n")
        assert terminal.finish() == 5
