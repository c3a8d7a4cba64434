"""Taking tokens apart, whole and broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.authenticator.tokens import NOW, signed, token

import eksauth
from eksauth.authenticator.decode import DecodedToken, decode_token
from eksauth.authenticator.rules.order import RULES
from eksauth.errors import ConfigError

SESSION = "FwoGSECRETSESSION/Zz+Example=="


def decode(bearer: str | bytes, *, now: float = NOW, partition: str | None = None) -> DecodedToken:
    """Decode at the time of the test tokens."""
    return decode_token(bearer, now=now, partition=partition)


def test_what_a_good_token_says() -> None:
    """Host, region, key, dates and headers come out; every rule passes."""
    bearer = token(
        "sts-fips.us-east-1.amazonaws.com",
        "us-east-1",
        X_Amz_Credential="ASIAQNZGKIQY56JQ7WML/20260101/us-east-1/sts/aws4_request",
    )
    found = decode(bearer, now=NOW + 60)
    assert found.acceptable
    assert {result.outcome for result in found.rules} == {"pass"}
    assert [result.rule for result in found.rules] == [rule.name for rule in RULES]
    assert (found.host, found.partition, found.region) == ("sts-fips.us-east-1.amazonaws.com", "aws", "us-east-1")
    assert (found.fips, found.dual_stack, found.scope_region) == (True, False, "us-east-1")
    assert (found.unverified_access_key_id, found.access_key_kind) == ("ASIAQNZGKIQY56JQ7WML", "temporary access key")
    assert found.unverified_account == "029608264753"
    assert found.signed_headers == ("host", "x-k8s-aws-id")
    assert (found.signed_at, found.age_seconds, found.expires_at) == (NOW, 60, NOW + 900)
    assert (found.has_session_token, found.url_expires_seconds, found.size_bytes) == (False, "60", len(bearer))
    assert any("no session token" in note for note in found.notes)


@pytest.mark.parametrize(
    "bearer",
    [signed(session_token=SESSION), "Bearer " + signed(session_token=SESSION), signed(session_token=SESSION)[:-3]],
)
def test_secrets_stay_out(bearer: str) -> None:
    """Neither representation nor JSON holds the signature or the session token."""
    found = decode(bearer)
    assert found.has_session_token
    for text in (repr(found), json.dumps(found.as_dict())):
        assert "SECRETSESSION" not in text
        assert not re.search(r"[0-9a-f]{64}", text)
        assert bearer[-60:] not in text


@pytest.mark.parametrize(
    "bearer, code, clue, region",
    [
        pytest.param("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "token.missing_prefix", "JWT", None, id="T-01-jwt"),
        pytest.param(json.dumps({"status": {"token": signed()}}), "token.missing_prefix", "status.token", "us-west-2", id="T-01-exec-credential"),
        pytest.param(f"Bearer {signed()}", "token.missing_prefix", "Bearer", "us-west-2", id="T-01-bearer"),
        pytest.param(f"Authorization: Bearer {signed()}", "token.missing_prefix", "mint", "us-west-2", id="T-01-header"),
        pytest.param(f'"{signed()}"', "token.missing_prefix", "quotes", "us-west-2", id="quotes"),
        pytest.param(signed().replace(".v1", ".v2").replace("v1.", "v2."), "token.missing_prefix", "version 1", None, id="v2"),
        pytest.param("https://sts.amazonaws.com/?Action=GetCallerIdentity", "token.missing_prefix", "bare URL", None, id="bare-url"),
        pytest.param(signed().removeprefix("k8s-aws-v1."), "token.missing_prefix", "in front", None, id="bare-base64"),
        pytest.param("", "token.missing_prefix", "empty", None, id="empty"),
        pytest.param(signed()[:-2], "token.malformed_signature", "cut off", "us-west-2", id="T-02-truncated"),
        pytest.param(signed()[:200], "token.not_base64url", "cut off", "us-west-2", id="T-02-truncated-early"),
        pytest.param(signed() + "==", "token.not_base64url", "without =", "us-west-2", id="T-03-padded"),
        pytest.param(signed()[:200] + "\n" + signed()[200:], "token.not_canonical", "unchanged", "us-west-2", id="T-02-column-wrap"),
        pytest.param(signed(session_token="x" * 13000), "token.too_large", "smaller session token", None, id="T-04-too-large"),
        pytest.param(token("localhost:4566", "us-east-1"), "token.host_not_allowed", "AWS_ENDPOINT_URL", None, id="T-05-endpoint"),
        pytest.param(token(X_Amz_Signature=None), "token.unsigned", "--no-sign-request", "us-west-2", id="T-06-unsigned"),
        pytest.param(token(X_Amz_Date="20251231T230000Z", X_Amz_Credential="AKIDEXAMPLE/20251231/us-west-2/sts/aws4_request"), "token.expired", "15 minutes", "us-west-2", id="T-07-expired"),
        pytest.param(token(X_Amz_Date="20260101T010000Z"), "token.future_date", "clock", "us-west-2", id="T-08-future"),
        pytest.param(token(X_Amz_SignedHeaders="host"), "token.cluster_id_not_signed", "eksauth token", "us-west-2", id="T-10"),
        pytest.param(token(Foo="x"), "token.unexpected_parameter", "eksauth token", "us-west-2", id="T-11"),
        pytest.param(token(Action="DeleteUser"), "token.unexpected_action", "eksauth token", "us-west-2", id="T-12"),
        pytest.param(token(X_Amz_Expires="3600"), "token.invalid_expires", "60", "us-west-2", id="T-13"),
        pytest.param(token("sts.amazonaws.com.cn", "cn-north-1"), "token.host_not_allowed", "real region", None, id="T-16"),
    ],
)  # fmt: skip
def test_broken_tokens_are_explained(bearer: str, code: str, clue: str, region: str | None) -> None:
    """What people paste is refused with its reason, a hint that names the cause, and whatever can still be read."""
    found = decode(bearer)
    assert not found.acceptable
    assert found.refusal is not None
    assert found.refusal.code == code
    assert clue in (found.refusal.hint or "")
    assert found.region == region
    assert found.as_dict()["reason"] == code


def test_every_broken_rule_is_shown_not_only_the_first() -> None:
    """A token with two faults shows both; what depends on the unreadable is not reached."""
    found = decode(token(X_Amz_Expires="x", X_Amz_Date="never"))
    outcomes = {result.rule: result.outcome for result in found.rules}
    assert (outcomes["expires"], outcomes["date"]) == ("fail", "fail")
    assert (outcomes["not-expired"], outcomes["not-future"]) == ("not_reached", "not_reached")
    assert outcomes["signature"] == "pass"


def test_stricter_rules_are_marked() -> None:
    """A failure that released authenticators would let through to STS says so."""
    ours, theirs = decode(token(X_Amz_SignedHeaders="x-k8s-aws-id")).refusal, decode(token(Foo="x")).refusal
    assert ours is not None
    assert theirs is not None
    assert (ours.stricter, theirs.stricter) == (True, False)


def test_a_partition_makes_the_judgement_a_clusters() -> None:
    """Without a partition the host's own counts; with one, that cluster's."""
    bearer = signed("sts.cn-north-1.amazonaws.com.cn", "cn-north-1")
    assert decode(bearer).acceptable
    assert decode(bearer, partition="aws-cn").acceptable
    refusal = decode(bearer, partition="aws").refusal
    assert refusal is not None
    assert refusal.code == "token.partition_mismatch"
    with pytest.raises(ConfigError, match="aws-moon"):
        decode(bearer, partition="aws-moon")


@pytest.mark.parametrize(
    "bearer, now, clue",
    [
        pytest.param(signed(session_token="x" * 4000), NOW, "4096", id="released-cap"),
        pytest.param(signed("sts.eu-north-77.amazonaws.com", "eu-north-77"), NOW, "shape", id="new-region"),
        pytest.param(signed("sts.eu-west-1.api.aws", "eu-west-1"), NOW, "dual-stack", id="T-18"),
        pytest.param(token(Version="2010"), NOW, "Version", id="version"),
        pytest.param(signed(), NOW + 850, "expires in", id="nearly-expired"),
        pytest.param(token(X_Amz_Credential="AKIAEXAMPLE/20260101/us-west-2/sts/aws4_request", tail="&X-Amz-Security-Token=t"), NOW, "long-term", id="akia-with-session"),
    ],
)  # fmt: skip
def test_notes(bearer: str, now: float, clue: str) -> None:
    """What breaks no rule and still matters is noted."""
    found = decode(bearer, now=now)
    assert found.acceptable
    assert any(clue in note for note in found.notes)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200), st.binary(max_size=200).map(lambda raw: b"k8s-aws-v1." + raw)
    )
)
def test_arbitrary_input_is_described(bearer: str | bytes) -> None:
    """Whatever is pasted, there is a description that is plain JSON."""
    found = decode(bearer)
    assert not found.acceptable
    json.dumps(found.as_dict())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 480), st.integers(0, 255), st.integers(0, 480))
def test_a_token_with_one_byte_changed_or_cut_is_described(at: int, byte: int, end: int) -> None:
    """Damage anywhere leaves something to describe and never an exception."""
    bearer = bytearray(signed().encode())
    bearer[at % len(bearer)] = byte
    for damaged in (bytes(bearer), bytes(bearer[:end])):
        json.dumps(decode(damaged).as_dict())


@pytest.mark.parametrize("size", [16 * 1024 + 1, 1_000_000])
def test_huge_input_is_refused_without_a_look(size: int) -> None:
    """Beyond the limit only the size is judged."""
    found = decode("{" * size)
    assert found.refusal is not None
    assert found.refusal.code == "token.too_large"
    assert {result.outcome for result in found.rules[1:]} == {"not_reached"}
    assert found.size_bytes == size


def test_the_public_name_uses_the_clock() -> None:
    """``eksauth.decode_token`` judges by the time it is."""
    found = eksauth.decode_token(signed())
    assert found.signed_at == NOW
    assert found.age_seconds == pytest.approx(time.time() - NOW, abs=60)


@pytest.mark.peer
def test_tokens_of_the_aws_cli_are_acceptable(home: Path) -> None:
    """What ``aws eks get-token`` prints obeys every rule, with and without a session token."""
    aws = Path(sys.executable).with_name("aws")
    if not aws.exists():
        pytest.skip("the AWS CLI is not installed in this environment")
    environ = os.environ | {
        "AWS_ACCESS_KEY_ID": "ASIAQNZGKIQY56JQ7WML",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_SESSION_TOKEN": SESSION,
    }
    command = [
        str(aws),
        "eks",
        "get-token",
        "--cluster-name",
        "größe 1",
        "--region",
        "eu-central-1",
        "--output",
        "json",
    ]
    done = subprocess.run(command, env=environ, capture_output=True, check=True, timeout=120)
    credential = json.loads(done.stdout)
    found = decode_token(credential["status"]["token"])
    assert found.acceptable, found.refusal
    assert (found.region, found.has_session_token, found.notes) == ("eu-central-1", True, ())
