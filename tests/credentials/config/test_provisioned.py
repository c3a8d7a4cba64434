"""Identities that signing in found."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.credentials.config.kit import SSO, loaded

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import Identity, Place, Principal, Provider
from eksauth.credentials.config.provisioned import (
    provisioned_path,
    read_provisioned,
    remove_provisioned,
    write_provisioned,
)
from eksauth.errors import ConfigError

AUTO = SSO.replace("region:", "auto_provision_identities: true, region:")
PORTAL = Provider(
    name="sso",
    kind="aws/iam-identity-center",
    declared_kind="aws/iam-identity-center",
    place=Place("x", 1, 1),
    start_url="https://acme.awsapps.com/start",
    region="eu-west-1",
)


def _found(name: str, account: str = "012345678901", role: str = "Admin") -> Identity:
    return Identity(
        name=name,
        kind="aws/permission-set",
        declared_kind="aws/permission-set",
        place=Place("somewhere", 1, 1),
        via_provider="sso",
        principal=Principal(name=role, account_id=account, account_name="Dev é.1"),
        tags=("t",),
        provisioned=True,
    )


@pytest.fixture(name="environ")
def environ_(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a cache directory of its own."""
    return {"HOME": str(tmp_path), "EKSAUTH_CACHE_DIR": str(tmp_path / "cache")}


def _path(environ: dict[str, str]) -> Path:
    path = provisioned_path(environ, "", PORTAL)
    assert path is not None
    return Path(path)


def test_what_is_written_is_read_again(environ: dict[str, str]) -> None:
    """Names with dots, slashes and letters of any language come back as they were, from a private file."""
    found = (_found("Dev é.1/Admin"), _found("b/x", role="x"))

    path = Path(write_provisioned(environ, "", PORTAL, found))
    again = read_provisioned(environ, "", PORTAL)

    assert again == tuple(replace(item, place=Place(str(path), 1, 1)) for item in found)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_realm_portal_and_name_keep_them_apart(environ: dict[str, str]) -> None:
    """The same provider name in another realm, or of another portal, is another provider."""
    write_provisioned(environ, "", PORTAL, [_found("a/b")])

    assert read_provisioned(environ, "acme", PORTAL) == ()
    assert read_provisioned(environ, "", replace(PORTAL, start_url="https://other.awsapps.com/start")) == ()
    assert read_provisioned(environ, "", replace(PORTAL, region="us-east-1")) == ()
    assert read_provisioned(environ, "", replace(PORTAL, name="corp")) == ()
    assert read_provisioned(environ, "", replace(PORTAL, endpoint_url="https://elsewhere.example")) == ()
    assert len(read_provisioned(environ, "", PORTAL)) == 1


def test_removing(environ: dict[str, str]) -> None:
    """Removing tells whether there was anything."""
    write_provisioned(environ, "", PORTAL, [_found("a/b")])

    assert remove_provisioned(environ, "", PORTAL)
    assert not remove_provisioned(environ, "", PORTAL)
    assert read_provisioned(environ, "", PORTAL) == ()


def _changed(content: dict[str, Any], **more: Any) -> str:
    return json.dumps({**content, **more})


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda text: text[:-5], id="cut short"),
        pytest.param(lambda _: "[" * 100_000, id="deep"),
        pytest.param(lambda _: "\x00\xff", id="binary"),
        pytest.param(lambda text: _changed(json.loads(text), format=2), id="another format"),
        pytest.param(lambda text: _changed(json.loads(text), start_url="https://evil/"), id="another portal"),
        pytest.param(lambda text: _changed(json.loads(text), identities=[{"name": "a"}]), id="half an identity"),
        pytest.param(lambda text: text.replace("012345678901", "12"), id="no account id"),
        pytest.param(lambda text: text.replace("012345678901", "\\u0661" * 12), id="other digits"),
        pytest.param(lambda text: text.replace("a/b", "a\\u001bb"), id="control characters"),
        pytest.param(lambda text: text.replace('"a/b"', "7"), id="name is a number"),
    ],
)
def test_a_damaged_file_is_none(environ: dict[str, str], damage: Any) -> None:
    """Whatever happened to the file, it is as good as none, and signing in writes it anew."""
    path = Path(write_provisioned(environ, "", PORTAL, [_found("a/b")]))
    path.write_text(damage(path.read_text()), errors="surrogateescape")

    assert read_provisioned(environ, "", PORTAL) == ()
    write_provisioned(environ, "", PORTAL, [_found("a/b")])
    assert len(read_provisioned(environ, "", PORTAL)) == 1


def test_a_directory_that_others_may_enter_is_not_believed(environ: dict[str, str]) -> None:
    """A directory that is not private, or a link in place of the file, is not read; writing says what is wrong."""
    path = Path(write_provisioned(environ, "", PORTAL, [_found("a/b")]))
    content = path.read_bytes()
    path.parent.chmod(0o777)
    assert read_provisioned(environ, "", PORTAL) == ()
    with pytest.raises(ConfigError, match="not a directory of ours"):
        write_provisioned(environ, "", PORTAL, [])

    path.parent.chmod(0o700)
    elsewhere = path.parent / "elsewhere.json"
    elsewhere.write_bytes(content)
    path.unlink()
    path.symlink_to(elsewhere)
    assert read_provisioned(environ, "", PORTAL) == ()


def test_they_join_the_configuration(tmp_path: Path, environ: dict[str, str]) -> None:
    """They come after those of the file, which wins; via and aliases reach them, and the file's digest is recorded."""
    write_provisioned(environ, "", PORTAL, [_found("Dev/Admin"), _found("mine", account="999999999999")])
    text = AUTO + (
        "  identities:\n"
        "    Mine: {kind: aws/user}\n"
        '    role: {kind: aws/assume-role, via: {identity: dev/admin}, principal: {assume_role: "arn:aws:iam::123456789012:role/x"}}\n'
    )
    config = loaded(tmp_path, text, environ=environ)
    path = _path(environ)

    assert list(config.identities) == ["Mine", "role", "Dev/Admin", "sso/mine"]
    assert config.identities["Dev/Admin"].provisioned
    assert config.identities["Mine"].kind == "aws/user"
    assert config.identities["role"].via_identity == "Dev/Admin"
    assert config.files == ((str(path), hashlib.sha256(path.read_bytes()).hexdigest()),)


def test_they_are_only_looked_for_where_the_provider_says_so(tmp_path: Path, environ: dict[str, str]) -> None:
    """A provider that does not provision adds nothing, even if it did once."""
    write_provisioned(environ, "", PORTAL, [_found("a/b")])

    assert not loaded(tmp_path, SSO, environ=environ).identities
    assert loaded(tmp_path, SSO, environ=environ).files == ()
    missing = loaded(tmp_path, AUTO, environ={**environ, "EKSAUTH_REALM": "other"})
    assert [digest for _, digest in missing.files] == [""]


def test_a_realm_decides_which(tmp_path: Path, environ: dict[str, str]) -> None:
    """The realm of the moment decides, also one from the command line."""
    write_provisioned(environ, "acme", PORTAL, [_found("a/b")])
    loaded(tmp_path, AUTO, environ=environ)

    config = load_config(environ, flag=str(tmp_path / "eksauth.yaml"), realm="acme")

    assert set(config.identities) == {"a/b"}


def test_without_a_place_to_keep_them() -> None:
    """Without a home nothing is read, and writing says so."""
    environ = {"EKSAUTH_CACHE_DIR": "relative"}

    assert read_provisioned(environ, "", PORTAL) == ()
    assert not remove_provisioned(environ, "", PORTAL)
    with pytest.raises(ConfigError, match="no home directory"):
        write_provisioned(environ, "", PORTAL, [])
