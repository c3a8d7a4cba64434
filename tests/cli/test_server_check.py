"""``eksauth server check-config`` and ``server init``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from eksauth.cli.main import run

ROLE = "arn:aws:iam::111122223333:role/Admin"


def aws_auth(sections: str) -> str:
    """Return a ConfigMap's manifest."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: aws-auth, namespace: kube-system}}\ndata:\n{sections}"


def roles(text: str) -> str:
    """Return a manifest with this mapRoles."""
    return aws_auth("  mapRoles: |\n" + "".join(f"    {line}\n" for line in text.splitlines()))


GOOD = f"- rolearn: {ROLE}\n  username: admin\n  groups:\n  - admins\n"


@pytest.mark.parametrize(
    "text, code, line, severity",
    [
        pytest.param(roles(GOOD.replace("admin\n", "{{SessionName}}\n", 1).replace("  groups", "  groups")), "mapping.section_lost", 7, "error", id="unquoted-template"),
        pytest.param(roles("- rolearn: x\n\tusername: y\n"), "mapping.section_lost", 7, "error", id="tab"),
        pytest.param(roles(f"rolearn: {ROLE}\n"), "mapping.section_lost", 6, "error", id="mapping-instead-of-list"),
        pytest.param(roles(GOOD + "- rolern: x\n  username: y\n  groups: [g]\n"), "mapping.entry_dropped", 10, "error", id="typo-in-rolearn"),
        pytest.param(roles(GOOD.replace("groups:\n  - admins", "groups: system:masters")), "mapping.groups_not_list", 8, "error", id="groups-text"),
        pytest.param(roles(GOOD.replace("groups:", "group:")), "mapping.no_groups", 6, "warning", id="group"),
        pytest.param(roles(GOOD.replace("username: admin", "username: 1234")), "mapping.empty_username", 7, "error", id="number-username"),
        pytest.param(roles(GOOD.replace("  - admins", "  - a\n     - b")), "mapping.glued_groups", 9, "error", id="extra-blank"),
        pytest.param(roles(GOOD.replace("- admins", "- yes")), "mapping.bad_group", 9, "error", id="truth-group"),
        pytest.param(roles(GOOD.replace("role/", "role/team/")), "mapping.role_path", 6, "error", id="role-path"),
        pytest.param(roles(GOOD.replace("iam::111122223333:role", "sts::111122223333:assumed-role")), "mapping.assumed_role", 6, "error", id="assumed-role"),
        pytest.param(roles(GOOD.replace(":role/", ":instance-profile/")), "mapping.instance_profile", 6, "error", id="instance-profile"),
        pytest.param(roles(GOOD.replace(":role/", ":group/")), "mapping.iam_group", 6, "error", id="group-arn"),
        pytest.param(roles(GOOD.replace("Admin", "*", 1)), "mapping.wildcard", 6, "error", id="wildcard"),
        pytest.param(roles(GOOD.replace(ROLE, f"' {ROLE}'")), "mapping.blanks", 6, "error", id="blanks"),
        pytest.param(roles(GOOD + GOOD.replace("admins", "others")), "mapping.duplicate", 10, "warning", id="duplicate"),
        pytest.param(roles(GOOD.replace("admins", "system:masters")), "mapping.masters", 6, "warning", id="masters"),
        pytest.param(roles(GOOD + GOOD.replace("Admin", "Other").replace("admins", "others")), "mapping.same_username", 10, "warning", id="same-username"),
        pytest.param(aws_auth("  maproles: |\n    []\n"), "mapping.ignored_section", 5, "error", id="top-key-case"),
        pytest.param(aws_auth("  mapRoles: []\n"), "config", 5, "error", id="no-bar"),
        pytest.param(aws_auth("  mapRoles: ''\n"), "mapping.no_mappings", 1, "warning", id="empty"),
        pytest.param("clusterID: demo\nserver:\n  mapRole: []\n", "config.unknown_key", 3, "warning", id="server-key"),
        pytest.param("clusterID: demo\nserver:\n  backendMode: X\n", "config", 3, "error", id="server-mode"),
        pytest.param("clusterID: [\n", "config.yaml", 2, "error", id="not-yaml"),
        pytest.param(f'accessEntries:\n- principalArn: {ROLE}\n  kubernetesGroups: ["system:masters"]\n', "entries.skipped", 2, "error", id="entry"),
        pytest.param('{"mapRoles": [{"username": "x"}]}', "config.dynamic_file", 1, "error", id="dynamic"),
    ],
)  # fmt: skip
def test_each_mistake_is_found_with_its_line(
    text: str, code: str, line: int, severity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ways to lock people out are errors and give exit code 1; the rest are warnings, errors with --strict."""
    path = tmp_path / "file.yaml"
    path.write_text(text)
    assert run(["server", "check-config", str(path), "-o", "json"]) == (1 if severity == "error" else 0)
    (report,) = json.loads(capsys.readouterr().out)
    found = [(item["code"], item["line"], item["severity"]) for item in report["findings"]]
    assert (code, line, severity) in found
    assert run(["server", "check-config", "--strict", str(path)]) == 1
    shown = capsys.readouterr()
    assert f"{path}:{line}: {severity}: " in shown.out
    assert f"eksauth: check-config: {path}: {report['kind']}" in shown.err


@pytest.mark.parametrize(
    "text, kind",
    [
        pytest.param(roles(GOOD), "aws-auth", id="aws-auth"),
        pytest.param(f"clusterID: demo\nserver:\n  mapUsers:\n  - userarn: {ROLE.replace('role', 'user')}\n    username: x\n    groups: [g]\n", "server configuration", id="server"),
        pytest.param("clusterID: demo\nserver:\n  backendMode: EKSConfigMap\n", "server configuration", id="other-backend"),
        pytest.param(f"accessEntries: [{{principalArn: '{ROLE}'}}]\n", "access entries", id="entries"),
        pytest.param(json.dumps({"mapRoles": [{"userid": "AROAX", "username": "x", "groups": []}]}), "dynamic file", id="dynamic-strict"),
    ],
)  # fmt: skip
def test_what_is_right_is_found_right(text: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No finding, exit code 0, and the kind of file is told."""
    path = tmp_path / "file"
    path.write_text(text)
    assert run(["server", "check-config", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{kind}," in shown.err


@contextmanager
def api_server(answers: dict[str, tuple[int, Any]]) -> Iterator[str]:
    """Run an API server that has these answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = answers.get(self.path, (404, {"kind": "Status", "message": "not found"}))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(path: Path, url: str) -> str:
    """Write a kubeconfig for a server."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(document))
    return str(path)


AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps/aws-auth"


@pytest.mark.parametrize(
    "answers, code, text",
    [
        pytest.param({AWS_AUTH: (200, {"data": {"mapRoles": GOOD}})}, 0, "aws-auth, 1 entries, 0 errors", id="good"),
        pytest.param({AWS_AUTH: (200, {"data": {"mapRoles": "{"}})}, 1, "1 error,", id="broken"),
        pytest.param({AWS_AUTH: (200, {})}, 0, "0 entries, 0 errors, 1 warning", id="no-data"),
        pytest.param({}, 6, "the cluster has no ConfigMap aws-auth", id="missing"),
        pytest.param({AWS_AUTH: (403, {"kind": "Status", "message": "no\nway"})}, 6, "you may not read the ConfigMap", id="forbidden"),
        pytest.param({AWS_AUTH: (200, [])}, 6, "none of a Kubernetes API", id="no-api"),
    ],
)  # fmt: skip
def test_the_config_map_of_a_cluster(
    answers: dict[str, tuple[int, Any]], code: int, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--configmap reads aws-auth with the context's own credentials."""
    with api_server(answers) as url:
        file = kubeconfig(tmp_path / "kubeconfig", url)
        assert run(["server", "check-config", "--configmap", "--kubeconfig", file]) == code
    assert text in capsys.readouterr().err


def test_nothing_to_check_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file and --configmap the command says what to give it; a missing file is a configuration error."""
    assert run(["server", "check-config"]) == 2
    assert run(["server", "check-config", "--context", "x", "file"]) == 2
    assert run(["server", "check-config", "missing.yaml"]) == 3
    assert capsys.readouterr().err.count("eksauth: hint:") == 3


def test_init_makes_what_an_api_server_needs_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Certificate, key and webhook kubeconfig; a second run keeps the certificate and says so."""
    state, file = tmp_path / "state", tmp_path / "webhook.yaml"
    command = [
        "server",
        "init",
        "--state-dir",
        str(state),
        "--generate-kubeconfig",
        str(file),
        "--hostname",
        "auth.example",
    ]
    assert run(command) == 0
    assert str(state / "cert.pem") in capsys.readouterr().out
    assert "server: https://auth.example:21362/authenticate" in file.read_text()
    assert (state / "key.pem").stat().st_mode & 0o777 == 0o600
    before = (state / "cert.pem").read_bytes()
    assert run([*command, "--port", "999", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["made"], told["url"]) == (False, "https://auth.example:999/authenticate")
    assert (state / "cert.pem").read_bytes() == before


def test_init_where_nothing_can_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A state directory that is a file is a configuration error with a hint."""
    (tmp_path / "state").write_text("")
    assert run(["server", "init", "--state-dir", str(tmp_path / "state")]) == 3
    assert "cannot use the state directory" in capsys.readouterr().err
