"""One IAM Identity Center: all of its state."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from eksauth.sandbox.aws.sso.directory import Directory
from eksauth.sandbox.aws.sso.grants import CodeGrants, DeviceGrants
from eksauth.sandbox.aws.sso.registrations import Registrations
from eksauth.sandbox.aws.sso.seeded import START_PATH
from eksauth.sandbox.aws.sso.signin_tokens import SigninTokens
from eksauth.sandbox.aws.sso.tokens import TokenStore
from eksauth.sandbox.aws.sso.visits import Visits

_LOOPBACK = frozenset(["127.0.0.1", "::1", "localhost"])


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """How long things last, in seconds; what is given at the start is what AWS has.

    :param access_seconds: of access tokens whose client has a scope; others last as long as the sign-in.
    """

    device_seconds: int = 600
    interval: int = 1
    code_seconds: int = 120
    access_seconds: int = 3600
    sign_in_seconds: int = 28800
    registration_seconds: int = 90 * 86400

    def __post_init__(self) -> None:
        if not all(0 < value <= 366 * 86400 for value in msgspec.structs.astuple(self)):
            raise ValueError("a setting is a number of seconds from 1 to one year")


@dataclass
class IdentityCenter:
    """The state behind OIDC, portal and pages.

    :param base_url: of the endpoint, without a slash at the end.
    :param issuer_url: the instance, as clients of the authorization code grant may name it instead of its start URL.
    """

    region: str = "us-west-2"
    base_url: str = "https://127.0.0.1:8443"
    issuer_url: str = "https://identitycenter.amazonaws.com/ssoins-7907e57b0c5a9d04"
    settings: Settings = field(default_factory=Settings)
    directory: Directory = field(default_factory=Directory)
    clients: Registrations = field(default_factory=Registrations)
    devices: DeviceGrants = field(default_factory=DeviceGrants)
    codes: CodeGrants = field(default_factory=CodeGrants)
    tokens: TokenStore = field(default_factory=TokenStore)
    visits: Visits = field(default_factory=Visits)
    signin_tokens: SigninTokens = field(default_factory=SigninTokens)
    seal_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def start_url(self) -> str:
        """The access portal."""
        return self.base_url + START_PATH

    def is_start_url(self, url: str) -> bool:
        """Tell whether this names our portal: by any loopback name, with or without what browsers leave at its end."""
        try:
            asked, own = urlsplit(url), urlsplit(self.base_url)
            asked_port = asked.port or 443
        except ValueError:
            return False
        same_host = asked.hostname == own.hostname or {asked.hostname, own.hostname} <= _LOOPBACK
        same_place = asked.scheme == own.scheme and same_host and asked_port == (own.port or 443)
        plain = not asked.query and asked.fragment in {"", "/"} and asked.username is None
        return same_place and plain and asked.path.rstrip("/") == START_PATH
