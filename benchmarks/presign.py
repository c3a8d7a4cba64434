"""Tokens per second in one process, next to botocore's signer doing the same."""

from __future__ import annotations

import time
from collections.abc import Callable

import botocore.session
from botocore.signers import RequestSigner

from benchmarks.place import KEYS
from eksauth.credentials.model import Credentials
from eksauth.token.bearer import bearer_token

BUDGET_PER_SECOND = 20_000


def rates(seconds: float = 1.0) -> dict[str, float]:
    """Return tokens per second: ours with and without a session token, and botocore's."""
    key, secret = KEYS.values()
    plain, temporary = Credentials(key, secret), Credentials(key, secret, "t" * 900)
    now = time.time()

    def ours(credentials: Credentials) -> Callable[[], object]:
        return lambda: bearer_token(
            credentials, cluster_id="demo", region="eu-west-1", fips=False, dual_stack=False, now=now
        )

    return {
        "eksauth, long-lived keys": _rate(ours(plain), seconds),
        "eksauth, 900-byte session token": _rate(ours(temporary), seconds),
        "botocore generate_presigned_url": _rate(_botocore(key, secret), seconds),
    }


def _botocore(key: str, secret: str) -> Callable[[], object]:
    session = botocore.session.Session()
    session.set_credentials(key, secret)
    client = session.create_client("sts", region_name="eu-west-1")
    signer = RequestSigner(
        client.meta.service_model.service_id,
        "eu-west-1",
        "sts",
        "v4",
        session.get_credentials(),
        session.get_component("event_emitter"),
    )
    request = {
        "method": "GET",
        "url": "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": "demo"},
        "context": {},
    }
    return lambda: signer.generate_presigned_url(request, operation_name="", expires_in=60, region_name="eu-west-1")


def _rate(work: Callable[[], object], seconds: float) -> float:
    best = 0.0
    for _ in range(3):
        count, start = 0, time.perf_counter()
        while (took := time.perf_counter() - start) < seconds / 3:
            for _ in range(50):
                work()
            count += 50
        best = max(best, count / took)
    return best
