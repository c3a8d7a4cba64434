"""Our presigner against botocore's query signer, under a frozen clock."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from eksauth.aws.partitions import PARTITIONS, signing_region, sts_host
from eksauth.credentials.model import Credentials
from eksauth.token.bearer import bearer_token

NOW = 1_767_225_600
REGIONS = sorted(region for partition in PARTITIONS for region in partition.regions)
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029"), min_size=1, max_size=80
)


class _FrozenSigner(botocore.auth.SigV4QueryAuth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, but for the time it takes from the test."""

    def add_auth(self, request: Any) -> None:
        moment = dt.datetime.fromtimestamp(NOW, dt.UTC)
        request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        signature = self.signature(self.string_to_sign(request, canonical), request)
        self._inject_signature_to_request(request, signature)


def botocore_url(key: str, secret: str, token: str | None, name: str, region: str, host: str) -> str:
    """Presign as ``aws eks get-token`` does."""
    request = AWSRequest(
        method="GET",
        url=f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15",
        headers={"x-k8s-aws-id": name},
    )
    _FrozenSigner(BotoCredentials(key, secret, token), "sts", region, expires=60).add_auth(request)
    url = request.url
    assert isinstance(url, str)
    return url


@settings(max_examples=300, deadline=None)
@given(
    key=KEYS,
    secret=KEYS,
    session_token=st.none() | KEYS,
    name=NAMES.filter(lambda text: text.strip() != ""),
    region=st.sampled_from(REGIONS),
    fips=st.booleans(),
    dual_stack=st.booleans(),
)
def test_same_url_as_botocore(
    key: str, secret: str, session_token: str | None, name: str, region: str, fips: bool, dual_stack: bool
) -> None:
    """For any name, key, session token, region and endpoint variant the URL is botocore's, byte for byte."""
    host = sts_host(region, fips=fips, dual_stack=dual_stack)
    token = bearer_token(
        Credentials(key, secret, session_token),
        cluster_id=name,
        region=region,
        fips=fips,
        dual_stack=dual_stack,
        now=NOW,
    )
    ours = base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()
    assert ours == botocore_url(key, secret, session_token, name, signing_region(region), host)


@pytest.mark.parametrize("name", ["a  b", "a\tb", "a \u00e9 b", "\u00fc" * 40, "a=b&c", "%41", "x" * 4096])
def test_awkward_names(name: str) -> None:
    """Inner blanks are collapsed and everything else is signed as UTF-8, as botocore does."""
    token = bearer_token(
        Credentials("AKIDEXAMPLE", "secret"), cluster_id=name, region="us-east-1", fips=False, dual_stack=False, now=NOW
    )
    ours = base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()
    assert ours == botocore_url("AKIDEXAMPLE", "secret", None, name, "us-east-1", "sts.us-east-1.amazonaws.com")
