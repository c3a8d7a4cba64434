"""Trust anchors, profiles and revoked certificates of one sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509

from eksauth.sandbox.pki import CertificateAuthority


@dataclass
class TrustAnchor:
    """An authority that an account trusts."""

    arn: str
    certificates: tuple[x509.Certificate, ...]
    enabled: bool = True


@dataclass
class Profile:
    """Which roles may be assumed, and how sessions are limited.

    :param seconds: how long sessions last unless a request says otherwise.
    :param accepts_session_name: whether requests may choose the session's name.
    """

    arn: str
    role_arns: tuple[str, ...]
    enabled: bool = True
    seconds: int = 3600
    accepts_session_name: bool = False
    session_policy: str = ""
    managed_policy_arns: tuple[str, ...] = ()


@dataclass
class RolesAnywhere:
    """All of it, by ARN.

    :param revoked: (ARN of the anchor, serial number).
    :param authority: the sandbox's own, which issues certificates on demand.
    """

    anchors: dict[str, TrustAnchor] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    revoked: set[tuple[str, int]] = field(default_factory=set)
    authority: CertificateAuthority | None = None
