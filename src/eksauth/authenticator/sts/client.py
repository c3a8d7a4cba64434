"""Asking STS who signed a token: the exact bytes of the token's URL, over pooled connections, within limits.

Each STS host has a pool of connections of its own, so that a host that hangs holds nobody else's.

No redirects, no ``.netrc``, no cookies, no re-quoting. Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY of
the environment, as the reference does; loopback is never proxied. Needs aiohttp, which is loaded on first use.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # public, not in the stubs

from eksauth import __version__
from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.endpoints import check_overrides, is_loopback
from eksauth.authenticator.sts.reply import MAX_REPLY_BYTES, StsRefused, StsUnavailable, read_reply
from eksauth.errors import ConfigError
from eksauth.token.sigv4 import CLUSTER_ID_HEADER

if TYPE_CHECKING:
    import aiohttp

    from eksauth.authenticator.sts.names import Resolver

__all__ = ["StsApi", "StsClient", "StsQuestion", "StsRefused", "StsUnavailable"]

TIMEOUT_SECONDS = 10.0
"""For the whole call, a retry included; the limit of the reference."""
_ROUTE = "check DNS, the route to STS and the proxy settings of this process"
_CONNECTIONS_PER_HOST = 96
"""More than questions that :mod:`eksauth.authenticator.sts.host` lets through: late ones are asked twice."""
_POOLS = 64


@dataclass(frozen=True, slots=True)
class StsQuestion:
    """One GetCallerIdentity call: the token's own host and request target, and the cluster id it must be signed for."""

    host: str
    target: str = field(repr=False)
    cluster_id: str


class StsApi(Protocol):
    """What the verifier needs of STS."""

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Return who signed ``question``; raises :class:`StsRefused` or :class:`StsUnavailable`."""


@dataclass(slots=True)
class _Pool:
    session: aiohttp.ClientSession
    users: int = 0


class StsClient:
    """STS over HTTPS; an async context manager that owns the connections.

    :param overrides: STS host -> ``https://host[:port]`` to connect to instead; only the connection changes.
    :param ca_file: PEM file of extra authorities, trusted for overridden hosts only.
    :param timeout: seconds for one question, a retry included.
    :param environ: where proxies are looked up.
    :param on_reply: told the STS host and the HTTP status of every reply.
    :raises ConfigError: bad overrides, an unreadable CA file, or aiohttp is not installed.
    """

    def __init__(
        self,
        *,
        overrides: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        timeout: float = TIMEOUT_SECONDS,
        environ: Mapping[str, str] = os.environ,
        on_reply: Callable[[str, int], None] | None = None,
    ) -> None:
        self._on_reply = on_reply
        self._overrides = check_overrides(overrides or {})
        self._timeout = timeout
        self._proxies = _proxies(environ)
        self._public_tls = ssl.create_default_context()
        self._override_tls = self._public_tls if ca_file is None else _tls_with(ca_file)
        self._pools: OrderedDict[str, _Pool] | None = None
        self._resolver: Resolver | None = None

    async def __aenter__(self) -> Self:
        try:
            from eksauth.authenticator.sts.names import Resolver
        except ImportError:
            raise ConfigError(
                "asking STS needs aiohttp, which is not installed", hint="pip install 'eksauth[server]'"
            ) from None
        self._pools, self._resolver = OrderedDict(), Resolver()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pools, self._pools = self._pools, None
        for pool in (pools or {}).values():
            await pool.session.close()

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Ask STS once, and once more when the connection was reset before an answer began.

        :raises StsRefused: STS refuses the token.
        :raises StsUnavailable: no answer, or none that STS would give.
        """
        pool = await self._pool_for(question.host)
        try:
            async with asyncio.timeout(self._timeout):
                status, body = await self._ask(pool.session, question)
        except TimeoutError:
            raise StsUnavailable(
                f"{question.host} did not answer within {self._timeout:g} seconds",
                hint="check the route to STS: DNS, security groups, NAT, VPC endpoint, proxy",
                code="sts.timeout",
            ) from None
        finally:
            pool.users -= 1
        return read_reply(status, body)

    async def _pool_for(self, host: str) -> _Pool:
        """Return the host's pool with one more user."""
        pools = self._pools
        if pools is None or self._resolver is None:
            raise RuntimeError("StsClient is used outside of 'async with'")
        pool = pools.get(host)
        new = pool is None
        if pool is None:
            pool = pools[host] = _Pool(_new_session(self._resolver))
        pool.users += 1
        pools.move_to_end(host)
        if new:
            idle = [name for name, other in pools.items() if not other.users]
            # oldest first; those in use may be more than that for a while
            for name in idle[: max(len(pools) - _POOLS, 0)]:
                await pools.pop(name).session.close()
        return pool

    async def _ask(self, session: aiohttp.ClientSession, question: StsQuestion) -> tuple[int, bytes]:
        import aiohttp

        try:
            # aiohttp itself sends a GET once more when the connection dies before an answer begins (since 3.10)
            return await self._send(session, question)
        except aiohttp.ClientHttpProxyError as error:
            raise StsUnavailable(
                f"the proxy refuses the way to {question.host} (status {error.status})", hint=_ROUTE
            ) from None
        except (aiohttp.ClientResponseError, zlib.error):
            raise _not_an_answer("the answer is not HTTP as STS speaks it") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(question.host, error) from None

    async def _send(self, session: aiohttp.ClientSession, question: StsQuestion) -> tuple[int, bytes]:
        from yarl import URL

        origin = self._overrides.get(question.host)
        base = origin or f"https://{question.host}"
        url = URL(base + question.target, encoded=True)
        headers = {
            "Host": question.host,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"eksauth/{__version__}",
            CLUSTER_ID_HEADER: question.cluster_id,
        }
        async with session.get(
            url,
            headers=headers,
            allow_redirects=False,
            ssl=self._override_tls if origin else self._public_tls,
            proxy=self._proxy_for(url.scheme, url.host or ""),
        ) as reply:
            if self._on_reply is not None:
                self._on_reply(question.host, reply.status)
            return reply.status, await _read(reply)

    def _proxy_for(self, scheme: str, host: str) -> str | None:
        if is_loopback(host) or proxy_bypass_environment(host, self._proxies):
            return None
        return self._proxies.get(scheme)


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    """Read a bounded body; compressed although not asked for, it is unpacked within the same bound."""
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise _too_large()
    encoding = reply.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return bytes(body)
    if encoding not in {"gzip", "deflate"}:
        raise _not_an_answer("the answer is in an encoding that nobody asked for")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    unpacked = unpack.decompress(bytes(body), MAX_REPLY_BYTES)
    if unpack.unconsumed_tail:
        raise _too_large()
    return unpacked


def _too_large() -> StsUnavailable:
    return _not_an_answer(f"the answer is larger than {MAX_REPLY_BYTES} bytes")


def _not_an_answer(what: str) -> StsUnavailable:
    return StsUnavailable(
        what,
        hint="something between here and STS answers in its place: a proxy or a wrong endpoint override",
        code="sts.malformed_reply",
    )


def _unreachable(host: str, error: Exception) -> StsUnavailable:
    """Describe a transport failure by its kind; its text could quote the URL, which is the token."""
    if isinstance(error, ssl.SSLError) or "Certificate" in type(error).__name__ or "SSL" in type(error).__name__:
        return StsUnavailable(
            f"the TLS connection to {host} failed",
            hint="the certificate is for another host or from an unknown authority; look for a proxy, set a CA file",
            code="sts.tls",
        )
    if "DNS" in type(error).__name__:
        return StsUnavailable(f"{host} does not resolve, or its override does not", hint=_ROUTE, code="sts.unreachable")
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number).lower() if number and number > 0 else type(error).__name__
    return StsUnavailable(f"{host} cannot be reached: {reason}", hint=_ROUTE, code="sts.unreachable")


def _new_session(resolver: Resolver) -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=_CONNECTIONS_PER_HOST, keepalive_timeout=30, ttl_dns_cache=30, resolver=resolver
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,  # it would send passwords of .netrc; proxies are looked up here instead
        auto_decompress=False,
        read_bufsize=MAX_REPLY_BYTES,
        requote_redirect_url=False,
    )


def _tls_with(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise ConfigError(
            f"{ca_file} holds no PEM certificates", hint="give a PEM file of certificate authorities"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{ca_file}: {(error.strerror or 'unreadable').lower()}", hint="check stsCAFile or --sts-ca-file"
        ) from None
    return context


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return scheme -> proxy URL; ``no`` holds the exceptions, as urllib keeps them."""
    found: dict[str, str] = {}
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        if environ.get(name):
            found.setdefault(name.lower().removesuffix("_proxy"), environ[name])
    return found
