"""Credentials in environment variables, as the AWS SDKs define them.

https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html. Unlike botocore, ``AWS_SESSION_TOKEN`` comes
before its legacy name ``AWS_SECURITY_TOKEN``, as in every other SDK.
"""

from eksauth.credentials.model import Credentials, token_mismatch, unusable_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def has_environment_keys(environ: "Mapping[str, str]") -> bool:
    """Tell whether the environment names an access key at all; an empty one counts as absent."""
    return bool(environ.get("AWS_ACCESS_KEY_ID"))


def environment_credentials(environ: "Mapping[str, str]") -> Credentials | None:
    """Return the credentials in ``environ``, or None when it names no access key.

    :raises CredentialsError: when the secret is missing, a value cannot be a key, or the expiry cannot be read.
    """
    access_key_id = environ.get("AWS_ACCESS_KEY_ID")
    if not access_key_id:
        return None
    secret_access_key = environ.get("AWS_SECRET_ACCESS_KEY")
    if not secret_access_key:
        raise _error(
            "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not",
            "set AWS_SECRET_ACCESS_KEY too, or unset AWS_ACCESS_KEY_ID to use a profile",
        )
    session_token = environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN") or None
    found = Credentials(access_key_id, secret_access_key, session_token, source="environment")
    expiration = environ.get("AWS_CREDENTIAL_EXPIRATION")
    if expiration:
        from eksauth.credentials.timestamps import epoch_of

        found.expires_at = epoch_of(expiration)
        if found.expires_at is None:
            raise _error(
                "AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-01-31T12:00:00Z",
                "correct it, or unset it if the credentials do not expire",
            )
    field = unusable_field(found)
    if field:
        raise _error(
            f"the {field} in the environment has blanks, line ends or other characters that no AWS key has",
            "copy it again without the surrounding white space",
        )
    mismatch = token_mismatch(found)
    if mismatch:
        raise _error(
            f"the access key in the environment {mismatch}",
            "unset AWS_SESSION_TOKEN and AWS_SECURITY_TOKEN" if session_token else "set AWS_SESSION_TOKEN too",
        )
    return found


def session_token_conflict(environ: "Mapping[str, str]") -> str | None:
    """Return a warning when the two names of the session token disagree, or None."""
    new, old = environ.get("AWS_SESSION_TOKEN"), environ.get("AWS_SECURITY_TOKEN")
    if new and old and new != old and has_environment_keys(environ):
        return "AWS_SESSION_TOKEN and AWS_SECURITY_TOKEN differ; using AWS_SESSION_TOKEN, unset the other"
    return None


def _error(message: str, hint: str) -> Exception:
    from eksauth.errors import CredentialsError

    return CredentialsError(message, hint=hint)
