"""``kubeconfig update --all`` over 200 clusters in 8 regions with a slow EKS, next to what 16 concurrent calls allow.

EKS is the sandbox's, in a process of its own on the same machine: it checks every signature and shares the CPUs, so its
CPU time is a row of its own. ``python -m benchmarks.kubeconfig_update`` runs this table alone.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import scrubbed
from benchmarks.report import rows_table

CLUSTERS, WORKERS, LATENCY_SECONDS = 200, 16, 0.05
REGIONS = (
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
BUDGET = 3.0
CAPTION = (
    f"{CLUSTERS} clusters in {len(REGIONS)} regions, every call answered after {LATENCY_SECONDS * 1000:.0f} ms; whole "
    "process, into a new file. The ideal is one round of ListClusters and then all of DescribeCluster, "
    f"{WORKERS} at a time, with nothing else to do. The sandbox's EKS runs on the same CPUs."
)


def ideal_seconds() -> float:
    """Return how long the calls alone take."""
    rounds = math.ceil(len(REGIONS) / WORKERS) + math.ceil(CLUSTERS / WORKERS)
    return rounds * LATENCY_SECONDS


def rows(eksauth: Path, rounds: int = 7) -> list[dict[str, str]]:
    """Measure; ``eksauth`` is the installed program."""
    found: list[dict[str, str]] = []
    for latency in (LATENCY_SECONDS, 0.0):
        with eks_endpoint(latency) as (environ, pid), tempfile.TemporaryDirectory() as directory:
            seconds, own, theirs = [], [], []
            for number in range(rounds + 1):
                target = Path(directory) / f"config-{number}"
                words = [eksauth, "kubeconfig", "update", "--all", "--regions", ",".join(REGIONS)]
                cpu, far, start = _children(), _cpu_of(pid), time.perf_counter()
                subprocess.run(
                    [*map(str, words), "--kubeconfig", str(target)],
                    env={**scrubbed(Path(directory)), **environ},
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                took = time.perf_counter() - start
                if number:  # the first run warms up
                    seconds.append(took)
                    own.append(_children() - cpu)
                    theirs.append(_cpu_of(pid) - far)
                if target.read_text().count("- context:") != CLUSTERS:
                    raise RuntimeError("not every cluster is in the file")
        median, ideal = statistics.median(seconds), ideal_seconds()
        found.append(
            {
                "latency of a call": f"{latency * 1000:.0f} ms",
                "median s": f"{median:.2f}",
                "fastest s": f"{min(seconds):.2f}",
                "CPU of eksauth s": f"{statistics.median(own):.2f}",
                "CPU of the sandbox s": f"{statistics.median(theirs):.2f}",
                "x ideal": f"{median / ideal:.2f}" if latency else "",
                "x ideal, fastest": f"{min(seconds) / ideal:.2f}" if latency else "",
                "budget": f"{BUDGET:.1f} {'within' if median <= BUDGET * ideal else '**over**'}" if latency else "",
            }
        )
    return found


@contextmanager
def eks_endpoint(latency: float) -> Iterator[tuple[dict[str, str], int]]:
    """Run EKS with that latency in a process of its own; give the environment of a client, and the process's number."""
    with tempfile.TemporaryDirectory(prefix="eksauth-bench-") as directory:
        words = [sys.executable, "-m", "benchmarks.kubeconfig_update", "serve", directory, str(latency)]
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline()), server.pid
        finally:
            server.communicate()  # closing its stdin ends it


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _serve(directory: Path, latency: float) -> None:
    from eksauth.sandbox.aws.clusters import Cluster
    from eksauth.sandbox.aws.endpoint import AwsEndpoint
    from eksauth.sandbox.aws.faults import OrderedFault
    from eksauth.sandbox.aws.seed import ACCOUNT

    ca_data = "Q0E=" * 360  # as long as a real one
    clusters = [
        Cluster(
            name=f"cluster-{number:03}",
            region=REGIONS[number % len(REGIONS)],
            account=ACCOUNT,
            endpoint=f"https://{number:032X}.gr7.example",
            ca_data=ca_data.replace("=", "A"),
        )
        for number in range(CLUSTERS)
    ]
    async with AwsEndpoint(clusters=clusters) as endpoint:
        if latency:
            endpoint.cloud.faults.order(OrderedFault("latency", None, seconds=latency))
        assert endpoint.ca_pem is not None
        assert endpoint.seed is not None
        ca_file = directory / "ca.pem"
        ca_file.write_bytes(endpoint.ca_pem)
        alice = endpoint.seed.users["alice"]
        environ = {
            "AWS_ENDPOINT_URL": endpoint.url,
            "AWS_CA_BUNDLE": str(ca_file),
            "AWS_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": alice.access_key_id,
            "AWS_SECRET_ACCESS_KEY": alice.secret_access_key,
        }
        print(json.dumps(environ), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main(argv: list[str]) -> int:
    """Serve EKS for a measurement, or measure the program beside this interpreter."""
    if argv[:1] == ["serve"]:
        asyncio.run(_serve(Path(argv[1]), float(argv[2])))
        return 0
    print(CAPTION + "\n\n" + rows_table(rows(Path(sys.executable).with_name("eksauth"))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
