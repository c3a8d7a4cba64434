"""The EKS API: DescribeCluster and ListClusters."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import unquote

from eksauth.sandbox.aws.authorization import authorize
from eksauth.sandbox.aws.clusters import ClusterStore, cluster_arn
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters, RawRequest, parse_pairs
from eksauth.sandbox.aws.wire import Answer, rest_result

_PAGE = 100


def eks_operation(request: RawRequest) -> str:
    """Return the operation that method and path stand for; empty when the sandbox does not have it."""
    segments = request.path.split(b"/")[1:]
    if request.method != "GET" or segments[0] != b"clusters":
        return ""
    if len(segments) == 1 or segments[1:] == [b""]:
        return "ListClusters"
    return "DescribeCluster" if len(segments) == 2 else ""


def serve_eks(
    request: RawRequest,
    caller: Caller,
    region: str,
    store: IamStore,
    clusters: ClusterStore,
    context: dict[str, str],
) -> Answer:
    """Answer one verified EKS request in ``region``.

    :raises ServiceFault: ResourceNotFoundException, InvalidParameterException, AccessDenied, NotImplemented.
    """
    match eks_operation(request):
        case "DescribeCluster":
            name = unquote(request.path.split(b"/")[2].decode("ascii", "replace"))
            authorize(caller, store, "eks:DescribeCluster", cluster_arn(region, caller.account, name), context)
            cluster = clusters.get(caller.account, region, name)
            if cluster is None:
                raise ServiceFault("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
            return rest_result({"cluster": cluster.describe()})
        case "ListClusters":
            everything = f"arn:{caller.partition}:eks:{region}:{caller.account}:cluster/*"
            authorize(caller, store, "eks:ListClusters", everything, context)
            parameters = Parameters(parse_pairs(request.query))
            names, token = _page(clusters.names(caller.account, region), parameters)
            return rest_result({"clusters": names, "nextToken": token})
        case _:
            raise ServiceFault(
                "NotImplemented", "the sandbox's EKS implements DescribeCluster and ListClusters only", 501
            )


def _page(names: list[str], parameters: Parameters) -> tuple[list[str], str | None]:
    text = parameters.get("maxResults")
    if text is not None and not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _PAGE):
        raise ServiceFault("InvalidParameterException", f"maxResults is a number between 1 and {_PAGE}")
    size = int(text) if text is not None else _PAGE
    token = parameters.get("nextToken")
    if token:
        try:
            last = urlsafe_b64decode(token.encode("ascii")).decode()
        except ValueError:
            raise ServiceFault("InvalidParameterException", "Invalid pagination token") from None
        names = [name for name in names if name > last]
    page = names[:size]
    more = len(names) > size
    return page, urlsafe_b64encode(page[-1].encode()).decode() if more else None
