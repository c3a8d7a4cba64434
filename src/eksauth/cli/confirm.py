"""Asking a person before something that cannot be meant by accident."""

from __future__ import annotations

import os
import sys

import click

from eksauth.errors import Refused


def confirmed(question: str, *, yes: bool, refusal: str) -> None:
    """Go on only when ``--yes`` was given or a person at a terminal agrees.

    :param refusal: what is not done without that; completes "refused to …".
    :raises Refused: when nobody can be asked, or the answer is no.
    """
    if yes:
        return
    if not can_ask():
        raise Refused(f"refused to {refusal}", hint="look at it with --dry-run, then add --yes", code="confirm.needed")
    if not click.confirm(question, default=False, err=True):
        raise Refused(f"refused to {refusal}", code="confirm.no")


def can_ask() -> bool:
    """Tell whether there is a person: stdin and stderr are terminals, and kubectl does not say otherwise."""
    told = os.environ.get("KUBERNETES_EXEC_INFO", "")
    both = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return both and '"interactive":false' not in told.replace(" ", "")
