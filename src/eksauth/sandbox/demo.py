"""The story of the chain, told with real calls: each step runs the real thing and checks what came back.

Anything that does not do what the story says ends it with an error; reaching the end is the proof.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from eksauth.errors import EksauthError
from eksauth.kube.whoami import whoami
from eksauth.sandbox.stage import Stage, require

ADMIN, CI = "admin", "ci"
_RELOAD_PATIENCE_SECONDS = 30.0


class Demo:
    """One telling of the story in one sandbox."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._say = stage.say
        self._cluster = stage.cluster

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
        credential = json.loads(self._stage.eksauth("token", *self._who(ADMIN)).stdout)
        token: str = credential["status"]["token"]
        require(token.startswith("k8s-aws-v1."), "the token has no prefix")
        self._say.result(
            f"{token[:24]}… ({len(token)} bytes, valid until {credential['status']['expirationTimestamp']})"
        )
        return token

    def _take_apart(self, token: str) -> None:
        self._say.step("Taken apart: a presigned STS request, with the cluster's name signed in but not written down")
        done = self._stage.eksauth("decode", "-", stdin=token)
        self._say.result(done.stdout.rstrip())

    def _who_am_i(self) -> None:
        self._say.step("The API server asks the authenticator, which asks STS: who is it?")
        user = self._whoami(ADMIN)
        require("system:masters" in user["groups"], "the administrator is not in system:masters")

    def _refuse_ci(self) -> None:
        self._say.step("The CI role has valid AWS credentials too, but:")
        if self._stage.kubectl is None:
            try:
                whoami(self._cluster.endpoint, self._cluster.ca_pem, self._token(CI))
            except EksauthError as error:
                self._say.result(error.message)
                return
            raise EksauthError("the demo failed: the CI role was let in before it was mapped", code="demo.failed")
        done = self._stage.run_kubectl(self._context(CI), "auth", "whoami")
        require(done.code != 0, "the CI role was let in before it was mapped")
        require("Unauthorized" in done.stderr or "logged in" in done.stderr, f"kubectl said: {done.stderr.strip()}")
        self._say.result(done.stderr.strip())

    def _explain(self) -> str:
        self._say.step("Which says nothing. So ask why")
        arguments = ("verify", "-", "--config", str(self._config))
        shown = self._stage.eksauth(*arguments, stdin=self._token(CI), expect=1)
        self._say.result((shown.stdout + shown.stderr).rstrip())
        verdict = json.loads(
            self._stage.eksauth(*arguments, "-o", "json", stdin=self._token(CI), expect=1, quiet=True).stdout
        )
        require(verdict["reason"] == "mapping.not_mapped", f"the reason given is {verdict['reason']}")
        require("CICDRole" in verdict["identity"]["canonical_arn"], "the refusal is about somebody else")
        suggestion: str = verdict["match"]["suggestion"]
        return suggestion

    def _add_line(self, suggestion: str) -> None:
        self._say.step(f"The line is added to {self._config.name}, and the authenticator loads it")
        before = self._generation()
        heading, _, entry = suggestion.partition("\n")
        text = self._config.read_text()
        require(f"  {heading}\n" in text, f"{self._config.name} has no {heading}")
        added = "".join(f"  {line}\n" for line in entry.splitlines())
        self._config.write_text(text.replace(f"  {heading}\n", f"  {heading}\n{added}", 1))
        self._say.result(added.rstrip("\n"))
        deadline = time.monotonic() + _RELOAD_PATIENCE_SECONDS
        while self._generation() == before:
            require(time.monotonic() < deadline, "the authenticator did not load the new line")
            time.sleep(0.1)

    def _accept_ci(self) -> None:
        self._say.step("And the CI role is somebody")
        # the API server remembers a refusal for two minutes, by token; a token of another second is another token
        time.sleep(1.1)
        user = self._whoami(CI)
        require(bool(user["username"]), "the CI role has no user name")

    # the means

    @property
    def _config(self) -> Path:
        return self._stage.sandbox.layout.cluster(self._cluster.name).server_config

    def _generation(self) -> int:
        clusters = self._stage.sandbox.manifest.clusters
        return next(cluster.mapping_generation for cluster in clusters if cluster.name == self._cluster.name)

    def _who(self, identity: str) -> list[str]:
        """Return the arguments of the kubeconfig's exec entry for an identity: what kubectl would run."""
        import yaml

        document = yaml.safe_load(self._stage.sandbox.layout.kubeconfig.read_text())
        wanted = self._context(identity)
        arguments = next(user["user"]["exec"]["args"] for user in document["users"] if user["name"] == wanted)
        return list(arguments[arguments.index("token") + 1 :])

    def _token(self, identity: str) -> str:
        return self._stage.eksauth("token", *self._who(identity), "-o", "token", quiet=True).stdout.strip()

    def _whoami(self, identity: str) -> Mapping[str, list[str]]:
        if self._stage.kubectl is None:
            user = whoami(self._cluster.endpoint, self._cluster.ca_pem, self._token(identity))
            self._say.result(f"{user.username}, groups {', '.join(user.groups)}")
            return {"username": [user.username], "groups": list(user.groups)}
        return self._stage.kubectl_whoami(self._context(identity))

    def _context(self, identity: str) -> str:
        return f"{identity}@{self._cluster.name}"
