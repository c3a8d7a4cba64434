"""Manifests of aws-iam-authenticator with another image and command, started as processes on this machine.

The containers' directories become directories of the test; arguments, environment and configuration stay what they are,
but for those paths, a free port, and one more key: where STS is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.authenticator.process import FakeSts
from tests.deploy.chart import Manifest, manifests, only

REFERENCE = Path(__file__).parent / "reference"
# options alone are for run
_COMMANDS = {"server": ["server"], "init": ["server", "init"]}


@dataclass(frozen=True)
class Moved:
    """One container with our command.

    :ivar paths: path in the container -> directory or file here.
    """

    command: list[str]
    environ: dict[str, str]
    paths: dict[str, Path]

    def here(self, text: str) -> str:
        """Return ``text`` with paths of the container replaced by those here."""
        # at once: a directory here may begin as one of the container's does
        inside = "|".join(re.escape(path) for path in sorted(self.paths, key=len, reverse=True))
        return re.sub(rf"(?<![\w.-])({inside})(?![\w.-])", lambda found: str(self.paths[found[1]]), text)

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command, env=self.environ, capture_output=True, text=True, timeout=60, check=False, cwd="/"
        )


@dataclass(frozen=True)
class Answering:
    """A server that is ready."""

    ready: dict[str, Any]
    process: subprocess.Popen[str]

    def review(self, token: str) -> dict[str, Any]:
        """Ask about a token and return the status of the TokenReview."""
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}})
        answer: dict[str, Any] = json.loads(self.ask("/authenticate", body.encode()))["status"]
        return answer

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        """Ask for a path of the webhook's port."""
        tls = ssl.create_default_context(cafile=self.ready["certificate"])
        request = urllib.request.Request(f"https://localhost:{self.ready['port']}{path}", body)
        with urllib.request.urlopen(request, context=tls, timeout=30) as reply:
            answer: bytes = reply.read()
        return answer

    def stop(self) -> tuple[int, str]:
        """Stop it as Kubernetes does and return exit code and log."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=40)
        return self.process.returncode, log


def read(name: str) -> list[Manifest]:
    """Return the manifests of one deployment."""
    return manifests((REFERENCE / name).read_text())


def containers(found: list[Manifest], directory: Path, sts: FakeSts | None = None) -> tuple[list[Moved], Moved]:
    """Return init containers and server of a deployment, with every volume somewhere below ``directory``."""
    [made] = [item for item in found if item["kind"] in {"DaemonSet", "Pod"}]
    pod = made["spec"] if made["kind"] == "Pod" else made["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    inits = [_moved(item, volumes, directory, found, sts) for item in pod.get("initContainers", [])]
    [server] = pod["containers"]
    return inits, _moved(server, volumes, directory, found, sts)


def _moved(
    container: dict[str, Any],
    volumes: dict[str, Any],
    directory: Path,
    found: list[Manifest],
    sts: FakeSts | None,
) -> Moved:
    paths = {}
    for mount in container["volumeMounts"]:
        root = directory / mount["name"]
        root.mkdir(exist_ok=True)
        paths[mount["mountPath"].rstrip("/")] = root / mount.get("subPath", "")
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory), "AWS_EC2_METADATA_DISABLED": "true"}
    environ |= {item["name"]: item["value"] for item in container.get("env", [])}
    program, arguments = container.get("command", []), container.get("args", [])
    if program[:1] == ["python"]:
        words = program[1:]
    elif program[:1] == ["eksauth"]:
        words = ["-m", *program]
    else:
        words, arguments = ["-m", "eksauth", *_COMMANDS[arguments[0]]], arguments[1:]
    moved = Moved([], environ, paths)
    command = [sys.executable, *(moved.here(text) for text in (*words, *arguments))]
    for mount in container["volumeMounts"]:
        config_map = volumes[mount["name"]].get("configMap")
        if config_map is not None:
            for name, text in only(found, "ConfigMap", config_map["name"])["data"].items():
                content = _with_sts(text, sts) if name == "config.yaml" and sts else text
                _project(directory / mount["name"], name, moved.here(content))
    if (
        sts is not None
        and "eksauth" in words
        and not any(argument == "-c" or argument.startswith("--config") for argument in arguments)
    ):
        own = directory / "sts.yaml"
        own.write_text(_with_sts("{}", sts))
        command.append(f"--config={own}")
    return Moved(command, environ, paths)


def _project(directory: Path, name: str, content: str) -> None:
    """Put a file into a volume as the kubelet does: a symlink through ``..data``, which points to the content."""
    publish(directory, {name: content}, f"..first-{name}")


def publish(directory: Path, files: dict[str, str], version: str) -> None:
    """Put the next content of a ConfigMap into its volume, all at once; files of before that are not given stay."""
    data, target = directory / "..data", directory / version
    target.mkdir()
    if data.exists():
        files = {path.name: path.read_text() for path in data.iterdir()} | files
    for name, content in files.items():
        (target / name).write_text(content)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    link = directory / f"..{version}.link"
    link.symlink_to(version)
    link.replace(data)


def _with_sts(text: str, sts: FakeSts) -> str:
    # the text stays as it was written: an account id must not pass through another YAML writer
    override = f"  stsEndpointOverrides: {{sts.eu-west-1.amazonaws.com: '{sts.url}'}}\n"
    if text.strip() == "{}":
        return f"server:\n{override}"
    assert yaml.safe_load(text)["server"]
    return text.replace("server:\n", f"server:\n{override}", 1)


@contextlib.contextmanager
def started(server: Moved, directory: Path) -> Iterator[Answering]:
    """Start a server on a free port, wait until it is ready, and end it."""
    ready = directory / "ready.json"
    process = subprocess.Popen(
        [*server.command, "--port=0", f"--ready-file={ready}"],
        env=server.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    try:
        while not ready.exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        yield Answering(json.loads(ready.read_text()), process)
    finally:
        process.kill()
        process.communicate()
