"""Mappings at size: what a lookup costs among ten and among a hundred thousand, and what requests wait for in a reload.

A paced load, independent of how fast answers come, asks one server over keep-alive TLS about tokens that it knows and
tokens that are new, while the file with the mappings is replaced. What a request waited is counted from the moment at
which it was due, so that a server that stands still is not asked less often. The same load without a reload, right
before, is the noise of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server import ACCOUNT, HOST, ROLE, appears, make_request, make_tokens, running_sts
from eksauth.authenticator.identity import CallerIdentity, Identity, identity_from
from eksauth.authenticator.mapping.model import Mappings, RoleMapping, Source
from eksauth.authenticator.mapping.table import MappingTable
from eksauth.authenticator.server.run import loop_factory

SIZES = (10, 1_000, 100_000)
PER_SECOND = 150
NEW_EACH = 3
"""Every third request is about a token that the server has not seen."""
CONNECTIONS = 16
CALM_SECONDS = 3.0
BUDGET = 0.1
CAPTION = f"""{PER_SECOND} requests a second over {CONNECTIONS} keep-alive TLS connections, every third about a new
token, STS answering at once; the file is replaced by a rename, and requests count until a second after the new one is
in force. What a request waited is counted from when it was due. Server, its reader, STS and generator share the
machine, so the columns without a reload, from the same run, tell what is the machine's own. Memory is the server's; the
process that reads a large file is another one and gone afterwards. Budget: no request over {BUDGET * 1000:.0f} ms."""
LOOKUP_CAPTION = """One table in one process, fastest of seven rounds in turns: a caller whose role is mapped, and one
whose refusal is explained with the entries that nearly fit. Budget: flat from 10 to 100,000 entries."""
_ME = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"


def yaml_text(entries: int, username: str, keys: str = "clusterID: bench\nserver:\n") -> str:
    """Return a server configuration with that many roles, the last one's user name being ``username``."""
    others = (
        f"  - rolearn: arn:aws:iam::{ACCOUNT}:role/Team-{number}\n"
        f"    username: team-{number}:{{{{SessionName}}}}\n"
        f"    groups:\n    - team-{number % 500}\n    - viewers\n"
        for number in range(entries - 1)
    )
    last = f"  - rolearn: {_ME}\n    username: {username}\n    groups: [viewers]\n"
    return f"{keys}  mapRoles:\n{''.join(others)}{last}"


def json_text(entries: int, username: str) -> str:
    """Return the same mappings for ``DynamicFile``."""
    roles = [
        {
            "rolearn": f"arn:aws:iam::{ACCOUNT}:role/Team-{number}",
            "username": f"team-{number}:{{{{SessionName}}}}",
            "groups": [f"team-{number % 500}", "viewers"],
        }
        for number in range(entries - 1)
    ]
    roles.append({"rolearn": _ME, "username": username, "groups": ["viewers"]})
    return json.dumps({"mapRoles": roles}, indent=1)


def entries_text(entries: int, username: str) -> str:
    """Return the same principals as access entries with a policy each."""
    policy = {
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        "accessScope": {"type": "namespace", "namespaces": ["team-*"]},
    }
    found = [
        {
            "principalArn": f"arn:aws:iam::{ACCOUNT}:role/teams/Team-{number}",
            "kubernetesGroups": [f"team-{number % 500}", "viewers"],
            "accessPolicies": [policy],
        }
        for number in range(entries - 1)
    ]
    found.append({"principalArn": _ME, "username": username, "kubernetesGroups": ["viewers"]})
    return json.dumps({"accessEntries": found}, indent=1)


@dataclass(frozen=True)
class Kind:
    """A backend on a file; ``content`` makes the file of so many entries, ``key`` names it in the configuration."""

    mode: str
    key: str | None
    content: Callable[[int, str], str]


KINDS = (
    Kind("MountedFile", None, yaml_text),
    Kind("DynamicFile", "dynamicfilepath", json_text),
    Kind("AccessEntries", "accessEntriesPath", entries_text),
)


@dataclass
class Waits:
    """What requests waited, in seconds."""

    seconds: list[float] = field(default_factory=list)

    def told(self) -> str:
        """Return the middle, the 99th percentile and the longest, in milliseconds."""
        ordered = sorted(self.seconds)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return f"{statistics.median(ordered) * 1000:.1f} / {p99 * 1000:.1f} / {ordered[-1] * 1000:.1f}"


def rows() -> list[dict[str, str]]:
    """Measure every backend on a file at every size, and return table rows."""
    return [reload_row(kind, size) for kind in KINDS for size in SIZES]


def reload_row(kind: Kind, entries: int) -> dict[str, str]:
    """Measure one server of that many entries while its file is replaced."""
    with tempfile.TemporaryDirectory(prefix="eksauth-bench-") as name, running_sts(0.0) as sts_url:
        directory = Path(name)
        file = _write(directory, kind, entries, "before", sts_url)
        begun = time.perf_counter()
        with _server(directory) as (process, ready):
            started = time.perf_counter() - begun
            before = _memory(process.pid)
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                calm, reload, in_force = runner.run(
                    _watch_reload(ready, lambda: _write(directory, kind, entries, "after", sts_url))
                )
            after = _memory(process.pid)
        worst = max(reload.seconds)
        return {
            "backend": kind.mode,
            "entries": f"{entries:,}",
            "file": f"{file.stat().st_size / 1e6:.1f} MB",
            "start s": f"{started:.1f}",
            "in force after s": f"{in_force:.1f}",
            "median / p99 / longest ms, no reload": calm.told(),
            "median / p99 / longest ms, reload": reload.told(),
            "budget": "within" if worst <= BUDGET else "**over**",
            "RSS MB before, after, peak": f"{before[0]:.0f}, {after[0]:.0f}, {after[1]:.0f}",
        }


def _write(directory: Path, kind: Kind, entries: int, username: str, sts_url: str) -> Path:
    """Write the configuration and the mappings so that each file is replaced in one step; return the mappings."""
    keys = (
        f"clusterID: bench\nserver:\n  stateDir: {directory}/state\n  generateKubeconfig: {directory}/webhook.yaml\n"
        f"  stsEndpointOverrides:\n    {HOST}: {sts_url}\n  backendMode: [{kind.mode}]\n"
    )
    config = directory / "server.yaml"
    if kind.key is None:
        _replace(config, yaml_text(entries, username, keys))
        return config
    file = directory / "mappings"
    _replace(file, kind.content(entries, username))
    if not config.exists():
        _replace(config, f"{keys}  {kind.key}: {file}\n")
    return file


def _replace(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.replace(path)


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "eksauth", "server", "run", "-c", str(directory / "server.yaml"), "--port", "0"]
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen([*command, "--ready-file", str(ready)], stderr=log) as process,
    ):
        try:
            yield process, json.loads(appears(ready, process))
        finally:
            process.terminate()


def _memory(pid: int) -> tuple[float, float]:
    """Return the resident memory of a process and its peak, in MB; children do not count."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) / 1000, int(lines["VmHWM"].split()[0]) / 1000


class _Asking:
    """A paced load on one server; answers are checked, and tell which mappings are in force."""

    def __init__(self, ready: dict[str, str]) -> None:
        self._ready = ready
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._known = [make_request(token) for token in make_tokens(50)]
        # signing costs more than asking, and is done beforehand
        self._new = iter([make_request(token) for token in make_tokens(4000, first=1000)])
        self._asked = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self.waits = Waits()
        self.in_force = asyncio.Event()

    async def connect(self) -> None:
        context = ssl.create_default_context(cafile=self._ready["certificate"])
        for _ in range(CONNECTIONS):
            self._free.put_nowait(
                await asyncio.open_connection(
                    "127.0.0.1", int(self._ready["port"]), ssl=context, server_hostname="localhost"
                )
            )

    async def go_on(self, done: Callable[[], bool]) -> Waits:
        """Ask at the pace until ``done``, and return what requests waited since the last call."""
        loop = asyncio.get_running_loop()
        self.waits = Waits()
        due = loop.time()
        while not done():
            due += 1 / PER_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))
            task = asyncio.create_task(self._ask(due))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        await asyncio.gather(*self._under_way)
        return self.waits

    async def _ask(self, due: float) -> None:
        self._asked += 1
        new = self._asked % NEW_EACH == 0
        request = next(self._new) if new else self._known[self._asked % len(self._known)]
        connection = await self._free.get()
        reader, writer = connection
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        self.waits.seconds.append(asyncio.get_running_loop().time() - due)
        if b'"authenticated":true' not in body:
            raise RuntimeError(f"not admitted: {body!r}")
        if b'"username":"after"' in body:
            self.in_force.set()
        self._free.put_nowait(connection)


async def _watch_reload(ready: dict[str, str], change: Callable[[], object]) -> tuple[Waits, Waits, float]:
    """Return what requests waited before and during a reload, and the seconds until it was in force."""
    load = _Asking(ready)
    await load.connect()
    loop = asyncio.get_running_loop()

    def after(seconds: float) -> Callable[[], bool]:
        until = loop.time() + seconds
        return lambda: loop.time() >= until

    await load.go_on(after(1))
    calm = await load.go_on(after(CALM_SECONDS))
    # writing the file is not the server's doing, and must not hold up the load
    writing = asyncio.create_task(asyncio.to_thread(change))
    await writing
    begun, ended = loop.time(), 0.0

    def done() -> bool:
        nonlocal ended
        if load.in_force.is_set() and not ended:
            ended = loop.time()
        # what is put away afterwards counts, too
        return bool(ended) and loop.time() >= ended + 1

    async with asyncio.timeout(120):
        reload = await load.go_on(done)
    return calm, reload, ended - begun


def lookup_rows(rounds: int = 7) -> list[dict[str, str]]:
    """Time lookups in tables of every size, and return table rows with ratios to the smallest."""
    tables = {size: _table(size) for size in SIZES}
    asked = {"mapped": "Team-7", "not mapped, and explained": "Nobody"}
    result = []
    for what, role in asked.items():
        caller = _caller(role)
        best = dict.fromkeys(SIZES, float("inf"))
        for _ in range(rounds):
            for size, table in tables.items():
                begun = time.perf_counter()
                for _ in range(2000):
                    table.lookup(caller)
                best[size] = min(best[size], (time.perf_counter() - begun) / 2000)
        cells = {f"{size:,} entries, µs": f"{best[size] * 1e6:.2f}" for size in SIZES}
        result.append(
            {"lookup": what, **cells, "ratio, largest to smallest": f"{best[SIZES[-1]] / best[SIZES[0]]:.2f}"}
        )
    return result


def _table(size: int) -> MappingTable:
    roles = tuple(
        RoleMapping(f"arn:aws:iam::{ACCOUNT}:role/Team-{number}", None, f"team-{number}", (), Source("f", number))
        for number in range(size)
    )
    return MappingTable(Mappings(roles), canonicalise_roles=True)


def _caller(role: str) -> Identity:
    caller = CallerIdentity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/ann", "AROAEXAMPLEEXAMPLE00:ann")
    return identity_from(caller, access_key_id="ASIAEXAMPLE", sts_host=HOST, partition="aws")


if __name__ == "__main__":
    wanted = sys.argv[1:] or [kind.mode for kind in KINDS]
    sizes = [int(size) for size in os.environ.get("SIZES", "").split()] or SIZES
    for mode in wanted:
        for amount in sizes:
            print(reload_row(next(kind for kind in KINDS if kind.mode == mode), amount), flush=True)
