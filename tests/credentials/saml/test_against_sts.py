"""Signed SAML responses become exactly the configured role at an STS that verifies them."""

from __future__ import annotations

import base64
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.credentials.federation_kit import HEAD, Room, room_in
from tests.credentials.people import Typist
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.saml.exchange import session_seconds
from eksauth.errors import EksauthError
from eksauth.sandbox.aws.seed import ACCOUNT


@pytest.fixture(name="aws", scope="module")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for this module."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@pytest.fixture(name="room")
def room_(aws: ServedAws, home: Path) -> Iterator[Room]:
    """Return a room on that endpoint."""
    with room_in(aws, home) as room:
        yield room


def _response(room: Room, **changes: Any) -> str:
    body = {"user_name": room.seeded.saml.user_name, "changes": changes}
    return str(room.aws.control("POST", "saml/responses", body)["response"])


def _from_file(room: Room, response: str, role: str | None = None, *, duration: str = "", provider: str = "") -> None:
    """Write a response to a file, and a configuration that takes it from there."""
    path = room.path.with_name("response")
    path.write_text(response)
    wanted = f", duration: {duration}" if duration else ""
    session = f", session: {{duration: {provider}}}" if provider else ""
    room.write_text(
        f"{HEAD}  providers:\n    up: {{kind: aws/saml, region: us-west-2{session}, spec: {{assertion: {{file: '{path}'}}}}}}\n"
        "  identities:\n    be: {kind: aws/assume-role, via: {provider: up}, "
        f"principal: {{assume_role: '{role or room.seeded.saml.role_arns[0]}'{wanted}}}}}\n"
    )


def _life(room: Room) -> float:
    return round((room.be("be", use_cache=False).credentials.expires_at or 0) - time.time(), -2)


@pytest.mark.parametrize("number", [0, 1])
def test_the_configured_role(room: Room, number: int) -> None:
    """Of the roles that the response offers, the configured one is assumed, in one call and as the person."""
    role = room.seeded.saml.role_arns[number]
    log = room.aws.endpoint.cloud.log
    before = log.count("sts:AssumeRole"), log.count("sts:AssumeRoleWithSAML")
    _from_file(room, _response(room), role)
    session = room.be("be")

    name = role.rpartition("/")[2]
    assert room.who(session) == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/erin@example.com"
    assert (log.count("sts:AssumeRole"), log.count("sts:AssumeRoleWithSAML")) == (before[0], before[1] + 1)


@pytest.mark.parametrize(
    "change", [lambda arn: arn[:-1], lambda arn: f"{arn}2", str.lower, lambda arn: arn.replace("Admin", "Owner")]
)
def test_a_role_that_is_not_offered(room: Room, change: Callable[[str], str]) -> None:
    """A role that only resembles an offered one is not assumed, nor another one instead; the offers are listed."""
    role = change(room.seeded.saml.role_arns[0])
    _from_file(room, _response(room), role)
    log = room.aws.endpoint.cloud.log
    before = log.count("sts:AssumeRoleWithSAML")

    with pytest.raises(EksauthError, match="does not offer") as caught:
        room.be("be")
    assert caught.value.code == "saml.role_not_offered"
    for offered in room.seeded.saml.role_arns:
        assert offered in str(caught.value.hint)
    assert log.count("sts:AssumeRoleWithSAML") == before


def test_a_response_that_offers_nothing(room: Room) -> None:
    """A response without roles is told apart, with the attribute that is missing."""
    _from_file(room, _response(room, attributes={"Role": None}))

    with pytest.raises(EksauthError) as caught:
        room.be("be")
    assert caught.value.code == "saml.no_roles"
    assert "SAML/Attributes/Role" in str(caught.value.hint)


@pytest.mark.parametrize(
    "wanted, provider, allowed, life",
    [
        pytest.param("", "", None, 3600, id="STS's own hour"),
        pytest.param("2h", "", None, 7200, id="the identity's"),
        pytest.param("", "2h", None, 7200, id="the provider's"),
        pytest.param("2h", "3h", None, 7200, id="the identity's before the provider's"),
        pytest.param("2h", "", "1800", 1800, id="no longer than the identity provider allows"),
        pytest.param("12h", "", "36000", 36000, id="long sessions"),
    ],
)
def test_how_long(room: Room, wanted: str, provider: str, allowed: str | None, life: int) -> None:
    """The duration is the configured one, within what the identity provider allows."""
    attributes = {"SessionDuration": [allowed]} if allowed else {}
    _from_file(room, _response(room, attributes=attributes), duration=wanted, provider=provider)

    assert _life(room) == life


@pytest.mark.parametrize(
    "wanted, allowed, expected",
    [
        (None, None, None),
        (None, 900, None),
        (60, None, 900),
        (99999, None, 43200),
        (7200, 10, 900),
        (7200, 10**9, 7200),
    ],
)
def test_limits_of_durations(wanted: int | None, allowed: int | None, expected: int | None) -> None:
    """Whatever is written somewhere, STS is asked for what it can give."""
    assert session_seconds(wanted, allowed) == expected


def test_refusals(room: Room) -> None:
    """Expired responses, other issuers and audiences, broken signatures and closed roles are told apart."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": room.seeded.saml.provider_arn},
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": {"StringEquals": {"SAML:sub": "somebody else"}},
    }
    closed = room.trust("SamlClosed", statement)
    absent = room.seeded.saml.provider_arn.replace("SandboxIdp", "Absent")
    role = room.seeded.saml.role_arns[0]
    document = base64.b64decode(_response(room)).decode()
    start = document.index("SignatureValue>") + 15
    forged = document[:start] + ("A" if document[start] != "A" else "B") + document[start + 1 :]
    cases = [
        (
            _response(room, attributes={"Role": [f"{closed},{room.seeded.saml.provider_arn}"]}),
            closed,
            "aws.AccessDenied",
            "SAML:aud",
        ),
        (_response(room, issued_at=time.time() - 900), role, "saml.expired", "clock"),
        (_response(room, issuer="https://other.example.com"), role, "saml.issuer", "metadata"),
        (_response(room, audience="urn:other"), role, "saml.not_accepted", "audience"),
        (base64.b64encode(forged.encode()).decode(), role, "saml.signature", "certificate"),
        (_response(room, attributes={"Role": [f"{role},{absent}"]}), role, "saml.no_provider", "Role attribute"),
        (_response(room, status="urn:oasis:names:tc:SAML:2.0:status:Responder"), role, "saml.refused", "assigned"),
    ]
    for response, wanted, code, hint in cases:
        _from_file(room, response, wanted)
        with pytest.raises(EksauthError) as caught:
            room.be("be", use_cache=False)
        assert (caught.value.code, hint in str(caught.value.hint)) == (code, True), (caught.value, caught.value.hint)
        assert response[:40] not in f"{caught.value} {caught.value.hint}"


def test_too_long_a_session(room: Room) -> None:
    """A duration beyond the role's maximum is told as that."""
    _from_file(room, _response(room), room.seeded.saml.role_arns[1], duration="12h")

    with pytest.raises(EksauthError, match="sessions that long"):
        room.be("be")


def _sign_in(room: Room) -> Callable[[str], None]:
    """Return somebody who fills in the sign-in page and lets the form go where it wants."""

    def person(url: str) -> None:
        acs = parse_qs(urlsplit(url).query)["acs"][0]
        form = {"user_name": room.seeded.saml.user_name, "password": room.seeded.saml.password, "acs": acs}
        status, _, page = room.aws.send("POST", "/saml/idp", urlencode(form).encode(), _FORM)
        assert status == 200
        response = page.decode().split('name="SAMLResponse" value="')[1].split('"')[0]
        request = urllib.request.Request(acs, urlencode({"SAMLResponse": response}).encode(), _FORM)
        urllib.request.urlopen(request, timeout=20).close()

    return lambda url: threading.Thread(target=person, args=(url,)).start()


_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "null"}


def test_somebody_signs_in(room: Room) -> None:
    """A person who signs in at the page becomes the role; afterwards nobody is needed until that ends."""
    url = f"{room.aws.url}{room.seeded.saml.sign_in_path}?acs={{acs}}"
    room.write(("be", room.seeded.saml.role_arns[0]), provider=f"{{kind: aws/saml, region: us-west-2, url: '{url}'}}")
    with pytest.raises(NeedsHuman) as caught:
        room.be("be")
    assert caught.value.hint == "run: eksauth login be"
    session = room.be("be", Typist(browse=_sign_in(room)))

    assert "assumed-role/SamlAdmin/erin@example.com" in room.who(session)
    assert room.be("be").credentials.access_key_id == session.credentials.access_key_id


def test_one_sign_in_for_several_roles(room: Room) -> None:
    """Roles that are wanted one after the other come from one sign-in, unless a fresh one is wanted."""
    url = f"{room.aws.url}{room.seeded.saml.sign_in_path}?acs={{acs}}"
    first, second = room.seeded.saml.role_arns
    room.write(("one", first), ("two", second), provider=f"{{kind: aws/saml, region: us-west-2, url: '{url}'}}")
    human = Typist(browse=_sign_in(room))

    assert "SamlAdmin" in room.who(room.be("one", human))
    assert "SamlReader" in room.who(room.be("two", human))
    assert len(human.browsed) == 1
    room.be("two", human, fresh=True)
    assert len(human.browsed) == 2


def test_the_providers_endpoint(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint_url of the provider is where its roles are asked for."""
    _from_file(room, _response(room))
    text = room.path.read_text().replace("spec: {", f"spec: {{endpoint_url: '{room.aws.url}', ")
    room.write_text(text)
    monkeypatch.delenv("AWS_ENDPOINT_URL")

    assert room.be("be").credentials.source == "identity be"


def test_settings_that_cannot_go_along(room: Room) -> None:
    """What AssumeRoleWithSAML cannot be told is an error, not left out without a word."""
    _from_file(room, _response(room))
    room.write_text(room.path.read_text().replace("principal: {", "principal: {source_identity: erin, "))

    with pytest.raises(EksauthError, match=r"principal\.source_identity cannot go"):
        room.be("be")
