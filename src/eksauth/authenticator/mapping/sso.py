"""Roles of IAM Identity Center permission sets: ``AWSReservedSSO_<set>_<16 hex digits>``.

The reference matches ``AWSReservedSSO_<set>_*``, which lets set ``View`` match the roles of ``View_Only``, and never
matches when a partition is written. Here the suffix is exactly 16 hex digits and a written partition works. Pure.
"""

from __future__ import annotations

from eksauth.authenticator.mapping.model import PermissionSet
from eksauth.aws.partitions import PARTITIONS, partition_named

PREFIX = "awsreservedsso_"
_SUFFIX = 17
_HEX = frozenset("0123456789abcdef")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-")


def permission_set_of(lowered_role_name: str) -> str | None:
    """Return the lower-case permission set that a lower-case role name was generated for, or None for other roles."""
    if not lowered_role_name.startswith(PREFIX):
        return None
    body, suffix = lowered_role_name[len(PREFIX) : -_SUFFIX], lowered_role_name[-_SUFFIX:]
    if body and suffix[0] == "_" and _HEX.issuperset(suffix[1:]):
        return body
    return None


def check_permission_set(permission_set: PermissionSet) -> tuple[str, str | None] | None:
    """Return (message, hint) for a permission set that cannot exist, or None."""
    name, account = permission_set.name, permission_set.account_id
    if not (1 <= len(name) <= 32 and _NAME.issuperset(name)):
        return (
            f"permissionSetName {name[:60]!r} is no name of a permission set",
            "1 to 32 of letters, digits and _+=,.@-",
        )
    if not (len(account) == 12 and account.isascii() and account.isdigit()):
        return f"accountID {account[:60]!r} is not a 12-digit account id", None
    if partition_named(permission_set.partition) is None:
        names = ", ".join(partition.name for partition in PARTITIONS)
        return f"no such partition: {permission_set.partition[:60]!r}", f"one of {names}"
    return None
