"""One HTTPS request to a service that botocore has no client for, with botocore's proxies and certificates.

Redirects are not followed: the request carries a secret for one host. Time and size are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from eksauth.errors import AwsUnreachable

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 10.0
MAX_BODY_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class NoAnswer(AwsUnreachable):
    """The request failed on the way; it may work when tried again."""


def is_safe_url(url: str) -> bool:
    """Tell whether a secret may go there: https, or http to this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  raises ValueError for what is no port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    environ: Mapping[str, str],
    body: bytes = b"",
    doing: str,
) -> Answer:
    """Send one request and return the answer, whatever its status.

    :param doing: completes "cannot reach HOST while …".
    :raises NoAnswer: when there is none: name, connection, TLS, timeout, or too large an answer.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError, HTTPClientError
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    host = urlsplit(url).hostname
    prepared = AWSRequest(method=method, url=url, headers=dict(headers), data=body, stream_output=True).prepare()
    try:
        session = URLLib3Session(
            verify=environ.get("AWS_CA_BUNDLE") or True,
            # what stays on this machine does not go through a proxy
            proxies={} if is_loopback(host or "") else get_environ_proxies(url),
            timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
        )
    except (BotoCoreError, OSError, ValueError):
        raise NoAnswer(
            f"cannot reach {host} while {doing}: the certificates of AWS_CA_BUNDLE cannot be read",
            hint="check AWS_CA_BUNDLE",
        ) from None
    try:
        response = session.send(prepared)
        content = response.raw.read(MAX_BODY_BYTES + 1, decode_content=True)
    except (HTTPClientError, BotoCoreError, OSError) as error:
        raise NoAnswer(
            f"cannot reach {host} while {doing} ({type(error).__name__})",
            hint="check the network, the proxy variables and AWS_CA_BUNDLE",
        ) from None
    except Exception as error:
        # a connection that breaks while the body is read shows urllib3's own exceptions
        if not type(error).__module__.startswith("urllib3"):
            raise
        raise NoAnswer(f"the connection to {host} broke while {doing} ({type(error).__name__})") from None
    finally:
        session.close()
    if len(content) > MAX_BODY_BYTES:
        raise NoAnswer(f"{host} answered with more than {MAX_BODY_BYTES} bytes while {doing}")
    told = {str(name).lower(): str(value) for name, value in response.headers.items()}
    length = "" if "content-encoding" in told else told.get("content-length", "")
    # urllib3 does not say that an answer was cut when it is read with a limit
    if length.isascii() and length.isdigit() and len(length) < 12 and len(content) < int(length):
        raise NoAnswer(f"the connection to {host} broke while {doing}: half an answer")
    return Answer(int(response.status_code), told, bytes(content))
