"""The ``auth`` section as values, after names, durations and references were checked.

The keys are those of Atmos's ``auth`` section, so that one file serves both; what is ours alone says so. Reading and
checking live in the modules next to this one: whatever holds one of these values can rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ProviderKind = Literal["aws/iam-identity-center", "aws/saml", "github/oidc", "oidc/token", "foreign"]
IdentityKind = Literal[
    "aws/permission-set",
    "aws/assume-role",
    "aws/assume-root",
    "aws/user",
    "aws/ambient",
    "aws/profile",
    "aws/roles-anywhere",
    "aws/pod-identity",
    "aws/container",
    "aws/imds",
    "foreign",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the configuration something is said; lines and columns start at 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlSource:
    """Where a SAML provider gets its assertion from; exactly one way, the browser when nothing else is said.

    :ivar file: holds the base64 assertion or the whole response document.
    :ivar command: program and arguments; its standard output is the same.
    :ivar port: of the loopback page that receives the POST; 0 takes a free one.
    """

    file: str | None = None
    command: tuple[str, ...] = ()
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Where an OIDC provider gets its token from: exactly one of a file, a variable or a command."""

    file: str | None = None
    env: str | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Something a person or a pipeline signs in to.

    :ivar kind: ``foreign`` for kinds of other clouds and of Atmos's own, which are kept but cannot be used.
    :ivar start_url: of the IAM Identity Center portal.
    :ivar url: of the SAML identity provider's sign-in page.
    :ivar audience: of OIDC tokens; ``sts.amazonaws.com`` in every partition unless set.
    :ivar session_seconds: ``session.duration``, where given.
    :ivar console_seconds: ``console.session_duration``, where given.
    :ivar endpoint_url: an emulator's base URL for AWS calls, ``spec.endpoint_url``.
    :ivar flow: of IAM Identity Center; ``auto`` chooses (ours).
    :ivar scopes: of IAM Identity Center (ours).
    :ivar session_name: names an AWS ``sso-session``, so that one portal can have several sessions (ours).
    """

    name: str
    kind: ProviderKind
    declared_kind: str
    place: Place
    region: str | None = None
    start_url: str | None = None
    url: str | None = None
    username: str | None = None
    audience: str = "sts.amazonaws.com"
    auto_provision_identities: bool = False
    session_seconds: int | None = None
    console_seconds: int | None = None
    endpoint_url: str | None = None
    flow: Literal["auto", "device", "pkce"] = "auto"
    scopes: tuple[str, ...] = ("sso:account:access",)
    session_name: str | None = None
    saml: SamlSource = SamlSource()
    token: TokenSource = TokenSource()
    default: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """What an identity becomes; which fields matter depends on its kind.

    :ivar name: of the permission set.
    :ivar account_id: twelve digits; a permission set has it or ``account_name``, and it decides when it has both.
    :ivar assume_role: the role's ARN, for ``aws/assume-role`` and ``aws/roles-anywhere``.
    :ivar duration_seconds: asked from STS: ``principal.duration``, else the identity's ``session.duration``.
    :ivar session_tags: passed on the call, in order (ours).
    :ivar transitive_tags: keys of ``session_tags`` that follow into further roles (ours).
    :ivar policy: inline session policy as JSON text; ``policy_arns`` managed ones (ours).
    :ivar mfa_serial: of the device whose code goes with the call; ``mfa_process`` prints the code (ours).
    :ivar target_principal: the member account for ``aws/assume-root``.
    :ivar profile: of the AWS files, for ``aws/profile`` (ours).
    :ivar certificate: path of the PEM certificate (chain) for ``aws/roles-anywhere`` (ours).
    """

    name: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    region: str | None = None
    assume_role: str | None = None
    session_name: str | None = None
    external_id: str | None = None
    duration_seconds: int | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    source_identity: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    mfa_serial: str | None = None
    mfa_process: tuple[str, ...] = ()
    target_principal: str | None = None
    task_policy_arn: str | None = None
    profile: str | None = None
    certificate: str | None = None
    private_key: str | None = None
    trust_anchor_arn: str | None = None
    profile_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKeys:
    """The ``credentials`` of an ``aws/user``: keys in the file, or none, and then the keyring has them."""

    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    mfa_arn: str | None = None
    mfa_process: tuple[str, ...] = ()
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody one can be.

    :ivar via_provider: the provider it starts from; at most one of it and ``via_identity`` is set.
    :ivar aliases: other names that select it.
    :ivar env: extra variables for programs started as it.
    :ivar provisioned: found by signing in, not written in the file.
    """

    name: str
    kind: IdentityKind
    declared_kind: str
    place: Place
    via_provider: str | None = None
    via_identity: str | None = None
    default: bool = False
    principal: Principal = Principal()
    credentials: UserKeys = UserKeys()
    session_seconds: int | None = None
    aliases: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    endpoint_url: str | None = None
    tags: tuple[str, ...] = ()
    provisioned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EksIntegration:
    """A cluster whose kubeconfig entries follow an identity.

    :ivar cluster_alias: context name, may hold the placeholders of ``kubeconfig update``; the cluster's ARN when None.
    :ivar kubeconfig: path with ``~`` expanded, or None for the place where kubectl looks.
    :ivar mode: permission bits of a file that is made.
    :ivar cross_account: the identity's account is on purpose not the cluster's (ours).
    :ivar describe_as: the identity that asks EKS about the cluster, where it is not the one of the entry (ours).
    """

    name: str
    place: Place
    cluster_name: str
    region: str
    via_identity: str | None = None
    via_provider: str | None = None
    auto_provision: bool = True
    cluster_alias: str | None = None
    namespace: str | None = None
    kubeconfig: str | None = None
    mode: int = 0o600
    update: Literal["merge", "replace", "error"] = "merge"
    set_current_context: bool = True
    cross_account: bool = False
    describe_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A demand on signing in as some identities, or on tokens for some clusters (ours).

    :ivar identities: shell patterns of identity names; ``clusters`` the same of cluster names or ARNs.
    :ivar max_session_seconds: how long one sign-in may last, renewals included.
    :ivar require_audit: what cannot be written to the audit log must not happen.
    """

    name: str
    place: Place
    identities: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    require_reason: bool = False
    confirm: bool = False
    max_session_seconds: int | None = None
    require_audit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Where secrets are kept; ``auto`` takes the desktop's keyring if it works and else asks for the file."""

    kind: Literal["auto", "system", "file", "memory"] = "auto"
    path: str | None = None
    password_env: str = "EKSAUTH_KEYRING_PASSWORD"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthConfig:
    """A whole configuration.

    Names keep their spelling; look them up with :mod:`eksauth.credentials.config.select`, which does not mind case.

    :ivar path: absolute path of the file, None when there is no file at all.
    :ivar searched: the file was found by walking up from the working directory: nobody named it, so nothing in it is
        run without a person at a terminal.
    :ivar digest: SHA-256 of the file's bytes, in hex.
    :ivar inputs: name and value digest of each variable that ``!env`` read (an empty digest: it was not set); part of
        every cache key.
    :ivar borrowing: identities whose ``principal`` hands on what ``!env`` read, in words that AWS takes as they are and
        shows to the owner of the role.
    :ivar files: path and digest of everything else that was read or looked for (an empty digest: it was not there).
    :ivar realm_from: what said the realm, for people: ``--realm``, a variable's name, a place in the file, or empty.
    :ivar foreign_integrations: name and kind of those that are left to Atmos.
    """

    path: str | None = None
    searched: bool = False
    digest: str = ""
    realm: str = ""
    keyring: Keyring = Keyring()
    console_isolated: bool = False
    borrowing: frozenset[str] = frozenset()
    providers: Mapping[str, Provider] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)
    integrations: Mapping[str, EksIntegration] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    realm_from: str = ""
    foreign_integrations: Mapping[str, str] = field(default_factory=dict)
