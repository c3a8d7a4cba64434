"""Many writers at once, some of them killed: nothing is lost, nothing is torn, nobody has to clean up."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from eksauth.kubeconfig.operations import SetCurrentContext
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.store import apply
from eksauth.sandbox.binaries import find_kubectl

ADD = """
import os, sys
from eksauth.kubeconfig.operations import SetEntry
from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.store import apply
name = sys.argv[1]
apply(kubeconfig_files(os.environ), [
    SetEntry("clusters", name, {"server": "https://" + name}),
    SetEntry("users", name, {"token": name}),
    SetEntry("contexts", name, {"cluster": name, "user": name}),
])
"""
ADD_FOR_EVER = """
import itertools, os
from eksauth.kubeconfig.operations import SetEntry
from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.store import apply
print("go", flush=True)
for number in itertools.count():
    apply(kubeconfig_files(os.environ), [SetEntry("clusters", f"c{number % 50}", {"server": f"https://{number}"})])
"""
WRITERS = 32


def _start(path: Path, count: int) -> list[subprocess.Popen[str]]:
    environ = {**os.environ, "KUBECONFIG": str(path)}
    return [
        subprocess.Popen([sys.executable, "-c", ADD, f"c{number}"], env=environ, stderr=subprocess.PIPE, text=True)
        for number in range(count)
    ]


def _finish(processes: list[subprocess.Popen[str]]) -> None:
    results = [(process.communicate()[1], process.returncode) for process in processes]
    assert [result for result in results if result != ("", 0)] == []


def _assert_all_there(path: Path, count: int) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load(path.read_text())
    wanted = {f"c{number}" for number in range(count)}
    for section in ("clusters", "users", "contexts"):
        assert wanted - {item["name"] for item in said[section]} == set()
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name, "home"]
    return said


def test_parallel_writers_keep_every_entry_and_the_comments(tmp_path: Path) -> None:
    """32 processes each add a cluster, a user and a context to one file; all succeed, all entries are there."""
    path = tmp_path / "config"
    path.write_text("# mine\nclusters:\n# first\n- name: first\n  cluster: {server: https://first}  # keep\n")
    path.chmod(0o600)
    _finish(_start(path, WRITERS))
    _assert_all_there(path, WRITERS)
    assert path.read_text().startswith(
        "# mine\nclusters:\n# first\n- name: first\n  cluster: {server: https://first}  # keep\n"
    )


@pytest.mark.peer
def test_parallel_writers_keep_every_entry_while_kubectl_writes(tmp_path: Path) -> None:
    """Kubectl writes the same file all the while; it may be refused, but neither side's last word is lost."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl")
    path = tmp_path / "config"
    environ = {**os.environ, "KUBECONFIG": str(path)}
    run = [str(kubectl), "config", "set-cluster"]
    subprocess.run([*run, "first", "--server=https://first"], env=environ, check=True, capture_output=True)
    processes = _start(path, WRITERS)
    written, number = {"first"}, 0
    while any(process.poll() is None for process in processes):
        name = f"k{number % 7}"
        done = subprocess.run([*run, name, f"--server=https://{number}"], env=environ, capture_output=True, text=True)
        assert done.returncode == 0 or "lock: file exists" in done.stderr, done.stderr
        written |= {name} if done.returncode == 0 else set()
        number += 1
    _finish(processes)
    said = _assert_all_there(path, WRITERS)
    assert written <= {item["name"] for item in said["clusters"]}


def test_killed_writers_leave_a_whole_file_that_the_next_can_write(tmp_path: Path) -> None:
    """SIGKILL at random moments: every time the file parses, and the next write needs no help."""
    path = tmp_path / "config"
    environ = {**os.environ, "KUBECONFIG": str(path)}
    files = Files((path,), Origin.VARIABLE)
    apply(files, [SetCurrentContext("x")])
    source = random.Random(11)
    for attempt in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", ADD_FOR_EVER], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(source.uniform(0, 0.06))
            process.kill()
            assert process.communicate()[1] == b""
        assert yaml.safe_load(path.read_text())["apiVersion"] == "v1"
        outcome = apply(files, [SetCurrentContext(f"x{attempt}")])
        assert all("no longer runs" in warning for warning in outcome.warnings)
        assert [entry.name for entry in sorted(path.parent.iterdir())] == ["config", "home"]
