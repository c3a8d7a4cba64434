"""Paths that a configuration names: ``~`` is the home directory, relative ones start at the file that names them."""

from __future__ import annotations

import os.path
from collections.abc import Mapping


def expand(text: str | None, config_path: str, environ: Mapping[str, str]) -> str | None:
    """Return an absolute path; None stays None."""
    if text is None:
        return None
    if text == "~" or text.startswith("~/"):
        home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
        text = home + text[1:]
    return os.path.normpath(os.path.join(os.path.dirname(config_path), text))  # noqa: PTH118, PTH120
