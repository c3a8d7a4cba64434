"""``eksauth env`` and ``credential-process`` through bash, botocore and the AWS CLI."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from tests.kubeconfig.update.conftest import lab_, shared_endpoint_
from tests.kubeconfig.update.eks_lab import BIN
from tests.login.conftest import desk_
from tests.login.desk import Desk

__all__ = ["desk_", "lab_", "shared_endpoint_"]

ADMIN = "assumed-role/EksAdmin/"
EKSAUTH, AWS = BIN / "eksauth", BIN / "aws"


def bash(script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell."""
    return subprocess.run(
        ["bash", "-c", script], env={**os.environ, **more}, capture_output=True, text=True, timeout=60
    )


def test_a_shell_becomes_an_identity_and_goes_back(desk: Desk) -> None:
    """After eval the AWS CLI is the identity; after --unset everything is as before, profile and files included."""
    show = "env | grep -E '^(AWS|EKSAUTH|KUBE)' | sort"
    script = (
        f'cd {desk.config.parent}; {show} >before; eval "$({EKSAUTH} env -i admin)"; {AWS} sts get-caller-identity --query Arn --output text; '
        f'eval "$({EKSAUTH} env --unset)"; {show} >after; diff before after && echo same'
    )
    done = bash(script, AWS_PROFILE="it's mine", AWS_CONFIG_FILE="/nonexistent")
    assert ADMIN in done.stdout.splitlines()[0], done.stderr
    assert done.stdout.splitlines()[1:] == ["same"]


def test_pointers_hold_no_secret(desk: Desk) -> None:
    """What is printed, and the file that it points at, hold no key; the file is private."""
    done = desk.lab.eksauth("env", "-i", "admin", "-o", "json")
    values = json.loads(done.out)
    file = Path(values["AWS_CONFIG_FILE"])
    cached = "".join(path.read_text() for path in (file.parent.parent / "credentials").glob("*.cred")).splitlines()
    secrets = [line for line in cached if len(line) > 30]
    assert secrets
    assert not [secret for secret in secrets if secret in done.out or secret in file.read_text()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert values["EKSAUTH_IDENTITY"] == "admin"


def test_the_file_is_the_same_again(desk: Desk) -> None:
    """Calling env again changes nothing; another identity, and another realm, have files of their own."""
    files = []
    for words in (["-i", "admin"], ["-i", "ADMIN"], ["-i", "ro"], ["-i", "admin", "--realm", "other"]):
        done = desk.lab.eksauth("env", *words, "-o", "json")
        files.append(json.loads(done.out)["AWS_CONFIG_FILE"])
    assert files[0] == files[1]
    assert len(set(files)) == 3


def test_names_that_are_hard_to_quote(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Identities with blanks and quotes, in directories with such names, work through both parsers of the command."""
    name = 'it\'s "mine" $HOME'
    place = desk.config.parent / "a dir's" / "eksauth.yaml"
    place.parent.mkdir()
    identities = desk.identities
    identities[name] = identities.pop("admin")
    desk.config = place
    monkeypatch.setenv("EKSAUTH_CONFIG", str(place))
    desk.write({}, identities=identities)
    done = desk.lab.eksauth("env", "-i", name, "-o", "json")
    assert done.code == 0, done.err
    for variable, value in json.loads(done.out).items():
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    assert ADMIN in botocore.session.Session().create_client("sts").get_caller_identity()["Arn"]
    line = next(line for line in Path(os.environ["AWS_CONFIG_FILE"]).read_text().splitlines() if "process" in line)
    by_shell = bash(line.partition(" = ")[2])  # as other SDKs run it
    assert json.loads(by_shell.stdout)["Version"] == 1


def test_static_keys(desk: Desk) -> None:
    """With --static the keys themselves are printed, with their end, after a warning."""
    done = desk.lab.eksauth("env", "-i", "admin", "--static", "-o", "json")
    values = json.loads(done.out)
    assert values["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert values["AWS_SESSION_TOKEN"]
    assert values["AWS_CREDENTIAL_EXPIRATION"] in done.err
    assert "nothing renews them" in done.err
    client = botocore.session.Session().create_client(
        "sts",
        "us-west-2",
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=values["AWS_SESSION_TOKEN"],
    )
    assert ADMIN in client.get_caller_identity()["Arn"]


@pytest.mark.parametrize("static", [False, True])
def test_github(static: bool, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables go into the runner's file after what is there, and secrets are masked before anybody can print them."""
    file = tmp_path / "github_env"
    file.write_text("EARLIER=1")
    monkeypatch.setenv("GITHUB_ENV", str(file))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    done = desk.lab.eksauth("env", "-i", "admin", "-o", "github", *(["--static"] if static else []))
    assert done.code == 0, done.err
    text = file.read_text()
    assert text.startswith("EARLIER=1\nAWS_PROFILE<<" if not static else "EARLIER=1\n")
    assert "EKSAUTH_IDENTITY<<" in text
    masks = [line.removeprefix("::add-mask::") for line in done.out.splitlines()]
    assert len(masks) == (3 if static else 0)
    assert all(value in text for value in masks)
    assert done.out.count("::add-mask::") == len(done.out.splitlines())


@pytest.mark.parametrize("place", ["", "/nonexistent/file", "DIRECTORY", "PIPE"])
def test_github_without_a_file(place: str, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the runner's file there is an error, and no waiting for somebody to read a pipe."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("GITHUB_ENV", place.replace("DIRECTORY", str(tmp_path)).replace("PIPE", str(tmp_path / "pipe")))
    done = desk.lab.eksauth("env", "-i", "admin", "-o", "github")
    assert (done.code, done.out) == (3, "")
    assert "GITHUB_ENV" in done.err


def test_unset_without_anything(home: Path, desk: Desk) -> None:
    """Where no identity is in the shell there is nothing to print."""
    assert desk.lab.eksauth("env", "--unset").out == ""
    assert desk.lab.eksauth("env", "--unset", "--static").code == 2


@pytest.mark.parametrize(
    "shell, text", [("/bin/bash", "export "), ("/usr/bin/fish", "set -gx "), ("/opt/pwsh", "$env:")]
)
def test_the_shells_own_syntax(shell: str, text: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without -o the syntax is that of SHELL."""
    monkeypatch.setenv("SHELL", shell)
    assert (
        text + ("AWS_REGION" if text != "export " else "AWS_REGION=us-west-2")
        in desk.lab.eksauth("env", "-i", "ro").out
    )


def test_keys_that_would_be_replaced(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity that starts from the environment's keys cannot take them away from itself."""
    desk.lab.sign_in("alice", monkeypatch.setenv)
    desk.write({}, identities=desk.identities | {"outside": {"kind": "aws/ambient"}})
    done = desk.lab.eksauth("env", "-i", "outside")
    assert (done.code, done.out) == (2, "")
    assert "eksauth exec -i outside" in done.err
    assert desk.lab.eksauth("env", "-i", "outside", "--static").code == 0


@pytest.mark.parametrize("bad", ["A B", "1A", "", "A=B", "É"])
def test_impossible_variables(bad: str, desk: Desk) -> None:
    """A variable that no program could have, or that would be code in a shell, is refused."""
    identities: dict[str, Any] = desk.identities
    identities["admin"]["env"] = [{"key": bad, "value": "x"}]
    desk.write({}, identities=identities)
    done = desk.lab.eksauth("env", "-i", "admin", "-o", "bash")
    assert (done.code, done.out) == (3, "")


def profile(desk: Desk, tmp_path: Path, identity: str) -> dict[str, str]:
    """Return variables for an AWS configuration file that a person wrote."""
    file = tmp_path / "aws-config"
    command = f"{EKSAUTH} credential-process --identity {identity} --config {desk.config}"
    file.write_text(f"[profile mine]\nregion = us-west-2\ncredential_process = {command}\n")
    return {"AWS_CONFIG_FILE": str(file), "AWS_PROFILE": "mine"}


def test_credential_process_for_the_aws_cli(desk: Desk, tmp_path: Path) -> None:
    """In a profile of one's own it makes the AWS CLI the identity."""
    done = bash(f"{AWS} sts get-caller-identity", **profile(desk, tmp_path, "admin"))
    assert ADMIN in json.loads(done.stdout)["Arn"], done.stderr


def test_credential_process_for_botocore(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore takes keys, expiry and account as they were given; the second answer comes from the cache."""
    printed = json.loads(desk.lab.process("eksauth", "credential-process", "-i", "admin").stdout)
    for name, value in profile(desk, tmp_path, "admin").items():
        monkeypatch.setenv(name, value)
    found = botocore.session.Session().get_credentials()
    frozen = found.get_frozen_credentials()
    assert (frozen.access_key, frozen.secret_key) == (printed["AccessKeyId"], printed["SecretAccessKey"])
    assert (frozen.token, frozen.account_id) == (printed["SessionToken"], "111122223333")
    assert found._expiry_time.strftime("%Y-%m-%dT%H:%M:%SZ") == printed["Expiration"]
    assert printed["Version"] == 1
    assert [action for action, _ in desk.lab.asked()].count("AssumeRole") == 1


def test_credential_process_fails_loudly(desk: Desk, tmp_path: Path) -> None:
    """What goes wrong is on stderr with exit code 4, and the AWS CLI passes it on."""
    desk.write({}, guards={"rail": {"identities": ["admin"], "require_reason": True}})
    done = desk.lab.process("eksauth", "credential-process", "-i", "admin")
    assert (done.returncode, done.stdout) == (4, "")
    passed_on = bash(f"{AWS} sts get-caller-identity", **profile(desk, tmp_path, "admin"))
    assert "run: eksauth login admin --reason" in passed_on.stderr


def test_a_profile_that_asks_for_itself(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity that is a profile whose credential_process is eksauth for that identity ends, with an error."""
    desk.write({}, identities={"loop": {"kind": "aws/profile", "principal": {"profile": "mine"}}})
    for name, value in profile(desk, tmp_path, "loop").items():
        monkeypatch.setenv(name, value)
    done = bash(f"{EKSAUTH} credential-process -i loop")
    assert done.returncode == 4
    assert done.stderr.count("needs itself") == 1


def test_settings_that_are_not_about_credentials_are_carried(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's output format and retries stay; roles, keys and endpoints of the profile do not."""
    file = tmp_path / "own-config"
    file.write_text(
        "[profile mine]\noutput = text\nretry_mode = standard\nregion = eu-north-1\nrole_arn = arn:aws:iam::1:role/x\n"
        "source_profile = mine\naws_access_key_id = AKIAMINE\naws_secret_access_key = mine\nendpoint_url = https://x.example\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    found = json.loads(desk.lab.eksauth("env", "-i", "admin", "-o", "json").out)
    lines = Path(found["AWS_CONFIG_FILE"]).read_text().splitlines()
    assert sorted(line.split(" = ")[0] for line in lines[2:]) == [
        "credential_process",
        "output",
        "region",
        "retry_mode",
    ]
    assert "region = us-west-2" in lines
