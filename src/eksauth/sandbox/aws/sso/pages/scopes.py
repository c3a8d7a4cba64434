"""What scopes mean, for people."""

from __future__ import annotations

from eksauth.sandbox.aws.sso.registrations import ACCOUNT_ACCESS


def describe_scopes(scopes: tuple[str, ...]) -> str:
    """Return a few words about what a client wants to do."""
    if not scopes or scopes == (ACCOUNT_ACCESS,):
        return "use your AWS accounts and roles"
    others = ", ".join(scope for scope in scopes if scope != ACCOUNT_ACCESS)
    accounts = "use your AWS accounts and roles, and " if ACCOUNT_ACCESS in scopes else ""
    return f"{accounts}use {others}"
