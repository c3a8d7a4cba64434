"""Ending a sign-in: at the portal first, then here, and then a look at whether it is really over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.identities.contract import Context
from eksauth.credentials.sso.clients import Answer, answers, portal_client
from eksauth.credentials.sso.files import locked, read_token, registration_path, token_path
from eksauth.credentials.sso.portal import Portal, portal_of
from eksauth.credentials.sso.refresh import refreshed
from eksauth.credentials.sso.spent import forget_spent
from eksauth.credentials.sso.token import Token
from eksauth.errors import EksauthError
from eksauth.files import why


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What was done, and what could not be; one line each."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def sign_out(provider: Provider, config: AuthConfig, environ: Mapping[str, str]) -> SignedOut:
    """End the session at the portal (``sso:Logout``), remove its token and registration, and verify both.

    Sessions of other names at the same portal are left alone, and so are role credentials that were given already: AWS
    takes those until they expire.

    :raises ConfigError: when the provider has no start URL or region.
    """
    portal = portal_of(provider)
    context = Context(config=config, environ=environ, region=portal.region)
    done: list[str] = []
    failed: list[str] = []
    token = read_token(environ, portal)
    if token is not None:
        _end(portal, token, context, done, failed)
    with locked(environ, portal, "refresh", sleep=context.sleep):
        _remove(token_path(environ, portal), f"token of '{provider.name}'", done, failed)
        _remove(registration_path(environ, portal), f"registration for '{provider.name}'", done, failed)
        forget_spent(environ, portal)
    return SignedOut(tuple(done), tuple(failed))


def _end(portal: Portal, token: Token, context: Context, done: list[str], failed: list[str]) -> None:
    session = f"session at {portal.start_url}"
    try:
        if token.expires_at <= context.clock():
            # an expired token ends nothing; the refresh token behind it would stay good
            renewed = refreshed(portal, token, context)
            if renewed is None:
                done.append(f"{session}: had expired")
                return
            token = renewed
        client = portal_client(portal.region, endpoint_url=portal.endpoint_url)
        try:
            try:
                with answers(f"ending the {session}"):
                    client.logout(accessToken=token.access_token)
            except Answer as answer:
                if answer.name != "UnauthorizedException":
                    raise
                done.append(f"{session}: had ended")
                return
            if _still_accepted(client, token, session):
                failed.append(f"{session}: the portal still takes its token")
            else:
                done.append(f"{session}: ended at the portal")
        finally:
            client.close()
    except EksauthError as error:
        failed.append(f"{session}: {error.message}")


def _still_accepted(client: object, token: Token, session: str) -> bool:
    try:
        with answers(f"verifying the end of the {session}"):
            client.list_accounts(accessToken=token.access_token, maxResults=1)  # type: ignore[attr-defined]
    except Answer as answer:
        if answer.name == "UnauthorizedException":
            return False
        raise
    return True


def _remove(path: Path, what: str, done: list[str], failed: list[str]) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        failed.append(f"{what}: {path}: {why(error)}")
        return
    if path.exists():
        failed.append(f"{what}: {path} is there again: another program writes it")
    else:
        done.append(f"{what}: removed")
