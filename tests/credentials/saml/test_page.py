"""The loopback page: what a browser may post, what else knocks, and what stays open."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest
from tests.credentials.people import Typist
from tests.credentials.saml.responses import NOW, document, encoded

from eksauth.credentials.config.model import AuthConfig, Place, Provider, SamlSource
from eksauth.credentials.identities.contract import Context, NeedsHuman, SamlAssertion
from eksauth.credentials.saml.page import MAX_BODY_BYTES, Listener
from eksauth.credentials.saml.provider import provider_step
from eksauth.errors import EksauthError

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(name="listener")
def listener_() -> Iterator[Listener]:
    """Return a listener that takes ``good``, fails ``bad`` and knows nothing else."""
    verdicts = {b"good": True, b"bad": False}
    with Listener(0, verdicts.get) as listener:
        yield listener


def _post(
    url: str, body: str | bytes, headers: dict[str, str] | None = None, *, method: str = "POST", path: str | None = None
) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request(method, path or parts.path, body, {**FORM, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_one_response_is_taken(listener: Listener) -> None:
    """The posted form is what the terminal gets; the browser sees a page that loads nothing, and only the first counts."""
    status, page = _post(listener.url, urlencode({"SAMLResponse": "good", "RelayState": "x"}))

    assert status == 200
    assert "Go back to the terminal" in page
    assert "good" not in page
    assert listener.wait(10) == b"good"
    assert _post(listener.url, urlencode({"SAMLResponse": "good"}))[0] == 409
    assert listener.wait(0.05) is None


def test_a_failed_sign_in_ends_the_wait(listener: Listener) -> None:
    """A response that says that the sign-in failed is an answer too, and the page says so."""
    status, page = _post(listener.url, urlencode({"SAMLResponse": "bad"}))

    assert (status, "Not signed in" in page) == (200, True)
    assert listener.wait(10) == b"bad"


@pytest.mark.parametrize(
    "body, headers, more, expected",
    [
        pytest.param("SAMLResponse=junk", {}, {}, 400, id="no response"),
        pytest.param("", {}, {}, 400, id="an empty form"),
        pytest.param("SAMLResponse=good&SAMLResponse=good", {}, {}, 400, id="two responses"),
        pytest.param("&".join(["a=b"] * 50), {}, {}, 400, id="many fields"),
        pytest.param(b"SAMLResponse=\xff", {}, {}, 400, id="no ASCII"),
        pytest.param("SAMLResponse=good", {"Host": "evil.example.com"}, {}, 421, id="a rebound name"),
        pytest.param("SAMLResponse=good", {"Origin": "http://evil.example.com"}, {}, 403, id="a plain http page"),
        pytest.param("SAMLResponse=good", {"Origin": "file://x"}, {}, 403, id="a file"),
        pytest.param("SAMLResponse=good", {"Sec-Fetch-Mode": "no-cors"}, {}, 403, id="a script"),
        pytest.param("SAMLResponse=good", {"Content-Type": "text/plain"}, {}, 415, id="no form"),
        pytest.param("SAMLResponse=good", {"Content-Length": "-1"}, {}, 411, id="a negative length"),
        pytest.param("x", {"Content-Length": str(MAX_BODY_BYTES + 1)}, {}, 413, id="huge"),
        pytest.param("x", {"Content-Length": "9" * 40}, {}, 413, id="absurd"),
        pytest.param("SAMLResponse=good", {}, {"path": "/other"}, 404, id="another path"),
        pytest.param("", {}, {"method": "GET"}, 501, id="a visit"),
        pytest.param("", {}, {"method": "OPTIONS"}, 501, id="a preflight"),
    ],
)
def test_what_else_knocks(
    listener: Listener, body: str | bytes, headers: dict[str, str], more: dict, expected: int
) -> None:
    """Whatever is no form that a browser was sent to post is refused, and the wait goes on."""
    status, page = _post(listener.url, body, headers, **more)

    assert status == expected
    assert "evil" not in page
    assert listener.wait(0.05) is None
    assert _post(listener.url, urlencode({"SAMLResponse": "good"}))[0] == 200


@pytest.mark.parametrize("origin", ["https://idp.example.com", "null", "http://127.0.0.1:99", "http://localhost"])
def test_where_a_form_may_come_from(listener: Listener, origin: str) -> None:
    """Pages over https, on this machine, and those that the browser does not name may post."""
    headers = {
        "Origin": origin,
        "Sec-Fetch-Mode": "navigate",
        "Host": listener.url.split("/")[2].replace("127.0.0.1", "localhost"),
    }

    assert _post(listener.url, "SAMLResponse=good", headers)[0] == 200


def test_connections_that_say_nothing(listener: Listener) -> None:
    """Connections that a browser opens and never uses do not keep the answer out."""
    parts = urlsplit(listener.url)
    idle = [socket.create_connection((parts.hostname or "", parts.port or 0)) for _ in range(5)]
    try:
        assert _post(listener.url, "SAMLResponse=good")[0] == 200
    finally:
        for each in idle:
            each.close()


def _provider(url: str = "https://idp.example.com/start?acs={acs}", **source: object) -> Provider:
    return Provider(
        name="corp",
        kind="aws/saml",
        declared_kind="aws/saml",
        place=Place("eksauth.yaml", 2, 3),
        url=url,
        region="eu-west-1",
        saml=SamlSource(**source),  # type: ignore[arg-type]
    )


def _context(human: Typist | None = None, config: AuthConfig | None = None) -> Context:
    return Context(
        # a configuration of its own: sign-ins are remembered for some minutes
        config=config or AuthConfig(path=f"/{uuid4()}.yaml"),
        environ={"PATH": os.environ["PATH"]},
        region="eu-west-1",
        human=human,
        clock=lambda: NOW,
    )


def _obtain(provider: Provider, context: Context) -> SamlAssertion:
    return provider_step(provider, AuthConfig()).obtain(None, context)


def _poster(response: str) -> Callable[[str], None]:
    """Return a browser that posts ``response`` to the address in the query of where it is sent."""

    def browse(url: str) -> None:
        from urllib.parse import parse_qs

        acs = parse_qs(urlsplit(url).query)["acs"][0]
        threading.Thread(target=_post, args=(acs, urlencode({"SAMLResponse": response}))).start()

    return browse


def test_a_person_signs_in() -> None:
    """The browser is sent to the identity provider with our address, and what it posts is the response."""
    human = Typist(browse=_poster(encoded()))

    assert _obtain(_provider(), _context(human)) == SamlAssertion(encoded())
    assert human.browsed[0].startswith("https://idp.example.com/start?acs=http%3A%2F%2F127.0.0.1%3A")
    assert any("waiting for the answer" in text for text in human.told)


def test_a_sign_in_that_failed() -> None:
    """The refusal of the identity provider is the error at the terminal."""
    failed = encoded(status="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed")

    with pytest.raises(EksauthError, match="says AuthnFailed"):
        _obtain(_provider(), _context(Typist(browse=_poster(failed))))


def test_nobody_there() -> None:
    """Without a person nothing is opened; the error says that one is needed."""
    with pytest.raises(NeedsHuman):
        _obtain(_provider(), _context())


@pytest.mark.parametrize(
    "provider, says",
    [
        pytest.param(_provider("http://idp.example.com/{acs}"), "not an https address", id="plain http"),
        pytest.param(_provider("javascript:alert(1)"), "not an https address", id="a script"),
        pytest.param(_provider("https://idp.example.com/"), "posts its answer", id="no port"),
    ],
)
def test_addresses_that_do_not_work(provider: Provider, says: str) -> None:
    """A browser is only sent to https, and only when the answer can come back."""
    with pytest.raises(EksauthError, match=says):
        _obtain(provider, _context(Typist(browse=lambda _: None)))


def test_a_port_that_is_taken() -> None:
    """Another listener on the configured port is named as the cause."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EksauthError, match=f"port {port} of this machine"):
            _obtain(_provider(port=port), _context(Typist()))


def test_files_and_commands(tmp_path: Path) -> None:
    """A document or its base64 form in a file, or printed by a command, is the response."""
    (tmp_path / "response").write_text(document())

    assert _obtain(_provider(file=str(tmp_path / "response")), _context()) == SamlAssertion(encoded())
    command = (sys.executable, "-c", f"print({encoded()!r})")
    assert _obtain(_provider(command=command), _context()) == SamlAssertion(encoded())
    found = AuthConfig(path="/repo/eksauth.yaml", searched=True)
    with pytest.raises(NeedsHuman):
        _obtain(_provider(command=command), _context(None, found))
    assert _obtain(_provider(command=command), _context(Typist(), found)) == SamlAssertion(encoded())


def test_the_repr_hides_the_response() -> None:
    """A response can be logged by accident without harm."""
    assert encoded() not in repr(SamlAssertion(encoded()))


def test_ctrl_c_ends_the_wait() -> None:
    """Ctrl-C ends the wait for the browser at once, and nothing keeps running."""
    script = (
        "import sys\n"
        "from eksauth.credentials.saml.page import Listener\n"
        "with Listener(0, lambda data: True) as listener:\n"
        "    print(listener.url, flush=True)\n"
        "    listener.wait(300)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("http://127.0.0.1:")
        child.send_signal(signal.SIGINT)
        _, complaint = child.communicate(timeout=30)

    assert "KeyboardInterrupt" in complaint
    assert child.returncode == -signal.SIGINT
