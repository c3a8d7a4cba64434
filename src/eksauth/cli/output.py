"""How the command line speaks: results to stdout, people to stderr, ``eksauth: error:`` then ``eksauth: hint:``."""

from __future__ import annotations

import json
import os
import sys

import click

from eksauth.errors import EksauthError


def one_line(text: str) -> str:
    """Return ``text`` on one line with control characters escaped, so that hostile input cannot drive a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(text.split()))


def complain(kind: str, text: str) -> None:
    """Write one line for people to stderr; a closed stderr is nobody's error."""
    try:
        sys.stderr.write(f"eksauth: {kind}: {one_line(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed while we run, or before (then it is None)
        pass


def report_error(error: EksauthError) -> None:
    """Print a deliberate error and its hint."""
    complain("error", error.message)
    if error.hint:
        complain("hint", error.hint)


def report_usage(error: click.ClickException) -> None:
    """Print a click usage error in our format, without the usage text: kubectl users would see it on every call."""
    message = error.format_message().rstrip(".")
    complain("error", message[:1].lower() + message[1:])
    context = getattr(error, "ctx", None)
    if context is not None:
        complain("hint", f"see '{context.command_path} --help'")


def report_unexpected(error: BaseException) -> None:
    """Print an error that nobody foresaw, by type only: its text may hold anything."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        complain("error", f"{where}{error.strerror.lower()}")
        return
    complain("error", f"internal error ({type(error).__name__})")
    complain("hint", "this is a bug in eksauth; run again with --debug for the traceback")


def print_json(value: object) -> None:
    """Print a result for machines."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush into a closed pipe stays quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
