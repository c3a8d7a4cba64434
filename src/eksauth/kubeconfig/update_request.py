"""What ``kubeconfig update`` can be asked, and what makes no sense."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.errors import UsageError
from eksauth.kubeconfig.context_template import parts
from eksauth.kubeconfig.exec_entry import ExecIdentity
from eksauth.kubeconfig.update_plan import Naming
from eksauth.token.checks import check_region


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingAs:
    """An identity of a configuration that was signed in to: EKS is asked with its credentials, the entry names it.

    :ivar region: of its chain, for when nobody names one.
    """

    identity: ExecIdentity
    region: str
    credentials: Credentials = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """What ``kubeconfig update`` was asked.

    :ivar name: a cluster's name or ARN; None with ``all_clusters``.
    :ivar regions: with ``all_clusters`` the regions to look in; all enabled ones when empty.
    :ivar profile: AWS profile to ask EKS with, and by default the one in the entry.
    :ivar exec_profile: profile in the entry, when it is another one.
    :ivar role_arn: role in the entry; it is not used to ask EKS.
    :ivar describe_role_arn: role to ask EKS with.
    :ivar describe_session_name: session name for that.
    :ivar acting: an identity to ask EKS as and to write into the entry, instead of a profile.
    :ivar set_context: make the (only) context the current one.
    :ivar wait: wait for a cluster that is being created.
    :ivar force: change entries of other clusters and identities, too.
    """

    command: str
    name: str | None = None
    all_clusters: bool = False
    region: str | None = None
    regions: tuple[str, ...] = ()
    profile: str | None = None
    exec_profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str | None = None
    describe_role_arn: str | None = None
    describe_session_name: str | None = None
    endpoint_url: str | None = None
    naming: Naming = field(default_factory=Naming)
    namespace: str | None = None
    proxy_url: str | None = None
    api_version: str = "v1"
    set_context: bool = True
    dry_run: bool = False
    wait: bool = False
    force: bool = False
    fix_permissions: bool = False
    interactive: bool = False
    acting: ActingAs | None = None


def check(request: UpdateRequest) -> None:
    """Refuse a request that contradicts itself or that no cluster could accept.

    :raises UsageError: with what to do instead.
    """
    naming = request.naming
    if request.all_clusters and request.name:
        raise UsageError("--all and --name exclude each other", hint="leave one of them out")
    if not request.all_clusters and not request.name:
        raise UsageError("no cluster named", hint="give --name NAME, or --all for every cluster of the account")
    if request.regions and not request.all_clusters:
        raise UsageError("--regions is for --all", hint="use --region for one cluster")
    if request.all_clusters and (naming.alias or naming.user_alias or naming.cluster_alias):
        raise UsageError(
            "--alias, --user-alias and --cluster-alias name one cluster, and --all means many",
            hint="use --context-template, for example '{name}.{region}'",
        )
    if naming.alias and naming.template:
        raise UsageError("--alias and --context-template exclude each other", hint="leave one of them out")
    if naming.template:
        parts(naming.template)
    for flag, value in (
        ("--alias", naming.alias),
        ("--user-alias", naming.user_alias),
        ("--cluster-alias", naming.cluster_alias),
        ("--namespace", request.namespace),
        ("--exec-profile", request.exec_profile),
    ):
        if value is not None and not (value.strip() and value.isprintable()):
            raise UsageError(f"{flag} is empty or has control characters", hint="give a name that can be typed")
    if request.namespace is not None:
        check_namespace(request.namespace)
    if request.proxy_url is not None:
        _check_proxy(request.proxy_url)
    for region in (*request.regions, *((request.region,) if request.region else ())):
        check_region(region)
    if request.acting is not None:
        for flag, value in (
            ("--profile", request.profile),
            ("--exec-profile", request.exec_profile),
        ):
            if value is not None:
                raise UsageError(
                    f"--identity and {flag} exclude each other", hint="make it an identity of kind aws/profile"
                )
    _check_roles(request)


def check_namespace(name: str) -> None:
    """Refuse what no cluster takes for the name of a namespace.

    :raises UsageError: with the rule.
    """
    plain = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
    if not plain or name[0] == "-" or name[-1] == "-" or len(name) > 63:
        raise UsageError(
            f"'{name[:70]}' cannot be a namespace", hint="namespaces are lower case letters, digits and dashes"
        )


def _check_proxy(url: str) -> None:
    from urllib.parse import urlsplit

    try:
        split = urlsplit(url)
        good = split.scheme in {"http", "https", "socks5"} and bool(split.hostname) and split.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise UsageError(
            "--proxy-url is not a URL that kubectl takes", hint="for example http://proxy:3128 or socks5://host:1080"
        )


def _check_roles(request: UpdateRequest) -> None:
    from eksauth.credentials.assume_role import check_role

    if request.role_arn is None:
        for flag, value in (("--external-id", request.external_id), ("--session-name", request.session_name)):
            if value is not None:
                raise UsageError(f"{flag} is for a role in the entry, and there is none", hint="add --role-arn ARN")
    else:
        check_role(RoleRequest(request.role_arn, external_id=request.external_id, session_name=request.session_name))
    if request.describe_role_arn is not None:
        check_role(RoleRequest(request.describe_role_arn))
