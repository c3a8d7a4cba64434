"""Bearer tokens judged by a token webhook, with the cache, single flight and retries of kube-apiserver.

Behaviour: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication, and
for what the page leaves out, kube-apiserver itself: only 429, 500, 504, a reset connection or a Retry-After header are
tried again; a clean no is cached like a yes; an error is never cached.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from eksauth.kube.rbac import User
from eksauth.sandbox.apiserver.webhook_config import WebhookEndpoint

_LOG = logging.getLogger(__name__)
_MAX_ANSWER = 3 * 1024 * 1024
_GROUP = "authentication.k8s.io"


@dataclass(frozen=True, slots=True)
class Backoff:
    """How failed calls are repeated; the defaults are kube-apiserver's."""

    steps: int = 5
    seconds: float = 0.5
    factor: float = 1.5
    jitter: float = 0.2


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """How tokens are reviewed: API version asked, our audiences, seconds that answers are kept, and how many."""

    version: str = "v1"
    audiences: tuple[str, ...] = ("https://kubernetes.default.svc",)
    cache_seconds: float = 120.0
    cache_entries: int = 4096
    request_seconds: float = 30.0
    backoff: Backoff = Backoff()


class WebhookError(Exception):
    """The webhook could not be asked, or answered with an error; the client gets a plain 401 either way."""

    def __init__(self, message: str, *, retry: bool = False, after: float = 0.0) -> None:
        super().__init__(message)
        self.retry = retry
        self.after = after


class TokenWebhook:
    """Asks a webhook who a token belongs to.

    :param sleep: how to wait between attempts.
    :param monotonic: the clock of the cache, in seconds.
    """

    def __init__(
        self,
        endpoint: WebhookEndpoint,
        options: WebhookOptions | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._options = options or WebhookOptions()
        self._sleep = sleep
        self._monotonic = monotonic
        self._session: aiohttp.ClientSession | None = None
        self._cache: OrderedDict[bytes, tuple[float, User | None]] = OrderedDict()
        self._flights: dict[bytes, asyncio.Task[User | None]] = {}

    async def authenticate(self, token: str) -> User | None:
        """Return the token's user, or None when the webhook says no.

        :raises WebhookError: when there is no clean answer.
        """
        key = self._key(token)
        kept = self._cache.get(key)
        if kept is not None and kept[0] > self._monotonic():
            self._cache.move_to_end(key)
            return kept[1]
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(self._look_up(key, token))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # shielded: a client that goes away must not take the answer from the others who wait for it
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """Stop pending reviews and close the connections."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _key(self, token: str) -> bytes:
        audiences = "\0".join(self._options.audiences)
        return hashlib.sha256(f"{len(token)}\0{token}\0{audiences}".encode("utf-8", "surrogatepass")).digest()

    def _landed(self, key: bytes, flight: asyncio.Task[User | None]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled() and flight.exception() is not None:
            _LOG.warning("token webhook: %s", flight.exception())

    async def _look_up(self, key: bytes, token: str) -> User | None:
        try:
            async with asyncio.timeout(self._options.request_seconds):
                user = await self._review(token)
        except TimeoutError:
            raise WebhookError("no answer in time") from None
        if self._options.cache_seconds > 0:
            self._cache[key] = (self._monotonic() + self._options.cache_seconds, user)
            self._cache.move_to_end(key)
            while len(self._cache) > self._options.cache_entries:
                self._cache.popitem(last=False)
        return user

    async def _review(self, token: str) -> User | None:
        backoff = self._options.backoff
        delay = backoff.seconds
        for step in range(1, backoff.steps + 1):
            try:
                return self._judged(await self._post(token))
            except WebhookError as error:
                if not error.retry or step == backoff.steps:
                    raise
                await self._sleep(max(error.after, delay * (1 + backoff.jitter * random.random())))  # noqa: S311
                delay *= backoff.factor
        raise WebhookError("not tried")

    async def _post(self, token: str) -> Mapping[str, Any]:
        options, endpoint = self._options, self._endpoint
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=options.request_seconds), trust_env=False
            )
        spec: dict[str, Any] = {"token": token}
        if options.audiences:
            spec["audiences"] = list(options.audiences)
        review = {
            "kind": "TokenReview",
            "apiVersion": f"{_GROUP}/{options.version}",
            "metadata": {},
            "spec": spec,
            "status": {"user": {}},
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json, */*"}
        if endpoint.bearer_token:
            headers["Authorization"] = f"Bearer {endpoint.bearer_token}"
        try:
            async with self._session.post(
                endpoint.url,
                data=json.dumps(review).encode(),
                headers=headers,
                ssl=endpoint.tls if endpoint.tls is not None else True,
                server_hostname=endpoint.server_name,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_MAX_ANSWER + 1)
                if not 200 <= response.status < 300:
                    raise _refused(response.status, response.headers.get("Retry-After", ""))
        except (ConnectionResetError, aiohttp.ServerDisconnectedError) as error:
            raise WebhookError("connection reset", retry=True) from error
        except aiohttp.ClientError as error:
            raise WebhookError(f"cannot be reached ({type(error).__name__})") from error
        return self._parsed(body)

    def _parsed(self, body: bytes) -> Mapping[str, Any]:
        try:
            answer = json.loads(body) if len(body) <= _MAX_ANSWER else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise WebhookError("answered with something that is no TokenReview")
        wanted = {"kind": "TokenReview", "apiVersion": f"{_GROUP}/{self._options.version}"}
        if any(answer.get(name) not in (None, "", value) for name, value in wanted.items()):
            raise WebhookError("answered with another kind or version than it was asked in")
        status = answer.get("status")
        if status is not None and not isinstance(status, dict):
            raise WebhookError("answered with a malformed status")
        return status or {}

    def _judged(self, status: Mapping[str, Any]) -> User | None:
        """Turn a review's status into a user, as far as its audiences are ours."""
        wanted = set(self._options.audiences)
        given = status.get("audiences") or list(self._options.audiences)
        if wanted and not (isinstance(given, list) and wanted & {entry for entry in given if isinstance(entry, str)}):
            return None
        if status.get("authenticated") is not True:
            if status.get("error"):
                raise WebhookError("refused with an error")
            return None
        user = status.get("user") or {}
        try:
            return User(
                name=_text(user.get("username")),
                uid=_text(user.get("uid")),
                groups=_texts(user.get("groups")),
                extra={_text(key): _texts(values) for key, values in (user.get("extra") or {}).items()},
            )
        except (TypeError, AttributeError) as error:
            raise WebhookError("answered with a malformed user") from error


def _refused(status: int, retry_after: str) -> WebhookError:
    after = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else 0.0
    retry = status in (429, 500, 504) or (status >= 500 and bool(after))
    return WebhookError(f"answered with HTTP status {status}", retry=retry, after=after)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _texts(values: Sequence[Any] | None) -> tuple[str, ...]:
    if values is None:
        return ()
    if not isinstance(values, list):
        raise TypeError("not a list")
    return tuple(_text(value) for value in values)
