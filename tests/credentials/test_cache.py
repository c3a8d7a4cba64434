"""The credential cache: what is a key, what is a hit, and what is refused."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.credentials.cache import (
    MAX_ENTRY_BYTES,
    MIN_REMAINING_SECONDS,
    cache_directory,
    cache_key,
    decode_entry,
    encode_entry,
    load,
)
from eksauth.credentials.cache_store import refresh_lock, store
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.settings import quick_settings

NOW = 1_700_000_000.0
KEY = "ab" * 32
WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)


def creds(life: float = 3600) -> Credentials:
    """Return temporary credentials with ``life`` seconds left."""
    return Credentials("ASIAEXAMPLE", "the-secret", "the-token", NOW + life, "role x")


@pytest.fixture(name="environ")
def environ_(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose cache is in the test's directory."""
    return {"EKSAUTH_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@given(key=WORD, secret=WORD, token=st.none() | WORD, expires=st.integers(1, 2**40), source=st.text(max_size=60))
def test_entries_round_trip(key: str, secret: str, token: str | None, expires: int, source: str) -> None:
    """What is written is read back, or was refused on writing."""
    given_credentials = Credentials(key, secret, token, float(expires), source)
    try:
        entry = encode_entry(given_credentials)
    except ValueError:
        assert "\n" in source or not source.isprintable()
        return
    found = decode_entry(entry)
    assert found is not None
    assert (found.access_key_id, found.secret_access_key, found.session_token) == (key, secret, token)
    assert (found.expires_at, found.source) == (expires, source)


@given(st.data())
def test_every_damaged_entry_is_a_miss(data: st.DataObject) -> None:
    """Cutting an entry short or changing any byte makes it unreadable."""
    entry = encode_entry(creds())
    cut = data.draw(st.integers(0, len(entry) - 1))
    assert decode_entry(entry[:cut]) is None
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != entry[cut]))
    assert decode_entry(entry[:cut] + bytes([byte]) + entry[cut + 1 :]) is None


@given(st.binary(max_size=400))
def test_garbage_is_a_miss(data: bytes) -> None:
    """Arbitrary bytes are a miss, never an exception."""
    assert decode_entry(data) is None


def test_store_then_load(environ: dict[str, str]) -> None:
    """A stored entry is found again, in a private file of a private directory."""
    assert store(environ, KEY, creds(), NOW) is None
    found = load(environ, KEY, NOW)
    assert found is not None
    assert found.secret_access_key == "the-secret"
    directory = Path(str(cache_directory(environ)))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [(path.suffix, stat.S_IMODE(path.stat().st_mode)) for path in directory.iterdir()] == [(".cred", 0o600)]


@pytest.mark.parametrize("life, hit", [(MIN_REMAINING_SECONDS, True), (MIN_REMAINING_SECONDS - 1, False), (-5, False)])
def test_entries_near_their_end_are_misses(environ: dict[str, str], life: float, hit: bool) -> None:
    """Credentials with less than the minimum left are fetched anew."""
    assert store(environ, KEY, creds(4000), NOW) is None
    assert (load(environ, KEY, NOW + 4000 - life) is not None) == hit


def test_credentials_not_worth_keeping(environ: dict[str, str]) -> None:
    """Keys that never expire, and ones that do at once, are not written."""
    for short in (Credentials("AKIDEXAMPLE", "s"), creds(30)):
        assert store(environ, KEY, short, NOW) is None
    assert not Path(str(cache_directory(environ))).exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_entry_open_to_others_is_a_miss(environ: dict[str, str], mode: int) -> None:
    """An entry that others can read or write is not used."""
    store(environ, KEY, creds(), NOW)
    (Path(str(cache_directory(environ))) / f"{KEY}.cred").chmod(mode)
    assert load(environ, KEY, NOW) is None


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o770])
def test_directory_open_to_others_is_refused(environ: dict[str, str], mode: int) -> None:
    """A directory that others can enter is neither read nor written, and that is said."""
    store(environ, KEY, creds(), NOW)
    Path(str(cache_directory(environ))).chmod(mode)
    assert load(environ, KEY, NOW) is None
    assert "not a directory of ours" in str(store(environ, KEY, creds(), NOW))
    with refresh_lock(environ, KEY) as held:
        assert not held


def test_symlinked_directory_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    """A cache directory that is a link could be anybody's."""
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "credentials").symlink_to(tmp_path / "real")
    assert "not a directory of ours" in str(store(environ, KEY, creds(), NOW))
    assert list((tmp_path / "real").iterdir()) == []


def test_symlinked_entry_is_a_miss(environ: dict[str, str], tmp_path: Path) -> None:
    """An entry that is a link is not followed on reading, and is replaced, not written through, on writing."""
    store(environ, KEY, creds(), NOW)
    entry = Path(str(cache_directory(environ))) / f"{KEY}.cred"
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert load(environ, KEY, NOW) is None
    before = (tmp_path / "elsewhere").read_bytes()
    assert store(environ, KEY, creds(7200), NOW) is None
    assert not entry.is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_foreign_owner_is_a_miss(environ: dict[str, str]) -> None:
    """Entries and directories of another user are not used."""
    store(environ, KEY, creds(), NOW)
    directory = Path(str(cache_directory(environ)))
    os.chown(directory / f"{KEY}.cred", 12345, -1)
    assert load(environ, KEY, NOW) is None
    os.chown(directory / f"{KEY}.cred", os.geteuid(), -1)
    assert load(environ, KEY, NOW) is not None
    os.chown(directory, 12345, -1)
    assert load(environ, KEY, NOW) is None


def test_odd_things_in_place_of_an_entry(environ: dict[str, str]) -> None:
    """A directory, a pipe, a giant or an empty file is a miss; a pipe does not block."""
    directory = Path(str(cache_directory(environ)))
    directory.mkdir(parents=True, mode=0o700)
    directory.chmod(0o700)
    (directory / f"{'0' * 64}.cred").mkdir()
    os.mkfifo(directory / f"{'1' * 64}.cred", 0o600)
    for name, data in (("2", b""), ("3", encode_entry(creds()) * (MAX_ENTRY_BYTES // 100))):
        (directory / f"{name * 64}.cred").write_bytes(data)
        (directory / f"{name * 64}.cred").chmod(0o600)
    for digit in "0123":
        assert load(environ, digit * 64, NOW) is None


def test_unusable_places_give_one_line(environ: dict[str, str], tmp_path: Path) -> None:
    """A file where the directory should be, or no absolute path at all, is one warning and no exception."""
    (tmp_path / "file").write_text("")
    for place in (str(tmp_path / "file"), "relative", "/proc/nowhere", str(tmp_path / ("x" * 300))):
        warning = store({**environ, "EKSAUTH_CACHE_DIR": place}, KEY, creds(), NOW)
        assert warning is not None
        assert warning.startswith("credentials are not cached: ")
        assert "\n" not in warning
        assert load({**environ, "EKSAUTH_CACHE_DIR": place}, KEY, NOW) is None


def test_where_the_cache_is(home: Path) -> None:
    """EKSAUTH_CACHE_DIR, then an absolute XDG_CACHE_HOME, then ~/.cache."""
    assert cache_directory({"EKSAUTH_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}) == "/a/credentials"
    assert cache_directory({"XDG_CACHE_HOME": "/b"}) == "/b/eksauth/credentials"
    assert cache_directory({"XDG_CACHE_HOME": "b"}) == f"{home}/.cache/eksauth/credentials"
    assert cache_directory({"EKSAUTH_CACHE_DIR": "a"}) is None


def _key(environ: dict[str, str], role: RoleRequest | None = None, region: str = "eu-west-1") -> str | None:
    settings = quick_settings(environ, region_flag=region, profile_flag=None)
    assert settings is not None
    return cache_key(environ, settings, role)


def test_everything_that_makes_credentials_is_in_the_key(home: Path) -> None:
    """Changing any one input changes the key; changing nothing does not."""
    base: dict[str, str] = {}
    role = RoleRequest("arn:aws:iam::111122223333:role/x")
    keys = {_key(base), _key(base, role), _key(base, role, "us-east-1")}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ROLE_ARN"):
        keys.add(_key({**base, name: "x", "AWS_SECRET_ACCESS_KEY": "y"}, role))
    keys.add(_key({**base, "AWS_SECRET_ACCESS_KEY": "xy"}, role))
    for other in (
        RoleRequest("arn:aws:iam::111122223333:role/y"),
        RoleRequest("arn:aws:iam::111122223333:role/x", external_id="e"),
        RoleRequest("arn:aws:iam::111122223333:role/x", session_name="e"),
        RoleRequest("arn:aws:iam::111122223333:role/x", duration_seconds=900),
    ):
        keys.add(_key(base, other))
    assert _key(base, role) in keys
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[default]\nsso_session = x\n")
    keys.add(_key(base, role))
    (home / ".aws" / "config").write_text("[default]\nsso_session = y\n")
    keys.add(_key(base, role))
    login = home / ".aws" / "sso" / "cache"
    login.mkdir(parents=True)
    (login / "a.json").write_text("{}")
    keys.add(_key(base, role))
    os.utime(login / "a.json", ns=(1, 1))
    keys.add(_key(base, role))
    (home / ".aws" / "credentials").write_text("[default]\nregion = x\n")
    keys.add(_key(base, role))
    (home / "jwt").write_text("one")
    keys.add(_key({**base, "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "jwt")}))
    (home / "jwt").write_text("two")
    keys.add(_key({**base, "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "jwt")}))
    assert len(keys) == 20
    assert None not in keys


@pytest.mark.parametrize("name", ["BOTO_CONFIG", "AWS_CREDENTIAL_FILE"])
def test_sources_outside_the_key_are_not_cached(name: str) -> None:
    """With one of the old files in play nothing is cached."""
    assert _key({name: "/x"}) is None


def test_old_leftovers_are_pruned(environ: dict[str, str]) -> None:
    """Entries, locks and temporary files of days ago go away; young ones and strangers stay."""
    now = time.time()
    store(environ, KEY, Credentials("ASIA", "s", "t", now + 3600), now)
    directory = Path(str(cache_directory(environ)))
    for name in ("a.cred", "b.lock", ".c.1.2.tmp", "README"):
        for prefix, age in (("old", 4 * 86400), ("new", 60)):
            path = directory / (f".{prefix}{name}" if name[0] == "." else f"{prefix}{name}")
            path.write_text("")
            os.utime(path, (now - age, now - age))
    store(environ, "cd" * 32, Credentials("ASIA", "s", "t", now + 3600), now)
    left = {path.name for path in directory.iterdir()}
    assert not {name for name in left if "old" in name and name != "oldREADME"}
    assert {"newa.cred", "newb.lock", ".new.c.1.2.tmp", "newREADME", "oldREADME", f"{KEY}.cred"} <= left


def test_lock_wait_is_bounded(environ: dict[str, str]) -> None:
    """A second holder gives up after its time, having slept and not spun."""
    naps: list[float] = []
    with refresh_lock(environ, KEY) as first:
        assert first
        with refresh_lock(environ, KEY, wait=2.0, sleep=naps.append, clock=lambda: sum(naps)) as second:
            assert not second
    assert 2.0 <= sum(naps) < 2.5
    assert max(naps) <= 0.2
    with refresh_lock(environ, KEY) as third:
        assert third
