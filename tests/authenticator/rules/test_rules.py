"""The rules that a token must obey before STS is asked."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.authenticator import reference_model
from tests.authenticator.tokens import CLUSTER, DATE, NOW, SIGNATURE, parameters, signed, token, url

from eksauth.authenticator.rules.evidence import Evidence
from eksauth.authenticator.rules.order import RULES, TIGHTENINGS, first_refusal
from eksauth.authenticator.rules.token_text import MAX_TOKEN_BYTES, as_bytes
from eksauth.authenticator.verify import TokenRefused, check_token
from eksauth.token.bearer import TOKEN_PREFIX, encode_token

CREDENTIAL = "AKIDEXAMPLE/20260101/us-west-2/sts/aws4_request"


def reason(bearer: str | bytes, *, now: float = NOW, partition: str = "aws") -> str:
    """Return the reason code for a token, ``ok`` when STS would be asked."""
    try:
        check_token(bearer, cluster_id=CLUSTER, partition=partition, now=now)
    except TokenRefused as error:
        return error.code
    return "ok"


def reference_accepts(bearer: str | bytes, *, now: float = NOW, partition: str = "aws") -> bool:
    """Tell whether the reference would ask STS, its size limit raised to ours."""
    return reference_model.accepts(as_bytes(bearer), now, partition, max_bytes=MAX_TOKEN_BYTES)


@pytest.mark.parametrize(
    "host, region, partition, session_token",
    [
        pytest.param("sts.us-west-2.amazonaws.com", "us-west-2", "aws", None, id="V1"),
        pytest.param("sts.eu-west-1.amazonaws.com", "eu-west-1", "aws", "FwoG/Zz+Example==Token", id="V2"),
        pytest.param("sts.amazonaws.com", "us-east-1", "aws", None, id="V3-global"),
        pytest.param("sts.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn", None, id="V4-china"),
        pytest.param("sts.us-east-2.amazonaws.com", "us-east-2", "aws", None, id="TOK-18"),
        pytest.param("sts.ap-northeast-2.amazonaws.com", "ap-northeast-2", "aws", None, id="TOK-19"),
        pytest.param("sts.ca-central-1.amazonaws.com", "ca-central-1", "aws", None, id="TOK-20"),
        pytest.param("sts.eu-west-1.amazonaws.com", "eu-west-1", "aws", None, id="TOK-21"),
        pytest.param("sts.sa-east-1.amazonaws.com", "sa-east-1", "aws", None, id="TOK-22"),
    ],
)
def test_good_tokens_are_put_to_sts(host: str, region: str, partition: str, session_token: str | None) -> None:
    """A token made as every client makes it obeys all rules, and the question keeps its exact bytes."""
    bearer = signed(host, region, session_token)
    assert reference_accepts(bearer, partition=partition)
    checked = check_token(bearer, cluster_id=CLUSTER, partition=partition, now=NOW)
    assert encode_token(f"https://{checked.question.host}{checked.question.target}") == bearer
    assert checked.unverified_access_key_id == "AKIDEXAMPLE"
    assert checked.expires_at == NOW + 900


def body(text: str) -> str:
    """Return a token around any text."""
    return encode_token(text)


REFUSED_BY_BOTH = [
    pytest.param("k8s-aws-v1." + "a" * MAX_TOKEN_BYTES, "token.too_large", id="TOK-01"),
    pytest.param("k8s-aws-v2.abc", "token.missing_prefix", id="TOK-02"),
    pytest.param("K8S-AWS-V1.abc", "token.missing_prefix", id="prefix-case"),
    pytest.param("", "token.missing_prefix", id="empty"),
    pytest.param("k8s-aws-v1.decodingerror!", "token.not_base64url", id="TOK-03"),
    pytest.param(signed() + "=", "token.not_base64url", id="padded"),
    pytest.param("k8s-aws-v1.ab+/", "token.not_base64url", id="standard-alphabet"),
    pytest.param(f" {signed()}", "token.missing_prefix", id="leading-blank"),
    pytest.param(f"{signed()} ", "token.not_base64url", id="trailing-blank"),
    pytest.param("k8s-aws-v1.", "token.not_a_url", id="empty-body"),
    pytest.param(body("no scheme"), "token.not_a_url", id="TOK-04"),
    pytest.param(body(":foo"), "token.not_a_url", id="TOK-04-colon"),
    pytest.param(body("//sts.amazonaws.com/?Action=x"), "token.not_a_url", id="scheme-missing"),
    pytest.param(body("https:sts.amazonaws.com/"), "token.not_a_url", id="opaque"),
    pytest.param(body(f"https://sts.amazonaws.com/\n?{url()}"), "token.not_a_url", id="line-break-in-url"),
    pytest.param(body(f"{url()}\0"), "token.not_a_url", id="nul-in-url"),
    pytest.param(body(url().replace("https:", "http:")), "token.not_https", id="TOK-05"),
    pytest.param(body("https://google.com/"), "token.host_not_allowed", id="TOK-06"),
    pytest.param(body(url().replace(".com/?", ".com/abc?")), "token.unexpected_path", id="TOK-07"),
    pytest.param(
        body(url("sts.amazonaws.com", "us-east-1").replace(".com/?", ".com/abc?")), "token.unexpected_path", id="TOK-08"
    ),
    pytest.param(body(url().replace(".com/?", ".com?")), "token.unexpected_path", id="no-path"),
    pytest.param(body(url().replace(".com/?", ".com//?")), "token.unexpected_path", id="two-slashes"),
    pytest.param(body(url().replace(".com/?", ".com/%2f?")), "token.unexpected_path", id="escaped-slash"),
    pytest.param(token(NoInWhiteList="abc"), "token.unexpected_parameter", id="TOK-09"),
    pytest.param(token(tail="&Action=GetCallerIdentity"), "token.repeated_parameter", id="TOK-10"),
    pytest.param(token(Action="DeleteUser"), "token.unexpected_action", id="TOK-11"),
    pytest.param(token(Action="getcalleridentity"), "token.unexpected_action", id="action-case"),
    pytest.param(token(Action=None), "token.unexpected_action", id="no-action"),
    pytest.param(token(X_Amz_SignedHeaders="host;x-k8s-aws-i"), "token.cluster_id_not_signed", id="TOK-12"),
    pytest.param(token(X_Amz_SignedHeaders=None), "token.cluster_id_not_signed", id="no-signed-headers"),
    pytest.param(token(X_Amz_Expires="9999999"), "token.invalid_expires", id="TOK-13"),
    pytest.param(token(X_Amz_Expires="901"), "token.invalid_expires", id="expires-901"),
    pytest.param(token(X_Amz_Expires="-1"), "token.invalid_expires", id="expires-negative"),
    pytest.param(token(X_Amz_Expires="6_0"), "token.invalid_expires", id="expires-underscore"),
    pytest.param(token(X_Amz_Expires=" 60"), "token.invalid_expires", id="expires-blank"),
    pytest.param(token(X_Amz_Expires="٦٠"), "token.invalid_expires", id="expires-arabic-digits"),
    pytest.param(token(X_Amz_Expires=""), "token.invalid_expires", id="expires-empty"),
    pytest.param(token(X_Amz_Expires=None), "token.invalid_expires", id="expires-missing"),
    pytest.param(token(X_Amz_Expires="9" * 5000), "token.invalid_expires", id="expires-huge"),
    pytest.param(token(X_Amz_Date="xxxxxxxxxxxxxxxx"), "token.invalid_date", id="TOK-14"),
    pytest.param(token(X_Amz_Date="20260230T000000Z"), "token.invalid_date", id="30-february"),
    pytest.param(token(X_Amz_Date="20260101T000060Z"), "token.invalid_date", id="leap-second"),
    pytest.param(token(X_Amz_Date="2026010T0000000Z"), "token.invalid_date", id="short-fields"),
    pytest.param(token(X_Amz_Date="00000101T000000Z"), "token.invalid_date", id="year-0"),
    pytest.param(token(X_Amz_Date=f"{DATE}\n"), "token.invalid_date", id="date-newline"),
    pytest.param(token(X_Amz_Date=None), "token.missing_date", id="date-missing"),
    pytest.param(token(X_Amz_Date="19900422T010203Z"), "token.expired", id="TOK-15"),
    pytest.param(token(tail="%gh"), "token.malformed_query", id="TOK-16"),
    pytest.param(token(tail=";a=b"), "token.malformed_query", id="semicolon"),
    pytest.param(token(tail="&x-amz-credential=eve"), "token.duplicate_parameter", id="TOK-17-CVE-2022-2385"),
]


@pytest.mark.parametrize("bearer, code", REFUSED_BY_BOTH)
def test_what_the_reference_refuses_is_refused_with_its_reason(bearer: str, code: str) -> None:
    """Every kind of token that the reference refuses is refused here, each with its own stable code."""
    assert not reference_accepts(bearer)
    assert reason(bearer) == code


def test_codes_of_rules_and_tightenings_do_not_mix() -> None:
    """A code that stands for a reference refusal alone is never counted among the tightenings."""
    assert not {param.values[1] for param in REFUSED_BY_BOTH} & TIGHTENINGS


REFUSED_BY_US = [
    pytest.param(signed()[:100] + "\r\n" + signed()[100:], "token.not_canonical", id="line-break"),
    pytest.param(signed() + "\n", "token.not_canonical", id="line-break-at-end"),
    pytest.param(body(url(tail="#x")), "token.fragment", id="fragment"),
    pytest.param(body(url(tail="#")), "token.fragment", id="empty-fragment"),
    pytest.param(body(url().replace("https://", "https://u:p@")), "token.userinfo", id="userinfo"),
    pytest.param(body(url(tail="&X-Amz-Security-Token=a b")), "token.unsafe_characters", id="blank-in-query"),
    pytest.param(body(url(tail='&X-Amz-Security-Token="')), "token.unsafe_characters", id="quote-in-query"),
    pytest.param(body(url(tail="&X-Amz-Security-Token=é")), "token.unsafe_characters", id="utf8-in-query"),
    pytest.param(token("sts.not-a-region.amazonaws.com", "not-a-region"), "token.region_unknown", id="invented-region"),
    pytest.param(token("sts.s3.amazonaws.com", "s3"), "token.region_unknown", id="service-as-region"),
    pytest.param(token("sts.US-WEST-2.amazonaws.com", "US-WEST-2"), "token.region_unknown", id="region-case"),
    pytest.param(
        token("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"), "token.partition_mismatch", id="govcloud-host"
    ),
    pytest.param(token(X_Amz_SignedHeaders="x-k8s-aws-id"), "token.host_not_signed", id="host-not-signed"),
    pytest.param(
        token(X_Amz_SignedHeaders="accept;host;x-k8s-aws-id"), "token.extra_signed_headers", id="extra-header"
    ),
    pytest.param(token(X_Amz_SignedHeaders="host;host;x-k8s-aws-id"), "token.extra_signed_headers", id="header-twice"),
    pytest.param(token(X_Amz_Date="20260101T000000.5Z"), "token.fractional_date", id="fraction"),
    pytest.param(token(X_Amz_Date="20260101T000000,25Z"), "token.fractional_date", id="fraction-comma"),
    pytest.param(token(X_Amz_Date="20260101T000501Z"), "token.future_date", id="future"),
    pytest.param(token(X_Amz_Algorithm=None), "token.unexpected_algorithm", id="no-algorithm"),
    pytest.param(token(X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256"), "token.unexpected_algorithm", id="other-algorithm"),
    pytest.param(token(X_Amz_Credential=None), "token.unsigned", id="no-credential"),
    pytest.param(token(X_Amz_Credential="AKIDEXAMPLE"), "token.malformed_credential", id="bare-key-id"),
    pytest.param(
        token(X_Amz_Credential=CREDENTIAL.replace("AKIDEXAMPLE", "")), "token.malformed_credential", id="no-key-id"
    ),
    pytest.param(token(X_Amz_Credential=CREDENTIAL + "x"), "token.malformed_credential", id="terminator"),
    pytest.param(
        token(X_Amz_Credential=CREDENTIAL.replace("0101", "0102")), "token.scope_date_mismatch", id="scope-date"
    ),
    pytest.param(
        token(X_Amz_Credential=CREDENTIAL.replace("sts", "s3")), "token.scope_service_mismatch", id="scope-service"
    ),
    pytest.param(token(region="eu-west-1"), "token.scope_region_mismatch", id="scope-region"),
    pytest.param(token("sts.amazonaws.com", "us-west-2"), "token.scope_region_mismatch", id="global-scope"),
    pytest.param(token(X_Amz_Signature=None), "token.unsigned", id="T-06-unsigned"),
    pytest.param(token(X_Amz_Signature=SIGNATURE[:-1]), "token.malformed_signature", id="T-02-truncated"),
    pytest.param(token(X_Amz_Signature=SIGNATURE.upper()), "token.malformed_signature", id="upper-case-signature"),
]


@pytest.mark.parametrize("bearer, code", REFUSED_BY_US)
def test_deliberate_tightenings(bearer: str, code: str) -> None:
    """What the reference would put to STS and we do not, has a reason code that says so."""
    assert reference_accepts(bearer)
    assert reason(bearer) == code
    assert code in TIGHTENINGS


def test_every_tightening_has_a_case() -> None:
    """The table above and the one on base64 cover every code that we are stricter with."""
    assert {param.values[1] for param in REFUSED_BY_US} == TIGHTENINGS


@pytest.mark.parametrize("length", [1, 2])
def test_stray_bits_in_the_last_letter_are_refused(length: int) -> None:
    """Texts that decode to the same bytes as the canonical one are not the token."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    whole = next(
        text for text in (signed(session_token="t" * count) for count in range(9)) if _left_over(text) == length
    )
    codes = {letter: reason(whole[:-1] + letter) for letter in alphabet}
    last = alphabet.index(whole[-1])
    same = {alphabet[last + stray] for stray in range(1, 16 if length == 1 else 4)}
    assert codes[whole[-1]] == "ok"
    assert {codes[letter] for letter in same} == {"token.not_canonical"}
    assert all(reference_accepts(whole[:-1] + letter) for letter in same)


def _left_over(bearer: str) -> int:
    """Return how many bytes the last, short base64 group holds (0 for a full one)."""
    return {0: 0, 2: 1, 3: 2}[(len(bearer) - len(TOKEN_PREFIX)) % 4]


@pytest.mark.parametrize(
    "age, code",
    [
        pytest.param(900, "ok", id="exactly-15-minutes"),
        pytest.param(900.5, "token.expired", id="half-a-second-more"),
        pytest.param(-300, "ok", id="5-minutes-ahead"),
        pytest.param(-300.5, "token.future_date", id="more-ahead"),
    ],
)
def test_the_edges_of_a_tokens_life(age: float, code: str) -> None:
    """A token counts from five minutes before its date until fifteen minutes after, both included."""
    assert reason(signed(), now=NOW + age) == code


@pytest.mark.parametrize(
    "bearer",
    [
        pytest.param(body(url().replace("https:", "HTTPS:")), id="scheme-case"),
        pytest.param(token(tail="&&"), id="empty-pairs"),
        pytest.param(token(tail="&X-Amz-Security-Token"), id="valueless-key"),
        pytest.param(token(X_Amz_Expires="+60"), id="signed-number"),
        pytest.param(token(X_Amz_Expires="-0"), id="minus-zero"),
        pytest.param(token(X_Amz_Expires="0900"), id="leading-zero"),
        pytest.param(token(X_Amz_SignedHeaders="Host;X-K8S-AWS-ID"), id="header-case"),
        pytest.param(body(url().replace("Action=", "action=")), id="parameter-case"),
        pytest.param(token(Version=None), id="no-version"),
        pytest.param(signed(session_token="x" * 9000), id="9000-byte-session-token"),
    ],
)
def test_what_both_tolerate(bearer: str) -> None:
    """Harmless variations that the reference lets through, we let through."""
    assert reference_accepts(bearer)
    assert reason(bearer) == "ok"


def test_tokens_over_4096_bytes_are_the_one_loosening() -> None:
    """A long session token makes a token that the reference refuses for its size alone, and we do not."""
    bearer = signed(session_token="x" * 9000)
    assert not reference_model.accepts(bearer.encode(), NOW)
    assert reason(bearer) == "ok"


@pytest.mark.parametrize(
    "bearer", [b"\xff\xfe" * 10, b"k8s-aws-v1.\xff", "k8s-aws-v1.\udcff", "\0" * 100, "k8s-aws-v1.é"]
)
def test_bytes_that_are_no_text_are_refused(bearer: str | bytes) -> None:
    """Invalid UTF-8, lone surrogates and NULs are refused like any other wrong token."""
    assert reason(bearer) in {"token.missing_prefix", "token.not_base64url"}


@pytest.mark.parametrize("bearer", ["k8s-aws-v1." + "A" * 1_000_000, b"\0" * 1_000_000, "é" * 1_000_000])
def test_a_megabyte_is_refused_for_its_size(bearer: str | bytes) -> None:
    """A huge token is refused without being read to its end."""
    assert reason(bearer) == "token.too_large"


def test_bytes_and_text_are_one() -> None:
    """A token is judged alike as text and as bytes."""
    assert reason(signed().encode()) == reason(signed()) == "ok"


def test_rule_names_are_unique_and_codes_documented_in_one_place() -> None:
    """Machines can tell rules apart by name."""
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)


# --- differential: our rules against the model of the reference ---------------------------------------------------------

GOOD_HOSTS = [
    ("sts.us-west-2.amazonaws.com", "us-west-2", "aws"),
    ("sts.amazonaws.com", "us-east-1", "aws"),
    ("sts-fips.us-east-1.amazonaws.com", "us-east-1", "aws"),
    ("sts.eu-west-1.api.aws", "eu-west-1", "aws"),
    ("sts-fips.us-east-2.api.aws", "us-east-2", "aws"),
    ("sts.eu-north-77.amazonaws.com", "eu-north-77", "aws"),
    ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov"),
    ("sts.us-gov-east-1.api.aws", "us-gov-east-1", "aws-us-gov"),
    ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"),
    ("sts.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso"),
    ("sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc"),
]
OTHER_HOSTS = [
    "sts-fips.us-gov-west-1.amazonaws.com",
    "sts.us-west-2.amazonaws.com.cn",
    "sts.us-iso-east-1.api.aws.ic.gov",
    "sts.us-isob-east-1.sc2s.sgov.gov",
    "sts.nowhere.amazonaws.com",
    "sts.aws-global.amazonaws.com",
    "sts-fips.aws-global.amazonaws.com",
    "sts..amazonaws.com",
    "sts.-a.amazonaws.com",
    "sts.us_east_1.amazonaws.com",
    "sts.us-west-2.amazonaws.com:443",
    "sts.us-west-2.amazonaws.com.",
    "STS.us-west-2.amazonaws.com",
    "sts.us-west-2.vpce.amazonaws.com",
    "sts%2eus-west-2.amazonaws.com",
    "localhost",
    "",
]
VALUES = {
    "Action": ["getcalleridentity", ""],
    "Version": ["", "2"],
    "X-Amz-Algorithm": ["none", ""],
    "X-Amz-Credential": [CREDENTIAL, CREDENTIAL.replace("sts", "s3"), "x", "", "a/b/c/d/e", "///"],
    "X-Amz-Date": ["20260101T000000.5Z", "20260101T001000Z", "20251231T235959Z", "20251231T234459Z", "20260101", ""],
    "X-Amz-Expires": ["+60", "-0", "900", "901", "", "0x1", "1e2", "00"],
    "X-Amz-SignedHeaders": ["x-k8s-aws-id;host", "x-k8s-aws-id", "a;host;x-k8s-aws-id", "host", "", ";"],
    "X-Amz-Signature": ["", "zz", SIGNATURE.upper()],
}
EXTRAS = ["X-Amz-Security-Token=t", "x=1", "%", ";", "", "&", "=", "X-Amz-Security-To\u212aen=t", "a%3Bb", "version"]
SCHEMES = ["HTTPS://", "http://", "https:/", "https://u@", "https://u:p@", "https://u p@", ""]
PATHS = ["?", "//?", "/%2f?", "/a?", "/#?", "/", "/%zz?", "/??"]
TAILS = ["#", "#%zz", "#x", "\n", " ", "\x7f", "|"]
DAMAGES = ["cut", "pad", "break", "letter", "prefix"]
FAULTS = ["scheme", "host", "partition", "path", "query", "query", "query", "order", "extra", "tail", "damage"]


def damaged(draw: st.DrawFn, bearer: bytes) -> bytes:
    """Hurt the outer form of a token."""
    damage, at = draw(st.sampled_from(DAMAGES)), draw(st.integers(0, len(bearer) - 1))
    if damage == "cut":
        return bearer[:at]
    if damage == "pad":
        return bearer + b"="
    if damage == "break":
        return bearer[:at] + draw(st.sampled_from([b"\n", b"\r\n", b" ", b"\0"])) + bearer[at:]
    if damage == "letter":
        return bearer[:-1] + draw(st.sampled_from([b"A", b"B", b"_", b"+", b"\xff"]))
    return b"K" + bearer[1:]


def faulty(draw: st.DrawFn, pieces: list[str]) -> list[str]:
    """Give one parameter another value, spelling or number."""
    known = [at for at, piece in enumerate(pieces) if piece.partition("=")[0] in VALUES]
    at = draw(st.sampled_from(known))
    name, _, value = pieces[at].partition("=")
    fate = draw(st.sampled_from(["other", "other", "other", "drop", "twice", "spelling", "raw"]))
    changed = {
        "drop": [],
        "twice": [pieces[at], pieces[at]],
        "spelling": [f"{name.swapcase()}={value}"],
        "other": [f"{name}={quote(draw(st.sampled_from(VALUES[name])), safe='')}"],
        "raw": [f"{name}={draw(st.text(st.characters(max_codepoint=0x17F), max_size=6))}"],
    }
    return pieces[:at] + changed[fate] + pieces[at + 1 :]


@st.composite
def bearers(draw: st.DrawFn) -> tuple[bytes, str]:
    """Make a token with up to two things wrong with it, and the partition of the server it is shown to."""
    faults = draw(st.lists(st.sampled_from(FAULTS), max_size=2))
    host, region, partition = draw(st.sampled_from(GOOD_HOSTS))
    scheme, path, tail = "https://", "/?", ""
    pieces = [f"{name}={quote(value, safe='')}" for name, value in parameters(region)]
    for fault in sorted(faults):
        if fault == "query":
            pieces = faulty(draw, pieces)
        elif fault == "order":
            pieces = draw(st.permutations(pieces))
        elif fault == "extra":
            pieces = [*pieces, draw(st.sampled_from(EXTRAS))]
        elif fault == "host":
            host = draw(st.sampled_from(OTHER_HOSTS))
        elif fault == "partition":
            partition = draw(st.sampled_from(list(reference_model.SUFFIXES)))
        elif fault == "scheme":
            scheme = draw(st.sampled_from(SCHEMES))
        elif fault == "path":
            path = draw(st.sampled_from(PATHS))
        elif fault == "tail":
            tail = draw(st.sampled_from(TAILS))
    bearer = encode_token(scheme + host + path + "&".join(pieces) + tail).encode()
    return (damaged(draw, bearer) if "damage" in faults else bearer), partition


@settings(max_examples=1500, deadline=None)
@given(bearers(), st.sampled_from([NOW, NOW, NOW, NOW + 900, NOW + 901, NOW - 300, NOW - 301, NOW - 10**6]))
@example((signed().encode(), "aws"), NOW)
@example((signed().encode(), "aws-us-gov"), NOW)
def test_where_we_differ_from_the_reference_the_reason_says_so(case: tuple[bytes, str], now: float) -> None:
    """We refuse all that the reference refuses; what only we refuse has the code of a documented tightening."""
    bearer, partition = case
    code = reason(bearer, now=now, partition=partition)
    if not reference_accepts(bearer, now=now, partition=partition):
        assert code != "ok"
    elif code != "ok":
        assert code in TIGHTENINGS


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.binary(max_size=300).map(lambda data: b"k8s-aws-v1." + data), st.text(max_size=200)
    )
)
def test_arbitrary_input_gets_a_reason(bearer: str | bytes) -> None:
    """Whatever comes, the answer is a refusal with a code, a sentence and nothing else."""
    evidence = Evidence(as_bytes(bearer), NOW, "aws")
    refusal = first_refusal(evidence)
    assert refusal is not None
    assert refusal.code.startswith("token.")
    assert "\n" not in refusal.message


def test_evidence_shows_nothing_of_the_token() -> None:
    """The working notes on a token can be logged by mistake without harm."""
    evidence = Evidence(signed(session_token="SECRETSESSION").encode(), NOW, "aws")
    assert first_refusal(evidence) is None
    assert SIGNATURE[:8] not in repr(evidence)
    assert "SECRETSESSION" not in repr(evidence)
    assert "Signature" not in repr(evidence)
