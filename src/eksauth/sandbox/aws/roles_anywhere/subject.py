"""What a certificate says about its holder, as session tags and source identity; pure.

https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html (attribute mapping)
"""

from __future__ import annotations

import unicodedata

from cryptography import x509
from cryptography.x509.oid import NameOID

_MOST = 50
_PUNCTUATION = frozenset("_.:/=+-@")


def certificate_tags(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    """Return the session tags of a certificate, such as ``x509Subject/CN``; values of one kind joined by slashes."""
    found: dict[str, list[str]] = {}
    for prefix, name in (("x509Subject", certificate.subject), ("x509Issuer", certificate.issuer)):
        for attribute in name:
            if isinstance(attribute.value, str):
                found.setdefault(f"{prefix}/{attribute.rfc4514_attribute_name}", []).append(attribute.value)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = None
    if names is not None:
        # only the first name of each kind counts
        for kind, label in ((x509.DNSName, "DNS"), (x509.UniformResourceIdentifier, "URI")):
            for value in names.get_values_for_type(kind)[:1]:
                found[f"x509SAN/{label}"] = [str(value)]
    tags = ((key, _allowed("/".join(values))[:256]) for key, values in found.items())
    return tuple(pair for pair in tags if len(pair[0]) <= 128)[:_MOST]


def source_identity(certificate: x509.Certificate) -> str:
    """Return the source identity: the common name, or empty when there is none of the right shape."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = f"CN={names[0].value}" if names and isinstance(names[0].value, str) else ""
    allowed = "".join(letter for letter in text if letter.isascii() and (letter.isalnum() or letter in "_+=,.@-"))
    return allowed[:64]


def _allowed(text: str) -> str:
    return "".join(one for one in text if unicodedata.category(one)[0] in "LZN" or one in _PUNCTUATION)
