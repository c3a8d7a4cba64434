"""The name of a role session: who is behind it, in the alphabet of STS.

CloudTrail shows it, ``{{SessionName}}`` in a mapping becomes it, and trust policies compare it with a user's name; so
it is the human's own name where the upstream tells it, and does not change from call to call.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html gives alphabet and length.
"""

from __future__ import annotations

from eksauth.aws.arn import parse_arn

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-")
MAX_LENGTH = 64


def session_name(human: str | None) -> str:
    """Return a session name that carries ``human``; ``eksauth-USER`` of this machine when nobody is known."""
    if human and human.strip():
        return tidy(human.strip())
    from eksauth.credentials.assume_role import default_session_name

    return default_session_name()


def tidy(name: str) -> str:
    """Replace what STS does not take by ``-`` and cut at 64; at least two characters long."""
    return "".join([letter if letter in _LETTERS else "-" for letter in name]).ljust(2, "-")[:MAX_LENGTH]


def human_in_arn(caller_arn: str) -> str | None:
    """Return the name of the person in what ``GetCallerIdentity`` answered, or None when it names none.

    A role's session carries the name that was given when it was made (IAM Identity Center and SAML give the user's),
    an IAM user its own.
    """
    try:
        arn = parse_arn(caller_arn)
    except ValueError:
        return None
    kind, _, rest = arn.resource.partition("/")
    name = rest.rpartition("/")[2]
    return name if kind in {"assumed-role", "user", "federated-user"} and name else None
