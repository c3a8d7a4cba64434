"""What the access policies of an entry grant: allow, or no opinion; never deny.

The grant belongs to the principal, as EKS has it: who is impersonated carries none of it. Pure.
https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from eksauth.authenticator.entries.model import AccessEntry, Association
from eksauth.authenticator.entries.table import EntryTable
from eksauth.kube.rbac import Attributes, User
from eksauth.kube.text import quoted

_ARN, _ID = "canonicalarn", "principalid"


@dataclass(frozen=True, slots=True)
class Opinion:
    """``allowed`` or no opinion, and why."""

    allowed: bool
    reason: str = ""


def authorize(table: EntryTable, request: Attributes) -> Opinion:
    """Return whether an access policy allows ``request``."""
    arn, principal_id = principal_of(request.user)
    if not arn:
        return Opinion(allowed=False, reason="the user was not authenticated through IAM")
    entry = table.find(arn, principal_id)
    if entry is None:
        return Opinion(allowed=False, reason="the principal has no access entry")
    if not entry.associations:
        return Opinion(allowed=False, reason="no access policy is associated with the principal")
    for association in entry.associations:
        place = _place(association, request)
        if place is not None and any(rule.allows(request) for rule in association.policy.rules or ()):
            return Opinion(allowed=True, reason=_reason(entry, association, place, principal_id))
    names = ", ".join(association.policy.name for association in entry.associations)
    return Opinion(allowed=False, reason=f"no associated access policy allows it ({names})")


def principal_of(user: User) -> tuple[str, str]:
    """Return (canonical ARN, unique id) that authentication put into the user's extras; empty where there is none."""
    found = {key.lower(): values[0] for key, values in user.extra.items() if len(values) == 1}
    return found.get(_ARN, ""), found.get(_ID, "")


def _place(association: Association, request: Attributes) -> str | None:
    """Return the namespace that the association counts in for this request, empty for the cluster, None for nowhere."""
    if association.scope.namespaces is None:
        return ""
    if request.path is not None or not request.namespace:
        return None
    for pattern in association.scope.namespaces:
        # only * is special in a scope; the brackets and question marks of shell patterns cannot be in a namespace
        if fnmatchcase(request.namespace, pattern):
            return request.namespace
    return None


def _reason(entry: AccessEntry, association: Association, namespace: str, principal_id: str) -> str:
    binding = f"{entry.principal_arn}+{association.policy_arn}"
    kind = "ClusterRoleBinding"
    if namespace:
        kind, binding = "RoleBinding", f"{binding}/{namespace}"
    who = principal_id or entry.principal_arn
    return (
        f"EKS Access Policy: allowed by {kind} {quoted(binding)} of ClusterRole {quoted(association.policy_arn)} "
        f"to User {quoted(who)}"
    )
