"""The authenticator under attack, and what people who log in meanwhile notice.

One server with its defaults; an STS that vouches for one key and takes 20 ms; a network in which no other STS host ever
answers. Against it, at once: tokens that STS refuses, nonsense, tokens for every region, invented regions, clients that
drip headers and bodies, huge bodies, handshakes without requests and connections without handshakes. The attack is
paced, so that what is measured is the server and not a machine without a free CPU; attackers, STS and the people share
that machine with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.attack_peers import GOOD_KEY, running_peers
from benchmarks.server import ACCOUNT, HOST, ROLE, appears, make_request
from eksauth.authenticator.server.run import loop_factory
from eksauth.aws.partitions import PARTITIONS, sts_host
from eksauth.token.bearer import encode_token
from eksauth.token.sigv4 import presign_get_caller_identity

CAPTION = """Logins are 20 a second over three kept connections, a third of them with tokens that the server has not
seen (STS takes 20 ms), and once a second over a new connection. Memory is the server's resident set, with one worker
and the caches of the defaults, which fill up during the first minutes."""
BUDGET_MS = 250.0
_KINDS = ("refused", "nonsense", "region", "invented")


@dataclass
class Logins:
    """What people noticed: seconds of each login by kind, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"known": [], "new": [], "connecting": []})
    failures: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """Return percentiles in words."""
        parts = []
        for kind, found in self.seconds.items():
            if len(found) > 1:
                cuts = statistics.quantiles(found, n=100, method="inclusive")
                parts.append(f"{kind} tokens" if kind != "connecting" else "new connections")
                parts[-1] += f": p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms of {len(found)}"
        failed = ", ".join(f"{count} {what}" for what, count in self.failures.items()) or "none"
        return "; ".join(parts) + f"; failed: {failed}"

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of all logins, in milliseconds."""
        everything = [one for found in self.seconds.values() for one in found]
        return statistics.quantiles(everything, n=100, method="inclusive")[98] * 1000


def rows(minutes: float) -> list[dict[str, str]]:
    """Attack for ``minutes`` and return table rows."""
    with tempfile.TemporaryDirectory(prefix="eksauth-bench-") as name, running_peers() as peers:
        directory = Path(name)
        with _server(directory, peers.sts_url, peers.proxy_url) as (ready, pid):
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                before = runner.run(_log_in_for(ready, 10))
            memory = [_resident(pid)]
            command = [sys.executable, "-m", "benchmarks.attack", ready["certificate"], str(ready["port"])]
            with subprocess.Popen([*command, str(minutes * 60)], stdout=subprocess.PIPE, text=True) as attackers:
                with asyncio.Runner(loop_factory=loop_factory()) as runner:
                    during = runner.run(_log_in_for(ready, minutes * 60, lambda: memory.append(_resident(pid))))
                said = attackers.communicate()[0]
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                after = runner.run(_log_in_for(ready, 10))
            memory.append(_resident(pid))
    quarter = memory[len(memory) // 4]
    verdict = "within" if during.p99_ms < BUDGET_MS and not during.failures else "**over**"
    sent = ", ".join(f"{count:,} {what}" for what, count in json.loads(said).items())
    return [
        {"what": "logins before", "measured": before.told()},
        {"what": f"logins during {minutes:g} minutes of attack", "measured": during.told()},
        {"what": f"p99 of all of them, budget {BUDGET_MS:g} ms", "measured": f"{during.p99_ms:.1f} ms, {verdict}"},
        {"what": "logins after", "measured": after.told()},
        {
            "what": "memory of the server",
            "measured": f"{memory[0]:.0f} MiB at the start, {quarter:.0f} after a quarter of the time, "
            f"{max(memory):.0f} at most, {memory[-1]:.0f} at the end",
        },
        {"what": "the attack", "measured": sent},
    ]


def _resident(pid: int) -> float:
    """Return the resident set of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


@contextlib.contextmanager
def _server(directory: Path, sts_url: str, proxy_url: str) -> Iterator[tuple[dict[str, str], int]]:
    server = {
        "stateDir": str(directory / "state"),
        "generateKubeconfig": str(directory / "webhook.yaml"),
        "stsEndpointOverrides": {HOST: sts_url},
        "mapRoles": [{"rolearn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "username": "admin:{{SessionName}}"}],
    }
    (directory / "server.yaml").write_text(json.dumps({"clusterID": "bench", "server": server}))
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "eksauth", "server", "run", "-c", str(directory / "server.yaml"), "--port", "0"]
    # nothing of this may leave the machine: whatever is not overridden goes to a proxy that never answers
    environ = {**os.environ, "HTTPS_PROXY": proxy_url, "HTTP_PROXY": proxy_url, "NO_PROXY": "127.0.0.1"}
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen([*command, "--ready-file", str(ready)], stderr=log, env=environ) as process,
    ):
        try:
            yield json.loads(appears(ready, process)), process.pid
        finally:
            process.terminate()


def make_token(serial: int, *, key: str = GOOD_KEY, host: str = HOST, region: str = "eu-west-1") -> str:
    """Return a token of this moment; ``serial`` makes it another one."""
    return encode_token(
        presign_get_caller_identity(
            host=host,
            region=region,
            cluster_id="bench",
            access_key_id=key,
            secret_access_key=str(serial),
            session_token="x" * 700,
            amz_date=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        )
    )


async def _log_in_for(ready: dict[str, str], seconds: float, every_second: Callable[[], None] = lambda: None) -> Logins:
    """Log in as people do and return what they noticed."""
    tls, port, logins = ssl.create_default_context(cafile=ready["certificate"]), int(ready["port"]), Logins()
    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = [None] * 3
    known: list[tuple[float, str]] = []
    end, turn = time.monotonic() + seconds, 0
    first = time.time_ns()
    while time.monotonic() < end:
        began, turn = time.monotonic(), turn + 1
        if turn % 20 == 0:
            every_second()
        kind, token = "new", make_token(first + turn)
        if turn % 3 and known:
            kind, token = "known", random.choice(known)[1]
        else:
            known = [*known[-20:], (began, token)]
        place = turn % 3
        if turn % 20 == 0:
            kind, connections[place] = "connecting", None
        try:
            async with asyncio.timeout(15):
                connection = connections[place]
                if connection is None:
                    connection = connections[place] = await asyncio.open_connection(
                        "127.0.0.1", port, ssl=tls, server_hostname="localhost"
                    )
                await _log_in(*connection, token)
            logins.seconds[kind].append(time.monotonic() - began)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, RuntimeError) as error:
            logins.failures[f"{kind}: {type(error).__name__} {error}"[:80]] += 1
            connections[place] = None
        await asyncio.sleep(max(0.0, began + 0.05 - time.monotonic()))
    for connection in connections:
        if connection is not None:
            connection[1].transport.abort()
    return logins


async def _log_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
    writer.write(make_request(token))
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
    if b'"authenticated":true' not in body:
        raise RuntimeError(head.split(b"\r\n", 1)[0].decode())


class Attackers:
    """Everybody who means harm, in one event loop.

    :param end: when to stop, on the monotonic clock.
    """

    def __init__(self, port: int, tls: ssl.SSLContext, end: float) -> None:
        self._port = port
        self._tls = tls
        self._end = end
        self.sent: Counter[str] = Counter()

    async def attack(self) -> None:
        """Do all of it until the end."""
        kinds: list[Awaitable[None]] = [self._tokens(kind, 15) for kind in _KINDS for _ in range(2)]
        kinds += [self._slow(head, what) for head, what in _DRIPS for _ in range(100)]
        kinds += [self._huge(), self._huge(), self._handshakes(30), self._silent(30)]
        await asyncio.gather(*kinds)

    async def _turns(self, per_second: float) -> AsyncIterator[int]:
        number, began = 0, time.monotonic()
        while time.monotonic() < self._end:
            yield number
            number += 1
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        writer = None
        try:
            async with asyncio.timeout(20):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, ssl=self._tls, server_hostname="localhost"
                )
            yield reader, writer
        except (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.LimitOverrunError):
            await asyncio.sleep(0.2)
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _tokens(self, kind: str, per_second: float) -> None:
        """Post bad tokens over kept connections, several under way at once."""
        chance = random.Random(kind)
        under_way: set[asyncio.Task[None]] = set()
        async for number in self._turns(per_second):
            if len(under_way) < 64:
                task = asyncio.ensure_future(self._post_one(kind, _bad_token(kind, chance, number)))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _post_one(self, kind: str, token: str) -> None:
        async with self._connected() as (reader, writer):
            writer.write(make_request(token))
            self.sent[f"{kind} tokens"] += 1
            async with asyncio.timeout(30):
                await reader.readuntil(b"\r\n\r\n")

    async def _slow(self, head: bytes, what: str) -> None:
        """Send a byte a second until the server has enough of it."""
        await asyncio.sleep(random.random() * 10)
        async for _ in self._turns(2):
            async with self._connected() as (reader, writer):
                self.sent[what] += 1
                writer.write(head)
                while time.monotonic() < self._end and not reader.at_eof() and not writer.is_closing():
                    writer.write(b"x")
                    await asyncio.sleep(1)

    async def _huge(self) -> None:
        """Send ten megabytes, said at the beginning or not."""
        head = b"POST /authenticate HTTP/1.1\r\nHost: x\r\n"
        async for number in self._turns(1):
            async with self._connected() as (_, writer):
                self.sent["huge bodies"] += 1
                if number % 2:
                    writer.write(head + b"Content-Length: 10000000\r\n\r\n")
                    chunk = b"x" * 65536
                else:
                    writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
                    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
                async with asyncio.timeout(10):
                    for _ in range(150):
                        writer.write(chunk)
                        await writer.drain()

    async def _handshakes(self, per_second: float) -> None:
        """Shake hands and leave."""
        async for _ in self._turns(per_second):
            async with self._connected():
                self.sent["handshakes"] += 1

    async def _silent(self, per_second: float) -> None:
        """Connect and say nothing, or what is no TLS."""
        held: list[asyncio.StreamWriter] = []
        async for number in self._turns(per_second):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                continue
            self.sent["connections without handshake"] += 1
            if number % 2:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
            held.append(writer)
            if len(held) > 400:
                held.pop(0).transport.abort()
        for writer in held:
            writer.transport.abort()


_DRIPS = (
    (b"POST /authenticate HTTP/1.1\r\nHost: x\r\nX-Drip: ", "slow headers"),
    (b"POST /authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", "slow bodies"),
)
_HOSTS = [(sts_host(region), region) for partition in PARTITIONS for region in sorted(partition.regions)]


def _bad_token(kind: str, chance: random.Random, number: int) -> str:
    if kind == "refused":
        return make_token(number, key=f"ASIAQATTACK{chance.randrange(10**8):08}X")
    if kind == "nonsense":
        return "k8s-aws-v1." + chance.randbytes(chance.randrange(2000)).hex()
    if kind == "region":
        host, region = chance.choice(_HOSTS)
        return make_token(number, host=host, region=region)
    label = f"{chance.choice(('us', 'eu', 'xx'))}-{chance.choice(('west', 'north', 'q' * 9))}-{chance.randrange(10**6)}"
    return make_token(number, host=f"sts.{label}.amazonaws.com", region=label)


async def _attack(certificate: str, port: int, seconds: float) -> None:
    tls = ssl.create_default_context(cafile=certificate)
    attackers = Attackers(port, tls, time.monotonic() + seconds)
    await attackers.attack()
    print(json.dumps(attackers.sent))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as attack_runner:
        attack_runner.run(_attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
