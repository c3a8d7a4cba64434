"""Acting as somebody else: the Impersonate headers, each of which needs its own permission.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from eksauth.kube.rbac import (
    ANONYMOUS,
    AUTHENTICATED,
    SERVICE_ACCOUNT_PREFIX,
    UNAUTHENTICATED,
    Attributes,
    User,
)
from eksauth.sandbox.apiserver.authorizer import Authorizer
from eksauth.sandbox.apiserver.resources import AUTHENTICATION_GROUP
from eksauth.sandbox.apiserver.status import ApiError, forbidden

_EXTRA = "impersonate-extra-"
_SERVICE_ACCOUNT = re.compile(rf"{SERVICE_ACCOUNT_PREFIX}([a-z0-9][-a-z0-9]{{0,62}}):([a-z0-9][-.a-z0-9]{{0,252}})")


@dataclass(slots=True)
class Wanted:
    """Who the headers ask to be."""

    user: str = ""
    uid: str = ""
    groups: list[str] = field(default_factory=list)
    extra: dict[str, list[str]] = field(default_factory=dict)


def read_headers(headers: Iterable[tuple[str, str]]) -> Wanted | None:
    """Return who the headers ask to be, or None when they do not ask.

    :raises ApiError: when they ask for groups, a uid or extras, but for no user.
    """
    wanted = Wanted()
    for name, value in headers:
        lowered = name.lower()
        if lowered == "impersonate-user":
            wanted.user = wanted.user or value
        elif lowered == "impersonate-uid":
            wanted.uid = wanted.uid or value
        elif lowered == "impersonate-group":
            wanted.groups.append(value)
        elif lowered.startswith(_EXTRA):
            wanted.extra.setdefault(unquote(lowered[len(_EXTRA) :]), []).append(value)
    if wanted.user:
        return wanted
    if wanted.uid or wanted.groups or wanted.extra:
        raise ApiError(500, "InternalError", "requested groups, uid or extras without impersonating a user")
    return None


def impersonate(requester: User, wanted: Wanted, authorizer: Authorizer) -> User:
    """Return the user to act as.

    :raises ApiError: 403 for the first part that the requester may not take on.
    """
    for request in _requests(requester, wanted):
        decision = authorizer.decide(request)
        if not decision.allowed:
            raise forbidden(request, decision.reason)
    groups = list(wanted.groups)
    account = _SERVICE_ACCOUNT.fullmatch(wanted.user)
    if account and not groups:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{account[1]}"]
    if wanted.user == ANONYMOUS:
        if UNAUTHENTICATED not in groups:
            groups.append(UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    extra = {key: tuple(values) for key, values in wanted.extra.items()}
    return User(wanted.user, tuple(groups), wanted.uid, extra)


def _requests(requester: User, wanted: Wanted) -> Iterable[Attributes]:
    account = _SERVICE_ACCOUNT.fullmatch(wanted.user)
    if account:
        yield Attributes(requester, "impersonate", resource="serviceaccounts", namespace=account[1], name=account[2])
    else:
        yield Attributes(requester, "impersonate", resource="users", name=wanted.user)
    for group in wanted.groups:
        yield Attributes(requester, "impersonate", resource="groups", name=group)
    for key, values in wanted.extra.items():
        for value in values:
            yield Attributes(requester, "impersonate", AUTHENTICATION_GROUP, "userextras", subresource=key, name=value)
    if wanted.uid:
        yield Attributes(requester, "impersonate", AUTHENTICATION_GROUP, "uids", name=wanted.uid)
