"""Starting a browser so that nothing it prints, reads or waits for gets into our way.

``webbrowser`` alone would run programs of the text mode in the terminal, wait for the program in ``BROWSER``, and let
both write to our stdout, which is kubectl's.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress

_FAILS_WITHIN_SECONDS = 0.3


def browser_program(environ: Mapping[str, str]) -> list[str] | None:
    """Return the first program of ``BROWSER`` that exists, with its arguments, or None.

    The variable is a list like ``PATH``; ``%s`` in an entry stands for the address, which else comes last, and an ``&``
    at the end means nothing here (all of them run in the background).
    """
    for entry in environ.get("BROWSER", "").split(os.pathsep):
        try:
            words = shlex.split(entry)
        except ValueError:
            continue
        if words[-1:] == ["&"]:
            words.pop()
        if words and shutil.which(words[0], path=environ.get("PATH")):
            return words
    return None


def start(program: Sequence[str], url: str) -> bool:
    """Start a browser in a session of its own, with no terminal and no pipes of ours; False when it fails at once."""
    words = list(program)
    command = [word.replace("%s", url) for word in words]
    if command == words:
        command.append(url)
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    except OSError:
        return False
    with suppress(subprocess.TimeoutExpired):
        return process.wait(_FAILS_WITHIN_SECONDS) == 0
    threading.Thread(target=process.wait, daemon=True).start()
    return True


def default_exists() -> bool:
    """Tell whether the desktop has a browser with a window."""
    return _default() is not None


def open_default(url: str) -> bool:
    """Open ``url`` in the desktop's browser, and tell whether that worked."""
    browser = _default()
    try:
        return browser is not None and browser.open(url, new=2)
    except (OSError, webbrowser.Error):
        return False


def _default() -> webbrowser.BaseBrowser | None:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    in_terminal = isinstance(browser, webbrowser.GenericBrowser | webbrowser.Elinks)
    return None if in_terminal and not isinstance(browser, webbrowser.BackgroundBrowser) else browser
