"""The whole AWS credential chain, by botocore: SSO, processes, web identity, roles in profiles, containers, instances.

Environment keys are not asked here (:mod:`eksauth.credentials.env` has already answered), all else is in botocore's
order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eksauth.credentials.botocore_errors import translated
from eksauth.credentials.botocore_session import open_session
from eksauth.credentials.model import Credentials, token_mismatch, unusable_field
from eksauth.credentials.settings import Settings, named_profile
from eksauth.errors import CredentialsError

UNKEYED_METHODS = ("container-role", "iam-role")
"""Sources that can change without any file or variable changing; what they gave is not trusted for long."""


def chain_credentials(environ: Mapping[str, str], settings: Settings, *, interactive: bool) -> tuple[Credentials, str]:
    """Return credentials and botocore's name of the method that found them.

    :param interactive: whether a person may be asked for an MFA code.
    :raises CredentialsError: when there are none, or getting them failed.
    :raises AwsError: when AWS refused or could not be reached.
    :raises ConfigError: when the profile contradicts itself.
    """
    name = settings.profile_name
    named = name if settings.explicit_profile else named_profile(environ, None)
    with translated(name):
        session = open_session(named, explicit=settings.explicit_profile, region=settings.region)
        _guard_prompt(session, name, interactive=interactive)
        found = session.get_credentials()
        if found is None:
            raise _nothing_found(environ, settings)
        credentials = from_botocore(found, source=f"profile {name}" if named else str(found.method))
    field = unusable_field(credentials)
    if field:
        raise CredentialsError(
            f"the {field} of profile '{name}' is empty or has characters that no AWS key has",
            hint="correct it in the AWS credentials file",
        )
    mismatch = token_mismatch(credentials)
    if mismatch:
        raise CredentialsError(
            f"the access key of profile '{name}' {mismatch}",
            hint="correct aws_session_token next to it, or get new keys",
            code="credentials.unknown_key",
        )
    return credentials, str(found.method)


def from_botocore(found: Any, *, source: str) -> Credentials:
    """Return botocore or boto3 credentials as one value, with their expiry if they have one."""
    frozen = found.get_frozen_credentials()
    # botocore has no public way to ask; refreshable credentials keep an aware datetime
    expiry = getattr(found, "_expiry_time", None)
    expires_at = None if expiry is None else float(expiry.timestamp())
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None, expires_at, source)


def _guard_prompt(session: Any, profile: str, *, interactive: bool) -> None:
    """Let botocore ask for an MFA code only when somebody is there to answer."""
    if interactive:
        return

    def refuse(_text: str) -> str:
        raise CredentialsError(
            f"profile '{profile}' needs an MFA code, and nobody can be asked here",
            hint=f"run 'eksauth token --profile {profile} …' once in a terminal; the credentials are cached",
            code="credentials.mfa",
        )

    session.get_component("credential_provider").get_provider("assume-role")._prompter = refuse  # noqa: SLF001  no public way


def _nothing_found(environ: Mapping[str, str], settings: Settings) -> CredentialsError:
    if environ.get("AWS_SECRET_ACCESS_KEY") and not environ.get("AWS_ACCESS_KEY_ID"):
        return CredentialsError(
            "AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not",
            hint="set AWS_ACCESS_KEY_ID too",
            code="credentials.partial",
        )
    where = f"profile '{settings.profile_name}' has none"
    return CredentialsError(
        f"no AWS credentials found: none in the environment, and {where}",
        hint="set AWS_PROFILE or use --profile; 'aws sso login' or 'aws configure' make credentials",
        code="credentials.none",
    )
