"""The endpoint of one child: who gets credentials, when they are renewed, and what is heard when they cannot be."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import botocore.session
import pytest

from eksauth.credentials.config.model import Identity, Place
from eksauth.credentials.identities.authenticate import Session
from eksauth.credentials.model import Credentials
from eksauth.errors import CredentialsError, EksauthError
from eksauth.login.programs.renewing_endpoint import RENEW_SECONDS, Endpoint, Renewal, renewing_endpoint

NOW = 1_700_000_000.0
WHO = Identity(name="x", kind="aws/user", declared_kind="aws/user", place=Place("f", 1, 1))


def session(key: str, expires_at: float | None, token: str | None = "token") -> Session:
    """Return a session with these keys."""
    return Session(WHO, Credentials(key, "secret", token, expires_at, "x"), "111122223333", ("x",), "eu-west-1")


class Source:
    """Gives sessions and counts; waits or fails when told so."""

    def __init__(self, clock: list[float], life: float = 3600) -> None:
        self.clock, self.life = clock, life
        self.count = 0
        self.failure: BaseException | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self) -> Session:
        self.count += 1
        number = self.count
        assert self.go_on.wait(30)
        if self.failure is not None:
            raise self.failure
        return session(f"ASIA{number}", self.clock[0] + self.life)


def renewal(source: Source, left: float | None, patience: float = 30.0) -> Renewal:
    """Return a renewal whose session has so many seconds left."""
    first = session("ASIA0", None if left is None else source.clock[0] + left)
    return Renewal(source, first, clock=lambda: source.clock[0], patience=patience)


def key(of: Renewal) -> str:
    """Return the access key that is given out now."""
    return of.session().credentials.access_key_id


def test_good_credentials_are_given_out() -> None:
    """As long as there is enough life in them nothing is renewed, and keys without an end never are."""
    source = Source([NOW])
    lasting, endless = renewal(source, RENEW_SECONDS + 60), renewal(source, None)
    source.clock[0] += 59
    assert (key(lasting), key(endless), source.count) == ("ASIA0", "ASIA0", 0)
    source.clock[0] += 1e9
    assert (key(endless), source.count) == ("ASIA0", 0)


def test_renewal_before_the_end() -> None:
    """Near their end new ones are fetched, once, and given out."""
    source = Source([NOW])
    of = renewal(source, RENEW_SECONDS + 60)
    source.clock[0] += 120
    assert [key(of) for _ in range(5)] == ["ASIA1"] * 5
    assert source.count == 1


def test_short_sessions_are_not_renewed_all_the_time() -> None:
    """Sessions that are always near their end are renewed once in a while, and in time."""
    source = Source([NOW], life=900)
    of = renewal(source, 900)
    keys = set()
    for _ in range(180):  # an hour, in steps of twenty seconds
        source.clock[0] += 20
        found = of.session()
        keys.add(found.credentials.access_key_id)
        assert (found.credentials.expires_at or 0) - source.clock[0] > 600
    assert 2 < source.count <= 60
    assert len(keys) == source.count + 1


def test_a_slow_renewal_holds_nobody_up() -> None:
    """While new ones are fetched the old ones are given out after a moment; a hundred requests fetch once."""
    source = Source([NOW])
    of = renewal(source, RENEW_SECONDS + 1, patience=0.01)
    source.clock[0] += 100
    source.go_on.clear()
    assert [key(of) for _ in range(100)] == ["ASIA0"] * 100
    assert source.count == 1
    source.go_on.set()
    source.clock[0] += RENEW_SECONDS
    assert key(of) == "ASIA1"


def test_dead_credentials_are_waited_for() -> None:
    """Without any life in the old ones, everybody waits for the one renewal."""
    source = Source([NOW])
    of = renewal(source, -1)
    source.go_on.clear()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(key(of))) for _ in range(20)]
    for thread in threads:
        thread.start()
    source.go_on.set()
    for thread in threads:
        thread.join()
    assert found == ["ASIA1"] * 20
    assert source.count == 1


def test_failures() -> None:
    """A failed renewal shows when the old ones are dead, is not repeated at once, and is over when one works."""
    source = Source([NOW])
    of = renewal(source, 600)
    source.failure = CredentialsError("sign in", hint="run: eksauth login x")
    source.clock[0] += 301
    assert (key(of), source.count) == ("ASIA0", 1)
    assert (key(of), source.count) == ("ASIA0", 1)
    source.clock[0] += 300
    with pytest.raises(CredentialsError, match="sign in"):
        of.session()
    assert source.count == 2
    with pytest.raises(CredentialsError, match="sign in"):
        of.session()
    assert source.count == 2
    source.failure = ZeroDivisionError("secret")
    source.clock[0] += 6
    with pytest.raises(EksauthError, match=r"internal error \(ZeroDivisionError\)"):
        of.session()
    source.failure = None
    source.clock[0] += 6
    assert key(of) == "ASIA4"


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """After the clock went back, credentials are still renewed."""
    source = Source([NOW])
    of = renewal(source, 600)
    source.failure = CredentialsError("no")
    source.clock[0] += 601
    with pytest.raises(CredentialsError):
        of.session()
    source.failure = None
    source.clock[0] -= 2000
    assert (key(of), source.count) == ("ASIA0", 1)
    source.clock[0] += 3000
    assert (key(of), source.count) == ("ASIA2", 2)


@pytest.fixture(name="source")
def source_() -> Source:
    """Give a source on the real clock."""
    return Source([time.time()])


@pytest.fixture(name="endpoint")
def endpoint_(source: Source) -> Iterator[Endpoint]:
    """Give a running endpoint."""
    with renewing_endpoint(renewal(source, 7200)) as endpoint:
        yield endpoint


def ask(
    endpoint: Endpoint, method: str = "GET", path: str | None = None, **headers: str
) -> tuple[int, dict[str, str], dict[str, str]]:
    """Send one request and return status, headers and the JSON answer."""
    parts = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, parts.path if path is None else path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, dict(answer.headers), json.loads(body) if is_json else {}
    finally:
        connection.close()


def test_what_is_answered(endpoint: Endpoint, source: Source) -> None:
    """Who knows the token gets the document of the protocol, which nobody may keep."""
    status, headers, document = ask(endpoint, Authorization=endpoint.token)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert document["Expiration"].endswith("Z")
    del document["Expiration"]
    assert document == {
        "AccessKeyId": "ASIA0",
        "SecretAccessKey": "secret",
        "Token": "token",
        "AccountId": "111122223333",
    }


@pytest.mark.parametrize(
    "request_, status",
    [
        ({}, 403),
        ({"Authorization": ""}, 403),
        ({"Authorization": "wrong"}, 403),
        ({"Authorization": "TOKEN"}, 200),
        ({"Authorization": "Bearer TOKEN"}, 403),
        ({"Authorization": "TOKENx"}, 403),
        ({"Authorization": "\xff"}, 403),
        ({"Authorization": "TOKEN", "Host": "evil.example"}, 404),
        ({"Authorization": "TOKEN", "Host": "localhost:PORT"}, 404),
        ({"Authorization": "TOKEN", "path": "/"}, 404),
        ({"Authorization": "TOKEN", "path": "/credentials?x"}, 404),
        ({"Authorization": "TOKEN", "path": "/credentials/../credentials"}, 404),
        ({"Authorization": "TOKEN", "method": "POST"}, 501),
        ({"Authorization": "TOKEN", "method": "OPTIONS"}, 501),
    ],
    ids=str,
)
def test_who_gets_nothing(request_: dict[str, str], status: int, endpoint: Endpoint) -> None:
    """Wrong tokens, names and methods get nothing, and no header that would let a web page in."""
    port = endpoint.url.rpartition(":")[2].partition("/")[0]
    given = {name: text.replace("TOKEN", endpoint.token).replace("PORT", port) for name, text in request_.items()}
    found, headers, document = ask(endpoint, given.pop("method", "GET"), given.pop("path", None), **given)
    assert found == status
    assert "Access-Control-Allow-Origin" not in headers
    assert ("SecretAccessKey" in document) is (status == 200)


def test_failures_are_told(source: Source) -> None:
    """The child hears why there are no credentials, and which command helps."""
    source.failure = CredentialsError("somebody has to sign in", hint="run: eksauth login x")
    with renewing_endpoint(renewal(source, -1)) as endpoint:
        status, _, document = ask(endpoint, Authorization=endpoint.token)
    assert status == 500
    assert document == {
        "code": "credentials",
        "message": "eksauth: somebody has to sign in (run: eksauth login x)",
    }


def test_after_the_end_nobody_listens(source: Source) -> None:
    """When the block ends the port is closed and no thread is left."""
    before = threading.active_count()
    with renewing_endpoint(renewal(source, 7200)) as endpoint:
        assert ask(endpoint, Authorization=endpoint.token)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(endpoint)
    assert threading.active_count() <= before


def test_tokens_are_random_and_hidden(endpoint: Endpoint, source: Source) -> None:
    """Every child has a token of its own, and no representation shows it."""
    with renewing_endpoint(renewal(source, 7200)) as other:
        assert other.token != endpoint.token
        assert len(other.token) >= 43
    assert endpoint.token not in repr(endpoint)


def test_idle_connections_block_nobody(endpoint: Endpoint) -> None:
    """Connections that say nothing do not keep others out."""
    parts = urlsplit(endpoint.url)
    idle = [http.client.HTTPConnection(parts.netloc) for _ in range(30)]
    for connection in idle:
        connection.connect()
    try:
        assert ask(endpoint, Authorization=endpoint.token)[0] == 200
    finally:
        for connection in idle:
            connection.close()


def test_botocore_renews_across_the_end(monkeypatch: pytest.MonkeyPatch, source: Source) -> None:
    """botocore, asked again and again by one long-lived client, gets new keys when the old ones near their end."""
    of = Renewal(source, session("ASIA0", time.time() + 4), clock=time.time)
    source.life = 3600
    source.clock = _Now()  # type: ignore[assignment]
    with renewing_endpoint(of) as endpoint:
        for name, value in endpoint.variables().items():
            monkeypatch.setenv(name, value)
        credentials = botocore.session.Session().get_credentials()
        assert credentials.get_frozen_credentials().access_key in {"ASIA0", "ASIA1"}
        deadline = time.monotonic() + 30
        while credentials.get_frozen_credentials().access_key != "ASIA1":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert credentials.get_frozen_credentials().token == "token"
    assert replace(of.session()).credentials.access_key_id == "ASIA1"


class _Now:
    def __getitem__(self, _: int) -> float:
        return time.time()


def test_a_renewal_that_has_begun_is_finished() -> None:
    """A child that ends while its credentials are renewed does not take a refresh token with it that was just used."""
    clock = [NOW]
    source = Source(clock)
    source.go_on.clear()
    of = renewal(source, 100, patience=0.01)
    clock[0] += 60
    with renewing_endpoint(of):
        assert key(of) == "ASIA0"
        threading.Timer(0.2, source.go_on.set).start()

    assert key(of) == "ASIA1"


def test_listening_looks_no_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose name service hangs starts programs as quickly as any other."""
    asked: list[str] = []
    monkeypatch.setattr("socket.getfqdn", asked.append)
    with renewing_endpoint(renewal(Source([NOW]), 3600)):
        pass
    assert asked == []
