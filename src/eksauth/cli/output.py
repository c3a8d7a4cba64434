"""How the command line speaks: results to stdout, people to stderr, ``eksauth: error:`` then ``eksauth: hint:``."""

from __future__ import annotations

import errno
import json
import os
import sys

import click

from eksauth.errors import EksauthError
from eksauth.token.bearer import TOKEN_PREFIX

_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="


def one_line(text: str) -> str:
    """Return ``text`` on one line with control characters escaped, so that hostile input cannot drive a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(text.split()))


def without_tokens(text: str) -> str:
    """Cut bearer tokens short: one that was pasted in the wrong place comes back in the words of a usage error."""
    first, *rest = text.split(TOKEN_PREFIX)
    return first + "".join(
        [TOKEN_PREFIX + ("…" if part[:1].isalnum() else "") + part.lstrip(_BASE64URL) for part in rest]
    )


def complain(kind: str, text: str) -> None:
    """Write one line for people to stderr; a closed stderr is nobody's error."""
    try:
        sys.stderr.write(f"eksauth: {kind}: {without_tokens(one_line(text))}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed while we run, or before (then it is None)
        pass


def report_error(error: EksauthError) -> None:
    """Print a deliberate error and its hint."""
    complain("error", error.message)
    if error.hint:
        complain("hint", error.hint)


def report_usage(error: click.ClickException) -> None:
    """Print a click usage error in our format, without the usage text: kubectl users would see it on every call.

    A group without its command is the exception: what is wanted then is the list of commands.
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    context = getattr(error, "ctx", None)
    hint = f"see '{context.command_path if context else 'eksauth'} --help'"
    message = error.format_message().rstrip(".")
    if isinstance(error, click.NoSuchOption):
        message = f"no such option '{error.option_name}'"
        if context is not None and context.parent is None:
            hint = "options come after the command; " + hint
        elif error.possibilities:
            hint = f"did you mean {min(error.possibilities)}"
    complain("error", message[:1].lower() + message[1:])
    complain("hint", hint)


def report_unexpected(error: BaseException) -> None:
    """Print an error that nobody foresaw, by type only: its text may hold anything."""
    if isinstance(error, OSError) and error.strerror and _happened_while_printing(error):
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror.lower()
        complain("error", f"cannot write to standard output: {reason}")
        silence_stdout()
        return
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        complain("error", f"{where}{error.strerror.lower()}")
        return
    complain("error", f"internal error ({type(error).__name__})")
    complain("hint", "this is a bug in eksauth; run again with --debug for the traceback")


def print_json(value: object) -> None:
    """Print a result for machines; what could drive a terminal is written as an escape sequence of JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo("".join([mark if mark.isprintable() or mark == "\n" else json.dumps(mark)[1:-1] for mark in text]))


def replace_closed_stdout() -> None:
    """Where the caller closed stdout, put one there that fails: a result that nobody gets must not look like success.

    Python leaves None, and click then prints nowhere without a word.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")


def silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush into a closed pipe stays quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flush_stdout() -> None:
    """Have out what is still in the buffer."""
    sys.stdout.flush()


def _happened_while_printing(error: OSError) -> bool:
    """Tell a result that could not be written from a file that could not: such errors name neither."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code in {click.echo.__code__, flush_stdout.__code__}
