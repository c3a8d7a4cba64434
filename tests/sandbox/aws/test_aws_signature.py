"""The endpoint checks Signature Version 4 as AWS does: what botocore signs passes, anything else does not."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from eksauth.aws.partitions import PARTITIONS, sts_host
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import RawRequest, parse_pairs
from eksauth.sandbox.aws.signature import amz_date, parse_amz_date, region_of_host
from eksauth.token.sigv4 import presign_get_caller_identity

HOST = "sts.us-west-2.amazonaws.com"
MISMATCH = "The request signature we calculated does not match"
_SHARED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
# Python's str.split takes blanks beyond ASCII for white space, SigV4 does not; a name with one cannot be signed alike
HEADER_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda name: name.split() == [piece.decode() for piece in name.encode().split()]
)


def changed(request: RawRequest, name: str, value: str | None) -> RawRequest:
    """Return the request with a header replaced, or removed for None."""
    headers = [pair for pair in request.headers if pair[0] != name.encode()]
    if value is not None:
        headers.append((name.encode(), value.encode()))
    return replace(request, headers=tuple(headers))


@_SHARED
@given(cluster=HEADER_TEXT)
def test_presigned_by_botocore(lab: Any, cluster: str) -> None:
    """Whatever cluster name botocore signs, in the form it arrives, is accepted."""
    status, result = lab.outcome(lab.presigned(lab.key(), cluster=cluster))
    assert (status, result if status != 200 else result["Arn"]) == (200, lab.seed.users["alice"].arn)


@_SHARED
@given(cluster=st.one_of(HEADER_TEXT, st.sampled_from(["demo", "  a   b ", "ключ", "数据 中心", "a\tb"])))
def test_presigned_by_eksauth(lab: Any, cluster: str) -> None:
    """Tokens of our own presigner are accepted for every cluster name."""
    alice = lab.key()
    url = presign_get_caller_identity(
        host="sts.eu-west-1.amazonaws.com",
        region="eu-west-1",
        cluster_id=cluster,
        access_key_id=alice.access_key_id,
        secret_access_key=alice.secret_access_key,
        session_token=None,
        amz_date=amz_date(time.time()),
    )
    request = RawRequest(
        method="GET",
        path=b"/",
        query=url.partition("?")[2].encode(),
        headers=(
            (b"host", b"sts.eu-west-1.amazonaws.com"),
            (b"x-k8s-aws-id", cluster.encode()),
            (b"accept", b"application/json"),
        ),
    )
    status, result = lab.outcome(request)
    assert status == 200, result


@_SHARED
@given(
    query=st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=5),
    body=st.binary(max_size=40),
)
def test_signed_by_header_with_odd_queries(lab: Any, query: list[tuple[str, str]], body: bytes) -> None:
    """Any query, in any order and encoding, and any body that botocore signs by header passes the signature check."""
    text = urlencode(query, quote_via=quote)
    request = lab.signed(lab.key(), method="GET", service="eks", path="/clusters/de%20mo", query=text, body=body)
    # a name that no cluster has: the answer proves that the signature was accepted
    assert lab.cloud.answer(request).code in {"AccessDeniedException", "ResourceNotFoundException"}


def test_query_order_does_not_matter(lab: Any) -> None:
    """The same parameters in reverse order are the same request."""
    request = lab.presigned(lab.key())
    backwards = b"&".join(reversed(request.query.split(b"&")))
    assert lab.outcome(replace(request, query=backwards))[0] == 200


@_SHARED
@given(data=st.data())
def test_any_changed_character_of_a_token_is_noticed(lab: Any, data: st.DataObject) -> None:
    """No single character of a presigned request can be changed without being refused."""
    original = lab.presigned(lab.assume(lab.key(), "EksAdmin"), cluster="my cluster")
    part = data.draw(st.sampled_from(["query", "host", "x-k8s-aws-id", "method", "path"]))
    values = {
        "query": original.query.decode(),
        "host": original.header("host"),
        "x-k8s-aws-id": original.header("x-k8s-aws-id"),
        "method": "GET",
        "path": "/",
    }
    text = values[part]
    # the text differs from run to run (keys, dates), so what is drawn may not depend on its length
    at = data.draw(st.integers(0, 9999)) % len(text)
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    mutated = text[:at] + letter + text[at + 1 :]
    assume(mutated != text)
    if part == "query":
        request = replace(original, query=mutated.encode())
        with contextlib.suppress(ServiceFault):
            # %2F and %2f are the same character; nothing else may be the same
            assume(sorted(parse_pairs(request.query)) != sorted(parse_pairs(original.query)))
    elif part == "method":
        request = replace(original, method=mutated)
    elif part == "path":
        request = replace(original, path=mutated.encode())
    else:
        request = changed(original, part, mutated)
    assert lab.cloud.answer(request).status >= 400


@_SHARED
@given(data=st.data())
def test_any_changed_character_of_a_signed_form_is_noticed(lab: Any, data: st.DataObject) -> None:
    """No single byte of body, date, host or Authorization header can be changed without being refused."""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    original = lab.signed(lab.key(), body=body)
    assert lab.outcome(original)[0] == 200
    part = data.draw(st.sampled_from(["body", "host", "authorization", "x-amz-date", "content-type"]))
    text = body.decode() if part == "body" else original.header(part)
    # the text differs from run to run (keys, dates), so what is drawn may not depend on its length
    at = data.draw(st.integers(0, 9999)) % len(text)
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    mutated = text[:at] + letter + text[at + 1 :]
    assume(mutated != text)
    request = replace(original, body=mutated.encode()) if part == "body" else changed(original, part, mutated)
    assert lab.cloud.answer(request).status >= 400


HOSTS = [
    (region, fips, dual)
    for partition in PARTITIONS[:1]
    for region in ("us-east-1", "eu-west-1", "ap-southeast-2")
    for fips in (False, True)
    for dual in (False, True)
    if region in partition.regions
]


@pytest.mark.parametrize("region, fips, dual", HOSTS, ids=str)
def test_every_kind_of_sts_host(lab: Any, region: str, fips: bool, dual: bool) -> None:
    """Plain, FIPS and dual-stack hosts of a region accept a scope of that region, and of no other."""
    host = sts_host(region, fips=fips, dual_stack=dual)
    assert lab.outcome(lab.presigned(lab.key(), host=host, region=region))[0] == 200
    status, (code, message) = lab.outcome(lab.presigned(lab.key(), host=host, region="us-west-1"))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert message == "Credential should be scoped to a valid region, not 'us-west-1'. "


def test_global_host_is_us_east_1(lab: Any) -> None:
    """The global host takes scopes of us-east-1 only."""
    assert lab.outcome(lab.presigned(lab.key(), host="sts.amazonaws.com", region="us-east-1"))[0] == 200
    assert lab.outcome(lab.presigned(lab.key(), host="sts.amazonaws.com", region="us-west-2"))[0] == 403


@pytest.mark.parametrize(
    "host, region",
    [
        ("sts.us-west-2.amazonaws.com", "us-west-2"),
        ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("sts.amazonaws.com", "us-east-1"),
        ("127.0.0.1", None),
        ("localhost", None),
        ("sts.example.com", None),
        ("eks.us-west-2.amazonaws.com", None),
        ("sts", None),
        ("", None),
    ],
    ids=str,
)
def test_region_of_host(host: str, region: str | None) -> None:
    """STS hosts say their region; others say none."""
    assert region_of_host(host) == region


@pytest.mark.parametrize(
    "seconds, refusal",
    [
        (0, None),
        (890, None),
        (-890, None),
        (905, "Signature expired: "),
        (-905, "Signature not yet current: "),
        (10**8, "Signature expired: "),
        (-(10**8), "Signature not yet current: "),
    ],
    ids=["now", "almost-old", "almost-early", "old", "early", "ancient", "far-future"],
)
@pytest.mark.parametrize("kind", ["presigned", "header"])
def test_clock(lab: Any, kind: str, seconds: int, refusal: str | None) -> None:
    """A date is good for fifteen minutes either way, whatever X-Amz-Expires says, and the refusal does the sum."""
    request = (
        lab.presigned(lab.key(), expires=60)
        if kind == "presigned"
        else lab.signed(lab.key(), body=b"Action=GetCallerIdentity&Version=2011-06-15")
    )
    lab.cloud.clock_offset = seconds
    status, result = lab.outcome(request)
    if refusal is None:
        assert status == 200
        return
    code, message = result
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert message.startswith(refusal)
    assert message.endswith(" 15 min.)")


def test_eks_allows_five_minutes(lab: Any) -> None:
    """REST services allow less, and name the refusal in their own way."""
    request = lab.signed(lab.key(), method="GET", service="eks", path="/clusters")
    lab.cloud.clock_offset = 290
    assert lab.cloud.answer(request).status == 200
    lab.cloud.clock_offset = 310
    answer = lab.cloud.answer(request)
    assert (answer.status, answer.code) == (403, "InvalidSignatureException")
    assert b"(" in answer.body
    assert b" 5 min.)" in answer.body


def edited(request: RawRequest, old: str, new: str) -> RawRequest:
    """Return the request with a piece of its query replaced."""
    assert old in request.query.decode()
    return replace(request, query=request.query.replace(old.encode(), new.encode(), 1))


def test_unsigned(lab: Any) -> None:
    """A request without any authentication is told so."""
    request = RawRequest(
        "GET", b"/", b"Action=GetCallerIdentity&Version=2011-06-15", ((b"accept", b"application/json"),)
    )
    assert lab.outcome(request) == (
        403,
        ("MissingAuthenticationToken", "Request is missing Authentication Token"),
    )


@pytest.mark.parametrize(
    "old, new, code",
    [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-HMAC-SHA1", "IncompleteSignature"),
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=", "IncompleteSignature"),
        ("&X-Amz-Signature=", "&X-Amz-Nothing=", "IncompleteSignature"),
        ("&X-Amz-SignedHeaders=", "&X-Amz-Nothing=", "IncompleteSignature"),
        ("&X-Amz-Date=", "&X-Amz-Nothing=", "IncompleteSignature"),
        ("&X-Amz-Date=2", "&X-Amz-Date=x", "IncompleteSignature"),
        ("%2Fsts%2F", "%2Fsts", "IncompleteSignature"),
        ("aws4_request", "aws5_request", "SignatureDoesNotMatch"),
        ("%2Fus-west-2%2F", "%2Fmars-1%2F", "SignatureDoesNotMatch"),
        ("%2F20", "%2F19", "SignatureDoesNotMatch"),
        ("host%3Bx-k8s-aws-id", "x-k8s-aws-id", "SignatureDoesNotMatch"),
        ("host%3Bx-k8s-aws-id", "host%3Bx-other", "SignatureDoesNotMatch"),
        ("X-Amz-Signature=", "X-Amz-Signature=0", "SignatureDoesNotMatch"),
        ("Action=GetCallerIdentity", "Action=GetCallerIdentity&action=AssumeRole", "MalformedQueryString"),
        ("Action=GetCallerIdentity", "action=AssumeRole&Action=GetCallerIdentity", "MalformedQueryString"),
        ("&X-Amz-Expires=60", "&X-Amz-Expires=60&x-amz-expires=900", "MalformedQueryString"),
        ("&X-Amz-Expires=60", "&X-Amz-Expires=%6", "MalformedQueryString"),
        ("Action=GetCallerIdentity", "Action=GetCallerIdentitY", "InvalidAction"),
        ("Action=GetCallerIdentity", "Action=", "MissingAction"),
        ("Version=2011-06-15", "Version=2010-05-08", "InvalidAction"),
        ("Action=GetCallerIdentity", "Action=GetCallerIdentity&x=%ff", "MalformedQueryString"),
    ],
)  # fmt: skip
def test_broken_presigned_requests(lab: Any, old: str, new: str, code: str) -> None:
    """Each way to break a presigned request has the code that AWS gives it."""
    status, (found, _) = lab.outcome(edited(lab.presigned(lab.key()), old, new))
    assert found == code
    assert 400 <= status <= 404


@pytest.mark.parametrize(
    "value, code",
    [
        ("Bearer abc", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/sts/aws4_request", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 nonsense", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 ", "IncompleteSignature"),
        ("AWS4-HMAC-SHA512 Credential=a/b/c/sts/aws4_request, SignedHeaders=host, Signature=x", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=x", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=x, Credential=y, SignedHeaders=host, Signature=x", "IncompleteSignature"),
        ("", "IncompleteSignature"),
    ],
)
def test_broken_authorization_headers(lab: Any, value: str, code: str) -> None:
    """A malformed Authorization header is an incomplete signature."""
    request = lab.signed(lab.key(), body=b"Action=GetCallerIdentity&Version=2011-06-15")
    status, (found, _) = lab.outcome(changed(request, "authorization", value))
    assert (status, found) == (400, code)


def test_two_signatures_are_refused(lab: Any) -> None:
    """A request with a good Authorization header and a signature in the query is ambiguous."""
    query = "Action=GetCallerIdentity&Version=2011-06-15"
    assert lab.outcome(lab.signed(lab.key(), method="GET", query=query))[0] == 200
    both = lab.signed(lab.key(), method="GET", query=f"{query}&X-Amz-Signature=00")
    assert lab.outcome(both)[1][0] == "IncompleteSignature"


def test_a_second_cluster_header_is_noticed(lab: Any) -> None:
    """A token for one cluster does not pass with another cluster's name next to its own."""
    request = lab.presigned(lab.key(), cluster="demo")
    for extra in (((b"x-k8s-aws-id", b"prod"), *request.headers), (*request.headers, (b"x-k8s-aws-id", b"prod"))):
        assert lab.outcome(replace(request, headers=extra))[1][0] == "SignatureDoesNotMatch"


def test_the_day_of_the_scope_is_the_day_of_the_date(lab: Any) -> None:
    """A key derived for another day does not sign today's requests."""
    today = amz_date(time.time())[:8]
    _, (code, message) = lab.outcome(edited(lab.presigned(lab.key()), f"%2F{today}%2F", "%2F20200101%2F"))
    assert code == "SignatureDoesNotMatch"
    assert message.startswith("Date in Credential scope does not match YYYYMMDD")
    assert f"'20200101' != '{today}'" in message


def test_the_host_must_be_signed(lab: Any) -> None:
    """A signature that does not cover the host is refused for that reason, before it is even computed."""
    request = edited(lab.presigned(lab.key()), "host%3Bx-k8s-aws-id", "x-k8s-aws-id")
    assert "'Host' or ':authority' must be a 'SignedHeader'" in lab.outcome(request)[1][1]


def test_other_services_do_not_live_at_sts_hosts(lab: Any) -> None:
    """A well-signed EKS request sent to an STS host is told which service lives there."""
    answer = lab.cloud.answer(lab.signed(lab.key(), method="GET", host=HOST, service="eks", path="/clusters"))
    assert (answer.status, answer.code) == (403, "InvalidSignatureException")
    assert b"correct service: 'sts'" in answer.body


def test_wrong_secret(lab: Any) -> None:
    """A wrong secret gets the sentence that everybody searches for."""
    key = replace(lab.key(), secret_access_key=lab.key("bob").secret_access_key)
    status, (code, message) = lab.outcome(lab.presigned(key))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert message.startswith(MISMATCH)


def test_wrong_cluster(lab: Any) -> None:
    """A token replayed for another cluster has another signed header and is refused."""
    request = changed(lab.presigned(lab.key(), cluster="demo"), "x-k8s-aws-id", "prod")
    assert lab.outcome(request)[1][0] == "SignatureDoesNotMatch"


def test_missing_cluster_header(lab: Any) -> None:
    """A token sent without its signed header is refused with the header's name."""
    _, (code, message) = lab.outcome(changed(lab.presigned(lab.key()), "x-k8s-aws-id", None))
    assert code == "SignatureDoesNotMatch"
    assert message == "'x-k8s-aws-id' is named as a SignedHeader, but it does not exist in the HTTP request"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("19700101T000000Z", 0.0),
        ("20240102T030405Z", 1704164645.0),
        ("20240230T000000Z", None),
        ("20240102T030405", None),
        ("2024-01-02T03:04:05Z", None),
        ("20240102T030405z", None),
        ("\u0662\u0660240102T030405Z", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: float | None) -> None:
    """Only the basic ISO form counts as a date."""
    assert parse_amz_date(text) == expected


@given(st.integers(0, 4_000_000_000))
def test_dates_round_trip(seconds: int) -> None:
    """Every second has one text form."""
    assert parse_amz_date(amz_date(seconds)) == seconds
