"""The OAuth client that eksauth is for a portal: registered once, kept next to the AWS CLI's, used until it ends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from eksauth.credentials.sso.clients import answers, required
from eksauth.credentials.sso.files import read_registration, registration_path, write_registration
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.token import CODE_GRANT, REFRESH_GRANT, Registration

REDIRECT_PATH = "/oauth/callback"
REDIRECT_URI = f"http://127.0.0.1{REDIRECT_PATH}"
"""As registered: the port of a loopback address is free to differ on each use (RFC 8252 section 7.3)."""
_MIN_REMAINING_SECONDS = 900
"""A registration that ends sooner is not begun with; the AWS CLI has the same margin."""


def registration_for(
    client: Any, portal: Portal, grant: str, *, environ: Mapping[str, str], now: float
) -> tuple[Registration, bool]:
    """Return a client registration for ``grant``, and whether it was used before.

    :raises EksauthError: when the service refuses to register, or cannot be reached.
    """
    known = read_registration(environ, portal)
    if known is not None and known.serves(grant) and known.expires_at - now > _MIN_REMAINING_SECONDS:
        return known, True
    made = _register(client, portal, grant, now)
    write_registration(environ, portal, made)
    return made, False


def forget_registration(environ: Mapping[str, str], portal: Portal) -> None:
    """Remove a registration that the service does not know any more."""
    with suppress(OSError):
        registration_path(environ, portal).unlink()


def _register(client: Any, portal: Portal, grant: str, now: float) -> Registration:
    grants = (grant, REFRESH_GRANT)
    request: dict[str, object] = {
        "clientName": f"eksauth-{portal.session or int(now)}",
        "clientType": "public",
        "scopes": list(portal.scopes),
        "grantTypes": list(grants),
    }
    if grant == CODE_GRANT:
        request["redirectUris"] = [REDIRECT_URI]
        request["issuerUrl"] = portal.start_url
    hint = f"check region and start_url of provider '{portal.provider}'"
    with answers(f"registering at {portal.start_url}", hint=hint):
        answer = client.register_client(**request)
        issued, ends = answer.get("clientIdIssuedAt"), float(answer["clientSecretExpiresAt"])
        # both are the server's clock; what counts here is how long that is from now on ours
        life = ends - float(issued) if issued else ends - now
        return Registration(
            required(answer, "clientId"), required(answer, "clientSecret"), int(now + life), portal.scopes, grants
        )
