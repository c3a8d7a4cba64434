"""IAM users whose keys are in a keyring: another keyring, or other keys in it, are another user."""

from __future__ import annotations

import os

import pytest
from tests.credentials.identities.kit import ADMIN, Place

from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import cached_session
from eksauth.credentials.secrets.store import open_store
from eksauth.credentials.secrets.user_keys import StoredKeys, secret_name, store_user_keys
from eksauth.errors import AwsError

IDENTITIES = f"""\
me:
  kind: aws/user
admin:
  kind: aws/assume-role
  via: {{identity: me}}
  principal: {{assume_role: "{ADMIN}"}}
"""


@pytest.fixture(autouse=True)
def password_(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let encrypted files be opened."""
    monkeypatch.setenv("EKSAUTH_KEYRING_PASSWORD", "correct horse")


def write(place: Place, keyring: str) -> None:
    """Write the configuration with a keyring of its own."""
    spec = f"{{type: file, spec: {{path: {place.path.parent / keyring}}}}}"
    place.write(IDENTITIES, f"  keyring: {spec}\n")


def keep(place: Place, user: str) -> None:
    """Put the keys of a user into the keyring."""
    keys, config = place.aws.seed.users[user], place.config()
    stored = StoredKeys(keys.access_key_id, keys.secret_access_key)
    store_user_keys(config, find_identity(config, "me"), stored, os.environ)


def user_behind(place: Place, name: str) -> str:
    """Return the user that AWS sees behind an identity."""
    return place.who(place.be(name)).rpartition("/")[2]


def test_the_same_name_in_another_keyring(place: Place) -> None:
    """What one configuration's user got is not given to the other's, though name, kind and region are the same."""
    write(place, "first")
    keep(place, "alice")
    assert user_behind(place, "me") == "alice"
    assert user_behind(place, "admin") == "alice"

    write(place, "second")
    keep(place, "bob")

    assert user_behind(place, "me") == "bob"
    with pytest.raises(AwsError, match="user/bob is not authorized"):
        place.be("admin")


def test_the_variable_that_names_another_keyring(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """EKSAUTH_KEYRING_FILE_PATH wins over the configuration, so it is part of who one is."""
    write(place, "first")
    keep(place, "alice")
    assert user_behind(place, "me") == "alice"

    monkeypatch.setenv("EKSAUTH_KEYRING_FILE_PATH", str(place.path.parent / "second"))
    keep(place, "bob")

    assert user_behind(place, "me") == "bob"


def test_other_keys_in_the_same_keyring(place: Place) -> None:
    """Once bob's keys are stored in place of alice's, roles behind them are not hers any more."""
    write(place, "first")
    keep(place, "alice")
    assert user_behind(place, "admin") == "alice"

    keep(place, "bob")

    with pytest.raises(AwsError, match="user/bob is not authorized"):
        place.be("admin")
    assert user_behind(place, "me") == "bob"


def test_the_same_keys_again(place: Place) -> None:
    """Storing the same keys once more costs nobody a session."""
    write(place, "first")
    keep(place, "alice")
    first = place.be("admin")

    keep(place, "alice")

    assert place.be("admin").credentials.access_key_id == first.credentials.access_key_id


def test_keys_that_are_gone(place: Place) -> None:
    """Without its keys nothing new can be had; what is cached is good until it ends."""
    write(place, "first")
    keep(place, "alice")
    config = place.config()
    place.be("admin")
    assert open_store(config, os.environ).delete(secret_name("me"))
    found = cached_session(config, find_identity(config, "admin"), environ=os.environ, now=place.aws.cloud.now())
    assert found is not None
