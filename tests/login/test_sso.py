"""Signing in at IAM Identity Center: many identities and one question, what the portal offers, and the way out."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import yaml
from tests.credentials.sso.conftest import Center, center_, running_
from tests.credentials.sso.person import Person

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import authenticate
from eksauth.credentials.identities.contract import Human, NeedsHuman
from eksauth.credentials.sso import tokens
from eksauth.errors import CredentialsError, UsageError
from eksauth.login.leaving import leaving_all, leaving_for, leaving_provider
from eksauth.login.run import LoggedIn, LoginRequest, login
from eksauth.login.sign_in import Terms
from eksauth.login.sign_out import sign_out

__all__ = ["center_", "running_"]

ACCOUNT = "111122223333"


class Turns(Person):
    """Somebody who minds being asked for two sign-ins at once."""

    busy = False

    def browse(self, url: str) -> bool:
        assert not self.busy, "two questions at once"
        self.busy = True
        try:
            return super().browse(url)
        finally:
            self.busy = False


@pytest.fixture(name="config_file")
def config_file_(center: Center, tmp_path: Path) -> Path:
    """Write a configuration with two sessions of one portal."""
    path = tmp_path / "eksauth.yaml"
    provider = {
        "kind": "aws/iam-identity-center",
        "start_url": center.served.start_url,
        "region": center.served.portal.region,
    }
    identities = {
        name: {
            "kind": "aws/permission-set",
            "via": {"provider": through},
            "principal": {"name": role, "account": {"id": ACCOUNT}},
        }
        for name, through, role in (
            ("admin", "corp", "AdministratorAccess"),
            ("reader", "corp", "ClusterReader"),
            ("other", "second", "ClusterReader"),
        )
    }
    providers = {"corp": provider, "second": provider | {"spec": {"session_name": "second"}}}
    path.write_text(yaml.safe_dump({"auth": {"providers": providers, "identities": identities}}))
    path.chmod(0o600)
    return path


def load(path: Path) -> AuthConfig:
    """Read the configuration."""
    return load_config(os.environ, flag=str(path))


def sign_in(center: Center, path: Path, human: Human | None, *names: str, fresh: bool = False) -> LoggedIn:
    """Sign in as one identity, or as everybody when none is named."""
    request = LoginRequest(
        terms=Terms(human=human, fresh=fresh), identity=names[0] if names else None, everybody=not names
    )
    return login(load(path), request, environ=os.environ, clock=center.clock)


def test_everybody_takes_one_sign_in_for_each_session(center: Center, config_file: Path) -> None:
    """Three identities of two sessions: the person is asked twice, one after the other, and all three are in."""
    person = Turns(center.served, local=True)

    done = sign_in(center, config_file, person)

    assert [each.error for each in done.outcomes] == [None, None, None]
    assert len(person.opened) == 2


def test_nobody_is_asked_twice_for_a_fresh_start(center: Center, config_file: Path) -> None:
    """--fresh signs in anew, once for each session, although everything is cached."""
    sign_in(center, config_file, Turns(center.served, local=True))
    tokens._signed_in_here.clear()  # as in a process of its own, which knows nothing of the first
    person = Turns(center.served, local=True)

    done = sign_in(center, config_file, person, fresh=True)

    assert [each.error for each in done.outcomes] == [None, None, None]
    assert len(person.opened) == 2


def test_without_a_person_nothing_opens(center: Center, config_file: Path) -> None:
    """Everybody needs somebody to sign in: each failure names the command, and the portal is not even asked."""
    done = sign_in(center, config_file, None)

    assert {type(each.error) for each in done.outcomes} == {NeedsHuman}
    assert all("eksauth login" in (each.error.hint or "") for each in done.outcomes if each.error)
    assert center.asked("StartDeviceAuthorization") == 0


def test_a_refusal_is_the_portals_answer(center: Center, config_file: Path) -> None:
    """A person who does not allow it gets the portal's error."""
    with pytest.raises(CredentialsError, match="was refused in the browser"):
        sign_in(center, config_file, Turns(center.served, allow=False), "admin")


def test_the_portals_identities_are_kept(center: Center, config_file: Path) -> None:
    """auto_provision_identities: signing in at the provider lists who one may be, and the next login can be them."""
    content = yaml.safe_load(config_file.read_text())
    content["auth"]["providers"]["corp"]["auto_provision_identities"] = True
    config_file.write_text(yaml.safe_dump(content))
    progress: list[tuple[str, int, int]] = []
    lock = threading.Lock()

    def watching(what: str, done: int, known: int) -> None:
        with lock:
            progress.append((what, done, known))

    request = LoginRequest(terms=Terms(human=Person(center.served, local=True)), provider="CORP")
    done = login(load(config_file), request, environ=os.environ, clock=center.clock, watching=watching)

    (found,) = done.discovered
    names = [each.name for each in found.identities]
    assert done.providers == ("corp",)
    assert any(name.endswith("/ClusterReader") for name in names)
    assert progress[-1][0] == "listing identities"
    assert progress[-1][1] == progress[-1][2]
    name = next(name for name in names if name.endswith("/ClusterReader"))
    assert find_identity(load(config_file), name.upper()).provisioned
    assert sign_in(center, config_file, None, name).outcomes[0].error is None
    everybody = sign_in(center, config_file, Turns(center.served, local=True))
    assert len(everybody.outcomes) == 3

    result = sign_out(
        load(config_file), leaving_provider(load(config_file), load(config_file).providers["corp"]), environ=os.environ
    )
    assert not result.failed
    with pytest.raises(UsageError):
        find_identity(load(config_file), name)


def test_a_session_ends_with_its_last_identity(center: Center, config_file: Path) -> None:
    """Signing out of one of two leaves their common session and says so; of the last one it ends at the portal."""
    sign_in(center, config_file, Turns(center.served, local=True))
    config = load(config_file)

    def out(name: str) -> list[str]:
        identity = config.identities[name]
        leaving = leaving_for(config, identity, environ=os.environ, now=center.clock())
        result = sign_out(config, leaving, environ=os.environ, clock=center.clock)
        assert result.failed == []
        return [*result.done, *result.left]

    first = out("admin")
    assert any("which reader uses" in line and "logout --provider corp" in line for line in first)
    assert center.asked("Logout") == 0
    second = out("reader")

    assert any("ended at the portal" in line for line in second)
    assert center.asked("Logout") == 1
    with pytest.raises(NeedsHuman) as caught:
        authenticate(config, config.identities["reader"], environ=os.environ, clock=center.clock)
    assert caught.value.hint == "run: eksauth login reader"
    authenticate(config, config.identities["other"], environ=os.environ, clock=center.clock)


def test_everybody_out_ends_every_session(center: Center, config_file: Path, home: Path) -> None:
    """--all ends both sessions, and leaves no token and no credentials on the disk; twice is no error."""
    sign_in(center, config_file, Turns(center.served, local=True))
    config = load(config_file)

    results = [sign_out(config, leaving_all(config), environ=os.environ, clock=center.clock) for _ in range(2)]

    assert [result.failed for result in results] == [[], []]
    assert center.asked("Logout") == 2
    assert results[1].done == []
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"aoa" in path.read_bytes() or b"aor" in path.read_bytes()]


def test_a_portal_that_does_not_answer_is_a_partial_failure(
    center: Center, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session could not be ended: that is listed as AWS's failure, and everything here goes nevertheless."""
    sign_in(center, config_file, Turns(center.served, local=True))
    config = load(config_file)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")

    result = sign_out(config, leaving_provider(config, config.providers["corp"]), environ=os.environ)

    assert result.unreachable
    assert any("session at" in line for line in result.failed)
    monkeypatch.undo()
    with pytest.raises(NeedsHuman):
        authenticate(config, config.identities["reader"], environ=os.environ, clock=center.clock)
