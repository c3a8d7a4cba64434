"""Which EKS cluster an entry is about, by its mark, its name, its address or its plugin's arguments; pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from eksauth.aws.arn import parse_arn
from eksauth.kubeconfig.document import Document, Entry
from eksauth.kubeconfig.model import Cluster, Context, ExecConfig, User
from eksauth.kubeconfig.owner import owner_of


@dataclass(frozen=True, slots=True)
class EksOrigin:
    """What is known of the cluster; empty where it is not."""

    account: str = ""
    region: str = ""
    cluster: str = ""


def eks_origin(entry: Entry) -> EksOrigin:
    """Return what one entry tells of its EKS cluster."""
    value = entry.value
    owner = owner_of(value.extensions)
    if owner is not None:
        return EksOrigin(owner.account, owner.region, owner.cluster)
    texts = [entry.name]
    if isinstance(value, Context):
        texts += [value.cluster, value.user]
    for text in texts:
        if (found := arn_of(text)) is not None:
            return found
    if isinstance(value, Cluster):
        return EksOrigin(region=region_of_endpoint(value.server))
    if isinstance(value, User) and value.exec is not None:
        return origin_of_plugin(value.exec)
    return EksOrigin()


def arn_of(text: str) -> EksOrigin | None:
    """Return what a cluster's ARN says, or None for other text; our user names go on after the ARN."""
    start, slash, rest = text.partition("/")
    try:
        arn = parse_arn(f"{start}{slash}{rest.partition('/')[0]}")
    except ValueError:
        return None
    kind, _, name = arn.resource.partition("/")
    known = arn.service == "eks" and kind == "cluster" and name and arn.region and arn.account
    return EksOrigin(arn.account, arn.region, name) if known else None


def region_of_endpoint(server: str) -> str:
    """Return the region in the address of an EKS API server, empty for other servers."""
    try:
        labels = (urlsplit(server).hostname or "").split(".")
    except ValueError:
        return ""
    for suffix in (["eks", "amazonaws", "com"], ["eks", "amazonaws", "com", "cn"]):
        if labels[-len(suffix) :] == suffix and len(labels) > len(suffix) + 1:
            return labels[-len(suffix) - 1]
    return ""


def origin_of_plugin(plugin: ExecConfig) -> EksOrigin:
    """Return cluster and region among the arguments of a credential plugin."""
    given = flags(plugin.args or ())
    variables = {variable.name: variable.value for variable in plugin.env or ()}
    region = given.get("--region") or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or ""
    return EksOrigin(
        region=region, cluster=given.get("--cluster-name") or given.get("--cluster-id") or given.get("-i", "")
    )


def flags(arguments: tuple[str, ...]) -> dict[str, str]:
    """Return flags with their values, both ``--flag value`` and ``--flag=value``."""
    found: dict[str, str] = {}
    for index, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if argument.startswith("-"):
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            found[flag] = value if equals else following
    return found


def origin_values(document: Document, entry: Entry) -> dict[str, str]:
    """Return the variables of a name template for an entry."""
    known = eks_origin(entry)
    file = document.path.name
    stem = (file.rpartition(".")[0] or file).lstrip(".") or "kubeconfig"
    origin = f"{known.account}-{known.region}" if known.account and known.region else stem
    return {
        "origin": origin,
        "file": stem,
        "account": known.account,
        "region": known.region,
        "cluster": known.cluster,
    }
