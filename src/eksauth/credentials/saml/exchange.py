"""AssumeRoleWithSAML: a SAML response for a role's credentials, and what it means when STS says no.

The role is the configured one, exactly, or nothing: whoever is offered ten roles never ends up in one they did not ask
for. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
"""

from __future__ import annotations

from eksauth.aws.arn import parse_arn
from eksauth.credentials.federated_role import (
    check_fields,
    session_parameters,
    sts_endpoint,
    told_by,
    too_long,
    wanted_seconds,
)
from eksauth.credentials.identities.contract import Context, SamlAssertion
from eksauth.credentials.identities.role_call import MAX_SECONDS, MIN_SECONDS, RoleCall
from eksauth.credentials.identities.sts import credentials_from, sts_client, sts_errors
from eksauth.credentials.model import Credentials
from eksauth.credentials.saml.assertion import OfferedRole, UnverifiedResponse, read_unverified
from eksauth.errors import AwsError, CredentialsError, EksauthError

_LISTED = 12


def assume_with_saml(material: SamlAssertion, role: RoleCall, context: Context) -> Credentials:
    """Trade a SAML response for credentials of ``role``; the request is not signed.

    :raises CredentialsError: when the response does not offer the role, or is expired.
    :raises AwsError: when STS does not accept it, or cannot be reached.
    """
    check_fields(role, "AssumeRoleWithSAML")
    response = read_unverified(material.assertion, f"identity '{role.identity}'")
    offered = choose_role(response, role.arn)
    seconds = session_seconds(wanted_seconds(role, context), response.session_seconds)
    parameters = {
        "RoleArn": offered.role_arn,
        "PrincipalArn": offered.provider_arn,
        "SAMLAssertion": material.assertion,
        **session_parameters(role, seconds),
    }
    from botocore.exceptions import ClientError

    with sts_errors(role.identity, f"assuming {role.arn} with a SAML response"):
        client = sts_client(role.region, endpoint_url=sts_endpoint(role, context), credentials=None)
        try:
            answer = client.assume_role_with_saml(**parameters)
        except ClientError as error:
            ours = explain_refusal(*told_by(error), offered, response)
            if ours is None:
                raise
            raise ours from None
        return credentials_from(answer, f"role {role.arn}")


def choose_role(response: UnverifiedResponse, arn: str) -> OfferedRole:
    """Return the offer of exactly this role.

    :raises CredentialsError: when there is none, with what is offered.
    """
    for offered in response.roles:
        if offered.role_arn == arn:
            return offered
    if response.encrypted:
        raise CredentialsError(
            "the SAML assertion is encrypted, so the roles in it cannot be read",
            hint="turn encryption of assertions off for the application for AWS",
            code="saml.encrypted",
        )
    if not response.roles:
        raise CredentialsError(
            f"the SAML response offers no roles, so not {arn} either",
            hint="the identity provider must send the attribute https://aws.amazon.com/SAML/Attributes/Role",
            code="saml.no_roles",
        )
    from difflib import SequenceMatcher

    arns = sorted(
        {each.role_arn for each in response.roles}, key=lambda each: -SequenceMatcher(None, arn, each).ratio()
    )
    more = f" and {len(arns) - _LISTED} more" if len(arns) > _LISTED else ""
    raise CredentialsError(
        f"the SAML response does not offer {arn}",
        hint=f"it offers {', '.join(arns[:_LISTED])}{more}; set principal.assume_role to one of them",
        code="saml.role_not_offered",
    )


def session_seconds(wanted: int | None, allowed: int | None) -> int | None:
    """Return the duration to ask for: what is wanted, within STS's limits and those of the identity provider.

    :param allowed: attribute SessionDuration of the response.
    """
    if wanted is None:
        return None
    most = MAX_SECONDS if allowed is None else min(max(allowed, MIN_SECONDS), MAX_SECONDS)
    return min(max(wanted, MIN_SECONDS), most)


def explain_refusal(code: str, text: str, offered: OfferedRole, response: UnverifiedResponse) -> EksauthError | None:
    """Say what an answer of STS means for this response and role, or None when it is not about them.

    :param code: error code of STS.
    :param text: its message, one line.
    """
    lower, short = text.lower(), text[:200].rstrip(".")
    issuer = response.issuer or "none"
    if code == "AccessDenied":
        return AwsError(
            f"AWS denied {offered.role_arn} to the holder of this SAML response (issuer {issuer})",
            hint=f"its trust policy must allow sts:AssumeRoleWithSAML to {offered.provider_arn}, with SAML:aud "
            f"{', '.join(response.audiences) or 'none'}; or there is no such role",
            code="aws.AccessDenied",
        )
    if code in {"ExpiredTokenException", "ExpiredToken"}:
        return CredentialsError(
            "STS says that the SAML response has expired: it has to be used within five minutes",
            hint="sign in again; is the clock of the identity provider right?",
            code="saml.expired",
        )
    if code == "InvalidIdentityToken" and "issuer" in lower:
        return AwsError(
            f"the issuer of this SAML response ({issuer}) is not the one of {offered.provider_arn}",
            hint="the metadata document of the IAM identity provider must be that of this issuer",
            code="saml.issuer",
        )
    if code == "InvalidIdentityToken" and "signature" in lower:
        return AwsError(
            f"the signature of this SAML response does not fit {offered.provider_arn}",
            hint="the identity provider may have a new certificate: update the metadata document in IAM",
            code="saml.signature",
        )
    if code == "InvalidIdentityToken" and "provider" in lower and "exist" in lower:
        return AwsError(
            f"account {parse_arn(offered.provider_arn).account} has no identity provider {offered.provider_arn}",
            hint="the Role attribute that the identity provider sends names it; one of the two has to change",
            code="saml.no_provider",
        )
    if code in {"InvalidIdentityToken", "IDPRejectedClaim"}:
        return AwsError(
            f"STS does not accept this SAML response: {short} (issuer {issuer}, audience "
            f"{', '.join(response.audiences) or 'none'})",
            hint="audience and recipient are https://signin.aws.amazon.com/saml, or that of the partition",
            code="saml.not_accepted",
        )
    return too_long(code, text, offered.role_arn)
