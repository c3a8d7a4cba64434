"""``eksauth.mint_token`` as a program would use it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import assert_type

import botocore.session
import pytest
from tests.credentials.fake_sts import fake_sts

import eksauth


def test_mint_token_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the environment make a token with an expiry, whose repr does not show it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    token = eksauth.mint_token(cluster_name="demo", region="eu-west-1")
    assert_type(token, eksauth.Token)
    assert token.text.startswith("k8s-aws-v1.")
    assert str(token) == token.text
    assert token.text[20:40] not in repr(token)
    document = json.loads(token.exec_credential("client.authentication.k8s.io/v1"))
    assert document["status"] == {"token": token.text, "expirationTimestamp": token.expires_at_text}


def test_explicit_credentials_of_both_kinds() -> None:
    """Our own credentials and botocore's are taken as they are."""
    session = botocore.session.Session()
    session.set_credentials("AKIABOTO", "secret", "token")
    ours = eksauth.Credentials("AKIABOTO", "secret", "token")
    tokens = {
        eksauth.mint_token(cluster_id="x", region="eu-west-1", credentials=given).text[:90]
        for given in (ours, session.get_credentials())
    }
    assert len(tokens) == 1


def test_errors_are_eksauth_errors() -> None:
    """A mistake raises an error with a hint."""
    with pytest.raises(eksauth.EksauthError) as caught:
        eksauth.mint_token(cluster_name="demo", region="us-east-1a", credentials=eksauth.Credentials("A", "s"))
    assert caught.value.hint == "use us-east-1"


def test_role_with_explicit_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Explicit credentials assume the role themselves, uncached."""
    with fake_sts() as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        for _ in range(2):
            eksauth.mint_token(
                cluster_name="demo",
                region="eu-west-1",
                role_arn="arn:aws:iam::111122223333:role/x",
                credentials=eksauth.Credentials("AKIAMINE", "s"),
            )
        assert len(sts.requests) == 2
        assert "Credential=AKIAMINE/" in sts.requests[0]["authorization"]


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads mint at once."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found: list[eksauth.Token] = []
    threads = [
        threading.Thread(target=lambda: found.append(eksauth.mint_token(cluster_name="demo", region="eu-west-1")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16


def test_importing_the_package_loads_nothing() -> None:
    """``import eksauth`` adds one module; the names load on use."""
    code = "import sys; before = set(sys.modules); import eksauth; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['eksauth']"
