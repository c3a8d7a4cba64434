"""What a client gets is what real clients understand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eksauth.sandbox.clientfiles import (
    RoleProfile,
    UserProfile,
    aws_config_text,
    aws_credentials_text,
    kubeconfig_text,
    shell_environment,
    shell_exports,
)
from eksauth.sandbox.layout import Layout
from eksauth.sandbox.manifest import Cluster

ALICE = UserProfile("alice", "AKIAEXAMPLE", "s3cret", "us-west-2")
CI = RoleProfile("ci", "arn:aws:iam::111122223333:role/CICDRole", ALICE, "deploy-7")
CLUSTER = Cluster(
    name="demo", region="us-west-2", endpoint="https://127.0.0.1:1", ca_pem="PEM", flavour="embedded", server_config="x"
)


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30))
def test_posix_exports_survive_a_real_shell(value: str) -> None:
    """Whatever the value, a POSIX shell that evaluates the line has exactly that value."""
    script = shell_exports({"SHOWN": value}, "posix") + 'printf %s "$SHOWN"'

    assert value.encode() == subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    "shell,expected",
    [
        pytest.param("fish", "set -gx A 'it\\'s \\\\'\n", id="fish"),
        pytest.param("powershell", "$Env:A = 'it''s \\'\n", id="powershell"),
        pytest.param("json", '{\n  "A": "it\'s \\\\"\n}\n', id="json"),
    ],
)
def test_other_shells_quote_their_own_way(shell: str, expected: str) -> None:
    """Each shell's quoting rule is kept."""
    assert expected == shell_exports({"A": "it's \\"}, shell)


def test_the_shared_files_parse_as_botocore_parses_them() -> None:
    """Users have keys, roles point to a user's profile."""
    credentials, config = RawConfigParser(), RawConfigParser()
    credentials.read_string(aws_credentials_text([ALICE]))
    config.read_string(aws_config_text([ALICE], [CI]))

    assert dict(credentials["alice"]) == {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "s3cret"}
    assert config["profile ci"]["source_profile"] == "alice"
    assert config["profile ci"]["external_id"] == "deploy-7"


def test_the_kubeconfig_has_a_context_for_each_pair(tmp_path: Path) -> None:
    """Every context names a cluster and a user that are there; no secret of the account is in the file."""
    text = kubeconfig_text(Layout(tmp_path), "https://127.0.0.1:2", [CLUSTER], [CI], [ALICE])
    document = yaml.safe_load(text)

    assert [context["name"] for context in document["contexts"]] == ["ci@demo", "alice@demo"]
    users = {user["name"]: user["user"]["exec"] for user in document["users"]}
    assert users["ci@demo"]["args"][-2:] == ["--external-id", "deploy-7"]
    assert Path(users["ci@demo"]["command"]).is_absolute()
    assert "s3cret" not in text


def test_a_secret_is_not_in_the_repr() -> None:
    """A profile can be logged."""
    assert "s3cret" not in repr(CI) + repr(ALICE) + json.dumps(str(ALICE))


def test_a_shell_from_elsewhere_ends_up_inside() -> None:
    """Evaluated in a shell full of another account's variables, the exports leave nothing of that account in force."""
    elsewhere = {
        "AWS_PROFILE": "prod",
        "AWS_SESSION_TOKEN": "stale",
        "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z",
        "AWS_ENDPOINT_URL_STS": "https://sts.example.org",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "NO_PROXY": "intranet,localhost",
        "PATH": os.environ["PATH"],
    }
    layout, endpoint = Layout(Path("/sandbox")), "https://127.0.0.1:2"
    script = shell_exports(shell_environment(layout, endpoint, ALICE, elsewhere), "posix") + "env"

    shown = subprocess.run(["sh", "-ec", script], env=elsewhere, capture_output=True, text=True, check=True).stdout
    after = dict(line.split("=", 1) for line in shown.splitlines())

    assert not after.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"}
    assert {endpoint} == {after["AWS_ENDPOINT_URL"], after["AWS_ENDPOINT_URL_STS"]}
    assert after["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] == "false"
    assert after["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert after["AWS_ACCESS_KEY_ID"] == ALICE.access_key_id


@pytest.mark.parametrize(
    "shell,expected",
    [
        pytest.param("posix", "unset A\n", id="posix"),
        pytest.param("fish", "set -e A\n", id="fish"),
        pytest.param("powershell", "Remove-Item Env:A -ErrorAction SilentlyContinue\n", id="powershell"),
        pytest.param("json", '{\n  "A": null\n}\n', id="json"),
    ],
)
def test_what_must_not_be_set_is_unset(shell: str, expected: str) -> None:
    """None takes a variable away, in each shell's own words."""
    assert expected == shell_exports({"A": None}, shell)


def test_without_a_launcher_script_the_module_is_run(tmp_path: Path) -> None:
    """An interpreter with no eksauth beside it gives a command that works from any directory, hostile ones included."""
    (tmp_path / "click.py").write_text("raise SystemExit('ran a file of the current directory')")
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    code = "from eksauth.sandbox.clientfiles import own_command; print(*own_command(), sep='\\n')"
    environ = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    command = subprocess.run(
        [str(python), "-c", code], env=environ, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    done = subprocess.run([*command, "--version"], env=environ, cwd=tmp_path, capture_output=True, text=True)

    assert command[0] == str(python)
    assert done.stdout.startswith("eksauth "), done.stderr
