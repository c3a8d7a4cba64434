"""The AWS CLI and eksauth on the same sign-in, either way round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.credentials.sso.conftest import Center
from tests.credentials.sso.person import Person
from tests.credentials.sso.test_refresh import write_profile

from eksauth.credentials.sso.files import read_token, write_token
from eksauth.credentials.sso.tokens import access_token

AWS = shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")
SESSIONS = [pytest.param("work", id="sso-session"), pytest.param(None, id="start URL")]

pytestmark = [pytest.mark.peer, pytest.mark.skipif(AWS is None, reason="the AWS CLI is not installed")]


def whoami() -> str:
    """Ask the AWS CLI who profile ``corp`` is."""
    command = [str(AWS), "sts", "get-caller-identity", "--profile", "corp", "--output", "json"]
    reply = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert reply.returncode == 0, reply.stderr
    return str(json.loads(reply.stdout)["Arn"])


@pytest.mark.parametrize("session", SESSIONS)
def test_the_aws_cli_uses_our_sign_in(center: Center, home: Path, session: str | None) -> None:
    """After 'eksauth login' the AWS CLI needs no login of its own."""
    access_token(center.provider(session_name=session), center.context(Person(center.served)))
    write_profile(home, center, session=session)
    assert "AWSReservedSSO_ClusterReader" in whoami()
    assert whoami().endswith("/dana")


def test_we_use_what_the_aws_cli_renewed(center: Center, home: Path) -> None:
    """The AWS CLI renews a token of ours that ends soon with our registration, and we go on with what it got."""
    center.control("PUT", "settings", {"access_seconds": 600})
    provider = center.provider(session_name="work")
    ours = access_token(provider, center.context(Person(center.served)))
    write_profile(home, center, session="work")
    assert whoami().endswith("/dana")

    theirs = access_token(provider, center.context())

    assert theirs.access_token != ours.access_token
    assert theirs.refresh_token != ours.refresh_token
    assert center.asked("CreateToken") == 2


def test_each_renews_what_the_other_renewed(center: Center, home: Path) -> None:
    """Renewing goes back and forth between the tools without losing the sign-in."""
    center.control("PUT", "settings", {"access_seconds": 250})
    provider = center.provider(session_name="work")
    access_token(provider, center.context(Person(center.served)))
    write_profile(home, center, session="work")
    seen = set()
    for _ in range(2):
        assert whoami().endswith("/dana")
        seen.add(access_token(provider, center.context()).access_token)
    assert len(seen) == 2
    assert center.asked("CreateToken") == 5


def test_we_use_a_token_of_the_older_aws_cli(center: Center, home: Path) -> None:
    """A token in the form of older versions, without what renews it, is good until it ends."""
    token = access_token(center.provider(), center.context(Person(center.served)))
    portal = center.portal()
    write_token(os.environ, portal, token)
    path = next((home / ".aws" / "sso" / "cache").glob(f"{portal.token_key}.json"))
    document = json.loads(path.read_text())
    kept = {name: document[name] for name in ("startUrl", "region", "accessToken")}
    path.write_text(json.dumps({**kept, "expiresAt": document["expiresAt"].replace("Z", "UTC")}))
    found = read_token(os.environ, portal)
    assert found is not None
    assert (found.access_token, found.refresh_token, found.client) == (token.access_token, None, None)
    assert access_token(center.provider(), center.context()).access_token == token.access_token
