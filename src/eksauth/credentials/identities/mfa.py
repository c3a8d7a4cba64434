"""The code of a multi-factor device: printed by a command of the configuration, or typed by the person who is there."""

from __future__ import annotations

from eksauth.credentials.identities.contract import Context, NeedsHuman, login_hint
from eksauth.credentials.identities.trust import require_trust
from eksauth.errors import CredentialsError

_MAX_OUTPUT = 1024


def mfa_code(name: str, serial: str, process: tuple[str, ...], context: Context) -> str:
    """Return six digits for the device ``serial`` of identity ``name``.

    :param process: program and arguments of ``mfa_process``; empty when a person is to be asked.
    :raises NeedsHuman: when there is no command, and nobody to ask.
    :raises CredentialsError: when the command fails, or what came is no code.
    """
    if process:
        require_trust(context, "running mfa_process", name)
        from eksauth.credentials.command_output import command_output

        printed = command_output(
            process,
            purpose=f"the MFA code of {name}",
            environ=context.environ,
            attended=context.human is not None,
            max_bytes=_MAX_OUTPUT,
        )
        code = _checked(printed.decode("utf-8", "replace"))
        if code is None:
            raise CredentialsError(
                f"mfa_process of '{name}' did not print a code of six digits",
                hint="it must print the code on stdout and nothing else",
                code="credentials.mfa",
            )
        return code
    if context.human is None:
        raise NeedsHuman(
            f"'{name}' needs the code of MFA device {serial}, and nobody can be asked here",
            hint=login_hint(name),
            code="credentials.mfa",
        )
    code = _checked(context.human.ask(f"MFA code of {serial}", secret=True))
    if code is None:
        raise CredentialsError("an MFA code has six digits", hint=login_hint(name), code="credentials.mfa")
    return code


def _checked(text: str) -> str | None:
    code = "".join(text.split())
    return code if len(code) == 6 and code.isascii() and code.isdigit() else None
