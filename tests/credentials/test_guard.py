"""Guards: what they demand of whom, and what grant satisfies them for how long."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eksauth.credentials.config.model import AuthConfig, Guard, Identity, Place
from eksauth.credentials.grants import Grant, grant_path, read_grant, remove_grant, write_grant
from eksauth.credentials.guard import (
    GRANT_SECONDS,
    Answers,
    Demands,
    answer,
    check,
    checked_reason,
    clip,
    cluster_reference,
    demands,
    hot_until,
    possible_demands,
    record_grant,
)
from eksauth.credentials.model import Credentials
from eksauth.errors import CredentialsError, UsageError

NOW = 1_700_000_000.0
HERE = Place("/etc/eksauth.yaml", 1, 1)


def identity(name: str, via: str | None = None, *aliases: str) -> Identity:
    """Return a role that is reached through another identity."""
    return Identity(
        name=name,
        kind="aws/assume-role",
        declared_kind="aws/assume-role",
        place=HERE,
        via_identity=via,
        aliases=aliases,
    )


ADMIN, DEV = identity("Prod-Admin", None, "pa"), identity("dev")
BEHIND = identity("prod-db", "prod-admin")


def config(*guards: Guard, realm: str = "", path: str = "/etc/eksauth.yaml") -> AuthConfig:
    """Return a configuration with three identities and these guards."""
    return AuthConfig(
        path=path, realm=realm, identities={one.name: one for one in (ADMIN, DEV, BEHIND)}, guards=tuple(guards)
    )


def guard(
    *,
    identities: Sequence[str] = (),
    clusters: Sequence[str] = (),
    reason: bool = False,
    confirm: bool = False,
    seconds: int | None = None,
    audit: bool = False,
) -> Guard:
    """Return a guard."""
    return Guard(
        name="rail",
        place=HERE,
        identities=tuple(identities),
        clusters=tuple(clusters),
        require_reason=reason,
        confirm=confirm,
        max_session_seconds=seconds,
        require_audit=audit,
    )


@pytest.fixture(name="environ")
def environ_(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose cache is in the test's directory."""
    return {"EKSAUTH_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}


class Person:
    """Somebody who answers always the same."""

    def __init__(self, reason: str = "because", agrees: bool = True) -> None:
        self.reason, self.agrees, self.asked = reason, agrees, list[str]()

    def tell(self, text: str) -> None:
        raise AssertionError(text)

    def ask(self, question: str, *, secret: bool = False) -> str:
        self.asked.append(question)
        return self.reason

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.agrees

    def choose(self, title: str, names: Sequence[str]) -> str:
        raise AssertionError(title)

    def browse(self, url: str) -> bool:
        raise AssertionError(url)

    def has_browser(self) -> bool:
        return False


PROD_ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"


@pytest.mark.parametrize(
    "who, on, cluster, applies",
    [
        (["prod-*"], [], None, True),
        (["PROD-ADMIN"], [], None, True),
        (["pa"], [], None, True),
        (["dev"], [], None, False),
        ([], ["prod"], None, False),
        ([], ["prod"], "prod", True),
        ([], ["pro?"], "prod", True),
        ([], ["Prod"], "prod", False),
        ([], ["prod"], PROD_ARN, True),
        ([], [PROD_ARN], PROD_ARN, True),
        ([], ["arn:aws:eks:*:111122223333:cluster/*"], PROD_ARN, True),
        ([], ["arn:aws:eks:*:999999999999:cluster/*"], PROD_ARN, False),
        ([], ["arn:*/prod"], PROD_ARN, True),
        ([], ["arn:*/test"], PROD_ARN, False),
        ([], [PROD_ARN], cluster_reference("prod", region="eu-west-1"), True),
        ([], [PROD_ARN], cluster_reference("prod", region="eu-west-2"), False),
        ([], [PROD_ARN], cluster_reference("test", region="eu-west-1"), False),
        ([], ["arn:*/prod"], cluster_reference("prod"), True),
        (["prod-*"], ["prod"], None, False),
        (["prod-*"], ["prod"], "prod", True),
        (["dev"], ["prod"], "prod", False),
    ],
    ids=str,
)
def test_who_is_guarded(who: list[str], on: list[str], cluster: str | None, applies: bool) -> None:
    """Patterns of identities mind no case, those of clusters do; what is not known of a cluster could be anything."""
    found = demands(config(guard(identities=who, clusters=on, reason=True)), ADMIN, cluster)
    assert found == (Demands(("rail",), reason=True) if applies else Demands())
    assert bool(found) is applies


def test_a_guard_counts_for_what_goes_through_it() -> None:
    """An identity that is reached through a guarded one is guarded, and a circle in a configuration ends."""
    guarded = config(guard(identities=["prod-admin"], seconds=900))
    assert demands(guarded, BEHIND).max_session_seconds == 900
    circle = replace(
        guarded, identities={"a": identity("a", "b"), "b": identity("b", "a")}, guards=(guard(identities=["x"]),)
    )
    assert not demands(circle, identity("a", "b"))


def test_guards_add_up() -> None:
    """Of several guards every demand counts, and the shortest session."""
    both = config(
        guard(identities=["prod-*"], reason=True, seconds=7200), guard(clusters=["prod"], confirm=True, seconds=3600)
    )
    assert demands(both, ADMIN, "prod") == Demands(
        ("rail", "rail"), reason=True, confirm=True, max_session_seconds=3600
    )
    assert demands(both, ADMIN, "test", "prod") == possible_demands(both, ADMIN)
    assert not demands(both, DEV, "test")


def grant(
    setup: AuthConfig, environ: dict[str, str], answers: Answers, *, now: float = NOW, who: Identity = ADMIN
) -> None:
    """Sign in."""
    record_grant(setup, who, environ, asked=demands(setup, who), answers=answers, now=now, user="ann")


@pytest.mark.parametrize(
    "given, answers, code",
    [
        (guard(identities=["prod-*"], reason=True), None, "guard.login"),
        (guard(identities=["prod-*"], seconds=900), None, "guard.login"),
        (guard(identities=["prod-*"], reason=True), Answers(None, confirmed=True), "guard.reason"),
        (guard(identities=["prod-*"], confirm=True), Answers("because"), "guard.confirm"),
        (guard(clusters=["prod"], confirm=True), Answers("because"), "guard.confirm"),
    ],
)
def test_refusals(given: Guard, answers: Answers | None, code: str, environ: dict[str, str]) -> None:
    """What is missing is named, with the command that asks for it."""
    setup = config(given)
    if answers is not None:
        grant(setup, environ, answers)
    with pytest.raises(CredentialsError) as refused:
        check(setup, ADMIN, environ, NOW, "prod")
    assert refused.value.code == code
    assert refused.value.exit_code == 4
    assert (refused.value.hint or "").startswith("run: eksauth login Prod-Admin")
    assert hot_until(setup, ADMIN, environ, NOW) is None


def test_a_session_ends(environ: dict[str, str]) -> None:
    """A grant counts until the longest session is over, whatever is renewed in between, and not a second longer."""
    setup = config(guard(identities=["prod-*"], reason=True, seconds=900))
    grant(setup, environ, Answers("because"))
    assert check(setup, ADMIN, environ, NOW + 899) == NOW + 900
    assert hot_until(setup, ADMIN, environ, NOW + 899) == NOW + 900
    with pytest.raises(CredentialsError, match="lasted as long as it may"):
        check(setup, ADMIN, environ, NOW + 900)
    assert hot_until(setup, ADMIN, environ, NOW + 900) is None
    stricter = config(guard(identities=["prod-*"], reason=True, seconds=300))
    assert check(stricter, ADMIN, environ, NOW + 299) == NOW + 300
    laxer = config(guard(identities=["prod-*"], reason=True, seconds=9000))
    assert check(laxer, ADMIN, environ, NOW + 899) == NOW + 900


def test_without_a_limit_a_reason_counts_for_a_day_of_work(environ: dict[str, str]) -> None:
    """A reason is given again after twelve hours."""
    setup = config(guard(identities=["prod-*"], reason=True))
    grant(setup, environ, Answers("because"))
    assert check(setup, ADMIN, environ, NOW) == NOW + GRANT_SECONDS


def test_nothing_is_asked_or_written_without_a_guard(environ: dict[str, str], tmp_path: Path) -> None:
    """Identities without a guard cost no look at the disk and leave nothing on it."""
    setup = config(guard(identities=["prod-*"], reason=True))
    assert check(setup, DEV, environ, NOW) is None
    assert hot_until(setup, DEV, environ, NOW) == float("inf")
    grant(setup, environ, Answers(), who=DEV)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "given, answers",
    [
        (guard(clusters=["prod"], seconds=900), Answers()),
        (guard(clusters=["prod"], confirm=True), Answers(confirmed=True)),
        (guard(clusters=["prod"], audit=True), Answers()),
    ],
    ids=["length", "confirmation", "log"],
)
def test_any_login_counts_for_clusters(given: Guard, answers: Answers, environ: dict[str, str]) -> None:
    """What a cluster's guard asks later is known from a login that was not for that cluster."""
    setup = config(given)
    with pytest.raises(CredentialsError):
        check(setup, DEV, environ, NOW, "prod")
    grant(setup, environ, answers, who=DEV)
    assert check(setup, DEV, environ, NOW, "prod") == NOW + (given.max_session_seconds or GRANT_SECONDS)


def test_a_reason_that_was_given_anyway_counts_for_clusters(environ: dict[str, str]) -> None:
    """A login with a reason satisfies a cluster's guard later, and the hot path knows it from the start."""
    setup = config(guard(clusters=["prod"], reason=True))
    assert hot_until(setup, DEV, environ, NOW) is None
    assert check(setup, DEV, environ, NOW, "test") is None
    grant(setup, environ, Answers("because"), who=DEV)
    assert check(setup, DEV, environ, NOW, "prod") == hot_until(setup, DEV, environ, NOW) == NOW + GRANT_SECONDS


def test_the_hot_path_never_answers_where_the_log_is_demanded(environ: dict[str, str]) -> None:
    """A guard that demands the audit log sends every token the full way."""
    setup = config(guard(identities=["prod-*"], audit=True))
    grant(setup, environ, Answers())
    assert check(setup, ADMIN, environ, NOW) == NOW + GRANT_SECONDS
    assert hot_until(setup, ADMIN, environ, NOW) is None


@pytest.mark.parametrize(
    "other",
    [
        config(guard(identities=["*"], reason=True), realm="x"),
        config(guard(identities=["*"], reason=True), path="/other"),
    ],
    ids=["realm", "path"],
)
def test_grants_are_for_one_configuration_and_identity(other: AuthConfig, environ: dict[str, str]) -> None:
    """A grant for the same name elsewhere, or for another identity, is none here."""
    grant(other, environ, Answers("because"))
    setup = config(guard(identities=["*"], reason=True))
    assert read_grant(environ, setup, ADMIN, NOW) is None
    assert read_grant(environ, other, DEV, NOW) is None
    assert read_grant(environ, other, replace(ADMIN, name="PROD-ADMIN"), NOW) is not None
    copied, place = grant_path(environ, setup, ADMIN), grant_path(environ, other, ADMIN)
    assert copied is not None
    assert place is not None
    place.rename(copied)
    assert read_grant(environ, setup, ADMIN, NOW) is None


GRANT = Grant(at=NOW, until=NOW + 900, reason="because", confirmed=True, user="ann")


def written(environ: dict[str, str], setup: AuthConfig) -> Path:
    """Write a good grant and return its file."""
    write_grant(environ, setup, ADMIN, GRANT, boot=lambda: ("boot", 100.0))
    path = grant_path(environ, setup, ADMIN)
    assert path is not None
    return path


def test_grants_are_private(environ: dict[str, str]) -> None:
    """The file is 0600 in a directory of mode 0700, and removing it removes the grant."""
    path = written(environ, config())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert remove_grant(environ, config(), ADMIN)
    assert not remove_grant(environ, config(), ADMIN)
    assert read_grant(environ, config(), ADMIN, NOW) is None


def mangled(path: Path, **changes: object) -> None:
    """Change fields of a grant; ``...`` takes one out."""
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in record.items() if value is not ...}))


def as_pipe(path: Path) -> None:
    """Put a pipe in place of a file."""
    path.unlink()
    os.mkfifo(path, 0o600)


FORGERIES = {
    "empty": lambda path: path.write_text(""),
    "no JSON": lambda path: path.write_text("{"),
    "no object": lambda path: path.write_text("[]"),
    "deep": lambda path: path.write_text("[" * 15000),
    "huge": lambda path: path.write_text(path.read_text() + " " * 20000),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "other format": lambda path: mangled(path, format="eksauth grant 2"),
    "field missing": lambda path: mangled(path, confirmed=...),
    "wrong type": lambda path: mangled(path, confirmed=1),
    "time as truth": lambda path: mangled(path, at=True),
    "ends before it begins": lambda path: mangled(path, until=NOW - 1),
    "NaN": lambda path: path.write_text(path.read_text().replace(str(NOW + 900), "NaN")),
    "unknown field": lambda path: mangled(path, more=1),
    "group may write": lambda path: path.chmod(0o660),
    "others may read": lambda path: path.chmod(0o604),
    "link": lambda path: (path.rename(path.with_suffix(".x")), path.symlink_to(path.with_suffix(".x"))),
    "directory": lambda path: (path.unlink(), path.mkdir()),
    "pipe": as_pipe,
    "open directory": lambda path: path.parent.chmod(0o770),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_we_did_not_write_is_no_grant(forge: object, environ: dict[str, str]) -> None:
    """Damaged, foreign and exposed files are no grants, and a login after them works where it can."""
    setup = config(guard(identities=["prod-*"], reason=True))
    path = written(environ, setup)
    assert read_grant(environ, setup, ADMIN, NOW, boot=lambda: None) is not None
    forge(path)  # type: ignore[operator]
    assert read_grant(environ, setup, ADMIN, NOW, boot=lambda: None) is None
    with pytest.raises(CredentialsError) as refused:
        check(setup, ADMIN, environ, NOW)
    assert refused.value.code == "guard.login"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_files_of_others_are_no_grants(environ: dict[str, str]) -> None:
    """A grant that belongs to another user is none."""
    path = written(environ, config())
    os.chown(path, 12345, 12345)
    assert read_grant(environ, config(), ADMIN, NOW) is None


@pytest.mark.parametrize(
    "now, boot, moment",
    [
        (NOW + 10, ("boot", 110.0), NOW + 10),
        (NOW - 30, ("boot", 110.0), NOW + 10),
        (NOW + 5, ("boot", 5000.0), NOW + 4900),
        (NOW + 5, ("another boot", 5000.0), NOW + 5),
        (NOW + 5, None, NOW + 5),
        (NOW - 61, ("another boot", 1.0), None),
        (NOW - 86400, ("boot", 200.0), None),
        (NOW + 5, ("boot", 99.0), None),
    ],
    ids=["usual", "corrected a bit", "set back", "restarted", "no such clock", "future", "a day back", "uptime back"],
)
def test_time_that_goes_back(
    now: float, boot: tuple[str, float] | None, moment: float | None, environ: dict[str, str]
) -> None:
    """A clock that was set back makes no grant last longer; one from the future is none."""
    written(environ, config())
    found = read_grant(environ, config(), ADMIN, now, boot=lambda: boot)
    assert (None if found is None else found.moment(now)) == moment


def test_a_grant_that_cannot_be_written_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    """A login that a guard asked about fails when it cannot be recorded, with a way out."""
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CredentialsError) as refused:
        write_grant(environ, config(), ADMIN, GRANT)
    assert refused.value.code == "guard.not_recorded"
    with pytest.raises(CredentialsError, match="no home directory"):
        write_grant({"EKSAUTH_CACHE_DIR": "relative"}, config(), ADMIN, GRANT)


ALL = Demands(("rail",), reason=True, confirm=True)


def test_answers_from_flags() -> None:
    """With everything on the command line nobody is asked."""
    person = Person()
    assert answer(ALL, ADMIN, reason=" why ", confirmed=True, human=person) == Answers("why", confirmed=True)
    assert answer(Demands(), ADMIN, reason=None, confirmed=False, human=person) == Answers()
    assert person.asked == []


def test_answers_from_a_person() -> None:
    """What flags do not say is asked."""
    person = Person()
    assert answer(ALL, ADMIN, reason=None, confirmed=False, human=person) == Answers("because", confirmed=True)
    assert len(person.asked) == 2
    with pytest.raises(CredentialsError, match="not confirmed"):
        answer(ALL, ADMIN, reason="x", confirmed=False, human=Person(agrees=False))


@pytest.mark.parametrize("reason, confirmed, code", [(None, True, "guard.reason"), ("x", False, "guard.confirm")])
def test_nobody_to_ask(reason: str | None, confirmed: bool, code: str) -> None:
    """Without a person what is missing is an error."""
    with pytest.raises(CredentialsError) as refused:
        answer(ALL, ADMIN, reason=reason, confirmed=confirmed, human=None)
    assert refused.value.code == code


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "two\nlines", "\x1b[2J"])
def test_what_is_no_reason(reason: str) -> None:
    """A reason is one line of text."""
    with pytest.raises(UsageError):
        checked_reason(reason)


@pytest.mark.parametrize(
    "expires, until, clipped",
    [(500.0, None, 500.0), (500.0, 600.0, 500.0), (500.0, 400.0, 400.0), (None, 400.0, 400.0), (None, None, None)],
)
def test_clip(expires: float | None, until: float | None, clipped: float | None) -> None:
    """No credentials outlive their session, also those that never expire."""
    found = clip(Credentials("AKIA", "secret", "token", expires, "somewhere"), until)
    assert found.expires_at == clipped
    assert (found.access_key_id, found.secret_access_key, found.session_token) == ("AKIA", "secret", "token")
    assert found.source == "somewhere"
