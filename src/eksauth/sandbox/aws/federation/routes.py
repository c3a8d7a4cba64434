"""Which requests are for the identity providers: they are told by their path, because nobody signs them."""

from __future__ import annotations

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation import ci_api
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.wire import Answer

SERVICES = frozenset([ci_api.SERVICE])


def federation_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for an identity provider."""
    return ci_api.ci_operation(request)


def serve_federation(service: str, request: RawRequest, federation: Federation, now: float) -> Answer:
    """Answer a request that :func:`federation_operation` recognised.

    :raises ServiceFault: as the provider does.
    """
    if service == ci_api.SERVICE:
        return ci_api.serve_ci(request, federation.ci, now)
    raise ServiceFault("NotFound", "there is nothing here", 404)


def federation_error(service: str, fault: ServiceFault) -> Answer:  # noqa: ARG001  providers differ
    """Write an error in the shape of the provider."""
    return ci_api.ci_error(fault)
