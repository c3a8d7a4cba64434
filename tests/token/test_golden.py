"""Byte for byte what other implementations made."""

from __future__ import annotations

import base64

import pytest
from tests.token.golden import ACCESS_KEY, SECRET, VECTORS

from eksauth.credentials.model import Credentials
from eksauth.credentials.timestamps import epoch_of
from eksauth.token.bearer import bearer_token, token_expiry, utc_text


@pytest.mark.parametrize(
    "cluster, region, session_token, date, signature, length", list(VECTORS.values()), ids=list(VECTORS)
)
def test_signature_of_golden_vector(
    cluster: str, region: str, session_token: str | None, date: str, signature: str, length: int | None
) -> None:
    """A token for the inputs of a published vector has that vector's signature and length."""
    now = epoch_of(f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[9:11]}:{date[11:13]}:{date[13:15]}Z")
    assert now is not None
    credentials = Credentials(ACCESS_KEY, SECRET, session_token)
    token = bearer_token(credentials, cluster_id=cluster, region=region, fips=False, dual_stack=False, now=now + 0.75)
    url = base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()
    assert url.endswith(f"&X-Amz-Signature={signature}")
    assert f"&X-Amz-Date={date}&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id" in url
    assert length is None or len(token) == length


@pytest.mark.parametrize(
    "credentials_life, life",
    [(None, 840), (3600, 840), (901, 840), (899, 839), (300, 240), (62, 2), (61, 1), (60, None), (0, None), (-9, None)],
)
def test_token_never_outlives_its_credentials(credentials_life: int | None, life: int | None) -> None:
    """The reported expiry is the earlier of 14 minutes and a minute before the credentials die; then there is none."""
    now = 1_700_000_000
    expiry = token_expiry(now, None if credentials_life is None else now + credentials_life)
    assert expiry == (None if life is None else now + life)


def test_utc_text_is_rfc3339() -> None:
    """Times are written in UTC with seconds and Z."""
    assert utc_text(1_704_164_645) == "2024-01-02T03:04:05Z"
