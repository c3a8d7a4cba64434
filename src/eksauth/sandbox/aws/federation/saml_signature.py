"""Which part of a SAML response is signed by its provider: nothing else in it is ever looked at.

That is the defence against wrapping: the assertion is taken from what the signature covers, canonicalised and parsed
anew, not from where it stands in the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from eksauth.sandbox.aws.federation.xml_input import NAMES, PROTOCOL, SAML

_METHODS = frozenset(
    [
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    ]
)
_DIGESTS = frozenset([DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512])
_PLACES = (("./", f"{{{PROTOCOL}}}Response"), (f"./{{{SAML}}}Assertion/", f"{{{SAML}}}Assertion"))


def signed_assertion(response: Any, certificates: Sequence[x509.Certificate], *, now: float) -> Any:
    """Return the one assertion of a response, as signed by one of ``certificates``.

    The response or the assertion carries the signature; when both do, both must be good.

    :raises ValueError: when there is no signature, or one that is not good.
    """
    if len(response.findall(f".//{{{SAML}}}Assertion")) != 1 or response.find("saml:Assertion", NAMES) is None:
        raise ValueError("a response has exactly one assertion, right inside it")
    if response.findall(f".//{{{SAML}}}EncryptedAssertion"):
        raise ValueError("encrypted assertions are not supported")
    present = [place for place in _PLACES if response.find(place[0] + "ds:Signature", NAMES) is not None]
    if not present or len(response.findall(".//ds:Signature", NAMES)) != len(present):
        raise ValueError("a response is signed as a whole, or its assertion is")
    signed = [_verified(response, place, tag, certificates, now=now) for place, tag in present]
    found = signed[-1]
    return found if found.tag == f"{{{SAML}}}Assertion" else found.find("saml:Assertion", NAMES)


def _verified(response: Any, place: str, tag: str, certificates: Sequence[x509.Certificate], *, now: float) -> Any:
    settings = SignatureConfiguration(
        require_x509=True,
        location=place,
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=datetime.fromtimestamp(now, UTC),
    )
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(
                response, x509_cert=certificate, id_attribute="ID", expect_config=settings, validate_schema=True
            )
        except Exception:  # noqa: BLE001, S112  hostile XML makes the library raise almost anything
            continue
        signed = getattr(result, "signed_xml", None)
        # the signature must be about the element that it stands in
        if signed is not None and signed.tag == tag:
            return signed
    raise ValueError("no certificate of the provider verifies the signature")
