"""Which identity is meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.credentials.config.kit import DEV, SSO, loaded

from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.select import find_identity, select_identity
from eksauth.errors import UsageError

MORE = """\
    Prod.eu/Admin: {kind: aws/permission-set, via: {provider: sso}, principal: {name: A, account: x}, alias: [p, Boss]}
    ops: {kind: aws/user}
"""


class Person:
    """Picks the last name, and remembers what there was to choose from."""

    def __init__(self) -> None:
        self.offered: list[str] = []

    def tell(self, text: str) -> None:
        """Not used."""

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Not used."""
        raise AssertionError(question)

    def confirm(self, question: str) -> bool:
        """Not used."""
        raise AssertionError(question)

    def browse(self, url: str) -> bool:
        """Not used."""
        raise AssertionError(url)

    def has_browser(self) -> bool:
        """Not used."""
        return False

    def choose(self, title: str, names: Sequence[str]) -> str:
        """Take the last."""
        self.offered = list(names)
        return self.offered[-1]


@pytest.fixture(name="many")
def many_(tmp_path: Path) -> AuthConfig:
    """Return three identities, none of them a default."""
    return loaded(tmp_path, SSO + DEV + MORE)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("dev", "dev"),
        ("DEV", "dev"),
        ("prod.EU/admin", "Prod.eu/Admin"),
        ("p", "Prod.eu/Admin"),
        ("boss", "Prod.eu/Admin"),
    ],
)
def test_names_and_aliases_without_regard_to_case(many: AuthConfig, name: str, expected: str) -> None:
    """A name or an alias selects, with dots and slashes, in any case."""
    found = select_identity(many, {}, flag=name, human=None)

    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize(
    "flag, environ, expected",
    [
        pytest.param("dev", {"EKSAUTH_IDENTITY": "ops", "ATMOS_IDENTITY": "p"}, "dev", id="flag"),
        pytest.param(None, {"EKSAUTH_IDENTITY": "ops", "ATMOS_IDENTITY": "p"}, "ops", id="our variable"),
        pytest.param(None, {"EKSAUTH_IDENTITY": "", "ATMOS_IDENTITY": "p"}, "Prod.eu/Admin", id="variable of Atmos"),
    ],
)
def test_the_order(many: AuthConfig, flag: str | None, environ: dict[str, str], expected: str) -> None:
    """Flag, then our variable, then that of Atmos; an empty variable is none."""
    found = select_identity(many, environ, flag=flag, human=None)

    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no", "off"])
def test_identities_can_be_turned_off(many: AuthConfig, word: str) -> None:
    """``ATMOS_IDENTITY=false`` turns identities off, as in Atmos."""
    assert select_identity(many, {"ATMOS_IDENTITY": word}, flag=None, human=None) is None


def test_an_identity_called_off_is_itself(tmp_path: Path) -> None:
    """A name that is in the configuration beats the word's meaning."""
    config = loaded(tmp_path, "auth: {identities: {'off': {kind: aws/ambient}}}")

    found = select_identity(config, {"ATMOS_IDENTITY": "off"}, flag=None, human=None)

    assert found is not None
    assert found.name == "off"


def test_the_default_then_the_only_one(tmp_path: Path) -> None:
    """The one that says ``default: true`` is taken among several, and the only one needs to say nothing."""
    text = "auth: {identities: {a: {kind: aws/ambient}, b: {kind: aws/ambient, default: true}}}"
    default = select_identity(loaded(tmp_path, text), {}, flag=None, human=None)
    sole = select_identity(loaded(tmp_path, "auth: {identities: {a: {kind: aws/ambient}}}"), {}, flag=None, human=None)

    assert default is not None
    assert sole is not None
    assert (default.name, sole.name) == ("b", "a")


def test_a_person_picks(many: AuthConfig) -> None:
    """On a terminal the person picks from all."""
    person = Person()

    found = select_identity(many, {}, flag=None, human=person)

    assert found is not None
    assert found.name == "ops"
    assert person.offered == ["dev", "Prod.eu/Admin", "ops"]


def test_several_defaults_are_what_is_picked_from(tmp_path: Path) -> None:
    """Where several say that they are the default the person picks from those; without one it is an error."""
    text = (
        "auth: {identities: {a: {kind: aws/ambient, default: true}, b: {kind: aws/ambient, default: true},"
        " c: {kind: aws/ambient}}}"
    )
    config = loaded(tmp_path, text)
    person = Person()

    select_identity(config, {}, flag=None, human=person)

    assert person.offered == ["a", "b"]
    with pytest.raises(UsageError, match="several identities say default: true: a, b"):
        select_identity(config, {}, flag=None, human=None)


def test_without_anybody_the_names_are_listed(many: AuthConfig) -> None:
    """Nobody to ask and nothing that tells: the error lists the names."""
    with pytest.raises(UsageError) as caught:
        select_identity(many, {}, flag=None, human=None)

    assert "dev, ops, Prod.eu/Admin" in caught.value.message
    assert caught.value.hint is not None
    assert "EKSAUTH_IDENTITY" in caught.value.hint


def test_an_unknown_name_gets_a_suggestion(many: AuthConfig) -> None:
    """A name that is not there names the file, where the name came from, and what may have been meant."""
    with pytest.raises(UsageError) as caught:
        select_identity(many, {"EKSAUTH_IDENTITY": "prod.eu/admim"}, flag=None, human=None)

    assert "'prod.eu/admim' (from EKSAUTH_IDENTITY)" in caught.value.message
    assert caught.value.hint == "did you mean Prod.eu/Admin"


@pytest.mark.parametrize("name", ["", "zzzzzz"])
def test_a_name_like_nothing_lists_all(many: AuthConfig, name: str) -> None:
    """Where nothing is similar the names are listed; an empty flag is no name."""
    with pytest.raises(UsageError) as caught:
        select_identity(many, {}, flag=name, human=None)

    assert caught.value.hint == "there is dev, ops, Prod.eu/Admin"


def test_without_a_configuration() -> None:
    """No identities and none named is fine; a named one is not."""
    assert select_identity(AuthConfig(), {}, flag=None, human=None) is None
    with pytest.raises(UsageError, match="no configuration was found"):
        find_identity(AuthConfig(), "dev")
