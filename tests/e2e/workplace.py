"""Somebody's own home in front of the sandbox: programs, a browser's click made for them, and what AWS was asked."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from tests.cli.terminal import on_terminal

from eksauth.sandbox.aws.seed import Seed
from eksauth.testing import SandboxHandle

BIN = Path(sys.executable).parent
EKSAUTH = BIN / "eksauth"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
Done = subprocess.CompletedProcess[str]


class Workplace:
    """A home directory, an environment that leads into the sandbox, and the sandbox's controls."""

    def __init__(self, chain: SandboxHandle, home: Path) -> None:
        self.chain = chain
        self.home = home
        self.cwd = home
        self.kubeconfig = home / ".kube" / "config"
        kept = {name: value for name, value in chain.environ.items() if name not in {"KUBECONFIG", "EKSAUTH_CACHE_DIR"}}
        kept |= {"AWS_CONFIG_FILE": str(home / "aws-config"), "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-keys")}
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", **kept}
        root = chain.kubeconfig.parent
        self.control_token: str = json.loads((root / "aws" / "config.json").read_text())["control_token"]
        self.seed = msgspec.json.decode((root / "aws" / "seed.json").read_bytes(), type=Seed)
        self.url = chain.environ["AWS_ENDPOINT_URL"]
        self.start_url = self.url + chain.identities.portal.start_path

    # programs

    def run(
        self, *command: str | Path, stdin: str = "", environ: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Done:
        """Run a program to its end."""
        return subprocess.run(
            [str(part) for part in command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=cwd or self.cwd,
            env={**self.environ, **(environ or {})},
        )

    def eksauth(self, *words: str | Path, stdin: str = "", environ: Mapping[str, str] | None = None) -> Done:
        """Run eksauth."""
        return self.run(EKSAUTH, *words, stdin=stdin, environ=environ)

    def who(self, kubectl: Path, *words: str | Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return who kubectl is for the cluster."""
        done = self.review(kubectl, *words, environ=environ)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["status"]["userInfo"]
        return found

    def review(self, kubectl: Path, *words: str | Path, environ: Mapping[str, str] | None = None) -> Done:
        """Let kubectl ask who it is; unlike ``auth whoami``, kubectl 1.27 can ask it of a current server."""
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
        return self.run(kubectl, *words, "create", f"--raw={REVIEW}", "-f", "-", stdin=body, environ=environ)

    # the person

    def sign_in(self, *words: str, user_name: str = "dana") -> str:
        """Run ``eksauth login`` at a terminal, allow the code that it shows, and return the screen."""
        argv = [str(EKSAUTH), "login", *words, "--device", "--no-browser"]
        with on_terminal(argv, self.environ, self.cwd) as terminal:
            shown = terminal.expect("user_code=") + terminal.expect("\n")
            code = shown.rpartition("user_code=")[2].split()[0]
            self.control("POST", "sso/decide", {"user_code": code, "user_name": user_name})
            assert terminal.finish() == 0, terminal.text
            return terminal.text

    # files

    def write(self, name: str, auth: Mapping[str, Any] | str) -> Path:
        """Write a configuration below the home directory."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(auth if isinstance(auth, str) else yaml.safe_dump({"auth": auth}, sort_keys=False))
        path.chmod(0o600)
        return path

    def entry(self, context: str) -> dict[str, Any]:
        """Return the exec entry behind a context of the kubeconfig."""
        document = yaml.safe_load(self.kubeconfig.read_text())
        user = next(one["context"]["user"] for one in document["contexts"] if one["name"] == context)
        found: dict[str, Any] = next(one["user"]["exec"] for one in document["users"] if one["name"] == user)
        return found

    # the sandbox

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Ask the control API; raises HTTPError when it refuses."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.control_token}"},
        )
        context = ssl.create_default_context(cafile=self.environ["AWS_CA_BUNDLE"])
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")

    def forget_requests(self) -> None:
        """Empty AWS's log of requests."""
        self.control("DELETE", "requests")

    def asked(self) -> list[str]:
        """Return what AWS was asked, as ``service:Action``, in order."""
        return [f"{one['service']}:{one['action']}" for one in self.control("GET", "requests")["requests"]]
