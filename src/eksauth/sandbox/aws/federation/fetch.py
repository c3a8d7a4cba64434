"""How STS asks an issuer for its keys: discovery document, then key set, over verified HTTPS, within five seconds.

Trust is AWS's: the machine's certificate authorities, and servers whose own certificate has a SHA-1 thumbprint that the
provider in IAM lists; of a chain, AWS takes any certificate
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from eksauth.sandbox.aws.federation.issuers import Trouble
from eksauth.sandbox.aws.federation.key_set import KeySet, parse_key_set

_LARGEST = 256 << 10


class KeyFetcher:
    """Asks issuers.

    :param seconds: how long an answer may take, five as at AWS unless told otherwise.
    :param trusted: PEM text of authorities or single certificates that are trusted besides the machine's.
    :raises OSError: (an ``SSLError``) when something in ``trusted`` is no certificate.
    """

    def __init__(self, trusted: Sequence[bytes] = (), seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._trusted = tuple(pem.decode("ascii", "replace") for pem in trusted if pem)
        for pem in self._trusted:
            # what cannot be loaded is said now, not when the first issuer is asked
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
        self._context: ssl.SSLContext | None = None

    async def fetch(self, issuer: str, location: str, thumbprints: Sequence[str]) -> KeySet | Trouble:
        """Return the keys of ``issuer``, whose documents are at ``location``, or why there are none."""
        try:
            async with aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._seconds), trust_env=False, auto_decompress=True
            ) as session:
                found = await self._get(session, f"{location}/.well-known/openid-configuration", thumbprints)
                if isinstance(found, Trouble):
                    return found
                if not isinstance(found, dict) or found.get("issuer") != issuer:
                    return Trouble.UNUSABLE
                uri = found.get("jwks_uri")
                if not isinstance(uri, str):
                    return Trouble.UNUSABLE
                keys = await self._get(session, uri, thumbprints)
                return keys if isinstance(keys, Trouble) else parse_key_set(keys)
        except ValueError:
            return Trouble.UNUSABLE

    async def _get(self, session: aiohttp.ClientSession, url: str, thumbprints: Sequence[str]) -> Any:
        if urlsplit(url).scheme != "https":
            return Trouble.UNUSABLE
        try:
            return await self._ask(session, url, self._verifying())
        except aiohttp.ClientConnectorCertificateError:
            return await self._by_thumbprint(session, url, thumbprints)
        except aiohttp.ClientConnectorSSLError:
            return Trouble.UNTRUSTED
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Trouble.UNREACHABLE

    async def _by_thumbprint(self, session: aiohttp.ClientSession, url: str, thumbprints: Sequence[str]) -> Any:
        try:
            async with asyncio.timeout(self._seconds):
                certificate = await _certificate_of(url)
        except (TimeoutError, OSError):
            return Trouble.UNREACHABLE
        if hashlib.sha1(certificate, usedforsecurity=False).hexdigest() not in {one.lower() for one in thumbprints}:
            return Trouble.UNTRUSTED
        try:
            # the very certificate that was looked at, also on the second connection
            return await self._ask(session, url, aiohttp.Fingerprint(hashlib.sha256(certificate).digest()))
        except aiohttp.ServerFingerprintMismatch:
            return Trouble.UNTRUSTED
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Trouble.UNREACHABLE

    async def _ask(self, session: aiohttp.ClientSession, url: str, trust: ssl.SSLContext | aiohttp.Fingerprint) -> Any:
        async with session.get(url, ssl=trust, allow_redirects=False) as response:
            return await _read(response)

    def _verifying(self) -> ssl.SSLContext:
        if self._context is None:
            context = ssl.create_default_context()
            # a server's own certificate may be among the trusted ones, without its authority
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            for pem in self._trusted:
                context.load_verify_locations(cadata=pem)
            self._context = context
        return self._context


async def _certificate_of(url: str) -> bytes:
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=context)
    try:
        secure = writer.get_extra_info("ssl_object")
        return secure.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()


async def _read(response: aiohttp.ClientResponse) -> Any:
    if response.status in {401, 403}:
        return Trouble.REFUSED
    if response.status >= 500 or response.status == 429:
        return Trouble.UNREACHABLE
    if response.status != 200:
        return Trouble.UNUSABLE
    body = bytearray()
    async for piece in response.content.iter_chunked(16384):
        body += piece
        if len(body) > _LARGEST:
            return Trouble.UNUSABLE
    try:
        return json.loads(bytes(body))
    except RecursionError:
        return Trouble.UNUSABLE
