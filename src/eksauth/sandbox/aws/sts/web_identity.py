"""AssumeRoleWithWebIdentity: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.aws.policy_foreign import ForeignPrincipal
from eksauth.sandbox.aws.federation.issuers import IssuerKeys, OidcProvider
from eksauth.sandbox.aws.federation.json_web_token import UnverifiedToken, invalid_token, take_apart, verified_claims
from eksauth.sandbox.aws.federation.token_claims import audiences, condition_keys, session_claims
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.role_session import Wanted, open_role_session, trusting_role
from eksauth.sandbox.aws.sts.session_policies import read_session_policies
from eksauth.sandbox.aws.sts.tags import checked

_ACTION = "sts:AssumeRoleWithWebIdentity"


def assume_role_with_web_identity(
    parameters: Parameters,
    context: Mapping[str, str | Sequence[str]],
    store: IamStore,
    sessions: SessionStore,
    issuers: IssuerKeys,
    *,
    now: float,
) -> Mapping[str, Any]:
    """Let the bearer of an issuer's token become a role for a while. Nobody signs this request.

    :raises ServiceFault: ValidationError, InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError,
        IDPRejectedClaim, AccessDenied, MalformedPolicyDocument, PackedPolicyTooLarge.
    """
    arn = fields.role_arn(parameters, refusal="Request ARN is invalid")
    name = fields.session_name(parameters)
    text = fields.required(parameters, "WebIdentityToken", least=4, most=20000, secret=True)
    if parameters.get("ProviderId") is not None:
        raise fields.invalid("ProviderId is for OAuth 2.0 access tokens only, which the sandbox does not take")
    seconds = fields.duration(parameters, most=43200)
    policies = read_session_policies(parameters)
    # files that shells write end in a newline, and clients send them as they are
    token = take_apart(text.strip())
    provider = find_provider(store, parse_arn(arn).account, token)
    claims = verified_claims(token, issuers.keys_of(token.issuer), now=now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise invalid_token("Missing a required claim: sub")
    intended = audiences(claims)
    if not set(intended) & set(provider.client_ids):
        raise invalid_token("Incorrect token audience")
    asked = session_claims(claims)
    tags = checked(asked.tags, asked.transitive)
    given: dict[str, str | Sequence[str]] = {
        **context,
        **condition_keys(provider.name, claims),
        **tags.request_context(),
        "aws:FederatedProvider": provider.arn,
        "sts:RoleSessionName": name,
    }
    actions = [_ACTION]
    if tags.pairs:
        actions.append("sts:TagSession")
    if asked.source_identity:
        given["sts:SourceIdentity"] = asked.source_identity
        actions.append("sts:SetSourceIdentity")
    role = trusting_role(store, arn, ForeignPrincipal("Federated", provider.arn), actions, given)
    wanted = Wanted(
        session_name=name,
        seconds=seconds,
        policies=policies,
        tags=tags,
        source_identity=asked.source_identity,
        federation=(("aws:FederatedProvider", provider.arn), (f"{provider.name}:sub", subject)),
    )
    return {
        **open_role_session(store, sessions, role, wanted, now=now),
        "SubjectFromWebIdentityToken": subject,
        "Audience": intended[0],
        "Provider": token.issuer,
    }


def find_provider(store: IamStore, account: str, token: UnverifiedToken) -> OidcProvider:
    """Return the provider that an account registered for the issuer that a token claims to come from.

    :raises ServiceFault: InvalidIdentityToken.
    """
    name = token.issuer.removeprefix("https://")
    found = store.oidc_provider(account, name) if name != token.issuer else None
    if found is None:
        raise invalid_token(f"No OpenIDConnect provider found in your account for {token.issuer[:256]}")
    return OidcProvider(found.arn, name, tuple(found.client_id_list or ()), tuple(found.thumbprint_list or ()))
