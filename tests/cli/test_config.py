"""``eksauth config``: validate, show and schema on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from eksauth.cli.main import run

GOOD = """\
auth:
  realm: acme
  providers:
    sso: {kind: aws/iam-identity-center, start_url: "https://acme.awsapps.com/start", region: eu-west-1}
    az: {kind: azure/cli}
  identities:
    Dev.1/Admin:
      kind: aws/permission-set
      via: {provider: sso}
      principal: {name: Admin, account: "012345678901"}
      env: [{key: API_TOKEN, value: hunter2}, {key: STAGE, value: dev}]
    keys:
      kind: aws/user
      default: true
      credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: !env KEY, mfa_process: "code --password hunter2 --name=x"}
      env: {PLAIN: !env FROM_HERE}
      session: {duration: 90m}
  integrations:
    web: {kind: aws/eks, via: {identity: keys}, spec: {cluster: {name: web, region: eu-west-1, kubeconfig: {mode: "0640"}}}}
    ecr: {kind: aws/ecr}
  guards:
    all: {identities: ["*"], require_reason: true, max_session: 2h}
"""


@pytest.fixture(name="file")
def file_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a configuration and go where it is."""
    path = tmp_path / "repo" / "eksauth.yaml"
    path.parent.mkdir()
    path.write_text(GOOD)
    path.chmod(0o600)
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("KEY", "hunter2hunter2")
    monkeypatch.setenv("FROM_HERE", "hunter2")
    return path


def _json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_validate_says_nothing_of_a_good_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No problem but a mode that lets others read: exit code 0, the count on standard error."""
    assert run(["config", "validate"]) == 0

    captured = capsys.readouterr()
    assert captured.out.startswith(f"{file}:19:10: warning: integrations.web.spec.cluster.kubeconfig.mode lets others")
    assert captured.err == f"eksauth: config: {file}: 0 errors, 1 warning, 0 notes\n"
    assert run(["config", "validate", "--strict"]) == 1


def test_validate_lists_all_problems_of_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with place, severity, code and remedy, in the order of the text; exit code 1."""
    file.write_text(GOOD.replace("realm: acme", "relm: acme").replace("identity: keys", "identity: key"))

    assert run(["config", "validate", "eksauth.yaml"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{file}:2:3: error: unknown key 'relm' [config.unknown_key]"
    assert lines[1] == "  fix: did you mean realm"
    assert "there is no identity 'key' [config.reference]" in lines[-2]
    assert lines[-1] == "  fix: did you mean keys"


def test_validate_for_machines(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``-o json`` has every field of every problem."""
    file.write_text("auth:\n  realm: BAD\n")

    assert run(["config", "validate", "-o", "json"]) == 1

    found = _json(capsys)
    assert (found["file"], found["ok"]) == (str(file), False)
    assert found["problems"][-1] == {
        "severity": "error",
        "code": "config.value",
        "file": str(file),
        "line": 2,
        "column": 10,
        "message": "realm must be lower-case letters and digits, with single - or _ between them, at most 64 characters",
        "hint": None,
    }


def test_validate_without_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No configuration is fine; one that was named and is not there is not."""
    monkeypatch.chdir(tmp_path)

    assert run(["config", "validate"]) == 0
    assert "no configuration was found" in capsys.readouterr().err
    assert run(["config", "validate", "-o", "json"]) == 0
    assert _json(capsys) == {"file": None, "ok": True, "problems": []}
    assert run(["config", "validate", "gone.yaml"]) == 1
    assert "gone.yaml:1:1: error: no such file or directory" in capsys.readouterr().out


def test_a_hostile_name_cannot_drive_the_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of keys and names come out escaped."""
    file.write_text('auth: {"\\e[2Jx": 1, identities: {"a\\nb\\x9b": {kind: aws/user}, "\\u202e": {kind: aws/user}}}')

    assert run(["config", "validate"]) == 1

    out = capsys.readouterr().out
    assert not set("\x1b\x9b\u202e") & set(out)
    assert "\\x1b[2Jx" in out


def test_show_resolves_and_hides(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that holds, each with its place; no secret, whether it is written there or comes from a variable."""
    assert run(["config", "show", "-o", "json", "--config", str(file)]) == 0

    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert "hunter2" not in captured.out
    assert (found["file"], found["found_by"], found["trusted"]) == (str(file), "--config", True)
    assert found["realm"] == {"value": "acme", "from": f"{file}:2:10"}
    assert found["providers"]["az"] == {"kind": "azure/cli", "left_to_atmos": True, "from": f"{file}:5:5"}
    dev = found["identities"]["Dev.1/Admin"]
    assert (dev["via_provider"], dev["principal"]) == ("sso", {"name": "Admin", "account_id": "012345678901"})
    assert dev["env"] == {"API_TOKEN": "(hidden)", "STAGE": "dev"}
    keys = found["identities"]["keys"]
    assert keys["env"] == {"PLAIN": "(hidden)"}
    assert keys["credentials"] == {
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "(hidden)",
        "mfa_process": ["code", "--password", "(hidden)", "--name=x"],
    }
    assert (keys["session_duration"], keys["from"]) == ("1h30m", f"{file}:12:5")
    assert found["integrations"]["web"]["mode"] == "0640"
    assert found["integrations"]["ecr"] == {"kind": "aws/ecr", "left_to_atmos": True}
    assert found["guards"]["all"]["max_session"] == "2h"
    assert found["variables"] == [
        {"name": "FROM_HERE", "set": True, "used_for": ["identities.keys.env.PLAIN"]},
        {"name": "KEY", "set": True, "used_for": ["identities.keys.credentials.secret_access_key"]},
    ]


def test_show_as_yaml_says_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """YAML and JSON hold the same values; account ids are text for every reader of YAML."""
    assert run(["config", "show"]) == 0
    text = capsys.readouterr().out
    assert run(["config", "show", "-o", "json"]) == 0

    assert yaml.safe_load(text) == _json(capsys)
    assert 'account_id: "012345678901"' in text


@pytest.mark.parametrize(
    "words, variables, expected",
    [
        pytest.param([], {}, "search", id="search"),
        pytest.param([], {"EKSAUTH_CONFIG": "eksauth.yaml"}, "EKSAUTH_CONFIG", id="variable"),
        pytest.param(["--config", "eksauth.yaml"], {}, "--config", id="flag"),
    ],
)
def test_show_says_how_the_file_was_found(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    variables: dict[str, str],
    expected: str,
) -> None:
    """A file that was found by searching is not trusted, one that was named is; variables win over its realm."""
    for name, value in {**variables, "EKSAUTH_REALM": "here"}.items():
        monkeypatch.setenv(name, value)

    assert run(["config", "show", "-o", "json", *words]) == 0

    found = _json(capsys)
    assert (found["found_by"], found["trusted"]) == (expected, expected != "search")
    assert found["realm"] == {"value": "here", "from": "EKSAUTH_REALM"}


def test_show_of_a_broken_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that cannot be used is exit code 3, with its place and a hint."""
    file.write_text("auth:\n  realms: x\n")

    assert run(["config", "show"]) == 3

    assert capsys.readouterr().err == (
        f"eksauth: error: {file}:2:3: unknown key 'realms'\neksauth: hint: did you mean realm\n"
    )


def test_schema_is_for_editors(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The schema that is printed takes the good file and refuses a misspelled key."""
    assert run(["config", "schema"]) == 0
    judge = jsonschema.Draft202012Validator(_json(capsys))
    tree = yaml.safe_load(GOOD.replace("!env ", ""))

    assert list(judge.iter_errors(tree)) == []
    tree["auth"]["identities"]["keys"]["defualt"] = True
    assert list(judge.iter_errors(tree)) != []
