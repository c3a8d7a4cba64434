"""The STS client against small servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from tests.authenticator.loopback import (
    Loopback,
    Script,
    caller,
    endless,
    error,
    garbage,
    half,
    hang_up,
    loopback,
    reply,
    reset,
    silence,
)

from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.client import StsClient, StsQuestion, StsRefused, StsUnavailable
from eksauth.errors import ConfigError

HOST = "sts.us-west-2.amazonaws.com"
TARGET = "/?Action=GetCallerIdentity&X-Amz-Security-Token=a%2Fb%2bc%3D&&x=%41~%7E+&X-Amz-Signature=00"
QUESTION = StsQuestion(HOST, TARGET, "demo-cluster")
CALLER = CallerIdentity("111122223333", "arn:aws:sts::111122223333:assumed-role/CICDRole/sess", "AROAEXAMPLE:sess")


async def ask(
    server: Loopback, *, timeout: float = 10, environ: Mapping[str, str] | None = None, question: StsQuestion = QUESTION
) -> CallerIdentity:
    """Ask ``server`` in the place of STS."""
    async with StsClient(overrides={HOST: server.origin()}, timeout=timeout, environ=environ or {}) as sts:
        return await sts.get_caller_identity(question)


async def reason(*scripts: Script, timeout: float = 10) -> str:
    """Return the code of the refusal that a scripted server causes."""
    async with loopback(*scripts) as server:
        with pytest.raises((StsRefused, StsUnavailable)) as caught:
            await ask(server, timeout=timeout)
        assert "\n" not in caught.value.message
        return caught.value.code


async def test_the_request_is_the_tokens_own_bytes() -> None:
    """Request line and Host are those of the token; the cluster id and JSON are asked for; nothing else is sent."""
    async with loopback(reply(200, caller())) as server:
        assert await ask(server) == CALLER
    lines = server.requests[0].decode().split("\r\n")
    assert lines[0] == f"GET {TARGET} HTTP/1.1"
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    assert headers.pop("user-agent").startswith("eksauth/")
    assert headers == {
        "host": HOST,
        "x-k8s-aws-id": "demo-cluster",
        "accept": "application/json",
        "accept-encoding": "identity",
    }


async def test_a_cluster_name_in_any_script_is_sent_as_utf8() -> None:
    """The header carries the same bytes that the client signed."""
    async with loopback(reply(200, caller())) as server:
        await ask(server, question=StsQuestion(HOST, TARGET, "größe-集群"))
    assert "x-k8s-aws-id: größe-集群\r\n".encode() in server.requests[0]


async def test_netrc_and_environment_proxies_stay_away(home: Path) -> None:
    """No password of .netrc and no proxy reaches a loopback endpoint."""
    (home / ".netrc").write_text(
        f"machine 127.0.0.1 login eve password secret\nmachine {HOST} login eve password secret\n"
    )
    async with loopback(reply(200, caller())) as server:
        dead = "http://127.0.0.1:9"
        await ask(server, environ={"HTTPS_PROXY": dead, "HTTP_PROXY": dead, "http_proxy": dead})
    assert b"uthorization" not in server.requests[0]


async def test_a_proxy_of_the_environment_is_used_for_sts() -> None:
    """HTTPS_PROXY is asked to connect to the token's host; NO_PROXY makes exceptions."""
    async with loopback(reply(403, b"no")) as proxy:
        environ = {"HTTPS_PROXY": proxy.origin()}
        async with StsClient(environ=environ) as sts:
            with pytest.raises(StsUnavailable, match="proxy refuses") as caught:
                await sts.get_caller_identity(QUESTION)
            assert caught.value.code == "sts.unreachable"
        assert proxy.requests[0].startswith(f"CONNECT {HOST}:443 ".encode())
        assert b"Signature" not in proxy.requests[0]
        async with StsClient(environ=environ | {"NO_PROXY": ".invalid"}, overrides={HOST: "https://x.invalid"}) as sts:
            with pytest.raises(StsUnavailable):
                await sts.get_caller_identity(QUESTION)
        assert len(proxy.requests) == 1


async def test_connections_are_kept() -> None:
    """A second question uses the first one's connection."""
    async with loopback(reply(200, caller())) as server, StsClient(overrides={HOST: server.origin()}) as sts:
        for _ in range(3):
            await sts.get_caller_identity(QUESTION)
    assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize("failure", [reset, hang_up], ids=["reset", "closed"])
async def test_one_retry_when_no_answer_began(failure: Script) -> None:
    """A connection that dies before an answer begins is tried once more, and only once."""
    async with loopback(failure, reply(200, caller())) as server:
        assert await ask(server) == CALLER
        assert len(server.requests) == 2
    async with loopback(failure) as server:
        with pytest.raises(StsUnavailable) as caught:
            await ask(server)
        assert caught.value.code == "sts.unreachable"
        assert len(server.requests) == 2


async def test_no_retry_once_an_answer_began() -> None:
    """An answer that breaks off is an outage, not a reason to ask again (STS-05)."""
    async with loopback(half, reply(200, caller())) as server:
        with pytest.raises(StsUnavailable) as caught:
            await ask(server)
        assert caught.value.code == "sts.unreachable"
        assert len(server.requests) == 1


async def test_redirects_are_not_followed() -> None:
    """A redirect is no answer, and the token does not travel on (STS-04)."""
    async with loopback(reply(200, caller())) as other:
        location = f"Location: {other.origin()}/"
        assert await reason(reply(302, b"", [location])) == "sts.redirected"
        assert other.requests == []


THROTTLED = error("Throttling", "Rate exceeded")
XML = b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token is old</Message></Error></ErrorResponse>"


@pytest.mark.parametrize(
    "script, code, retryable",
    [
        pytest.param(reply(400, THROTTLED), "sts.throttled", True, id="STS-01"),
        pytest.param(reply(503, error("RequestLimitExceeded")), "sts.throttled", True, id="request-limit"),
        pytest.param(reply(429, b"slow down"), "sts.throttled", True, id="429"),
        pytest.param(reply(400, b"something about Throttling"), "sts.throttled", True, id="throttling-in-any-text"),
        pytest.param(reply(500, b""), "sts.server_error", True, id="500"),
        pytest.param(reply(503, error("ServiceUnavailable")), "sts.server_error", True, id="503"),
        pytest.param(reply(403, error("SignatureDoesNotMatch")), "sts.signature_mismatch", False, id="STS-03-signature"),
        pytest.param(reply(403, error("SignatureDoesNotMatch", "Signature not yet current: 2 is still later")), "sts.not_yet_current", False, id="skew"),
        pytest.param(reply(403, error("SignatureDoesNotMatch", "Signature expired: 1 is now earlier")), "sts.signature_expired", False, id="signature-expired"),
        pytest.param(reply(403, error("InvalidClientTokenId")), "sts.invalid_client_token", False, id="unknown-key"),
        pytest.param(reply(403, error("ExpiredToken")), "sts.expired_credentials", False, id="expired-session"),
        pytest.param(reply(403, XML), "sts.expired_credentials", False, id="xml"),
        pytest.param(reply(403, error("AccessDenied")), "sts.access_denied", False, id="access-denied"),
        pytest.param(reply(403, error("MissingAuthenticationToken")), "sts.not_signed", False, id="not-signed"),
        pytest.param(reply(400, error("IncompleteSignature")), "sts.incomplete_signature", False, id="incomplete"),
        pytest.param(reply(403, error("RegionDisabledException")), "sts.region_disabled", False, id="region-disabled"),
        pytest.param(reply(400, error("SomethingNew")), "sts.refused", False, id="unknown-code"),
        pytest.param(reply(403, b"<html>blocked</html>"), "sts.malformed_reply", True, id="block-page"),
        pytest.param(reply(204, b""), "sts.malformed_reply", True, id="204"),
        pytest.param(reply(200, b"<html>sign in</html>"), "sts.malformed_reply", True, id="STS-06-captive-portal"),
        pytest.param(reply(200, b"\xff\xfe"), "sts.malformed_reply", True, id="not-utf8"),
        pytest.param(reply(200, b"{}"), "sts.malformed_reply", True, id="empty-object"),
        pytest.param(reply(200, b"null"), "sts.malformed_reply", True, id="null"),
        pytest.param(reply(200, b"[" * 60000), "sts.malformed_reply", True, id="deep"),
        pytest.param(reply(200, b"NaN"), "sts.malformed_reply", True, id="nan"),
        pytest.param(reply(200, caller(Account=111122223333)), "sts.malformed_reply", True, id="number-for-text"),
        pytest.param(reply(200, caller(Arn=...)), "sts.malformed_reply", True, id="no-arn"),
        pytest.param(reply(200, caller(UserId="a\nb")), "sts.malformed_reply", True, id="line-break"),
        pytest.param(reply(200, caller().replace(b'"Account"', b'"Account": "1", "Account"')), "sts.malformed_reply", True, id="duplicate-key"),
        pytest.param(reply(200, caller().replace(b'"Account"', b'"account"')), "sts.malformed_reply", True, id="key-case"),
        pytest.param(reply(200, b" " * 70000), "sts.malformed_reply", True, id="huge-body"),
        pytest.param(endless, "sts.malformed_reply", True, id="endless-body"),
        pytest.param(reply(200, gzip.compress(b" " * 10_000_000), ["Content-Encoding: gzip"]), "sts.malformed_reply", True, id="gzip-bomb"),
        pytest.param(reply(200, b"junk", ["Content-Encoding: gzip"]), "sts.malformed_reply", True, id="not-gzip"),
        pytest.param(reply(200, gzip.compress(caller())[:-20], ["Content-Encoding: gzip"]), "sts.malformed_reply", True, id="cut-gzip"),
        pytest.param(reply(200, b"junk", ["Content-Encoding: br"]), "sts.malformed_reply", True, id="unasked-encoding"),
        pytest.param(garbage, "sts.malformed_reply", True, id="not-http"),
    ],
)  # fmt: skip
async def test_what_answers_mean(script: Script, code: str, retryable: bool) -> None:
    """Each answer has its stable code; only those that say nothing about the token are retryable."""
    async with loopback(script) as server:
        with pytest.raises((StsRefused, StsUnavailable)) as caught:
            await ask(server)
    assert caught.value.code == code
    assert isinstance(caught.value, StsUnavailable) is retryable
    assert caught.value.hint
    assert "blocked" not in caught.value.message


async def test_gzip_is_read_although_nobody_asked() -> None:
    """A proxy that compresses does no harm."""
    async with loopback(reply(200, gzip.compress(caller()), ["Content-Encoding: gzip"])) as server:
        assert await ask(server) == CALLER


async def test_silence_ends_at_the_limit() -> None:
    """An endpoint that never answers costs the time limit, no more, and is an outage."""
    assert await reason(silence, timeout=0.2) == "sts.timeout"


async def test_nobody_listens() -> None:
    """A refused connection is an outage (STS-02)."""
    async with loopback(reply()) as server:
        pass
    with pytest.raises(StsUnavailable) as caught:
        await ask(server)
    assert caught.value.code == "sts.unreachable"
    assert "Signature" not in caught.value.message


async def test_an_unknown_name_is_said_so() -> None:
    """A host that does not resolve is named as that."""
    async with StsClient(overrides={HOST: "https://sts.invalid"}, environ={}) as sts:
        with pytest.raises(StsUnavailable) as caught:
            await sts.get_caller_identity(QUESTION)
    assert "resolve" in caught.value.message


async def test_tls_is_checked_against_the_override(tmp_path: Path) -> None:
    """With a CA file the override's own certificate counts; without it, or for another name, TLS fails."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))

    def context(name: str) -> ssl.SSLContext:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(tls)
        return tls

    async with loopback(reply(200, caller()), tls=context("localhost")) as server:
        overrides = {HOST: server.origin("https", "localhost")}
        async with StsClient(overrides=overrides, ca_file=ca_file, environ={}) as sts:
            assert await sts.get_caller_identity(QUESTION) == CALLER
        async with StsClient(overrides=overrides, environ={}) as sts:
            with pytest.raises(StsUnavailable) as caught:
                await sts.get_caller_identity(QUESTION)
            assert caught.value.code == "sts.tls"
    async with loopback(reply(200, caller()), tls=context(HOST)) as server:
        overrides = {HOST: server.origin("https", "localhost")}
        async with StsClient(overrides=overrides, ca_file=ca_file, environ={}) as sts:
            with pytest.raises(StsUnavailable) as caught:
                await sts.get_caller_identity(QUESTION)
            assert caught.value.code == "sts.tls"


@pytest.mark.parametrize("overridden", [False, True])
async def test_a_ca_file_counts_for_overridden_hosts_only(tmp_path: Path, overridden: bool) -> None:
    """Whoever owns the extra authority cannot stand in for a host of STS that nobody overrode."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)

    async def impostor(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ssl.SSLError):
            await writer.start_tls(tls)

    async with loopback(impostor, reply(200, caller())) as proxy:
        overrides = {HOST: f"https://{HOST}"} if overridden else {}
        environ = {"HTTPS_PROXY": proxy.origin()}
        async with StsClient(overrides=overrides, ca_file=ca_file, environ=environ) as sts:
            if overridden:
                assert await sts.get_caller_identity(QUESTION) == CALLER
            else:
                with pytest.raises(StsUnavailable) as caught:
                    await sts.get_caller_identity(QUESTION)
                assert caught.value.code == "sts.tls"
                assert not any(b"Signature" in request for request in proxy.requests)


async def test_many_at_once() -> None:
    """Two hundred questions at once are all answered."""
    async with loopback(reply(200, caller())) as server, StsClient(overrides={HOST: server.origin()}) as sts:
        answers = await asyncio.gather(*(sts.get_caller_identity(QUESTION) for _ in range(200)))
    assert answers == [CALLER] * 200
    assert server.connections <= 96


@pytest.mark.parametrize(
    "host, url",
    [
        pytest.param(HOST, "ftp://x", id="scheme"),
        pytest.param(HOST, "https://x/path", id="path"),
        pytest.param(HOST, "https://x?q=1", id="query"),
        pytest.param(HOST, "https://u:p@x", id="user"),
        pytest.param(HOST, "https://x:port", id="port"),
        pytest.param(HOST, "https://[::1", id="bracket"),
        pytest.param(HOST, "https://", id="no-host"),
        pytest.param(HOST, "https://a b", id="blank"),
        pytest.param(HOST, "http://sts.example", id="plain-http-beyond-loopback"),
        pytest.param("example.com", "https://x", id="not-an-sts-host"),
    ],
)
def test_overrides_are_checked(host: str, url: str) -> None:
    """An override that is no origin, leaks the token or is for no STS host is a configuration error."""
    with pytest.raises(ConfigError) as caught:
        StsClient(overrides={host: url})
    assert caught.value.hint


@pytest.mark.parametrize("content", [None, b"not pem"], ids=["missing", "not-pem"])
def test_a_ca_file_must_be_one(tmp_path: Path, content: bytes | None) -> None:
    """A CA file that is missing or holds no certificates is a configuration error that names it."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        StsClient(ca_file=path)


def test_a_question_does_not_show_the_token() -> None:
    """The request target, which is the token, is not in the question's repr."""
    assert "Signature" not in repr(QUESTION)
