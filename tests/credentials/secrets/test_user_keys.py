"""Keys of IAM users in the secret store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.credentials.people import Typist

from eksauth.credentials.config.model import AuthConfig, Identity, Keyring, Place, UserKeys
from eksauth.credentials.secrets.store import SecretsUnavailable, open_store
from eksauth.credentials.secrets.user_keys import (
    StoredKeys,
    ask_for_keys,
    parse_keys,
    read_user_keys,
    secret_name,
    store_user_keys,
)
from eksauth.errors import CredentialsError, EksauthError, UsageError

ALICE = Identity(name="Alice", kind="aws/user", declared_kind="aws/user", place=Place("eksauth.yaml", 3, 5))
KEYS = StoredKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
ENVIRON = {"EKSAUTH_KEYRING_PASSWORD": "correct horse"}


@pytest.fixture(name="config")
def config_(tmp_path: Path) -> AuthConfig:
    """Return a configuration with an encrypted file."""
    return AuthConfig(keyring=Keyring(kind="file", path=str(tmp_path)))


def test_keys_come_back(config: AuthConfig) -> None:
    """Stored keys are read under any spelling of the name; storing others says which ones they replaced."""
    first = store_user_keys(config, ALICE, replace(KEYS, mfa_arn="arn:aws:iam::111122223333:mfa/a"), ENVIRON)
    again = store_user_keys(config, ALICE, KEYS, ENVIRON)
    other = store_user_keys(config, ALICE, StoredKeys("AKIAI44QH8DHBEXAMPLE", "other"), ENVIRON)

    assert (first.replaced, again.replaced, other.replaced) == (None, None, KEYS.access_key_id)
    assert "encrypted file" in first.place
    store = open_store(config, ENVIRON)
    assert read_user_keys(store, "ALICE") == StoredKeys("AKIAI44QH8DHBEXAMPLE", "other")
    assert read_user_keys(store, "bob") is None


def test_no_repr_shows_the_secret() -> None:
    """The value can be logged by accident without harm."""
    assert KEYS.secret_access_key not in repr(KEYS)


@pytest.mark.parametrize(
    "identity, keys, says",
    [
        pytest.param(replace(ALICE, kind="aws/ambient", declared_kind="aws/ambient"), KEYS, "aws/ambient", id="kind"),
        pytest.param(
            replace(ALICE, credentials=UserKeys(access_key_id="AKIAIOSFODNN7EXAMPLE")), KEYS, "come first", id="in file"
        ),
        pytest.param(ALICE, StoredKeys("ASIAIOSFODNN7EXAMPLE", "x"), "temporary", id="temporary keys"),
        pytest.param(ALICE, StoredKeys("AKIAIOSFODNN7EXAMPLE", ""), "secret access key", id="no secret"),
        pytest.param(ALICE, StoredKeys("AKIAIOSFODNN7EXAMPLE", "a b"), "secret access key", id="blank in the secret"),
        pytest.param(ALICE, StoredKeys("my password!", "x"), "access key id", id="no key id"),
        pytest.param(ALICE, StoredKeys("hunter2", "x"), "does not look like", id="something else"),
    ],
)
def test_what_is_not_stored(config: AuthConfig, identity: Identity, keys: StoredKeys, says: str) -> None:
    """Keys that would not work, or not be used, are refused, and no message repeats what was typed."""
    with pytest.raises(UsageError, match=says) as caught:
        store_user_keys(config, identity, keys, ENVIRON)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert open_store(config, ENVIRON).names() == ()


def test_memory_does_not_count() -> None:
    """Keys are not put where they are gone at once."""
    with pytest.raises(SecretsUnavailable, match="forgets"):
        store_user_keys(AuthConfig(keyring=Keyring(kind="memory")), ALICE, KEYS, ENVIRON)


def test_broken_entries(config: AuthConfig) -> None:
    """An entry that is no pair of keys is an error when read, and is replaced when keys are stored."""
    open_store(config, ENVIRON).set(secret_name("alice"), "nonsense")

    with pytest.raises(CredentialsError, match="cannot be read"):
        read_user_keys(open_store(config, ENVIRON), "alice")
    store_user_keys(config, ALICE, KEYS, ENVIRON)
    assert read_user_keys(open_store(config, ENVIRON), "alice") == KEYS


def test_a_person_types_them() -> None:
    """The secret key is asked for without showing it, and blanks around both do not matter."""
    human = Typist(" AKIAIOSFODNN7EXAMPLE ", f"{KEYS.secret_access_key} ")

    assert ask_for_keys(human, "alice") == KEYS
    assert [secret for _, secret in human.asked] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{KEYS.access_key_id}\n{KEYS.secret_access_key}\n", id="two lines"),
        pytest.param(f"{KEYS.access_key_id}\r\n{KEYS.secret_access_key}", id="lines of Windows"),
        pytest.param(
            json.dumps({"Version": 1, "AccessKeyId": KEYS.access_key_id, "SecretAccessKey": KEYS.secret_access_key}),
            id="credential_process",
        ),
        pytest.param(
            json.dumps(
                {
                    "AccessKey": {
                        "UserName": "alice",
                        "AccessKeyId": KEYS.access_key_id,
                        "SecretAccessKey": KEYS.secret_access_key,
                    }
                }
            ),
            id="create-access-key",
        ),
    ],
)
def test_keys_are_piped_in(text: str) -> None:
    """Two lines and the JSON of AWS tools are understood."""
    assert parse_keys(text) == KEYS


@pytest.mark.parametrize("text", ["", "one", "a b c", "{}", '{"AccessKey": 3}', "{", '{"AccessKeyId": "hunter2"}'])
def test_what_is_no_pair_of_keys(text: str) -> None:
    """Anything else is refused with the two forms, and not repeated."""
    with pytest.raises(EksauthError) as caught:
        parse_keys(text)
    assert "create-access-key" in str(caught.value.hint)
    assert "hunter2" not in str(caught.value)
