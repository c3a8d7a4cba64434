"""The three entries that let kubectl reach a cluster through eksauth: cluster, user, context; pure.

Every entry carries an extension named ``eksauth`` that says what it is for, so that later commands touch only their own
entries. The user's name holds account, region, cluster and identity: two roles of one cluster never share an entry.
The exec protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from eksauth.aws.arn import parse_arn
from eksauth.aws.cluster_info import ClusterInfo
from eksauth.kubeconfig.operations import FieldPath, SetEntry
from eksauth.kubeconfig.owner import OWNER

EXTENSION_VERSION = 1
API_VERSIONS = ("v1", "v1beta1")
_PLAIN = " @+=,.:_-"
"""Characters besides letters and digits that names of users may hold as they are."""
API_GROUP = "client.authentication.k8s.io"
INSTALL_HINT = "eksauth is not here; install it with pipx install eksauth"
"""Short, and without what needs quotes: kubectl folds lines behind column 80 when it writes the file, and a folded text
needs a YAML parser."""
_HIDING = (
    "token",
    "tokenFile",
    "username",
    "password",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "auth-provider",
)
"""Keys of a user with which kubectl would not run the plugin, or refuse the entry."""
_PROFILE_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "ATMOS_IDENTITY")
_IDENTITY_VARIABLES = ("EKSAUTH_IDENTITY", "ATMOS_IDENTITY")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecIdentity:
    """Who the plugin acts as: an identity, a profile, a role, the last two, or (all None) what the environment gives.

    :ivar identity: of a configuration; it excludes profile and role.
    :ivar config: absolute path of that configuration: the entry works from any directory, and means the same there.
    :ivar realm: of the configuration when the entry was written; it counts when ``config`` is given.
    :ivar cross_account: the identity's account is on purpose not the cluster's; else the plugin refuses to sign as an
        identity of another account.
    """

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str | None = None
    identity: str | None = None
    config: str | None = None
    realm: str = ""
    cross_account: bool = False

    def path(self) -> str:
        """Return a name that differs for identities that a cluster can tell apart; no slash in a name's part."""
        parts = []
        if self.identity:
            realm = f"realm/{self.realm}/" if self.realm else ""
            parts.append(f"{realm}identity/{quote(self.identity, safe=_PLAIN)}")
        if self.profile:
            parts.append(f"profile/{quote(self.profile, safe=_PLAIN)}")
        if self.session_name:
            parts.append(f"session/{self.session_name}")
        if self.role_arn:
            role = parse_arn(self.role_arn)
            parts.append(f"role/{role.account}/{role.resource.partition('/')[2]}")
        return "/".join(parts) or "ambient"

    def describe(self) -> str:
        """Return the identity for people."""
        where = f" of {self.config}" if self.config else ""
        parts = [f"identity {self.identity}{where}"] if self.identity else []
        parts += [f"profile {self.profile}"] if self.profile else []
        parts += [f"role {self.role_arn}"] if self.role_arn else []
        parts += [f"session {self.session_name}"] if self.session_name else []
        return ", ".join(parts) or "whatever the environment gives"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOptions:
    """What goes into the entries besides the cluster.

    :ivar command: absolute path, or a bare name that kubectl looks up in ``PATH``.
    :ivar api_version: ``v1`` or ``v1beta1``.
    :ivar whole: what people added to existing clusters and users goes; a context keeps extensions of others.
    """

    command: str
    identity: ExecIdentity = ExecIdentity()
    api_version: str = "v1"
    namespace: str | None = None
    proxy_url: str | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class EntryNames:
    """What the three entries are called."""

    cluster: str
    user: str
    context: str


def default_user_name(cluster: ClusterInfo, identity: ExecIdentity) -> str:
    """Return the user's name: the cluster's ARN (account, region, cluster), then the identity."""
    return f"{cluster.arn}/{identity.path()}"


def longer_user_name(cluster: ClusterInfo, identity: ExecIdentity) -> str:
    """Return a name for when the usual one is taken: two configurations can call their identities the same."""
    digest = hashlib.sha256((identity.config or "").encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{default_user_name(cluster, identity)}/config/{digest}"


def exec_arguments(cluster: ClusterInfo, identity: ExecIdentity) -> list[str]:
    """Return the arguments of the plugin, in the form that its quickest path understands."""
    arguments = ["token"]
    if cluster.local_id is None:
        arguments += _flag("--cluster-name", cluster.name)
    else:
        arguments += _flag("--cluster-id", cluster.local_id)
    arguments += _flag("--region", cluster.region)
    arguments += _flag("--profile", identity.profile)
    arguments += _flag("--role-arn", identity.role_arn)
    arguments += _flag("--external-id", identity.external_id)
    arguments += _flag("--session-name", identity.session_name)
    if identity.identity:
        arguments += _flag("--identity", identity.identity)
        # an empty realm is pinned, too: a variable of the day must not lead to other credentials
        arguments += [*_flag("--config", identity.config), f"--realm={identity.realm}"] if identity.config else []
        arguments += [] if identity.cross_account else ["--account", cluster.account]
    return arguments


def operations(cluster: ClusterInfo, names: EntryNames, options: EntryOptions) -> tuple[SetEntry, SetEntry, SetEntry]:
    """Return what makes the entries say this; what users add by hand to existing ones stays.

    Kept are a context's namespace, a cluster's proxy and TLS server name, extensions of others, extra variables of the
    plugin, its interactive mode and install hint. What would hide the plugin or contradict the CA goes.
    """
    return (
        _cluster(cluster, names.cluster, options),
        _user(cluster, names.user, options),
        _context(cluster, names, options),
    )


def owner_note(cluster: ClusterInfo, identity: ExecIdentity | None = None) -> dict[str, Any]:
    """Return the value of the ``eksauth`` extension."""
    note: dict[str, Any] = {
        "account": cluster.account,
        "arn": cluster.arn,
        "cluster": cluster.name,
        "region": cluster.region,
        "version": EXTENSION_VERSION,
    }
    if identity is not None:
        note["identity"] = identity.path()
        note |= {"profile": identity.profile} if identity.profile else {}
        note |= {"role": identity.role_arn} if identity.role_arn else {}
        note |= {"config": identity.config, "realm": identity.realm} if identity.config else {}
    return note


def _cluster(cluster: ClusterInfo, name: str, options: EntryOptions) -> SetEntry:
    body: dict[str, Any] = {
        "certificate-authority-data": cluster.ca_data,
        "server": cluster.endpoint,
        "extensions": [{"name": OWNER, "extension": owner_note(cluster)}],
    }
    if options.proxy_url:
        body["proxy-url"] = options.proxy_url
    # kubectl refuses either beside certificate-authority-data
    remove: tuple[FieldPath, ...] = (("certificate-authority",), ("insecure-skip-tls-verify",))
    return SetEntry("clusters", name, body, remove=remove, merge=not options.whole)


def _user(cluster: ClusterInfo, name: str, options: EntryOptions) -> SetEntry:
    plugin = {
        "apiVersion": f"{API_GROUP}/{options.api_version}",
        "args": exec_arguments(cluster, options.identity),
        "command": options.command,
        "installHint": INSTALL_HINT,
        "interactiveMode": "IfAvailable",
    }
    extension = {"name": OWNER, "extension": owner_note(cluster, options.identity)}
    remove: tuple[FieldPath, ...] = tuple((key,) for key in _HIDING)
    # the arguments name the profile, which beats keys in the environment; a variable would not
    remove += tuple(("exec", "env", variable) for variable in _PROFILE_VARIABLES) if options.identity.profile else ()
    remove += tuple(("exec", "env", variable) for variable in _IDENTITY_VARIABLES) if options.identity.identity else ()
    return SetEntry(
        "users",
        name,
        {"exec": plugin, "extensions": [extension]},
        keep=(("exec", "interactiveMode"), ("exec", "installHint")),
        remove=remove,
        merge=not options.whole,
    )


def _context(cluster: ClusterInfo, names: EntryNames, options: EntryOptions) -> SetEntry:
    extension = {"name": OWNER, "extension": owner_note(cluster, options.identity)}
    body: dict[str, Any] = {"cluster": names.cluster, "user": names.user, "extensions": [extension]}
    if options.namespace:
        body["namespace"] = options.namespace
    remove: tuple[FieldPath, ...] = (("namespace",),) if options.whole and not options.namespace else ()
    return SetEntry("contexts", names.context, body, remove=remove)


def _flag(name: str, value: str | None) -> list[str]:
    if value is None:
        return []
    # a parser would take the value for another flag
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
