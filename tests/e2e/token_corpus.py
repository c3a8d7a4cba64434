"""Tokens that the reference and we are both asked about: good ones, and every rule broken one at a time.

``both`` says what each makes of it: ``granted``, ``refused``, or, where we differ on purpose, ``tightened`` (they grant,
we refuse) and ``loosened`` (they refuse, we grant). A refusal of ours is always for ``code``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.e2e.loopback_aws import LoopbackAws
from tests.e2e.signing import Key, Signing, session

from eksauth.aws.partitions import AWS, sts_host
from eksauth.token.bearer import TOKEN_PREFIX, encode_token

ACCOUNT = "111122223333"
INVENTED_HOSTS = ("sts.not-a-region.amazonaws.com", "sts.s3.amazonaws.com", "sts.us-west-9.amazonaws.com")
"""Hosts outside every SDK's list, which the certificate of the AWS on loopback must also name."""
GOV_ACCOUNT = "222233334444"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Keys:
    """Who signs the tokens."""

    user: Key
    role: Key
    big: Key
    huge: Key
    gov: Key
    expired: Key
    inactive: Key

    @classmethod
    def make(cls, aws: LoopbackAws) -> Keys:
        """Make the keys in a running AWS."""
        alice, bob = aws.seed.users["alice"], aws.seed.users["bob"]
        role = f"arn:aws:sts::{ACCOUNT}:assumed-role/EksAdmin/ann@example.com"
        aws.cloud.iam.set_key_status(bob.access_key_id, bob.account, active=False)

        def assumed(**options: float) -> Key:
            return session(aws.cloud, role, "AROAEXAMPLEEXAMPLE000:ann@example.com", **options)  # type: ignore[arg-type]

        gov = f"arn:aws-us-gov:sts::{GOV_ACCOUNT}:assumed-role/Gov/ann"
        return cls(
            user=Key(alice.access_key_id, alice.secret_access_key),
            role=assumed(),
            big=assumed(token_bytes=2500),
            huge=assumed(token_bytes=9000),
            gov=session(aws.cloud, gov, "AROAGOVEXAMPLE:ann"),
            expired=assumed(expires_in=-5),
            inactive=Key(bob.access_key_id, bob.secret_access_key),
        )


@dataclass(frozen=True)
class Case:
    """One token.

    :param code: the reason that ours gives; empty when it grants.
    """

    id: str
    build: Callable[[Keys], str]
    both: Literal["granted", "refused", "tightened", "loosened"]
    code: str = ""


def _granted() -> list[Case]:
    def at(region: str, **variant: bool) -> Callable[[Keys], str]:
        return lambda keys: Signing(keys.role, region, host=sts_host(region, **variant)).token()

    def signed(**overrides: str | None) -> Callable[[Keys], str]:
        return lambda keys: Signing(keys.user, overrides=_dashed(overrides)).token()

    cases = [Case(f"region-{region}", at(region), "granted") for region in sorted(AWS.regions)]
    cases += [
        Case("global-host", lambda keys: Signing(keys.role, host="sts.amazonaws.com").token(), "granted"),
        Case("fips", at("us-east-1", fips=True), "granted"),
        Case("dual-stack", at("eu-west-1", dual_stack=True), "granted"),
        Case("fips-and-dual-stack", at("us-west-2", fips=True, dual_stack=True), "granted"),
        Case("region-of-tomorrow", lambda keys: Signing(keys.role, "us-west-9").token(), "granted"),
        Case("user", lambda keys: Signing(keys.user).token(), "granted"),
        Case("2500-byte-session-token", lambda keys: Signing(keys.big).token(), "granted"),
        Case("14-minutes-old", lambda keys: Signing(keys.user, age=840).token(), "granted"),
        Case("4-minutes-ahead", lambda keys: Signing(keys.user, age=-240).token(), "granted"),
        Case("scheme-case", lambda keys: encode_token(Signing(keys.user).url().replace("https:", "HTTPS:")), "granted"),
        Case("empty-pairs", lambda keys: encode_token(Signing(keys.user).url() + "&&"), "granted"),
        Case("leading-empty-pair", lambda keys: _replaced(Signing(keys.user), "?", "?&"), "granted"),
        Case("expires-0", signed(X_Amz_Expires="0"), "granted"),
        Case("expires-900", signed(X_Amz_Expires="900"), "granted"),
        Case("expires-0900", signed(X_Amz_Expires="0900"), "granted"),
        Case("expires-plus-60", signed(X_Amz_Expires="+60"), "granted"),
        Case("expires-minus-0", signed(X_Amz_Expires="-0"), "granted"),
        Case("order-of-botocore", lambda keys: _reordered(Signing(keys.role)), "granted"),
        Case("escaped-letters", lambda keys: _replaced(Signing(keys.user), "GetCaller", "%47etCaller"), "granted"),
        Case("escaped-name", lambda keys: _replaced(Signing(keys.user), "Action=", "%41ction="), "granted"),
        Case("lower-case-escapes", lambda keys: _replaced(Signing(keys.user), "%2F", "%2f"), "granted"),
        Case("bare-slashes", lambda keys: _replaced(Signing(keys.user), "%2F", "/"), "granted"),
        Case(
            "headers-in-any-order",
            lambda keys: Signing(
                keys.user, headers={"x-k8s-aws-id": "demo", "host": "sts.us-west-2.amazonaws.com"}
            ).token(),
            "granted",
        ),
    ]
    return cases


def _refused() -> list[Case]:
    def raw(text: str, code: str, name: str) -> Case:
        return Case(name, lambda _: text, "refused", code)

    def tail(text: str, code: str, name: str) -> Case:
        return Case(name, lambda keys: encode_token(Signing(keys.user).url() + text), "refused", code)

    def swap(old: str, new: str, code: str, name: str) -> Case:
        return Case(name, lambda keys: _replaced(Signing(keys.user), old, new), "refused", code)

    def signed(code: str, name: str, **overrides: str | None) -> Case:
        return Case(name, lambda keys: Signing(keys.user, overrides=_dashed(overrides)).token(), "refused", code)

    def made(code: str, name: str, build: Callable[[Keys], Signing]) -> Case:
        return Case(name, lambda keys: build(keys).token(), "refused", code)

    form = [
        raw(TOKEN_PREFIX + "a" * 20_000, "token.too_large", "TOK-01-20000-bytes"),
        raw("k8s-aws-v2.abc", "token.missing_prefix", "TOK-02"),
        raw("K8S-AWS-V1.abc", "token.missing_prefix", "prefix-case"),
        raw("k8s-aws-v1.decodingerror!", "token.not_base64url", "TOK-03"),
        raw("k8s-aws-v1.", "token.not_a_url", "empty-body"),
        raw(encode_token("no scheme"), "token.not_a_url", "TOK-04"),
        raw(encode_token("https:sts.amazonaws.com/"), "token.not_a_url", "opaque"),
        raw(encode_token("https://google.com/"), "token.host_not_allowed", "TOK-06"),
        Case("padded", lambda keys: Signing(keys.user).token() + "=", "refused", "token.not_base64url"),
        Case("trailing-blank", lambda keys: Signing(keys.user).token() + " ", "refused", "token.not_base64url"),
        Case("leading-blank", lambda keys: " " + Signing(keys.user).token(), "refused", "token.missing_prefix"),
        Case("upper-cased", lambda keys: Signing(keys.user).token().upper(), "refused", "token.missing_prefix"),
        Case("standard-alphabet", lambda _: "k8s-aws-v1.ab+/", "refused", "token.not_base64url"),
        Case("latin-1", lambda keys: Signing(keys.user).token() + "é", "refused", "token.not_base64url"),
    ]
    url = [
        swap("https:", "http:", "token.not_https", "TOK-05"),
        swap(".com/?", ".com/abc?", "token.unexpected_path", "TOK-07"),
        swap(".com/?", ".com?", "token.unexpected_path", "no-path"),
        swap(".com/?", ".com//?", "token.unexpected_path", "two-slashes"),
        swap(".com/?", ".com/%2f?", "token.unexpected_path", "escaped-slash"),
        swap(".com/", ".com:443/", "token.host_not_allowed", "port"),
        swap(".com/", ".com./", "token.host_not_allowed", "trailing-dot"),
        swap("sts.us", "STS.us", "token.host_not_allowed", "host-case"),
        swap(".com/?", ".com/\n?", "token.not_a_url", "line-break-in-url"),
        swap("sts.us-west-2.amazonaws.com", "evil.example.com", "token.host_not_allowed", "foreign-host"),
        swap(
            "sts.us-west-2.amazonaws.com",
            "sts.us-west-2.amazonaws.com.evil.example",
            "token.host_not_allowed",
            "suffix",
        ),
        swap("sts.us-west-2", "vpce-1.sts.us-west-2.vpce", "token.host_not_allowed", "vpc-endpoint"),
        swap(
            "sts.us-west-2.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn", "token.partition_mismatch", "china-host"
        ),
    ]
    query = [
        tail("%gh", "token.malformed_query", "TOK-16"),
        tail(";a=b", "token.malformed_query", "semicolon"),
        tail("&x-amz-credential=eve", "token.duplicate_parameter", "TOK-17-CVE-2022-2385"),
        tail("&NoInWhiteList=abc", "token.unexpected_parameter", "TOK-09"),
        tail("&Action=GetCallerIdentity", "token.repeated_parameter", "TOK-10"),
        signed("token.unexpected_action", "TOK-11", Action="DeleteUser"),
        signed("token.unexpected_action", "action-case", Action="getcalleridentity"),
        signed("token.unexpected_action", "no-action", Action=None),
        swap("Action=", "action=", "sts.refused", "action-key-case"),
        made(
            "token.cluster_id_not_signed",
            "TOK-12",
            lambda keys: Signing(keys.user, headers={"host": "sts.us-west-2.amazonaws.com", "x-k8s-aws-i": "demo"}),
        ),
        signed("token.cluster_id_not_signed", "no-signed-headers", X_Amz_SignedHeaders=None),
        signed("token.invalid_expires", "TOK-13", X_Amz_Expires="9999999"),
        signed("token.invalid_expires", "expires-901", X_Amz_Expires="901"),
        signed("token.invalid_expires", "expires-negative", X_Amz_Expires="-1"),
        signed("token.invalid_expires", "expires-underscore", X_Amz_Expires="6_0"),
        signed("token.invalid_expires", "expires-blank", X_Amz_Expires=" 60"),
        signed("token.invalid_expires", "expires-arabic-digits", X_Amz_Expires="٦٠"),
        signed("token.invalid_expires", "expires-hex", X_Amz_Expires="0x3c"),
        signed("token.invalid_expires", "expires-missing", X_Amz_Expires=None),
        signed("token.invalid_date", "TOK-14", X_Amz_Date="xxxxxxxxxxxxxxxx"),
        signed("token.invalid_date", "30-february", X_Amz_Date="20260230T000000Z"),
        signed("token.expired", "TOK-15", X_Amz_Date="19900422T010203Z"),
        Case(
            "date-missing",
            lambda keys: _without(Signing(keys.user), "X-Amz-Date"),
            "refused",
            "token.missing_date",
        ),
        made("token.expired", "16-minutes-old", lambda keys: Signing(keys.user, age=960)),
        tail("&X-Amz-Security-Token=a b", "token.unsafe_characters", "blank-in-query"),
        tail("&X-Amz-Security-Token", "sts.invalid_client_token", "valueless-session-token"),
    ]
    sts = [
        made("sts.signature_mismatch", "other-cluster", lambda keys: Signing(keys.user, cluster="other")),
        made("sts.signature_mismatch", "cluster-case", lambda keys: Signing(keys.user, cluster="Demo")),
        made("sts.signature_mismatch", "wrong-secret", lambda keys: Signing(keys.user, secret="x" * 40)),
        made("sts.expired_credentials", "expired-session", lambda keys: Signing(keys.expired)),
        made("sts.invalid_client_token", "deactivated-key", lambda keys: Signing(keys.inactive)),
        made("sts.invalid_client_token", "unknown-key", lambda keys: Signing(Key("AKIAUNKNOWNUNKNOWN00", "s"))),
        made(
            "sts.invalid_client_token",
            "session-token-missing",
            lambda keys: Signing(keys.role, overrides={"X-Amz-Security-Token": None}),
        ),
        made(
            "sts.invalid_client_token",
            "session-token-of-another",
            lambda keys: Signing(keys.role, overrides={"X-Amz-Security-Token": keys.big.session_token}),
        ),
        swap("2011-06-15", "2011-06-16", "sts.refused", "unknown-version"),
        made(
            "sts.invalid_client_token",
            "key-of-another-partition",
            lambda keys: Signing(keys.gov, "us-west-2"),
        ),
    ]
    strict = [
        Case("userinfo", lambda keys: _replaced(Signing(keys.user), "//", "//u:p@"), "refused", "token.userinfo"),
        made(
            "token.region_unknown",
            "invented-region",
            lambda keys: Signing(keys.user, "not-a-region", host="sts.not-a-region.amazonaws.com"),
        ),
        made(
            "token.region_unknown",
            "service-as-region",
            lambda keys: Signing(keys.user, "s3", host="sts.s3.amazonaws.com"),
        ),
        made(
            "token.host_not_signed",
            "host-not-signed",
            lambda keys: Signing(keys.user, headers={"x-k8s-aws-id": "demo"}),
        ),
        signed("token.fractional_date", "fraction", X_Amz_Date="20991231T000000.5Z"),
        signed("token.unexpected_algorithm", "other-algorithm", X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256"),
        signed("token.unexpected_algorithm", "no-algorithm", X_Amz_Algorithm=None),
        signed("token.unsigned", "no-credential", X_Amz_Credential=None),
        signed("token.malformed_credential", "bare-key-id", X_Amz_Credential="AKIDEXAMPLE"),
        made(
            "token.scope_region_mismatch",
            "scope-region",
            lambda keys: Signing(keys.user, host="sts.us-west-2.amazonaws.com", scope_region="eu-west-1"),
        ),
        swap("%2Fsts%2F", "%2Fiam%2F", "token.scope_service_mismatch", "scope-service"),
        Case(
            "no-signature",
            lambda keys: _without(Signing(keys.user), "X-Amz-Signature"),
            "refused",
            "token.unsigned",
        ),
        Case(
            "cut-off", lambda keys: encode_token(Signing(keys.user).url()[:-1]), "refused", "token.malformed_signature"
        ),
        made(
            "token.extra_signed_headers",
            "header-that-nobody-sends",
            lambda keys: Signing(
                keys.user, headers={"host": "sts.us-west-2.amazonaws.com", "x-eve": "1", "x-k8s-aws-id": "demo"}
            ),
        ),
    ]
    return [*form, *url, *query, *sts, *strict]


def _different() -> list[Case]:
    def with_accept(keys: Keys) -> str:
        headers = {"accept": "application/json", "host": "sts.us-west-2.amazonaws.com", "x-k8s-aws-id": "demo"}
        return Signing(keys.user, headers=headers).token()

    def broken_line(keys: Keys) -> str:
        whole = Signing(keys.user).token()
        return f"{whole[:100]}\r\n{whole[100:]}"

    return [
        Case("line-break", broken_line, "tightened", "token.not_canonical"),
        Case("line-break-at-end", lambda keys: Signing(keys.user).token() + "\n", "tightened", "token.not_canonical"),
        Case("stray-bits", _with_stray_bits, "tightened", "token.not_canonical"),
        Case("fragment", lambda keys: encode_token(Signing(keys.user).url() + "#x"), "tightened", "token.fragment"),
        Case(
            "empty-fragment", lambda keys: encode_token(Signing(keys.user).url() + "#"), "tightened", "token.fragment"
        ),
        Case(
            "govcloud-host",
            lambda keys: Signing(keys.gov, "us-gov-west-1").token(),
            "tightened",
            "token.partition_mismatch",
        ),
        Case("extra-signed-header", with_accept, "tightened", "token.extra_signed_headers"),
        Case("10-minutes-ahead", lambda keys: Signing(keys.user, age=-600).token(), "tightened", "token.future_date"),
        Case("9000-byte-session-token", lambda keys: Signing(keys.huge).token(), "loosened"),
    ]


def _dashed(overrides: dict[str, str | None]) -> dict[str, str | None]:
    return {name.replace("_", "-"): value for name, value in overrides.items()}


def _replaced(signing: Signing, old: str, new: str) -> str:
    url = signing.url()
    assert old in url
    return encode_token(url.replace(old, new))


def _without(signing: Signing, name: str) -> str:
    head, _, query = signing.url().partition("?")
    return encode_token(f"{head}?{'&'.join(pair for pair in query.split('&') if not pair.startswith(f'{name}='))}")


def _reordered(signing: Signing) -> str:
    head, _, query = signing.url().partition("?")
    return encode_token(f"{head}?{'&'.join(reversed(query.split('&')))}")


def _with_stray_bits(keys: Keys) -> str:
    """Return a token that decodes to the same bytes as another text."""
    signing, padding = Signing(keys.user), 0
    while True:
        text = encode_token(signing.url() + "&" * padding)
        padding += 1
        if (len(text) - len(TOKEN_PREFIX)) % 4 == 3:
            return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1]) + 1]


CASES = [*_granted(), *_refused(), *_different()]
