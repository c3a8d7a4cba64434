"""Many updates of one file at once, also while kubectl writes it."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
from tests.kubeconfig.update.eks_lab import BIN, Lab, arn

MANY = 32


def update_all_at_once(lab: Lab) -> list[tuple[int, str]]:
    """Start an update for each of many clusters; return what each came to."""
    for number in range(MANY):
        lab.cluster(f"c{number}")
    running = [
        subprocess.Popen(
            [BIN / "eksauth", "kubeconfig", "update", "--name", f"c{number}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(MANY)
    ]
    return [(process.wait(), (process.communicate()[1])) for process in running]


@pytest.mark.slow
def test_all_clusters_are_there_afterwards(lab: Lab, kubectl: Path) -> None:
    """Thirty-two processes write one file: each succeeds, each entry is whole, no lock is left."""
    done = update_all_at_once(lab)
    assert done == [(0, "")] * MANY
    shown = subprocess.run(
        [kubectl, "config", "get-contexts", "-o", "name"], capture_output=True, text=True, check=True
    )
    assert sorted(shown.stdout.split()) == sorted(arn(f"c{number}") for number in range(MANY))
    assert len(lab.parsed()["users"]) == len(lab.parsed()["clusters"]) == MANY
    assert [path.name for path in lab.kubeconfig.parent.iterdir()] == ["config"]


@pytest.mark.slow
def test_all_clusters_are_there_although_kubectl_writes(lab: Lab, kubectl: Path) -> None:
    """kubectl, which takes other people's new entries for deletions of its own, undoes none of ours for good."""
    over = threading.Event()
    written: list[int] = []

    def rival() -> None:
        number = 0
        while not over.is_set():
            words: list[str | Path] = [kubectl, "config", "set-context", f"rival-{number}", "--cluster=x", "--user=x"]
            written.append(subprocess.run(words, capture_output=True, env=dict(os.environ)).returncode)
            number += 1

    thread = threading.Thread(target=rival)
    thread.start()
    try:
        done = update_all_at_once(lab)
    finally:
        over.set()
        thread.join()
    assert [code for code, _ in done] == [0] * MANY, [said for _, said in done if said]
    found = lab.parsed()
    assert set(found["clusters"]) == {arn(f"c{number}") for number in range(MANY)}
    assert set(found["contexts"]) >= set(found["clusters"])
    assert 0 in written, "kubectl never got to write; the test has shown nothing"
