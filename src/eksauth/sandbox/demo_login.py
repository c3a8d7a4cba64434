"""The story of a person: signed in once, known to a cluster, signed out, and then nobody.

The sign-in is the real one, in a terminal of its own; only the click in the browser is made by the sandbox.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import time
from pathlib import Path

import msgspec

from eksauth.errors import EksauthError
from eksauth.kube.whoami import whoami
from eksauth.sandbox.aws.config import read_config
from eksauth.sandbox.clientfiles import own_command
from eksauth.sandbox.control_client import control_client
from eksauth.sandbox.stage import Stage, require

IDENTITY, PERSON, CONTEXT = "admin", "dana", "sso-admin@demo"
_PATIENCE_SECONDS = 60.0
_CODE = re.compile(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b")


class LoginDemo:
    """One telling of the story."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._say = stage.say
        self._kubeconfig = stage.home / "kubeconfig"
        self._kept = stage.home / "kubeconfig-kept"
        layout = stage.sandbox.layout
        stage.environ |= {"KUBECONFIG": str(self._kubeconfig), "EKSAUTH_CONFIG": str(layout.eksauth_config)}

    def run(self) -> None:
        """Tell the whole story.

        :raises EksauthError: at the first step that does not do what it says.
        """
        self._nobody()
        self._sign_in()
        self._known_to_the_cluster()
        self._who_am_i()
        self._sign_out()
        self._refused()

    def _nobody(self) -> None:
        self._say.step("Nobody is signed in, and what kubectl would run says so at once")
        done = self._stage.eksauth("token", "--cluster-name", "demo", "--region", "us-west-2", "-i", IDENTITY, expect=4)
        require("eksauth login" in done.stderr, f"the refusal names no way out: {done.stderr.strip()}")
        self._say.result(done.stderr.strip())

    def _sign_in(self) -> None:
        self._say.step("So sign in: the portal shows a code, and somebody allows it in a browser")
        command = ["login", IDENTITY, "--no-browser"]
        self._say.command("eksauth " + " ".join(command))
        self._say.result(self._with_a_click([*own_command(), *command]).strip())
        require(self._kubeconfig.is_file(), "no kubeconfig was written")
        self._kept.write_bytes(self._kubeconfig.read_bytes())

    def _known_to_the_cluster(self) -> None:
        self._say.step("The kubeconfig has entries that follow the identity; the cluster knows the person")
        if self._stage.kubectl is not None:
            user = self._stage.kubectl_whoami(CONTEXT)
            require(user["username"] == [f"sso-admin:{PERSON}"], f"the cluster sees {user['username']}")
            require("system:masters" in user["groups"], "the person is not in system:masters")
            return
        cluster = self._stage.cluster
        found = whoami(cluster.endpoint, cluster.ca_pem, self._token())
        require(found.username == f"sso-admin:{PERSON}", f"the cluster sees {found.username}")
        self._say.result(f"{found.username}, groups {', '.join(found.groups)}")

    def _who_am_i(self) -> None:
        self._say.step("Who is that, on the side of AWS?")
        done = self._stage.eksauth("whoami", "-i", IDENTITY)
        require("AWSReservedSSO_AdministratorAccess" in done.stdout, "whoami does not name the role")
        self._say.result(done.stdout.rstrip())

    def _sign_out(self) -> None:
        self._say.step("Signed out: at the portal, on this machine, and in the kubeconfig")
        done = self._stage.eksauth("logout", "--all")
        self._say.result((done.stdout + done.stderr).rstrip())
        require(CONTEXT not in self._kubeconfig.read_text(), "the kubeconfig still has the entries")

    def _refused(self) -> None:
        self._say.step("Whoever kept the old kubeconfig gets nowhere, and is told what to do")
        self._stage.environ["KUBECONFIG"] = str(self._kept)
        if self._stage.kubectl is None:
            done = self._stage.eksauth(*self._plugin(), expect=4)
        else:
            done = self._stage.run_kubectl(CONTEXT, "auth", "whoami")
            require(done.code != 0, "the cluster still lets the person in")
        require(f"eksauth login {IDENTITY}" in done.stderr, f"the refusal names no way out: {done.stderr.strip()}")
        self._say.result(done.stderr.strip())

    # the means

    def _plugin(self) -> list[str]:
        """Return the arguments of the exec entry that the sign-in wrote."""
        import yaml

        document = yaml.safe_load(self._kept.read_text())
        context = next(one["context"] for one in document["contexts"] if one["name"] == CONTEXT)
        return list(next(one["user"]["exec"]["args"] for one in document["users"] if one["name"] == context["user"]))

    def _token(self) -> str:
        credential = json.loads(self._stage.eksauth(*self._plugin()).stdout)
        token: str = credential["status"]["token"]
        return token

    def _with_a_click(self, command: list[str]) -> str:
        """Run a sign-in in a terminal of its own, allow its code as the person, and return what it printed."""
        person, terminal = pty.openpty()
        process = subprocess.Popen(
            command, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, env=self._stage.environ, text=True
        )
        os.close(terminal)
        try:
            os.set_blocking(person, False)
            shown, clicked, deadline = "", False, time.monotonic() + _PATIENCE_SECONDS
            while process.poll() is None:
                require(time.monotonic() < deadline, f"the sign-in hung: {shown.strip()}")
                shown += _what_is_there(person)
                code = _CODE.search(shown)
                if code is not None and not clicked:
                    clicked = True
                    self._say.result(f"{code[1]} is shown; {PERSON} allows it")
                    self._allow(code[1])
                time.sleep(0.02)
            printed = process.stdout.read() if process.stdout is not None else ""
            shown += _what_is_there(person)
        finally:
            os.close(person)
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        require(process.returncode == 0, f"the sign-in gave {process.returncode}: {shown.strip()}")
        return printed

    def _allow(self, user_code: str) -> None:
        sandbox = self._stage.sandbox
        config = read_config(sandbox.layout.aws / "config.json")
        client = control_client(
            sandbox.manifest.aws_endpoint, Path(sandbox.layout.ca).read_text(), config.control_token
        )
        decision = msgspec.json.encode({"user_code": user_code, "user_name": PERSON})
        try:
            reply = client.ask("/_sandbox/sso/decide", decision)
        except OSError as error:
            raise EksauthError(f"the demo failed: the portal does not answer: {error}", code="demo.failed") from error
        require(reply.status == 200, f"the portal gave {reply.status} for the code")


def _what_is_there(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except (BlockingIOError, OSError):  # nothing yet, or nobody there any more
        return ""
