"""Somebody with a configuration, a home and AWS on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kubeconfig.update.conftest import kubectl_, lab_, shared_endpoint_
from tests.kubeconfig.update.eks_lab import Lab
from tests.login.desk import Desk

__all__ = ["kubectl_", "lab_", "shared_endpoint_"]


@pytest.fixture(name="desk")
def desk_(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return somebody at a desk: no keys in the environment, a configuration that is named, one cluster."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    desk = Desk(lab, tmp_path / "repository" / "eksauth.yaml")
    monkeypatch.setenv("EKSAUTH_CONFIG", str(desk.config))
    desk.write()
    lab.cluster()
    return desk
