"""CreateToken's answer as a token, whichever grant it answers.

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
"""

from __future__ import annotations

from typing import Any

from eksauth.credentials.sso.clients import required
from eksauth.credentials.sso.portal import Portal
from eksauth.credentials.sso.token import Registration, Token

_MAX_LIFE_SECONDS = 90 * 86400


def granted(
    answer: Any, portal: Portal, client: Registration, now: float, *, refresh_token: str | None = None
) -> Token:
    """Return the token in an answer.

    :param now: when the request was sent, so that the token never seems to live longer than it does.
    :param refresh_token: the one that was used: it stays good when the answer holds no other (RFC 6749 section 6).
    :raises KeyError: when the answer lacks a part; ValueError or TypeError when one is not what it should be.
    """
    seconds = answer["expiresIn"]
    if not isinstance(seconds, int) or not 0 < seconds <= _MAX_LIFE_SECONDS:
        raise ValueError("a life that no token has")
    if answer.get("refreshToken") is not None:
        refresh_token = required(answer, "refreshToken")
    return Token(
        required(answer, "accessToken"), int(now) + seconds, portal.start_url, portal.region, refresh_token, client
    )
