"""What every test gets: an empty home, no AWS or Kubernetes environment, and no way to the instance metadata."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

_SCRUBBED = (
    "AWS_",
    "KUBE",
    "EKSAUTH_",
    "ATMOS_",
    "XDG_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)
_KEPT = {"KUBEBUILDER_ASSETS"}


def pytest_configure() -> None:
    """Take signals back that the caller ignores, as nohup and shells do for background jobs: children inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True, name="home")
def home_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home directory of its own and an environment without credentials."""
    for name in list(os.environ):
        if name.startswith(_SCRUBBED) and name not in _KEPT:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_COLOR", "1")
    return home
