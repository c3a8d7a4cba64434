"""Commands about identities, run from inside of a program that is one: they look for credentials outside of it."""

from __future__ import annotations

import os

from eksauth.credentials.outer import MARK, go_outside


def step_outside() -> None:
    """Let this process see the environment from before ``eksauth exec``, ``shell`` or ``env``."""
    go_outside(os.environ)


def step_outside_for(
    *, identity: str | None, config: str | None, profile: str | None, role: str | None, implicit: bool
) -> None:
    """Do so only when these flags and the environment mean an identity, and not credentials of the environment."""
    if MARK not in os.environ:
        return
    from eksauth.token.selection import identity_wanted

    wanted = identity_wanted(
        os.environ, identity=identity, config=config, profile=profile, role=role, implicit=implicit
    )
    if wanted is not None:
        step_outside()
