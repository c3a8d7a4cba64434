"""``eksauth ns``: namespaces asked for with the context's own credentials, and the choice of one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.cli.context_kit import eksauth, kubectl, write
from tests.kube.api_stub import Api, answer, plugin, running_api

GOOD = "    token: good\n"


@pytest.fixture(name="api")
def api_() -> Iterator[Api]:
    """Run an API server with three namespaces."""
    with running_api(Api()) as api:
        yield api


@pytest.fixture(name="config")
def config_(api: Api, home: Path) -> Path:
    """Give a kubeconfig with a token that is good."""
    return write(home / ".kube" / "config", api.kubeconfig(GOOD))


def exec_user(command: Path | str, *more: str) -> str:
    """Return a user entry that runs a plugin."""
    lines = [
        "exec:",
        f"  command: {command}",
        "  apiVersion: client.authentication.k8s.io/v1",
        "  interactiveMode: IfAvailable",
    ]
    return "".join(f"    {line}\n" for line in [*lines, *(f"  {line}" for line in more)])


def test_list(config: Path, api: Api) -> None:
    """All pages are fetched, the context's namespace is marked, and scripts get names or JSON."""
    assert eksauth("ns").stdout == "* default\n  kube-system\n  payments\n"
    assert eksauth("ns", "-o", "name").stdout == "default\nkube-system\npayments\n"
    assert json.loads(eksauth("ns", "-o", "json").stdout)[2] == {"name": "payments", "current": False}
    assert len(api.requests) == 6


def test_switch(config: Path) -> None:
    """Kubectl works in the namespace afterwards, - goes back, and the file keeps everything else."""
    before = config.read_text()
    done = eksauth("ns", "payments")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == 'context "one" is now in namespace "payments" (was "default")\n'
    assert kubectl("config", "view", "--minify", "-o", "jsonpath={..namespace}") == "payments"
    assert config.read_text() == before.replace("    user: u\n", "    namespace: payments\n    user: u\n")
    assert eksauth("ns", "kube-system").returncode == 0
    assert eksauth("ns", "-").returncode == 0
    assert eksauth("ns", "-c").stdout == "payments\n"
    assert eksauth("ns", "-u").returncode == 0
    assert config.read_text() == before


def test_unknown_namespaces(config: Path, api: Api) -> None:
    """What does not exist is refused with what may have been meant; --force does not ask at all."""
    done = eksauth("ns", "paiments")
    assert done.returncode == 1
    assert "did you mean payments" in done.stderr
    asked = len(api.requests)
    assert eksauth("ns", "soon", "--force").returncode == 0
    assert len(api.requests) == asked
    assert eksauth("ns", "-c").stdout == "soon\n"


def test_no_right_to_list(config: Path, api: Api) -> None:
    """Who may not list namespaces may still switch: the one is looked at instead."""
    api.may_list = False
    done = eksauth("ns")
    assert done.returncode == 6
    assert "namespaces is forbidden" in done.stderr
    assert "eksauth ns NAME works without that right" in done.stderr
    assert eksauth("ns", "payments").returncode == 0
    assert eksauth("ns", "nope").returncode == 1


def test_no_right_to_look(config: Path, api: Api) -> None:
    """Who may not even look at one is believed, with a warning."""
    api.may_list = api.may_get = False
    done = eksauth("ns", "payments")
    assert done.returncode == 0
    assert "you may not see whether" in done.stderr
    assert eksauth("ns", "-c").stdout == "payments\n"


def test_unreachable(home: Path, api: Api) -> None:
    """A cluster that does not answer is an error that names --force; nothing is written."""
    path = write(home / ".kube" / "config", api.kubeconfig(GOOD, server="https://127.0.0.1:1"))
    before = path.read_bytes()
    done = eksauth("ns", "payments")
    assert done.returncode == 6
    assert "cannot reach the API server at 127.0.0.1" in done.stderr
    assert "eksauth ns payments --force" in done.stderr
    assert path.read_bytes() == before
    assert eksauth("ns", "payments", "--force").returncode == 0


@pytest.mark.parametrize("name", ["Payments", "a/b", "-x-", "a" * 64, "ns/x", "a b", ""])
def test_names_that_no_namespace_has(name: str, config: Path) -> None:
    """Kubectl refuses them too, later; nothing is asked and nothing written."""
    before = config.read_bytes()
    assert eksauth("ns", "--force", "--", name).returncode == 2
    assert config.read_bytes() == before


def test_no_current_context(home: Path) -> None:
    """Without a context there is no namespace."""
    write(home / ".kube" / "config", "kind: Config\n")
    done = eksauth("ns")
    assert done.returncode == 3
    assert "current-context is not set" in done.stderr


@pytest.mark.parametrize(
    "where", ["token", "file", "basic", "certificate data", "certificate files", "plugin", "bare plugin"]
)
def test_credentials_of_every_kind(where: str, api: Api, home: Path) -> None:
    """Tokens, files beside the kubeconfig, passwords, client certificates and plugins are all used as kubectl uses them."""
    directory = home / ".kube"
    directory.mkdir()
    (directory / "token").write_text("good\n")
    (directory / "me.crt").write_bytes(api.certificate)
    (directory / "me.key").write_bytes(api.key)
    plugin(directory, answer("good"))
    data = {
        name: base64.b64encode(value).decode() for name, value in (("certificate", api.certificate), ("key", api.key))
    }
    user = {
        "token": GOOD,
        "file": "    tokenFile: token\n",
        "basic": "    username: me\n    password: secret\n",
        "certificate data": f"    client-certificate-data: {data['certificate']}\n    client-key-data: {data['key']}\n",
        "certificate files": "    client-certificate: me.crt\n    client-key: me.key\n",
        "plugin": exec_user("./plugin"),
        "bare plugin": exec_user("plugin"),
    }[where]
    write(directory / "config", api.kubeconfig(user))
    done = eksauth("ns", "-o", "name", PATH=f"{directory}:/usr/bin:/bin")
    assert done.stdout.split() == api.namespaces, done.stderr
    # the same from kubectl, for the same reasons
    assert kubectl("get", "--raw", "/api/v1/namespaces/payments", environ={"PATH": f"{directory}:/usr/bin:/bin"})


def test_a_token_beside_a_plugin_wins(api: Api, home: Path) -> None:
    """The plugin is not run then."""
    path = plugin(home, "echo ran >&2; exit 1")
    write(home / ".kube" / "config", api.kubeconfig(GOOD + exec_user(path)))
    assert eksauth("ns").returncode == 0


def test_a_plain_http_server_gets_no_credentials(home: Path) -> None:
    """Neither token nor plugin is used where anybody could listen, as with kubectl."""
    seen: list[str | None] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            body = b'{"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": []}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    path = plugin(home, "touch ran; exit 1")
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        for user in (GOOD, exec_user(path)):
            text = (
                "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
                f"clusters:\n- name: c\n  cluster:\n    server: http://127.0.0.1:{server.server_port}\n"
                "contexts:\n- name: one\n  context:\n    cluster: c\n    user: u\n"
                f"users:\n- name: u\n  user:\n{user}"
            )
            write(home / ".kube" / "config", text)
            done = eksauth("ns", "-o", "json")
            assert done.returncode == 0, done.stderr
        server.shutdown()
        thread.join()
    assert seen == [None, None]
    assert not (home / "ran").exists()


def test_impersonation_and_server_name(api: Api, home: Path) -> None:
    """Several groups are sent, and tls-server-name is what the certificate is checked against."""
    user = GOOD + "    as: alice\n    as-groups: [dev, ops]\n"
    write(home / ".kube" / "config", api.kubeconfig(user, cluster="    tls-server-name: kubernetes.default\n"))
    assert eksauth("ns").returncode == 0
    assert (api.requests[0]["user"], api.requests[0]["groups"]) == ("alice", ["dev", "ops"])
    write(home / ".kube" / "config", api.kubeconfig(user, cluster="    tls-server-name: other.name\n"))
    done = eksauth("ns")
    assert done.returncode == 6
    assert "is not trusted" in done.stderr


def test_refused_credentials_are_fetched_once_more(api: Api, home: Path) -> None:
    """After 401 the plugin is run again and the request repeated, once."""
    (home / "first").touch()
    path = plugin(home, f"if rm {home}/first 2>/dev/null; then {answer('old')}; else {answer('good')}; fi")
    write(home / ".kube" / "config", api.kubeconfig(exec_user(path)))
    assert eksauth("ns").returncode == 0
    assert [request["authorization"] for request in api.requests][:2] == ["Bearer old", "Bearer good"]
    api.tokens.clear()
    api.requests.clear()
    done = eksauth("ns")
    assert done.returncode == 6
    assert len(api.requests) == 2


def test_what_the_plugin_is_told(api: Api, home: Path) -> None:
    """KUBERNETES_EXEC_INFO, variables and arguments are those that kubectl gives it."""
    record = (
        f'printf %s "$KUBERNETES_EXEC_INFO" > {home}/info-$WHO; echo "$EXTRA $*" >> {home}/info-$WHO; {answer("good")}'
    )
    path = plugin(home, record)
    more = ["provideClusterInfo: true", "args: [a, 'b c']", "env:", "- {name: EXTRA, value: x}"]
    write(home / ".kube" / "config", api.kubeconfig(exec_user(path, *more)))
    assert eksauth("ns", WHO="eksauth").returncode == 0
    kubectl("get", "--raw", "/api/v1/namespaces", environ={"WHO": "kubectl"})
    ours, theirs = ((home / f"info-{who}").read_text().split("\n") for who in ("eksauth", "kubectl"))
    assert json.loads(ours[0]) == json.loads(theirs[0])
    assert ours[1:] == theirs[1:] == ["x a b c", ""]


BAD_PLUGINS = {
    "fails": ("echo sorry >&2; exit 3", "failed with exit code 3"),
    "says nothing": ("true", "did not answer with an ExecCredential"),
    "says something else": ("echo hello", "did not answer with an ExecCredential"),
    "other version": (answer("good", "v1beta1"), "answered version client.authentication.k8s.io/v1beta1"),
    "no status": ('echo \'{"apiVersion": "client.authentication.k8s.io/v1"}\'', "didn't return a status field"),
    "no token": (answer(""), "didn't return a token"),
    "line feed": (answer("a\\nb"), "characters that no header may have"),
}


@pytest.mark.parametrize("case", list(BAD_PLUGINS))
def test_plugins_that_do_not_do_their_part(case: str, api: Api, home: Path) -> None:
    """Each failure is told apart, is exit code 4, and the plugin is run only once."""
    script, expected = BAD_PLUGINS[case]
    path = plugin(home, f"echo run >> {home}/runs; {script}")
    write(home / ".kube" / "config", api.kubeconfig(exec_user(path)))
    done = eksauth("ns")
    assert done.returncode == 4
    assert expected in done.stderr
    assert (home / "runs").read_text() == "run\n"
    assert api.requests == []


def test_a_missing_plugin_shows_its_install_hint(api: Api, home: Path) -> None:
    """The hint of the kubeconfig is the hint, without anything that could drive a terminal."""
    write(home / ".kube" / "config", api.kubeconfig(exec_user("no-such-plugin", 'installHint: "get it\\e[2J here"')))
    done = eksauth("ns")
    assert done.returncode == 4
    assert "is not installed" in done.stderr
    assert "hint: get it\\x1b[2J here" in done.stderr


@pytest.mark.parametrize(
    "policy,code",
    [
        ("credentialPluginPolicy: DenyAll", 4),
        ("credentialPluginPolicy: AllowAll", 0),
        ("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- command: plugin", 0),
        ("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- name: other", 4),
        ("credentialPluginPolicy: Allowlist", 3),
        ("credentialPluginPolicy: Denyall", 3),
        (": [", 3),
    ],
    ids=["deny", "allow", "listed", "not listed", "no list", "unknown", "not YAML"],
)
def test_plugin_policy_of_kuberc(policy: str, code: int, api: Api, home: Path) -> None:
    """What the user forbids kubectl to run is not run here either."""
    path = plugin(home, answer("good"))
    write(home / ".kube" / "config", api.kubeconfig(exec_user(path)))
    (home / ".kube" / "kuberc").write_text(f"apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{policy}\n")
    done = eksauth("ns", PATH=f"{home}:/usr/bin:/bin")
    assert done.returncode == code, done.stderr
    assert eksauth("ns", PATH=f"{home}:/usr/bin:/bin", KUBERC="off").returncode == 0


def test_secrets_never_reach_an_error(api: Api, home: Path) -> None:
    """Refused credentials are not quoted."""
    write(home / ".kube" / "config", api.kubeconfig("    token: s3cr3t-t0ken\n"))
    done = eksauth("ns", "--", "payments")
    assert done.returncode == 6
    assert "s3cr3t" not in done.stderr + done.stdout


def test_multi_file_namespace_goes_to_the_file_of_the_context(api: Api, home: Path) -> None:
    """As with kubectl, the file that defines the context is the one that changes."""
    first = write(home / "first", "apiVersion: v1\nkind: Config\ncurrent-context: one\n")
    second = write(home / "second", api.kubeconfig(GOOD))
    before = first.read_bytes()
    assert eksauth("ns", "payments", KUBECONFIG=f"{first}:{second}").returncode == 0
    assert "namespace: payments" in second.read_text()
    assert first.read_bytes() == before
