"""Several backends asked in order."""

from __future__ import annotations

from dataclasses import dataclass

from tests.authenticator.mapping.callers import A, aws_auth, identity, mounted

from eksauth.authenticator.backends.chain import BackendChain
from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Match, NotMapped


@dataclass
class Loaded:
    """A backend that is loaded once and for all."""

    mode: str
    table: object

    @property
    def name(self) -> str:
        return self.mode

    async def start(self) -> None:
        return

    async def reload(self) -> None:
        return

    async def close(self) -> None:
        return

    def lookup(self, caller: Identity) -> Match | NotMapped:
        return self.table.lookup(caller)  # type: ignore[attr-defined]

    def status(self) -> BackendStatus:
        return BackendStatus(mode=self.mode, synced=True)


ROLE = f"- rolearn: arn:aws:iam::{A}:role/CICDRole\n  username: {{}}\n"


def chain(*backends: tuple[str, object]) -> BackendChain:
    """Return a chain of loaded tables."""
    return BackendChain([Loaded(mode, table) for mode, table in backends])


def test_the_first_backend_that_knows_the_identity_decides() -> None:
    """The order of the list is the precedence, and a match says whose it is."""
    asked = chain(
        ("EKSConfigMap", aws_auth(mapRoles=ROLE.format("first"))),
        ("MountedFile", mounted(mapRoles=ROLE.format("second"))),
    )
    match = asked.lookup(identity())
    assert isinstance(match, Match)
    assert (match.username, match.backend) == ("first", "EKSConfigMap")


def test_an_account_of_an_earlier_backend_beats_an_entry_of_a_later_one() -> None:
    """As in the reference: each backend is done, accounts included, before the next one is asked."""
    asked = chain(
        ("EKSConfigMap", aws_auth(mapAccounts=f'- "{A}"\n')), ("MountedFile", mounted(mapRoles=ROLE.format("second")))
    )
    match = asked.lookup(identity())
    assert isinstance(match, Match)
    assert match.kind == "account"


def test_near_misses_of_every_backend_are_told() -> None:
    """Nobody maps the identity: what each backend has that comes near is in the answer, in their order."""
    asked = chain(
        ("EKSConfigMap", aws_auth(mapRoles=ROLE.format("x").replace("role/", "role/team/"))),
        ("MountedFile", mounted(mapRoles=ROLE.format("y").replace("role/", "role/dev/"))),
    )
    answer = asked.lookup(identity())
    assert isinstance(answer, NotMapped)
    assert [miss.why for miss in answer.near_misses] == ["path", "path"]


def test_an_exchange_takes_effect_at_once() -> None:
    """After an exchange the new list is asked, and the old one is handed back to be closed."""
    asked = chain(("MountedFile", mounted(mapRoles=ROLE.format("old"))))
    replaced = asked.exchange([Loaded("MountedFile", mounted(mapRoles=ROLE.format("new")))])
    match = asked.lookup(identity())
    assert isinstance(match, Match)
    assert match.username == "new"
    assert [backend.name for backend in replaced] == ["MountedFile"]


def test_an_empty_chain_maps_nobody() -> None:
    """No backend is no mapping, not an error."""
    assert chain().lookup(identity()) == NotMapped()
