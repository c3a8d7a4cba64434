"""A workload's certificate becomes a role at a service that verifies signature, chain, profile and trust policy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.credentials.federation_kit import HEAD, Room, room_in
from tests.credentials.roles_anywhere.pairs import Pair, make, new_rsa, write
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.errors import EksauthError
from eksauth.sandbox.aws.roles_anywhere.seeded import SeededWorkload


@pytest.fixture(name="aws", scope="module")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for this module."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@pytest.fixture(name="room")
def room_(aws: ServedAws, home: Path) -> Iterator[Room]:
    """Return a room on that endpoint, with the seeded certificate in its files."""
    with room_in(aws, home) as room:
        _lay(room, _workload(room).certificate, _workload(room).private_key)
        _configure(room)
        yield room


def _workload(room: Room) -> SeededWorkload:
    assert room.aws.seed.workload is not None
    return room.aws.seed.workload


def _lay(room: Room, certificate: str | bytes, key: str | bytes) -> None:
    for name, content in (("cert.pem", certificate), ("key.pem", key)):
        write(room.path.with_name(name), content.encode() if isinstance(content, str) else content)


def _configure(room: Room, **principal: object) -> None:
    workload = _workload(room)
    settings = {
        "assume_role": workload.role_arn,
        "trust_anchor_arn": workload.trust_anchor_arn,
        "profile_arn": workload.profile_arn,
        "certificate": room.path.with_name("cert.pem"),
        "private_key": room.path.with_name("key.pem"),
        **principal,
    }
    lines = "".join([f"        {name}: '{value}'\n" for name, value in settings.items()])
    room.write_text(f"{HEAD}  identities:\n    host:\n      kind: aws/roles-anywhere\n      principal:\n{lines}")


def _issue(room: Room, name: str) -> dict[str, Any]:
    found: dict[str, Any] = room.aws.control("POST", "rolesanywhere/certificates", {"common_name": name})
    return found


def _refused(room: Room) -> EksauthError:
    with pytest.raises(EksauthError) as caught:
        room.be("host", use_cache=False)
    return caught.value


def test_a_workload_becomes_its_role(room: Room) -> None:
    """The session is named after the certificate's serial number, and lasts as long as the profile says."""
    session = room.be("host")

    serial = x509.load_pem_x509_certificate(_workload(room).certificate.encode()).serial_number
    name = _workload(room).role_arn.rpartition("/")[2]
    assert room.who(session).endswith(f":assumed-role/{name}/{serial:x}")
    assert (session.credentials.expires_at or 0) > time.time() + 800
    assert room.be("host").credentials.access_key_id == session.credentials.access_key_id


def test_a_renewed_certificate_counts_at_once(room: Room) -> None:
    """Credentials that were cached for another certificate are not used."""
    first = room.be("host").credentials.access_key_id
    issued = _issue(room, _workload(room).common_name)
    _lay(room, issued["certificate"], issued["private_key"])

    assert room.be("host").credentials.access_key_id != first


def test_a_shorter_session(room: Room) -> None:
    """The configured duration is the one that is asked for."""
    _configure(room, duration="15m")

    assert (room.be("host").credentials.expires_at or 0) <= time.time() + 901


def _of_another_authority() -> Pair:
    now = time.time()
    authority = make("other", ca=True, starts=now - 60, ends=now + 3600)
    return make("host", authority, key=new_rsa(), starts=now - 60, ends=now + 3600)


def test_refusals(room: Room) -> None:
    """Other authorities, revoked certificates, other names and roles are refused, with the place to look at."""
    stranger = _of_another_authority()
    _lay(room, stranger.certificate_pem(), stranger.key_pem())
    error = _refused(room)
    assert "authority of the trust anchor" in str(error.hint), error
    assert str(stranger.certificate.serial_number) in str(error)

    issued = _issue(room, _workload(room).common_name)
    room.aws.control("POST", "rolesanywhere/revoke", {"serial": issued["serial"]})
    _lay(room, issued["certificate"], issued["private_key"])
    assert "evoked" in str(_refused(room))

    _lay(room, _workload(room).certificate, _workload(room).private_key)
    _configure(
        room, assume_role=room.trust("NotInProfile", {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"})
    )
    error = _refused(room)
    assert "sts:SetSourceIdentity" in str(error.hint), error

    _configure(room, session_name="mine")
    error = _refused(room)
    assert "principal.session_name" in str(error.hint), error

    _configure(room, trust_anchor_arn=f"{_workload(room).trust_anchor_arn}0")
    assert _refused(room).code == "aws.ResourceNotFoundException"


def test_a_disabled_anchor(room: Room) -> None:
    """A trust anchor that somebody switched off is named as what may be wrong."""
    switch = {"arn": _workload(room).trust_anchor_arn}
    room.aws.control("PUT", "rolesanywhere/enabled", {**switch, "enabled": False})
    try:
        assert "must be enabled" in str(_refused(room).hint)
    finally:
        room.aws.control("PUT", "rolesanywhere/enabled", {**switch, "enabled": True})


def test_the_clock_is_off(room: Room) -> None:
    """A clock that is far off is what the error is about, not the certificate."""
    with pytest.raises(EksauthError) as caught:
        room.be("host", use_cache=False, clock=lambda: time.time() - 1200)
    assert caught.value.code == "roles_anywhere.clock"
    assert "seconds off" in str(caught.value)
