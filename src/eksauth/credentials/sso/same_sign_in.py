"""Telling a renewed token from another sign-in: credentials that one person got are not used by the next.

Cached credentials are tied to the content of the token file. Renewing changes that, and the person is the same, so that
a note in our own cache says which contents are of one sign-in. A token that another tool renewed may be anybody's: what
came of the one before is then fetched once more.
"""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.cache_store import store_private
from eksauth.credentials.identity_inputs import SAME_SIGN_IN, digest, file_digest, same_sign_in_note, sign_in_state
from eksauth.credentials.sso.files import token_path
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.token import Token, encode_token


def note_renewal(environ: Mapping[str, str], portal: Portal, new: Token) -> None:
    """Say that ``new``, which is about to be written, is of the same sign-in as the token that is there now.

    Both contents are in the note, so that nobody who reads in between takes one of them for another sign-in.
    """
    path = str(token_path(environ, portal))
    of, before = sign_in_state(path, environ), file_digest(path)
    if of is not None and before not in {None, "absent"}:
        lines = (SAME_SIGN_IN, of, str(before), digest(encode_token(new)))
        store_private(environ, same_sign_in_note(path), "\n".join(lines).encode())
