"""What every story of the demo has: a narrator, programs that run inside a sandbox, and steps that must hold."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import EksauthError
from eksauth.sandbox.clientfiles import client_environment, own_command
from eksauth.sandbox.lifecycle import Sandbox
from eksauth.sandbox.manifest import Cluster


@dataclass(frozen=True, slots=True)
class Narrator:
    """How the demo speaks.

    :param step: a heading.
    :param command: a command line about to be run, as a user would type it.
    :param result: what came back.
    """

    step: Callable[[str], None]
    command: Callable[[str], None]
    result: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ran to its end."""

    code: int
    stdout: str
    stderr: str


class Stage:
    """Where a story is told.

    :param home: an empty directory of this telling alone.
    :param kubectl: None has eksauth's own whoami ask instead.
    """

    def __init__(self, sandbox: Sandbox, narrator: Narrator, kubectl: Path | None, home: Path) -> None:
        self.sandbox = sandbox
        self.say = narrator
        self.kubectl = kubectl
        self.home = home
        manifest = sandbox.manifest
        self.cluster: Cluster = manifest.clusters[0]
        layout = sandbox.layout
        self.environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "KUBECONFIG": str(layout.kubeconfig),
            **client_environment(layout, manifest.aws_endpoint),
        }

    def eksauth(self, *arguments: str, stdin: str = "", expect: int = 0, quiet: bool = False) -> Finished:
        """Run eksauth, say so unless ``quiet``, and require its exit code."""
        if not quiet:
            self.say.command("eksauth " + " ".join(arguments))
        done = self.run([*own_command(), *arguments], stdin)
        require(done.code == expect, f"eksauth {arguments[0]} gave {done.code}: {done.stderr.strip()}")
        return done

    def run_kubectl(self, context: str, *arguments: str) -> Finished:
        """Run kubectl in a context."""
        command = [str(self.kubectl), "--context", context, *arguments]
        self.say.command("kubectl " + " ".join(command[1:]))
        return self.run(command)

    def kubectl_whoami(self, context: str) -> Mapping[str, list[str]]:
        """Have kubectl ask who it is, and return user name and groups."""
        done = self.run_kubectl(context, "auth", "whoami", "-o", "json")
        require(done.code == 0, f"kubectl said: {done.stderr.strip()}")
        info = json.loads(done.stdout)["status"]["userInfo"]
        self.say.result(f"{info['username']}, groups {', '.join(info['groups'])}")
        return {"username": [info["username"]], "groups": info["groups"]}

    def run(self, command: Sequence[str], stdin: str = "") -> Finished:
        """Run a program to its end."""
        try:
            done = subprocess.run(
                command, input=stdin, capture_output=True, text=True, env=self.environ, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            raise EksauthError(f"the demo failed: {Path(command[0]).name} hung", code="demo.failed") from None
        return Finished(done.returncode, done.stdout, done.stderr)


def require(condition: bool, otherwise: str) -> None:
    """End the story unless a step did what it said."""
    if not condition:
        raise EksauthError(f"the demo failed: {otherwise}", code="demo.failed")
