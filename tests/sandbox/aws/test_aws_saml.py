"""AssumeRoleWithSAML takes what the provider signed, all of its rules met, and nothing else."""

from __future__ import annotations

import json
import re
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.sandbox.aws.federation.saml_idp import SamlIdp
from eksauth.sandbox.aws.federation.saml_metadata import parse_metadata
from eksauth.sandbox.aws.federation.seeded import SeededSaml
from eksauth.sandbox.aws.federation.xml_input import NAMES, SAML
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT

INVALID, DENIED, EXPIRED = "InvalidIdentityToken", "AccessDenied", "ExpiredTokenException"
REFUSED = (DENIED, "Not authorized to perform sts:AssumeRoleWithSAML", 403)
BAD_SIGNATURE = (INVALID, "Response signature invalid", 400)
BAD_RESPONSE = (INVALID, "Invalid SAML response", 400)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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


def saml(aws: ServedAws) -> SeededSaml:
    """Return what the SAML side was seeded with."""
    assert aws.seed.federation is not None
    return aws.seed.federation.saml


def response(aws: ServedAws, **changes: Any) -> str:
    """Return a response that the provider signed."""
    answer = aws.control("POST", "saml/responses", {"user_name": saml(aws).user_name, "changes": changes})
    return str(answer["response"])


def assume(aws: ServedAws, text: str, role: str | None = None, provider: str | None = None, **more: Any) -> Any:
    """Ask STS as botocore does, without any credentials."""
    return aws.client("sts").assume_role_with_saml(
        RoleArn=role or saml(aws).role_arns[0],
        PrincipalArn=provider or saml(aws).provider_arn,
        SAMLAssertion=text,
        **more,
    )


def refusal(aws: ServedAws, text: str, *args: Any, **more: Any) -> tuple[str, str, int]:
    """Return code, message and status of a refusal."""
    with pytest.raises(ClientError) as caught:
        assume(aws, text, *args, **more)
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    return error["Code"], error["Message"], meta["HTTPStatusCode"]


def test_a_response_becomes_the_role(aws: ServedAws) -> None:
    """The answer says what the assertion said, and its credentials are the role's session."""
    answer = assume(aws, response(aws))
    assert answer["Subject"] == "erin@example.com"
    assert answer["SubjectType"] == "persistent"
    assert answer["Issuer"] == saml(aws).entity_id
    assert answer["Audience"] == "https://signin.aws.amazon.com/saml"
    assert len(b64decode(answer["NameQualifier"])) == 20
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/SamlAdmin/erin@example.com"
    keys = answer["Credentials"]
    sts = aws.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert sts.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert assume(aws, response(aws), saml(aws).role_arns[1])["AssumedRoleUser"]["Arn"].split("/")[1] == "SamlReader"


def test_whole_responses_may_be_signed_instead(aws: ServedAws) -> None:
    """A signature around the whole response is as good as one around the assertion."""
    idp = aws.endpoint.cloud.federation.idp
    plain = unsigned(response(aws))
    assume(aws, idp.signed(plain, whole=True))
    both = etree.fromstring(b64decode(idp.signed(plain)))
    assume(aws, idp.signed(both, whole=True))


def test_role_attribute_order_and_spacing(aws: ServedAws) -> None:
    """Role and provider may come in either order, with blanks."""
    role, provider = saml(aws).role_arns[0], saml(aws).provider_arn
    for value in (f"{provider},{role}", f" {role} , {provider} "):
        assume(aws, response(aws, attributes={"Role": ["broken", value]}))


@pytest.mark.parametrize(
    "changes, code, text",
    [
        ({"issued_at": -301}, EXPIRED, "Token must be redeemed within 5 minutes of issuance"),
        ({"issued_at": -60, "seconds": 30}, EXPIRED, "expired"),
        ({"issued_at": 3600}, INVALID, "issued in the future"),
        ({"session_end": -10}, EXPIRED, "expired"),
        ({"recipient": "https://evil.example/saml"}, INVALID, "no bearer confirmation"),
        ({"recipient": "https://signin.aws.amazon.com.evil.example/saml"}, INVALID, "no bearer confirmation"),
        ({"recipient": "https://signin.aws.amazon.com/samlx"}, INVALID, "no bearer confirmation"),
        ({"audience": "urn:example"}, INVALID, "Response does not contain the required audience."),
        ({"issuer": "https://other.example/"}, INVALID, "Issuer not present in specified provider"),
        ({"status": "urn:oasis:names:tc:SAML:2.0:status:Responder"}, INVALID, "not a successful one"),
        ({"attributes": {"RoleSessionName": None}}, INVALID, "RoleSessionName is required in AuthnResponse"),
        ({"attributes": {"RoleSessionName": ["a", "b"]}}, INVALID, "RoleSessionName is required in AuthnResponse"),
        ({"attributes": {"RoleSessionName": ["a b"]}}, INVALID, "RoleSessionName in AuthnResponse must match"),
        ({"attributes": {"RoleSessionName": ["x" * 65]}}, INVALID, "RoleSessionName in AuthnResponse must match"),
        ({"attributes": {"SourceIdentity": ["a b"]}}, INVALID, "Source Identity must match"),
        ({"attributes": {"SessionDuration": ["899"]}}, INVALID, "SessionDuration"),
        ({"attributes": {"SessionDuration": ["abc"]}}, INVALID, "SessionDuration"),
        ({"attributes": {"SessionDuration": ["\u00b2"]}}, INVALID, "SessionDuration"),
        ({"attributes": {"PrincipalTag:a": ["b", "c"]}}, INVALID, "Invalid SAML assertion"),
        ({"attributes": {"PrincipalTag:aws:x": ["b"]}}, "InvalidParameterValue", "aws: prefixed"),
        ({"attributes": {"TransitiveTagKeys": ["a"]}}, "InvalidParameterValue", "must be included"),
        ({"attributes": {"Role": None}}, DENIED, "Not authorized to perform sts:AssumeRoleWithSAML"),
        ({"attributes": {"Role": ["nothing"]}}, DENIED, "Not authorized to perform sts:AssumeRoleWithSAML"),
        ({"recipient": "https://us-east-2.signin.aws.amazon.com/saml"}, DENIED, "Not authorized"),
    ],
    ids=str,
)
def test_assertions_that_are_not_good(aws: ServedAws, changes: dict[str, Any], code: str, text: str) -> None:
    """Each rule for assertions is checked, with AWS's own words where they are known; times are relative to now."""
    at = {name: time.time() + value for name, value in changes.items() if name in {"issued_at", "session_end"}}
    found = refusal(aws, response(aws, **{**changes, **at}))
    assert found[0] == code
    assert text in found[1]


def test_who_may_be_asked_for(aws: ServedAws) -> None:
    """Only pairs that the assertion names, of roles and providers that exist, of one account."""
    text, provider = response(aws), saml(aws).provider_arn
    assert refusal(aws, text, f"arn:aws:iam::{ACCOUNT}:role/EksAdmin") == REFUSED
    for missing in (f"{provider}x", provider.replace(ACCOUNT, OTHER_ACCOUNT), "arn:aws:iam::nothing-here-at-all"):
        assert refusal(aws, text, provider=missing) == (INVALID, "Specified provider doesn't exist", 400)
    pair = f"arn:aws:iam::{ACCOUNT}:role/EksAdmin,{provider}"
    untrusting = response(aws, attributes={"Role": [pair]})
    assert refusal(aws, untrusting, f"arn:aws:iam::{ACCOUNT}:role/EksAdmin") == REFUSED


def test_durations(aws: ServedAws) -> None:
    """The role's limit counts, and a session ends with the provider's own at the latest."""
    assume(aws, response(aws), DurationSeconds=43200)
    assert "MaxSessionDuration" in refusal(aws, response(aws), saml(aws).role_arns[1], DurationSeconds=3601)[1]
    answer = assume(aws, response(aws, session_end=time.time() + 1000), DurationSeconds=7200)
    assert 900 < answer["Credentials"]["Expiration"].timestamp() - time.time() < 1001


def test_tags_and_source_identity(own: ServedAws) -> None:
    """Tags need sts:TagSession and a source identity sts:SetSourceIdentity in the trust policy."""
    tagged = {"PrincipalTag:team": ["shop"], "TransitiveTagKeys": ["team"]}
    answer = assume(own, response(own, attributes=tagged))
    assert answer["PackedPolicySize"] > 0
    sourced = response(own, attributes={"SourceIdentity": ["erin"]})
    assert refusal(own, sourced)[1] == "Not authorized to perform sts:SetSourceIdentity"


def test_new_metadata_counts_at_once(own: ServedAws) -> None:
    """When IAM gets another provider's metadata, responses of the old one are no longer good; bad metadata is refused."""
    alice = own.seed.users["alice"]
    keys = {"aws_access_key_id": alice.access_key_id, "aws_secret_access_key": alice.secret_access_key}
    found = own.client("sts", **keys).assume_role(RoleArn=own.seed.roles["EksAdmin"].arn, RoleSessionName="admin")
    iam = own.client(
        "iam",
        aws_access_key_id=found["Credentials"]["AccessKeyId"],
        aws_secret_access_key=found["Credentials"]["SecretAccessKey"],
        aws_session_token=found["Credentials"]["SessionToken"],
    )
    text = response(own)
    assume(own, text)
    with pytest.raises(ClientError, match="InvalidInput"):
        iam.update_saml_provider(SAMLProviderArn=saml(own).provider_arn, SAMLMetadataDocument="<x/>" * 300)
    iam.update_saml_provider(
        SAMLProviderArn=saml(own).provider_arn, SAMLMetadataDocument=SamlIdp().metadata() + " " * 9
    )
    assert refusal(own, text) == BAD_SIGNATURE


def unsigned(text: str) -> Any:
    """Return the document of a response without its signatures."""
    root = etree.fromstring(b64decode(text))
    for node in root.findall(".//ds:Signature", NAMES):
        node.getparent().remove(node)
    return root


def encoded(root: Any) -> str:
    """Return a document as a response."""
    return b64encode(etree.tostring(root)).decode()


def evil(assertion: Any) -> Any:
    """Return a copy of an assertion for another person, without a signature."""
    copy = etree.fromstring(etree.tostring(assertion))
    for node in copy.findall("ds:Signature", NAMES):
        copy.remove(node)
    copy.find("saml:Subject/saml:NameID", NAMES).text = "root@example.com"
    copy.set("ID", "_evil")
    return copy


def wrapped(text: str, kind: str) -> str:
    """Return a response with an assertion of the attacker's, and the signed one kept somewhere."""
    root = etree.fromstring(b64decode(text))
    good = root.find("saml:Assertion", NAMES)
    signature = good.find("ds:Signature", NAMES)
    bad = evil(good)
    if kind == "before":
        good.addprevious(bad)
    elif kind == "after":
        good.addnext(bad)
    elif kind == "same-id":
        bad.set("ID", good.get("ID"))
        good.addprevious(bad)
    elif kind == "inside-evil":
        root.replace(good, bad)
        bad.append(good)
    elif kind == "signature-moved":
        root.replace(good, bad)
        good.remove(signature)
        bad.insert(1, signature)
        etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object").append(good)
    elif kind == "in-extensions":
        root.replace(good, bad)
        holder = etree.SubElement(root, "{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
        holder.append(good)
    elif kind == "response-in-response":
        outer = etree.fromstring(etree.tostring(root))
        outer.replace(outer.find("saml:Assertion", NAMES), bad)
        outer.append(root)
        root = outer
    elif kind == "other-namespace":
        root.replace(good, bad)
        good.tag = "{urn:x}Assertion"
        root.append(good)
    return encoded(root)


WRAPPINGS = (
    "before",
    "after",
    "same-id",
    "inside-evil",
    "signature-moved",
    "in-extensions",
    "response-in-response",
    "other-namespace",
)


@pytest.mark.parametrize("kind", WRAPPINGS)
def test_signature_wrapping(aws: ServedAws, kind: str) -> None:
    """No arrangement of a signed assertion next to another lets the other one through."""
    assert refusal(aws, wrapped(response(aws), kind)) == BAD_SIGNATURE


def changed(text: str, change: Callable[[bytes], bytes]) -> str:
    """Return a response with its bytes changed."""
    return b64encode(change(b64decode(text))).decode()


def attack(aws: ServedAws, kind: str) -> str:
    """Return a response that an attacker made from a good one."""
    text = response(aws)
    makers: dict[str, Callable[[], str]] = {
        "unsigned": lambda: encoded(unsigned(text)),
        "own-key": lambda: SamlIdp().signed(unsigned(text)),
        "own-key-whole": lambda: SamlIdp().signed(unsigned(text), whole=True),
        "name-changed": lambda: changed(text, lambda raw: raw.replace(b">erin@example.com<", b">root@example.com<")),
        "role-changed": lambda: changed(text, lambda raw: raw.replace(b"SamlAdmin", b"EksAdmins")),
        "sha1": lambda: changed(
            text, lambda raw: raw.replace(b"2001/04/xmldsig-more#rsa-sha256", b"2000/09/xmldsig#rsa-sha1")
        ),
        "hmac": lambda: changed(text, lambda raw: raw.replace(b"xmldsig-more#rsa-sha256", b"xmldsig-more#hmac-sha256")),
        "reference-empty": lambda: changed(text, lambda raw: re.sub(rb'URI="#[^"]*"', b'URI=""', raw)),
        "reference-elsewhere": lambda: changed(
            text, lambda raw: re.sub(rb'URI="#[^"]*"', b'URI="file:///etc/passwd"', raw)
        ),
        "signature-cut": lambda: changed(text, lambda raw: re.sub(rb"(<ds:SignatureValue>)[^<]*", rb"\1", raw)),
        "encrypted": lambda: changed(text, lambda raw: raw.replace(b"saml:Assertion", b"saml:EncryptedAssertion")),
        "no-assertion": lambda: encoded(_without_assertion(text)),
    }
    return makers[kind]()


def _without_assertion(text: str) -> Any:
    root = etree.fromstring(b64decode(text))
    root.remove(root.find(f"{{{SAML}}}Assertion"))
    return root


@pytest.mark.parametrize(
    "kind",
    [
        "unsigned",
        "own-key",
        "own-key-whole",
        "name-changed",
        "role-changed",
        "sha1",
        "hmac",
        "reference-empty",
        "reference-elsewhere",
        "signature-cut",
        "encrypted",
        "no-assertion",
    ],
)
def test_forged_signatures(aws: ServedAws, kind: str) -> None:
    """Whatever the provider did not sign with its own key is refused."""
    assert refusal(aws, attack(aws, kind)) == BAD_SIGNATURE


def with_prolog(text: str, prolog: bytes, reference: bytes = b"") -> str:
    """Return a response behind a prolog, its name replaced by a reference."""
    return changed(text, lambda raw: prolog + raw.replace(b"erin@example.com<", reference + b"<", 1))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(
            lambda text: with_prolog(text, b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b"&x;"), id="xxe"
        ),
        pytest.param(
            lambda text: with_prolog(
                text, b'<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>', b"&c;"
            ),
            id="billion-laughs",
        ),
        pytest.param(lambda text: with_prolog(text, b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd">'), id="dtd"),
        pytest.param(lambda text: changed(text, lambda raw: raw.replace(b"erin@", b"er<!-- -->in@")), id="comment"),
        pytest.param(lambda text: changed(text, lambda raw: raw.replace(b"erin@", b"er<?x?>in@")), id="instruction"),
        pytest.param(lambda text: changed(text, lambda raw: b"<a>" * 5000 + raw), id="deep"),
        pytest.param(lambda text: changed(text, lambda raw: raw[:-9]), id="cut"),
        pytest.param(lambda _: b64encode(b"<a/>").decode(), id="another-document"),
        pytest.param(lambda _: b64encode(b"not xml").decode(), id="not-xml"),
        pytest.param(lambda _: b64encode(b"\xff\xfe<\x00").decode(), id="utf-16"),
        pytest.param(
            lambda text: changed(text, lambda raw: raw.replace(b'Version="2.0"', b'Version="1.1"', 1)), id="1.1"
        ),
    ],
)
def test_documents_that_are_not_read(aws: ServedAws, spoil: Callable[[str], str]) -> None:
    """Document types, entities, comments and broken documents are refused before any signature is looked at."""
    assert refusal(aws, spoil(response(aws))) == BAD_RESPONSE


def test_comments_never_reach_a_name(aws: ServedAws) -> None:
    """A signed name with a comment in it, which canonical XML drops, is refused and not cut at the comment."""
    idp = aws.endpoint.cloud.federation.idp
    root = unsigned(response(aws, name_id="erin@example.com.evil.example"))
    text = changed(idp.signed(root), lambda raw: raw.replace(b".evil.example<", b"<!---->.evil.example<"))
    assert refusal(aws, text) == BAD_RESPONSE


def test_encodings(aws: ServedAws) -> None:
    """Line breaks in the base64 are fine; other alphabets, other text and huge input are not."""
    text = response(aws)
    assume(aws, "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76)))
    for bad in ("%%%%", text[:-1] + "!", "====", "\u00e9" * 8):
        assert refusal(aws, bad) == (INVALID, "Invalid base64 SAMLResponse", 400)
    form = {"Action": "AssumeRoleWithSAML", "RoleArn": saml(aws).role_arns[0], "PrincipalArn": saml(aws).provider_arn}
    status, _, body = aws.send("POST", "/", urlencode({**form, "SAMLAssertion": "A" * 100001}).encode(), FORM)
    assert status == 400
    assert b"less than or equal to 100000" in body
    assert b"AAAA" not in body


def fields(page: bytes) -> dict[str, str]:
    """Return the hidden fields of a page."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.decode())
    return {name: unescape(value) for name, value in found}


def action(page: bytes) -> str:
    """Return where the form of a page goes."""
    found = re.search(r'<form method="post" action="([^"]+)"', page.decode())
    assert found is not None
    return unescape(found[1])


def sign_in(aws: ServedAws, query: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Sign in as a browser would; returns where the response goes and what is posted there."""
    status, headers, form = aws.send("GET", f"{saml(aws).sign_in_path}?{urlencode(query)}")
    assert status == 200, form
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    given = {**fields(form), "user_name": saml(aws).user_name, "password": saml(aws).password}
    status, headers, page = aws.send("POST", action(form), urlencode(given).encode(), FORM)
    assert status == 200
    assert saml(aws).password.encode() not in page
    return action(page), fields(page)


def authn_request(target: str = "http://127.0.0.1:5000/saml", request_id: str = "_r1") -> bytes:
    """Return an AuthnRequest."""
    return (
        f'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="{request_id}" Version="2.0"'
        f' AssertionConsumerServiceURL="{target}"/>'
    ).encode()


def deflated(raw: bytes) -> str:
    """Encode for the HTTP-Redirect binding."""
    return b64encode(zlib.compress(raw)[2:-4]).decode()


def test_sign_in_that_begins_at_the_provider(aws: ServedAws) -> None:
    """The response goes to AWS unless a page on this machine is named, directly or as RelayState."""
    target, posted = sign_in(aws, {})
    assert target == "https://signin.aws.amazon.com/saml"
    assume(aws, posted["SAMLResponse"])
    target, posted = sign_in(aws, {"RelayState": "http://127.0.0.1:5000/saml?x=1&y=2"})
    assert target == posted["RelayState"] == "http://127.0.0.1:5000/saml?x=1&y=2"
    target, posted = sign_in(aws, {"RelayState": "state", "acs": "http://localhost:5000/saml"})
    assert (target, posted["RelayState"]) == ("http://localhost:5000/saml", "state")


def test_sign_in_that_begins_at_a_service(aws: ServedAws) -> None:
    """An AuthnRequest in either binding says where the response goes, and is named in it."""
    target, posted = sign_in(aws, {"SAMLRequest": deflated(authn_request()), "RelayState": "s"})
    assert target == "http://127.0.0.1:5000/saml"
    assert b'InResponseTo="_r1"' in b64decode(posted["SAMLResponse"])
    assume(aws, posted["SAMLResponse"])
    body = urlencode({"SAMLRequest": b64encode(authn_request()).decode()}).encode()
    status, _, page = aws.send("POST", saml(aws).sign_in_path, body, FORM)
    assert status == 200
    assert fields(page)["SAMLRequest"] == b64encode(authn_request()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {"acs": "https://evil.example/"},
        {"acs": "http://127.0.0.1.evil.example/"},
        {"acs": "http://127.0.0.1@evil.example/"},
        {"acs": "javascript:alert(1)//127.0.0.1"},
        {"acs": "http://127.0.0.1:99999/"},
        {"acs": "http://x;script-src *@127.0.0.1:1/"},
        {"acs": "http://user:pass@127.0.0.1:1/"},
        {"acs": "http://127.0.0.1:1\\@evil.example/"},
        {"acs": "http://127.0.0.1:1/\r\nSet-Cookie: a=b"},
        {"SAMLRequest": deflated(authn_request("https://evil.example/"))},
        {"SAMLRequest": deflated(authn_request(request_id="1 2"))},
        {"SAMLRequest": deflated(b"<a/>")},
        {"SAMLRequest": deflated(b"<!DOCTYPE a []>" + authn_request())},
        {"SAMLRequest": deflated(b"<a>" + b" " * 10_000_000)},
        {"SAMLRequest": "@@@"},
        {"SAMLRequest": b64encode(b"never deflated").decode()},
        {"RelayState": "x" * 3000},
    ],
    ids=range(17),
)
def test_sign_ins_that_do_not_start(aws: ServedAws, query: dict[str, str]) -> None:
    """Requests that would send a response elsewhere, and broken ones, end on a page that says so."""
    status, headers, page = aws.send("GET", f"{saml(aws).sign_in_path}?{urlencode(query)}")
    assert status == 400
    assert headers["content-type"].startswith("text/html")
    assert b"<form" not in page


def test_wrong_password(aws: ServedAws) -> None:
    """A wrong name or password shows the form again, and nothing of the password."""
    for name, password in ((saml(aws).user_name, "wrong-password"), ("nobody", saml(aws).password), ("<b>", "\u00e9")):
        body = urlencode({"user_name": name, "password": password, "RelayState": "keep"}).encode()
        status, _, page = aws.send("POST", saml(aws).sign_in_path, body, FORM)
        assert status == 401
        assert fields(page)["RelayState"] == "keep"
        assert password.encode() not in page
        assert b"<b>" not in page


def test_metadata(aws: ServedAws) -> None:
    """The provider's document names itself, its page and the certificate that verifies its responses."""
    status, _, raw = aws.send("GET", "/saml/idp/metadata")
    assert status == 200
    found = parse_metadata(raw.decode())
    assert found.entity_id == saml(aws).entity_id
    assert list(found.certificates) == [aws.endpoint.cloud.federation.idp.certificate]
    assert f"{aws.url}/saml/idp".encode() in raw
    assert aws.send("POST", "/saml/idp/metadata", b"")[0] == 405
    assert aws.send("GET", "/saml/nothing")[0] == 404


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_fuzzed_responses(aws: ServedAws, data: st.DataObject) -> None:
    """A good response with bytes changed anywhere is refused or unchanged in meaning, never an internal failure."""
    raw = bytearray(b64decode(response(aws)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    form = {"Action": "AssumeRoleWithSAML", "RoleArn": saml(aws).role_arns[0], "PrincipalArn": saml(aws).provider_arn}
    body = urlencode({**form, "SAMLAssertion": b64encode(bytes(raw)).decode()}).encode()
    status, _, answer = aws.send("POST", "/", body, {**FORM, "Accept": "application/json"})
    assert status in {200, 400, 403}, answer
    if status == 200:
        assert (
            json.loads(answer)["AssumeRoleWithSAMLResponse"]["AssumeRoleWithSAMLResult"]["Subject"] == saml(aws).email
        )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=st.dictionaries(st.sampled_from(["SAMLRequest", "RelayState", "acs", "user_name", "password"]), st.text()))
def test_fuzzed_sign_in(aws: ServedAws, query: dict[str, str]) -> None:
    """Whatever is asked of the sign-in page, it answers with a page or a refusal."""
    text = urlencode(query, errors="surrogatepass")
    for status, _, body in (
        aws.send("GET", f"/saml/idp?{text}"),
        aws.send("POST", "/saml/idp", text.encode(), FORM),
    ):
        assert status in {200, 400, 401}, body
