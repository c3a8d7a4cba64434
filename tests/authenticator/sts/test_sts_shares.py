"""Hosts that never answer, beside hosts that do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from tests.authenticator.serving import SESSION

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.client import StsQuestion, StsRefused, StsUnavailable
from eksauth.authenticator.sts.shares import SharedSts

HOME = "sts.eu-west-1.amazonaws.com"


@dataclass
class Network:
    """An STS that ``answers`` for some hosts and keeps silent for the others."""

    answers: dict[str, CallerIdentity | Exception]
    asked: list[str] = field(default_factory=list)

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Answer, or never."""
        self.asked.append(question.host)
        answer = self.answers.get(question.host)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer


def question(host: str) -> StsQuestion:
    """Return a question to ``host``."""
    return StsQuestion(host, "/?", "demo")


async def flood(shared: SharedSts, count: int) -> list[asyncio.Task[CallerIdentity]]:
    """Ask silent hosts, each another one, and let all that are begun begin."""
    silent = [
        asyncio.create_task(shared.get_caller_identity(question(f"sts.eu-nowhere-{number}.amazonaws.com")))
        for number in range(count)
    ]
    await asyncio.sleep(0)
    return silent


async def end(tasks: list[asyncio.Task[CallerIdentity]]) -> list[CallerIdentity | BaseException]:
    """Cancel what still runs and return how each ended."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(SESSION, id="vouched"),
        pytest.param(StsRefused("no", code="sts.signature_mismatch"), id="refused"),
        pytest.param(StsUnavailable("slow down", code="sts.throttled"), id="throttled"),
    ],
)
async def test_a_flood_of_tokens_for_silent_hosts_stops_nobody_else(first: CallerIdentity | Exception) -> None:
    """A host that has answered as STS does, whatever it said, is asked however many questions hang elsewhere."""
    network = Network({HOME: first})
    shared = SharedSts(network, unproven=4)
    await asyncio.gather(shared.get_caller_identity(question(HOME)), return_exceptions=True)
    silent = await flood(shared, 100)
    assert len(network.asked) == 5
    network.answers[HOME] = SESSION
    assert await shared.get_caller_identity(question(HOME)) == SESSION
    ends = await end(silent)
    assert [error.code for error in ends if isinstance(error, StsUnavailable)] == ["sts.busy"] * 96


@pytest.mark.parametrize(
    "code", ["sts.timeout", "sts.unreachable", "sts.tls", "sts.malformed_reply", "sts.server_error"]
)
async def test_a_proxy_that_answers_for_every_name_proves_none(code: str) -> None:
    """What does not speak as STS does is not remembered, so invented names fill no memory."""
    invented = "sts.eu-nowhere-9.amazonaws.com"
    network = Network({invented: StsUnavailable("not STS", code=code)})
    shared = SharedSts(network, unproven=1)
    with pytest.raises(StsUnavailable):
        await shared.get_caller_identity(question(invented))
    silent = await flood(shared, 1)
    with pytest.raises(StsUnavailable) as caught:
        await shared.get_caller_identity(question(invented))
    assert caught.value.code == "sts.busy"
    await end(silent)


async def test_an_outage_does_not_put_a_host_back() -> None:
    """A host that answered once keeps its place while it is down and when it comes back."""
    network = Network({HOME: SESSION})
    shared = SharedSts(network, unproven=1)
    await shared.get_caller_identity(question(HOME))
    network.answers[HOME] = StsUnavailable("down", code="sts.timeout")
    silent = await flood(shared, 2)
    for _ in range(3):
        with pytest.raises(StsUnavailable) as caught:
            await shared.get_caller_identity(question(HOME))
        assert caught.value.code == "sts.timeout"
    await end(silent)


async def test_places_are_free_again_when_questions_end() -> None:
    """Questions that were given up count no longer."""
    network = Network({})
    shared = SharedSts(network, unproven=2)
    await end(await flood(shared, 5))
    silent = await flood(shared, 2)
    assert len(network.asked) == 4
    await end(silent)
