"""AssumeRoleWithSAML: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.aws.policy_foreign import ForeignPrincipal
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.json_web_token import invalid_token
from eksauth.sandbox.aws.federation.saml_assertion import Assertion, read_assertion
from eksauth.sandbox.aws.federation.saml_metadata import IdpMetadata, parse_metadata
from eksauth.sandbox.aws.federation.saml_signature import signed_assertion
from eksauth.sandbox.aws.federation.xml_input import NAMES, PROTOCOL, parse_xml
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import Wanted, check_duration, open_role_session, trusting_role
from eksauth.sandbox.aws.sts.session_policies import read_session_policies
from eksauth.sandbox.aws.sts.tags import checked

_ACTION = "sts:AssumeRoleWithSAML"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_DEFAULT_SECONDS = 3600


def assume_role_with_saml(
    parameters: Parameters,
    context: Mapping[str, str | Sequence[str]],
    store: IamStore,
    sessions: SessionStore,
    *,
    now: float,
) -> Mapping[str, Any]:
    """Let somebody whom a SAML provider vouches for become a role. Nobody signs this request.

    :raises ServiceFault: ValidationError, InvalidIdentityToken, ExpiredTokenException, AccessDenied,
        MalformedPolicyDocument, PackedPolicyTooLarge.
    """
    arn = fields.role_arn(parameters, refusal="Request ARN is invalid")
    provider = fields.required(parameters, "PrincipalArn", least=20, most=2048)
    raw = fields.required(parameters, "SAMLAssertion", least=4, most=100000, secret=True)
    seconds = fields.duration(parameters, most=43200)
    policies = read_session_policies(parameters)
    response = _response(raw)
    metadata = _metadata(store, provider)
    try:
        node = signed_assertion(response, metadata.certificates, now=now)
    except ValueError:
        raise invalid_token("Response signature invalid") from None
    assertion = read_assertion(node, now=now)
    if assertion.issuer != metadata.entity_id:
        raise invalid_token("Issuer not present in specified provider")
    if (arn, provider) not in assertion.pairs:
        raise ServiceFault("AccessDenied", f"Not authorized to perform {_ACTION}", 403)
    tags = checked(assertion.tags, assertion.transitive)
    account, name = parse_arn(provider).account, provider.rpartition("/")[2]
    qualifier = _name_qualifier(assertion.issuer, account, name)
    federation = _session_keys(assertion, qualifier)
    given: dict[str, str | Sequence[str]] = {
        **context,
        **federation,
        **tags.request_context(),
        "saml:aud": assertion.recipient,
        "saml:iss": assertion.issuer,
        "saml:doc": f"{account}/{name}",
        "aws:FederatedProvider": provider,
        "sts:RoleSessionName": assertion.session_name,
    }
    actions = [_ACTION]
    if tags.pairs:
        actions.append("sts:TagSession")
    if assertion.source_identity:
        given["sts:SourceIdentity"] = assertion.source_identity
        actions.append("sts:SetSourceIdentity")
    role = trusting_role(store, arn, ForeignPrincipal("Federated", provider), actions, given)
    check_duration(role, seconds)
    wanted = Wanted(
        session_name=assertion.session_name,
        seconds=_until(seconds, assertion, now=now),
        policies=policies,
        tags=tags,
        source_identity=assertion.source_identity,
        federation=(*federation.items(), ("aws:FederatedProvider", provider)),
    )
    return {
        **open_role_session(store, sessions, role, wanted, now=now),
        "Subject": assertion.subject,
        "SubjectType": assertion.subject_type,
        "Issuer": assertion.issuer,
        "Audience": assertion.recipient,
        "NameQualifier": qualifier,
    }


def _response(encoded: str) -> Any:
    try:
        raw = b64decode("".join(encoded.split()), validate=True)
    except (ValueError, Base64Error):
        raise invalid_token("Invalid base64 SAMLResponse") from None
    try:
        root = parse_xml(raw)
    except ValueError:
        raise invalid_token("Invalid SAML response") from None
    status = root.find("samlp:Status/samlp:StatusCode", NAMES)
    if root.tag != f"{{{PROTOCOL}}}Response" or root.get("Version") != "2.0" or status is None:
        raise invalid_token("Invalid SAML response")
    if status.get("Value") != _SUCCESS:
        raise invalid_token("SAML response is not a successful one")
    return root


def _metadata(store: IamStore, arn: str) -> IdpMetadata:
    text = store.saml_metadata(arn)
    if text is None:
        raise invalid_token("Specified provider doesn't exist")
    try:
        return parse_metadata(text)
    except ValueError:
        raise invalid_token("Could not parse metadata.") from None


def _session_keys(assertion: Assertion, qualifier: str) -> dict[str, str]:
    return {
        "saml:sub": assertion.subject,
        "saml:sub_type": assertion.subject_type,
        "saml:namequalifier": qualifier,
    }


def _name_qualifier(issuer: str, account: str, provider: str) -> str:
    digest = hashlib.sha1(f"{issuer}{account}/{provider}".encode(), usedforsecurity=False).digest()
    return b64encode(digest).decode()


def _until(seconds: int | None, assertion: Assertion, *, now: float) -> int:
    wanted = seconds if seconds is not None else _DEFAULT_SECONDS
    return wanted if assertion.ends_at is None else max(1, min(wanted, int(assertion.ends_at - now)))
