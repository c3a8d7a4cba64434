"""What the reference's own configuration reader makes of loosely written mappings, and so do we."""

from __future__ import annotations

import pytest

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.identity import CallerIdentity, identity_from
from eksauth.authenticator.mapping.model import Match
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.errors import ConfigError

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Admin"
SESSION = CallerIdentity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/ann", "AROAEXAMPLE:ann")


def match(server: str) -> Match:
    """Return the entry that a role session falls under."""
    backend = MountedFileBackend(parse_server_config(f"server:\n{server}", "server.yaml").mappings)
    found = backend.lookup(identity_from(SESSION, access_key_id="ASIA", sts_host="sts.x", partition="aws"))
    assert isinstance(found, Match)
    return found


def entry(fields: str) -> str:
    """Return a mapRoles section with one entry."""
    return f"  mapRoles:\n  - rolearn: {ROLE}\n    {fields}\n"


@pytest.mark.parametrize(
    "written, username",
    [
        pytest.param("1234", "1234", id="number"),
        pytest.param("yes", "yes", id="word-of-truth"),
        pytest.param("1.5", "1.5", id="fraction"),
        pytest.param("1:20", "1:20", id="base-60"),
        pytest.param("0123", "", id="octal"),
        pytest.param("0x1F", "", id="hex"),
        pytest.param("1.0e+3", "", id="exponent"),
        pytest.param("1_000", "", id="underscore"),
        pytest.param("true", "", id="truth"),
        pytest.param("[a]", "", id="list"),
    ],
)
def test_unquoted_user_names(written: str, username: str) -> None:
    """A name that reads the same as number and as text is one; where it would not, nobody gets in under it."""
    assert match(entry(f"username: {written}\n    groups: [{written.strip('[]')}]")).username == username


@pytest.mark.parametrize(
    "written, groups",
    [
        pytest.param("system:masters", ("system:masters",), id="one"),
        pytest.param("a,b, c", ("a", "b", " c"), id="commas"),
        pytest.param("[a, 5, yes]", ("a", "5", "yes"), id="numbers"),
        pytest.param("", (), id="null"),
        pytest.param('""', (), id="empty"),
        pytest.param("{a: b}", (), id="mapping"),
    ],
)
def test_groups_that_are_no_list(written: str, groups: tuple[str, ...]) -> None:
    """A text is split at its commas and nowhere else."""
    assert match(entry(f"username: u\n    groups: {written}")).groups == groups


def test_groups_that_are_no_list_are_reported() -> None:
    """Whoever wrote a text for groups is told what became of it, with the line."""
    config = parse_server_config("server:\n" + entry("username: u\n    groups: a,b"), "server.yaml")

    assert [(str(found.source), found.code) for found in config.warnings] == [
        ("server.yaml:5", "mapping.groups_not_list")
    ]


@pytest.mark.parametrize("written", [ACCOUNT, f"'{ACCOUNT}'", f"999988887777,{ACCOUNT}"], ids=["number", "text", "two"])
def test_accounts_that_are_no_list(written: str) -> None:
    """One account, or several with commas, need no list."""
    assert match(f"  mapAccounts: {written}\n").kind == "account"


def test_an_assumed_role_under_map_users() -> None:
    """A session's ARN stands for its role in mapUsers too."""
    section = (
        f"  mapUsers:\n  - userarn: arn:aws:sts::{ACCOUNT}:assumed-role/Admin/x\n    username: u\n    groups: [g]\n"
    )

    assert match(section).username == "u"


@pytest.mark.parametrize("again", ["username: v", "UserName: v"], ids=["same", "other-case"])
def test_a_key_given_twice_is_refused(again: str) -> None:
    """Nobody can tell which of two user names was meant."""
    with pytest.raises(ConfigError, match=r"^server\.yaml:5:5: (username|UserName) is given twice$"):
        match(entry(f"username: u\n    {again}"))


def test_a_merged_key_may_be_overridden() -> None:
    """What an entry says itself beats what it merges in."""
    section = f"  mapRoles:\n  - &x\n    rolearn: {ROLE}x\n    username: u\n    groups: [a]\n  - <<: *x\n    rolearn: {ROLE}\n"

    assert match(section).username == "u"
