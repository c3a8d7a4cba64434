"""The page on the loopback port: one answer, from the right place, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.credentials.sso.person import visit

from eksauth.credentials.loopback_server import MAX_CONNECTIONS
from eksauth.credentials.sso.loopback import Callback, Listener
from eksauth.credentials.sso.pkce import Proof, authorize_url, new_proof

STATE = "state-of-this-sign-in"


@pytest.fixture(name="listener")
def listener_() -> Iterator[Listener]:
    """Give a page that waits."""
    with Listener("/oauth/callback", STATE) as listener:
        yield listener


def raw(listener: Listener, request: bytes) -> bytes:
    """Send bytes and return the answer."""
    port = urlsplit(listener.url).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_answer(listener: Listener) -> None:
    """The right answer is taken, and the page that comes back says where to go on."""
    status, page = visit(f"{listener.url}?code=the-code&state={STATE}")
    assert (status, "Go back to the terminal" in page) == (200, True)
    assert "the-code" not in page
    assert STATE not in page
    assert listener.wait(20) == Callback("the-code")


def test_refusal(listener: Listener) -> None:
    """A refusal with the right state is an answer, too."""
    status, page = visit(f"{listener.url}?error=access_denied&error_description=%3Cb%3E&state={STATE}")
    assert (status, "refused" in page, "<b>" in page) == (200, True, False)
    assert listener.wait(20) == Callback(None, "access_denied")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=x",
        "?code=x&state=",
        "?code=x&state=guess",
        f"?code=x&state={STATE}&state={STATE}",
        f"?code=x&code=y&state={STATE}",
        f"?code=x&error=access_denied&state={STATE}",
        f"?code=&state={STATE}",
        f"?state={STATE}",
        "?error=access_denied",
        "?error=access_denied&state=guess",
        f"?code=%0a&state={STATE}",
        f"?code=%ff&state={STATE}",
        f"?code={'x' * 9000}&state={STATE}",
        "?" + "&".join(f"a{number}=1" for number in range(30)) + f"&code=x&state={STATE}",
    ],
)
def test_strangers(listener: Listener, query: str) -> None:
    """What does not carry the state once and one answer is refused, and waiting goes on."""
    assert visit(listener.url + query)[0] == 400
    assert listener.wait(0) is None
    assert visit(f"{listener.url}?code=the-code&state={STATE}")[0] == 200
    assert listener.wait(20) == Callback("the-code")


def test_second_answer(listener: Listener) -> None:
    """After an answer there is no other one."""
    assert visit(f"{listener.url}?code=first&state={STATE}")[0] == 200
    assert visit(f"{listener.url}?code=second&state={STATE}")[0] == 409
    assert listener.wait(20) == Callback("first")
    assert listener.wait(0) is None


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/oauth/callback/", "/oauth/callback/../callback"])
def test_other_places(listener: Listener, path: str) -> None:
    """There is only one page."""
    assert visit(listener.url.removesuffix("/oauth/callback") + f"{path}?code=x&state={STATE}")[0] == 404


@pytest.mark.parametrize("host", ["localhost:{port}", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_other_hosts(listener: Listener, host: str) -> None:
    """A name that was rebound to this machine is not the host that was registered."""
    port = urlsplit(listener.url).port
    assert visit(f"{listener.url}?code=x&state={STATE}", Host=host.format(port=port))[0] in {400, 421}
    assert listener.wait(0) is None


@pytest.mark.parametrize(
    "request_, status",
    [
        pytest.param("POST /oauth/callback?code=x&state={state} HTTP/1.1\r\nHost: {host}\r\n\r\n", 501, id="POST"),
        pytest.param(
            "GET http://{host}/oauth/callback?code=x&state={state} HTTP/1.1\r\nHost: {host}\r\n\r\n", 404, id="absolute"
        ),
        pytest.param("GET /oauth/callback?code=x&state={state} HTTP/1.1\r\n\r\n", 421, id="no host"),
        pytest.param(
            "GET /oauth/callback?code=x&state={state} HTTP/1.1\r\nHost: {host}\r\nHost: evil\r\n\r\n",
            421,
            id="two hosts",
        ),
        pytest.param("<script>alert(1)</script> nonsense\r\n\r\n", 400, id="nonsense"),
        pytest.param("GET /" + "x" * 70000 + " HTTP/1.1\r\n\r\n", 414, id="long"),
    ],
)
def test_other_requests(listener: Listener, request_: str, status: int) -> None:
    """What is no plain GET of the page is refused with the same small page, which repeats nothing."""
    host = urlsplit(listener.url).netloc
    answer = raw(listener, request_.format(host=host, state=STATE).encode())
    assert f" {status} ".encode() in answer.split(b"\r\n")[0] or status in {400, 501}
    assert b"alert" not in answer
    assert STATE.encode() not in answer
    assert listener.wait(0) is None


def test_connections_that_stay_silent(listener: Listener) -> None:
    """Connections that browsers open ahead of time and never use do not hold up the answer."""
    port = urlsplit(listener.url).port or 0
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_CONNECTIONS - 2)]
    try:
        assert visit(f"{listener.url}?code=the-code&state={STATE}")[0] == 200
    finally:
        for connection in idle:
            connection.close()


def test_nothing_is_left() -> None:
    """After the wait the port is closed and no thread serves it."""
    with Listener("/oauth/callback", STATE) as listener:
        assert listener.wait(0.01) is None
        url = listener.url
    with pytest.raises(OSError, match="refused"):
        visit(url)
    assert not [thread for thread in threading.enumerate() if "serve_forever" in thread.name]


def test_only_this_machine(listener: Listener) -> None:
    """The page is on 127.0.0.1 and on no other address."""
    parts = urlsplit(listener.url)
    assert (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", parts.port or 0), timeout=5).close()


def test_page_loads_nothing(listener: Listener) -> None:
    """The page is not kept, sends no referrer, cannot be framed, and its policy allows exactly its own style and script."""
    answer = raw(listener, f"GET /x HTTP/1.1\r\nHost: {urlsplit(listener.url).netloc}\r\n\r\n".encode()).decode()
    head, _, body = answer.partition("\r\n\r\n")
    script = body.split("<script>")[1].split("</script>")[0]
    style = body.split("<style>")[1].split("</style>")[0]
    for text in (script, style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in head
    assert "default-src 'none'" in head
    assert "frame-ancestors 'none'" in head
    assert "Cache-Control: no-store" in head
    assert "Referrer-Policy: no-referrer" in head


def test_vector_of_the_standard() -> None:
    """The challenge of RFC 7636's own verifier (appendix B) is the one printed there."""
    proof = Proof("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "s")
    assert proof.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_every_sign_in_has_its_own_proof() -> None:
    """Verifier and state are long, different each time, and not shown."""
    proofs = [new_proof() for _ in range(50)]
    assert len({proof.verifier for proof in proofs} | {proof.state for proof in proofs}) == 100
    assert all(43 <= len(proof.verifier) <= 128 and len(proof.state) >= 43 for proof in proofs)
    assert proofs[0].verifier not in repr(proofs[0])


def test_address_of_the_sign_in() -> None:
    """The address asks for a code with the challenge, never with the verifier."""
    proof = new_proof()
    url = authorize_url("https://oidc.example/", "id", "http://127.0.0.1:7/oauth/callback", ("a:b", "c"), proof)
    assert url.startswith("https://oidc.example/authorize?")
    assert proof.verifier not in url
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": ["id"],
        "redirect_uri": ["http://127.0.0.1:7/oauth/callback"],
        "state": [proof.state],
        "code_challenge_method": ["S256"],
        "code_challenge": [proof.challenge],
        "scopes": ["a:b c"],
    }
