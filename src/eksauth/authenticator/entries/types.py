"""What each type of access entry means: its user name and groups, and what may be set on it.

Rules: https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

_NODE_GROUPS = ("system:bootstrappers", "system:nodes")
RESERVED_PREFIXES = ("system:", "eks:", "aws:", "amazon:", "iam:")
"""How user names and groups that people set may not begin."""


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The rules of one type.

    :ivar username: the template that it always has, or None where the entry or its principal decides.
    :ivar groups: what EKS sets itself.
    :ivar associable: access policies may be associated.
    """

    username: str | None
    groups: tuple[str, ...]
    associable: bool


TYPES = {
    "STANDARD": TypeRules(None, (), associable=True),
    "EC2_LINUX": TypeRules("system:node:{{EC2PrivateDNSName}}", _NODE_GROUPS, associable=False),
    "EC2_WINDOWS": TypeRules(
        "system:node:{{EC2PrivateDNSName}}", (*_NODE_GROUPS, "eks:kube-proxy-windows"), associable=False
    ),
    "FARGATE_LINUX": TypeRules("system:node:{{SessionName}}", (*_NODE_GROUPS, "system:node-proxier"), associable=False),
    "EC2": TypeRules("system:node:{{EC2PrivateDNSName}}", _NODE_GROUPS, associable=True),
    "HYBRID_LINUX": TypeRules("system:node:{{SessionName}}", _NODE_GROUPS, associable=False),
}
"""Type -> rules. ``HYPERPOD_LINUX`` is not here: its user names are made by a service of AWS alone."""


def default_username(partition: str, account: str, kind: str, name: str, principal_arn: str) -> str:
    """Return the template of a STANDARD entry that sets no user name: the session's ARN for roles.

    :param kind: ``role`` or ``user``.
    :param name: of the role, without path.
    """
    if kind == "role":
        return f"arn:{partition}:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}"
    return principal_arn


def spoofable(username: str) -> bool:
    """Tell whether whoever names a session could choose the whole user name: no colon stands before the session."""
    places = [
        place for variable in ("{{SessionName}}", "{{SessionNameRaw}}") if (place := username.find(variable)) >= 0
    ]
    return bool(places) and ":" not in username[: min(places)]
