"""IAM users with a second factor: who is asked for the code, when, and what is never asked or run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from tests.credentials.identities.kit import ADMIN, READER, SERIAL, Place
from tests.credentials.people import Typist

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import Session, authenticate
from eksauth.credentials.identities.contract import Human, NeedsHuman
from eksauth.errors import AwsError, CredentialsError, EksauthError
from eksauth.sandbox.aws.mfa import one_time_code

ROLES = f"""\
admin:
  kind: aws/assume-role
  via: {{identity: alice}}
  principal: {{assume_role: "{ADMIN}"}}
reader:
  kind: aws/assume-role
  via: {{identity: alice}}
  principal: {{assume_role: "{READER}"}}
"""


def alice(place: Place, more: str = "") -> str:
    """Return the user alice with her device, and two roles behind her."""
    user = place.aws.seed.users["alice"]
    return (
        "alice:\n  kind: aws/user\n  credentials:\n"
        f"    access_key_id: {user.access_key_id}\n    secret_access_key: {user.secret_access_key}\n"
        f'    mfa_arn: "{SERIAL}"\n{more}' + ROLES
    )


def code(place: Place) -> str:
    """Return what alice's device shows now."""
    return one_time_code(place.give_mfa(), now=place.aws.cloud.now())


def test_nobody_there(place: Place) -> None:
    """Without a person it fails before AWS is asked, and the hint is the one command, for the identity asked for."""
    place.write(alice(place))
    for _ in range(2):
        with pytest.raises(NeedsHuman) as caught:
            place.be("admin")
        assert caught.value.hint == "run: eksauth login admin"
        assert SERIAL in caught.value.message
    assert place.requests() == 0


def test_asked_once_for_all_roles(place: Place) -> None:
    """The person types one code; every role behind the user is made with that session, and it had the second factor."""
    place.write(alice(place))
    person = Typist(code(place))
    admin = place.be("admin", human=person)
    assert person.asked == [(f"MFA code of {SERIAL}", True)]
    assert place.caller(place.be("alice")).mfa is True
    place.be("reader")
    assert place.count("GetSessionToken") == 1
    assert place.be("admin").credentials.access_key_id == admin.credentials.access_key_id


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12345\uff16", "123 4567"])
def test_what_is_no_code_is_not_sent(place: Place, typed: str) -> None:
    """Anything but six digits is refused here."""
    place.write(alice(place))
    with pytest.raises(CredentialsError, match="six digits"):
        place.be("admin", human=Typist(typed))
    assert place.requests() == 0


def test_wrong_code(place: Place) -> None:
    """A wrong code is AWS's refusal, and nothing is kept of it."""
    right = code(place)
    place.write(alice(place))
    with pytest.raises(AwsError, match="denied getting a session for alice"):
        place.be("admin", human=Typist(f"{(int(right) + 500_000) % 1_000_000:06d}"))
    with pytest.raises(NeedsHuman):
        place.be("admin")


def test_session_lasts_as_long_as_configured(place: Place) -> None:
    """Twelve hours by default, and what ``session.duration`` says within STS's limits."""
    place.write(alice(place, "").replace(f'    mfa_arn: "{SERIAL}"\n', ""))
    assert round(place.life(place.be("alice"))) == 43200
    place.write(alice(place, "  session: {duration: 30m}\n").replace(f'    mfa_arn: "{SERIAL}"\n', ""))
    assert round(place.life(place.be("alice"))) == 1800


def process(path: Path, body: str) -> str:
    """Write a program and return how ``mfa_process`` names it."""
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return f"    mfa_process: {path}\n"


def test_process_prints_the_code(place: Place, tmp_path: Path) -> None:
    """``mfa_process`` stands for the person: the session is renewed with nobody there."""
    seed = place.give_mfa()
    body = f"import time\nfrom eksauth.sandbox.aws.mfa import one_time_code\nprint(one_time_code({seed!r}, now=time.time()))"
    place.write(alice(place, process(tmp_path / "totp", body)))
    assert place.caller(place.be("admin")).is_role
    assert place.count("GetSessionToken") == 1


@pytest.mark.parametrize(
    "body, words",
    [
        ("print('no code')", "did not print a code"),
        ("print('1234567')", "did not print a code"),
        ("import sys; print('locked', file=sys.stderr); sys.exit(3)", "exit code 3: locked"),
        ("pass", "printed nothing"),
        ("print('1' * 5000)", "more than"),
    ],
    ids=["words", "too long", "fails", "silent", "endless"],
)
def test_process_fails(place: Place, tmp_path: Path, body: str, words: str) -> None:
    """A program that gives no code is named with what went wrong, and AWS is not asked."""
    place.write(alice(place, process(tmp_path / "totp", body)))
    with pytest.raises(CredentialsError, match=words) as caught:
        place.be("admin")
    assert caught.value.hint
    assert place.requests() == 0


def found_by_search(place: Place) -> AuthConfig:
    """Read the configuration as somebody finds it whose working directory it lies in."""
    config = load_config(os.environ, cwd=place.path.parent)
    assert config.searched
    return config


def be(config: AuthConfig, name: str, human: Human | None = None) -> Session:
    """Become an identity of a configuration that is at hand."""
    return authenticate(config, find_identity(config, name), environ=os.environ, human=human)


def test_nothing_is_run_for_a_file_that_nobody_named(place: Place, tmp_path: Path) -> None:
    """A configuration that came with a repository runs no program of its own, but works once somebody signed in."""
    seed, mark = place.give_mfa(), tmp_path / "ran"
    body = (
        f"import time, pathlib\npathlib.Path({str(mark)!r}).touch()\n"
        f"from eksauth.sandbox.aws.mfa import one_time_code\nprint(one_time_code({seed!r}, now=time.time()))"
    )
    place.write(alice(place, process(tmp_path / "totp", body)))
    config = found_by_search(place)
    with pytest.raises(NeedsHuman) as caught:
        be(config, "admin")
    assert caught.value.code == "credentials.untrusted_config"
    assert caught.value.hint == f"run: eksauth login admin, or name the file: --config {place.path}"
    assert not mark.exists()
    be(config, "admin", Typist())
    assert mark.exists()
    mark.unlink()
    assert be(config, "admin").account
    assert not mark.exists()


def test_no_host_of_a_file_that_nobody_named(place: Place) -> None:
    """A configuration that came with a repository sends no keys to its own endpoint."""
    place.write(
        alice(place, '  spec: {endpoint_url: "https://127.0.0.1:9"}\n').replace(f'    mfa_arn: "{SERIAL}"\n', "")
    )
    with pytest.raises(NeedsHuman, match="endpoint_url"):
        be(found_by_search(place), "alice")
    with pytest.raises(EksauthError, match="cannot reach"):
        place.be("alice")
    assert place.requests() == 0


def test_stored_keys(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are not in the configuration are asked for once, kept encrypted, and then used with nobody there."""
    user = place.aws.seed.users["alice"]
    monkeypatch.setenv("EKSAUTH_KEYRING_PASSWORD", "correct horse")
    place.write("alice:\n  kind: aws/user\n" + ROLES, "  keyring: {type: file}\n")
    with pytest.raises(NeedsHuman, match="no keys are stored") as caught:
        place.be("admin")
    assert caught.value.hint == "run: eksauth login admin"
    person = Typist(user.access_key_id, user.secret_access_key)
    first = place.be("admin", human=person)
    assert len(person.asked) == 2
    assert first.account == user.account
    assert place.be("admin", fresh=True).account == user.account
    for path in place.path.parent.rglob("*"):
        if path.is_file():
            assert user.secret_access_key.encode() not in path.read_bytes(), path


def test_half_a_pair(place: Place) -> None:
    """One half of a pair of keys is an error of the configuration, with its place."""
    place.write("alice:\n  kind: aws/user\n  credentials: {access_key_id: AKIDEXAMPLEAKIDEXAMP}\n")
    with pytest.raises(EksauthError, match=r"eksauth\.yaml:\d+"):
        place.be("alice")


def test_device_on_the_role_call(place: Place) -> None:
    """A role that asks for a code itself gets it with the call; a session that cannot have one says who must sign in."""
    trust_code = code(place)
    user = place.aws.seed.users["alice"]
    place.write(
        f"""\
base:
  kind: aws/profile
  principal: {{profile: base}}
admin:
  kind: aws/assume-role
  via: {{identity: base}}
  principal: {{assume_role: "{ADMIN}", mfa_serial: "{SERIAL}"}}
"""
    )
    (place.path.parent / ".aws").mkdir()
    (place.path.parent / ".aws" / "credentials").write_text(
        f"[base]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n"
    )
    with pytest.raises(NeedsHuman):
        place.be("admin")
    session = place.be("admin", human=Typist(trust_code))
    assert place.caller(session).is_role
    assert place.be("admin").credentials.expires_at == session.credentials.expires_at
    assert session.credentials.expires_at is not None
    assert session.credentials.expires_at > time.time() + 3000
