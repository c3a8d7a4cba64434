"""Rules about clusters: how the API server is trusted."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eksauth.kubeconfig.certificates import NotACertificate, validities
from eksauth.kubeconfig.lint.finding import Finding, Level, Surroundings, at_entry
from eksauth.kubeconfig.located import located_cluster
from eksauth.kubeconfig.model import Cluster
from eksauth.kubeconfig.referenced import read_referenced
from eksauth.kubeconfig.resolve import Found

_LOOPBACK = ("localhost", "127.", "::1", "0:0:0:0:0:0:0:1")


def check_cluster(found: Found[Cluster], surroundings: Surroundings) -> Iterator[Finding]:
    """Check address, trust and proxy of a cluster."""
    cluster, what = found.value, f'cluster "{found.name}"'
    if cluster.insecure_skip_tls_verify:
        message = f"{what} is not verified: anybody in between gets your token"
        fix = "remove insecure-skip-tls-verify and give certificate-authority-data"
        yield at_entry(found, "warning", "cluster.insecure", message, fix, "insecure-skip-tls-verify")
    yield from _address(found, what)
    if cluster.proxy_url and has_password(cluster.proxy_url):
        message = f"{what} has a password in its proxy-url, which kubectl config view prints"
        yield at_entry(found, "warning", "secret.proxy", message, "use a proxy that needs none", "proxy-url")
    key, pem = "certificate-authority-data", decoded(cluster.certificate_authority_data)
    if not pem and cluster.certificate_authority:
        key, pem = "certificate-authority", read_or_none(located_cluster(found, surroundings.cwd).certificate_authority)
    if pem is not None:
        fix = "get the current one: eksauth kubeconfig update, or ask whoever runs the cluster"
        yield from check_dates(found, pem, Certificate(f"the CA of {what}", "ca", fix, key), surroundings)


def _address(found: Found[Cluster], what: str) -> Iterator[Finding]:
    server = found.value.server
    try:
        parts = urlsplit(server if "://" in server else f"//{server}")
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        fix = "write https://HOST:PORT"
        yield at_entry(found, "error", "cluster.server", f"{what}: its server is not an address", fix, "server")
        return
    if parts.scheme == "http":
        level: Level = "info" if host.startswith(_LOOPBACK) else "warning"
        message = f"{what} is reached without TLS; kubectl sends it no credentials"
        yield at_entry(found, level, "cluster.http", message, "use https", "server")
    elif server and parts.scheme not in {"", "https"}:
        message = f'{what}: kubectl cannot use the scheme "{parts.scheme}"'
        yield at_entry(found, "error", "cluster.server", message, "write https://HOST:PORT", "server")
    if parts.username or parts.password:
        message = f"{what} has a user name or password in its address"
        yield at_entry(found, "warning", "secret.server", message, "remove it; kubectl does not use it", "server")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as findings name it.

    :ivar what: for people.
    :ivar code: the first part of the findings' codes.
    :ivar fix: how to get another.
    :ivar key: the key of the entry that holds it.
    """

    what: str
    code: str
    fix: str
    key: str


def check_dates(found: Found[Any], pem: bytes, about: Certificate, surroundings: Surroundings) -> Iterator[Finding]:
    """Check that a certificate can be read and is valid, for a while yet; of several the one that lasts longest."""
    what, code, now = about.what, about.code, surroundings.now
    try:
        best = max(validities(pem), key=lambda validity: validity.not_after)
    except NotACertificate as error:
        yield at_entry(found, "error", f"{code}.pem", f"{what} is no certificate: {error}", about.fix, about.key)
        return
    end = best.not_after
    if end < now:
        yield at_entry(found, "error", f"{code}.expired", f"{what} expired on {day(end)}", about.fix, about.key)
    elif end < now + surroundings.soon:
        left = int((end - now) / 86400)
        message = f"{what} expires on {day(end)}, in {left} day{'' if left == 1 else 's'}"
        yield at_entry(found, "warning", f"{code}.expiring", message, about.fix, about.key)
    if best.not_before > now:
        message = f"{what} is not valid before {day(best.not_before)}"
        yield at_entry(found, "error", f"{code}.early", message, "check this machine's clock", about.key)


def day(seconds: float) -> str:
    """Return a date in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def decoded(data: str) -> bytes | None:
    """Return what base64 stands for; None for nothing, or for what the parser has complained about already."""
    try:
        return base64.b64decode(data) or None
    except (binascii.Error, ValueError):
        return None


def read_or_none(path: str) -> bytes | None:
    """Return a file's content; None when it cannot be read, which another rule reports."""
    try:
        return read_referenced(path) if Path(path).is_file() else None  # what is in a pipe is somebody else's
    except (OSError, ValueError):
        return None


def has_password(url: str) -> bool:
    """Tell whether a URL holds a password."""
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return "@" in url
