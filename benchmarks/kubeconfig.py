"""Contexts in large kubeconfigs: eksauth next to kubectl, each on a file of its own, both in the same run.

``python -m benchmarks.kubeconfig`` runs this table alone, with the eksauth of this environment.
"""

from __future__ import annotations

import base64
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import scrubbed
from benchmarks.report import rows_table
from eksauth.sandbox.binaries import find_kubectl

SIZES = (1_000, 5_000)
BUDGET = 0.5
COMPLETION_BUDGET_MS = 100
CAPTION = (
    "Files as `aws eks update-kubeconfig` writes them, 2.3 kB for each context. Every switch is a real one, to another "
    "context each time. eksauth also flushes to disk and keeps a backup, which kubectl does not. "
    "`unusual file` has a comment behind a value, so that only the real parser reads it."
)


@dataclass(frozen=True)
class Pair:
    """The same thing done by both; ``argv`` gets the number of the round."""

    name: str
    ours: Callable[[int], list[str]]
    theirs: Callable[[int], list[str]]
    budget: float | None = BUDGET
    comments: bool = False


def _name(number: int) -> str:
    return f"c{number % 997:05d}"


PAIRS = (
    Pair("ctx, next to get-contexts", lambda _: ["ctx"], lambda _: ["config", "get-contexts"]),
    Pair("ctx -o name", lambda _: ["ctx", "-o", "name"], lambda _: ["config", "get-contexts", "-o", "name"]),
    Pair("ctx --current", lambda _: ["ctx", "-c"], lambda _: ["config", "current-context"]),
    Pair("ctx NAME, next to use-context", lambda n: ["ctx", _name(n)], lambda n: ["config", "use-context", _name(n)]),
    Pair("ctx, unusual file", lambda _: ["ctx"], lambda _: ["config", "get-contexts"], None, comments=True),
    Pair(
        "ctx NAME, unusual file",
        lambda n: ["ctx", _name(n)],
        lambda n: ["config", "use-context", _name(n)],
        None,
        comments=True,
    ),
    Pair(
        "completion of ctx, next to kubectl's own",
        lambda _: ["__complete", "zsh", "ctx", "c0001"],
        lambda _: ["__complete", "config", "use-context", "c0001"],
        None,
    ),
)


def big_file(contexts: int) -> str:
    """Return a kubeconfig of EKS clusters in the layout of the AWS CLI."""
    ca = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" + b"A" * 1060 + b"\n-----END CERTIFICATE-----\n").decode()
    lines = ["apiVersion: v1", "clusters:"]
    for number in range(contexts):
        lines += ["- cluster:", f"    certificate-authority-data: {ca}"]
        lines += [f"    server: https://0123456789ABCDEF{number:05d}.gr7.eu-west-1.eks.amazonaws.com"]
        lines += [f"  name: arn:aws:eks:eu-west-1:111122223333:cluster/c{number:05d}"]
    lines.append("contexts:")
    for number in range(contexts):
        arn = f"arn:aws:eks:eu-west-1:111122223333:cluster/c{number:05d}"
        lines += ["- context:", f"    cluster: {arn}", f"    user: {arn}", f"  name: c{number:05d}"]
    lines += ["current-context: c00000", "kind: Config", "preferences: {}", "users:"]
    for number in range(contexts):
        lines += [f"- name: arn:aws:eks:eu-west-1:111122223333:cluster/c{number:05d}", "  user:", "    exec:"]
        lines += ["      apiVersion: client.authentication.k8s.io/v1beta1", "      args:"]
        words = ("--region", "eu-west-1", "eks", "get-token", "--cluster-name", f"c{number:05d}", "--output", "json")
        lines += [*(f"      - {word}" for word in words), "      command: aws", "      env:"]
        lines += ["      - name: AWS_PROFILE", "        value: prod"]
    return "\n".join(lines) + "\n"


def rows(eksauth: Path, rounds: int = 15) -> list[dict[str, str]]:
    """Measure; ``eksauth`` is the installed program. No rows where there is no kubectl."""
    kubectl = find_kubectl()
    if kubectl is None:
        return []
    found = []
    for size in SIZES:
        for pair in PAIRS:
            with tempfile.TemporaryDirectory() as directory:
                ours, theirs = _measure(pair, size, [eksauth, kubectl], Path(directory), rounds)
            ratio = statistics.median(ours) / statistics.median(theirs)
            verdict = "" if pair.budget is None else ("within" if ratio <= pair.budget else "**over**")
            if "completion" in pair.name:
                verdict = f"{'within' if statistics.median(ours) * 1000 <= COMPLETION_BUDGET_MS else '**over**'} 100 ms"
            found.append(
                {
                    "contexts": f"{size:,}",
                    "eksauth": pair.name,
                    "eksauth ms": f"{statistics.median(ours) * 1000:.0f}",
                    "kubectl ms": f"{statistics.median(theirs) * 1000:.0f}",
                    "ratio": f"{ratio:.2f}",
                    "ratio, fastest": f"{min(ours) / min(theirs):.2f}",
                    "budget": "" if pair.budget is None else f"{pair.budget:.2f}",
                    "": verdict,
                }
            )
    return found


def _measure(
    pair: Pair, size: int, programs: list[Path], directory: Path, rounds: int
) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    homes = [directory / "ours", directory / "theirs"]
    for home in homes:
        (home / ".kube").mkdir(parents=True)
        path = home / ".kube" / "config"
        path.write_text(
            big_file(size).replace("kind: Config", "kind: Config # mine" if pair.comments else "kind: Config")
        )
        path.chmod(0o600)
    time.sleep(2.1)  # a file that was written a moment ago looks like one that another program is writing
    order = random.Random(0)
    for number in range(1, rounds + 2):
        both = [0, 1]
        order.shuffle(both)
        for which in both:
            argv = [str(programs[which]), *(pair.ours, pair.theirs)[which](number)]
            start = time.perf_counter()
            done = subprocess.run(argv, env=scrubbed(homes[which]), capture_output=True, stdin=subprocess.DEVNULL)
            took = time.perf_counter() - start
            if done.returncode:
                raise RuntimeError(f"{argv} failed: {done.stderr.decode(errors='replace')[-2000:]}")
            if number > 1:
                times[which].append(took)
    return times


if __name__ == "__main__":
    print(rows_table(rows(Path(sys.executable).with_name("eksauth"), int(sys.argv[1]) if sys.argv[1:] else 15)))
