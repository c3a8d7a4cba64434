"""Lint: every rule finds its fault at its place and says how to mend it, and a good file is clean."""

from __future__ import annotations

import base64
import json
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.kubeconfig.managed import API, config, text, write
from tests.kubeconfig.test_certificates import KEY, certificate

from eksauth.cli.main import run
from eksauth.kubeconfig.lint.finding import Finding, Surroundings
from eksauth.kubeconfig.lint.run import lint
from eksauth.kubeconfig.paths import kubeconfig_files

NOW = datetime(2026, 6, 1, 12)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
KEY_PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


GOOD_CA = _b64(certificate(NOW - YEAR, NOW + YEAR))
PLUGIN = {"apiVersion": API, "command": "/bin/sh", "interactiveMode": "Never"}
ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/demo"
MARK = {"name": "eksauth", "extension": {"account": "111122223333", "region": "eu-west-1", "cluster": "demo"}}
OTHER_MARK = {"name": "eksauth", "extension": {"account": "111122223333", "region": "eu-west-1", "cluster": "other"}}


def _good(
    cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, context: dict[str, Any] | None = None
) -> dict[str, Any]:
    return config(
        {"c": {"server": "https://c", "certificate-authority-data": GOOD_CA} | (cluster or {})},
        {"x": {"cluster": "c", "user": "u"} | (context or {})},
        {"u": user if user is not None else {"exec": PLUGIN}},
        current_context="x",
    )


def _lint(path: Path | str, search_path: str = "/bin:/usr/bin") -> list[Finding]:
    environ = {"KUBECONFIG": str(path)}
    return lint(
        kubeconfig_files(environ), Surroundings(Path("/"), (NOW - datetime(1970, 1, 1)).total_seconds(), search_path)
    )


def _check(path: Path, code: str, level: str, key: str, content: dict[str, Any] | str) -> None:
    """Assert that the one finding has this code and level and stands where ``key`` is."""
    write(path, content)
    found = [finding for finding in _lint(path) if finding.code == code]
    assert [finding.level for finding in found] == [level], _lint(path)
    written = path.read_text().splitlines()
    if key:
        line = written[found[0].line - 1]
        assert line[found[0].column - 1 :].startswith((key, f'"{key}"')), (found[0], line)
    assert found[0].fix
    assert str(path) in found[0].place


def test_a_good_file_is_clean(tmp_path: Path) -> None:
    """Nothing to say about a private file with a valid cluster, user and context."""
    assert _lint(write(tmp_path / "config", _good())) == []


@pytest.mark.parametrize(
    "code,level,key,content",
    [
        ("cluster.insecure", "warning", "insecure-skip-tls-verify", _good({"insecure-skip-tls-verify": True, "certificate-authority-data": ""})),
        ("cluster.http", "warning", "server", _good({"server": "http://c"})),
        ("cluster.http", "info", "server", _good({"server": "http://127.0.0.1:8001"})),
        ("cluster.server", "error", "server", _good({"server": "ftp://c"})),
        ("cluster.server", "error", "server", _good({"server": "https://c:port"})),
        ("secret.server", "warning", "server", _good({"server": "https://u:p@c"})),
        ("secret.proxy", "warning", "proxy-url", _good({"proxy-url": "http://u:p@c:1"})),
        ("ca.pem", "error", "certificate-authority-data", _good({"certificate-authority-data": _b64(b"no")})),
        ("ca.expired", "error", "certificate-authority-data", _good({"certificate-authority-data": _b64(certificate(NOW - YEAR, NOW - DAY))})),
        ("ca.expiring", "warning", "certificate-authority-data", _good({"certificate-authority-data": _b64(certificate(NOW - YEAR, NOW + 9 * DAY))})),
        ("ca.early", "error", "certificate-authority-data", _good({"certificate-authority-data": _b64(certificate(NOW + DAY, NOW + YEAR))})),
        ("certificate.expired", "error", "client-certificate-data", _good(user={"client-certificate-data": _b64(certificate(NOW - YEAR, NOW - DAY)), "client-key-data": _b64(KEY_PEM)})),
        ("key.pem", "error", "client-key-data", _good(user={"client-certificate-data": GOOD_CA, "client-key-data": _b64(b"x")})),
        ("exec.hidden", "warning", "token", _good(user={"token": "t", "exec": PLUGIN})),
        ("exec.hidden", "warning", "username", _good(user={"username": "t", "password": "p", "exec": PLUGIN})),
        ("exec.missing", "error", "command", _good(user={"exec": PLUGIN | {"command": "no-such-program"}})),
        ("exec.missing", "error", "command", _good(user={"exec": PLUGIN | {"command": "~/bin/sh"}})),
        ("exec.missing", "error", "command", _good(user={"exec": PLUGIN | {"command": "sh -c"}})),
        ("exec.missing", "error", "command", _good(user={"exec": PLUGIN | {"command": "./sh"}})),
        ("kubeconfig.exec_version", "error", "", _good(user={"exec": PLUGIN | {"apiVersion": "client.authentication.k8s.io/v1alpha1"}})),
        ("secret.exec_env", "warning", "env", _good(user={"exec": PLUGIN | {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}]}})),
        ("secret.exec_args", "warning", "args", _good(user={"exec": PLUGIN | {"args": ["--client-secret", "hunter2"]}})),
        ("secret.exec_args", "warning", "args", _good(user={"exec": PLUGIN | {"args": ["--token=hunter2"]}})),
        ("secret.token", "info", "token", _good(user={"token": "hunter2"})),
        ("token.expired", "error", "token", _good(user={"token": "e30." + base64.urlsafe_b64encode(b'{"exp":1000}').decode().rstrip("=") + ".x"})),
        ("secret.password", "warning", "password", _good(user={"username": "u", "password": "hunter2"})),
        ("secret.provider", "warning", "auth-provider", _good(user={"auth-provider": {"name": "oidc", "config": {"client-secret": "hunter2"}}})),
        ("kubeconfig.provider", "error", "", _good(user={"auth-provider": {"name": "gcp"}})),
        ("reference.missing", "error", "cluster", _good(context={"cluster": "d"})),
        ("reference.missing", "error", "user", _good(context={"user": "v"})),
        ("reference.current", "error", "current-context", _good() | {"current-context": "y"}),
        ("reference.namespace", "warning", "namespace", _good(context={"namespace": "ns/x"})),
        ("name.unused", "info", "", _good() | {"clusters": [{"name": "c", "cluster": {"server": "https://c"}}, {"name": "d", "cluster": {"server": "https://d"}}]}),
        ("key.unknown", "warning", "nmespace", _good(context={"nmespace": "x"})),
        ("key.unknown", "warning", "Clusters", _good() | {"Clusters": []}),
        ("key.unknown", "warning", "insecure_skip_tls_verify", _good({"insecure_skip_tls_verify": True})),
        ("key.unknown", "warning", "commnd", _good(user={"exec": PLUGIN | {"commnd": "x"}})),
        ("key.twice", "warning", "kind", "kind: Config\nkind: Config\n"),
        ("kubeconfig.duplicate", "error", "", _good() | {"users": [{"name": "u", "user": {}}, {"name": "u", "user": {"token": "hunter2"}}]}),
        ("kubeconfig.base64", "error", "", _good({"certificate-authority-data": "%%%"})),
        ("kubeconfig.type", "error", "", _good() | {"contexts": {"x": {}}}),
        ("kubeconfig.yaml", "error", "", "clusters:\n\t- x\n"),
        ("file.documents", "warning", "", text(_good()) + "---\nkind: Config\n"),
        ("owner.stale", "warning", "args", _good(user={"extensions": [MARK], "exec": PLUGIN | {"args": ["token", "--cluster-name", "demo", "--region", "us-east-1"]}})),
        ("owner.none", "info", "", _good(user={"exec": PLUGIN | {"command": "/bin/sh", "args": ["eks", "get-token", "--cluster-name", "demo", "--region", "us-east-1"]}})),
        ("owner.mixed", "warning", "cluster", _good({"extensions": [OTHER_MARK]}, context={"extensions": [MARK]})),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and "\n" not in value else "",
)  # fmt: skip
def test_each_fault_is_found_at_its_place(
    tmp_path: Path, code: str, level: str, key: str, content: dict[str, Any] | str
) -> None:
    """Code, level, file, line and column; the message never repeats a secret."""
    path = tmp_path / "config"
    _check(path, code, level, key, content)
    assert "hunter2" not in "".join(finding.message + finding.fix for finding in _lint(path))


@pytest.mark.parametrize(
    "key,where,fix",
    [
        ("Server", "cluster", "write server"),
        ("certificateAuthorityData", "cluster", "write certificate-authority-data"),
        ("namespce", "context", "write namespace"),
    ],
)
def test_unknown_keys_get_a_suggestion(tmp_path: Path, key: str, where: str, fix: str) -> None:
    """The nearest known key, whatever the case and the dashes."""
    path = write(tmp_path / "config", _good({key: "x"}) if where == "cluster" else _good(context={key: "x"}))
    assert [finding.fix for finding in _lint(path) if finding.code == "key.unknown"] == [fix]


def test_keys_inside_extensions_are_free(tmp_path: Path) -> None:
    """Extensions hold what they like."""
    extension = {"name": "minikube", "extension": {"anything": {"goes": [1]}}}
    assert _lint(write(tmp_path / "config", _good({"extensions": [extension]}))) == []


def test_a_key_one_level_too_high_is_explained(tmp_path: Path) -> None:
    """Kubectl ignores a namespace beside the context's body; where it belongs is said."""
    content = _good()
    content["contexts"][0]["namespace"] = "web"
    (found,) = _lint(write(tmp_path / "config", content))
    assert "belongs below context" in found.fix


@pytest.mark.parametrize(
    "mode,code,level",
    [(0o640, "file.mode", "warning"), (0o644, "file.mode", "warning"), (0o666, "file.writable", "error")],
    ids=["group", "everybody", "writable"],
)
def test_modes(tmp_path: Path, mode: int, code: str, level: str) -> None:
    """Access of others is a warning; to write is to run programs as the owner."""
    path = write(tmp_path / "config", _good())
    path.chmod(mode)
    assert [(finding.code, finding.level) for finding in _lint(path)] == [(code, level)]


def test_devices_and_pipes_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """KUBECONFIG may be /dev/null, or a pipe of the shell; neither its mode nor that of /dev/null is changed."""
    before = Path("/dev/null").stat().st_mode
    assert run(["kubeconfig", "lint", "--kubeconfig", "/dev/null", "--fix-permissions"]) == 0
    assert Path("/dev/null").stat().st_mode == before
    assert "0 errors, 0 warnings" in capsys.readouterr().err


def test_the_list_of_files(tmp_path: Path) -> None:
    """A tilde, a missing file, one file twice, and a lock that nobody will take away."""
    path = write(tmp_path / "config", _good())
    (tmp_path / "link").symlink_to(path)
    lock = tmp_path / "config.lock"
    lock.touch()
    os.utime(lock, (1000, 1000))
    listed = f"~/x:{path}:{tmp_path / 'link'}:{tmp_path / 'none'}"
    codes = {finding.code for finding in _lint(listed)}
    assert {"file.tilde", "file.twice", "file.missing", "file.lock", "name.hidden"} <= codes


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    """Each file is checked, and each finding names its file."""
    broken = write(tmp_path / "broken", "a: [\n")
    other = write(tmp_path / "other", _good({"server": "http://c"}))
    found = _lint(f"{broken}:{other}")
    assert {(finding.path, finding.code) for finding in found} == {(broken, "kubeconfig.yaml"), (other, "cluster.http")}


def test_a_shim_is_named(tmp_path: Path) -> None:
    """A version manager's shim works in some directories only."""
    shim = tmp_path / ".pyenv" / "shims" / "aws"
    shim.parent.mkdir(parents=True)
    shim.write_text("#!/bin/sh\n")
    shim.chmod(0o755)
    path = write(tmp_path / "config", _good(user={"exec": PLUGIN | {"command": "aws"}}))
    assert [finding.code for finding in _lint(path, str(shim.parent))] == ["exec.shim"]


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    """The mode of a key file counts as well; paths start from the kubeconfig's directory."""
    (tmp_path / "c.crt").write_bytes(certificate(NOW - YEAR, NOW + YEAR))
    (tmp_path / "c.key").write_bytes(KEY_PEM)
    (tmp_path / "c.key").chmod(0o644)
    path = write(tmp_path / "config", _good(user={"client-certificate": "c.crt", "client-key": "c.key"}))
    assert [finding.code for finding in _lint(path)] == ["key.mode"]


@pytest.mark.parametrize(
    "content,words,code",
    [
        (_good(), [], 0),
        (_good({"server": "http://c"}), [], 0),
        (_good({"server": "http://c"}), ["--strict"], 1),
        (_good(user={"token": "t"}), ["--strict"], 0),
        (_good(context={"user": "nobody"}), [], 1),
    ],
    ids=["clean", "warning", "strict", "note", "error"],
)
def test_exit_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: dict[str, Any], words: list[str], code: int
) -> None:
    """Errors are a no; warnings with --strict."""
    content["clusters"][0]["cluster"].pop("certificate-authority-data")  # its dates are those of this test
    path = write(tmp_path / "config", content)
    assert run(["kubeconfig", "lint", "--kubeconfig", str(path), *words]) == code


def test_the_command_prints_json_and_fixes_modes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every finding has level, code, file, line, column, what and fix."""
    path = write(tmp_path / "config", _good(context={"namespace": "A B"}))
    path.chmod(0o644)
    assert run(["kubeconfig", "lint", "--kubeconfig", str(path), "-o", "json", "--fix-permissions"]) == 0
    (found,) = [item for item in json.loads(capsys.readouterr().out) if item["code"] == "reference.namespace"]
    assert set(found) == {"level", "code", "file", "line", "column", "what", "fix"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
