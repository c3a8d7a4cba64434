"""The person at the terminal: told, asked and shown things on stderr, so that stdout stays the result's."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from eksauth.cli.confirm import can_ask
from eksauth.kubeconfig.context_lines import visible

if TYPE_CHECKING:
    from eksauth.credentials.identities.contract import Human

_YES = frozenset(("y", "yes"))
_OPENABLE = ("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")


def terminal_human(*, no_browser: bool = False, environ: Mapping[str, str] | None = None) -> Human | None:
    """Return the person at this terminal, or None when stdin or stderr is none, or kubectl says that nobody is there.

    :param no_browser: addresses are shown, and no browser is started for them.
    """
    return TerminalHuman(os.environ if environ is None else environ, no_browser=no_browser) if can_ask() else None


class TerminalHuman:
    """A :class:`~eksauth.credentials.identities.contract.Human` at stdin and stderr."""

    def __init__(self, environ: Mapping[str, str], *, no_browser: bool = False) -> None:
        self._environ = environ
        self._no_browser = no_browser

    def tell(self, text: str) -> None:
        """Show a line; control characters in it cannot drive the terminal."""
        self._write("".join([f"{visible(line)}\n" for line in text.splitlines()]))

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Return the answer without blanks around it.

        :param secret: do not show what is typed.
        :raises KeyboardInterrupt: when the person leaves, with Ctrl-C or the end of input.
        """
        prompt = f"{visible(question)}: "
        if secret:
            import getpass

            try:
                return getpass.getpass(prompt, stream=sys.stderr).strip()
            except EOFError:
                raise KeyboardInterrupt from None
        self._write(prompt)
        line = sys.stdin.readline()
        if not line:
            self._write("\n")
            raise KeyboardInterrupt
        return line.strip()

    def confirm(self, question: str) -> bool:
        """Ask for yes or no; anything but yes is no."""
        return self.ask(f"{question} [y/N]").lower() in _YES

    def choose(self, title: str, names: Sequence[str]) -> str:
        """Let the person pick one of ``names``.

        :raises KeyboardInterrupt: when the person leaves.
        """
        from eksauth.cli.picker import Choice, pick

        chosen = pick([Choice(name, "", list) for name in names], current="", title=visible(title))
        if chosen is None:
            raise KeyboardInterrupt
        return chosen

    def browse(self, url: str) -> bool:
        """Open ``url`` in a browser and tell whether that worked; only web addresses are opened.

        With ``BROWSER`` set that program is asked, also where there is no screen: it may know a way to one.
        """
        from eksauth.cli.open_browser import browser_program, open_default, start

        if self._no_browser or not url.isprintable() or not url.startswith(_OPENABLE):
            return False
        program = browser_program(self._environ)
        if program:
            return start(program, url)
        return self.has_browser() and open_default(url)

    def has_browser(self) -> bool:
        """Tell whether :meth:`browse` would open one on this very machine, in front of the person."""
        from eksauth.cli.open_browser import browser_program, default_exists
        from eksauth.credentials.local_browser import why_no_local_browser

        if self._no_browser or why_no_local_browser(self._environ) is not None:
            return False
        return bool(browser_program(self._environ)) or default_exists()

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
