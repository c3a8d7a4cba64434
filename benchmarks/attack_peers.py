"""What the server under attack asks: an STS that vouches for one key, and a proxy into a network of silence."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from benchmarks.server import ACCOUNT, ROLE
from eksauth.authenticator.server.run import loop_factory

GOOD_KEY = "ASIAQEXAMPLEEXAMPLE0"
_DELAY = 0.02
_GOOD = json.dumps(
    {
        "GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {
                "Account": ACCOUNT,
                "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/ann",
                "UserId": "AROAEXAMPLEEXAMPLE00:ann",
            }
        }
    }
).encode()
_BAD = json.dumps({"Error": {"Code": "InvalidClientTokenId", "Message": "no", "Type": "Sender"}}).encode()


@dataclass(frozen=True)
class Peers:
    """Where they are."""

    sts_url: str
    proxy_url: str


@contextlib.contextmanager
def running_peers() -> Iterator[Peers]:
    """Run both in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.attack_peers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            sts, proxy = process.stdout.readline().split()
            if not urlsplit(sts).port:
                raise RuntimeError("the STS did not start")
            yield Peers(sts, proxy)
        finally:
            process.terminate()


async def _answer(request: web.BaseRequest) -> web.Response:
    await asyncio.sleep(_DELAY)
    if f"Credential={GOOD_KEY}%2F" in request.raw_path:
        return web.Response(body=_GOOD, content_type="application/json")
    return web.Response(body=_BAD, status=403, content_type="application/json")


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    writer.close()


async def _serve() -> None:
    runner = web.ServerRunner(web.Server(_answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    proxy = await asyncio.start_server(_never, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{runner.addresses[0][1]} http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}", flush=True)
    # ends when its standard input does, which is when the benchmark ends in whatever way
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as peers_runner:
        peers_runner.run(_serve())
