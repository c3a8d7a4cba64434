"""Roles Anywhere gives a role to whoever holds the key of a trusted certificate, and to nobody else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.sandbox.aws.roles_anywhere.seeded import SeededWorkload
from eksauth.sandbox.aws.roles_anywhere.store import TrustAnchor
from eksauth.sandbox.aws.roles_anywhere.subject import certificate_tags

DAY = timedelta(days=1)


@pytest.fixture(name="aws")
def aws_(tmp_path: Path) -> Iterator[ServedAws]:
    """Run an endpoint that the test may change."""
    with serve_aws(tmp_path / "ca.pem") as served:
        yield served


@pytest.fixture(name="shared", scope="module")
def shared_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for the tests that leave it as it is."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


def workload(aws: ServedAws) -> SeededWorkload:
    """Return what Roles Anywhere was seeded with."""
    assert aws.seed.workload is not None
    return aws.seed.workload


class Holder:
    """A certificate with its key, its chain, and the signing process as AWS documents it."""

    def __init__(self, certificate: x509.Certificate, key: Any, chain: tuple[x509.Certificate, ...] = ()) -> None:
        self.certificate, self.key, self.chain = certificate, key, chain

    @classmethod
    def from_pem(cls, certificate: str, key: str) -> Holder:
        """Return the holder of a PEM pair."""
        loaded = serialization.load_pem_private_key(key.encode(), None)
        return cls(x509.load_pem_x509_certificate(certificate.encode()), loaded)

    def headers(self, host: str, body: bytes, change: Callable[[dict[str, str]], None] | None = None) -> dict[str, str]:
        """Return the headers of a signed POST to /sessions; ``change`` alters them before they are signed."""
        date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        kind = "RSA" if isinstance(self.key, rsa.RSAPrivateKey) else "ECDSA"
        sent = {
            "content-type": "application/json",
            "host": host,
            "x-amz-date": date,
            "x-amz-x509": der(self.certificate),
        }
        if self.chain:
            sent["x-amz-x509-chain"] = ",".join(map(der, self.chain))
        if change is not None:
            change(sent)
        names = sorted(sent)
        canonical = "\n".join(
            ["POST", "/sessions", "", *(f"{one}:{sent[one]}" for one in names), "", ";".join(names), digest(body)]
        )
        scope = f"{sent['x-amz-date'][:8]}/us-west-2/rolesanywhere/aws4_request"
        text = f"AWS4-X509-{kind}-SHA256\n{sent['x-amz-date']}\n{scope}\n{digest(canonical.encode())}".encode()
        if isinstance(self.key, rsa.RSAPrivateKey):
            signature = self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = self.key.sign(text, ec.ECDSA(hashes.SHA256()))
        sent["authorization"] = (
            f"AWS4-X509-{kind}-SHA256 Credential={self.certificate.serial_number}/{scope},"
            f" SignedHeaders={';'.join(names)}, Signature={signature.hex()}"
        )
        return sent


def der(certificate: x509.Certificate) -> str:
    """Return base64 of a certificate."""
    return b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return sha256(data).hexdigest()


def ask(aws: ServedAws, holder: Holder | None = None, **body: Any) -> tuple[int, Any, str]:
    """Ask for a session; returns status, document and error type. ``change`` and ``after`` alter the headers."""
    change, after = body.pop("change", None), body.pop("after", None)
    seeded = workload(aws)
    holder = holder or Holder.from_pem(seeded.certificate, seeded.private_key)
    asked = {"profileArn": seeded.profile_arn, "roleArn": seeded.role_arn, "trustAnchorArn": seeded.trust_anchor_arn}
    raw = json.dumps({name: value for name, value in {**asked, **body}.items() if value is not None}).encode()
    headers = holder.headers(aws.url.removeprefix("https://"), raw, change)
    if after is not None:
        after(headers)
    status, got, answer = aws.send("POST", "/sessions", raw, headers)
    return status, json.loads(answer), got.get("x-amzn-errortype", "")


def denied(answer: tuple[int, Any, str], text: str) -> bool:
    """Tell whether an answer is AccessDeniedException with a text."""
    return (answer[0], answer[2]) == (403, "AccessDeniedException") and text in answer[1]["message"]


def test_a_certificate_becomes_the_role(shared: ServedAws) -> None:
    """The answer has the documented shape, and its credentials are the role's session under the serial number."""
    status, answer, _ = ask(shared)
    assert status == 201
    (one,) = answer["credentialSet"]
    serial = x509.load_pem_x509_certificate(workload(shared).certificate.encode()).serial_number
    assert one["assumedRoleUser"]["arn"].endswith(f":assumed-role/WorkloadRole/{serial:x}")
    assert one["roleArn"] == workload(shared).role_arn
    assert one["sourceIdentity"] == "CN=build.example.com"
    assert one["packedPolicySize"] > 0
    assert ":subject/" in answer["subjectArn"]
    keys = one["credentials"]
    assert keys["expiration"].endswith("Z")
    sts = shared.client(
        "sts",
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
        aws_session_token=keys["sessionToken"],
    )
    assert sts.get_caller_identity()["Arn"] == one["assumedRoleUser"]["arn"]


def test_another_name_is_not_trusted(shared: ServedAws) -> None:
    """The role's trust policy sees the certificate's subject."""
    made = shared.control("POST", "rolesanywhere/certificates", {"common_name": "other.example.com"})
    other = Holder.from_pem(made["certificate"], made["private_key"])
    assert denied(ask(shared, other), f"Unable to assume role for {workload(shared).role_arn}")


def test_revocation_and_switches(aws: ServedAws) -> None:
    """A revoked certificate, a disabled anchor and a disabled profile give nothing."""
    seeded = workload(aws)
    for arn in (seeded.trust_anchor_arn, seeded.profile_arn):
        aws.control("PUT", "rolesanywhere/enabled", {"arn": arn, "enabled": False})
        assert denied(ask(aws), "disabled")
        aws.control("PUT", "rolesanywhere/enabled", {"arn": arn, "enabled": True})
    assert ask(aws)[0] == 201
    serial = x509.load_pem_x509_certificate(seeded.certificate.encode()).serial_number
    aws.control("POST", "rolesanywhere/revoke", {"serial": str(serial)})
    assert denied(ask(aws), "revoked")


def test_profiles(aws: ServedAws) -> None:
    """The profile names the roles, limits the sessions, and decides on session names."""
    arn, role = workload(aws).profile_arn, workload(aws).role_arn
    assert denied(ask(aws, roleSessionName="build-7"), "does not accept a role session name")
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:ListClusters", "Resource": "*"}]}
    )
    aws.control("PUT", "rolesanywhere/profile", {"arn": arn, "accepts_session_name": True, "session_policy": policy})
    status, answer, _ = ask(aws, roleSessionName="build-7")
    assert status == 201
    assert answer["credentialSet"][0]["assumedRoleUser"]["arn"].endswith("/build-7")
    keys = answer["credentialSet"][0]["credentials"]
    eks = aws.client(
        "eks",
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
        aws_session_token=keys["sessionToken"],
    )
    with pytest.raises(eks.exceptions.ClientError, match="no session policy allows"):
        eks.describe_cluster(name="demo")
    assert denied(ask(aws, roleArn=role + "x"), "the profile does not have it")
    aws.control("PUT", "rolesanywhere/profile", {"arn": arn, "role_arns": [role + "x"]})
    assert denied(ask(aws, roleArn=role + "x"), "Unable to assume role")


def test_durations(shared: ServedAws) -> None:
    """A session lasts as long as asked for, within the role's limit."""
    status, answer, _ = ask(shared, durationSeconds=900)
    assert status == 201
    ends = datetime.fromisoformat(answer["credentialSet"][0]["credentials"]["expiration"])
    assert timedelta(seconds=890) < ends - datetime.now(UTC) < timedelta(seconds=901)
    assert denied(ask(shared, durationSeconds=3601), "Unable to assume role")


@pytest.mark.parametrize(
    "body, status, kind",
    [
        ({"roleArn": None}, 400, "ValidationException"),
        ({"profileArn": 7}, 400, "ValidationException"),
        ({"trustAnchorArn": "x" * 2000}, 400, "ValidationException"),
        ({"durationSeconds": 899}, 400, "ValidationException"),
        ({"durationSeconds": "3600"}, 400, "ValidationException"),
        ({"durationSeconds": True}, 400, "ValidationException"),
        ({"roleSessionName": "a b"}, 400, "ValidationException"),
        ({"roleSessionName": ["x"]}, 400, "ValidationException"),
        (
            {"trustAnchorArn": "arn:aws:rolesanywhere:us-west-2:111122223333:trust-anchor/x"},
            404,
            "ResourceNotFoundException",
        ),
        ({"profileArn": "arn:aws:rolesanywhere:us-west-2:111122223333:profile/x"}, 404, "ResourceNotFoundException"),
    ],
    ids=str,
)
def test_parameters(shared: ServedAws, body: dict[str, Any], status: int, kind: str) -> None:
    """Parameters are checked, after the signature."""
    found = ask(shared, **body)
    assert (found[0], found[2]) == (status, kind)


def other_serial(headers: dict[str, str]) -> None:
    """Name another certificate in the credential."""
    headers["authorization"] = headers["authorization"].replace("Credential=", "Credential=1")


@pytest.mark.parametrize(
    "changes, text",
    [
        pytest.param({"after": lambda sent: sent.pop("authorization")}, "exactly one signature", id="unsigned"),
        pytest.param({"after": other_serial}, "serial number", id="other-serial"),
        pytest.param(
            {"after": lambda sent: sent.update(authorization=sent["authorization"][:-2] + "00")},
            "does not match",
            id="signature-changed",
        ),
        pytest.param(
            {"after": lambda sent: sent.update({"content-type": "text/plain"})}, "does not match", id="header-changed"
        ),
        pytest.param(
            {"after": lambda sent: sent.update(authorization=sent["authorization"].replace("ECDSA", "RSA"))},
            "does not match",
            id="algorithm-changed",
        ),
        pytest.param(
            {"after": lambda sent: sent.update(authorization=sent["authorization"].replace("X509-ECDSA", "HMAC"))},
            "not of SigV4 with X.509",
            id="hmac",
        ),
        pytest.param(
            {"change": lambda sent: sent.update({"x-amz-x509": "AAAA"})}, "cannot be read", id="no-certificate"
        ),
        pytest.param({"change": lambda sent: sent.update({"x-amz-date": "20200101T000000Z"})}, "expired", id="old"),
        pytest.param({"change": lambda sent: sent.update({"x-amz-date": "20990101T000000Z"})}, "not yet", id="future"),
        pytest.param(
            {"after": lambda sent: sent.update(authorization=sent["authorization"].replace(";x-amz-x509", ""))},
            "x-amz-x509 is not signed",
            id="certificate-not-signed",
        ),
    ],
)
def test_signatures_that_are_not_good(shared: ServedAws, changes: dict[str, Any], text: str) -> None:
    """Whatever is wrong with the signature, the answer is AccessDeniedException."""
    assert denied(ask(shared, **changes), text)


def issue(
    name: str,
    issuer: Holder | None = None,
    *,
    authority: bool = False,
    key: Any = None,
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
    digital_signature: bool = True,
    path_length: int | None = None,
) -> Holder:
    """Return the holder of a new certificate, signed by ``issuer`` or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=digital_signature and not authority, key_cert_sign=authority, **usage),
            critical=True,
        )
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    return Holder(certificate, key)


NAME = "build.example.com"


def test_chains(aws: ServedAws) -> None:
    """RSA and EC keys, and intermediates that come with the request; each way in which a chain can be wrong."""
    root = issue("root", authority=True)
    anchor = aws.endpoint.cloud.roles_anywhere.anchors[workload(aws).trust_anchor_arn]
    aws.endpoint.cloud.roles_anywhere.anchors[anchor.arn] = TrustAnchor(anchor.arn, (root.certificate,))
    middle = issue("middle", root, authority=True)
    lower = issue("lower", middle, authority=True)

    def below(issuer: Holder, *chain: Holder, **more: Any) -> Holder:
        found = issue(NAME, issuer, **more)
        return Holder(found.certificate, found.key, tuple(one.certificate for one in chain))

    big = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert ask(aws, below(root, key=big))[0] == 201
    assert ask(aws, below(middle, middle))[0] == 201
    assert ask(aws, below(lower, middle, lower))[0] == 201
    untrusted = {
        "no chain": below(middle),
        "half a chain": below(lower, lower),
        "another root": below(issue("root", authority=True)),
        "its own root in the chain": below(stranger := issue("root", authority=True), stranger),
        "a leaf as issuer": below(leaf := issue("leaf", root), leaf),
        "an old intermediate": below(old := issue("m", root, authority=True, begins=-3 * DAY, ends=-DAY), old),
        "too deep": below(
            deep := issue("d", short := issue("s", root, authority=True, path_length=0), authority=True), short, deep
        ),
    }
    for what, holder in untrusted.items():
        assert denied(ask(aws, holder), "Untrusted signing certificate"), what
    assert denied(ask(aws, below(root, begins=-3 * DAY, ends=-DAY)), "expired")
    assert denied(ask(aws, below(root, begins=DAY, ends=2 * DAY)), "not yet valid")
    assert denied(ask(aws, below(root, digital_signature=False)), "Insufficient certificate")
    assert denied(ask(aws, below(root, authority=True)), "Insufficient certificate")
    assert denied(ask(aws, root), "Insufficient certificate")


def test_somebody_elses_certificate(shared: ServedAws) -> None:
    """Showing a good certificate without its key is worth nothing."""
    good = Holder.from_pem(workload(shared).certificate, workload(shared).private_key)
    thief = Holder(good.certificate, ec.generate_private_key(ec.SECP256R1()))
    assert denied(ask(shared, thief), "does not match")


def test_tags_of_a_certificate() -> None:
    """Subject and issuer become tags; repeated attributes are joined."""
    holder = issue("a b/c", issue("root", authority=True))
    assert certificate_tags(holder.certificate) == (("x509Subject/CN", "a b/c"), ("x509Issuer/CN", "root"))


def test_management_is_not_there(shared: ServedAws) -> None:
    """The API that makes trust anchors says that it is not implemented."""
    alice = shared.seed.users["alice"]
    client = shared.client(
        "rolesanywhere", aws_access_key_id=alice.access_key_id, aws_secret_access_key=alice.secret_access_key
    )
    with pytest.raises(client.exceptions.ClientError, match="NotImplemented"):
        client.list_profiles()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.binary(max_size=60),
    name=st.sampled_from(["authorization", "x-amz-x509", "x-amz-x509-chain", "x-amz-date"]),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
)
def test_fuzzed_requests(shared: ServedAws, body: bytes, name: str, value: str) -> None:
    """Odd bodies and headers are refused, never an internal failure."""
    good = Holder.from_pem(workload(shared).certificate, workload(shared).private_key)
    headers = good.headers(shared.url.removeprefix("https://"), body)
    status, _, answer = shared.send("POST", "/sessions", body, headers)
    assert status in {400, 403, 404}, answer
    status, _, answer = shared.send("POST", "/sessions", body, {**headers, name: value})
    assert status in {400, 403, 404}, answer
