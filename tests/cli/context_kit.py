"""Kubeconfigs with contexts, and ways to run eksauth on them: as users do, by the fast lane alone, by the full path."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from eksauth.sandbox.binaries import find_kubectl

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" + b"A" * 60 + b"\n-----END CERTIFICATE-----\n").decode()
Runner = Callable[..., subprocess.CompletedProcess[str]]
NOT_ANSWERED = 99
_ENTRY = "import sys; from eksauth._entry import main; sys.exit(main())"
_FAST = (
    "import os, sys; from eksauth.kubeconfig.fast import fast_lane; code = fast_lane(sys.argv[1:], os.environ); "
    f"sys.exit({NOT_ANSWERED} if code is None else code)"
)
_FULL = "import sys; from eksauth.cli.main import run; sys.exit(run(sys.argv[1:]))"


def kubeconfig(names: Sequence[str], current: str = "", *, prefix: str = "") -> str:
    """Return a kubeconfig in kubectl's layout with one cluster and one user for each context."""
    lines = ["apiVersion: v1", "clusters:"]
    for name in names:
        lines += ["- cluster:", f"    certificate-authority-data: {CA}", f"    server: https://{prefix}{name}.example"]
        lines += [f"  name: {prefix}{name}-cluster"]
    lines += ["contexts:"]
    for name in names:
        lines += [
            "- context:",
            f"    cluster: {prefix}{name}-cluster",
            f"    user: {prefix}{name}-user",
            f"  name: {name}",
        ]
    lines += [f"current-context: {current}" if current else 'current-context: ""', "kind: Config", "users:"]
    for name in names:
        lines += [f"- name: {prefix}{name}-user", "  user:", f"    token: {prefix}{name}-token"]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> Path:
    """Write a kubeconfig that nobody seems to be writing at this moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    long_ago = time.time() - 100
    os.utime(path, (long_ago, long_ago))
    return path


def eksauth(
    *argv: str, how: str = _ENTRY, name: str = "eksauth", **environ: str | None
) -> subprocess.CompletedProcess[str]:
    """Run eksauth as a user would; a variable that is None is taken away."""
    variables = {**os.environ, **environ}
    code = how.replace("import sys;", f"import sys; sys.argv[0] = {name!r};", 1)
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *argv],
        env={key: value for key, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fast(*argv: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
    """Run the fast lane alone; exit code 99 when it does not answer."""
    return eksauth(*argv, how=_FAST, name="eksauth", **environ)


def full(*argv: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
    """Run the full path alone."""
    return eksauth(*argv, how=_FULL, name="eksauth", **environ)


def kubectl(*argv: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a plain kubectl and return what it prints; skips the test where there is none."""
    found = find_kubectl()
    if found is None:
        pytest.skip("needs kubectl")
    done = subprocess.run([str(found), *argv], env={**os.environ, **(environ or {})}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")
