"""The authenticator under load: TLS, keep-alive, every token seen as often as three API servers see it.

A token lives for fifteen minutes and each API server forgets what it heard after two, so three of them ask about one
token some 21 times. The same server without its cache asks STS each time, as aws-iam-authenticator does; the ratios
between the two are from one run on one machine. Requests per second depend on the load generator too, which shares the
machine; requests per second of the server's own CPU time do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from aiohttp import web

from eksauth.authenticator.server.run import loop_factory
from eksauth.token.bearer import encode_token
from eksauth.token.sigv4 import presign_get_caller_identity

SIGHTINGS = 21
CONNECTIONS = 32
ACCOUNT, ROLE = "111122223333", "Admin"
HOST = "sts.eu-west-1.amazonaws.com"


@dataclass(frozen=True)
class Run:
    """One measurement."""

    requests: int
    sts_calls: int
    seconds: float
    server_cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Requests per second of CPU time that the server used."""
        return self.requests / self.server_cpu_seconds


def rows(tokens: int = 150) -> list[dict[str, str]]:
    """Measure and return table rows: what, measured, and the ratio that DESIGN's budget is about."""
    result = []
    for label, delay in (("at once", 0.0), ("after 20 ms", 0.02)):
        cached = measure(tokens=tokens, sightings=SIGHTINGS, delay=delay)
        uncached = measure(tokens=tokens, sightings=SIGHTINGS, delay=delay, options=("--no-cache",))
        result.append(_row(f"each token {SIGHTINGS} times, STS answers {label}", cached))
        result.append(_row(f"the same with --no-cache, STS answers {label}", uncached))
        ratios = (
            f"{cached.per_second / uncached.per_second:.1f} x requests/s, "
            f"{cached.per_cpu_second / uncached.per_cpu_second:.1f} x requests per CPU second, "
            f"{uncached.sts_calls / cached.sts_calls:.1f} x fewer STS calls"
        )
        result.append({"what": f"cache against no cache, STS answers {label}", "measured": ratios})
    result.append(_row("every token new, STS answers at once", measure(tokens=tokens * 8, sightings=1, delay=0.0)))
    return result


def _row(what: str, run: Run) -> dict[str, str]:
    measured = (
        f"{run.per_second:,.0f} requests/s, {run.per_cpu_second:,.0f} per CPU second of the server, "
        f"{run.sts_calls} STS calls for {run.requests} requests"
    )
    return {"what": what, "measured": measured}


def measure(*, tokens: int, sightings: int, delay: float, options: tuple[str, ...] = ()) -> Run:
    """Run one server and one STS, ask about ``tokens`` tokens ``sightings`` times each, and return what that took."""
    with tempfile.TemporaryDirectory() as name, running_sts(delay) as sts_url:
        directory = Path(name)
        with _server(directory, sts_url, options) as ready:
            bodies = [make_request(token) for token in make_tokens(tokens)] * sightings
            metrics = _metrics(ready)
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                seconds = runner.run(_load(ready, bodies))
            after = _metrics(ready)
        return Run(
            requests=len(bodies),
            sts_calls=round(after["sts"] - metrics["sts"]),
            seconds=seconds,
            server_cpu_seconds=after["cpu"] - metrics["cpu"],
        )


def make_tokens(count: int, first: int = 0) -> list[str]:
    """Return ``count`` different tokens of this moment; others have another ``first``."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return [
        encode_token(
            presign_get_caller_identity(
                host=HOST,
                region="eu-west-1",
                cluster_id="bench",
                access_key_id="ASIAQEXAMPLEEXAMPLE0",
                secret_access_key=str(number),
                # as long as the session token of an assumed role
                session_token="x" * 700,
                amz_date=stamp,
            )
        )
        for number in range(first, first + count)
    ]


def make_request(token: str) -> bytes:
    """Return a TokenReview as kube-apiserver posts it."""
    spec = {"token": token, "audiences": ["https://kubernetes.default.svc"]}
    review = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec}
    body = json.dumps(review).encode()
    return b"POST /authenticate?timeout=30s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


async def _load(ready: dict[str, str], requests: list[bytes]) -> float:
    """Send ``requests`` over keep-alive connections, check each answer, and return the seconds that took."""
    context = ssl.create_default_context(cafile=ready["certificate"])
    pending = iter(requests)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request in pending:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            body = await reader.readexactly(length)
            if b'"authenticated":true' not in body:
                raise RuntimeError(f"not admitted: {body!r}")

    port = int(ready["port"])
    connections = [
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        for _ in range(CONNECTIONS)
    ]
    start = time.perf_counter()
    await asyncio.gather(*(client(*connection) for connection in connections))
    seconds = time.perf_counter() - start
    for _, writer in connections:
        writer.close()
    return seconds


def _metrics(ready: dict[str, str]) -> dict[str, float]:
    context = ssl.create_default_context(cafile=ready["certificate"])
    url = f"https://localhost:{ready['port']}/metrics"
    found = {"sts": 0.0, "cpu": 0.0}
    with urlopen(url, context=context, timeout=30) as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith("aws_iam_authenticator_sts_responses_total{"):
                found["sts"] += float(line.rpartition(" ")[2])
            elif line.startswith("process_cpu_seconds_total "):
                found["cpu"] = float(line.rpartition(" ")[2])
    return found


@contextlib.contextmanager
def _server(directory: Path, sts_url: str, options: tuple[str, ...]) -> Iterator[dict[str, str]]:
    config = {
        "clusterID": "bench",
        "server": {
            "stateDir": str(directory / "state"),
            "generateKubeconfig": str(directory / "webhook.yaml"),
            "stsEndpointOverrides": {HOST: sts_url},
            "mapRoles": [{"rolearn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "username": "admin:{{SessionName}}"}],
        },
    }
    # JSON is YAML
    (directory / "server.yaml").write_text(json.dumps(config))
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "eksauth", "server", "run", "-c", str(directory / "server.yaml"), "--port", "0"]
    log = (directory / "log").open("wb")
    with log, subprocess.Popen([*command, "--ready-file", str(ready), *options], stderr=log) as process:
        try:
            yield json.loads(appears(ready, process))
        finally:
            process.terminate()


@contextlib.contextmanager
def running_sts(delay: float) -> Iterator[str]:
    """Run an STS in a process of its own and yield its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not urlsplit(url).port:
                raise RuntimeError("the STS did not start")
            yield url
        finally:
            process.terminate()


def appears(path: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait for the ready file of a server and return its text; raises RuntimeError with the log when it ends."""
    while not path.exists():
        if process.poll() is not None:
            raise RuntimeError((path.parent / "log").read_text())
        time.sleep(0.02)
    return path.read_text()


async def _answer_forever(delay: float) -> None:
    result = {
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/ann",
        "UserId": "AROAEXAMPLEEXAMPLE00:ann",
    }
    body = json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}).encode()

    async def answer(request: web.BaseRequest) -> web.Response:  # noqa: ARG001
        if delay:
            await asyncio.sleep(delay)
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    # ends when its standard input does, which is when the benchmark ends in whatever way
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as sts_runner:
        sts_runner.run(_answer_forever(float(sys.argv[1])))
