"""``eksauth whoami``: passive, with and without identities."""

from __future__ import annotations

import pytest
from tests.login.desk import Desk

from eksauth.sandbox.aws.seed import ACCOUNT


def test_an_identity(desk: Desk) -> None:
    """Chain, ARN, account, expiry and source of an identity."""
    desk.logged_in("admin")

    found = desk.lab.eksauth("whoami", "-i", "ADMIN", "-o", "json").json

    assert (found["identity"], found["chain"], found["account"]) == ("admin", ["alice", "admin"], ACCOUNT)
    assert (found["role"], found["source"]) == ("EksAdmin", "identity admin")
    assert found["expiration"].endswith("Z")


def test_the_alias_of_the_account(desk: Desk) -> None:
    """The account's alias stands beside its number when it may be read, and its absence is no error."""
    cloud = desk.lab.endpoint.cloud
    with cloud.iam.opened():
        cloud.iam.backend(ACCOUNT).create_account_alias("corp-prod")
    try:
        assert f"{ACCOUNT} (corp-prod)" in desk.lab.eksauth("whoami", "-i", "admin").out
        assert desk.lab.eksauth("whoami", "-i", "partner").code == 0
    finally:
        with cloud.iam.opened():
            cloud.iam.backend(ACCOUNT).delete_account_alias()


def test_nobody_is_asked_and_the_command_to_run_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a session it ends at once, exit code 4, with the login command."""
    monkeypatch.setenv("EKSAUTH_KEYRING_PASSWORD", "correct horse battery")
    desk.write({}, identities={"stored": {"kind": "aws/user"}}, keyring={"type": "file"})
    done = desk.lab.eksauth("whoami")
    assert done.code == 4
    assert "eksauth login stored" in done.err


def test_the_plain_chain(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without identities, or with a profile, it is whoever the AWS chain finds."""
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.chdir(desk.lab.home)
    for name, value in desk.keys().items():
        monkeypatch.setenv(name, value)

    found = desk.lab.eksauth("whoami", "-o", "json").json

    assert found["identity"] is None
    assert found["arn"].endswith(":user/team/alice")
    assert found["source"] == "environment"


def test_an_identity_and_a_profile_exclude_each_other(desk: Desk) -> None:
    """Contradictions are usage errors."""
    assert desk.lab.eksauth("whoami", "admin", "--profile", "x").code == 2
    assert desk.lab.eksauth("whoami", "admin", "--context", "x").code == 2


def test_a_context_that_is_not_there(desk: Desk) -> None:
    """--context names what is missing."""
    done = desk.lab.eksauth("whoami", "--context", "gone")
    assert done.code == 3
    assert 'context "gone" does not exist' in done.err


def test_explicit_aws_credentials_come_before_a_default(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for token: keys in the environment beat the configuration's own choice, and a name beats them."""
    identities = desk.identities
    identities["admin"]["default"] = True
    desk.write(identities=identities)
    for name, value in desk.keys().items():
        monkeypatch.setenv(name, value)
    assert desk.lab.eksauth("whoami", "-o", "json").json["identity"] is None
    assert desk.lab.eksauth("whoami", "admin", "-o", "json").json["identity"] == "admin"


def test_guards_count_for_a_look_at_the_cluster(desk: Desk) -> None:
    """--cluster makes a token, so it is refused where a token would be."""
    desk.write(guards={"prod": {"clusters": ["demo"], "require_reason": True}})
    done = desk.lab.eksauth("whoami", "admin", "--cluster", "demo")
    assert done.code == 4
    assert "--reason" in done.err
