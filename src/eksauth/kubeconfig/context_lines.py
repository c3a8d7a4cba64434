"""How a list of contexts looks; shared by the fast lane and the full command, so that both print the same."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def context_lines(rows: "Iterable[tuple[str, bool, bool]]", current: str, *, colour: bool = False) -> str:
    """Return one line per context: ``*`` before the current one, marks in brackets after the name.

    :param rows: (name, whether eksauth owns it, whether it is protected).
    """
    lines = []
    for name, owned, protected in rows:
        shown = visible(name)
        if owned or protected:
            shown += "  [eksauth, protected]" if owned and protected else "  [eksauth]" if owned else "  [protected]"
        if name != current:
            lines.append(f"  {shown}\n")
        else:
            lines.append(f"\x1b[1;32m* {shown}\x1b[0m\n" if colour else f"* {shown}\n")
    return "".join(lines)


def visible(name: str) -> str:
    """Return a name with control characters escaped: it comes from a file and goes to a terminal."""
    if name.isprintable():
        return name
    return "".join([letter if letter.isprintable() else repr(letter)[1:-1] for letter in name])


def wants_colour(environ: "Mapping[str, str]", *, terminal: bool) -> bool:
    """Tell whether to colour: on a terminal, unless ``NO_COLOR`` is set (https://no-color.org) or it is a dumb one."""
    return terminal and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


def switched_line(name: str, before: str) -> str:
    """Return what to tell about a switch."""
    if name == before:
        return f'context "{visible(name)}" is current already\n'
    was = f' (was "{visible(before)}")' if before else ""
    return f'switched to context "{visible(name)}"{was}\n'
