"""ARNs that stand in a mapping and can never match, because STS reports principals in another form. Pure."""

from __future__ import annotations

from eksauth.aws.arn import parse_arn

_SSO_PATH = "aws-reserved/sso.amazonaws.com/"


def lint_arn(text: str, *, canonicalised: bool) -> tuple[str, str, str] | None:
    """Return (code, message, hint) for an ARN that matches nobody, or None.

    :param canonicalised: the backend turns assumed-role ARNs into role ARNs before it compares.
    """
    if text != text.strip():
        return "mapping.blanks", f"{text!r} has blanks around it and matches nobody", "take them out of the quotes"
    try:
        arn = parse_arn(text)
    except ValueError:
        return (
            "mapping.not_an_arn",
            f"{text[:80]!r} is not an ARN and matches nobody",
            "write arn:aws:iam::111122223333:role/NAME",
        )
    kind, _, name = arn.resource.partition("/")
    if kind == "role" and "/" in name:
        what = "the path of an SSO role" if name.startswith(_SSO_PATH) else "a path"
        short = f"arn:{arn.partition}:iam::{arn.account}:role/{name.rpartition('/')[2]}"
        return "mapping.role_path", f"{text} has {what}, which STS never reports; it matches nobody", f"write {short}"
    if kind == "assumed-role" and not canonicalised:
        short = f"arn:{arn.partition}:iam::{arn.account}:role/{name.partition('/')[0]}"
        return "mapping.assumed_role", f"{text} names a session, not a role; it matches nobody", f"write {short}"
    if kind == "instance-profile":
        return (
            "mapping.instance_profile",
            f"{text} is an instance profile; it matches nobody",
            "write the ARN of the role inside the profile",
        )
    if kind == "group":
        return (
            "mapping.iam_group",
            f"{text} is an IAM group; groups cannot be mapped",
            "map a role that the group may assume",
        )
    if "*" in text:
        return (
            "mapping.wildcard",
            f"{text} has a wildcard, which is taken literally",
            "write one entry per role, or use sso for permission sets",
        )
    return None
