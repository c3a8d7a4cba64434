"""The desktop's keyring, through the real keyring library in the real child process."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.credentials.people import Typist

from eksauth.credentials.config.model import AuthConfig, Keyring
from eksauth.credentials.secrets.desktop import LIMIT_SECONDS, DesktopStore
from eksauth.credentials.secrets.store import SecretsUnavailable, open_store
from eksauth.errors import ConfigError

BACKENDS = "tests.credentials.secrets.memory_backend"


def _environ(tmp_path: Path, backend: str, **more: str) -> dict[str, str]:
    root = str(Path(__file__).parents[3])
    return {
        **os.environ,
        "PYTHONPATH": root,
        "PYTHON_KEYRING_BACKEND": f"{BACKENDS}.{backend}" if "." not in backend else backend,
        "TEST_KEYRING": str(tmp_path / "keyring.json"),
        "EKSAUTH_KEYRING_TIMEOUT": "60",
        **more,
    }


@pytest.fixture(name="desktop")
def desktop_(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment with a desktop keyring that works."""
    return _environ(tmp_path, "Desktop")


def test_secrets_come_back(desktop: Mapping[str, str]) -> None:
    """What is kept is read by another store, replaced, and gone after it was deleted."""
    DesktopStore("", desktop).set("sso/one", "sécret\n∞")
    store = DesktopStore("", desktop)

    assert store.get("sso/one") == "sécret\n∞"
    store.set("sso/one", "other")
    assert store.get("sso/one") == "other"
    assert store.delete("sso/one") is True
    assert store.delete("sso/one") is False
    assert store.get("sso/one") is None
    assert store.names() is None


def test_realms_are_apart(desktop: Mapping[str, str]) -> None:
    """A realm does not see what another one, or none, has kept under the same name."""
    DesktopStore("", desktop).set("name", "none's")
    DesktopStore("work", desktop).set("name", "work's")

    assert DesktopStore("home", desktop).get("name") is None
    assert DesktopStore("work", desktop).get("name") == "work's"
    assert DesktopStore("", desktop).get("name") == "none's"


@pytest.mark.parametrize(
    "backend, says",
    [
        pytest.param("keyring.backends.fail.Keyring", "no desktop keyring", id="nothing there"),
        pytest.param("keyring.backends.null.Keyring", "no desktop keyring", id="a place that forgets"),
        pytest.param("Broken", "RuntimeError", id="a library that fails"),
        pytest.param("no.such.Backend", "helper failed|cannot be used", id="a backend that is missing"),
    ],
)
def test_unusable_keyrings(tmp_path: Path, backend: str, says: str) -> None:
    """Whatever is wrong with the keyring, one line says so, and it never quotes what the backend said."""
    environ = _environ(tmp_path, backend)

    with pytest.raises(SecretsUnavailable, match=says) as caught:
        open_store(AuthConfig(keyring=Keyring(kind="system")), environ)
    assert "hunter2" not in str(caught.value)
    assert caught.value.hint


def test_a_keyring_that_forgets_is_noticed(tmp_path: Path) -> None:
    """A backend that says yes and keeps nothing is an error when something is to be kept."""
    store = open_store(AuthConfig(keyring=Keyring(kind="system")), _environ(tmp_path, "Forgetful"))

    with pytest.raises(SecretsUnavailable, match="did not keep"):
        store.set("name", "value")


def test_a_locked_keyring_is_left(tmp_path: Path) -> None:
    """A keyring that waits for somebody is given up after the limit, with all processes that it started."""
    environ = _environ(tmp_path, "Locked")
    before = time.monotonic()

    with pytest.raises(SecretsUnavailable, match="did not answer within 3 seconds") as caught:
        DesktopStore("", environ, limit=3).get("name")
    assert caught.value.code == "secrets.keyring_hangs"
    assert time.monotonic() - before < 60
    grandchild = int((tmp_path / "keyring.json").read_text())
    deadline = time.monotonic() + 30
    while _runs(grandchild):
        assert time.monotonic() < deadline, "its window is still there"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "attended, environ, seconds",
    [
        pytest.param(False, {"DISPLAY": ":0"}, LIMIT_SECONDS, id="nobody there"),
        pytest.param(True, {}, LIMIT_SECONDS, id="a terminal without a desktop"),
        pytest.param(True, {"DISPLAY": ":0", "SSH_TTY": "/dev/pts/1"}, LIMIT_SECONDS, id="a terminal over SSH"),
        pytest.param(True, {"EKSAUTH_KEYRING_TIMEOUT": "20"}, 20.0, id="told"),
    ],
)
def test_how_long_it_may_take(attended: bool, environ: dict[str, str], seconds: float) -> None:
    """Only somebody who can see a window gets the time to unlock the keyring in it."""
    assert DesktopStore("", environ, attended=attended)._limit == seconds


@pytest.mark.parametrize("told", ["0", "soon", "-1", "9999", "1.5"])
def test_times_that_are_none(told: str) -> None:
    """A time limit that is no number of seconds is a configuration error."""
    with pytest.raises(ConfigError, match="EKSAUTH_KEYRING_TIMEOUT"):
        DesktopStore("", {"EKSAUTH_KEYRING_TIMEOUT": told})


@pytest.fixture(name="dead_bus")
def dead_bus_(tmp_path: Path) -> Iterator[str]:
    """Return the address of a D-Bus that takes connections and never says a word."""
    path = f"/tmp/eksauth-bus-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        try:
            yield f"unix:path={path}"
        finally:
            Path(path).unlink()


def test_a_bus_that_does_not_answer(tmp_path: Path, dead_bus: str) -> None:
    """A session bus that hangs costs seconds, and then the file takes over because it has a password."""
    environ = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": dead_bus, "EKSAUTH_KEYRING_PASSWORD": "long enough"}
    environ |= {"XDG_DATA_HOME": str(tmp_path), "EKSAUTH_KEYRING_TIMEOUT": "3"}

    store = open_store(AuthConfig(), environ)

    assert "encrypted file" in store.describe()
    store.set("name", "value")
    assert open_store(AuthConfig(keyring=Keyring(kind="file")), environ).get("name") == "value"


def test_auto_takes_the_desktop(desktop: Mapping[str, str]) -> None:
    """A desktop keyring that works is used even where a password for the file is known."""
    store = open_store(AuthConfig(), {**desktop, "EKSAUTH_KEYRING_PASSWORD": "long enough"})

    assert "Desktop" in store.describe()


def test_auto_finds_what_the_file_has(tmp_path: Path, desktop: Mapping[str, str]) -> None:
    """Secrets that were kept in the file while there was no desktop are found, and move when they change."""
    both = {**desktop, "EKSAUTH_KEYRING_PASSWORD": "long enough", "XDG_DATA_HOME": str(tmp_path)}
    file = open_store(AuthConfig(keyring=Keyring(kind="file")), both)
    file.set("old", "kept in the file")

    store = open_store(AuthConfig(), both)

    assert store.get("old") == "kept in the file"
    store.set("old", "new")
    assert file.get("old") is None
    assert open_store(AuthConfig(), desktop).get("old") == "new"
    assert store.delete("old") is True
    assert store.get("old") is None


def test_auto_does_not_take_plain_text(tmp_path: Path) -> None:
    """A backend that the library does not recommend is only used when the configuration says ``system``."""
    environ = _environ(tmp_path, "PlainFile")

    with pytest.raises(SecretsUnavailable, match="not a safe place"):
        open_store(AuthConfig(), environ)
    assert open_store(AuthConfig(keyring=Keyring(kind="system")), environ).get("name") is None


def test_nowhere(tmp_path: Path) -> None:
    """Without a keyring, a password and a person there is an error that names the way out, and no file."""
    environ = _environ(tmp_path, "keyring.backends.fail.Keyring", XDG_DATA_HOME=str(tmp_path / "data"))

    with pytest.raises(SecretsUnavailable, match="nowhere to keep secrets") as caught:
        open_store(AuthConfig(keyring=Keyring(password_env="OTHER_PASSWORD")), environ)
    assert "OTHER_PASSWORD" in str(caught.value.hint)
    assert not (tmp_path / "data").exists()


def test_a_person_chooses_a_password(tmp_path: Path) -> None:
    """Without a keyring a person at the terminal is asked for a password when the first secret is kept."""
    environ = _environ(tmp_path, "keyring.backends.fail.Keyring", XDG_DATA_HOME=str(tmp_path / "data"))
    human = Typist("long enough", "long enough")

    store = open_store(AuthConfig(), environ, human=human)
    assert human.asked == []
    store.set("name", "value")

    assert [secret for _, secret in human.asked] == [True, True]
    assert open_store(AuthConfig(), environ, human=Typist("long enough")).get("name") == "value"


def test_without_the_keyring_library(tmp_path: Path) -> None:
    """Where the optional package is missing, the error says which extra has it."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['keyring'] = None\n")

    with pytest.raises(SecretsUnavailable, match="needs the Python package keyring") as caught:
        DesktopStore("", {**os.environ, "PYTHONPATH": str(tmp_path)}, limit=60).get("name")
    assert caught.value.hint == "run: pip install 'eksauth[keyring]'"


def test_nothing_of_the_working_directory_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with a keyring.py of its own does not get to run it."""
    hostile = tmp_path / "repository"
    hostile.mkdir()
    (hostile / "keyring.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (hostile / "json.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(hostile)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

    with pytest.raises(SecretsUnavailable):
        DesktopStore("", environ).get("name")
    assert not (tmp_path / "ran").exists()


def test_no_secret_in_the_process_list(tmp_path: Path) -> None:
    """The child gets the secret through a pipe: its command line and environment do not have it."""
    environ = _environ(tmp_path, "Locked")
    listing = tmp_path / "seen"

    store = DesktopStore("", environ, limit=4)

    def keep() -> None:
        with pytest.raises(SecretsUnavailable):
            store.set("name", "very-secret-value")

    worker = threading.Thread(target=keep)
    worker.start()
    deadline = time.monotonic() + 30
    while not listing.exists():
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if b"desktop_child" in line and str(tmp_path).encode() in line:
                listing.write_bytes(line)
        assert time.monotonic() < deadline
    worker.join()

    assert b"very-secret-value" not in listing.read_bytes()
