"""The story of the chain, told with real calls: each step runs the real thing and checks what came back.

Anything that does not do what the story says ends it with an error; reaching the end is the proof.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import EksauthError
from eksauth.kube.whoami import whoami
from eksauth.sandbox.clientfiles import client_environment, own_command
from eksauth.sandbox.lifecycle import Sandbox
from eksauth.sandbox.manifest import Cluster

ADMIN, CI = "admin", "ci"
_RELOAD_PATIENCE_SECONDS = 30.0


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


class Demo:
    """One telling of the story in one sandbox."""

    def __init__(self, sandbox: Sandbox, narrator: Narrator, kubectl: Path | None) -> None:
        self._sandbox = sandbox
        self._say = narrator
        self._kubectl = kubectl
        manifest = sandbox.manifest
        self._cluster: Cluster = manifest.clusters[0]
        layout = sandbox.layout
        self._environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(layout.root),
            "KUBECONFIG": str(layout.kubeconfig),
            **client_environment(layout, manifest.aws_endpoint),
        }

    def run(self) -> None:
        """Tell the whole story.

        :raises EksauthError: at the first step that does not do what it says.
        """
        token = self._mint()
        self._take_apart(token)
        self._who_am_i()
        self._refuse_ci()
        suggestion = self._explain()
        self._add_line(suggestion)
        self._accept_ci()

    def _mint(self) -> str:
        self._say.step("A token is made on this machine: nobody is asked")
        credential = json.loads(self._eksauth("token", *self._who(ADMIN)).stdout)
        token: str = credential["status"]["token"]
        _require(token.startswith("k8s-aws-v1."), "the token has no prefix")
        self._say.result(
            f"{token[:24]}… ({len(token)} bytes, valid until {credential['status']['expirationTimestamp']})"
        )
        return token

    def _take_apart(self, token: str) -> None:
        self._say.step("Taken apart: a presigned STS request, with the cluster's name signed in but not written down")
        done = self._eksauth("decode", "-", stdin=token)
        self._say.result(done.stdout.rstrip())

    def _who_am_i(self) -> None:
        self._say.step("The API server asks the authenticator, which asks STS: who is it?")
        user = self._whoami(ADMIN)
        _require("system:masters" in user["groups"], "the administrator is not in system:masters")

    def _refuse_ci(self) -> None:
        self._say.step("The CI role has valid AWS credentials too, but:")
        if self._kubectl is None:
            try:
                whoami(self._cluster.endpoint, self._cluster.ca_pem, self._token(CI))
            except EksauthError as error:
                self._say.result(error.message)
                return
            raise EksauthError("the demo failed: the CI role was let in before it was mapped", code="demo.failed")
        done = self._run_kubectl(CI, "auth", "whoami")
        _require(done.code != 0, "the CI role was let in before it was mapped")
        _require("Unauthorized" in done.stderr or "logged in" in done.stderr, f"kubectl said: {done.stderr.strip()}")
        self._say.result(done.stderr.strip())

    def _explain(self) -> str:
        self._say.step("Which says nothing. So ask why")
        arguments = ("verify", "-", "--config", str(self._config))
        shown = self._eksauth(*arguments, stdin=self._token(CI), expect=1)
        self._say.result((shown.stdout + shown.stderr).rstrip())
        verdict = json.loads(
            self._eksauth(*arguments, "-o", "json", stdin=self._token(CI), expect=1, quiet=True).stdout
        )
        _require(verdict["reason"] == "mapping.not_mapped", f"the reason given is {verdict['reason']}")
        _require("CICDRole" in verdict["identity"]["canonical_arn"], "the refusal is about somebody else")
        suggestion: str = verdict["match"]["suggestion"]
        return suggestion

    def _add_line(self, suggestion: str) -> None:
        self._say.step(f"The line is added to {self._config.name}, and the authenticator loads it")
        before = self._generation()
        heading, _, entry = suggestion.partition("\n")
        text = self._config.read_text()
        _require(f"  {heading}\n" in text, f"{self._config.name} has no {heading}")
        added = "".join(f"  {line}\n" for line in entry.splitlines())
        self._config.write_text(text.replace(f"  {heading}\n", f"  {heading}\n{added}", 1))
        self._say.result(added.rstrip("\n"))
        deadline = time.monotonic() + _RELOAD_PATIENCE_SECONDS
        while self._generation() == before:
            _require(time.monotonic() < deadline, "the authenticator did not load the new line")
            time.sleep(0.1)

    def _accept_ci(self) -> None:
        self._say.step("And the CI role is somebody")
        # the API server remembers a refusal for two minutes, by token; a token of another second is another token
        time.sleep(1.1)
        user = self._whoami(CI)
        _require(bool(user["username"]), "the CI role has no user name")

    # the means

    @property
    def _config(self) -> Path:
        return self._sandbox.layout.cluster(self._cluster.name).server_config

    def _generation(self) -> int:
        clusters = self._sandbox.manifest.clusters
        return next(cluster.mapping_generation for cluster in clusters if cluster.name == self._cluster.name)

    def _who(self, identity: str) -> list[str]:
        """Return the arguments of the kubeconfig's exec entry for an identity: what kubectl would run."""
        import yaml

        document = yaml.safe_load(self._sandbox.layout.kubeconfig.read_text())
        wanted = f"{identity}@{self._cluster.name}"
        arguments = next(user["user"]["exec"]["args"] for user in document["users"] if user["name"] == wanted)
        return list(arguments[arguments.index("token") + 1 :])

    def _token(self, identity: str) -> str:
        return self._eksauth("token", *self._who(identity), "-o", "token", quiet=True).stdout.strip()

    def _whoami(self, identity: str) -> Mapping[str, list[str]]:
        if self._kubectl is None:
            user = whoami(self._cluster.endpoint, self._cluster.ca_pem, self._token(identity))
            self._say.result(f"{user.username}, groups {', '.join(user.groups)}")
            return {"username": [user.username], "groups": list(user.groups)}
        done = self._run_kubectl(identity, "auth", "whoami", "-o", "json")
        _require(done.code == 0, f"kubectl said: {done.stderr.strip()}")
        info = json.loads(done.stdout)["status"]["userInfo"]
        self._say.result(f"{info['username']}, groups {', '.join(info['groups'])}")
        return {"username": [info["username"]], "groups": info["groups"]}

    def _run_kubectl(self, identity: str, *arguments: str) -> Finished:
        command = [str(self._kubectl), "--context", f"{identity}@{self._cluster.name}", *arguments]
        self._say.command("kubectl " + " ".join(command[1:]))
        return self._run(command)

    def _eksauth(self, *arguments: str, stdin: str = "", expect: int = 0, quiet: bool = False) -> Finished:
        if not quiet:
            self._say.command("eksauth " + " ".join(arguments))
        done = self._run([*own_command(), *arguments], stdin)
        _require(done.code == expect, f"eksauth {arguments[0]} gave {done.code}: {done.stderr.strip()}")
        return done

    def _run(self, command: Sequence[str], stdin: str = "") -> Finished:
        try:
            done = subprocess.run(
                command, input=stdin, capture_output=True, text=True, env=self._environ, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            raise EksauthError(f"the demo failed: {Path(command[0]).name} hung", code="demo.failed") from None
        return Finished(done.returncode, done.stdout, done.stderr)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise EksauthError(f"the demo failed: {otherwise}", code="demo.failed")
