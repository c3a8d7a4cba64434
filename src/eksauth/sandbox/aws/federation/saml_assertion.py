"""What a verified assertion says, and the rules that it has to meet for AWS; pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass
from time import strptime
from typing import Any

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.json_web_token import invalid_token
from eksauth.sandbox.aws.federation.token_claims import checked_source_identity
from eksauth.sandbox.aws.federation.xml_input import NAMES, text_of

ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
AUDIENCE = "urn:amazon:webservices"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_ENDPOINT = re.compile(
    r"https://(?:[a-z0-9-]+\.)?(?:signin\.aws\.amazon\.com|signin\.amazonaws\.cn|signin\.amazonaws-us-gov\.com)"
    r"(?:/static)?/saml(?:/acs/[A-Za-z0-9]+)?"
)
_AUDIENCE = re.compile(r"urn:amazon:webservices(?::[a-z0-9-]+)?")
_SESSION_NAME = re.compile(r"[a-zA-Z_0-9+=,.@-]{2,64}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,6}")
_FORMAT_PREFIX = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_REDEEM_SECONDS = 300
_SKEW_SECONDS = 300


@dataclass(frozen=True)
class Assertion:
    """A person, vouched for by a provider.

    :param recipient: the AWS endpoint that the assertion is for; condition keys call it ``saml:aud``.
    :param pairs: (role ARN, provider ARN).
    :param ends_at: when sessions must end, in seconds since the epoch; None leaves it open.
    """

    issuer: str
    subject: str
    subject_type: str
    recipient: str
    session_name: str
    pairs: tuple[tuple[str, str], ...]
    tags: tuple[tuple[str, str], ...]
    transitive: tuple[str, ...]
    source_identity: str
    ends_at: float | None


def read_assertion(node: Any, *, now: float) -> Assertion:
    """Read an assertion whose signature was verified.

    :raises ServiceFault: InvalidIdentityToken, ExpiredTokenException.
    """
    try:
        return _read(node, now=now)
    except ValueError:
        raise invalid_token("Invalid SAML assertion") from None


def _read(node: Any, *, now: float) -> Assertion:
    issued = _time(node.get("IssueInstant"))
    if node.get("Version") != "2.0" or issued is None:
        raise ValueError("no assertion of SAML 2.0")
    if now > issued + _REDEEM_SECONDS:
        raise ServiceFault("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
    if issued > now + _SKEW_SECONDS:
        raise invalid_token("Assertion is issued in the future")
    _check_conditions(node, now=now)
    name = _only(node.findall("saml:Subject/saml:NameID", NAMES))
    attributes = _attributes(node)
    names = attributes.get("RoleSessionName", [])
    if len(names) != 1 or not names[0]:
        raise invalid_token("RoleSessionName is required in AuthnResponse")
    if not _SESSION_NAME.fullmatch(names[0]):
        raise invalid_token("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    _check_session_duration(attributes.get("SessionDuration", []))
    identities = attributes.get("SourceIdentity", [])
    return Assertion(
        issuer=text_of(_only(node.findall("saml:Issuer", NAMES))),
        subject=text_of(name),
        subject_type=name.get("Format", "").removeprefix(_FORMAT_PREFIX),
        recipient=_recipient(node, now=now),
        session_name=names[0],
        pairs=tuple(_pairs(attributes.get("Role", []))),
        tags=tuple(_tags(attributes)),
        transitive=tuple(attributes.get("TransitiveTagKeys", [])),
        source_identity=checked_source_identity(_only(identities) if identities else ""),
        ends_at=_session_end(node, now=now),
    )


def _check_conditions(node: Any, *, now: float) -> None:
    conditions = _only(node.findall("saml:Conditions", NAMES))
    not_before, ends = conditions.get("NotBefore"), conditions.get("NotOnOrAfter")
    if not_before is not None and _known_time(not_before) > now + _SKEW_SECONDS:
        raise invalid_token("Assertion is not valid yet")
    if ends is not None and now >= _known_time(ends):
        raise ServiceFault("ExpiredTokenException", "Assertion is expired")
    restrictions = conditions.findall("saml:AudienceRestriction", NAMES)
    audiences = [[text_of(one) for one in item.findall("saml:Audience", NAMES)] for item in restrictions]
    # each restriction must be met, by any one of its audiences (SAML core, 2.5.1.4)
    if not audiences or not all(any(_is_aws(one) for one in group) for group in audiences):
        raise invalid_token("Response does not contain the required audience.")


def _is_aws(audience: str) -> bool:
    return bool(_AUDIENCE.fullmatch(audience) or _ENDPOINT.fullmatch(audience))


def _recipient(node: Any, *, now: float) -> str:
    confirmation = _only(node.findall("saml:Subject/saml:SubjectConfirmation", NAMES))
    data = _only(confirmation.findall("saml:SubjectConfirmationData", NAMES))
    recipient, ends = data.get("Recipient") or "", data.get("NotOnOrAfter")
    if confirmation.get("Method") != _BEARER or ends is None or not _ENDPOINT.fullmatch(recipient):
        raise invalid_token("Assertion has no bearer confirmation for an AWS endpoint")
    if now >= _known_time(ends):
        raise ServiceFault("ExpiredTokenException", "Assertion is expired")
    return recipient


def _session_end(node: Any, *, now: float) -> float | None:
    ends = [_known_time(end) for one in node.findall("saml:AuthnStatement", NAMES) if (end := _end_of(one))]
    if ends and min(ends) <= now:
        raise ServiceFault("ExpiredTokenException", "Assertion is expired")
    return min(ends, default=None)


def _end_of(statement: Any) -> str:
    return statement.get("SessionNotOnOrAfter") or ""


def _attributes(node: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attribute in node.findall("saml:AttributeStatement/saml:Attribute", NAMES):
        name = attribute.get("Name") or ""
        if name.startswith(ATTRIBUTES):
            values = [text_of(one) for one in attribute.findall("saml:AttributeValue", NAMES)]
            found.setdefault(name.removeprefix(ATTRIBUTES), []).extend(values)
    return found


def _pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for value in values:
        parts = [part.strip() for part in value.split(",")]
        if len(parts) != 2:
            continue
        if ":saml-provider/" in parts[0]:
            parts.reverse()
        pairs.append((parts[0], parts[1]))
    return pairs


def _tags(attributes: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [
        (name.removeprefix("PrincipalTag:"), _only(values))
        for name, values in attributes.items()
        if name.startswith("PrincipalTag:")
    ]


def _check_session_duration(values: Sequence[str]) -> None:
    # how long a console session lasts; an API session's length is asked for with DurationSeconds
    if values and not (len(values) == 1 and _SECONDS.fullmatch(values[0]) and 900 <= int(values[0]) <= 43200):
        raise invalid_token("SessionDuration in AuthnResponse must be between 900 and 43200")


def _only(found: Sequence[Any]) -> Any:
    if len(found) != 1:
        raise ValueError("an element is missing or there more than once")
    return found[0]


def _known_time(text: str) -> float:
    found = _time(text)
    if found is None:
        raise ValueError("not a time in UTC")
    return found


def _time(text: str | None) -> float | None:
    found = _TIME.fullmatch(text or "")
    if found is None:
        return None
    try:
        return timegm(strptime(found[1], "%Y-%m-%dT%H:%M:%S")) + float(found[2] or 0)
    except (ValueError, OverflowError):
        return None
