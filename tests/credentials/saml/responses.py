"""SAML responses without a signature: what reads them here never checks one."""

from __future__ import annotations

import base64
import time

NOW = 1_900_000_000.0
ROLE = "arn:aws:iam::111122223333:role/Admin"
PROVIDER = "arn:aws:iam::111122223333:saml-provider/Corp"


def at(seconds: float) -> str:
    """Return a time as SAML writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def document(
    *roles: str,
    attributes: str = "",
    status: str = "urn:oasis:names:tc:SAML:2.0:status:Success",
    ends: float = NOW + 300,
    prefix: str = "",
) -> str:
    """Return a response that offers ``roles``, attribute values as they stand."""
    offered = roles or (f"{ROLE},{PROVIDER}",)
    values = "".join([f"<saml:AttributeValue>{each}</saml:AttributeValue>" for each in offered])
    return f"""{prefix}<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
 xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0">
 <saml:Issuer>https://idp.example.com/metadata</saml:Issuer>
 <samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>
 <saml:Assertion ID="_2" Version="2.0"><saml:Issuer>https://idp.example.com/metadata</saml:Issuer>
  <saml:Subject><saml:NameID>alice</saml:NameID><saml:SubjectConfirmation>
   <saml:SubjectConfirmationData NotOnOrAfter="{at(ends)}" Recipient="https://signin.aws.amazon.com/saml"/>
  </saml:SubjectConfirmation></saml:Subject>
  <saml:Conditions NotOnOrAfter="{at(ends + 60)}"><saml:AudienceRestriction>
   <saml:Audience>https://signin.aws.amazon.com/saml</saml:Audience></saml:AudienceRestriction></saml:Conditions>
  <saml:AttributeStatement>
   <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">{values}</saml:Attribute>
   <saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName">
    <saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute>{attributes}
  </saml:AttributeStatement></saml:Assertion></samlp:Response>"""


def encoded(*roles: str, **more: object) -> str:
    """Return the same in base64."""
    return base64.b64encode(document(*roles, **more).encode()).decode()  # type: ignore[arg-type]


def duration(seconds: object) -> str:
    """Return the attribute SessionDuration."""
    return (
        '<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/SessionDuration">'
        f"<saml:AttributeValue>{seconds}</saml:AttributeValue></saml:Attribute>"
    )
