"""The webhook kubeconfig that API servers read."""

from __future__ import annotations

import stat
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from eksauth.authenticator.server.webhook_kubeconfig import render, server_url, write
from eksauth.errors import ConfigError


@pytest.mark.parametrize(
    "host, url",
    [
        ("localhost", "https://localhost:21362/authenticate"),
        ("10.0.0.1", "https://10.0.0.1:21362/authenticate"),
        ("fd00::1", "https://[fd00::1]:21362/authenticate"),
    ],
)
def test_the_url_fits_the_host(host: str, url: str) -> None:
    """Names and IPv4 addresses stand as they are, IPv6 addresses in brackets."""
    assert server_url(host, 21362) == url


def test_the_shape_is_the_known_one() -> None:
    """One cluster with the certificate, one user without credentials, one current context."""
    config = yaml.safe_load(render("https://localhost:1/authenticate", b"PEM"))
    assert b64decode(config["clusters"][0]["cluster"].pop("certificate-authority-data")) == b"PEM"
    assert config == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "aws-iam-authenticator", "cluster": {"server": "https://localhost:1/authenticate"}}],
        "users": [{"name": "apiserver"}],
        "contexts": [{"name": "webhook", "context": {"cluster": "aws-iam-authenticator", "user": "apiserver"}}],
        "current-context": "webhook",
    }


def test_it_is_written_once_and_readable_for_others(tmp_path: Path) -> None:
    """The API server may be another user; an unchanged file is left alone; a changed one is replaced whole."""
    path = tmp_path / "etc" / "webhook.yaml"
    assert write(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not write(path, b"one")
    assert write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["webhook.yaml"]


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """The file behind a link is replaced, not the link."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["directory", "below-a-file"])
def test_what_cannot_be_written_is_a_configuration_error(tmp_path: Path, kind: str) -> None:
    """The error names the file, the reason and both ways out, and leaves nothing behind."""
    path = tmp_path / "x" / "webhook.yaml"
    if kind == "directory":
        path.mkdir(parents=True)
    else:
        (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match="cannot write the webhook kubeconfig") as caught:
        write(path, b"one")
    assert "--generate-kubeconfig" in (caught.value.hint or "")
    assert "--kubeconfig-pregenerated" in (caught.value.hint or "")
    if kind == "directory":
        assert [found.name for found in (tmp_path / "x").iterdir()] == ["webhook.yaml"]
