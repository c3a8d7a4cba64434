"""Which requests are for the identity providers: they are told by their path, because nobody signs them."""

from __future__ import annotations

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation import ci_api, saml_pages
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.wire import Answer

SERVICES = frozenset([ci_api.SERVICE, saml_pages.SERVICE])


def federation_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for an identity provider."""
    return ci_api.ci_operation(request) or saml_pages.saml_operation(request)


def serve_federation(service: str, request: RawRequest, federation: Federation, now: float) -> Answer:
    """Answer a request that :func:`federation_operation` recognised.

    :raises ServiceFault: as the provider does.
    """
    if service == ci_api.SERVICE:
        return ci_api.serve_ci(request, federation.ci, now)
    return saml_pages.serve_saml(request, federation.idp, now)


def federation_error(service: str, fault: ServiceFault) -> Answer:
    """Write an error in the shape of the provider."""
    if service == saml_pages.SERVICE:
        return saml_pages.saml_error(fault)
    return ci_api.ci_error(fault)
