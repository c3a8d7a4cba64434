"""HTTP in, reviews out: the endpoints of the authenticator.

Which answer makes kube-apiserver 1.36 do what (measured, see ``tests/e2e/test_real_apiserver_webhook.py``): 200 with
``authenticated: false`` is a refusal that it caches; 429, 500 and 504 are tried five times within five seconds; other
statuses are a failed webhook at once. A ``Retry-After`` header makes it try thirty times for thirty seconds and then
log a timeout instead of our reason, so there is none (figures: ``docs/explanation/authenticator-under-load.md``).
Definitive refusals are 200; throttling is 429, an outage 504.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from aiohttp import web

from eksauth.authenticator.decide import Decision
from eksauth.authenticator.entries.authorize import Opinion
from eksauth.authenticator.server.decision_log import LOGGER_NAME, Told, log_told, told
from eksauth.authenticator.server.metrics import CONTENT_TYPE, Metrics
from eksauth.authenticator.server.readiness_answer import readiness_answer
from eksauth.authenticator.server.recent import Recent, RecentDecisions
from eksauth.authenticator.server.reviews.access_review import AccessQuestion, answer, parse_access_review
from eksauth.authenticator.server.reviews.judge import Judge, Judgement, Overloaded
from eksauth.authenticator.server.reviews.tokenreview import (
    MalformedReview,
    ReviewRequest,
    accepted_audiences,
    failure,
    granted,
    parse_review,
    refused,
)
from eksauth.authenticator.server.settings import WebhookSettings
from eksauth.authenticator.server.view import View
from eksauth.kube.rbac import Attributes

_log = logging.getLogger(LOGGER_NAME)
_JSON = "application/json"


NO_ENTRIES = Opinion(allowed=False, reason="no backend here has access entries")
_KEPT_ANSWERS = 4
"""Of one token: API servers that ask in both versions or for different audiences."""
Authorizer = Callable[[Attributes], Opinion]
"""Says what access policies make of a request; never waits."""
Question = TypeVar("Question", ReviewRequest, AccessQuestion)


@dataclass(frozen=True, slots=True)
class _Ready:
    """An answer that can be given again, and what it was made with."""

    settings: WebhookSettings
    decision: Decision
    body: bytes
    told: Told | None


class Webhook:
    """The request handler.

    :param settings: may be exchanged while requests are answered.
    :param view: what ``/metrics`` and ``/readyz`` show.
    :param recent: told every decision.
    :param authorizer: asked by ``/authorize``; None has no opinion on anything.
    """

    def __init__(
        self,
        judge: Judge,
        metrics: Metrics,
        settings: WebhookSettings,
        *,
        view: View,
        recent: RecentDecisions,
        authorizer: Authorizer | None = None,
    ) -> None:
        self._in_flight = 0
        self._drained: asyncio.Event | None = None
        self._judge = judge
        self._metrics = metrics
        self._view = view
        self._recent = recent
        self.settings = settings
        self._authorizer = authorizer or _no_entries
        self._routes: dict[str, tuple[frozenset[str], Callable[[web.BaseRequest], Awaitable[web.Response]]]] = {
            "/authenticate": (frozenset(("POST",)), self._authenticate),
            "/authorize": (frozenset(("POST",)), self._authorize),
            "/healthz": (frozenset(("GET", "HEAD")), self._health),
            "/readyz": (frozenset(("GET", "HEAD")), self._ready),
            "/metrics": (frozenset(("GET", "HEAD")), self._exposition),
        }

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        self._in_flight += 1
        self._metrics.in_flight.inc()
        try:
            response = await self._route(request)
        except Exception:  # noqa: BLE001  a bug must cost one request, not the server
            self._metrics.errors.inc()
            _log.exception("request failed")
            response = _failure(500, "internal error of the authenticator, see its log")
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.dec()
        if self._drained is not None:
            response.force_close()
            if not self._in_flight:
                self._drained.set()
        return response

    async def drain(self) -> None:
        """Let each client go with its next answer, and return when no request is being answered any more."""
        self._drained = asyncio.Event()
        if self._in_flight:
            await self._drained.wait()

    async def _route(self, request: web.BaseRequest) -> web.Response:
        route = self._routes.get(request.path)
        if route is None:
            return _failure(404, f"no such path; the authenticator answers {', '.join(self._routes)}")
        methods, handler = route
        if request.method not in methods:
            expected = "POST" if "POST" in methods else "GET"
            if expected == "POST":
                self._metrics.observe_malformed(0)
            response = _failure(405, f"expected {expected}")
            response.headers["Allow"] = ", ".join(sorted(methods))
            return response
        return await handler(request)

    async def _health(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002
        return web.Response(text="ok")

    async def _ready(self, request: web.BaseRequest) -> web.Response:
        return readiness_answer(await self._view.ready(), request.query)

    async def _exposition(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002
        return web.Response(body=await self._view.metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def _authenticate(self, request: web.BaseRequest) -> web.Response:
        start = time.perf_counter()
        review = await self._question(request, parse_review, start)
        if isinstance(review, web.Response):
            return review
        try:
            judgement = await self._judge.judge(review.unverified_token, request.remote or "unknown")
        except Overloaded:
            self._metrics.shed.inc()
            return _failure(429, "too many verifications are under way")
        except TimeoutError:
            _log.error("verification took too long")
            return _failure(504, "the token could not be verified in time")
        audiences = accepted_audiences(review.audiences, self.settings.audiences)
        if judgement.decision.allowed and audiences is None:
            judgement = replace(judgement, decision=_not_for(judgement.decision))
        seconds = time.perf_counter() - start
        self._count(judgement, seconds)
        log_told(
            told(judgement.decision, self.settings.scrubbed_accounts),
            client=request.remote or "unknown",
            seconds=seconds,
            source=judgement.source,
        )
        self._recent.add(
            Recent(time.time(), request.remote or "unknown", judgement.decision, seconds, judgement.source)
        )
        return self._answer(review, judgement.decision, audiences or ())

    def recall(self, body: bytes, client: str) -> bytes | None:
        """Answer a TokenReview from memory with the body of a 200; None when that takes more than memory.

        :param client: the address of whoever asks.
        """
        if self._drained is not None:
            return None
        start = time.perf_counter()
        try:
            review = parse_review(body)
        except MalformedReview:
            return None
        recalled = self._judge.recall(review.unverified_token)
        if recalled is None:
            return None
        decision, known = recalled
        question = (review.api_version, review.audiences)
        ready = known.answers.get(question)
        if not isinstance(ready, _Ready) or ready.settings is not self.settings:
            ready = self._prepare(review, decision)
            if len(known.answers) < _KEPT_ANSWERS:
                known.answers[question] = ready
        seconds = time.perf_counter() - start
        self._metrics.cache_hits.inc()
        self._metrics.observe_decision(allowed=ready.decision.allowed, reason=ready.decision.reason, seconds=seconds)
        log_told(ready.told, client=client, seconds=seconds, source="cached")
        self._recent.add(Recent(time.time(), client, ready.decision, seconds, "cached"))
        return ready.body

    def _prepare(self, review: ReviewRequest, decision: Decision) -> _Ready:
        audiences = accepted_audiences(review.audiences, self.settings.audiences)
        if decision.allowed and audiences is None:
            decision = _not_for(decision)
        if decision.allowed and decision.user is not None:
            body = granted(review, decision.user, audiences or ())
        else:
            body = refused(review, self._explanation(decision))
        words = told(decision, self.settings.scrubbed_accounts)
        return _Ready(self.settings, decision, body, words)

    async def _authorize(self, request: web.BaseRequest) -> web.Response:
        start = time.perf_counter()
        question = await self._question(request, parse_access_review, start)
        if isinstance(question, web.Response):
            return question
        opinion = self._authorizer(question.attributes)
        self._metrics.observe_authorization(allowed=opinion.allowed)
        return _json(answer(question, opinion))

    async def _question(
        self, request: web.BaseRequest, parse: Callable[[bytes], Question], start: float
    ) -> Question | web.Response:
        """Return what the body asks, or the answer to one that asks nothing."""
        try:
            return parse(await self._body(request))
        except MalformedReview as error:
            return self._malformed(400, error.message, start)
        except web.HTTPRequestEntityTooLarge:
            return self._malformed(413, f"the body is larger than {self.settings.body_bytes} bytes", start)
        except TimeoutError:
            response = self._malformed(408, "the body did not arrive in time", start)
            response.force_close()
            return response

    async def _body(self, request: web.BaseRequest) -> bytes:
        if (request.content_length or 0) > self.settings.body_bytes:
            raise web.HTTPRequestEntityTooLarge(self.settings.body_bytes, request.content_length or 0)
        try:
            if request.content.is_eof():
                # it is all there: the usual case, and not worth a timer
                return await request.read()
            async with asyncio.timeout(self.settings.read_timeout):
                return await request.read()
        except TimeoutError:
            raise
        except (OSError, web.RequestPayloadError) as error:
            # the stream keeps its exception, and a traceback would keep the request with all that it has received
            error.__traceback__ = None
            raise MalformedReview("the body is incomplete") from None

    def _answer(self, review: ReviewRequest, decision: Decision, audiences: tuple[str, ...]) -> web.Response:
        if decision.allowed and decision.user is not None:
            return _json(granted(review, decision.user, audiences))
        if not decision.retryable:
            return _json(refused(review, self._explanation(decision)))
        return _failure(429 if decision.reason == "sts.throttled" else 504, self._reason(decision))

    def _explanation(self, decision: Decision) -> str | None:
        return self._reason(decision) if self.settings.explain_refusals else None

    def _reason(self, decision: Decision) -> str:
        if decision.identity is not None and decision.identity.account_id in self.settings.scrubbed_accounts:
            return decision.reason
        return f"{decision.reason}: {decision.message}"

    def _malformed(self, status: int, message: str, start: float) -> web.Response:
        self._metrics.observe_malformed(time.perf_counter() - start)
        _log.warning("request refused", extra={"fields": {"status": status, "error": message}})
        return _failure(status, message)

    def _count(self, judgement: Judgement, seconds: float) -> None:
        counter = {
            "cached": self._metrics.cache_hits,
            "joined": self._metrics.joined,
            "asked": self._metrics.cache_misses,
        }[judgement.source]
        counter.inc()
        decision = judgement.decision
        self._metrics.observe_decision(allowed=decision.allowed, reason=decision.reason, seconds=seconds)


def _no_entries(request: Attributes) -> Opinion:  # noqa: ARG001
    return NO_ENTRIES


def _not_for(decision: Decision) -> Decision:
    return replace(
        decision,
        allowed=False,
        user=None,
        reason="audience.not_served",
        message="none of the audiences asked for is served here",
        hint="compare --audience with --api-audiences of the API server",
    )


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=_JSON)


def _failure(status: int, message: str) -> web.Response:
    return web.Response(body=failure(status, message), status=status, content_type=_JSON)
