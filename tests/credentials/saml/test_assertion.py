"""Reading SAML responses of anybody."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.credentials.saml.responses import NOW, PROVIDER, ROLE, document, duration, encoded

from eksauth.credentials.saml.assertion import OfferedRole, as_base64, check_unverified, read_unverified
from eksauth.errors import CredentialsError

WHAT = "provider 'corp'"


def test_a_response_is_read() -> None:
    """Roles, session name, duration, audience, issuer and the earliest end are what the document says."""
    response = read_unverified(encoded(attributes=duration(7200)), WHAT)

    assert response.roles == (OfferedRole(ROLE, PROVIDER),)
    assert response.session_name == "alice@example.com"
    assert response.session_seconds == 7200
    assert response.redeem_until == NOW + 300
    assert response.issuer == "https://idp.example.com/metadata"
    assert response.audiences == ("https://signin.aws.amazon.com/saml",)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"{ROLE},{PROVIDER}", id="role first"),
        pytest.param(f"{PROVIDER},{ROLE}", id="provider first"),
        pytest.param(f"\n   {ROLE} ,\t{PROVIDER}\n", id="with blanks"),
        pytest.param(f"{ROLE[:20]}<!-- a comment -->{ROLE[20:]},{PROVIDER}", id="with a comment"),
        pytest.param(f"<![CDATA[{ROLE},{PROVIDER}]]>", id="as CDATA"),
    ],
)
def test_how_roles_are_written(value: str) -> None:
    """The pair is understood in each form that identity providers send."""
    assert read_unverified(encoded(value), WHAT).roles == (OfferedRole(ROLE, PROVIDER),)


@pytest.mark.parametrize("value", ["", ROLE, f"{ROLE},{ROLE}", f"{ROLE},{PROVIDER},x", "nonsense"])
def test_values_that_are_no_pair(value: str) -> None:
    """Other values offer nothing and spoil nothing."""
    assert read_unverified(encoded(value, f"{ROLE},{PROVIDER}"), WHAT).roles == (OfferedRole(ROLE, PROVIDER),)


@pytest.mark.parametrize("seconds", ["", "soon", "-5", "3600.5", "9" * 30])
def test_durations_that_are_none(seconds: str) -> None:
    """A duration that is no number counts as none."""
    assert read_unverified(encoded(attributes=duration(seconds)), WHAT).session_seconds is None


BOMB = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    "text, code",
    [
        pytest.param(document(prefix="<!DOCTYPE x>"), "saml.hostile", id="a document type"),
        pytest.param(
            document("&l9;", prefix=f'<!DOCTYPE x [<!ENTITY l0 "lol">{BOMB}]>'),
            "saml.hostile",
            id="a thousand million laughs",
        ),
        pytest.param(
            document("&f;", prefix='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
            "saml.hostile",
            id="a file",
        ),
        pytest.param(
            document(prefix='<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">'), "saml.hostile", id="a DTD from elsewhere"
        ),
        pytest.param("<a>" * 200 + "</a>" * 200, "saml.hostile", id="deeply nested"),
        pytest.param(document()[:-9], "saml.not_a_response", id="cut"),
        pytest.param("<html>sign in</html>", "saml.not_a_response", id="a web page"),
        pytest.param('<Response xmlns="urn:other"/>', "saml.not_a_response", id="another namespace"),
        pytest.param(
            '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>',
            "saml.not_a_response",
            id="half of it",
        ),
        pytest.param('<?xml version="1.0" encoding="no-such"?><a/>', "saml.not_a_response", id="an unknown encoding"),
        pytest.param("&#0;", "saml.not_a_response", id="no element"),
    ],
)
def test_documents_that_are_refused(text: str, code: str) -> None:
    """Entities, document types, endless nesting and other documents are refused, each in one line."""
    with pytest.raises(CredentialsError) as caught:
        read_unverified(base64.b64encode(text.encode()).decode(), WHAT)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(document().encode(), id="a document"),
        pytest.param(b"\n\n " + document().encode(), id="after blanks"),
        pytest.param(b"\xef\xbb\xbf" + document().encode(), id="with a byte-order mark"),
        pytest.param(encoded().encode(), id="base64"),
        pytest.param(base64.encodebytes(document().encode()), id="base64 in lines"),
    ],
)
def test_forms_of_a_response(data: bytes) -> None:
    """The document and its base64 form become what STS takes."""
    assert base64.b64decode(as_base64(data, WHAT)).decode() == document()


@pytest.mark.parametrize(
    "data, code",
    [
        pytest.param(b"", "saml.not_a_response", id="empty"),
        pytest.param(b"hunter2!", "saml.not_a_response", id="a password"),
        pytest.param(b"\xff\xfe", "saml.not_a_response", id="no text"),
        pytest.param(b"<" + b"x" * 90_000, "saml.too_long", id="a huge document"),
        pytest.param(b"QUJD" * 30_000, "saml.too_long", id="huge base64"),
    ],
)
def test_data_that_is_no_response(data: bytes, code: str) -> None:
    """Anything else is refused, and is not repeated."""
    with pytest.raises(CredentialsError) as caught:
        as_base64(data, WHAT)
    assert caught.value.code == code
    assert "hunter2" not in str(caught.value)


def test_failed_and_old_sign_ins() -> None:
    """A response of a failed sign-in or of minutes ago is refused before the network."""
    failed = encoded(status="urn:oasis:names:tc:SAML:2.0:status:Requester")
    with pytest.raises(CredentialsError, match="says Requester") as caught:
        check_unverified(failed, what=WHAT, now=NOW)
    assert caught.value.code == "saml.refused"

    check_unverified(encoded(ends=NOW - 30), what=WHAT, now=NOW)
    with pytest.raises(CredentialsError, match="has expired"):
        check_unverified(encoded(ends=NOW - 90), what=WHAT, now=NOW)


def test_an_encrypted_assertion_is_noticed() -> None:
    """Encryption is told apart from a response without roles."""
    text = (
        '<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion">'
        '<p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>'
        "<a:EncryptedAssertion/></p:Response>"
    )
    response = check_unverified(base64.b64encode(text.encode()).decode(), what=WHAT, now=NOW)

    assert response.encrypted
    assert response.roles == ()


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever a browser posts is read or refused."""
    for each in (data, base64.b64encode(data), b"<" + data):
        with contextlib.suppress(CredentialsError):
            read_unverified(as_base64(each, WHAT), WHAT)
