"""One call that trades something for a role's credentials, whichever of STS's three ways it goes.

``eksauth.credentials.identities.role`` makes it of an ``aws/assume-role`` identity and sends it: with AWS credentials
itself (AssumeRole), with a SAML response through ``eksauth.credentials.saml.exchange.assume_with_saml``, with an OIDC
token through ``eksauth.credentials.oidc.exchange.assume_with_web_identity``. Both of those take ``(material, role,
context)`` and return :class:`~eksauth.credentials.model.Credentials`.
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_SECONDS, MAX_SECONDS = 900, 43200
CHAINED_MAX_SECONDS = 3600
"""What STS gives a role that was assumed with a role's credentials, whatever its own maximum says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCall:
    """What goes with the call; everything is checked already.

    :ivar identity: its name in the configuration, for messages and hints.
    :ivar arn: of the role.
    :ivar session_name: as configured, or None: then :func:`eksauth.credentials.identities.session_name.session_name`
        makes one of who the upstream says the human is. SAML takes it from the assertion instead.
    :ivar duration_seconds: as configured, 900 to 43200, or None for STS's own default of an hour.
    :ivar region: of the STS that is asked.
    :ivar endpoint_url: asked instead of the region's STS, or None.
    :ivar policy: inline session policy, JSON; ``policy_arns`` managed ones.
    :ivar external_id: AssumeRole alone knows this and the fields below.
    """

    identity: str
    arn: str
    region: str
    endpoint_url: str | None = None
    session_name: str | None = None
    duration_seconds: int | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    external_id: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    source_identity: str | None = None
    mfa_serial: str | None = None
    mfa_process: tuple[str, ...] = ()
