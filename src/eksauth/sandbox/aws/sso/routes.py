"""Which requests are for Identity Center: they are told by their path, because nobody signs them."""

from __future__ import annotations

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.faults import OIDC, PORTAL, oidc_error, portal_error
from eksauth.sandbox.aws.sso.oidc import create_token, register_client, start_device_authorization
from eksauth.sandbox.aws.sso.pages.site import Site, page_error, page_operation
from eksauth.sandbox.aws.sso.portal import Portal, authenticate
from eksauth.sandbox.aws.wire import Answer

PAGES = "signin"
SERVICES = frozenset([OIDC, PORTAL, PAGES])

_APIS = {
    b"/client/register": (OIDC, "POST", "RegisterClient"),
    b"/device_authorization": (OIDC, "POST", "StartDeviceAuthorization"),
    b"/token": (OIDC, "POST", "CreateToken"),
    b"/federation/credentials": (PORTAL, "GET", "GetRoleCredentials"),
    b"/assignment/accounts": (PORTAL, "GET", "ListAccounts"),
    b"/assignment/roles": (PORTAL, "GET", "ListAccountRoles"),
    b"/logout": (PORTAL, "POST", "Logout"),
}


def sso_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for Identity Center, as its path says."""
    api = _APIS.get(request.path)
    if api is None:
        page = page_operation(request)
        return (PAGES, page) if page else None
    service, _, operation = api
    if operation == "CreateToken" and b"aws_iam" in request.query:
        return service, "CreateTokenWithIAM"
    return service, operation


def serve_sso(
    request: RawRequest, center: IdentityCenter, iam: IamStore, sessions: SessionStore, now: float
) -> tuple[Answer, str]:
    """Answer a request that :func:`sso_operation` recognised; returns the answer and who asked, where that is known.

    :raises ServiceFault: as the operation documents.
    """
    if request.path not in _APIS:
        return Site(center, sessions, now).serve(request)
    service, method, _ = _APIS[request.path]
    _, operation = sso_operation(request) or ("", "")
    if request.method != method:
        raise ServiceFault("MethodNotAllowedException", f"{operation} is asked for with {method}", 405)
    if service == PORTAL:
        family = authenticate(request, center, now)
        return Portal(center, iam, sessions, family, now).serve(operation, request), family.user_name
    match operation:
        case "RegisterClient":
            return register_client(request, center, now), ""
        case "StartDeviceAuthorization":
            return start_device_authorization(request, center, now), ""
        case "CreateToken":
            return create_token(request, center, now), ""
        case _:
            raise ServiceFault("NotImplementedException", f"the sandbox does not implement {operation}", 501)


def sso_error(service: str, fault: ServiceFault) -> Answer:
    """Write an error in the shape of the service."""
    if service == PAGES:
        return page_error(fault)
    return oidc_error(fault) if service == OIDC else portal_error(fault)
