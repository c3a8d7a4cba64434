"""``aws/assume-role``: another role, from AWS credentials, a SAML response or an OIDC token."""

from __future__ import annotations

from dataclasses import dataclass

from eksauth.aws.arn import parse_arn
from eksauth.credentials.assume_role import check_role
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import region_of
from eksauth.credentials.identities.contract import Context, Material, SamlAssertion, WebIdentity
from eksauth.credentials.identities.mfa import mfa_code
from eksauth.credentials.identities.role_call import CHAINED_MAX_SECONDS, RoleCall
from eksauth.credentials.identities.session_name import human_in_arn, session_name
from eksauth.credentials.identities.trust import require_own_words, require_trust
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.errors import ConfigError, UsageError


@dataclass(frozen=True, slots=True)
class RoleStep:
    """One role to become."""

    name: str
    kind: str
    account: str | None
    call: RoleCall
    place: str

    def facts(self) -> tuple[str, ...]:
        """Return all that STS is told, and where."""
        call = self.call
        return (
            call.arn,
            call.session_name or "",
            call.external_id or "",
            str(call.duration_seconds),
            call.region,
            call.endpoint_url or "",
            repr(call.session_tags),
            repr(call.transitive_tags),
            call.source_identity or "",
            call.policy or "",
            repr(call.policy_arns),
            call.mfa_serial or "",
        )

    def obtain(self, source: Material | None, context: Context) -> Material | None:
        """Trade ``source`` for the role's credentials.

        :raises NeedsHuman: when an MFA code has to be typed, and nobody is there.
        :raises AwsError: when STS refuses, or cannot be reached.
        """
        if self.call.endpoint_url is not None:
            require_trust(context, "asking the endpoint_url", self.name)
        require_own_words(context, self.name)
        if isinstance(source, Credentials):
            return _assume(source, self.call, context)
        if isinstance(source, SamlAssertion):
            from eksauth.credentials.saml.exchange import assume_with_saml

            return assume_with_saml(source, self.call, context)
        if isinstance(source, WebIdentity):
            from eksauth.credentials.oidc.exchange import assume_with_web_identity

            return assume_with_web_identity(source, self.call, context)
        raise ConfigError(
            f"{self.place}: identity '{self.name}' is a role with nothing to become it from",
            hint="give it via.identity, or via.provider of kind aws/saml, github/oidc or oidc/token; "
            "IAM Identity Center gives permission sets, and a role can follow one",
            code="config.chain_source",
        )


def identity_step(identity: Identity, config: AuthConfig) -> RoleStep:
    """Return the step of an ``aws/assume-role``.

    :raises ConfigError: when STS would refuse what the configuration says.
    """
    principal = identity.principal
    arn = principal.assume_role or ""
    try:
        check_role(
            RoleRequest(
                arn,
                external_id=principal.external_id,
                session_name=principal.session_name,
                duration_seconds=principal.duration_seconds,
            )
        )
    except UsageError as error:
        raise ConfigError(
            f"{identity.place}: identity '{identity.name}': {error.message}", hint=error.hint, code="config.role"
        ) from None
    call = RoleCall(
        identity=identity.name,
        arn=arn,
        region=region_of(config, identity),
        endpoint_url=identity.endpoint_url,
        session_name=principal.session_name,
        duration_seconds=principal.duration_seconds,
        policy=principal.policy,
        policy_arns=principal.policy_arns,
        external_id=principal.external_id,
        session_tags=principal.session_tags,
        transitive_tags=principal.transitive_tags,
        source_identity=principal.source_identity,
        mfa_serial=principal.mfa_serial,
        mfa_process=principal.mfa_process,
    )
    return RoleStep(identity.name, identity.declared_kind, parse_arn(arn).account, call, str(identity.place))


def _assume(source: Credentials, call: RoleCall, context: Context) -> Credentials:
    from eksauth.credentials.identities.sts import caller_arn, credentials_from, sts_client, sts_errors

    name, duration = call.session_name, call.duration_seconds
    shortened = duration is not None and duration > CHAINED_MAX_SECONDS and source.session_token is not None
    if name is None or shortened:
        caller = caller_arn(call.region, call.endpoint_url, source, call.identity)
        name = name or session_name(human_in_arn(caller))
        if shortened and parse_arn(caller).resource.startswith("assumed-role/"):
            duration = CHAINED_MAX_SECONDS
    parameters: dict[str, object] = {"RoleArn": call.arn, "RoleSessionName": name}
    optional = {
        "DurationSeconds": duration,
        "ExternalId": call.external_id,
        "SourceIdentity": call.source_identity,
        "Policy": call.policy,
        "SerialNumber": call.mfa_serial,
    }
    parameters |= {key: value for key, value in optional.items() if value is not None}
    if call.policy_arns:
        parameters["PolicyArns"] = [{"arn": arn} for arn in call.policy_arns]
    if call.session_tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in call.session_tags]
    if call.transitive_tags:
        parameters["TransitiveTagKeys"] = list(call.transitive_tags)
    if call.mfa_serial is not None:
        parameters["TokenCode"] = mfa_code(call.identity, call.mfa_serial, call.mfa_process, context)
    with sts_errors(call.identity, f"assuming {call.arn}"):
        client = sts_client(call.region, endpoint_url=call.endpoint_url, credentials=source)
        return credentials_from(client.assume_role(**parameters), f"role {call.arn}")
