"""Which issuer has to be asked before a request for web identity can be judged."""

from __future__ import annotations

from eksauth.aws.arn import parse_arn
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.fetch import KeyFetcher
from eksauth.sandbox.aws.federation.json_web_token import take_apart
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import RawRequest, read_parameters
from eksauth.sandbox.aws.sts.web_identity import find_provider


async def prefetch_keys(request: RawRequest, federation: Federation, store: IamStore, fetcher: KeyFetcher) -> None:
    """Ask the issuer of the token for its keys, when the role's account has registered it; STS asks no others.

    Never raises: what is wrong with the request is said when it is judged.
    """
    try:
        parameters = read_parameters(request)
        token = take_apart((parameters.get("WebIdentityToken") or "").strip())
        account = parse_arn(parameters.get("RoleArn") or "").account
        provider = find_provider(store, account, token)
    except (ServiceFault, ValueError):
        return
    location = federation.ci.locate(token.issuer)
    federation.issuers.remember(token.issuer, await fetcher.fetch(token.issuer, location, provider.thumbprints))
