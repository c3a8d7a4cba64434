"""What people and prompts ask for all day, answered without a command line library or a YAML parser.

``ctx``, ``ctx --list``, ``ctx --current``, ``ctx NAME``, ``ctx -``, ``ns --current`` and completion, for kubeconfigs in
the usual layout. Three-valued like the token's hot path: an exit code when it understood everything and did it, None
when the full command line has to take over. It never reports an error itself.
"""

import os
import sys

from eksauth.kubeconfig.context_lines import context_lines, switched_line, wants_colour
from eksauth.kubeconfig.quick import Quick, quick_merge
from eksauth.token.stdout import write_stdout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LIST = {("-l",), ("--list",)}
_NAMES = {("-o", "name"), ("--output", "name"), ("-oname",), ("--output=name",)}
_CURRENT = {("-c",), ("--current",)}


def fast_lane(argv: list[str], environ: "Mapping[str, str]") -> int | None:
    """Do what ``argv`` (without the program name) asks and return the exit code, or None."""
    try:
        if argv[0] == "__complete":
            from eksauth.kubeconfig.complete import complete

            text = complete(argv[1:], environ)
            return None if text is None else write_stdout(text)
        if environ.get("EKSAUTH_OVERLAY"):  # inside an isolated shell the list comes from elsewhere
            return None
        words = tuple(argv[1:])
        if argv[0] == "ns":
            return _namespace(environ) if words in _CURRENT else None
        return _ctx(words, environ)
    except Exception:  # noqa: BLE001  whatever it is, the full path explains it better
        return None


def _ctx(words: tuple[str, ...], environ: "Mapping[str, str]") -> int | None:
    if not words:
        return None if wants_picker(environ) else _list(environ, names=False)
    if words in _LIST:
        return _list(environ, names=False)
    if words in _NAMES:
        return _list(environ, names=True)
    if words in _CURRENT:
        merged = quick_merge(environ)
        return write_stdout(merged.current + "\n") if merged and merged.current in merged.contexts else None
    if len(words) == 1 and words[0] and (words[0] == "-" or words[0][0] != "-"):
        return _switch(words[0], environ)
    return None


def wants_picker(environ: "Mapping[str, str]") -> bool:
    """Tell whether somebody sits in front of a terminal that can show a picker."""
    terminal = os.isatty(0) and os.isatty(1) and os.isatty(2)
    return terminal and environ.get("TERM", "dumb") != "dumb" and not environ.get("EKSAUTH_NO_PICKER")


def _list(environ: "Mapping[str, str]", *, names: bool) -> int | None:
    merged = quick_merge(environ)
    if merged is None or not merged.contexts or (merged.current and merged.current not in merged.contexts):
        return None
    if names:
        return write_stdout("".join([name + "\n" for name in merged.names()]))
    rows = [(name, context.owned, context.protected) for name, context in _sorted(merged)]
    return write_stdout(context_lines(rows, merged.current, colour=wants_colour(environ, terminal=os.isatty(1))))


def _sorted(merged: Quick) -> list:  # type: ignore[type-arg]
    return [(name, merged.contexts[name]) for name in merged.names()]


def _switch(name: str, environ: "Mapping[str, str]") -> int | None:
    merged = quick_merge(environ)
    if merged is None or (name != "-" and name not in merged.contexts):
        return None
    if name != "-" and name == merged.current and not merged.contexts[name].protected:
        return _tell(name, name)
    from eksauth.kubeconfig.quick_switch import quick_switch

    done = quick_switch(name, environ)
    return None if done is None else _tell(*done)


def _tell(name: str, before: str) -> int:
    if sys.stderr is not None:
        sys.stderr.write(switched_line(name, before))
        sys.stderr.flush()
    return 0


def _namespace(environ: "Mapping[str, str]") -> int | None:
    merged = quick_merge(environ)
    if merged is None or merged.current not in merged.contexts:
        return None
    return write_stdout((merged.contexts[merged.current].namespace or "default") + "\n")
