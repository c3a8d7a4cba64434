"""Remembering refresh tokens that the service does not take any more, so that nobody sends them again.

The AWS CLI's files stay as they are: only a digest is noted, in our own cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress

from eksauth.credentials.cache import read_private
from eksauth.credentials.cache_store import remove, store_private
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.token import Token


def note_spent(environ: Mapping[str, str], portal: Portal, token: Token) -> None:
    """Remember that the refresh token is of no use; without a cache directory it is simply forgotten."""
    store_private(environ, _name(portal), _digest(token))


def is_spent(environ: Mapping[str, str], portal: Portal, token: Token) -> bool:
    """Tell whether the service has refused this refresh token for good."""
    return read_private(environ, _name(portal)) == _digest(token)


def forget_spent(environ: Mapping[str, str], portal: Portal) -> None:
    """Remove the note."""
    with suppress(OSError):
        remove(environ, _name(portal))


def _name(portal: Portal) -> str:
    return f"sso-{portal.token_key}.spent"


def _digest(token: Token) -> bytes:
    return hashlib.sha256((token.refresh_token or "").encode()).hexdigest().encode()
