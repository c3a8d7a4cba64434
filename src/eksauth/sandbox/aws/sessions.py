"""Temporary credentials: made here, found here, forgotten when long expired."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections import OrderedDict

from eksauth.sandbox.aws.model import Caller, Session

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_MOST_SESSIONS = 50_000
_FIRST = 1 << 39
# the top bit of the forty that carry the account; ids made since 2019 have it set

# what the tokens of the real STS start with in base64
_TOKEN_PREFIX = "IQoJb3JpZ2luX2Vj"


def new_access_key_id(prefix: str, account: str) -> str:
    """Return a random 20-character id that carries ``account`` as AWS encodes it; see ``aws/access_keys.py``."""
    number = (_FIRST << 1 | int(account)) << 9 | secrets.randbits(9)
    encoded = "".join(_BASE32[number >> shift & 31] for shift in range(45, -1, -5))
    return prefix + encoded + "".join(secrets.choice(_BASE32) for _ in range(6))


def new_secret() -> str:
    """Return a random secret access key: 40 characters of base64."""
    return b64encode(secrets.token_bytes(30)).decode()


class SessionStore:
    """Every session that is alive or died lately, by access key id; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, *, access_key_id: str, caller: Caller, expires_at: float) -> Session:
        """Make and remember credentials for ``caller``."""
        token = _TOKEN_PREFIX + b64encode(secrets.token_bytes(240)).decode() + "=="
        session = Session(access_key_id, new_secret(), token, expires_at, caller)
        self._sessions[access_key_id] = session
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def get(self, access_key_id: str) -> Session | None:
        """Return the session of an access key id, expired or not."""
        return self._sessions.get(access_key_id)

    def expire(self, access_key_id: str, when: float) -> bool:
        """Move the end of a session to ``when``; False when there is no such session."""
        session = self._sessions.get(access_key_id)
        if session is None:
            return False
        self._sessions[access_key_id] = Session(
            session.access_key_id, session.secret_access_key, session.session_token, when, session.caller
        )
        return True
