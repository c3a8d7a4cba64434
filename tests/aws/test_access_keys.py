"""What an access key id says about its account."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.aws.access_keys import unverified_account_of


@given(st.integers(0, 999_999_999_999), st.integers(0, 1), st.integers(0, 127))
def test_account_round_trip(account: int, top: int, low: int) -> None:
    """The account number put into the id by the documented layout comes out again."""
    number = ((top << 47) | (account << 7) | low).to_bytes(6, "big")
    body = base64.b32encode(number + bytes(4)).decode()
    if body[0] in "IJ":
        return
    assert unverified_account_of(f"ASIA{body}") == f"{account:012d}"


@pytest.mark.parametrize(
    "key", ["", "AKIA", "AKIAIOSFODNN7EXAMPLE", "AROAQWERTYUIOPASDFGH", "AKIA0189abcdefgh", "ASIAQ"]
)
def test_ids_without_an_account(key: str) -> None:
    """Old, short, foreign and malformed ids say nothing."""
    assert unverified_account_of(key) is None
