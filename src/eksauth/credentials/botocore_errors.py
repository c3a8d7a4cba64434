"""botocore's errors in our words: what happened, and what to do about it.

Messages of botocore and of AWS are passed on only where they cannot hold a secret: a parser error would quote the line
with the key, and a refused signature may come back with the whole request.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions as boto

from eksauth.errors import AwsError, AwsUnreachable, ConfigError, CredentialsError, EksauthError

_MAX_FOREIGN_TEXT = 300


@contextmanager
def translated(profile: str | None, *, doing: str = "getting credentials") -> Iterator[None]:
    """Turn what botocore raises inside into an :class:`EksauthError`.

    :param profile: the profile in force, for hints.
    :param doing: what was tried, for messages such as "cannot reach AWS while …".
    """
    try:
        yield
    except EksauthError:
        raise
    except Exception as error:
        known = _translate(error, profile or "default", doing)
        if known is None:
            raise
        raise known from None


def _translate(error: Exception, profile: str, doing: str) -> EksauthError | None:
    if isinstance(error, boto.ClientError):
        return _aws_answered(error, profile, doing)
    if isinstance(error, boto.ProfileNotFound):
        return _profile_missing(str(error.kwargs.get("profile", profile)))
    if isinstance(error, boto.ConfigParseError):
        return _broken_file(str(error.kwargs.get("path", "")), error.kwargs.get("error"))
    for kind, make in _TABLE:
        if isinstance(error, kind):
            return make(error, profile, doing)
    return unreadable_answer(doing) if type(error).__name__ == "ResponseParserError" else None


def unreadable_answer(doing: str) -> AwsError:
    """Return the error for an answer that AWS would not give: of a proxy, or of a login page."""
    return AwsError(
        f"what answered while {doing} is not AWS: the answer cannot be read",
        hint="check the proxy variables, AWS_ENDPOINT_URL and login pages of the network",
        code="aws.answer",
    )


def _profile_missing(name: str) -> ConfigError:
    from difflib import get_close_matches

    import botocore.session

    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    try:
        names, bare = session.available_profiles, name in session.full_config
    except boto.BotoCoreError:
        names, bare = [], False
    if bare:
        hint = f"the AWS config file has a section [{name}]; there it is written [profile {name}]"
        return ConfigError(f"profile '{name}' does not exist", hint=hint, code="config.profile_missing")
    near = get_close_matches(name, names, 1)
    if near:
        hint = f"did you mean {near[0]}"
    elif names:
        hint = f"these exist: {', '.join(sorted(names)[:8])}{', …' if len(names) > 8 else ''}"
    else:
        hint = "the AWS config and credentials files name no profile at all; see 'aws configure'"
    return ConfigError(f"profile '{name}' does not exist", hint=hint, code="config.profile_missing")


def _broken_file(path: str, inner: object) -> ConfigError:
    line: object = getattr(inner, "lineno", None)
    what = "has an indented block without '='"
    if isinstance(inner, configparser.DuplicateOptionError):
        what = f"sets {inner.option} twice in section [{inner.section}]"
    elif isinstance(inner, configparser.DuplicateSectionError):
        what = f"has section [{inner.section}] twice"
    elif isinstance(inner, configparser.MissingSectionHeaderError):
        mark = getattr(inner, "line", "").startswith("\ufeff")
        what = "starts with a byte-order mark" if mark else "has settings before the first [section]"
    elif isinstance(inner, configparser.ParsingError):
        line = inner.errors[0][0] if inner.errors else None
        what = "has a line that is neither a [section] nor key = value"
    elif isinstance(inner, UnicodeDecodeError):
        what = "is not text in the encoding of this system (usually UTF-8)"
    where = f"{path}:{line}" if isinstance(line, int) else path
    return ConfigError(f"{where}: the file {what}", hint="correct the file and try again", code="config.broken_file")


_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_BAD_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ForbiddenException"}


def _aws_answered(error: boto.ClientError, profile: str, doing: str) -> EksauthError:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code") or "Unknown")
    text = _one_line(str(answer.get("Message") or ""))
    if code in _EXPIRED:
        return CredentialsError(
            f"AWS says that the credentials have expired ({code})",
            hint="get new ones, for example with 'aws sso login', and unset stale AWS_* variables",
            code="credentials.expired",
        )
    if code in _BAD_KEY:
        return CredentialsError(
            f"AWS does not know this access key ({code})",
            hint="the key may be deleted or inactive, of another partition, or temporary without its session token",
            code="credentials.unknown_key",
        )
    if code in {"SignatureDoesNotMatch", "IncompleteSignature", "InvalidSignatureException"}:
        return CredentialsError(
            f"AWS refused the signature ({code})",
            hint="the secret access key does not belong to the access key id, or the clock is wrong",
            code="credentials.bad_signature",
        )
    if code in _DENIED:
        hint = "the caller needs sts:AssumeRole on the role, and the role's trust policy must name the caller"
        if not doing.startswith("assuming"):
            hint = f"check what profile '{profile}' may do"
        return AwsError(f"AWS denied {doing}: {text}", hint=hint, code=f"aws.{code}")
    if code == "RegionDisabledException":
        return AwsError(
            f"STS is not enabled in this region for the account ({code})",
            hint="enable STS for the region in the account settings, or use another --region for the role",
            code=f"aws.{code}",
        )
    return AwsError(f"AWS refused {doing} ({code}): {text}", hint=_hint_for_code(code), code=f"aws.{code}")


def _hint_for_code(code: str) -> str | None:
    if code in {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}:
        return "AWS is throttling; try again in a moment"
    if code == "ValidationError":
        return "check the role ARN, session name, external id and duration"
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_FOREIGN_TEXT].rstrip(".")


def _sso(_error: Exception, profile: str, _doing: str) -> EksauthError:
    return CredentialsError(
        f"the SSO login of profile '{profile}' has expired or was never made",
        hint=f"run: aws sso login --profile {profile}",
        code="credentials.sso_login",
    )


def _login(_error: Exception, profile: str, _doing: str) -> EksauthError:
    return CredentialsError(
        f"the console login of profile '{profile}' has expired or cannot be used",
        hint=f"run: aws login --profile {profile}",
        code="credentials.login",
    )


def _retrieval(error: Exception, profile: str, doing: str) -> EksauthError:
    kwargs = getattr(error, "kwargs", {})
    provider, text = str(kwargs.get("provider", "")), _one_line(str(kwargs.get("error_msg", "")))
    if provider == "sso":
        return _sso(error, profile, doing)
    if provider == "login":
        return _login(error, profile, doing)
    if provider == "custom-process":
        said = text or "it printed nothing to stderr"
        return CredentialsError(
            f"credential_process of profile '{profile}' failed: {said}",
            hint="run the command by hand and look at its exit code and output",
            code="credentials.process",
        )
    return CredentialsError(
        f"credentials from {provider or 'AWS'} could not be had: {text}", hint=f"check profile '{profile}'"
    )


def _partial(error: Exception, profile: str, _doing: str) -> EksauthError:
    kwargs = getattr(error, "kwargs", {})
    return CredentialsError(
        f"profile '{profile}' is incomplete ({kwargs.get('provider')}): {kwargs.get('cred_var')} is missing",
        hint="add the missing setting to the AWS config or credentials file",
        code="credentials.partial",
    )


def _invalid_config(error: Exception, profile: str, _doing: str) -> EksauthError:
    return ConfigError(
        f"profile '{profile}' contradicts itself: {_one_line(str(error))}", hint="correct it in the AWS config file"
    )


def _unreachable(error: Exception, _profile: str, doing: str) -> EksauthError:
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    host = str(url).split("?", 1)[0] if url else "AWS"
    return AwsUnreachable(
        f"cannot reach {host} while {doing} ({type(error).__name__})",
        hint="check the network, the proxy variables, AWS_ENDPOINT_URL and AWS_CA_BUNDLE",
    )


def _missing_file(error: Exception, profile: str, _doing: str) -> EksauthError:
    name = getattr(error, "filename", None)
    reason = (getattr(error, "strerror", None) or "unusable").lower()
    return CredentialsError(
        f"profile '{profile}' needs {name or 'a file'}: {reason}",
        hint="check web_identity_token_file, credential_process and the AWS_* variables that name files",
    )


def _garbled(error: Exception, profile: str, _doing: str) -> EksauthError:
    if str(error).startswith("Unsupported host"):
        return CredentialsError(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that may not give credentials",
            hint="unset it; only https, loopback and the addresses of ECS and EKS are allowed there",
            code="credentials.container",
        )
    return CredentialsError(
        f"profile '{profile}': what should be credentials in JSON is not",
        hint="run its credential_process by hand, or remove broken files below ~/.aws/sso/cache and ~/.aws/login/cache",
    )


def _still_expired(_error: Exception, profile: str, _doing: str) -> EksauthError:
    return CredentialsError(
        f"the credentials of profile '{profile}' have expired and came back expired",
        hint="get new ones from where they come from, then try again",
        code="credentials.expired",
    )


def _invalid_arguments(error: Exception, _profile: str, doing: str) -> EksauthError:
    return CredentialsError(f"cannot go on {doing}: {_one_line(str(error))}", hint="check role ARN and session name")


def _kinds(*names: str) -> tuple[type[Exception], ...]:
    """Return those exceptions that the installed botocore has; some are newer than our oldest botocore."""
    return tuple([kind for name in names if isinstance(kind := getattr(boto, name, None), type)])


_TABLE = (
    (_kinds("SSOError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "PendingAuthorizationExpiredError"), _sso),
    (_kinds("LoginError", "LoginTokenLoadError", "LoginRefreshRequired", "MissingDependencyException"), _login),
    (_kinds("CredentialRetrievalError", "TokenRetrievalError", "MetadataRetrievalError"), _retrieval),
    (_kinds("PartialCredentialsError"), _partial),
    (_kinds("HTTPClientError", "ConnectionError", "ReadTimeoutError", "IncompleteReadError"), _unreachable),
    (_kinds("ParamValidationError"), _invalid_arguments),
    (_kinds("BotoCoreError"), _invalid_config),
    ((RuntimeError,), _still_expired),
    ((OSError,), _missing_file),
    ((ValueError, KeyError, TypeError, AttributeError), _garbled),  # botocore trusts what it parses
)
