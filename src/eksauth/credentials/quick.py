"""Credentials that need neither botocore nor the network: environment, plain profile, cache.

Both paths ask here first, so they cannot disagree. None means "not here", never "there are none".
"""

from eksauth.credentials.env import environment_credentials
from eksauth.credentials.model import Credentials, token_mismatch, unusable_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from eksauth.credentials.settings import Settings

_OTHER_SOURCES = ("sso_", "role_", "source_", "credential_", "web_identity_", "login_", "mfa_")
"""Key prefixes that make a profile more than static keys, whatever botocore's order says about them."""


def quick_credentials(
    environ: "Mapping[str, str]", settings: "Settings", *, role: "RoleRequest | None", use_cache: bool, now: float
) -> Credentials | None:
    """Return credentials for the run, or None when it takes more than reading local files.

    :param role: the role to end up as; only the cache can answer then.
    :raises CredentialsError: when the environment's credentials are there but unusable.
    """
    if role is None:
        found = direct_credentials(environ, settings)
        if found is not None:
            return found
    if not use_cache:
        return None
    from eksauth.credentials.cache import cache_key, load

    key = cache_key(environ, settings, role)
    return None if key is None else load(environ, key, now)


def direct_credentials(environ: "Mapping[str, str]", settings: "Settings") -> Credentials | None:
    """Return environment keys or a plain profile's static keys, or None."""
    found = None if settings.explicit_profile else environment_credentials(environ)
    return found or _static_profile(environ, settings)


def _static_profile(environ: "Mapping[str, str]", settings: "Settings") -> Credentials | None:
    if settings.profile is None or settings.merged is None:
        return None
    if _has_other_sources(settings):
        return None
    if not settings.explicit_profile and "AWS_WEB_IDENTITY_TOKEN_FILE" in environ:
        return None  # ranks above static keys unless a flag names the profile
    config, credentials = settings.profile
    # each file must hold the whole pair; the credentials file is asked first
    for section in (credentials, config):
        if section is None or "aws_access_key_id" not in section:
            continue
        token = section.get("aws_security_token", section.get("aws_session_token", ""))
        access_key_id, secret_access_key = section["aws_access_key_id"], section.get("aws_secret_access_key")
        if not access_key_id or not secret_access_key or token is None:
            return None
        found = Credentials(access_key_id, secret_access_key, token or None, source=f"profile {settings.profile_name}")
        return None if unusable_field(found) or token_mismatch(found) else found
    return None


def _has_other_sources(settings: "Settings") -> bool:
    return any([key.startswith(_OTHER_SOURCES) for key in settings.merged or ()])  # noqa: C419  cheaper than a generator


def is_only_static(settings: "Settings") -> bool:
    """Tell whether the profile holds keys and nothing that would have to be fetched."""
    return settings.merged is not None and "aws_access_key_id" in settings.merged and not _has_other_sources(settings)


class RoleRequest:
    """A role to assume with the credentials found: what ``--role-arn`` and its companions say."""

    __slots__ = ("arn", "duration_seconds", "external_id", "session_name")

    def __init__(
        self,
        arn: str,
        *,
        external_id: str | None = None,
        session_name: str | None = None,
        duration_seconds: int | None = None,
    ) -> None:
        self.arn = arn
        self.external_id = external_id
        self.session_name = session_name
        self.duration_seconds = duration_seconds
