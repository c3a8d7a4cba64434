"""Whose an entry is: the mark that eksauth leaves on what it writes.

An entry is ours only when it carries the extension ``eksauth`` and that names a cluster; looking like EKS is not enough
to be touched. (A protected context of somebody else has the extension without a cluster.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from eksauth.kubeconfig.model import NamedExtension

OWNER = "eksauth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What an entry's mark says; empty where it does not say.

    :ivar account: twelve digits.
    :ivar arn: of the cluster.
    :ivar cluster: its name in EKS.
    :ivar region: such as ``eu-west-1``.
    :ivar identity: the identity that the entry was made for, as a path.
    :ivar profile: the AWS profile of that identity.
    :ivar role: ARN of the role of that identity.
    :ivar config: path of the configuration that the identity is from, and ``realm`` its realm.
    """

    cluster: str
    account: str = ""
    arn: str = ""
    region: str = ""
    identity: str = ""
    profile: str = ""
    role: str = ""
    config: str = ""
    realm: str = ""


def owner_of(extensions: Iterable[NamedExtension]) -> Owner | None:
    """Return the mark among an entry's extensions, or None; a damaged mark counts as none."""
    for extension in extensions:
        if extension.name == OWNER and isinstance(extension.extension, Mapping):
            given = {field.name: extension.extension.get(field.name) for field in fields(Owner)}
            texts = {name: value for name, value in given.items() if isinstance(value, str)}
            return Owner(**texts) if texts.get("cluster") else None
    return None
