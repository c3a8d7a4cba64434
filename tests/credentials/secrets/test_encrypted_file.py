"""The encrypted file: what it keeps, what it refuses, and what never happens to it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.credentials.people import Typist

from eksauth.credentials.config.model import AuthConfig, Keyring
from eksauth.credentials.secrets import sealed
from eksauth.credentials.secrets.store import (
    MAX_SECRET_BYTES,
    SecretStore,
    SecretsUnavailable,
    open_store,
    secrets_file,
)

PASSWORD = {"EKSAUTH_KEYRING_PASSWORD": "correct horse"}


def _config(path: Path | None, realm: str = "") -> AuthConfig:
    return AuthConfig(realm=realm, keyring=Keyring(kind="file", path=str(path) if path else None))


def _store(path: Path, realm: str = "", **environ: str) -> SecretStore:
    return open_store(_config(path, realm), environ or PASSWORD)


def test_secrets_come_back(tmp_path: Path) -> None:
    """What is kept is listed and read by another store, replaced, and gone after it was deleted."""
    store = _store(tmp_path / "keyring")
    assert store.get("one") is None
    assert store.names() == ()
    assert store.delete("one") is False
    store.set("one", "first")
    store.set("two", "sécret\nwith lines ∞")

    again = _store(tmp_path / "keyring")
    assert again.names() == ("one", "two")
    assert again.get("two") == "sécret\nwith lines ∞"
    again.set("two", "second")
    assert store.get("two") == "second"
    assert store.delete("two") is True
    assert store.delete("two") is False
    assert again.names() == ("one",)


def test_realms_are_apart(tmp_path: Path) -> None:
    """A realm does not see, list or delete what another one has kept in the same file."""
    _store(tmp_path).set("name", "none's")
    _store(tmp_path, "work").set("name", "work's")

    assert _store(tmp_path, "home").names() == ()
    assert _store(tmp_path, "home").delete("name") is False
    assert _store(tmp_path, "work").get("name") == "work's"
    assert _store(tmp_path).get("name") == "none's"


def test_what_is_on_disk(tmp_path: Path) -> None:
    """The file is 0600 in a directory of 0700, and neither names, realms, secrets nor the password can be read in it."""
    before = os.umask(0)
    try:
        _store(tmp_path / "deep" / "keyring", "my-realm").set("aws-user/alice", "AKIAIOSFODNN7EXAMPLE")
    finally:
        os.umask(before)
    path = tmp_path / "deep" / "keyring" / "secrets.json"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = path.read_bytes()
    for text in (b"alice", b"AKIA", b"my-realm", b"correct horse"):
        assert text not in content


@pytest.mark.parametrize(
    "configured, environ, expected",
    [
        pytest.param(None, {}, "~/.local/share/eksauth/keyring/secrets.json", id="default"),
        pytest.param(None, {"XDG_DATA_HOME": "/data"}, "/data/eksauth/keyring/secrets.json", id="XDG"),
        pytest.param(None, {"XDG_DATA_HOME": "data"}, "~/.local/share/eksauth/keyring/secrets.json", id="relative XDG"),
        pytest.param("~/keys", {}, "~/keys/secrets.json", id="a directory"),
        pytest.param("/keys/mine.enc", {}, "/keys/mine.enc", id="a file"),
    ],
)
def test_where_the_file_is(configured: str | None, environ: dict[str, str], expected: str) -> None:
    """The configuration names a directory or a file; else it is below the user's data directory."""
    config = AuthConfig(keyring=Keyring(kind="file", path=configured))

    assert secrets_file(config, environ) == Path(expected).expanduser()


def test_wrong_password(tmp_path: Path) -> None:
    """A wrong password is told as that, for reading and writing, and the file stays as it was."""
    _store(tmp_path).set("name", "value")
    before = (tmp_path / "secrets.json").read_bytes()
    wrong = _store(tmp_path, EKSAUTH_KEYRING_PASSWORD="incorrect horse")

    for attempt in (lambda: wrong.get("name"), lambda: wrong.set("name", "x"), lambda: wrong.delete("name")):
        with pytest.raises(SecretsUnavailable, match="password does not open") as caught:
            attempt()
        assert caught.value.code == "secrets.wrong_password"
        assert "horse" not in f"{caught.value} {caught.value.hint}"
    assert (tmp_path / "secrets.json").read_bytes() == before
    assert _store(tmp_path).get("name") == "value"


@pytest.mark.parametrize("position", [0.02, 0.2, 0.4, 0.6, 0.8, 0.97])
def test_damage(tmp_path: Path, position: float) -> None:
    """A changed byte anywhere is told as damage, not as a wrong password, and nothing is overwritten."""
    _store(tmp_path).set("name", "value")
    path = tmp_path / "secrets.json"
    content = bytearray(path.read_bytes())
    index = int(len(content) * position)
    content[index] = ord("A") if content[index] != ord("A") else ord("B")
    path.write_bytes(content)

    with pytest.raises(SecretsUnavailable, match="is damaged") as caught:
        _store(tmp_path).get("name")
    assert caught.value.code == "secrets.damaged"
    with pytest.raises(SecretsUnavailable, match="is damaged"):
        _store(tmp_path).set("name", "x")
    assert path.read_bytes() == bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"format": "eksauth secrets 2"}', id="another version"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="deeply nested"),
    ],
)
def test_other_content(tmp_path: Path, content: bytes) -> None:
    """A file that was never ours is damage too, and is left alone."""
    (tmp_path / "secrets.json").write_bytes(content)
    (tmp_path / "secrets.json").chmod(0o600)

    with pytest.raises(SecretsUnavailable, match="is damaged"):
        _store(tmp_path).set("name", "x")
    assert (tmp_path / "secrets.json").read_bytes() == content


def test_a_forged_file(tmp_path: Path) -> None:
    """Secrets of another file, under a head and a sum that are right, are noticed by the seal."""
    _store(tmp_path / "a").set("name", "a's")
    key = sealed.derive("correct horse", os.urandom(16))
    one = json.loads(sealed.seal({"": {"name": "one"}}, key, os.urandom(12)))
    two = json.loads(sealed.seal({"": {"name": "two"}}, key, os.urandom(12)))
    forged = {**one, "sealed": two["sealed"]}
    del forged["sha256"]
    whole = {**forged, "sha256": sealed._sum(forged)}

    with pytest.raises(sealed.Damaged, match="seal is broken"):
        sealed.read(json.dumps(whole).encode()).open(key)


@pytest.mark.parametrize("cost", [0, 3, -8, 1 << 40, "32768", None])
def test_a_cost_of_somebody_else(cost: object) -> None:
    """A file cannot make us spend hours or all memory on its password."""
    body = json.loads(sealed.seal({}, sealed.derive("correct horse", os.urandom(16)), os.urandom(12)))
    del body["sha256"]
    body["cost"] = cost

    with pytest.raises(sealed.Damaged):
        sealed.read(json.dumps({**body, "sha256": sealed._sum(body)}).encode())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_reach(tmp_path: Path, mode: int) -> None:
    """A file that others can read or write is refused, with the command that mends it."""
    _store(tmp_path).set("name", "value")
    (tmp_path / "secrets.json").chmod(mode)

    with pytest.raises(SecretsUnavailable, match="other users") as caught:
        _store(tmp_path).get("name")
    assert "chmod 600" in str(caught.value.hint)


def test_a_directory_that_others_can_change(tmp_path: Path) -> None:
    """Nothing is kept in a directory in which others could exchange the file."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)

    with pytest.raises(SecretsUnavailable, match="other users"):
        _store(shared).set("name", "value")
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize(
    "environ, code",
    [
        pytest.param({}, "secrets.no_password", id="none"),
        pytest.param({"EKSAUTH_KEYRING_PASSWORD": ""}, "secrets.no_password", id="empty"),
        pytest.param({"EKSAUTH_KEYRING_PASSWORD": "1234567"}, "secrets.password", id="short"),
    ],
)
def test_no_password(tmp_path: Path, environ: dict[str, str], code: str) -> None:
    """Without a usable password nothing is made, and the error says which variable it takes."""
    store = open_store(_config(tmp_path / "keyring"), environ)

    with pytest.raises(SecretsUnavailable) as caught:
        store.set("name", "value")
    assert caught.value.code == code
    assert "EKSAUTH_KEYRING_PASSWORD" in f"{caught.value} {caught.value.hint}"
    assert not (tmp_path / "keyring" / "secrets.json").exists()


def test_a_person_may_try_again(tmp_path: Path) -> None:
    """Who mistypes the password is asked again, three times at most."""
    _store(tmp_path).set("name", "value")

    human = Typist("wrong horse", "correct horse")
    assert open_store(_config(tmp_path), {}, human=human).get("name") == "value"
    assert len(human.asked) == 2

    with pytest.raises(SecretsUnavailable, match="does not open"):
        open_store(_config(tmp_path), {}, human=Typist(*["wrong horse"] * 3)).get("name")


def test_a_new_password_is_typed_twice(tmp_path: Path) -> None:
    """A slip while choosing the password makes no file that nobody can open."""
    with pytest.raises(SecretsUnavailable, match="differ"):
        open_store(_config(tmp_path), {}, human=Typist("correct horse", "correct hose")).set("name", "value")
    assert not (tmp_path / "secrets.json").exists()


def test_many_writers(tmp_path: Path) -> None:
    """Processes that keep secrets at the same time lose none of them, not even while the file is being made."""
    script = (
        "import os,sys\n"
        "from eksauth.credentials.config.model import AuthConfig, Keyring\n"
        "from eksauth.credentials.secrets.store import open_store\n"
        "store = open_store(AuthConfig(keyring=Keyring(kind='file', path=sys.argv[1])), os.environ)\n"
        "for turn in range(3): store.set(f'{sys.argv[2]}-{turn}', 'value')\n"
    )
    environ = {**os.environ, **PASSWORD}
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "keyring"), str(number)], env=environ)
        for number in range(6)
    ]
    assert [writer.wait() for writer in writers] == [0] * 6

    names = _store(tmp_path / "keyring").names()
    assert names == tuple(sorted(f"{number}-{turn}" for number in range(6) for turn in range(3)))
    assert [each.name for each in (tmp_path / "keyring").iterdir() if each.name.endswith(".tmp")] == []


def test_a_writer_that_does_not_end(tmp_path: Path) -> None:
    """While somebody holds the file's lock nothing is written behind their back."""
    import fcntl

    store = _store(tmp_path)
    store.set("name", "value")
    from eksauth.credentials.secrets import encrypted_file

    lock = next(tmp_path.rglob("*.lock"))
    with lock.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encrypted_file, "LOCK_SECONDS", 0.2)
            with pytest.raises(SecretsUnavailable, match="could not be locked"):
                store.set("name", "other")
    assert store.get("name") == "value"


@pytest.mark.parametrize(
    "name, value",
    [
        pytest.param("", "x", id="no name"),
        pytest.param("a\nb", "x", id="a line end in the name"),
        pytest.param("a", "", id="no value"),
        pytest.param("a", "x" * (MAX_SECRET_BYTES + 1), id="huge"),
        pytest.param("a", "x\0y", id="a zero byte"),
    ],
)
def test_what_cannot_be_kept(tmp_path: Path, name: str, value: str) -> None:
    """What no store could give back is refused before anything is touched."""
    for kind in ("file", "memory"):
        store = open_store(AuthConfig(keyring=Keyring(kind=kind, path=str(tmp_path / "k"))), PASSWORD)
        with pytest.raises(ValueError, match="secret"):
            store.set(name, value)
    assert not (tmp_path / "k").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(max_size=8), st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=30)), max_size=3
    )
)
def test_sealing_gives_back_what_was_sealed(secrets: dict[str, dict[str, str]]) -> None:
    """Whatever text is sealed comes out the same with the same key."""
    key = _CHEAP

    assert sealed.read(sealed.seal(secrets, key, os.urandom(12))).open(key) == secrets


_CHEAP = sealed.derive("correct horse", b"0123456789abcdef", 2)


def test_without_cryptography(tmp_path: Path) -> None:
    """Where the optional package is missing, the error says which extra has it, and no file is made."""
    script = (
        "import os, sys\n"
        "sys.modules['cryptography'] = None\n"
        "from eksauth.credentials.config.model import AuthConfig, Keyring\n"
        "from eksauth.credentials.secrets.store import SecretsUnavailable, open_store\n"
        "store = open_store(AuthConfig(keyring=Keyring(kind='file', path=sys.argv[1])), os.environ)\n"
        "try: store.set('name', 'value')\n"
        "except SecretsUnavailable as error: print(error.hint)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "keyring")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **PASSWORD})

    assert done.stdout == "run: pip install 'eksauth[keyring]'\n", done.stderr
    assert not (tmp_path / "keyring" / "secrets.json").exists()


def test_memory_is_of_this_process() -> None:
    """The memory store shares secrets between stores of a realm and with nobody else."""
    first = open_store(AuthConfig(realm="memory-test", keyring=Keyring(kind="memory")), {})
    second = open_store(AuthConfig(realm="memory-other", keyring=Keyring(kind="memory")), {})
    first.set("name", "value")

    assert open_store(AuthConfig(realm="memory-test", keyring=Keyring(kind="memory")), {}).get("name") == "value"
    assert second.get("name") is None
    assert first.names() == ("name",)
    assert first.delete("name") is True
    assert first.delete("name") is False
