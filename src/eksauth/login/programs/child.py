"""Running a program as an identity: what it finds in its environment, and who renews its credentials."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.authenticate import Session
from eksauth.credentials.identities.contract import Human
from eksauth.credentials.recording import record
from eksauth.credentials.slow_settings import full_settings
from eksauth.errors import EksauthError
from eksauth.files import why
from eksauth.login.programs.aws_files import config_text, process_command, write_files
from eksauth.login.programs.environment import Pointers, pointers, region_for, static_source
from eksauth.login.programs.renewing_endpoint import Renewal, renewing_endpoint
from eksauth.login.programs.usable import usable_session

Delivery = Literal["endpoint", "process", "static"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Being:
    """Who is to be what, and how.

    :ivar environ: the process's own environment: botocore reads that one, so finding credentials has to.
    :ivar outside: the environment to find credentials in; differs from ``environ`` inside of a program that runs as an
        identity already, see :mod:`eksauth.credentials.outer`.
    :ivar program: this very eksauth, for ``credential_process``.
    :ivar delivery: how programs get their credentials: from an endpoint of this process, from a process of their own,
        or once and for all as keys.
    """

    config: AuthConfig
    identity: Identity
    environ: Mapping[str, str]
    outside: Mapping[str, str]
    program: tuple[str, ...]
    delivery: Delivery
    human: Human | None = None
    clock: Callable[[], float] = time.time

    def session(self, *, alone: bool = False) -> Session:
        """Return a session of the identity.

        :param alone: nobody may be asked; somebody else has the terminal.
        """
        human = None if alone else self.human
        return usable_session(self.config, self.identity, environ=self.outside, human=human, clock=self.clock)


@contextmanager
def being(what: Being, program: str) -> Iterator[Pointers]:
    """Give what to change in the environment of a program, and renew its credentials until the block ends.

    :param program: its name, for the audit log.
    :raises EksauthError: when there are no credentials, a guard refuses, or nothing can be prepared.
    """
    first = what.session()
    warning = record(
        what.config,
        what.identity,
        what.outside,
        {"event": "exec", "account": first.account, "program": os.path.basename(program)},  # noqa: PTH119  a name
        now=what.clock(),
    )
    notes = (*first.warnings, *([warning] if warning else []))
    if what.delivery != "endpoint":
        yield with_notes(still_pointers(what, first, keys_outside=True), notes)
        return
    renewal = Renewal(lambda: what.session(alone=True), first, clock=what.clock)
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(renewing_endpoint(renewal))
        except OSError as error:
            raise EksauthError(
                f"cannot listen on 127.0.0.1: {why(error)}", hint="use --credentials process", code="exec.endpoint"
            ) from None
        yield with_notes(_pointers(what, first, endpoint.variables(), None, keys_outside=True), notes)


def still_pointers(what: Being, session: Session, *, keys_outside: bool = False) -> Pointers:
    """Return what to change for programs that nobody looks after: a process to ask, or the keys themselves.

    :param keys_outside: let eksauth itself, called from there, still find keys that the identity starts from.
    """
    if what.delivery == "static":
        return _pointers(what, session, static_source(session.credentials), None, keys_outside=keys_outside)
    command = process_command(what.program, what.config, what.identity)
    return _pointers(what, session, {}, command, keys_outside=keys_outside)


def with_notes(found: Pointers, notes: Sequence[str]) -> Pointers:
    """Return the same with more warnings."""
    return Pointers(set=found.set, unset=found.unset, warnings=(*notes, *found.warnings))


def _pointers(
    what: Being, session: Session, source: Mapping[str, str], command: Sequence[str] | None, *, keys_outside: bool
) -> Pointers:
    region = region_for(what.identity, what.environ, session.region)
    content = config_text(region, own_settings(what.outside), command)
    scope = (
        what.config.realm,
        what.config.path or "",
        what.identity.name.lower(),
        "" if command is None else "process",
    )
    files = write_files(what.environ, content, scope)
    return pointers(
        what.config,
        what.identity,
        what.environ,
        region=region,
        source={**files, **source},
        keys_outside=keys_outside,
    )


def own_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the caller's own profile; none when there is no such profile or its files are broken."""
    try:
        merged = full_settings(environ, region_flag=None, profile_flag=None).merged
    except EksauthError:
        return {}
    return {name: value for name, value in (merged or {}).items() if isinstance(value, str)}
