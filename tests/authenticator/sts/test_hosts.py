"""One STS host beside another: retries, second attempts, the circuit breaker, and who waits for whom."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from tests.authenticator.loopback import caller, error, garbage, loopback, reply, reset, silence
from tests.authenticator.serving import SESSION

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.client import StsClient, StsQuestion, StsRefused, StsUnavailable
from eksauth.authenticator.sts.host import HostLimits
from eksauth.authenticator.sts.hosts import StsHosts
from eksauth.authenticator.sts.names import Resolver

HOME, AWAY = "sts.eu-west-1.amazonaws.com", "sts.ap-south-1.amazonaws.com"
QUICK = HostLimits(backoff=0.001)
DOWN = StsUnavailable("down", code="sts.server_error")
Answer = CallerIdentity | Exception | Callable[[], Awaitable[CallerIdentity]]

USUAL = [SESSION] * 40


@dataclass
class Network:
    """An STS whose hosts answer from a script: the n-th question gets the n-th answer, later ones the last."""

    script: dict[str, Sequence[Answer]]
    asked: list[str] = field(default_factory=list)

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Answer."""
        answers = self.script[question.host]
        answer = answers[min(self.asked.count(question.host), len(answers) - 1)]
        self.asked.append(question.host)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, CallerIdentity) else await answer()


@dataclass
class Seen:
    """What an observer is told."""

    events: list[str] = field(default_factory=list)

    def retried(self, host: str) -> None:
        """Take note."""
        self.events.append(f"retried {host}")

    def hedged(self, host: str, *, won: bool) -> None:
        """Take note."""
        self.events.append(f"hedged {host} {won}")

    def circuit(self, host: str, *, is_open: bool) -> None:
        """Take note."""
        self.events.append(f"circuit {host} {is_open}")


async def never() -> CallerIdentity:
    """Give no answer."""
    await asyncio.Event().wait()
    raise AssertionError


def question(host: str = HOME) -> StsQuestion:
    """Return a question to ``host``."""
    return StsQuestion(host, "/?Action=GetCallerIdentity", "demo")


def unavailable(code: str) -> StsUnavailable:
    """Return an outage."""
    return StsUnavailable("no", code=code)


@pytest.mark.parametrize("code", ["sts.server_error", "sts.unreachable", "sts.throttled"])
async def test_what_passes_is_tried_again(code: str) -> None:
    """Two failures that a moment may heal are not noticed."""
    network = Network({HOME: [unavailable(code), unavailable(code), SESSION]})
    seen = Seen()
    assert await StsHosts(network, limits=QUICK, observer=seen).get_caller_identity(question()) == SESSION
    assert seen.events == [f"retried {HOME}"] * 2


@pytest.mark.parametrize("code", ["sts.timeout", "sts.tls", "sts.malformed_reply", "sts.redirected"])
async def test_what_does_not_pass_is_not(code: str) -> None:
    """A timeout has used up its time, and the others are there to stay."""
    network = Network({HOME: [unavailable(code), SESSION]})
    with pytest.raises(StsUnavailable) as caught:
        await StsHosts(network, limits=QUICK).get_caller_identity(question())
    assert caught.value.code == code
    assert len(network.asked) == 1


async def test_a_refusal_is_final() -> None:
    """What STS refuses is asked once."""
    network = Network({HOME: [StsRefused("no", code="sts.signature_mismatch")]})
    with pytest.raises(StsRefused):
        await StsHosts(network, limits=QUICK).get_caller_identity(question())
    assert len(network.asked) == 1


async def test_an_outage_is_not_multiplied() -> None:
    """Retries have a budget: a hundred questions to a host that fails cost far less than three hundred attempts."""
    network = Network({HOME: [DOWN]})
    hosts = StsHosts(network, limits=QUICK)
    for _ in range(100):
        with pytest.raises(StsUnavailable):
            await hosts.get_caller_identity(question())
    assert 100 < len(network.asked) <= 145


async def test_a_late_question_is_asked_twice() -> None:
    """When the first attempt hangs, the second one answers; the first is ended."""
    ended = asyncio.Event()

    async def hang() -> CallerIdentity:
        try:
            return await never()
        finally:
            ended.set()

    network, seen = Network({HOME: [*USUAL, hang, SESSION]}), Seen()
    hosts = StsHosts(network, observer=seen)
    for _ in range(41):
        assert await hosts.get_caller_identity(question()) == SESSION
    await ended.wait()
    assert seen.events == [f"hedged {HOME} True"]
    assert len(network.asked) == 42
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_second_attempt_may_fail() -> None:
    """The first one counts then, however late."""

    async def late() -> CallerIdentity:
        await asyncio.sleep(0.2)
        return SESSION

    network, seen = Network({HOME: [*USUAL, late, DOWN]}), Seen()
    hosts = StsHosts(network, observer=seen)
    for _ in range(41):
        assert await hosts.get_caller_identity(question()) == SESSION
    assert seen.events == [f"hedged {HOME} False"]


async def test_the_first_attempt_may_fail_while_the_second_is_under_way() -> None:
    """The second one counts then."""

    async def late_failure() -> CallerIdentity:
        await asyncio.sleep(0.1)
        raise DOWN

    async def later() -> CallerIdentity:
        await asyncio.sleep(0.15)
        return SESSION

    network = Network({HOME: [*USUAL, late_failure, later]})
    hosts = StsHosts(network)
    for _ in range(41):
        assert await hosts.get_caller_identity(question()) == SESSION
    assert len(network.asked) == 42


async def test_a_caller_that_leaves_ends_both_attempts() -> None:
    """A cancelled question is cancelled, whichever attempts are under way, and leaves no task behind."""
    network = Network({HOME: [*USUAL, never]})
    hosts = StsHosts(network)
    for _ in range(40):
        await hosts.get_caller_identity(question())
    task = asyncio.create_task(hosts.get_caller_identity(question()))
    while len(network.asked) < 42:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert hosts.known()[0].questions == 0


async def test_a_dead_host_is_left_alone_and_comes_back() -> None:
    """After a run of failures its questions fail at once; a probe finds out that it lives, and all pass again."""
    clock = [100.0]
    network, seen = Network({HOME: [DOWN], AWAY: [SESSION]}), Seen()
    hosts = StsHosts(network, limits=HostLimits(attempts=1), observer=seen, tick=lambda: clock[0])
    failures: list[StsUnavailable] = []
    while not failures or failures[-1].code != "sts.circuit_open":
        with pytest.raises(StsUnavailable) as caught:
            await hosts.get_caller_identity(question())
        failures.append(caught.value)
        clock[0] += 0.25 * (caught.value.code != "sts.circuit_open")
        assert len(failures) < 20
    assert "sts.server_error" in failures[-1].message
    asked = len(network.asked)
    assert await hosts.get_caller_identity(question(AWAY)) == SESSION
    network.script[HOME] = [SESSION]
    with pytest.raises(StsUnavailable):
        await hosts.get_caller_identity(question())
    assert len(network.asked) == asked + 1
    clock[0] += 1
    assert await hosts.get_caller_identity(question()) == SESSION
    assert seen.events == [f"circuit {HOME} True", f"circuit {HOME} False"]


@pytest.mark.parametrize(
    "answer", [unavailable("sts.throttled"), StsRefused("no", code="sts.signature_mismatch")], ids=["throttled", "no"]
)
async def test_answers_that_nobody_likes_open_nothing(answer: Exception) -> None:
    """Whoever sends bad tokens, or so many that STS throttles, does not close the region to others."""
    clock = [100.0]
    hosts = StsHosts(Network({HOME: [answer]}), limits=HostLimits(attempts=1), tick=lambda: clock[0])
    for _ in range(50):
        with pytest.raises((StsUnavailable, StsRefused)) as caught:
            await hosts.get_caller_identity(question())
        clock[0] += 1
        assert caught.value is answer


async def test_a_host_that_hangs_takes_a_bounded_number_of_questions() -> None:
    """Some wait, more are turned away at once, and another host answers meanwhile."""
    network = Network({AWAY: [never], HOME: [SESSION]})
    hosts = StsHosts(network, limits=HostLimits(at_once=4, waiting=6))
    hanging = [asyncio.create_task(hosts.get_caller_identity(question(AWAY))) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(StsUnavailable) as caught:
        await hosts.get_caller_identity(question(AWAY))
    assert caught.value.code == "sts.busy"
    assert network.asked.count(AWAY) == 4
    assert await hosts.get_caller_identity(question()) == SESSION
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_strangers_are_forgotten() -> None:
    """The hosts that are remembered are bounded; one that has answered outlives those that have not."""
    strangers = [f"sts.xx-test-{number}.amazonaws.com" for number in range(300)]
    script: dict[str, Sequence[Answer]] = {HOME: [SESSION]} | {host: [DOWN] for host in strangers}
    network = Network(script)
    hosts = StsHosts(network, limits=HostLimits(attempts=1), most=32)
    await hosts.get_caller_identity(question())
    for host in strangers:
        with pytest.raises(StsUnavailable):
            await hosts.get_caller_identity(question(host))
    names = [host.name for host in hosts.known()]
    assert len(names) == 32
    assert HOME in names


async def test_a_slow_region_does_not_slow_another() -> None:
    """Over real connections: two hundred questions to a region that says nothing, and another answers at once."""
    async with (
        loopback(silence) as dead,
        loopback(reply(200, caller())) as alive,
        StsClient(overrides={HOME: alive.origin(), AWAY: dead.origin()}, timeout=5) as sts,
    ):
        hosts = StsHosts(sts)
        hanging = [asyncio.create_task(hosts.get_caller_identity(question(AWAY))) for _ in range(200)]
        while len(dead.requests) < 64:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(2):
            answers = await asyncio.gather(*(hosts.get_caller_identity(question()) for _ in range(50)))
        assert len(answers) == 50
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


@pytest.mark.parametrize(
    "scripts, code",
    [
        ((reset,) * 8, "sts.unreachable"),
        ((garbage,), "sts.malformed_reply"),
        ((reply(500, error("InternalFailure")),), "sts.server_error"),
        ((reply(400, error("Throttling")),), "sts.throttled"),
    ],
    ids=["resets", "garbage", "500", "throttling"],
)
async def test_faults_over_real_connections(scripts: tuple[Callable[..., Awaitable[None]], ...], code: str) -> None:
    """What is wrong to the end has its own reason, and a good answer after two failures is an answer."""
    async with loopback(*scripts) as server, StsClient(overrides={HOME: server.origin()}) as sts:
        with pytest.raises(StsUnavailable) as caught:
            await StsHosts(sts, limits=QUICK).get_caller_identity(question())
        assert caught.value.code == code


async def test_a_moment_of_trouble_over_real_connections() -> None:
    """A 503, then throttling, then the answer."""
    scripts = (reply(503, b"<html>"), reply(400, error("Throttling")), reply(200, caller()))
    async with loopback(*scripts) as server, StsClient(overrides={HOME: server.origin()}) as sts:
        assert (await StsHosts(sts, limits=QUICK).get_caller_identity(question())).account == "111122223333"
        assert len(server.requests) == 3


async def test_a_wrong_certificate_opens_the_circuit(tmp_path: Path) -> None:
    """A region that is intercepted is left alone like one that is down, and the reason says why."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.issue_cert("localhost").configure_cert(tls)
    clock = [100.0]
    async with (
        loopback(reply(200, caller()), tls=tls) as server,
        StsClient(
            overrides={HOME: server.origin("https", "localhost")}, ca_file=tmp_path / "ca.pem", environ={}
        ) as sts,
    ):
        hosts = StsHosts(sts, tick=lambda: clock[0])
        codes = []
        for _ in range(12):
            with pytest.raises(StsUnavailable) as caught:
                await hosts.get_caller_identity(question())
            codes.append(caught.value.code)
            clock[0] += 0.3
    assert codes[0] == "sts.tls"
    assert "sts.circuit_open" in codes


def _found(host: str, port: int, _family: int) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


async def test_names_that_resolved_outlive_an_outage_of_dns() -> None:
    """The last addresses of a known name are used while look-ups fail; a stranger's failure is a failure."""
    down = [False]

    def look_up(host: str, port: int, family: int) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
        if down[0]:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return _found(host, port, family)

    resolver = Resolver(look_up)
    first = await resolver.resolve("known.example", 443)
    down[0] = True
    assert await resolver.resolve("known.example", 8443) == [{**first[0], "port": 8443}]
    with pytest.raises(OSError, match="try again"):
        await resolver.resolve("stranger.example", 443)


async def test_strangers_that_hang_do_not_block_known_names() -> None:
    """Look-ups that never end hold a few threads of their own, and only so many wait for them."""
    gate = threading.Event()

    def look_up(host: str, port: int, family: int) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
        if host != "known.example":
            gate.wait(20)
        return _found(host, port, family)

    resolver = Resolver(look_up)
    await resolver.resolve("known.example", 443)
    hanging = [asyncio.create_task(resolver.resolve(f"s{number}.example", 443)) for number in range(64)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(OSError, match="too many names"):
            await resolver.resolve("one-more.example", 443)
        async with asyncio.timeout(5):
            assert await resolver.resolve("known.example", 443)
    finally:
        gate.set()
    assert len(await asyncio.gather(*hanging)) == 64
