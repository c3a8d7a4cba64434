"""Writing what an identity does to the audit log, which some guards insist on."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.audit import append, audit_path
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.guard import demands
from eksauth.errors import CredentialsError


def record(
    config: AuthConfig,
    identity: Identity,
    environ: Mapping[str, str],
    event: Mapping[str, str | float | None],
    *,
    now: float,
    cluster: str | None = None,
) -> str | None:
    """Write what happens as ``identity``; return None, or a one-line warning when that is impossible.

    :param event: as for :func:`eksauth.credentials.audit.append`; the identity's name is added.
    :param cluster: what it is for, as guards want it.
    :raises CredentialsError: when it is impossible, or the log is switched off, and a guard demands it.
    """
    warning = append(environ, {"identity": identity.name, **event}, now=now)
    asked = demands(config, identity, cluster)
    if not asked.audit or (warning is None and audit_path(environ) is not None):
        return warning
    why = warning or "it is switched off"
    raise CredentialsError(
        f"a guard on {identity.name} demands the audit log ({', '.join(asked.guards)}): {why}",
        hint="make room for the log, or point EKSAUTH_AUDIT_LOG at a file of your own",
        code="guard.audit",
    )
