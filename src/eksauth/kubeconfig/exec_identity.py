"""Whose entry is this? The identity that a user entry acts as, read back from what tools write; pure.

Known are our own arguments, ``aws eks get-token`` (``--role``, ``AWS_PROFILE``), Atmos (``--identity``, which is one of
the same configuration that eksauth reads) and aws-iam-authenticator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eksauth.kubeconfig.exec_entry import ExecIdentity
from eksauth.kubeconfig.model import ExecConfig, User

_FLAGS = {
    "--profile": "profile",
    "--role": "role_arn",
    "--role-arn": "role_arn",
    "-r": "role_arn",
    "--external-id": "external_id",
    "-e": "external_id",
    "--session-name": "session_name",
    "-s": "session_name",
}
_IDENTITY_FLAGS = {
    "--identity": "identity",
    "-i": "identity",
    "--config": "config",
    "--realm": "realm",
    "--account": "account",
}
_NAMES = {"--cluster-name": "name", "--cluster-id": "name", "-i": "name", "--region": "region"}
_VALUED = frozenset(("--region", "--cluster-name", "--cluster-id", "--output", "-o", "--duration", *_IDENTITY_FLAGS))


def identity_of(user: User) -> ExecIdentity | None:
    """Return who a user entry acts as, or None when it cannot be told (static credentials, an unknown plugin)."""
    plugin = user.exec
    if plugin is None or user.token or user.token_file or user.username or user.client_certificate:
        return None
    if user.client_certificate_data or user.auth_provider is not None:
        return None
    arguments = plugin.args or ()
    kind = _kind(plugin, arguments)
    if kind is None:
        return None
    known = {**_FLAGS, **_IDENTITY_FLAGS} if kind in {"eksauth", "atmos"} else _FLAGS
    found = _flags(arguments, known)
    if found is None:
        return None
    if kind != "eksauth" and not {"profile", "identity"} & found.keys():
        variables = {variable.name: variable.value for variable in plugin.env or ()}
        profile = variables.get("AWS_PROFILE") or variables.get("AWS_DEFAULT_PROFILE")
        found |= {"profile": profile} if profile else {}
    pinned = found.pop("account", None) is not None
    return ExecIdentity(**found, cross_account="identity" in found and not pinned)


def cluster_in(user: User) -> tuple[str | None, str | None]:
    """Return the cluster (name or id) and the region that the plugin's arguments name."""
    arguments = user.exec.args or () if user.exec is not None else ()
    ours = user.exec is not None and _kind(user.exec, arguments) in {"eksauth", "atmos"}
    found: dict[str, str] = {}
    for at, word in enumerate(arguments):
        flag, equals, value = word.partition("=")
        if flag in _NAMES and not (flag == "-i" and ours):
            found[_NAMES[flag]] = value if equals else next(iter(arguments[at + 1 : at + 2]), "")
    return found.get("name"), found.get("region")


def same_identity(left: ExecIdentity, right: ExecIdentity) -> bool:
    """Tell whether two identities end as the same caller; an external id opens a door, it does not name anyone.

    An identity without a configuration is looked up where the plugin runs: it may be any of that name.
    """
    if (left.identity or "").lower() != (right.identity or "").lower():
        return False
    if left.config and right.config and (left.config, left.realm) != (right.config, right.realm):
        return False
    return (left.profile, left.role_arn, left.session_name) == (right.profile, right.role_arn, right.session_name)


def _kind(plugin: ExecConfig, arguments: Sequence[str]) -> str | None:
    program = plugin.command.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    words = [word for word in arguments if not word.startswith("-")]
    if "get-token" in words and "eks" in words:
        return "aws"
    if words[:3] == ["aws", "eks", "token"]:
        return "atmos"
    if arguments[:1] == ("token",):
        return "authenticator" if program.startswith(("aws-iam-authenticator", "heptio-authenticator")) else "eksauth"
    return None


def _flags(arguments: Sequence[str], known: Mapping[str, str]) -> dict[str, str] | None:
    """Return the identity's flags by field; None when one is given without a value."""
    found: dict[str, str] = {}
    at = 0
    while at < len(arguments):
        flag, equals, value = arguments[at].partition("=")
        at += 1
        if not equals and (flag in known or flag in _VALUED):
            if at == len(arguments):
                return None
            value = arguments[at]
            at += 1
        if flag in known and value:
            found[known[flag]] = value
    return found
