"""The files of sign-ins: names, content and damage, judged by botocore wherever it has an opinion."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import botocore.utils
import pytest
from botocore.tokens import SSOTokenProvider
from hypothesis import given
from hypothesis import strategies as st

from eksauth.credentials.config.model import Place, Provider
from eksauth.credentials.sso.files import (
    check_writable,
    read_registration,
    read_token,
    registration_path,
    token_path,
    write_registration,
    write_token,
)
from eksauth.credentials.sso.portal import Portal, portal_of
from eksauth.credentials.sso.token import (
    CODE_GRANT,
    DEVICE_GRANT,
    Registration,
    Token,
    decode_registration,
    decode_token,
    encode_registration,
    encode_token,
)
from eksauth.errors import ConfigError, CredentialsError

START_URL = "https://corp.awsapps.com/start"
PORTAL = Portal("corp", START_URL, "eu-west-1", None, ("sso:account:access",), None)
NAMED = Portal("corp", START_URL, "eu-west-1", "work", ("sso:account:access",), None)
CLIENT = Registration("id", "secret", 1_900_000_000.0)
TOKEN = Token("access", 1_890_000_000.0, START_URL, "eu-west-1", "refresh", CLIENT)
WHOLE = json.loads(encode_token(TOKEN))

secret = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)
moment = st.integers(0, 4_000_000_000).map(float)
registration = st.builds(Registration, secret, secret, moment, st.lists(secret).map(tuple), st.lists(secret).map(tuple))


@pytest.mark.parametrize("portal, session", [(PORTAL, None), (NAMED, "work")], ids=["start URL", "session"])
def test_botocore_finds_what_we_write(portal: Portal, session: str | None, home: Path) -> None:
    """Botocore's own loader finds our token under the name that it makes, with every field that it needs to renew it."""
    write_token(os.environ, portal, TOKEN)
    cache = botocore.utils.JSONFileCache(str(home / ".aws" / "sso" / "cache"))
    found = botocore.utils.SSOTokenLoader(cache=cache)(START_URL, session_name=session)
    assert found == {
        "startUrl": START_URL,
        "region": "eu-west-1",
        "accessToken": "access",
        "expiresAt": "2029-11-22T00:00:00Z",
        "clientId": "id",
        "clientSecret": "secret",
        "registrationExpiresAt": "2030-03-17T17:46:40Z",
        "refreshToken": "refresh",
    }


@pytest.mark.parametrize("portal, session", [(PORTAL, None), (NAMED, "work")], ids=["start URL", "session"])
def test_we_find_what_botocore_writes(portal: Portal, session: str | None, home: Path) -> None:
    """A token that botocore saved after renewing it is read whole."""
    cache = botocore.utils.JSONFileCache(str(home / ".aws" / "sso" / "cache"))
    botocore.utils.SSOTokenLoader(cache=cache).save_token(START_URL, dict(WHOLE), session_name=session)
    assert read_token(os.environ, portal) == TOKEN
    assert SSOTokenProvider._SSO_TOKEN_CACHE_DIR.endswith("/.aws/sso/cache")


def test_name_of_a_registration() -> None:
    """The registration's file has the name that 'aws sso login' gives it: a digest of this very text."""
    text = (
        '{"region": "eu-west-1", "scopes": ["sso:account:access"], "session_name": "work", '
        f'"startUrl": "{START_URL}", "tool": "botocore"}}'
    )
    assert registration_path(os.environ, NAMED).name == hashlib.sha1(text.encode()).hexdigest() + ".json"


def test_host_of_ones_own_has_names_of_its_own() -> None:
    """A provider with an endpoint_url never reads or writes the sign-in of the real portal."""
    elsewhere = Portal("corp", START_URL, "eu-west-1", "work", NAMED.scopes, "https://evil.example")
    assert len({elsewhere.token_key, NAMED.token_key, PORTAL.token_key}) == 3
    assert elsewhere.registration_key != NAMED.registration_key


@pytest.mark.parametrize("missing", ["start_url", "region"])
def test_provider_without_a_portal(missing: str) -> None:
    """A provider without start URL or region is said to lack it, with its place."""
    given: dict[str, Any] = {"start_url": START_URL, "region": "eu-west-1", missing: None}
    kind = "aws/iam-identity-center"
    provider = Provider(name="corp", kind=kind, declared_kind=kind, place=Place("/x.yaml", 2, 3), **given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=rf"/x.yaml:2:3: provider 'corp' has no {missing}"):
        portal_of(provider)


@given(st.builds(Token, secret, moment, secret, secret, st.none() | secret, st.none() | registration))
def test_token_survives_its_file(token: Token) -> None:
    """What was written is read, but for what the CLI's format has no place for."""
    back = decode_token(encode_token(token))
    assert back is not None
    assert (back.access_token, back.expires_at, back.refresh_token) == (
        token.access_token,
        token.expires_at,
        token.refresh_token,
    )
    assert (back.client is None) == (token.client is None)
    if back.client and token.client:
        assert (back.client.client_id, back.client.client_secret, back.client.expires_at) == (
            token.client.client_id,
            token.client.client_secret,
            token.client.expires_at,
        )


@given(registration)
def test_registration_survives_its_file(value: Registration) -> None:
    """What was written is read."""
    assert decode_registration(encode_registration(value)) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_a_token_or_none(content: bytes) -> None:
    """No content makes reading fail."""
    assert decode_token(content) is None
    assert decode_registration(content) is None


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_any_fields_are_a_token_or_none(fields: dict[str, Any]) -> None:
    """Fields of any type and text are a usable token or a miss; none of them can carry a line end on."""
    token = decode_token(json.dumps({**WHOLE, **fields}).encode())
    if token is not None:
        assert token.access_token.isprintable()
        assert token.access_token.isascii()


@pytest.mark.parametrize(
    "text, epoch",
    [
        ("2029-11-22T00:00:00Z", 1_890_000_000),
        ("2029-11-22T00:00:00UTC", 1_890_000_000),
        ("2029-11-22T00:00:00+00:00", 1_890_000_000),
        ("2029-11-22T00:00:00.123456789Z", 1_890_000_000),
        ("2029-11-22T02:00:00+02:00", 1_890_000_000),
    ],
    ids=["now", "old CLI", "Python", "Go", "with a zone"],
)
def test_times_of_other_tools(text: str, epoch: int) -> None:
    """Times are read as all the tools write them that share the directory."""
    token = decode_token(json.dumps({**WHOLE, "expiresAt": text}).encode())
    assert token is not None
    assert token.expires_at == epoch


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        json.dumps({**WHOLE, "accessToken": ""}).encode(),
        json.dumps({**WHOLE, "accessToken": "a\r\nx: y"}).encode(),
        json.dumps({**WHOLE, "accessToken": "a" * 20_000}).encode(),
        json.dumps({**WHOLE, "expiresAt": "tomorrow"}).encode(),
        json.dumps({**WHOLE, "region": "us-east-1"}).encode(),
        json.dumps({**WHOLE, "startUrl": "https://evil.example/start"}).encode(),
        json.dumps(WHOLE).encode() + b" " * (300 << 10),
    ],
    ids=[
        "empty",
        "half",
        "list",
        "null",
        "deep",
        "no token",
        "header",
        "long token",
        "no time",
        "region",
        "portal",
        "huge",
    ],
)
def test_damaged_files_are_a_miss(content: bytes) -> None:
    """A file that is damaged, hostile or another portal's is as good as none."""
    path = token_path(os.environ, PORTAL)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert read_token(os.environ, PORTAL) is None


@pytest.mark.parametrize("spelling", [f"{START_URL}/", f"{START_URL}#", f"{START_URL}/#/", START_URL.upper()])
def test_spellings_of_a_start_url(spelling: str) -> None:
    """A token of the same portal counts however the other tool spelled its URL."""
    path = token_path(os.environ, NAMED)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**WHOLE, "startUrl": spelling}))
    assert read_token(os.environ, NAMED) is not None


def test_places_that_are_no_files(home: Path) -> None:
    """A directory or a pipe where the file should be is a miss, and nothing hangs."""
    path = token_path(os.environ, PORTAL)
    path.mkdir(parents=True)
    assert read_token(os.environ, PORTAL) is None
    path.rmdir()
    os.mkfifo(path)
    assert read_token(os.environ, PORTAL) is None


def test_files_are_closed_to_others(home: Path) -> None:
    """Whatever was there before, and whatever the umask says, only the owner reads what was written."""
    os.umask(before := os.umask(0))
    os.umask(0)
    try:
        write_token(os.environ, PORTAL, TOKEN)
        write_registration(os.environ, PORTAL, CLIENT)
        token_path(os.environ, PORTAL).chmod(0o644)
        write_token(os.environ, PORTAL, TOKEN)
    finally:
        os.umask(before)
    assert token_path(os.environ, PORTAL).stat().st_mode & 0o777 == 0o600
    assert registration_path(os.environ, PORTAL).stat().st_mode & 0o777 == 0o600
    assert (home / ".aws" / "sso" / "cache").stat().st_mode & 0o777 == 0o700
    assert sorted(path.suffix for path in (home / ".aws" / "sso" / "cache").iterdir()) == [".json", ".json"]
    assert read_registration(os.environ, PORTAL) == CLIENT


def test_directory_that_is_a_file(home: Path) -> None:
    """A place where nothing can be kept is found out before anybody signs in."""
    (home / ".aws").write_text("")
    with pytest.raises(CredentialsError, match="cannot be kept") as caught:
        check_writable(os.environ)
    assert str(home / ".aws") in caught.value.message


def test_secrets_are_not_shown() -> None:
    """Neither a token nor a registration shows its secrets."""
    shown = repr(TOKEN) + repr(CLIENT)
    assert "corp.awsapps.com" in shown
    assert not any(word in shown for word in ("'access'", "'refresh'", "'secret'"))


@pytest.mark.parametrize(
    "more, device, code",
    [
        pytest.param({}, True, False, id="device login"),
        pytest.param({"grantTypes": ["authorization_code", "refresh_token"]}, False, True, id="browser login"),
    ],
)
def test_registrations_of_the_aws_cli(more: dict[str, Any], device: bool, code: bool) -> None:
    """A client that 'aws sso login' registered serves the grants that it was registered for, and no others."""
    document = {"clientId": "id", "clientSecret": "secret", "expiresAt": "2030-03-17T17:46:40Z", **more}
    found = decode_registration(json.dumps({**document, "scopes": ["sso:account:access"]}).encode())
    assert found is not None
    assert (found.serves(DEVICE_GRANT), found.serves(CODE_GRANT)) == (device, code)
    assert found.expires_at == 1_900_000_000
