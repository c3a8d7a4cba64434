"""Access entries as values, after they were checked; out of the garbage collector's sight, as mappings are."""

from __future__ import annotations

from typing import Literal

import msgspec

from eksauth.authenticator.entries.policies import AccessPolicy
from eksauth.authenticator.mapping.model import Source

EntryType = Literal["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX"]


class Scope(msgspec.Struct, frozen=True, gc=False):
    """Where a policy counts: everywhere (None), or in namespaces, whose names may hold ``*``."""

    namespaces: tuple[str, ...] | None = None


class Association(msgspec.Struct, frozen=True, gc=False):
    """An access policy associated with an entry."""

    policy_arn: str
    policy: AccessPolicy
    scope: Scope


class AccessEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One principal that may enter a cluster.

    :ivar principal_arn: the IAM ARN with its path, as written.
    :ivar lookup_arn: what STS makes of it, in lower case: without the path for roles.
    :ivar principal_id: the unique id (``AROA…``, ``AIDA…``) when known; a principal made anew has another.
    :ivar username: template; ``groups`` likewise.
    """

    principal_arn: str
    lookup_arn: str
    type: EntryType
    username: str
    groups: tuple[str, ...]
    source: Source
    principal_id: str | None = None
    associations: tuple[Association, ...] = ()
