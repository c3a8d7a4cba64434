"""The OIDC API: RegisterClient, StartDeviceAuthorization and CreateToken. Nobody signs these requests."""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import RawRequest
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.faults import oidc_fault
from eksauth.sandbox.aws.sso.grants import answers_challenge, is_verifier
from eksauth.sandbox.aws.sso.registrations import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN, Registration
from eksauth.sandbox.aws.sso.tokens import Family, Issued
from eksauth.sandbox.aws.wire import Answer, new_request_id

_Input = TypeVar("_Input", bound=msgspec.Struct)


class _RegisterClient(msgspec.Struct, rename="camel"):
    client_name: str | None = None
    client_type: str | None = None
    scopes: list[str] | None = None
    redirect_uris: list[str] | None = None
    grant_types: list[str] | None = None
    issuer_url: str | None = None


class _StartDeviceAuthorization(msgspec.Struct, rename="camel"):
    client_id: str | None = None
    client_secret: str | None = None
    start_url: str | None = None


class _CreateToken(msgspec.Struct, rename="camel"):
    client_id: str | None = None
    client_secret: str | None = None
    grant_type: str | None = None
    device_code: str | None = None
    code: str | None = None
    refresh_token: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    scope: list[str] | None = None


def register_client(request: RawRequest, center: IdentityCenter, now: float) -> Answer:
    """Answer RegisterClient.

    :raises ServiceFault: as the operation documents.
    """
    asked = _read(request, _RegisterClient)
    if asked.client_type is None or _needed(asked.client_type, "clientType") != "public":
        raise oidc_fault("invalid_client_metadata", "Only clients of type public are supported")
    grant_types = asked.grant_types or []
    if asked.issuer_url is not None and asked.issuer_url != center.issuer_url:
        if not center.is_start_url(asked.issuer_url):
            raise oidc_fault("invalid_request", "issuerUrl names no instance that is known here")
    elif AUTHORIZATION_CODE in grant_types and asked.issuer_url is None:
        raise oidc_fault("invalid_request", "issuerUrl is required for the authorization code grant")
    client = center.clients.register(
        name=_needed(asked.client_name, "clientName"),
        scopes=asked.scopes or [],
        grant_types=grant_types,
        redirect_uris=asked.redirect_uris or [],
        issued_at=now,
        expires_at=now + center.settings.registration_seconds,
    )
    return _answer(
        {
            "clientId": client.client_id,
            "clientSecret": client.client_secret,
            "clientIdIssuedAt": int(client.issued_at),
            "clientSecretExpiresAt": int(client.expires_at),
            # null in the service's answers, although documented
            "authorizationEndpoint": None,
            "tokenEndpoint": None,
        }
    )


def start_device_authorization(request: RawRequest, center: IdentityCenter, now: float) -> Answer:
    """Answer StartDeviceAuthorization.

    :raises ServiceFault: as the operation documents.
    """
    asked = _read(request, _StartDeviceAuthorization)
    client = _client(asked.client_id, asked.client_secret, center, now)
    if not center.is_start_url(_needed(asked.start_url, "startUrl")):
        raise oidc_fault("invalid_request", "Invalid start URL provided")
    if DEVICE_CODE not in client.grant_types:
        raise oidc_fault("unauthorized_client", "The client is not registered for the device code grant")
    settings = center.settings
    grant = center.devices.start(
        client.client_id, client.scopes, expires_at=now + settings.device_seconds, interval=float(settings.interval)
    )
    page = f"{center.base_url}/device"
    return _answer(
        {
            "deviceCode": grant.device_code,
            "userCode": grant.user_code,
            "verificationUri": page,
            "verificationUriComplete": f"{page}?user_code={quote(grant.user_code)}",
            "expiresIn": settings.device_seconds,
            "interval": settings.interval,
        }
    )


def create_token(request: RawRequest, center: IdentityCenter, now: float) -> Answer:
    """Answer CreateToken.

    :raises ServiceFault: as the operation documents.
    """
    asked = _read(request, _CreateToken)
    client = _client(asked.client_id, asked.client_secret, center, now)
    grant_type = _needed(asked.grant_type, "grantType")
    grants = {DEVICE_CODE: _by_device_code, AUTHORIZATION_CODE: _by_code, REFRESH_TOKEN: _by_refresh_token}
    if grant_type not in grants:
        raise oidc_fault("unsupported_grant_type", "Unsupported grant type requested")
    if grant_type not in client.grant_types:
        raise oidc_fault("unauthorized_client", "The client is not registered for this grant type")
    issued = grants[grant_type](asked, client, center, now)
    return _answer(
        {
            "accessToken": issued.access_token,
            "tokenType": "Bearer",
            "expiresIn": issued.expires_in,
            "refreshToken": issued.refresh_token,
            "idToken": None,
        }
    )


def _by_device_code(asked: _CreateToken, client: Registration, center: IdentityCenter, now: float) -> Issued:
    grant = center.devices.redeem(_needed(asked.device_code, "deviceCode"), client.client_id, now)
    return _issue(_open(grant.user_name, grant.scopes, grant.visit, client, center, now), client, center, now)


def _by_code(asked: _CreateToken, client: Registration, center: IdentityCenter, now: float) -> Issued:
    code, verifier = _needed(asked.code, "code"), _needed(asked.code_verifier, "codeVerifier")
    redirect_uri = _needed(asked.redirect_uri, "redirectUri")
    grant = center.codes.find(code, client.client_id)
    if grant is None:
        raise oidc_fault("invalid_grant", "Invalid authorization code provided")
    if grant.used:
        # somebody else may have it: https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
        stolen = center.tokens.named(grant.family)
        if stolen is not None:
            center.tokens.revoke(stolen)
        raise oidc_fault("invalid_grant", "The authorization code has been used before; its tokens are revoked")
    if not is_verifier(verifier):
        raise oidc_fault("invalid_request", "codeVerifier has 43 to 128 unreserved characters")
    # one attempt only, whatever it leads to
    grant.used = True
    if grant.expires_at <= now:
        raise oidc_fault("invalid_grant", "The authorization code has expired")
    if redirect_uri != grant.redirect_uri or not answers_challenge(verifier, grant.challenge):
        raise oidc_fault("invalid_grant", "The authorization code was issued for another redirect URI or verifier")
    family = _open(grant.user_name, grant.scopes, grant.visit, client, center, now)
    grant.family = family.name
    return _issue(family, client, center, now)


def _by_refresh_token(asked: _CreateToken, client: Registration, center: IdentityCenter, now: float) -> Issued:
    token = _needed(asked.refresh_token, "refreshToken")
    family = center.tokens.of_refresh(token)
    if family is None or family.client_id != client.client_id or family.ends_at <= now:
        raise oidc_fault("invalid_grant", "Invalid refresh token provided")
    if token != family.refresh:
        # a spent token means that two hold it: https://datatracker.ietf.org/doc/html/rfc9700#section-4.14.2
        center.tokens.drop_refresh(family)
        raise oidc_fault("invalid_grant", "The refresh token has been used before")
    if asked.scope and not set(asked.scope) <= set(family.scopes):
        raise oidc_fault("invalid_scope", "The refresh token does not carry that scope")
    return _issue(family, client, center, now)


def _open(
    user_name: str, scopes: tuple[str, ...], visit: str, client: Registration, center: IdentityCenter, now: float
) -> Family:
    return center.tokens.open(
        user_name=user_name,
        client_id=client.client_id,
        scopes=scopes,
        ends_at=now + center.settings.sign_in_seconds,
        visit=visit,
    )


def _issue(family: Family, client: Registration, center: IdentityCenter, now: float) -> Issued:
    seconds = center.settings.access_seconds if family.scopes else center.settings.sign_in_seconds
    return center.tokens.issue(family, seconds=seconds, with_refresh=client.may_refresh, now=now)


def _client(client_id: str | None, secret: str | None, center: IdentityCenter, now: float) -> Registration:
    return center.clients.verify(_needed(client_id, "clientId"), _needed(secret, "clientSecret"), now)


def _read(request: RawRequest, kind: type[_Input]) -> _Input:
    if request.header("content-type").partition(";")[0].strip().lower() not in {"application/json", ""}:
        raise ServiceFault("InvalidRequestException", "The body has to be application/json")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # the decoder's own words could quote a secret
        raise oidc_fault("invalid_request", "The body is not the JSON object that this operation takes") from None


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise oidc_fault("invalid_request", f"Missing or empty parameter {name}")
    return value


def _answer(document: dict[str, Any]) -> Answer:
    headers = {"x-amzn-RequestId": new_request_id(), "Cache-Control": "no-store", "Pragma": "no-cache"}
    return Answer(200, json.dumps(document).encode(), "application/json", headers)
