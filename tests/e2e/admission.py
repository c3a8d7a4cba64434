"""Letting further principals into the sandbox's cluster for as long as a test runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from eksauth.testing import SandboxHandle

CANARY = "bob"
"""A user whom no cluster knows at the start: let in with the others, to see that the edit has been loaded."""


@contextmanager
def admitted(
    chain: SandboxHandle, kubectl: Path, roles: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[None]:
    """Map roles, by user name, into group ``eksauth:view`` of cluster demo until the block ends."""
    path = chain.server_config("demo")
    before = path.read_text()
    document = yaml.safe_load(before)
    document["server"]["mapRoles"] += [
        {"rolearn": arn, "username": f"{name}:{{{{SessionName}}}}", "groups": ["eksauth:view"]}
        for name, arn in roles.items()
    ]
    canary = {"userarn": chain.identities.users[CANARY].arn, "username": CANARY, "groups": ["eksauth:view"]}
    document["server"]["mapUsers"].append(canary)

    def let_in() -> bool:
        argv = [str(kubectl), "--context", f"{CANARY}@demo", "get", "namespaces"]
        return subprocess.run(argv, env=dict(environ), capture_output=True, check=False, timeout=60).returncode == 0

    path.write_text(yaml.safe_dump(document, width=1000))
    try:
        _wait_until(let_in)
        yield
    finally:
        path.write_text(before)
        _wait_until(lambda: not let_in())


def _wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "the authenticator did not load its configuration"
        time.sleep(0.3)
