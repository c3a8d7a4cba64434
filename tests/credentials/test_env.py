"""Credentials in environment variables."""

from __future__ import annotations

import pytest

from eksauth.credentials.env import environment_credentials, session_token_conflict
from eksauth.credentials.model import Credentials
from eksauth.errors import CredentialsError

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very-secret"}


@pytest.mark.parametrize(
    "environ",
    [{}, {"AWS_ACCESS_KEY_ID": ""}, {"AWS_SECRET_ACCESS_KEY": "s"}, {"AWS_SESSION_TOKEN": "t"}],
    ids=["empty", "empty-id", "secret-only", "token-only"],
)
def test_not_here(environ: dict[str, str]) -> None:
    """Without an access key id the environment has no credentials."""
    assert environment_credentials(environ) is None


@pytest.mark.parametrize("secret", [None, ""])
def test_partial_names_the_missing_variable(secret: str | None) -> None:
    """An id without a secret is an error that names the variable and shows no value."""
    environ = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"} | ({} if secret is None else {"AWS_SECRET_ACCESS_KEY": secret})
    with pytest.raises(CredentialsError, match="AWS_SECRET_ACCESS_KEY") as caught:
        environment_credentials(environ)
    assert "AKIDEXAMPLE" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    "new, old, used, warned",
    [
        ("new", "old", "new", True),
        ("new", None, "new", False),
        (None, "old", "old", False),
        ("", "old", "old", False),
        ("same", "same", "same", False),
        (None, None, None, False),
    ],
)
def test_session_token_before_its_legacy_name(new: str | None, old: str | None, used: str | None, warned: bool) -> None:
    """AWS_SESSION_TOKEN is used before AWS_SECURITY_TOKEN, with a warning when they differ."""
    tokens = {"AWS_SESSION_TOKEN": new, "AWS_SECURITY_TOKEN": old}
    environ = KEYS | {name: value for name, value in tokens.items() if value is not None}
    found = environment_credentials(environ)
    assert found is not None
    assert found.session_token == used
    warning = session_token_conflict(environ)
    assert (warning is not None) == warned
    assert "old" not in (warning or "")


@pytest.mark.parametrize(
    "text, epoch",
    [
        ("2024-01-02T03:04:05Z", 1_704_164_645),
        ("2024-01-02T03:04:05.678Z", 1_704_164_645),
        ("2024-01-02 03:04:05+00:00", 1_704_164_645),
        ("2024-01-02T05:04:05+02:00", 1_704_164_645),
        ("2024-01-01T22:04:05-05:00", 1_704_164_645),
        ("2024-01-02T03:04:05", 1_704_164_645),
    ],
)
def test_expiration(text: str, epoch: int) -> None:
    """AWS_CREDENTIAL_EXPIRATION is honoured in every form that AWS tools write."""
    found = environment_credentials({**KEYS, "AWS_CREDENTIAL_EXPIRATION": text})
    assert found is not None
    assert found.expires_at == epoch


@pytest.mark.parametrize(
    "text", ["tomorrow", "1704164645", "2024-13-02T03:04:05Z", "2024-01-02", "2024-01-02T03:04:05Q"]
)
def test_unreadable_expiration(text: str) -> None:
    """An expiry that cannot be read is an error, not "never"."""
    with pytest.raises(CredentialsError, match="AWS_CREDENTIAL_EXPIRATION"):
        environment_credentials({**KEYS, "AWS_CREDENTIAL_EXPIRATION": text})


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("junk", ["\n", "\r\n", " ", "\t", "\x7f", "\udcff", "\u00e9"], ids=repr)
def test_values_that_no_key_has(name: str, junk: str) -> None:
    """White space and control characters in a key are named, without showing the key."""
    with pytest.raises(CredentialsError) as caught:
        environment_credentials({**KEYS, "AWS_SESSION_TOKEN": "token", name: f"hidden{junk}"})
    assert "hidden" not in f"{caught.value}{caught.value.hint}"


def test_repr_shows_no_secret() -> None:
    """The repr of credentials has neither secret nor session token nor the whole id."""
    text = repr(Credentials("AKIDEXAMPLE", "very-secret", "session", 5.0, "environment"))
    assert "very-secret" not in text
    assert "session" not in text
    assert "AKIDEXAMPLE" not in text
