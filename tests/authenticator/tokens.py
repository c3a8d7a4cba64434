"""Tokens, whole and broken, for the tests of the rules."""

from __future__ import annotations

import time
from urllib.parse import quote

from eksauth.token.bearer import encode_token
from eksauth.token.sigv4 import presign_get_caller_identity

NOW = 1767225600  # 2026-01-01T00:00:00Z
DATE = "20260101T000000Z"
SIGNATURE = "8a16ff69737a21077b35a180c6dd88291b8938e24f18619221ea97cadf01313b"
CLUSTER = "demo-cluster"


def parameters(region: str = "us-west-2", **changes: str | None) -> list[tuple[str, str]]:
    """Return the parameters of a good URL; ``changes`` by name with ``_`` for ``-``, None takes one out."""
    values = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"AKIDEXAMPLE/20260101/{region}/sts/aws4_request",
        "X-Amz-Date": DATE,
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
        "X-Amz-Signature": SIGNATURE,
    }
    for name, value in changes.items():
        header = name.replace("_", "-")
        if value is None:
            del values[header]
        else:
            values[header] = value
    return list(values.items())


def url(
    host: str = "sts.us-west-2.amazonaws.com", region: str = "us-west-2", tail: str = "", **changes: str | None
) -> str:
    """Return a presigned URL; ``tail`` is put behind it as it is."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters(region, **changes))
    return f"https://{host}/?{query}{tail}"


def token(
    host: str = "sts.us-west-2.amazonaws.com", region: str = "us-west-2", tail: str = "", **changes: str | None
) -> str:
    """Return the token of :func:`url`."""
    return encode_token(url(host, region, tail, **changes))


def signed(
    host: str = "sts.us-west-2.amazonaws.com",
    region: str = "us-west-2",
    session_token: str | None = None,
    amz_date: str = DATE,
) -> str:
    """Return a token signed with the AWS documentation's example secret, as the golden vectors are."""
    return encode_token(
        presign_get_caller_identity(
            host=host,
            region=region,
            cluster_id=CLUSTER,
            access_key_id="AKIDEXAMPLE",
            secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token=session_token,
            amz_date=amz_date,
        )
    )


def fresh(session_token: str | None = None) -> str:
    """Return a token signed now."""
    return signed(session_token=session_token, amz_date=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
