"""Where STS hosts are really reached: overrides for PrivateLink, proxies and the sandbox. Pure.

An override changes only the connection. The request line and the Host header stay those of the token, because its
signature covers them; TLS is checked against the name in the override.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from eksauth.authenticator.rules.sts_host import understand_host
from eksauth.errors import ConfigError

_HINT = "write it as sts.eu-west-1.amazonaws.com: https://vpce-….vpce.amazonaws.com"


def check_overrides(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return ``overrides`` (STS host -> base URL) with the URLs normalised to ``scheme://host[:port]``.

    :raises ConfigError: when a host is no STS host or a URL is more or less than an origin; plain http is taken for
        loopback addresses only, since whoever reads the request can use the token.
    """
    return {_checked_host(host): origin_of(url, f"the override for {host}") for host, url in overrides.items()}


def parse_override(text: str) -> tuple[str, str]:
    """Split ``HOST=URL`` as the command line has it.

    :raises ConfigError: when it is not of that form.
    """
    host, equals, url = text.partition("=")
    if not equals or not host or not url:
        raise ConfigError(
            f"not of the form HOST=URL: {text!r}", hint="for example sts.eu-west-1.amazonaws.com=https://localhost:4566"
        )
    return host, url


def origin_of(url: str, what: str) -> str:
    """Return ``scheme://host[:port]`` of ``url``.

    :raises ConfigError: naming ``what`` when the URL has anything else.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"{what} is not a URL: {url!r}", hint=_HINT) from None
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or any(not letter.isprintable() or letter == " " for letter in url)
    ):
        raise ConfigError(f"{what} must be an http or https URL: {url!r}", hint=_HINT)
    if parts.username is not None or parts.query or parts.fragment or parts.path not in {"", "/"}:
        raise ConfigError(f"{what} must have no user, path, query or fragment", hint=_HINT)
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"{what} must be https: {host} is not a loopback address",
            hint="a token is readable on the wire without TLS, and whoever reads it can use it for 15 minutes",
        )
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}" + (f":{port}" if port is not None else "")


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine, by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_host(host: str) -> str:
    if understand_host(host) is None:
        raise ConfigError(f"endpoint override for {host!r}, which is not an STS host", hint=_HINT)
    return host
