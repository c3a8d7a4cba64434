"""What a client gets is what real clients understand."""

from __future__ import annotations

import json
import subprocess
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
