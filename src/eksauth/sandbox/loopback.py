"""HTTPS requests between the sandbox's own parts: this machine only, never through a proxy."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and body of an answer."""

    status: int
    body: bytes


class LoopbackClient:
    """Asks one server that a certificate of the sandbox vouches for.

    :param context: what to trust, and a client certificate where one is needed.
    :param bearer: a token to present.
    """

    def __init__(self, base_url: str, context: ssl.SSLContext, bearer: str | None = None) -> None:
        if not base_url.startswith("https://127.0.0.1:"):
            raise ValueError("the sandbox talks to this machine only")
        self._base_url = base_url
        self._headers = {"Content-Type": "application/json"}
        if bearer is not None:
            self._headers["Authorization"] = f"Bearer {bearer}"
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def ask(self, path: str, body: bytes | None = None, *, timeout: float = 10.0) -> Reply:
        """GET, or POST when there is a body; error statuses are answers too.

        :raises OSError: when nobody answers.
        """
        request = urllib.request.Request(self._base_url + path, data=body, headers=self._headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return Reply(response.status, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read())


def trusting(ca_pem: str) -> ssl.SSLContext:
    """Return a context that trusts one authority and no other."""
    return ssl.create_default_context(cadata=ca_pem)
