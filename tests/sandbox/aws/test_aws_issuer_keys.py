"""STS asks an issuer for its keys over verified HTTPS, and says in AWS's words why it got none."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jwt.algorithms import ECAlgorithm

from eksauth.sandbox.aws.federation.ci_issuer import CiIssuer
from eksauth.sandbox.aws.federation.fetch import KeyFetcher
from eksauth.sandbox.aws.federation.issuers import IssuerKeys, Trouble
from eksauth.sandbox.aws.federation.key_set import KeySet, parse_key_set
from eksauth.sandbox.pki import CertificateAuthority, issue_server_certificate, new_authority

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture(name="authority", scope="module")
def authority_() -> CertificateAuthority:
    """Return an authority that no machine trusts."""
    return new_authority("test issuers")


@asynccontextmanager
async def issuer(
    authority: CertificateAuthority, folder: Path, routes: dict[str, Handler], hosts: tuple[str, ...] = ("127.0.0.1",)
) -> AsyncIterator[tuple[str, bytes]]:
    """Serve documents over TLS; yields the issuer's URL and the PEM of its certificate."""
    certificate, key = issue_server_certificate(authority, hosts)
    pair = folder / "cert.pem", folder / "key.pem"
    for path, data in zip(pair, (certificate, key), strict=True):
        path.write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    app = web.Application()
    for route, handler in routes.items():
        app.router.add_get(route, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", certificate
    finally:
        await runner.cleanup()


def documents(change: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Handler]:
    """Return routes of a good issuer, its discovery document changed."""

    async def discovery(request: web.Request) -> web.StreamResponse:
        base = f"https://{request.host}"
        document = {"issuer": base, "jwks_uri": f"{base}/keys"}
        if change is not None:
            change(document)
        return web.json_response(document)

    async def published(_: web.Request) -> web.StreamResponse:
        return web.json_response(CiIssuer().key_set())

    return {DISCOVERY: discovery, "/keys": published}


def answering(**more: Any) -> Handler:
    """Return a handler with one answer."""

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(**more)

    return handler


async def test_a_trusted_authority(authority: CertificateAuthority, tmp_path: Path) -> None:
    """Issuers with a certificate of a trusted authority are believed, and others are not."""
    async with issuer(authority, tmp_path, documents()) as (url, _):
        found = await KeyFetcher([authority.cert_pem]).fetch(url, url, ())
        assert isinstance(found, KeySet)
        assert len(found.keys) == 1
        assert await KeyFetcher().fetch(url, url, ()) is Trouble.UNTRUSTED
        assert await KeyFetcher([new_authority("other").cert_pem]).fetch(url, url, ()) is Trouble.UNTRUSTED


async def test_thumbprints(authority: CertificateAuthority, tmp_path: Path) -> None:
    """A certificate whose thumbprint IAM lists is believed without an authority."""
    async with issuer(authority, tmp_path, documents()) as (url, certificate):
        thumbprint = hashlib.sha1(ssl.PEM_cert_to_DER_cert(certificate.decode()), usedforsecurity=False).hexdigest()
        assert isinstance(await KeyFetcher().fetch(url, url, (thumbprint.upper(),)), KeySet)
        assert await KeyFetcher().fetch(url, url, ("0" * 40,)) is Trouble.UNTRUSTED


async def test_a_certificate_for_another_host(authority: CertificateAuthority, tmp_path: Path) -> None:
    """The name in the certificate counts."""
    async with issuer(authority, tmp_path, documents(), ("elsewhere.example",)) as (url, _):
        assert await KeyFetcher([authority.cert_pem]).fetch(url, url, ()) is Trouble.UNTRUSTED


@pytest.mark.parametrize(
    "routes, expected",
    [
        pytest.param(documents(lambda it: it.update(issuer="https://x")), Trouble.UNUSABLE, id="another-issuer"),
        pytest.param(documents(lambda it: it.update(issuer=it["issuer"] + "/")), Trouble.UNUSABLE, id="slash"),
        pytest.param(documents(lambda it: it.pop("jwks_uri")), Trouble.UNUSABLE, id="no-keys-named"),
        pytest.param(documents(lambda it: it.update(jwks_uri=7)), Trouble.UNUSABLE, id="keys-a-number"),
        pytest.param(documents(lambda it: it.update(jwks_uri="http://127.0.0.1:1/")), Trouble.UNUSABLE, id="plain"),
        pytest.param(documents(lambda it: it.update(jwks_uri="file:///etc/passwd")), Trouble.UNUSABLE, id="file"),
        pytest.param(documents(lambda it: it.update(jwks_uri="https://127.0.0.1:1/")), Trouble.UNREACHABLE, id="down"),
        pytest.param({DISCOVERY: answering(status=500)}, Trouble.UNREACHABLE, id="500"),
        pytest.param({DISCOVERY: answering(status=429)}, Trouble.UNREACHABLE, id="429"),
        pytest.param({DISCOVERY: answering(status=401)}, Trouble.REFUSED, id="401"),
        pytest.param(
            {DISCOVERY: answering(status=302, headers={"Location": "/keys"})}, Trouble.UNUSABLE, id="redirect"
        ),
        pytest.param({}, Trouble.UNUSABLE, id="404"),
        pytest.param({DISCOVERY: answering(body=b"[" * 100_000)}, Trouble.UNUSABLE, id="deep"),
        pytest.param({DISCOVERY: answering(body=b" " * 300_000)}, Trouble.UNUSABLE, id="huge"),
        pytest.param({DISCOVERY: answering(body=b"[]")}, Trouble.UNUSABLE, id="a-list"),
    ],
)
async def test_documents_that_are_not_good(
    authority: CertificateAuthority, tmp_path: Path, routes: dict[str, Handler], expected: Trouble
) -> None:
    """Each way in which an issuer's documents can be wrong."""
    async with issuer(authority, tmp_path, routes) as (url, _):
        assert await KeyFetcher([authority.cert_pem]).fetch(url, url, ()) is expected


async def test_an_issuer_that_does_not_answer(authority: CertificateAuthority, tmp_path: Path) -> None:
    """Whoever takes longer than there is time counts as out of reach."""

    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with issuer(authority, tmp_path, {DISCOVERY: never}) as (url, _):
        assert await KeyFetcher([authority.cert_pem], 0.1).fetch(url, url, ()) is Trouble.UNREACHABLE


@pytest.mark.parametrize(
    "change, usable",
    [
        pytest.param(lambda _: {"kty": "oct", "k": "AAAA", "kid": "x"}, 0, id="secret"),
        pytest.param(lambda _: {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"}, 0, id="short"),
        pytest.param(lambda _: {"kty": "RSA", "n": "!", "e": "AQAB"}, 0, id="not-base64"),
        pytest.param(lambda _: {"kty": "RSA"}, 0, id="empty"),
        pytest.param(lambda _: None, 0, id="null"),
        pytest.param(lambda _: [], 0, id="list"),
        pytest.param(lambda _: {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, 0, id="not-on-the-curve"),
        pytest.param(lambda jwk: {**jwk, "use": "enc"}, 0, id="for-encryption"),
        pytest.param(lambda jwk: {**jwk, "alg": "HS256"}, 0, id="another-algorithm"),
        pytest.param(lambda jwk: {**jwk, "kid": 7}, 0, id="kid-a-number"),
        pytest.param(lambda jwk: jwk, 1, id="good"),
    ],
)
def test_key_sets(jwk: dict[str, Any], change: Callable[[dict[str, Any]], Any], usable: int) -> None:
    """Only public keys that can sign tokens are taken from a key set."""
    assert len(parse_key_set({"keys": [change(jwk)]}).keys) == usable


@pytest.fixture(name="jwk", scope="module")
def jwk_() -> dict[str, Any]:
    """Return a good key."""
    return CiIssuer().keys[0].as_jwk()


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": "x"}, {"keys": [{}] * 101}], ids=range(6))
def test_no_key_sets(document: Any) -> None:
    """What is no key set is refused as a whole."""
    with pytest.raises(ValueError, match="key set"):
        parse_key_set(document)


def test_elliptic_keys_fit_one_algorithm() -> None:
    """An EC key is for the algorithm of its curve, an RSA key for none of those."""
    from cryptography.hazmat.primitives.asymmetric import ec

    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    (key,) = parse_key_set({"keys": [json.loads(ECAlgorithm.to_jwk(public))]}).keys
    assert [key.fits(one) for one in ("ES256", "ES384", "ES512", "RS256")] == [False, True, False, False]


def test_issuers_that_were_never_asked() -> None:
    """Without an answer from the issuer there is no key to judge by."""
    from eksauth.sandbox.aws.faults import ServiceFault

    with pytest.raises(ServiceFault, match="IDPCommunicationError"):
        IssuerKeys().keys_of("https://x.example")
