"""``kubeconfig update`` of one cluster in a large kubeconfig, next to ``kubectl config set-cluster``, in the same run.

The work is not the same: ours asks EKS (no latency here), writes cluster, user and context, flushes and keeps a backup;
kubectl writes one cluster. ``python -m benchmarks.kubeconfig_one`` runs this table alone.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import scrubbed
from benchmarks.kubeconfig import SIZES, big_file
from benchmarks.kubeconfig_update import REGIONS, eks_endpoint
from benchmarks.report import rows_table
from eksauth.sandbox.binaries import find_kubectl

CAPTION = (
    "A cluster more each time, in files as `aws eks update-kubeconfig` writes them. eksauth asks EKS, writes cluster, "
    "user and context, flushes to disk and keeps a backup; kubectl writes one cluster."
)


def rows(eksauth: Path, rounds: int = 9) -> list[dict[str, str]]:
    """Measure; ``eksauth`` is the installed program. No rows where there is no kubectl."""
    kubectl = find_kubectl()
    if kubectl is None:
        return []
    found = []
    for size in SIZES:
        with eks_endpoint(0.0) as (environ, _), tempfile.TemporaryDirectory() as directory:
            ours, theirs = _measure(eksauth, kubectl, size, environ, Path(directory), rounds)
        found.append(
            {
                "contexts": f"{size:,}",
                "`kubeconfig update` ms": f"{statistics.median(ours) * 1000:.0f}",
                "`kubectl config set-cluster` ms": f"{statistics.median(theirs) * 1000:.0f}",
                "ratio": f"{statistics.median(ours) / statistics.median(theirs):.2f}",
            }
        )
    return found


def _measure(
    eksauth: Path, kubectl: Path, size: int, environ: dict[str, str], directory: Path, rounds: int
) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    files = [directory / "ours", directory / "theirs"]
    for file in files:
        file.write_text(big_file(size))
        file.chmod(0o600)
    time.sleep(2.1)  # a file that was written a moment ago looks like one that another program is writing
    order = random.Random(0)
    for number in range(rounds + 1):
        region = REGIONS[number % len(REGIONS)]
        name = f"cluster-{number:03}"
        both: list[tuple[int, list[str]]] = [
            (0, [str(eksauth), "kubeconfig", "update", "--name", name, "--region", region]),
            (1, [str(kubectl), "config", "set-cluster", name, "--server=https://example.invalid"]),
        ]
        order.shuffle(both)
        for which, argv in both:
            start = time.perf_counter()
            subprocess.run(
                [*argv, "--kubeconfig", str(files[which])],
                env={**scrubbed(directory), **environ},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            if number:  # the first of each warms up
                times[which].append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    print(CAPTION + "\n\n" + rows_table(rows(Path(sys.executable).with_name("eksauth"))))
