"""Context names made from a template such as ``{name}-{region}``; pure."""

from __future__ import annotations

import string
from difflib import get_close_matches

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.errors import UsageError
from eksauth.kubeconfig.exec_entry import ExecIdentity

VARIABLES = {
    "name": "the cluster's name",
    "region": "its region",
    "account": "its account number",
    "partition": "its partition, such as aws",
    "arn": "its ARN",
    "version": "its Kubernetes version",
    "profile": "the profile in the entry; empty without one",
    "role": "the role's name without its path; empty without one",
    "role_account": "the role's account number; empty without a role",
    "session": "the session name; empty without one",
    "identity": "the identity in the entry; empty without one",
}


def context_name(template: str, cluster: ClusterInfo, identity: ExecIdentity) -> str:
    """Return the name that ``template`` gives for a cluster and an identity; ``{{`` stands for a brace.

    :raises UsageError: for an unknown variable, unbalanced braces, or a name that is empty.
    """
    role, _, account = _role(identity.role_arn)
    values = {
        "name": cluster.name,
        "region": cluster.region,
        "account": cluster.account,
        "partition": cluster.partition,
        "arn": cluster.arn,
        "version": cluster.version,
        "profile": identity.profile or "",
        "role": role,
        "role_account": account,
        "session": identity.session_name or "",
        "identity": identity.identity or "",
    }
    made = "".join(text + ("" if variable is None else values[variable]) for text, variable in parts(template))
    if not made.strip():
        raise UsageError(f"the context template '{template}' gives an empty name", hint="use {name}-{region}")
    return made


def parts(template: str) -> list[tuple[str, str | None]]:
    """Return the template as pairs of literal text and variable (None after the last text).

    :raises UsageError: for an unknown variable or unbalanced braces.
    """
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError:
        raise UsageError(
            f"the context template '{template}' has unbalanced braces", hint="write {{ and }} for braces themselves"
        ) from None
    for _, variable, spec, conversion in pieces:
        if variable is not None and (variable not in VARIABLES or spec or conversion):
            near = get_close_matches(variable, VARIABLES, 1)
            hint = f"did you mean {{{near[0]}}}" if near else f"these exist: {', '.join(VARIABLES)}"
            raise UsageError(f"the context template has no variable '{variable}'", hint=hint)
    return [(text, variable) for text, variable, _, _ in pieces]


def _role(arn: str | None) -> tuple[str, str, str]:
    """Return (name, path with name, account) of a role ARN."""
    if arn is None:
        return "", "", ""
    account, path = arn.split(":", 5)[4:]
    path = path.partition("/")[2]
    return path.rpartition("/")[2], path, account
