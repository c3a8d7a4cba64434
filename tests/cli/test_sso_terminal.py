"""``eksauth login`` at IAM Identity Center, typed at a terminal, with a browser that is a program of the test."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.terminal import Terminal, on_terminal
from tests.sandbox.aws.serving import ServedAws, serve_aws

_CONFIG = """\
auth:
  providers:
    corp:
      kind: aws/iam-identity-center
      start_url: {start_url}
      region: us-west-2
      spec: {{flow: {flow}}}
  identities:
    dev:
      kind: aws/permission-set
      via: {{provider: corp}}
      principal: {{name: ClusterReader, account: {{name: sandbox-main}}}}
"""
_BROWSER = """\
#!{python}
import json, ssl, sys, urllib.parse, urllib.request
print("noise of a browser")
url, control, token, ca = sys.argv[-1], {control!r}, {token!r}, {ca!r}
def ask(path, body):
    request = urllib.request.Request(control + path, json.dumps(body).encode(), {{"Authorization": "Bearer " + token}})
    return json.load(urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca)))
if "/authorize?" in url:
    urllib.request.urlopen(ask("sso/authorize", {{"url": url, "user_name": "dana"}})["location"]).read()
else:
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["user_code"][0]
    ask("sso/decide", {{"user_code": code, "user_name": "dana"}})
"""


@pytest.fixture(name="served", scope="module")
def served_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run an AWS endpoint."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@contextmanager
def login(served: ServedAws, home: Path, flow: str, *more: str, **environ: str) -> Iterator[Terminal]:
    """Run ``eksauth login dev`` on a terminal."""
    config = home / "eksauth.yaml"
    config.write_text(_CONFIG.format(start_url=served.start_url, flow=flow))
    config.chmod(0o600)
    browser = home / "browser"
    control = f"{served.url}/_sandbox/"
    browser.write_text(
        _BROWSER.format(python=sys.executable, control=control, token=served.control_token, ca=str(served.ca_file))
    )
    browser.chmod(0o755)
    given = {
        **os.environ,
        "TERM": "xterm",
        "AWS_ENDPOINT_URL": served.url,
        "AWS_CA_BUNDLE": str(served.ca_file),
        "BROWSER": str(browser),
        **environ,
    }
    command = [sys.executable, "-P", "-m", "eksauth", "login", "dev", "--config", str(config), *more]
    with on_terminal(command, given) as terminal:
        yield terminal


def tokens(home: Path) -> list[dict[str, str]]:
    """Return the sign-ins that are kept."""
    found = [json.loads(path.read_text()) for path in (home / ".aws" / "sso" / "cache").glob("*.json")]
    return [document for document in found if "accessToken" in document]


@pytest.mark.parametrize("flow, way", [("pkce", "confirm the sign-in there"), ("device", "the code is")])
def test_login(served: ServedAws, home: Path, flow: str, way: str) -> None:
    """The browser opens, its noise stays out of the way, the sign-in is kept, and no secret is on the screen."""
    with login(served, home, flow) as terminal:
        terminal.expect(way)
        assert terminal.finish() == 0, terminal.text
        shown = terminal.text
    (token,) = tokens(home)
    assert "AWSReservedSSO_ClusterReader" in shown
    assert "noise of a browser" not in shown
    for field in ("accessToken", "refreshToken", "clientSecret"):
        assert token[field] not in shown


@pytest.mark.parametrize("flow, way", [("pkce", "in a browser on this machine"), ("device", "on any device")])
def test_leaving(served: ServedAws, home: Path, flow: str, way: str) -> None:
    """Ctrl-C while the person is waited for ends it at once, without a word, and keeps nothing."""
    with login(served, home, flow, "--no-browser") as terminal:
        terminal.expect(way)
        terminal.send("\x03")
        assert terminal.finish() == 130
        assert "Traceback" not in terminal.text
    assert tokens(home) == []
    assert not list(home.rglob("*.tmp"))
    with login(served, home, flow) as terminal:
        assert terminal.finish() == 0, terminal.text


def test_two_terminals(served: ServedAws, home: Path) -> None:
    """A second login waits for the first and is signed in with it."""
    with login(served, home, "device", "--no-browser") as first:
        code = first.expect("or type it at").split("shows the code ")[1].split(",")[0]
        with login(served, home, "device") as second:
            second.expect("another eksauth is signing in to 'corp'; waiting for it")
            served.control("POST", "sso/decide", {"user_code": code, "user_name": "dana"})
            assert first.finish() == 0, first.text
            assert second.finish() == 0, second.text
            assert "code" not in second.text
    assert len(tokens(home)) == 1


@pytest.mark.parametrize("answer, code", [("y", 0), ("n", 4)])
def test_the_first_terminal_is_gone(served: ServedAws, home: Path, answer: str, code: int) -> None:
    """When the first login is killed the second one asks, and signs in only if that is wanted."""
    with login(served, home, "device", "--no-browser") as first:
        first.expect("or type it at")
        with login(served, home, "device") as second:
            second.expect("waiting for it")
            first.process.kill()
            second.expect("the other sign-in was not finished; sign in here [y/N]")
            second.send(f"{answer}\n")
            assert second.finish() == code, second.text
    assert len(tokens(home)) == (code == 0)
