"""AssumeRoleWithWebIdentity: an OIDC token for a role's credentials, and what it means when STS says no.

STS does not tell which condition of a trust policy did not hold. The token's issuer, subject and audience do, next to
the policy; so each refusal shows them, and never the token.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.credentials.federated_role import (
    check_fields,
    session_parameters,
    sts_endpoint,
    told_by,
    too_long,
    wanted_seconds,
)
from eksauth.credentials.identities.contract import Context, WebIdentity
from eksauth.credentials.identities.role_call import RoleCall
from eksauth.credentials.identities.session_name import session_name
from eksauth.credentials.identities.sts import credentials_from, sts_client, sts_errors
from eksauth.credentials.model import Credentials
from eksauth.credentials.oidc.unverified_claims import UnverifiedClaims, read_unverified
from eksauth.errors import AwsError, CredentialsError, EksauthError

_KEY_TRIES, _KEY_PAUSE_SECONDS = 3, 2.0
"""Fetching the issuer's keys fails now and then for no reason of ours; botocore repeats only IDPCommunicationError."""


def assume_with_web_identity(material: WebIdentity, role: RoleCall, context: Context) -> Credentials:
    """Trade a token for credentials of ``role``; the request is not signed, so nobody's keys are needed.

    :raises CredentialsError: when the token is expired or not accepted.
    :raises AwsError: when the role's trust policy does not let its holder in, or STS cannot be reached.
    """
    check_fields(role, "AssumeRoleWithWebIdentity")
    token = material.unverified_token
    claims = read_unverified(token, f"identity '{role.identity}'")
    parameters: dict[str, object] = {
        "RoleArn": role.arn,
        "RoleSessionName": role.session_name or session_name(claims.subject),
        "WebIdentityToken": token,
        **session_parameters(role, wanted_seconds(role, context)),
    }
    with sts_errors(role.identity, f"assuming {role.arn} with an OIDC token"):
        answer = _call(parameters, role, context, claims)
        return credentials_from(answer, f"role {role.arn}")


def _call(parameters: dict[str, object], role: RoleCall, context: Context, claims: UnverifiedClaims) -> Any:
    from botocore.exceptions import ClientError

    client = sts_client(role.region, endpoint_url=sts_endpoint(role, context), credentials=None)
    for turn in range(_KEY_TRIES):
        try:
            return client.assume_role_with_web_identity(**parameters)
        except ClientError as error:
            code, text = told_by(error)
            if "verification key" in text and turn < _KEY_TRIES - 1:
                context.sleep(_KEY_PAUSE_SECONDS * (turn + 1))
                continue
            ours = explain_refusal(code, text, role.arn, claims)
            if ours is None:
                raise
            raise ours from None
    raise AssertionError("the last turn returns or raises")


def explain_refusal(code: str, text: str, arn: str, claims: UnverifiedClaims) -> EksauthError | None:
    """Say what an answer of STS means for this token and role, or None when it is not about them.

    :param code: error code of STS.
    :param text: its message, one line.
    """
    said, account = claims.described(), parse_arn(arn).account
    issuer = claims.issuer.removeprefix("https://")
    lower = text.lower()
    also = next((word for word in ("sts:TagSession", "sts:SetSourceIdentity") if word in text), None)
    if code == "AccessDenied" and also:
        return AwsError(
            f"AWS denied {arn} to the holder of this OIDC token: {also} is missing ({said})",
            hint=f"the token carries session tags or a source identity; allow {also} in the trust policy too",
            code="aws.AccessDenied",
        )
    if code == "AccessDenied":
        return AwsError(
            f"AWS denied {arn} to the holder of this OIDC token ({said})",
            hint=f"its trust policy must allow sts:AssumeRoleWithWebIdentity to oidc-provider/{issuer} in account "
            f"{account}, and its conditions {issuer}:sub and {issuer}:aud must match sub and aud; or there is no "
            "such role",
            code="aws.AccessDenied",
        )
    if code in {"ExpiredTokenException", "ExpiredToken"}:
        return CredentialsError(
            f"STS says that the OIDC token has expired ({said})",
            hint="get a new one where it comes from; is this machine's clock right?",
            code="oidc.expired",
        )
    if code == "InvalidIdentityToken" and "openidconnect provider" in lower:
        return AwsError(
            f"account {account} has no OIDC provider for {claims.issuer}, the issuer of this token",
            hint="create the IAM identity provider in the account of the role, with exactly this URL",
            code="oidc.no_provider",
        )
    if code == "InvalidIdentityToken" and "audience" in lower:
        return AwsError(
            f"the OIDC provider in account {account} does not know the audience of this token ({said})",
            hint="add the audience to the client ids of the IAM identity provider, or ask for a token with "
            "audience sts.amazonaws.com (the same in all partitions)",
            code="oidc.audience",
        )
    if code == "IDPCommunicationError" or "verification key" in lower:
        return AwsError(
            f"STS could not get the keys of {claims.issuer} to check this token",
            hint="its /.well-known/openid-configuration and keys must be public and answer within seconds; try again",
            code="oidc.issuer_unreachable",
        )
    if "thumbprint" in lower:
        return AwsError(
            f"the certificate of {claims.issuer} does not match the OIDC provider in account {account}",
            hint="update the thumbprint of the IAM identity provider",
            code="oidc.thumbprint",
        )
    if code in {"InvalidIdentityToken", "IDPRejectedClaim"}:
        return AwsError(
            f"STS does not accept this OIDC token: {text[:200].rstrip('.')} ({said})",
            hint="its signature must be of the issuer's present keys (RS256, ES256 or stronger)",
            code="oidc.refused",
        )
    return too_long(code, text, arn)
