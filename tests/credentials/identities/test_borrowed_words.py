"""A repository's own file cannot have the user's variables shown to the owner of a role that it names."""

from __future__ import annotations

import os

import pytest
from tests.credentials.identities.kit import ADMIN, Place

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import authenticate
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.sandbox.aws.seed import ACCOUNT

SECRET = "ghp-16C7e42F292c6912E7710c838347Ae178B4a"
BORROWING = [
    "session_name: !env PRIVATE",
    "external_id: !env PRIVATE",
    "tags: {team: !env PRIVATE}",
    "tags: {x.principal.region: !env PRIVATE}",
    "source_identity: !env PRIVATE",
]


@pytest.fixture(name="private", autouse=True)
def private_(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a variable that is nobody's business."""
    monkeypatch.setenv("PRIVATE", SECRET)
    monkeypatch.setenv("ROLE", ADMIN)


def found_by_searching(place: Place) -> AuthConfig:
    """Read the configuration as a file that nobody named."""
    (place.path.parent / ".git").mkdir(exist_ok=True)
    config = load_config(os.environ, cwd=place.path.parent)
    assert config.searched
    return config


@pytest.mark.parametrize("words", BORROWING)
def test_nothing_is_handed_on(place: Place, words: str) -> None:
    """Where nobody vouches for the file AWS is not asked for the role, and the message has no value in it."""
    role = (
        f'r:\n  kind: aws/assume-role\n  via: {{identity: alice}}\n  principal: {{assume_role: "{ADMIN}", {words}}}\n'
    )
    place.write("{alice}\n" + role)
    config = found_by_searching(place)

    with pytest.raises(NeedsHuman) as caught:
        authenticate(config, find_identity(config, "r"), environ=os.environ)

    assert caught.value.code == "credentials.untrusted_config"
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"
    assert place.count("AssumeRole") == 0


def test_what_has_a_shape_may_come_from_a_variable(place: Place) -> None:
    """A role's ARN from a variable, as repositories have it, works without anybody."""
    place.write(
        "{alice}\nr:\n  kind: aws/assume-role\n  via: {identity: alice}\n  principal: {assume_role: !env ROLE}\n"
    )
    config = found_by_searching(place)

    assert authenticate(config, find_identity(config, "r"), environ=os.environ).account == ACCOUNT


def test_a_file_that_was_named_may(place: Place) -> None:
    """Somebody who names the file vouches for it."""
    place.write(
        "{alice}\nr:\n  kind: aws/assume-role\n  via: {identity: alice}\n"
        f'  principal: {{assume_role: "{ADMIN}", session_name: !env PRIVATE}}\n'
    )

    assert SECRET in place.caller(place.be("r")).arn
