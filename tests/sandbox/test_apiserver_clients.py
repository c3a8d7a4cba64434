"""Real clients against the API server: several kubectls, lightkube, our own whoami, and the program as a process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace
from lightkube.types import PatchType
from tests.sandbox.apiserver_kit import ADMIN, ALICE, TOKENS, kubectl_sample

from eksauth.errors import KubernetesError
from eksauth.kube.whoami import UserInfo, whoami

Run = Callable[..., str]


@pytest.fixture(name="server")
def server_(tmp_path: Path) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Run the server as a process of its own and give its endpoint, CA file and handle."""
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(TOKENS)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"stateDir": "state", "tokenFile": "tokens.csv"}))
    child = subprocess.Popen(
        [sys.executable, "-m", "eksauth.sandbox.apiserver", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("listening on https://127.0.0.1:")
        ready = json.loads((tmp_path / "state" / "ready.json").read_text())
        assert ready["pid"] == child.pid
        yield ready["endpoint"], ready["ca"], child
    finally:
        child.terminate()
        assert child.wait(20) == 0
        if child.stdout is not None:
            child.stdout.close()
    assert not (tmp_path / "state" / "ready.json").exists()


def write_kubeconfig(path: Path, endpoint: str, ca: str) -> None:
    """Write a kubeconfig with the contexts admin and alice."""
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": endpoint, "certificate-authority": ca}}],
                "users": [
                    {"name": name, "user": {"token": token}} for name, token in (("admin", ADMIN), ("alice", ALICE))
                ],
                "contexts": [{"name": name, "context": {"cluster": "c", "user": name}} for name in ("admin", "alice")],
                "current-context": "admin",
            }
        )
    )


@pytest.mark.peer
@pytest.mark.parametrize("binary", kubectl_sample() or [None], ids=lambda path: path.name if path else "absent")
def test_kubectl(server: tuple[str, str, object], tmp_path: Path, binary: Path | None) -> None:
    """What people do with kubectl works, with its validation on and nothing switched off."""
    if binary is None:
        pytest.skip("no kubectl found (PATH or the KUBECTL variable)")
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, server[0], server[1])
    environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "EDITOR": "sed -i s/edit-me/edited/"}

    def run(*arguments: str, stdin: str = "", code: int = 0) -> str:
        done = subprocess.run([str(binary), *arguments], input=stdin, capture_output=True, text=True, env=environ)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    assert "v1.33" in run("version")
    assert "admin" in run("auth", "whoami")
    assert "secrets" in run("api-resources")
    assert "rbac.authorization.k8s.io/v1" in run("api-versions")
    assert run("create", "namespace", "team") == "namespace/team created\n"
    team = ("-n", "team")
    run(*team, "create", "configmap", "cm", "--from-literal=a=1")
    run(*team, "create", "secret", "generic", "s", "--from-literal=k=v")
    run(*team, "create", "serviceaccount", "bot")
    assert "no" in run("--context", "alice", *team, "auth", "can-i", "list", "pods", code=1)
    run(*team, "create", "role", "r", "--verb=get,list", "--resource=pods")
    run(*team, "create", "rolebinding", "rb", "--role=r", "--user=alice", "--serviceaccount=team:bot")
    assert "yes" in run("--context", "alice", *team, "auth", "can-i", "list", "pods")
    assert "pods" in run("--context", "alice", *team, "auth", "can-i", "--list")
    assert "Forbidden" in run("--context", "alice", "get", "nodes", code=1)
    assert "No resources found" in run("--as", "system:serviceaccount:team:bot", *team, "get", "pods")
    manifest = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"
        "  containers: [{name: a, image: x, env: [{name: A, value: '1'}, {name: B, value: '2'}]}]\n"
    )
    assert run(*team, "apply", "-f", "-", stdin=manifest) == "pod/p created\n"
    smaller = manifest.replace(", {name: B, value: '2'}", "")
    assert run(*team, "apply", "-f", "-", stdin=smaller) == "pod/p configured\n"
    assert run(*team, "apply", "-f", "-", stdin=smaller) == "pod/p unchanged\n"
    assert run(*team, "get", "pod", "p", "-o", "jsonpath={.spec.containers[0].env[*].name}") == "A"
    typo = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndataa: {}\n"
    assert 'unknown field "dataa"' in run(*team, "apply", "-f", "-", stdin=typo, code=1)
    applied = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {k: v}\n"
    assert "serverside-applied" in run(*team, "apply", "--server-side", "-f", "-", stdin=applied)
    run(*team, "label", "configmap", "cm", "x=y")
    run(*team, "annotate", "configmap", "cm", "note=edit-me")
    for kind, patch in (
        ("strategic", '{"data":{"b":"2"}}'),
        ("merge", '{"data":{"a":null}}'),
        ("json", '[{"op":"add","path":"/data/c","value":"3"}]'),
    ):
        assert "patched" in run(*team, "patch", "configmap", "cm", f"--type={kind}", "-p", patch)
    assert "edited" in run(*team, "edit", "configmap", "cm")
    shown = json.loads(run(*team, "get", "configmap", "cm", "-o", "json"))
    assert shown["data"] == {"b": "2", "c": "3"}
    assert (shown["metadata"]["labels"], shown["metadata"]["annotations"]) == ({"x": "y"}, {"note": "edited"})
    assert "replaced" in run(*team, "replace", "-f", "-", stdin=json.dumps({**shown, "data": {"d": "4"}}))
    assert "ROLE" in run(*team, "get", "rolebinding", "-o", "wide")
    assert "p " in run(*team, "get", "all")
    assert "Environment" in run(*team, "describe", "pod", "p")
    assert "FIELD: env" in run("explain", "pod.spec.containers.env").replace("FIELD:    ", "FIELD: ")
    watch = subprocess.Popen(
        [str(binary), *team, "get", "configmaps", "-w", "-o", "name"], stdout=subprocess.PIPE, text=True, env=environ
    )
    try:
        assert watch.stdout is not None
        assert watch.stdout.readline() == "configmap/cm\n"
        assert watch.stdout.readline() == "configmap/ssa\n"
        run(*team, "create", "configmap", "late")
        assert watch.stdout.readline() == "configmap/late\n"
    finally:
        watch.terminate()
        watch.communicate(timeout=10)
    assert "deleted" in run(*team, "delete", "pod/p", "configmap/cm")
    assert "deleted" in run("delete", "namespace", "team")
    assert "NotFound" in run("get", "namespace", "team", code=1)


def test_lightkube(server: tuple[str, str, object], tmp_path: Path) -> None:
    """The client library that eksauth itself uses works: objects, patches, lists, watches and errors."""
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, server[0], server[1])
    config = KubeConfig.from_file(str(kubeconfig))
    with Client(config.get(context_name="admin"), trust_env=False) as client:
        client.create(Namespace(metadata=ObjectMeta(name="team")))
        client.create(ConfigMap(metadata=ObjectMeta(name="cm", namespace="team"), data={"a": "1"}))
        client.patch(ConfigMap, "cm", {"data": {"b": "2"}}, namespace="team", patch_type=PatchType.MERGE)
        client.patch(ConfigMap, "cm", {"data": {"a": None}}, namespace="team", patch_type=PatchType.STRATEGIC)
        operations = [{"op": "add", "path": "/data/c", "value": "3"}]
        client.patch(ConfigMap, "cm", operations, namespace="team", patch_type=PatchType.JSON)
        stated = ConfigMap(metadata=ObjectMeta(name="cm", namespace="team"), data={"d": "4"})
        client.apply(stated, field_manager="test")
        assert client.get(ConfigMap, "cm", namespace="team").data == {"b": "2", "c": "3", "d": "4"}
        assert [item.metadata.name for item in client.list(ConfigMap, namespace="team") if item.metadata] == ["cm"]
        for event, thing in client.watch(ConfigMap, namespace="team"):
            assert thing.metadata is not None
            assert (event, thing.metadata.name) == ("ADDED", "cm")
            break
        client.delete(ConfigMap, "cm", namespace="team")
        with pytest.raises(ApiError) as caught:
            client.get(ConfigMap, "cm", namespace="team")
        assert caught.value.status.code == 404
    with Client(config.get(context_name="alice"), trust_env=False) as other:
        with pytest.raises(ApiError) as caught:
            list(other.list(Namespace))
        assert caught.value.status.reason == "Forbidden"


def test_whoami(server: tuple[str, str, object]) -> None:
    """Our own whoami says who a token is, and each way to fail has its own reason."""
    endpoint, ca, _child = server
    ca_pem = Path(ca).read_text()
    assert whoami(endpoint, ca_pem, ALICE) == UserInfo(
        "alice", ("devs", "ops", "system:authenticated"), "alice-uid", {}
    )

    def reason(*arguments: str | None) -> str:
        with pytest.raises(KubernetesError) as caught:
            whoami(*arguments)  # type: ignore[arg-type]
        assert caught.value.hint or caught.value.code == "kubernetes.answer"
        assert ALICE not in str(caught.value)
        return caught.value.code

    assert reason(endpoint, ca_pem, "wrong") == "kubernetes.unauthorized"
    assert reason(endpoint, None, ALICE) == "kubernetes.untrusted"
    assert reason("https://127.0.0.1:1", ca_pem, ALICE) == "kubernetes.unreachable"
    assert reason("http://127.0.0.1", ca_pem, ALICE) == "kubernetes.endpoint"
    assert reason("https://[", ca_pem, ALICE) == "kubernetes.endpoint"
    assert reason(endpoint, "no pem", ALICE) == "kubernetes.ca"
    assert reason(endpoint, ca_pem, f"{ALICE}\r\nX: y") == "kubernetes.token"
    assert reason(f"{endpoint}/nowhere", ca_pem, ADMIN) == "kubernetes.unsupported"
    assert reason(f"{endpoint}/nowhere", ca_pem, ALICE) == "kubernetes.forbidden"


def test_sigterm_ends_open_watches(server: tuple[str, str, subprocess.Popen[str]]) -> None:
    """On SIGTERM the server ends its watches properly and exits 0."""
    endpoint, ca, child = server
    headers = {"Authorization": f"Bearer {ADMIN}"}
    request = urllib.request.Request(f"{endpoint}/api/v1/namespaces?watch=1", headers=headers)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca))
    )
    with opener.open(request, timeout=20) as response:
        assert json.loads(response.readline())["type"] == "ADDED"
        child.send_signal(signal.SIGTERM)
        assert all(json.loads(line)["type"] == "ADDED" for line in response)
    assert child.wait(20) == 0


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        ([], 2, "--state-dir or --config is needed"),
        (["--config", "absent.json"], 3, "no such file"),
        (["--state-dir", "s", "--bind-address", "0.0.0.0"], 3, "does not listen"),
        (["--state-dir", "s", "--token-auth-file", "absent"], 3, "cannot read the token file"),
        (["--state-dir", "s", "--authentication-token-webhook-version", "v2"], 3, "not v1 or v1beta1"),
        (["--state-dir", "/dev/null/x"], 3, "cannot write"),
        (["--config", "x", "--state-dir", "s"], 2, "exclude"),
    ],
)
def test_bad_command_lines(tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    """A command line or configuration that cannot work ends with one line and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "eksauth.sandbox.apiserver", *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert text in done.stderr


async def test_port_in_use_is_an_error(tmp_path: Path) -> None:
    """A port that is taken is reported, and nothing is left behind."""
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "eksauth.sandbox.apiserver", "--state-dir", str(tmp_path), "--secure-port", str(port)),
        stderr=asyncio.subprocess.PIPE,
    )
    _out, err = await done.communicate()
    taken.close()
    await taken.wait_closed()
    assert (done.returncode, b"cannot listen" in err) == (7, True)
    assert not (tmp_path / "ready.json").exists()
