"""One AssumeRole call, and what its parameters may look like.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html. The call goes to the regional STS, or to
``AWS_ENDPOINT_URL_STS`` / ``AWS_ENDPOINT_URL`` where those are set; the token that is signed afterwards never does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from eksauth.aws.arn import canonical_principal, parse_arn
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.settings import Settings, named_profile
from eksauth.errors import UsageError

_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-")
_EXTERNAL_ID = _NAME | {":", "/"}
MIN_DURATION, MAX_DURATION = 900, 43200


def check_role(role: RoleRequest) -> None:
    """Refuse what STS would refuse, before asking it.

    :raises UsageError: with the corrected value in the hint where there is one.
    """
    _check_arn(role.arn)
    name, external_id, duration = role.session_name, role.external_id, role.duration_seconds
    if name is not None and not (2 <= len(name) <= 64 and _NAME.issuperset(name)):
        raise UsageError(
            "the session name must be 2 to 64 letters, digits or any of _+=,.@-", hint=f"use {_tidy(name)}"
        )
    if external_id is not None and not (2 <= len(external_id) <= 1224 and _EXTERNAL_ID.issuperset(external_id)):
        raise UsageError(
            "the external id must be 2 to 1224 letters, digits or any of _+=,.@:/-",
            hint="use the id that the owner of the role gave you",
        )
    if duration is not None and not MIN_DURATION <= duration <= MAX_DURATION:
        raise UsageError(
            f"the duration must be {MIN_DURATION} to {MAX_DURATION} seconds",
            hint="leave it out for the role's default of an hour",
        )


def _check_arn(text: str) -> None:
    try:
        arn = parse_arn(text)
        kind, canonical = canonical_principal(text)
    except ValueError:
        raise UsageError(
            "the role is not a role ARN", hint="a role ARN looks like arn:aws:iam::111122223333:role/NAME"
        ) from None
    if kind == "assumed-role":
        raise UsageError("that is the ARN of a session, not of a role", hint=f"use {canonical}")
    plain = text.isascii() and text.isprintable() and " " not in text
    if kind != "role" or not plain or not (len(arn.account) == 12 and arn.account.isdecimal()):
        raise UsageError("the role is not a role ARN", hint="a role ARN looks like arn:aws:iam::111122223333:role/NAME")


def default_session_name() -> str:
    """Return ``eksauth-USER``: the name that CloudTrail and ``{{SessionName}}`` mappings show for this person."""
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return _tidy(f"eksauth-{user}")


def _tidy(name: str) -> str:
    return ("".join([letter if letter in _NAME else "-" for letter in name]) or "eksauth").ljust(2, "-")[:64]


def assume_role(environ: Mapping[str, str], settings: Settings, role: RoleRequest, source: Credentials) -> Credentials:
    """Trade ``source`` for credentials of ``role``.

    :raises CredentialsError: when STS does not accept the source credentials.
    :raises AwsError: when STS denies the role or cannot be reached.
    """
    from eksauth.credentials.botocore_errors import translated
    from eksauth.credentials.botocore_session import open_session

    parameters: dict[str, object] = {
        "RoleArn": role.arn,
        "RoleSessionName": role.session_name or default_session_name(),
    }
    if role.external_id is not None:
        parameters["ExternalId"] = role.external_id
    if role.duration_seconds is not None:
        parameters["DurationSeconds"] = role.duration_seconds
    with translated(settings.profile_name, doing=f"assuming {role.arn}"):
        named = settings.profile_name if settings.explicit_profile else named_profile(environ, None)
        session = open_session(named, explicit=settings.explicit_profile, region=settings.region)
        session.set_credentials(source.access_key_id, source.secret_access_key, source.session_token)
        answer = session.create_client("sts").assume_role(**parameters)["Credentials"]
        return Credentials(
            answer["AccessKeyId"],
            answer["SecretAccessKey"],
            answer["SessionToken"],
            float(answer["Expiration"].timestamp()),
            f"role {role.arn}",
        )
