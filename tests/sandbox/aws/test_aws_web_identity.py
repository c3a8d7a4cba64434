"""AssumeRoleWithWebIdentity judges tokens by the issuer's published keys and the trust policy, in AWS's words."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.sandbox.aws.federation.planting import AUDIENCE
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT

INVALID, DENIED = "InvalidIdentityToken", "AccessDenied"
REFUSED = (DENIED, "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
NO_KEY = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
NOT_VALID = "The web identity token that was passed could not be validated"
NOT_A_TOKEN = "The ID Token provided is not a valid JWT."


@pytest.fixture(name="aws", scope="module")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for the tests that leave it as it is."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@pytest.fixture(name="own")
def own_(tmp_path: Path) -> Iterator[ServedAws]:
    """Run an endpoint that the test may change."""
    with serve_aws(tmp_path / "ca.pem") as served:
        yield served


def ci(aws: ServedAws) -> Any:
    """Return what the CI side was seeded with."""
    assert aws.seed.federation is not None
    return aws.seed.federation.ci


def token(aws: ServedAws, platform: str = "github", audience: Any = AUDIENCE, **more: Any) -> str:
    """Have the sandbox's issuer make a token."""
    answer = aws.control("POST", "ci/tokens", {"platform": platform, "audience": audience, **more})
    return str(answer["token"])


def assume(aws: ServedAws, text: str, role: str | None = None, **more: Any) -> Any:
    """Ask STS as botocore does, without any credentials."""
    client = aws.client("sts")
    return client.assume_role_with_web_identity(
        RoleArn=role or ci(aws).github_role_arn, RoleSessionName="job", WebIdentityToken=text, **more
    )


def refusal(aws: ServedAws, text: str, role: str | None = None, **more: Any) -> tuple[str, str, int]:
    """Return code, message and status of a refusal."""
    with pytest.raises(ClientError) as caught:
        assume(aws, text, role, **more)
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    return error["Code"], error["Message"], meta["HTTPStatusCode"]


def test_a_token_becomes_the_role(aws: ServedAws) -> None:
    """The answer names subject, audience and provider, and its credentials are the role's session."""
    answer = assume(aws, token(aws) + "\n")
    assert answer["SubjectFromWebIdentityToken"] == "repo:acme/shop:ref:refs/heads/main"
    assert answer["Audience"] == AUDIENCE
    assert answer["Provider"] == "https://token.actions.githubusercontent.com"
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/GitHubDeploy/job"
    assert "PackedPolicySize" not in answer
    keys = answer["Credentials"]
    sts = aws.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert sts.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]


def test_the_token_request_of_github_actions(aws: ServedAws) -> None:
    """A job gets its token with the request token and the audience it asks for, and nobody else does."""
    path = ci(aws).request_path
    bearer = {"Authorization": f"bearer {ci(aws).request_token}"}
    status, _, body = aws.send("GET", f"{path}&audience={AUDIENCE}", headers=bearer)
    assert status == 200
    assert assume(aws, json.loads(body)["value"])["Audience"] == AUDIENCE
    status, _, body = aws.send("GET", path, headers=bearer)
    claims = jwt.decode(json.loads(body)["value"], options={"verify_signature": False})
    assert claims["aud"] == "https://github.com/acme"
    for headers in ({}, {"Authorization": "bearer wrong"}, {"Authorization": ci(aws).request_token}):
        assert aws.send("GET", path, headers=headers)[0] == 401
    assert aws.send("GET", f"{path}&audience=a&audience=b", headers=bearer)[0] == 400
    assert aws.send("POST", path, b"", bearer)[0] == 405
    assert aws.send("GET", "/ci/nobody/jwks")[0] == 404


@pytest.mark.parametrize("platform", ["github", "gitlab", "circleci", "buildkite", "bitbucket"])
def test_discovery_documents(aws: ServedAws, platform: str) -> None:
    """Each system's document names the real issuer and a key set that verifies its tokens."""
    found = json.loads(aws.send("GET", f"/ci/{platform}/.well-known/openid-configuration")[2])
    text = token(aws, platform)
    assert jwt.decode(text, options={"verify_signature": False})["iss"] == found["issuer"]
    assert found["jwks_uri"].startswith(aws.url)
    keys = json.loads(aws.send("GET", found["jwks_uri"].removeprefix(aws.url))[2])
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(text)["kid"]]
    jwt.decode(text, key, algorithms=["RS256"], audience=AUDIENCE)
    assert not any(set(one) & {"d", "p", "q"} for one in keys["keys"])


def test_the_generic_issuer(own: ServedAws) -> None:
    """The issuer with the sandbox's own URL can be registered like any other, port and all."""
    found = json.loads(own.send("GET", "/ci/.well-known/openid-configuration")[2])
    assert found["issuer"] == f"{own.url}/ci"
    iam = admin(own, "iam")
    provider = iam.create_open_id_connect_provider(Url=found["issuer"], ClientIDList=["me"])
    name = found["issuer"].removeprefix("https://")
    role = trust(own, "Generic", provider["OpenIDConnectProviderArn"], {"StringEquals": {f"{name}:sub": "job:example"}})
    assert assume(own, token(own, "generic", "me"), role)["Provider"] == found["issuer"]


def test_the_other_systems_role(aws: ServedAws) -> None:
    """The role for GitLab takes GitLab's token and not GitHub's."""
    assert assume(aws, token(aws, "gitlab"), ci(aws).gitlab_role_arn)["SubjectFromWebIdentityToken"].endswith("main")
    assert refusal(aws, token(aws), ci(aws).gitlab_role_arn) == REFUSED


@pytest.mark.parametrize(
    "change, code, text, status",
    [
        pytest.param({"seconds": -10}, "ExpiredTokenException", "Token expired: current date/time ", 400, id="expired"),
        pytest.param({"claims": {"nbf": 1 << 40}}, INVALID, "not valid yet", 400, id="not-before"),
        pytest.param({"claims": {"iat": 1 << 40}}, INVALID, "not valid yet", 400, id="issued-in-the-future"),
        pytest.param({"claims": {"exp": None}}, INVALID, "Missing a required claim: exp", 400, id="no-exp"),
        pytest.param({"claims": {"iat": None}}, INVALID, "Missing a required claim: iat", 400, id="no-iat"),
        pytest.param({"claims": {"exp": 1e12}}, INVALID, "not an integer", 400, id="exp-a-float"),
        pytest.param({"claims": {"exp": "9999999999"}}, INVALID, "not an integer", 400, id="exp-a-text"),
        pytest.param({"claims": {"exp": True}}, INVALID, "not an integer", 400, id="exp-a-boolean"),
        pytest.param({"claims": {"sub": None}}, INVALID, "Missing a required claim: sub", 400, id="no-sub"),
        pytest.param({"claims": {"sub": 5}}, INVALID, "Missing a required claim: sub", 400, id="sub-a-number"),
        pytest.param({"claims": {"aud": None}}, INVALID, "Missing a required claim: aud", 400, id="no-aud"),
        pytest.param({"claims": {"iss": None}}, INVALID, "Missing a required claim: iss", 400, id="no-iss"),
        pytest.param({"audience": "sts.amazonaws.com.cn"}, INVALID, "Incorrect token audience", 400, id="aud"),
        pytest.param({"claims": {"azp": "other"}}, INVALID, "Incorrect token audience", 400, id="authorized-party"),
        pytest.param({"kid": "another"}, INVALID, NO_KEY, 400, id="key-unknown"),
        pytest.param({"kid": ""}, INVALID, NO_KEY, 400, id="key-empty"),
        pytest.param(
            {"claims": {"iss": "https://evil.example"}},
            INVALID,
            "No OpenIDConnect provider found in your account for https://evil.example",
            400,
            id="issuer-unknown",
        ),
        pytest.param(
            {"claims": {"iss": "token.actions.githubusercontent.com"}},
            INVALID,
            "No OpenIDConnect provider found in your account for token.actions.githubusercontent.com",
            400,
            id="issuer-without-scheme",
        ),
        pytest.param(
            {"claims": {"iss": "https://token.actions.githubusercontent.com/"}},
            INVALID,
            "No OpenIDConnect provider found",
            400,
            id="issuer-with-slash",
        ),
        pytest.param({"claims": {"sub": "repo:acme/shop:ref:refs/heads/x"}}, *REFUSED, id="branch"),
        pytest.param({"claims": {"sub": "repo:acme/shop:ref:refs/heads/main2"}}, *REFUSED, id="longer-branch"),
        pytest.param({"claims": {"sub": "REPO:acme/shop:ref:refs/heads/main"}}, *REFUSED, id="case"),
        pytest.param({"claims": {"https://aws.amazon.com/source_identity": "octo"}}, DENIED, "SetSource", 403, id="si"),
        pytest.param({"claims": {"https://aws.amazon.com/tags": []}}, INVALID, "not an object", 400, id="tags-shape"),
        pytest.param(
            {"claims": {"https://aws.amazon.com/source_identity": "a b"}}, INVALID, "Source", 400, id="si-bad"
        ),
    ],
)
def test_tokens_that_are_not_good(aws: ServedAws, change: dict[str, Any], code: str, text: str, status: int) -> None:
    """Each claim is checked, and each failure has its own code and text."""
    found = refusal(aws, token(aws, **change))
    assert (found[0], found[2]) == (code, status)
    assert text in found[1]


def segment(value: Any) -> str:
    """Return one piece of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def forged(aws: ServedAws, kind: str) -> str:
    """Return a token that an attacker made, with everything right but the signature."""
    good = token(aws)
    header, claims, signature = good.split(".")
    known = jwt.get_unverified_header(good)
    body = jwt.decode(good, options={"verify_signature": False})
    published = json.loads(aws.send("GET", "/ci/github/jwks")[2])["keys"][0]
    public = jwt.PyJWK.from_dict(published).key
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def mac(secret: bytes) -> str:
        text = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': known['kid']})}.{claims}"
        return f"{text}.{segment(hmac.new(secret, text.encode(), sha256).digest())}"

    def signed(key: Any, algorithm: str, **headers: Any) -> str:
        return jwt.encode(body, key, algorithm=algorithm, headers={"kid": known["kid"], **headers})

    twice = json.dumps(body)[:-1].encode() + b', "sub": "x"}'
    own_jwk = RSAAlgorithm.to_jwk(own.public_key(), as_dict=True)
    makers: dict[str, Callable[[], str]] = {
        "alg-none": lambda: f"{segment({'alg': 'none', 'kid': known['kid']})}.{claims}.",
        "alg-none-signed": lambda: f"{segment({'alg': 'none', 'kid': known['kid']})}.{claims}.{signature}",
        "alg-NonE": lambda: f"{segment({'alg': 'NonE', 'kid': known['kid']})}.{claims}.{signature}",
        "hs256-pem": lambda: mac(pem),
        "hs256-modulus": lambda: mac(published["n"].encode()),
        "hs256-empty": lambda: mac(b""),
        "own-key": lambda: signed(own, "RS256"),
        "embedded-jwk": lambda: signed(own, "RS256", jwk=own_jwk),
        "jku": lambda: signed(own, "RS256", jku=f"{aws.url}/ci/gitlab/jwks"),
        "pss": lambda: signed(own, "PS256"),
        "elliptic": lambda: signed(ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "kid-path": lambda: signed(own, "RS256", kid="../../../../dev/null"),
        "kid-sql": lambda: signed(own, "RS256", kid="x' OR '1'='1"),
        "claims-changed": lambda: f"{header}.{segment({**body, 'sub': 'repo:acme/shop:x'})}.{signature}",
        "algorithm-changed": lambda: f"{segment({**known, 'alg': 'RS512'})}.{claims}.{signature}",
        "signature-cut": lambda: good[:-20],
        "signature-empty": lambda: f"{header}.{claims}.",
        "signature-other": lambda: f"{header}.{claims}.{token(aws, seconds=9).split('.')[2]}",
        "crit": lambda: signed(own, "RS256", crit=["b64"], b64=False),
        "claim-twice": lambda: f"{header}.{segment(twice)}.{signature}",
        "not-json": lambda: f"{header}.{segment(b'{')}.{signature}",
        "a-list": lambda: f"{header}.{segment([])}.{signature}",
        "deep": lambda: f"{header}.{segment(b'[' * 9000)}.{signature}",
        "padded": lambda: f"{header}=.{claims}.{signature}",
        "newline": lambda: f"{header}\n.{claims}.{signature}",
        "two-pieces": lambda: f"{header}.{claims}",
        "four-pieces": lambda: good + ".x",
        "access-token": lambda: "ya29.opaque",
        "not-ascii": lambda: good + "\u00e9",
    }
    return makers[kind]()


@pytest.mark.parametrize(
    "kind, text",
    [
        *((one, NOT_A_TOKEN) for one in ("alg-none", "signature-empty", "crit", "claim-twice", "not-json", "a-list")),
        *((one, NOT_A_TOKEN) for one in ("deep", "padded", "two-pieces", "four-pieces", "access-token", "not-ascii")),
        *((one, NO_KEY) for one in ("kid-path", "kid-sql")),
        *((one, NOT_VALID) for one in ("alg-none-signed", "alg-NonE", "hs256-pem", "hs256-modulus", "hs256-empty")),
        *((one, NOT_VALID) for one in ("own-key", "embedded-jwk", "jku", "pss", "elliptic", "claims-changed")),
        *((one, NOT_VALID) for one in ("algorithm-changed", "signature-cut", "signature-other")),
        ("newline", NOT_A_TOKEN),
    ],
)
def test_forged_tokens(aws: ServedAws, kind: str, text: str) -> None:
    """No token gets in that the issuer did not sign, whatever its header says."""
    code, message, status = refusal(aws, forged(aws, kind))
    assert (code, status) == (INVALID, 400)
    assert message.startswith(text)


def test_roles_that_refuse(aws: ServedAws) -> None:
    """Absent roles, other paths and roles that trust users only are all answered alike; another account has no provider."""
    text = token(aws)
    for name in ("Nobody", "x/GitHubDeploy", "EksReadOnly"):
        assert refusal(aws, text, f"arn:aws:iam::{ACCOUNT}:role/{name}") == REFUSED
    for account in (OTHER_ACCOUNT, "999988887777"):
        found = refusal(aws, text, f"arn:aws:iam::{account}:role/GitHubDeploy")
        assert found[1].startswith("No OpenIDConnect provider found in your account")
    assert refusal(aws, text, f"arn:aws:iam::{ACCOUNT}:user/alice-x")[:2] == (
        "ValidationError",
        "Request ARN is invalid",
    )


def admin(aws: ServedAws, service: str) -> Any:
    """Return a client of the administrator."""
    alice = aws.seed.users["alice"]
    keys = {"aws_access_key_id": alice.access_key_id, "aws_secret_access_key": alice.secret_access_key}
    found = aws.client("sts", **keys).assume_role(RoleArn=aws.seed.roles["EksAdmin"].arn, RoleSessionName="admin")
    return aws.client(
        service,
        aws_access_key_id=found["Credentials"]["AccessKeyId"],
        aws_secret_access_key=found["Credentials"]["SecretAccessKey"],
        aws_session_token=found["Credentials"]["SessionToken"],
    )


def trust(aws: ServedAws, name: str, provider: str, condition: Any, actions: Any = "sts:*") -> str:
    """Make a role through the IAM API that trusts a provider; returns its ARN."""
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions, "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = admin(aws, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=document, MaxSessionDuration=7200)
    return str(made["Role"]["Arn"])


GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
KEY = "token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    "condition, allowed",
    [
        pytest.param({"StringLike": {f"{KEY}:sub": "repo:acme/*"}}, True, id="wildcard"),
        pytest.param({"StringEquals": {f"{KEY}:sub": "repo:acme/*"}}, False, id="wildcard-under-equals"),
        pytest.param({"StringEquals": {f"{KEY}:sub": ["x", "repo:acme/shop:ref:refs/heads/main"]}}, True, id="list"),
        pytest.param({"StringEquals": {f"{KEY}:repository_id": "74", f"{KEY}:ref": "refs/heads/main"}}, True, id="gh"),
        pytest.param({"StringEquals": {f"{KEY}:actor": "mallory"}}, False, id="actor"),
        pytest.param({"StringEquals": {f"{KEY}:run_number": "10"}}, False, id="claim-that-is-no-key"),
        pytest.param({"StringEquals": {"token.actions.githubusercontent.com.evil:sub": "x"}}, False, id="other-issuer"),
        pytest.param({"StringEquals": {"sts:RoleSessionName": "job"}}, True, id="session-name"),
        pytest.param({"StringEquals": {"aws:FederatedProvider": GITHUB}}, True, id="provider"),
        pytest.param({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False, id="address"),
        pytest.param({"Null": {f"{KEY}:amr": "true"}}, True, id="no-methods"),
        pytest.param({"ForAnyValue:StringEquals": {f"{KEY}:aud": AUDIENCE}}, True, id="audience-any"),
    ],
)
def test_conditions(own_role: Any, condition: Any, allowed: bool) -> None:
    """The trust policy sees the token's subject, audience and the claims that STS knows of this issuer."""
    aws, arn = own_role(condition)
    if allowed:
        assume(aws, token(aws), arn)
    else:
        assert refusal(aws, token(aws), arn) == REFUSED


@pytest.fixture(name="own_role")
def own_role_(aws: ServedAws) -> Iterator[Any]:
    """Return a maker of roles that go away again."""
    made: list[str] = []

    def make(condition: Any) -> tuple[ServedAws, str]:
        made.append("Conditions")
        return aws, trust(aws, "Conditions", GITHUB, condition)

    yield make
    for name in made:
        admin(aws, "iam").delete_role(RoleName=name)


def test_session_tags_of_a_token(own: ServedAws) -> None:
    """Tags, transitive keys and the source identity come from the token, and the trust policy must allow each."""
    claims = {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"team": ["shop"], "stage": ["prod"]},
            "transitive_tag_keys": ["team"],
        },
        "https://aws.amazon.com/source_identity": "octo",
    }
    condition = {
        "StringEquals": {"aws:RequestTag/team": "shop"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"], "sts:TransitiveTagKeys": ["team"]},
    }
    arn = trust(own, "Tagged", GITHUB, condition)
    answer = assume(own, token(own, claims=claims), arn)
    assert answer["SourceIdentity"] == "octo"
    assert 0 < answer["PackedPolicySize"] <= 100
    untagged = trust(own, "Untagged", GITHUB, {}, "sts:AssumeRoleWithWebIdentity")
    assert refusal(own, token(own, claims=claims), untagged)[1] == "Not authorized to perform sts:TagSession"
    bad = {"https://aws.amazon.com/tags": {"principal_tags": {"a": ["b"]}, "transitive_tag_keys": ["c"]}}
    assert refusal(own, token(own, claims=bad), arn)[0] == "InvalidParameterValue"


def test_durations_and_policies(own: ServedAws) -> None:
    """The role's limit counts, and session policies are read as everywhere else."""
    arn = trust(own, "Long", GITHUB, {})
    assume(own, token(own), arn, DurationSeconds=7200)
    assert "MaxSessionDuration" in refusal(own, token(own), arn, DurationSeconds=7201)[1]
    assert refusal(own, token(own), arn, Policy="{")[0] == "MalformedPolicyDocument"
    answer = assume(own, token(own), arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}]}))  # fmt: skip
    assert answer["PackedPolicySize"] > 0


def test_key_rotation(own: ServedAws) -> None:
    """Old tokens work while their key is published, new ones at once."""
    old = token(own)
    first = own.control("POST", "ci/rotate", {"keep": True})["kid"]
    fresh = token(own)
    assert jwt.get_unverified_header(fresh)["kid"] == first
    assume(own, old)
    assume(own, fresh)
    own.control("POST", "ci/rotate", {"keep": False})
    assert refusal(own, fresh)[1].startswith(NO_KEY)
    assume(own, token(own))


@pytest.mark.parametrize("operation", ["Discovery", "KeySet"])
def test_issuers_in_trouble(own: ServedAws, operation: str) -> None:
    """What the issuer's server does wrong becomes the error that clients retry, or the one that they do not."""
    text = token(own)
    own.control("POST", "faults", {"kind": "error", "status": 503, "action": operation})
    found = refusal(own, text)
    assert (found[0], found[2]) == ("IDPCommunicationError", 400)
    assume(own, text)
    for order, code in (
        ({"kind": "error", "status": 403}, "IDPRejectedClaim"),
        ({"kind": "error", "status": 404}, INVALID),
        ({"kind": "garbage"}, INVALID),
        ({"kind": "reset"}, "IDPCommunicationError"),
        ({"kind": "truncate"}, "IDPCommunicationError"),
    ):
        own.control("POST", "faults", {**order, "action": operation, "count": None})
        assert refusal(own, text)[0] == code, order
        own.control("DELETE", "faults")
    own.control("POST", "faults", {"kind": "slow", "seconds": 0.2, "action": operation})
    assume(own, text)


def test_botocore_retries_an_issuer_that_is_down(own: ServedAws) -> None:
    """The error has the code that botocore's own retry rules know."""
    own.control("POST", "faults", {"kind": "error", "status": 500, "action": "KeySet", "count": 1})
    import botocore.session
    from botocore.config import Config

    client = botocore.session.Session().create_client(
        "sts",
        "us-west-2",
        endpoint_url=own.url,
        verify=str(own.ca_file),
        config=Config(retries={"total_max_attempts": 3, "mode": "standard"}),
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    answer = client.assume_role_with_web_identity(
        RoleArn=ci(own).github_role_arn, RoleSessionName="job", WebIdentityToken=token(own)
    )
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def test_nothing_secret_is_logged(own: ServedAws) -> None:
    """The request log of the sandbox holds no token."""
    text = token(own)
    assume(own, text)
    assert text not in json.dumps(own.control("GET", "requests"))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "sub", "aud", "azp", "exp", "nbf", "iat", "amr", "https://aws.amazon.com/tags", "actor"]),
    JSON_VALUES,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(claims=CLAIMS)
def test_fuzzed_claims(aws: ServedAws, claims: dict[str, Any]) -> None:
    """Properly signed tokens with odd claims are judged, never an internal failure."""
    issuer = aws.endpoint.cloud.federation.ci
    from eksauth.sandbox.aws.federation.ci_platforms import PLATFORMS

    text = issuer.token(PLATFORMS["github"], now=aws.endpoint.cloud.now(), audience=AUDIENCE, claims=claims)
    form = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": ci(aws).github_role_arn, "RoleSessionName": "job"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = aws.send("POST", "/", urlencode({**form, "WebIdentityToken": text}).encode(), headers)
    assert status in {200, 400, 403}, body


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=200) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*"))
def test_fuzzed_tokens(aws: ServedAws, text: str) -> None:
    """Whatever is sent as a token is refused, never an internal failure."""
    form = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": ci(aws).github_role_arn, "RoleSessionName": "job"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = aws.send("POST", "/", urlencode({**form, "WebIdentityToken": text}).encode(), headers)
    assert status == 400, body


def test_client_ids_come_and_go(own: ServedAws) -> None:
    """Audiences added to a provider and taken from it count at once, and either may be done twice."""
    iam, extra = admin(own, "iam"), {"OpenIDConnectProviderArn": GITHUB, "ClientID": "extra"}
    arn = trust(own, "AnyAudience", GITHUB, {})
    assert refusal(own, token(own, audience="extra"), arn)[1] == "Incorrect token audience"
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**extra)
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=GITHUB)["ClientIDList"] == [AUDIENCE, "extra"]
    assert assume(own, token(own, audience="extra"), arn)["Audience"] == "extra"
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**extra)
    assert refusal(own, token(own, audience="extra"), arn)[1] == "Incorrect token audience"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.add_client_id_to_open_id_connect_provider(**{**extra, "OpenIDConnectProviderArn": GITHUB + "x"})
    with pytest.raises(ClientError, match="Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url="http://plain.example")


@pytest.mark.parametrize("service", ["ci", "saml", "machine", "sso", "sso-oidc", "rolesanywhere", "unknown", ""])
def test_services_that_only_a_path_leads_to(aws: ServedAws, service: str) -> None:
    """A signature that claims to be for one of the unsigned services is refused, never an internal failure."""
    scope = f"AKIAIOSFODNN7EXAMPLE/20260101/us-west-2/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
        "X-Amz-Date": "20260101T000000Z",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for path, body in (("/", b"Action=GetCallerIdentity"), ("/x", b""), ("/?Action=AssumeRoleWithSAML", b"")):
        assert aws.send("POST", path, body, headers)[0] in {400, 403, 404, 501}


def test_botocore_finds_the_token_by_itself(aws: ServedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that pods and CI jobs have are enough for botocore's own provider."""
    import botocore.session

    path = tmp_path / "token"
    path.write_text(token(aws) + "\n")
    for name, value in {
        "AWS_ROLE_ARN": ci(aws).github_role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(path),
        "AWS_ROLE_SESSION_NAME": "by-itself",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_CA_BUNDLE": str(aws.ca_file),
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = botocore.session.Session().create_client("sts")
    assert client.get_caller_identity()["Arn"].endswith(":assumed-role/GitHubDeploy/by-itself")


def test_users_do_not_become_federated_roles(aws: ServedAws) -> None:
    """A role that trusts a provider refuses a user, whatever the user's own policies allow."""
    alice = aws.seed.users["alice"]
    keys = {"aws_access_key_id": alice.access_key_id, "aws_secret_access_key": alice.secret_access_key}
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        aws.client("sts", **keys).assume_role(RoleArn=ci(aws).github_role_arn, RoleSessionName="test")
