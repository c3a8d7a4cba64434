"""Chains against a strict STS: what is asked, what is cached, what is shared, and who may be asked."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from tests.credentials.identities.kit import ADMIN, READER, Place

from eksauth.credentials.cache import cache_directory
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import cached_session, forget
from eksauth.credentials.identities.walk import LAST_SECONDS
from eksauth.credentials.index_store import remember
from eksauth.errors import AwsError, AwsUnreachable, ConfigError, CredentialsError
from eksauth.sandbox.aws.faults import OrderedFault
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT

CHAIN = f"""\
{{alice}}
admin:
  kind: aws/assume-role
  via: {{identity: alice}}
  principal: {{assume_role: "{ADMIN}"}}
reader:
  kind: aws/assume-role
  via: {{identity: alice}}
  principal: {{assume_role: "{READER}"}}
partner:
  kind: aws/assume-role
  via: {{identity: admin}}
  principal: {{assume_role: "arn:aws:iam::{OTHER_ACCOUNT}:role/partners/PartnerRole"}}
"""


def test_user_then_role(place: Place) -> None:
    """A role behind a user is reached with the user's session; the session is named after the human."""
    place.write(CHAIN)
    session = place.be("Admin")
    assert session.chain == ("alice", "admin")
    assert session.account == ACCOUNT
    assert session.region == "us-east-1"
    assert place.who(session) == f"arn:aws:sts::{ACCOUNT}:assumed-role/EksAdmin/alice"
    assert place.count("GetSessionToken") == place.count("AssumeRole") == 1


def test_the_name_follows_through_several_roles(place: Place) -> None:
    """A role behind a role carries the same human, and belongs to its own account."""
    place.write(CHAIN)
    session = place.be("partner")
    assert session.account == OTHER_ACCOUNT
    assert session.chain == ("alice", "admin", "partner")
    assert place.who(session).endswith("assumed-role/PartnerRole/alice")


def test_second_time_asks_nobody(place: Place) -> None:
    """What is cached needs no network, and is the same."""
    place.write(CHAIN)
    first = place.be("admin")
    before = place.requests()
    second = place.be("admin")
    assert second.credentials.access_key_id == first.credentials.access_key_id
    assert second.account == first.account
    assert place.requests() == before


def test_links_are_shared(place: Place) -> None:
    """Two roles behind one user share the user's session."""
    place.write(CHAIN)
    place.be("admin")
    place.be("reader")
    assert place.count("GetSessionToken") == 1
    assert place.count("AssumeRole") == 2


@pytest.mark.parametrize(
    "change, asks",
    [
        (lambda text: text + "# a remark\n", False),
        (lambda text: text.replace("kind: aws/assume-role\n", "kind: aws/assume-role\n      tags: [x]\n"), False),
        (lambda text: text.replace(f'"{ADMIN}"', f'"{ADMIN}", session_name: me'), True),
        (lambda text: text.replace(f'"{ADMIN}"', f'"{ADMIN}", region: eu-west-1'), True),
        (lambda text: text.replace(f'"{ADMIN}"', f'"{ADMIN}", duration: 30m'), True),
        (lambda text: text.replace("auth:\n", "auth:\n  realm: other\n"), True),
    ],
    ids=["remark", "tag", "session name", "region", "duration", "realm"],
)
def test_what_made_the_credentials_is_their_key(place: Place, change: object, asks: bool) -> None:
    """A change to anything that STS was told, or to the realm, asks again; a remark does not."""
    assert callable(change)
    place.write(CHAIN)
    place.be("admin")
    text = place.path.read_text()
    changed = change(text)
    assert changed != text
    place.path.write_text(changed)
    before = place.count("AssumeRole")
    place.be("admin")
    assert place.count("AssumeRole") - before == asks


def test_realm_flag_separates(place: Place) -> None:
    """Another realm is another session."""
    place.write(CHAIN)
    one = place.be("admin").credentials.access_key_id
    assert place.be("admin", realm="red").credentials.access_key_id != one
    assert place.be("admin", realm="").credentials.access_key_id == one


def test_endpoint_separates(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of one AWS are never used with another."""
    place.write(CHAIN)
    place.be("admin")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(AwsUnreachable):
        place.be("admin")


def test_fresh_asks_for_every_link(place: Place) -> None:
    """A fresh login gets every link anew, and keeps it."""
    place.write(CHAIN)
    first = place.be("admin")
    fresh = place.be("admin", fresh=True)
    assert fresh.credentials.access_key_id != first.credentials.access_key_id
    assert place.count("GetSessionToken") == place.count("AssumeRole") == 2
    assert place.be("admin").credentials.access_key_id == fresh.credentials.access_key_id


def test_without_cache_nothing_stays(place: Place) -> None:
    """Without the cache every link is asked for, and nothing is left on disk."""
    place.write(CHAIN)
    for _ in range(2):
        place.be("admin", use_cache=False)
    assert place.count("GetSessionToken") == place.count("AssumeRole") == 2
    assert not Path(str(cache_directory(os.environ))).exists()


def test_revoked_link_heals(place: Place) -> None:
    """A cached session that AWS no longer knows is replaced once, and nobody hears of it."""
    place.write(CHAIN)
    place.be("admin")
    config = place.config()
    user = cached_session(config, find_identity(config, "alice"), environ=os.environ, now=time.time())
    assert user is not None
    assert place.aws.cloud.sessions.expire(user.credentials.access_key_id, time.time() - 1)
    place.be("reader")
    assert place.count("GetSessionToken") == 2


def test_wrong_keys_do_not_loop(place: Place) -> None:
    """Keys that AWS does not know are an error with a hint after one try, and no secret in it."""
    place.write(CHAIN)
    secret = place.aws.seed.users["alice"].secret_access_key
    place.path.write_text(place.path.read_text().replace(secret, "x" * 40))
    with pytest.raises(CredentialsError) as caught:
        place.be("admin")
    assert caught.value.code == "credentials.bad_signature"
    assert (caught.value.hint or "").startswith(f"correct them at {place.path}:3:5")
    assert "xxxx" not in caught.value.message
    assert place.requests() == 1


def test_denied_role(place: Place) -> None:
    """A role that does not trust the caller is AWS's refusal, not a missing login."""
    place.write(CHAIN.replace("EksReadOnly", "NoSuchRole"))
    with pytest.raises(AwsError, match="denied assuming"):
        place.be("reader")


def test_last_minutes_are_used_when_renewal_fails(place: Place) -> None:
    """With AWS out of reach the credentials are used to near their end, with a warning; then no more."""
    place.write(CHAIN)
    first = place.be("admin")
    assert first.credentials.expires_at is not None
    end = first.credentials.expires_at
    place.aws.cloud.faults.order(OrderedFault(kind="reset", count=None))
    late = place.be("admin", now=end - LAST_SECONDS - 1)
    assert late.credentials.access_key_id == first.credentials.access_key_id
    (warning,) = late.warnings
    assert "cannot be renewed" in warning
    with pytest.raises(AwsUnreachable):
        place.be("admin", now=end - LAST_SECONDS + 1)


def test_threads_make_one_request(place: Place) -> None:
    """Eight at once walk the chain once."""
    place.write(CHAIN)
    place.aws.cloud.faults.order(OrderedFault(kind="latency", seconds=0.2, count=None, action="AssumeRole"))
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(place.be("admin").credentials.access_key_id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert place.count("GetSessionToken") == place.count("AssumeRole") == 1


def test_waiters_fail_with_the_leader(place: Place) -> None:
    """When the one that asks is refused, those that waited are refused by the same answer."""
    place.write(CHAIN.replace("EksAdmin", "NoSuchRole"))
    place.be("alice")
    place.aws.cloud.faults.order(OrderedFault(kind="latency", seconds=0.5, count=None, action="AssumeRole"))
    found: list[str] = []

    def run() -> None:
        try:
            place.be("admin")
        except AwsError as error:
            found.append(error.message)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert place.count("AssumeRole") == 1
    place.aws.cloud.faults.clear()
    with pytest.raises(AwsError):
        place.be("admin")
    assert place.count("AssumeRole") == 2


def test_passive_look_asks_nobody(place: Place) -> None:
    """Looking at a session never asks AWS, and shows it to the last usable minute."""
    place.write(CHAIN)
    config = place.config()
    admin = find_identity(config, "admin")
    now = time.time()
    assert cached_session(config, admin, environ=os.environ, now=now) is None
    assert place.requests() == 0
    session = place.be("admin")
    before = place.requests()
    end = session.credentials.expires_at
    assert end is not None
    seen = cached_session(config, admin, environ=os.environ, now=end - 62)
    assert seen is not None
    assert seen.credentials.access_key_id == session.credentials.access_key_id
    assert (seen.account, seen.chain) == (session.account, session.chain)
    assert cached_session(config, admin, environ=os.environ, now=end - 60) is None
    assert place.requests() == before


def test_forget_takes_every_link(place: Place) -> None:
    """Forgetting an identity removes its credentials and those of the links to it, and says which."""
    place.write(CHAIN)
    place.be("admin")
    config = place.config()
    admin = find_identity(config, "admin")
    assert forget(config, admin, environ=os.environ) == ("credentials of alice", "credentials of admin")
    assert forget(config, admin, environ=os.environ) == ()
    assert cached_session(config, admin, environ=os.environ, now=time.time()) is None
    assert not list(Path(str(cache_directory(os.environ))).glob("*.cred"))


def test_damaged_entries_are_misses(place: Place) -> None:
    """Cut, changed or foreign cache files are asked for again, and replaced."""
    place.write(CHAIN)
    place.be("admin")
    for entry in Path(str(cache_directory(os.environ))).glob("*.cred"):
        entry.write_bytes(entry.read_bytes()[:-3])
    place.be("admin")
    assert place.count("AssumeRole") == 2
    for entry in Path(str(cache_directory(os.environ))).glob("*.cred"):
        entry.chmod(0o644)
    place.be("admin")
    assert place.count("AssumeRole") == 3
    place.be("admin")
    assert place.count("AssumeRole") == 3


def test_circles_and_gaps_are_errors(place: Place) -> None:
    """A chain that runs in a circle, or leads nowhere, is named with its place in the file."""
    place.write(
        CHAIN.replace(
            'via: {identity: alice}\n  principal: {assume_role: "' + ADMIN,
            'via: {identity: admin}\n  principal: {assume_role: "' + ADMIN,
        )
    )
    with pytest.raises(ConfigError, match=r"eksauth\.yaml:\d+:\d+: "):
        place.be("admin")
    place.write(CHAIN.replace("via: {identity: alice}", "via: {identity: nobody}"))
    with pytest.raises(ConfigError, match="nobody"):
        place.be("admin")


@pytest.mark.parametrize("what", ["a link to itself", "a file", "closed to us"])
def test_a_cache_that_cannot_be_used(place: Place, home: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Nothing can be kept or removed: credentials are had all the same, and it is said."""
    if what == "closed to us" and os.geteuid() == 0:
        pytest.skip("root may do everything")
    base = home / "cache"
    if what == "a file":
        base.write_text("")
    elif what == "a link to itself":
        base.symlink_to(base)
    else:
        base.mkdir(mode=0)
    monkeypatch.setenv("EKSAUTH_CACHE_DIR", str(base))
    place.write(CHAIN)

    session = place.be("admin")

    assert place.who(session).endswith("EksAdmin/alice")
    assert any("not cached" in warning for warning in session.warnings)
    assert not remember(place.config(), session, environ=os.environ, spelled="admin", realm=None, until=None)
