"""SAML metadata of identity providers, as IAM stores it."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from cryptography import x509

from eksauth.sandbox.aws.federation.xml_input import METADATA, NAMES, PROTOCOL, SIGNATURE, parse_xml

_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@dataclass(frozen=True)
class IdpMetadata:
    """What STS needs to know of a provider."""

    entity_id: str
    certificates: tuple[x509.Certificate, ...]


def parse_metadata(text: str) -> IdpMetadata:
    """Read a metadata document.

    :raises ValueError: when it describes no identity provider with a signing certificate.
    """
    root = parse_xml(text.encode())
    if root.tag != f"{{{METADATA}}}EntityDescriptor" or not root.get("entityID"):
        raise ValueError("the metadata is no EntityDescriptor with an entityID")
    certificates = []
    for key in root.findall("md:IDPSSODescriptor/md:KeyDescriptor", NAMES):
        if key.get("use", "signing") == "signing":
            certificates += [_certificate(one.text) for one in key.findall(".//ds:X509Certificate", NAMES)]
    if not certificates:
        raise ValueError("the metadata has no signing certificate of an identity provider")
    return IdpMetadata(root.get("entityID"), tuple(certificates))


def write_metadata(entity_id: str, certificate: str, sign_in_url: str) -> str:
    """Return a metadata document; ``certificate`` is base64 of DER."""
    services = "".join(
        f"<md:SingleSignOnService Binding={quoteattr(binding)} Location={quoteattr(sign_in_url)}/>"
        for binding in (_REDIRECT, _POST)
    )
    return (
        f'<md:EntityDescriptor xmlns:md="{METADATA}" entityID={quoteattr(entity_id)}>'
        f'<md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{PROTOCOL}">'
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{SIGNATURE}"><ds:X509Data><ds:X509Certificate>'
        f"{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"
        f"{services}</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def _certificate(text: str | None) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(b64decode("".join((text or "").split()), validate=True))
    except (ValueError, Base64Error):
        raise ValueError("the metadata holds something that is no certificate") from None
