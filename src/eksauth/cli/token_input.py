"""A token from the command line or from stdin, where ``eksauth token …`` may have written a whole ExecCredential."""

from __future__ import annotations

import sys

from eksauth.authenticator.rules.token_text import unwrap
from eksauth.errors import UsageError

MAX_INPUT_BYTES = 1024 * 1024


def token_from(argument: str) -> bytes:
    """Return the token that ``argument`` is, or that stdin holds for ``-``.

    On stdin an ExecCredential, an Authorization header and blanks around the token are taken off; what is given as an
    argument is judged as it is, since it may be what a program sends.

    :raises UsageError: stdin is a terminal, closed or empty.
    """
    if argument != "-":
        # arguments that are not UTF-8 come as surrogates; this gives their bytes back
        return argument.encode("utf-8", "surrogateescape")
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "a token was expected on standard input",
            hint="pipe one: eksauth token --cluster-name NAME | eksauth decode -",
        )
    data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    if not data.strip():
        raise UsageError("standard input is empty", hint="the command that should write the token may have failed")
    return unwrap(data).token
