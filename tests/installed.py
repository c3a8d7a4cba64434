"""The wheel in an environment of its own, as a user gets it: built once per test run, without a network."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment with nothing that changes how Python starts."""
    kept = {name: value for name, value in os.environ.items() if name in {"HOME", "TMPDIR", "LD_LIBRARY_PATH"}}
    return {**kept, "PATH": os.defpath, **more}


@cache
def interpreters() -> dict[str, str]:
    """Return the supported Pythons that run here, by version: this one, and any other on PATH."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    for version in ("3.11", "3.12", "3.13", "3.14"):
        path = None if version in found else shutil.which(f"python{version}")
        probe = path and subprocess.run(
            [path, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True
        )
        if probe and probe.returncode == 0:
            found[version] = probe.stdout.strip()
    return found


def installed(shared: Path, python: str, version: str) -> Path:
    """Return the environment for ``python`` below ``shared``, making it if no other process did."""
    target = shared / f"installed-{version}"
    with (shared / "installed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "done").exists():
            shutil.rmtree(target, ignore_errors=True)
            wheel = _wheel(shared)
            subprocess.run([python, "-m", "venv", "--without-pip", str(target)], check=True, env=clean_environment())
            _pip(["--python", str(target / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel)])
            (target / "done").touch()
    return target


def _wheel(shared: Path) -> Path:
    directory = shared / "wheel"
    if not directory.exists():
        _pip(["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(directory), str(ROOT)])
    (wheel,) = directory.glob("eksauth-*.whl")
    return wheel


def _pip(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--isolated", *arguments]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip failed: {done.stderr}")
