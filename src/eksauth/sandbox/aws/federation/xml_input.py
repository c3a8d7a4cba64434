"""Reading XML that strangers sent: no document types, entities, comments or processing instructions, no network.

Comments are refused because canonical XML drops them: a name split by one reads differently before and after.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

_LARGEST = 512 << 10

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
NAMES = {"saml": SAML, "samlp": PROTOCOL, "md": METADATA, "ds": SIGNATURE}


def parse_xml(raw: bytes) -> Any:
    """Return the root element of a document.

    :raises ValueError: for anything that is no plain, well-formed document of moderate size.
    """
    if len(raw) > _LARGEST:
        raise ValueError("the document is too large")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise ValueError("the document is not well-formed XML") from None
    tree = root.getroottree()
    info = tree.docinfo
    if info.doctype or info.internalDTD is not None or info.externalDTD is not None:
        raise ValueError("the document has a document type")
    for node in tree.iter():
        if not isinstance(node.tag, str):
            raise ValueError("the document holds comments, processing instructions or entities")  # noqa: TRY004
    return root


def text_of(node: Any) -> str:
    """Return the text of an element without children, stripped; empty for None.

    :raises ValueError: when it has children.
    """
    if node is None:
        return ""
    if len(node):
        raise ValueError("an element that holds text has children")
    return (node.text or "").strip()
