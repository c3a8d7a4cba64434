"""What guards demand before somebody may be an identity, or get into a cluster as one.

A guard is a rail and not a wall: it stops people from being in production by accident, for longer than they meant, or
without saying why. Whoever may write the configuration or the user's own files can take it away; what an identity may
do at all is for IAM to say.

Signing in records a grant (:mod:`eksauth.credentials.grants`); everything that hands out credentials or tokens asks
:func:`check`, and cuts their life short at what it returns.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from eksauth.aws.partitions import AWS, partition_of_region
from eksauth.credentials.config.model import AuthConfig, Guard, Identity
from eksauth.credentials.identities.contract import Human
from eksauth.credentials.model import Credentials
from eksauth.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from eksauth.credentials.grants import Grant

GRANT_SECONDS = 12 * 3600
"""How long a reason or confirmation counts where no guard says how long a session may last: a working day, which is
also the longest session that STS gives."""
MAX_REASON_LETTERS = 300


@dataclass(frozen=True, slots=True)
class Demands:
    """What all guards that apply ask for together; false when none applies.

    :ivar guards: their names.
    :ivar max_session_seconds: the shortest of theirs, None without a limit.
    :ivar audit: what happens must be in the audit log, or it must not happen.
    """

    guards: tuple[str, ...] = ()
    reason: bool = False
    confirm: bool = False
    max_session_seconds: int | None = None
    audit: bool = False

    def __bool__(self) -> bool:
        return bool(self.guards)

    @property
    def grant_seconds(self) -> int:
        """How long a grant counts."""
        return GRANT_SECONDS if self.max_session_seconds is None else self.max_session_seconds


def cluster_reference(name: str, *, region: str | None = None, account: str | None = None) -> str:
    """Return an ARN of a cluster in which what is not known is empty; guards take that for "could be any"."""
    partition = (partition_of_region(region) or AWS).name if region else ""
    return f"arn:{partition}:eks:{region or ''}:{account or ''}:cluster/{name}"


def demands(config: AuthConfig, identity: Identity, *clusters: str | None) -> Demands:
    """Return what is demanded of ``identity``, for all of ``clusters`` together.

    A guard that names identities only applies wherever they are used, also as a link of another identity's chain. One
    that names clusters applies to tokens for these, whoever asks, or only the identities that it names as well.

    :param clusters: names, ARNs, or what :func:`cluster_reference` gives.
    """
    names = _names_in_chain(config, identity)
    return _sum_up(guard for guard in config.guards if _applies(guard, names, clusters))


def possible_demands(config: AuthConfig, identity: Identity) -> Demands:
    """Return what is demanded of ``identity`` for the most guarded of all clusters."""
    names = _names_in_chain(config, identity)
    return _sum_up(guard for guard in config.guards if _may_apply(guard, names))


def check(
    config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float, cluster: str | None = None
) -> float | None:
    """Make sure that the guards let ``identity`` be used now, for ``cluster`` where one is given.

    :return: epoch seconds at which everything must have ended, None without such a limit.
    :raises CredentialsError: when they do not; ``code`` is ``guard.login``, ``guard.reason``, ``guard.confirm`` or
        ``guard.expired``, and the hint is the command that asks for what is missing.
    """
    asked = demands(config, identity, cluster)
    if not asked:
        return None
    from eksauth.credentials.grants import read_grant

    grant = read_grant(environ, config, identity, now)
    if grant is None:
        raise refusal(asked, identity, "guard.login", f"asks for a login first ({_what(asked)})")
    if asked.reason and not grant.reason:
        raise refusal(asked, identity, "guard.reason", "asks for a reason, and the login gave none")
    if asked.confirm and not grant.confirmed:
        raise refusal(asked, identity, "guard.confirm", "asks for a confirmation, and the login had none")
    until = ends_at(asked, grant)
    if grant.moment(now) >= until:
        raise refusal(asked, identity, "guard.expired", "ended the session: it lasted as long as it may")
    return until


def hot_until(config: AuthConfig, identity: Identity, environ: Mapping[str, str], now: float) -> float | None:
    """Return until when tokens for any cluster may be signed without asking :func:`check` again.

    Infinity when no guard could ever apply. None when something is missing, or when tokens have to be in the audit log:
    then every token takes the full path.
    """
    asked = possible_demands(config, identity)
    if not asked:
        return float("inf")
    from eksauth.credentials.grants import read_grant

    grant = read_grant(environ, config, identity, now)
    if asked.audit or grant is None or (asked.reason and not grant.reason) or (asked.confirm and not grant.confirmed):
        return None
    until = ends_at(asked, grant)
    return until if until > grant.moment(now) else None


def ends_at(asked: Demands, grant: Grant) -> float:
    """Return when a grant ends; a guard that became stricter since counts at once."""
    return min(grant.until, grant.at + asked.grant_seconds)


def clip(credentials: Credentials, until: float | None) -> Credentials:
    """Return ``credentials`` with an expiry of at most ``until``."""
    if until is None or (credentials.expires_at is not None and credentials.expires_at <= until):
        return credentials
    return Credentials(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        until,
        credentials.source,
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said to the demands."""

    reason: str | None = None
    confirmed: bool = False


def answer(asked: Demands, identity: Identity, *, reason: str | None, confirmed: bool, human: Human | None) -> Answers:
    """Return the answers to ``asked``, taken from flags where they say, else asked from the person.

    :param reason: of ``--reason``; ``confirmed`` of ``--yes``.
    :raises UsageError: when the reason is not a line of text.
    :raises CredentialsError: when nobody can be asked, or the person does not agree.
    """
    if reason is None and asked.reason and human is not None:
        reason = human.ask(f"Why do you need {identity.name}?")
    if reason is not None:
        reason = checked_reason(reason)
    elif asked.reason:
        raise refusal(asked, identity, "guard.reason", "asks for a reason")
    if asked.confirm and not confirmed:
        if human is None:
            raise refusal(asked, identity, "guard.confirm", "asks for a confirmation")
        if not human.confirm(f"Sign in as {identity.name}?"):
            raise CredentialsError(f"not signed in as {identity.name}: not confirmed", code="guard.confirm")
        confirmed = True
    return Answers(reason, confirmed)


def checked_reason(reason: str) -> str:
    """Return a reason without blanks around it.

    :raises UsageError: when it is empty, too long, or not one line.
    """
    text = reason.strip()
    if not text or len(text) > MAX_REASON_LETTERS or not text.isprintable():
        raise UsageError(
            f"a reason is one line of 1 to {MAX_REASON_LETTERS} letters",
            hint="for example --reason 'INC-1234: look at failing pods'",
            code="usage.reason",
        )
    return text


def record_grant(
    config: AuthConfig,
    identity: Identity,
    environ: Mapping[str, str],
    *,
    asked: Demands,
    answers: Answers,
    now: float,
    user: str = "",
) -> Grant | None:
    """Remember that somebody signed in and what they said, and return that; None when no guard could ever ask.

    A guard on a cluster that this login was not for may ask later.

    :param user: who signed in, for people to read.
    :raises CredentialsError: when it cannot be written, for then nothing could be used afterwards.
    """
    if not asked and not possible_demands(config, identity):
        return None
    from eksauth.credentials.grants import Grant, write_grant

    grant = Grant(
        at=now, until=now + asked.grant_seconds, reason=answers.reason, confirmed=answers.confirmed, user=user
    )
    write_grant(environ, config, identity, grant)
    return grant


def refusal(asked: Demands, identity: Identity, code: str, why: str) -> CredentialsError:
    """Return the error for a demand that is not met, with the command that meets it."""
    guard = asked.guards[0]
    command = f"eksauth login {shlex.quote(identity.name)}" + (" --reason 'WHY'" if asked.reason else "")
    if asked.confirm and code == "guard.confirm":
        command += " --yes"  # the login may be for other clusters, and not ask
    return CredentialsError(f"guard '{guard}' on {identity.name} {why}", hint=f"run: {command}", code=code)


def _what(asked: Demands) -> str:
    parts = [
        *(["with a reason"] if asked.reason else []),
        *(["confirmed"] if asked.confirm else []),
        *([f"for at most {asked.max_session_seconds} seconds"] if asked.max_session_seconds else []),
    ]
    return ", ".join(parts) or "for the audit log"


def _names_in_chain(config: AuthConfig, identity: Identity) -> frozenset[str]:
    """Return all names, in lower case, of the identity and of those that it goes through."""
    names: set[str] = set()
    by_name = {name.lower(): found for name, found in config.identities.items()}
    link: Identity | None = identity
    while link is not None and link.name.lower() not in names:
        names.update(name.lower() for name in (link.name, *link.aliases))
        link = by_name.get((link.via_identity or "").lower())
    return frozenset(names)


def _may_apply(guard: Guard, names: frozenset[str]) -> bool:
    if not guard.identities:
        return bool(guard.clusters)
    return any(fnmatchcase(name, pattern.lower()) for pattern in guard.identities for name in names)


def _applies(guard: Guard, names: frozenset[str], clusters: tuple[str | None, ...]) -> bool:
    if not _may_apply(guard, names):
        return False
    if not guard.clusters:
        return True
    return any(_is_cluster(pattern, cluster) for pattern in guard.clusters for cluster in clusters if cluster)


def _is_cluster(pattern: str, cluster: str) -> bool:
    """Tell whether ``cluster`` is, or for all that is known could be, one of those that ``pattern`` describes."""
    if not cluster.startswith("arn:"):
        cluster = cluster_reference(cluster)
    known = cluster.split(":", 5)
    name = known[-1].removeprefix("cluster/")
    if not pattern.startswith("arn:"):
        return fnmatchcase(name, pattern)
    wanted = pattern.split(":", 5)
    if len(wanted) < 6:  # a wildcard stands for several fields
        return "" in known or fnmatchcase(cluster, pattern)
    return all(not part or fnmatchcase(part, want) for part, want in zip(known, wanted, strict=True))


def _sum_up(guards: Iterable[Guard]) -> Demands:
    found = list(guards)
    limits = [guard.max_session_seconds for guard in found if guard.max_session_seconds is not None]
    return Demands(
        tuple(guard.name for guard in found),
        any(guard.require_reason for guard in found),
        any(guard.confirm for guard in found),
        min(limits, default=None),
        any(guard.require_audit for guard in found),
    )
