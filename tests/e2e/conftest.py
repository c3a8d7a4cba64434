"""The sandbox for end-to-end tests: once with each API server that this machine has."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.e2e.peers import Run, kubectls
from tests.e2e.workplace import Workplace

from eksauth.sandbox.binaries import find_control_plane
from eksauth.testing import SandboxHandle, running_sandbox


@pytest.fixture(scope="session", params=["embedded", "real"], name="chain")
def chain_(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHandle]:
    """Run the whole chain, with the embedded API server and with a real one."""
    if request.param == "real" and find_control_plane() is None:
        pytest.skip("no kube-apiserver and etcd here; KUBEBUILDER_ASSETS can name their directory")
    before = os.environ.get("EKSAUTH_SANDBOX_API_SERVER")
    os.environ["EKSAUTH_SANDBOX_API_SERVER"] = request.param
    try:
        with running_sandbox(tmp_path_factory.mktemp(f"chain-{request.param}") / "sandbox") as handle:
            yield handle
    finally:
        os.environ.pop("EKSAUTH_SANDBOX_API_SERVER")
        if before is not None:
            os.environ["EKSAUTH_SANDBOX_API_SERVER"] = before


@pytest.fixture(name="run")
def run_(chain: SandboxHandle, home: Path) -> Run:
    """Run a program inside the sandbox's environment and nothing else's."""

    def run(
        *command: str | Path, stdin: str = "", environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **chain.environ, **(environ or {})},
        )

    return run


@pytest.fixture(name="work")
def work_(chain: SandboxHandle, home: Path) -> Workplace:
    """Return somebody's home in front of the sandbox."""
    return Workplace(chain, home)


@pytest.fixture(name="newest")
def newest_() -> Path:
    """Return the newest kubectl."""
    found = kubectls()
    if not found:
        pytest.skip("no kubectl here")
    return next(iter(found.values()))
