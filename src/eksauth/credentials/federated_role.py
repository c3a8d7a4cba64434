"""What the provider of a SAML response or an OIDC token says about the call that trades it for a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eksauth.credentials.config.model import Provider
from eksauth.credentials.identities.contract import Context
from eksauth.credentials.identities.role_call import MAX_SECONDS, MIN_SECONDS, RoleCall
from eksauth.credentials.identities.trust import require_trust
from eksauth.errors import AwsError, ConfigError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


def provider_of(role: RoleCall, context: Context) -> Provider | None:
    """Return the provider that the role's identity goes via."""
    identity = context.config.identities.get(role.identity)
    if identity is None or identity.via_provider is None:
        return None
    wanted = identity.via_provider.lower()
    return next((each for name, each in context.config.providers.items() if name.lower() == wanted), None)


def sts_endpoint(role: RoleCall, context: Context) -> str | None:
    """Return the ``endpoint_url`` of the identity, else that of its provider, or None for the region's STS.

    :raises NeedsHuman: when it is the provider's, of a configuration that was only come across.
    """
    if role.endpoint_url is not None:
        return role.endpoint_url
    provider = provider_of(role, context)
    if provider is None or provider.endpoint_url is None:
        return None
    require_trust(context, "asking the endpoint_url", provider.name)
    return provider.endpoint_url


def wanted_seconds(role: RoleCall, context: Context) -> int | None:
    """Return the identity's duration, else its provider's within STS's limits, or None for STS's own."""
    if role.duration_seconds is not None:
        return role.duration_seconds
    provider = provider_of(role, context)
    if provider is None or provider.session_seconds is None:
        return None
    return min(max(provider.session_seconds, MIN_SECONDS), MAX_SECONDS)


def session_parameters(role: RoleCall, seconds: int | None) -> dict[str, object]:
    """Return what both calls take besides the proof: duration and session policies."""
    parameters: dict[str, object] = {}
    if seconds is not None:
        parameters["DurationSeconds"] = seconds
    if role.policy is not None:
        parameters["Policy"] = role.policy
    if role.policy_arns:
        parameters["PolicyArns"] = [{"arn": arn} for arn in role.policy_arns]
    return parameters


def told_by(error: ClientError) -> tuple[str, str]:
    """Return the error code and the message of STS, the latter on one line."""
    answer = error.response.get("Error", {})
    return str(answer.get("Code") or ""), " ".join(str(answer.get("Message") or "").split())


def too_long(code: str, text: str, arn: str) -> AwsError | None:
    """Return the error for a duration that the role does not allow, None when STS says something else."""
    if code != "ValidationError" or "durationseconds" not in text.lower().replace(" ", ""):
        return None
    return AwsError(
        f"{arn} does not allow sessions that long",
        hint="lower principal.duration, or raise the role's maximum session duration",
        code="aws.ValidationError",
    )


def check_fields(role: RoleCall, call: str) -> None:
    """Refuse what only AssumeRole could be told, rather than leave it out without a word.

    An external id is left out: files that Atmos reads too may have one here, and nobody checks it in these calls.

    :param call: the operation's name.
    :raises ConfigError: naming the first setting that cannot go along.
    """
    for name, value in (
        ("session_tags", role.session_tags),
        ("transitive_tags", role.transitive_tags),
        ("source_identity", role.source_identity),
        ("mfa_serial", role.mfa_serial),
    ):
        if value:
            raise ConfigError(
                f"identity '{role.identity}': principal.{name} cannot go with {call}",
                hint="the identity provider sets tags and source identity, in the token or response itself; "
                "or put a second role behind this one",
                code="config.role",
            )
