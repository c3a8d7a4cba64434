"""``eksauth verify`` on the command line, against an STS on loopback."""

from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from tests.authenticator.loopback import caller, error, hang_up, loopback_in_a_thread, reply
from tests.authenticator.tokens import fresh, signed

from eksauth.cli.main import run

HOST = "sts.us-west-2.amazonaws.com"
MAPPED = """\
clusterID: demo-cluster
server:
  mapRoles:
  - rolearn: arn:aws:iam::111122223333:role/CICDRole
    username: "ci:{{SessionName}}"
    groups: [builders, viewers]
"""


@pytest.fixture(name="config")
def config_(tmp_path: Path) -> Path:
    """Write a configuration that maps the caller."""
    path = tmp_path / "server.yaml"
    path.write_text(MAPPED)
    return path


@pytest.fixture(name="stdin")
def stdin_(monkeypatch: pytest.MonkeyPatch) -> BytesIO:
    """Give the command a standard input to write to."""
    stream = BytesIO()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(stream))
    return stream


def put(stdin: BytesIO, data: str) -> None:
    """Write what the command will read."""
    stdin.write(data.encode())
    stdin.seek(0)


def test_who_a_token_becomes(config: Path, stdin: BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    """Identity, user, groups and the deciding line are printed for a token from stdin."""
    put(stdin, json.dumps({"kind": "ExecCredential", "status": {"token": fresh()}}))
    with loopback_in_a_thread(reply(200, caller())) as server:
        code = run(["verify", "-", "--config", str(config), "--sts-endpoint", f"{HOST}={server.origin()}"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    rows = dict(line.split("  ", 1) for line in out.splitlines())
    rows = {key: value.strip() for key, value in rows.items()}
    assert rows["username"] == "ci:sess"
    assert rows["groups"] == "builders, viewers"
    assert rows["canonical arn"] == "arn:aws:iam::111122223333:role/CICDRole"
    assert rows["decided by"].endswith(f"({config}:4)")


def test_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``-o json`` prints the whole decision."""
    with loopback_in_a_thread(reply(200, caller())) as server:
        code = run(
            ["verify", fresh(), "--config", str(config), "--sts-endpoint", f"{HOST}={server.origin()}", "-o", "json"]
        )
    value = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (value["allowed"], value["reason"], value["user"]["username"]) == (True, "ok", "ci:sess")
    assert value["user"]["extra"]["canonicalArn"] == ["arn:aws:iam::111122223333:role/CICDRole"]
    assert value["match"]["source"] == {"file": str(config), "line": 4}


def test_a_caller_who_is_mapped_nowhere(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refusal names the identity, the entry that nearly fits, and the entry to add."""
    config.write_text(MAPPED.replace("role/CICDRole", "role/team/CICDRole"))
    with loopback_in_a_thread(reply(200, caller())) as server:
        code = run(["verify", fresh(), "--config", str(config), "--sts-endpoint", f"{HOST}={server.origin()}"])
    out, err = capsys.readouterr()
    assert code == 1
    assert "refused [mapping.not_mapped]" in out
    assert f"{config}:4: arn:aws:iam::111122223333:role/team/CICDRole does not fit: it has a role path" in out
    assert "  - rolearn: arn:aws:iam::111122223333:role/CICDRole\n" in out
    assert "eksauth: warning:" in err
    assert "eksauth: error: arn:aws:iam::111122223333:role/CICDRole is not mapped to a Kubernetes user" in err


@pytest.mark.parametrize(
    "script, code, reason",
    [
        pytest.param(reply(403, error("SignatureDoesNotMatch")), 1, "sts.signature_mismatch", id="wrong-cluster"),
        pytest.param(reply(400, error("Throttling")), 5, "sts.throttled", id="throttled"),
        pytest.param(hang_up, 5, "sts.unreachable", id="hangs-up"),
        pytest.param(reply(200, b"<html>"), 5, "sts.malformed_reply", id="captive-portal"),
    ],
)
def test_exit_codes(script: object, code: int, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal by STS is 1, no judgement is 5."""
    assert callable(script)
    with loopback_in_a_thread(script) as server:
        arguments = ["verify", fresh(), "--cluster-id", "demo", "--sts-endpoint", f"{HOST}={server.origin()}"]
        assert run(arguments) == code
    out, err = capsys.readouterr()
    assert f"[{reason}]" in out
    assert "eksauth: hint: " in err
    assert "Signature=" not in out + err


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        pytest.param(["verify", signed(), "--cluster-id", "demo"], 1, "the token expired", id="expired"),
        pytest.param(["verify", "x"], 2, "no cluster id", id="no-cluster"),
        pytest.param(["verify"], 2, "missing argument", id="no-token"),
        pytest.param(["verify", "x", "-i", "c", "--config", "/nonexistent"], 3, "no such file", id="no-config"),
        pytest.param(["verify", "x", "-i", "c", "--sts-endpoint", "x"], 3, "HOST=URL", id="override-shape"),
        pytest.param(["verify", "x", "-i", "c", "--sts-endpoint", f"{HOST}=ftp://x"], 3, "http", id="override-url"),
        pytest.param(["verify", "x", "-i", "c", "--sts-ca-file", "/nonexistent"], 3, "no such file", id="no-ca"),
        pytest.param(["verify", "x", "-i", "c", "--partition", "moon"], 3, "no such partition", id="partition"),
    ],
)  # fmt: skip
def test_errors(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of mistake has its exit code and one line that says what to do."""
    assert run(arguments) == code
    err = capsys.readouterr().err
    assert message in err.lower() or message in err
    assert "Traceback" not in err


def test_the_cluster_of_the_command_line_beats_the_configurations(config: Path) -> None:
    """``--cluster-id`` is what STS is told."""
    with loopback_in_a_thread(reply(200, caller())) as server:
        endpoint = f"{HOST}={server.origin()}"
        assert run(["verify", fresh(), "--config", str(config), "-i", "other", "--sts-endpoint", endpoint]) == 0
    assert b"x-k8s-aws-id: other\r\n" in server.requests[0]
