"""CreateSession against a loopback service that checks the signature with botocore's canonical request."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from tests.credentials.loopback_http import Asked, Reply, Served, serving
from tests.credentials.people import Typist
from tests.credentials.roles_anywhere.pairs import NOW, judge, make, new_rsa, write

from eksauth.credentials.config.model import AuthConfig, Identity, Place, Principal
from eksauth.credentials.identities.contract import Context, NeedsHuman
from eksauth.credentials.model import Credentials
from eksauth.credentials.roles_anywhere.identity import identity_step
from eksauth.errors import AwsUnreachable, ConfigError, EksauthError

ROLE = "arn:aws:iam::111122223333:role/Deploy"
ANCHOR = "arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/a1"
PROFILE = "arn:aws:rolesanywhere:eu-west-1:111122223333:profile/p1"
GOOD = {
    "credentialSet": [
        {
            "credentials": {
                "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
                "secretAccessKey": "secret",
                "sessionToken": "session",
                "expiration": "2030-03-17T18:46:40Z",
            }
        }
    ],
    "subjectArn": "arn:aws:rolesanywhere:eu-west-1:111122223333:subject/s1",
}


def _identity(tmp_path: Path, url: str | None, **more: object) -> Identity:
    settings = {
        "assume_role": ROLE,
        "trust_anchor_arn": ANCHOR,
        "profile_arn": PROFILE,
        "certificate": str(tmp_path / "cert.pem"),
        "private_key": str(tmp_path / "key.pem"),
        **more,
    }
    return Identity(
        name="ci",
        kind="aws/roles-anywhere",
        declared_kind="aws/roles-anywhere",
        place=Place("eksauth.yaml", 7, 3),
        principal=Principal(**settings),  # type: ignore[arg-type]
        endpoint_url=url,
    )


def _context(
    config: AuthConfig | None = None,
    human: Typist | None = None,
    sleep: Callable[[float], None] = lambda _: None,
    **environ: str,
) -> Context:
    return Context(
        config=config or AuthConfig(),
        environ=environ,
        region="us-east-1",
        human=human,
        clock=lambda: NOW,
        sleep=sleep,
    )


def _obtain(identity: Identity, context: Context) -> Credentials:
    return identity_step(identity, AuthConfig()).obtain(None, context)


def _good(_asked: Asked) -> Reply:
    return Reply(201, json.dumps(GOOD).encode(), {"Date": formatdate(NOW, usegmt=True)})


@pytest.fixture(name="pair", autouse=True)
def pair_(tmp_path: Path) -> None:
    """Lay out a certificate, its issuer and its key."""
    issuer = make("issuer", ca=True)
    leaf = make("leaf", issuer)
    write(tmp_path / "cert.pem", leaf.certificate_pem(), issuer.certificate_pem(), mode=0o644)
    write(tmp_path / "key.pem", leaf.key_pem())


def _sent(served: Served) -> dict:
    return json.loads(served.asked[-1].body)


@pytest.mark.parametrize("key", [new_rsa, lambda: ec.generate_private_key(ec.SECP256R1())], ids=["RSA", "EC"])
def test_a_session(tmp_path: Path, key: Callable[[], object]) -> None:
    """The request is signed as botocore would canonicalise it, carries the chain, and becomes credentials."""
    issuer = make("issuer", ca=True)
    leaf = make("leaf", issuer, key=key(), serial=2**150 + 7)
    write(tmp_path / "cert.pem", leaf.certificate_pem(), issuer.certificate_pem(), mode=0o644)
    write(tmp_path / "key.pem", leaf.key_pem())
    with serving(_good) as served:
        found = _obtain(_identity(tmp_path, f"{served.url}/base/"), _context())

    assert (found.access_key_id, found.session_token, found.expires_at) == (
        "ASIAIOSFODNN7EXAMPLE",
        "session",
        NOW + 3600,
    )
    assert found.source == f"role {ROLE}"
    (asked,) = served.asked
    assert asked.path == "/base/sessions"
    assert judge(served.url + asked.path, asked.headers, asked.body) == leaf.certificate
    chain = asked.headers["x-amz-x509-chain"].split(",")
    assert [base64.b64decode(each) for each in chain] == [issuer.certificate.public_bytes(Encoding.DER)]
    assert "/eu-west-1/rolesanywhere/aws4_request" in asked.headers["authorization"]
    assert _sent(served) == {"profileArn": PROFILE, "roleArn": ROLE, "trustAnchorArn": ANCHOR}


def test_what_else_can_be_asked_for(tmp_path: Path) -> None:
    """Duration and session name go along when they are configured."""
    with serving(_good) as served:
        _obtain(_identity(tmp_path, served.url, duration_seconds=1800, session_name="build-7"), _context())

    assert _sent(served)["durationSeconds"] == 1800
    assert _sent(served)["roleSessionName"] == "build-7"


def test_the_usual_endpoint(tmp_path: Path) -> None:
    """Without an endpoint of its own, the environment's or that of the trust anchor's region is asked."""
    with serving(_good) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", served.url)
        assert _obtain(_identity(tmp_path, None), _context()).access_key_id.startswith("ASIA")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        with pytest.raises(AwsUnreachable, match=r"rolesanywhere\.eu-west-1\.amazonaws\.com"):
            _obtain(_identity(tmp_path, None), _context())


def _error(code: str, text: str, status: int = 403, skew: float = 0) -> Reply:
    return Reply(
        status,
        json.dumps({"message": text}).encode(),
        {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/", "Date": formatdate(NOW + skew, usegmt=True)},
    )


@pytest.mark.parametrize(
    "reply, code, says",
    [
        pytest.param(
            _error("AccessDeniedException", "Untrusted certificate. Insufficient certificate"),
            "aws.AccessDeniedException",
            "authority of the trust anchor",
            id="another authority",
        ),
        pytest.param(
            _error("AccessDeniedException", f"Unable to assume role for {ROLE}"),
            "aws.AccessDeniedException",
            "sts:SetSourceIdentity",
            id="trust policy",
        ),
        pytest.param(
            _error("ResourceNotFoundException", "Trust anchor not found", 404),
            "aws.ResourceNotFoundException",
            "must be enabled",
            id="no anchor",
        ),
        pytest.param(
            _error("ValidationException", "Value at 'durationSeconds' is too long", 400),
            "aws.ValidationException",
            "principal.duration",
            id="too long",
        ),
        pytest.param(
            _error("AccessDeniedException", "Role session name is not accepted"),
            "aws.AccessDeniedException",
            "principal.session_name",
            id="session name",
        ),
        pytest.param(
            _error("AccessDeniedException", "Signature expired", 403, 7200), "roles_anywhere.clock", "NTP", id="clock"
        ),
        pytest.param(Reply(403, b"\x1b[31m<html>"), "aws.status_403", "enabled", id="a proxy"),
        pytest.param(
            Reply(302, headers={"Location": "http://127.0.0.1:1"}), "aws.status_302", "enabled", id="a redirect"
        ),
        pytest.param(Reply(200, b"<html>"), "aws.answer", "proxy", id="a login page"),
        pytest.param(Reply(201, b'{"credentialSet": []}'), "aws.answer", "proxy", id="an empty answer"),
        pytest.param(
            Reply(201, json.dumps(GOOD).replace("2030-", "soon-").encode()), "aws.answer", "proxy", id="no expiry"
        ),
    ],
)
def test_refusals(tmp_path: Path, reply: Reply, code: str, says: str) -> None:
    """Each refusal is one line with the place to look at, after one request."""
    with serving(lambda _: reply) as served, pytest.raises(EksauthError) as caught:
        _obtain(_identity(tmp_path, served.url), _context())
    assert caught.value.code == code
    assert says in str(caught.value.hint)
    assert len(served.asked) == 1
    assert str(caught.value).isprintable()


def test_it_tries_again(tmp_path: Path) -> None:
    """Throttling, errors of the service and broken connections are tried again, each time with a new signature."""
    replies = [Reply(500), Reply(0)]
    pauses: list[float] = []

    def answer(asked: Asked) -> Reply:
        judge(served.url + asked.path, asked.headers, asked.body)
        return replies.pop(0) if replies else _good(asked)

    with serving(answer) as served:
        assert _obtain(_identity(tmp_path, served.url), _context(sleep=pauses.append)).session_token == "session"
    assert pauses == [1.0, 2.0]
    with serving(lambda _: Reply(429)) as served, pytest.raises(EksauthError, match="still answers 429"):
        _obtain(_identity(tmp_path, served.url), _context())
    with serving(lambda _: Reply(0)) as served, pytest.raises(AwsUnreachable):
        _obtain(_identity(tmp_path, served.url), _context())


def test_an_encrypted_key(tmp_path: Path) -> None:
    """The password comes from the environment or the person; without both the error says so, before the network."""
    leaf = make("leaf")
    write(tmp_path / "cert.pem", leaf.certificate_pem())
    write(tmp_path / "key.pem", leaf.key_pem("correct horse"))
    with serving(_good) as served:
        identity = _identity(tmp_path, served.url)
        _obtain(identity, _context(EKSAUTH_PRIVATE_KEY_PASSWORD="correct horse"))
        human = Typist("correct horse")
        _obtain(identity, _context(human=human))
        assert human.asked[0][1] is True
        with pytest.raises(NeedsHuman, match="encrypted"):
            _obtain(identity, _context())
    assert len(served.asked) == 2


def test_a_found_configuration_asks_no_host_of_its_own(tmp_path: Path) -> None:
    """A configuration that was only come across sends no signature to an endpoint that it names."""
    found = AuthConfig(path="/repo/eksauth.yaml", searched=True)
    with serving(_good) as served:
        with pytest.raises(NeedsHuman):
            _obtain(_identity(tmp_path, served.url), _context(found))
        assert served.asked == []
        _obtain(_identity(tmp_path, served.url), _context(found, Typist()))


def test_plain_http_elsewhere(tmp_path: Path) -> None:
    """Credentials are not asked for over plain http, except on this machine."""
    with pytest.raises(ConfigError, match="not an https address"):
        _obtain(_identity(tmp_path, "http://rolesanywhere.example.com"), _context())


@pytest.mark.parametrize(
    "change, says",
    [
        pytest.param({"certificate": None}, "principal.certificate is missing", id="no certificate"),
        pytest.param({"trust_anchor_arn": None}, "principal.trust_anchor_arn is missing", id="no anchor"),
        pytest.param({"assume_role": "Deploy"}, "not a role ARN", id="a name for a role"),
        pytest.param({"trust_anchor_arn": PROFILE}, "not the ARN of a trust anchor", id="a profile for an anchor"),
        pytest.param({"profile_arn": "p1"}, "not the ARN of a profile", id="an id for a profile"),
        pytest.param({"profile_arn": PROFILE.replace("eu-west-1", "eu-west-2")}, "eu-west-2", id="two regions"),
        pytest.param({"profile_arn": PROFILE.replace("eu-west-1", "")}, "and the profile in|no region", id="no region"),
        pytest.param({"duration_seconds": 60}, "900 to 43200", id="too short"),
    ],
)
def test_configurations_that_do_not_work(tmp_path: Path, change: dict, says: str) -> None:
    """What is missing or wrong is named with its place, when the chain is made."""
    with pytest.raises(ConfigError, match=says) as caught:
        identity_step(_identity(tmp_path, None, **change), AuthConfig())
    assert "eksauth.yaml:7:3" in str(caught.value)


def test_what_cached_credentials_depend_on(tmp_path: Path) -> None:
    """Another role, profile or certificate is another entry."""
    identity = _identity(tmp_path, None)
    step = identity_step(identity, AuthConfig())
    other = replace(identity, principal=replace(identity.principal, profile_arn=f"{PROFILE}x"))

    assert step.inputs({}) == (("file", str(tmp_path / "cert.pem")),)
    assert step.facts() != identity_step(other, AuthConfig()).facts()
    assert step.account == "111122223333"
