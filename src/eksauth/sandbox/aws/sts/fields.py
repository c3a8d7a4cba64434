"""Reading the parameters of STS operations, with the texts in which STS refuses them."""

from __future__ import annotations

import re

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import Parameters

NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)
"""Session names, source identities and names of federated users."""

_ROLE_ARN = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}", re.ASCII)


def required(parameters: Parameters, name: str, *, least: int, most: int, secret: bool = False) -> str:
    """Return a parameter that must be there.

    :param secret: whether the value may not be quoted in a refusal.
    :raises ServiceFault: ValidationError.
    """
    value = parameters.get(name)
    if value is None:
        raise null(camel(name))
    check_length(value, name, least=least, most=most, secret=secret)
    return value


def optional(
    parameters: Parameters, name: str, *, least: int, most: int, pattern: re.Pattern[str] | None = None
) -> str | None:
    """Return a parameter that may be absent.

    :raises ServiceFault: ValidationError.
    """
    value = parameters.get(name)
    if value is not None:
        check_length(value, name, least=least, most=most)
        if pattern is not None:
            check_pattern(value, name, pattern)
    return value


def role_arn(parameters: Parameters, *, refusal: str = "") -> str:
    """Return RoleArn.

    :param refusal: what is said of something that is no role ARN; names the value unless told otherwise.
    :raises ServiceFault: ValidationError.
    """
    value = required(parameters, "RoleArn", least=20, most=2048)
    if not _ROLE_ARN.fullmatch(value):
        raise invalid(refusal or f"{value[:256]} is invalid")
    return value


def session_name(parameters: Parameters) -> str:
    """Return RoleSessionName.

    :raises ServiceFault: ValidationError.
    """
    value = required(parameters, "RoleSessionName", least=2, most=64)
    check_pattern(value, "RoleSessionName", NAME)
    return value


def duration(parameters: Parameters, *, most: int, least: int = 900) -> int | None:
    """Return DurationSeconds, or None when it is absent.

    :raises ServiceFault: ValidationError, MalformedInput.
    """
    text = parameters.get("DurationSeconds")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ServiceFault("MalformedInput", "DurationSeconds is not a number")
    value = int(text)
    if value < least:
        raise constraint(text, "DurationSeconds", f"value greater than or equal to {least}")
    if value > most:
        raise constraint(text, "DurationSeconds", f"value less than or equal to {most}")
    return value


def check_length(value: str, name: str, *, least: int, most: int, secret: bool = False) -> None:
    """Check the length of a value.

    :raises ServiceFault: ValidationError.
    """
    shown = "" if secret else value
    if len(value) < least:
        raise constraint(shown, name, f"length greater than or equal to {least}")
    if len(value) > most:
        raise constraint(shown, name, f"length less than or equal to {most}")


def check_pattern(value: str, name: str, pattern: re.Pattern[str]) -> None:
    """Check that all of ``value`` matches ``pattern``.

    :raises ServiceFault: ValidationError.
    """
    if not pattern.fullmatch(value):
        raise invalid(
            f"1 validation error detected: Value '{value[:128]}' at '{camel(name)}' failed to satisfy constraint:"
            f" Member must satisfy regular expression pattern: {pattern.pattern}"
        )


def null(shown: str) -> ServiceFault:
    """Return the refusal of an absent value; ``shown`` is where it should have been."""
    return invalid(
        f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint: Member must not be null"
    )


def constraint(value: str, name: str, rule: str) -> ServiceFault:
    """Return the refusal of a value that breaks ``rule``; an empty value is not quoted."""
    quoted = f" '{value[:128]}'" if value else ""
    return invalid(
        f"1 validation error detected: Value{quoted} at '{camel(name)}' failed to satisfy constraint:"
        f" Member must have {rule}"
    )


def invalid(message: str) -> ServiceFault:
    """Return a ValidationError."""
    return ServiceFault("ValidationError", message)


def camel(name: str) -> str:
    """Return a member's name as refusals spell it."""
    return name[:1].lower() + name[1:] if not name.startswith("SAML") else "sAML" + name[4:]
