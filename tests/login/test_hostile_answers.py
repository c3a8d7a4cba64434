"""A portal that answers nonsense: one error in one line, and nothing of it is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.credentials.loopback_http import Reply, serving
from tests.credentials.sso.conftest import Center, center_, running_
from tests.credentials.sso.person import Person

from eksauth.credentials.identities.authenticate import authenticate
from eksauth.credentials.sso.tokens import access_token
from eksauth.errors import EksauthError

__all__ = ["center_", "running_"]

KEYS = '"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "secret", "sessionToken": "token"'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f'{{"roleCredentials": {{{KEYS}, "expiration": {end}}}}}', id=f"expiration {end[:12]}")
        for end in ("1e400", "-1e400", "NaN", "-1", "0", "null", '"soon"', "[]", "{}", "true", "9" * 30, "9" * 5000)
    ]
    + [
        pytest.param('{"roleCredentials": []}', id="a list"),
        pytest.param('{"roleCredentials": null}', id="null"),
        pytest.param("[]", id="no object"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"roleCredentials": {' + KEYS.replace("secret", "se\\u001bcret") + "}}", id="escape sequence"),
        pytest.param('{"roleCredentials": {' + KEYS.replace('"secret"', "7") + ', "expiration": 1}}', id="number"),
    ],
)
def test_role_credentials(center: Center, home: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Whatever stands for credentials or their end, it is an error of ours that can be shown, and never an internal one."""
    access_token(center.provider(), center.context(Person(center.served)))
    identity = center.identity(account_id="111122223333")
    with serving(lambda _: Reply(200, body.encode(), {"Content-Type": "application/json"})) as portal:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", portal.url)
        with pytest.raises(EksauthError) as caught:
            authenticate(center.config(identity), identity, environ=os.environ, clock=center.clock)
    assert caught.value.exit_code in {4, 5}
    assert caught.value.message.isprintable()
    assert list(home.rglob("*.cred")) == []
