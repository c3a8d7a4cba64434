"""The authenticator next to the one it replaces, aws-iam-authenticator, where that program is found.

Both servers run with their defaults on one configuration, ask the same STS in the same way (over TLS, through
HTTPS_PROXY), and get the same requests from the same generator, taking turns. All of it shares the machine: with two
CPUs, the Go server, the STS and the generator compete, so requests per second of the server's own CPU time are given,
too, from the ``process_cpu_seconds_total`` that both publish.
"""

from __future__ import annotations

import contextlib
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.reference_authenticator import MISSING, Webhook, find_reference, our_server, reference_server

from benchmarks import load, wrk
from benchmarks.server import ACCOUNT, CONNECTIONS, HOST, ROLE, SIGHTINGS, make_request, make_tokens
from eksauth.sandbox.pki import issue_server_certificate, new_authority

MAPPING = f"mapRoles:\n- {{rolearn: 'arn:aws:iam::{ACCOUNT}:role/{ROLE}', username: 'admin:{{{{SessionName}}}}'}}\n"
CLUSTER = "bench"
CAPTION = """Both servers run with their defaults on one configuration, ask one STS in the same way, and are asked in
turns by one generator; medians of five rounds, with the range of the ratios. Server, STS and generator share the
machine's CPUs. With few connections the reference waits for STS; with many, that wait hides behind other requests."""
ADMITTED = b'"authenticated":true'


@dataclass(frozen=True)
class Run:
    """One measurement of one server."""

    requests: int
    sts_calls: int
    seconds: float
    cpu_seconds: float
    generator_busy: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Requests per second of CPU time that the server used."""
        return self.requests / self.cpu_seconds


@dataclass(frozen=True)
class Asked:
    """One kind of load.

    :param delay: how long STS takes, in seconds.
    :param workers: processes of ours; the reference is one process with as many threads as there are CPUs.
    :param wrk_seconds: ask with wrk for so long, in a circle; each token was asked about before. 0: ask ``sightings``
        times with :mod:`benchmarks.load`.
    """

    tokens: int
    sightings: int
    delay: float
    connections: int = CONNECTIONS
    workers: int = 1
    wrk_seconds: int = 0

    def describe(self) -> str:
        """Return it in words."""
        tokens = "every token new" if self.sightings == 1 else f"each token {self.sightings} times"
        if self.wrk_seconds:
            tokens = "every token known (wrk)"
        when = f"after {self.delay * 1000:.0f} ms" if self.delay else "at once"
        workers = f", --workers {self.workers}" if self.workers > 1 else ""
        return f"{tokens}, STS answers {when}, {self.connections} connections{workers}"


LOADS = (
    Asked(150, SIGHTINGS, 0.0),
    Asked(150, SIGHTINGS, 0.02),
    Asked(50, SIGHTINGS, 0.02, connections=8),
    Asked(1500, 1, 0.0),
    Asked(1500, 1, 0.02),
    Asked(1500, 1, 0.0, workers=2),
    Asked(1500, 1, 0.02, workers=2),
    Asked(100, 1, 0.02, wrk_seconds=3),
)
"""Beyond some number of connections the delay hides behind other requests; fewer show what one caller waits for."""


@dataclass(frozen=True)
class TunnelledSts:
    """A running :mod:`benchmarks.tunnelled_sts`."""

    port: int
    ca_file: Path

    @property
    def environ(self) -> dict[str, str]:
        """Variables that make a program take it for AWS."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "SSL_CERT_FILE": str(self.ca_file),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "eu-west-1",
        }


def rows(rounds: int = 5) -> list[dict[str, str]]:
    """Measure and return table rows; one that says why when the program is not here."""
    program = find_reference()
    if program is None:
        return [{"load": "none", "eksauth": "", "aws-iam-authenticator": MISSING, "ratio": ""}]
    loads = [asked for asked in LOADS if not asked.wrk_seconds or wrk.find_wrk()]
    return [_row(program, rounds, asked) for asked in loads]


def _row(program: Path, rounds: int, asked: Asked) -> dict[str, str]:
    runs = compare(program, rounds=rounds, asked=asked)
    ours, theirs = runs["eksauth"], runs["aws-iam-authenticator"]
    calls = max(statistics.median(run.sts_calls for run in ours), 1)
    fewer = statistics.median(run.sts_calls for run in theirs) / calls
    rates = [one.per_second / other.per_second for one, other in zip(ours, theirs, strict=True)]
    per_cpu = [one.per_cpu_second / other.per_cpu_second for one, other in zip(ours, theirs, strict=True)]
    ratio = (
        f"{statistics.median(rates):.2f} x requests/s ({min(rates):.2f} to {max(rates):.2f}), "
        f"{statistics.median(per_cpu):.2f} x per CPU second, {fewer:.1f} x fewer STS calls"
    )
    return {"load": asked.describe(), "eksauth": _told(ours), "aws-iam-authenticator": _told(theirs), "ratio": ratio}


def _told(runs: list[Run]) -> str:
    def middle(value: Callable[[Run], float]) -> float:
        return statistics.median(map(value, runs))

    return (
        f"{middle(lambda run: run.per_second):,.0f}/s, {middle(lambda run: run.per_cpu_second):,.0f} per CPU second, "
        f"{middle(lambda run: run.sts_calls):.0f} STS calls for {runs[0].requests}, "
        f"generator {middle(lambda run: run.generator_busy):.0%} busy"
    )


def compare(program: Path, *, rounds: int, asked: Asked) -> dict[str, list[Run]]:
    """Ask both servers, in turns, ``rounds`` times about new tokens.

    One warm-up round of each is not counted.
    """
    runs: dict[str, list[Run]] = {"eksauth": [], "aws-iam-authenticator": []}
    with tempfile.TemporaryDirectory(prefix="eksauth-bench-") as name, _sts(Path(name), asked.delay) as sts:
        directory = Path(name)
        options = ("--cluster-id", CLUSTER, "--workers", str(asked.workers))
        with (
            our_server(directory / "ours", sts, MAPPING, *options) as ours,
            reference_server(program, directory / "theirs", sts, MAPPING, "--cluster-id", CLUSTER) as theirs,
        ):
            servers = {
                "eksauth": (ours, directory / "ours" / "state" / "cert.pem"),
                "aws-iam-authenticator": (theirs, directory / "theirs" / "state" / "cert.pem"),
            }
            for number in range(rounds + 1):
                tokens = make_tokens(asked.tokens, number * asked.tokens)
                requests = [make_request(token) for token in tokens] * asked.sightings
                for server, (webhook, certificate) in servers.items():
                    run = _measure(webhook, certificate, requests, asked)
                    if number:
                        runs[server].append(run)
    return runs


def _measure(webhook: Webhook, certificate: Path, requests: list[bytes], asked: Asked) -> Run:
    def send() -> load.Load:
        return load.send(webhook.port, str(certificate), requests, connections=asked.connections, expected=ADMITTED)

    count, busy = len(requests), 0.0
    if asked.wrk_seconds:
        send()
    before = _metrics(webhook.port, certificate)
    if asked.wrk_seconds:
        answered = wrk.send(webhook.port, requests, connections=asked.connections, seconds=asked.wrk_seconds)
        count, seconds = answered.requests, answered.seconds
    else:
        sent = send()
        seconds, busy = sent.seconds, sent.busy
    after = _metrics(webhook.port, certificate)
    return Run(
        requests=count,
        sts_calls=round(after["sts"] - before["sts"]),
        seconds=seconds,
        cpu_seconds=after["cpu"] - before["cpu"],
        generator_busy=busy,
    )


def _metrics(port: int, certificate: Path) -> dict[str, float]:
    found = {"sts": 0.0, "cpu": 0.0}
    context = ssl.create_default_context(cafile=certificate)
    with urlopen(f"https://localhost:{port}/metrics", context=context, timeout=30) as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith("aws_iam_authenticator_sts_responses_total{"):
                found["sts"] += float(line.rpartition(" ")[2])
            elif line.startswith("process_cpu_seconds_total "):
                found["cpu"] = float(line.rpartition(" ")[2])
    return found


@contextlib.contextmanager
def _sts(directory: Path, delay: float) -> Iterator[TunnelledSts]:
    authority = new_authority("benchmarks of eksauth")
    names = ("ca.pem", "sts.pem", "sts-key.pem")
    ca_file, certificate, key = (directory / name for name in names)
    for path, data in zip((certificate, key), issue_server_certificate(authority, [HOST]), strict=True):
        path.write_bytes(data)
    ca_file.write_bytes(authority.cert_pem)
    command = [sys.executable, "-m", "benchmarks.tunnelled_sts", str(delay), str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield TunnelledSts(int(process.stdout.readline()), ca_file)
        finally:
            process.terminate()
