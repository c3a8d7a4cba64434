"""Which file the configuration is: named, or in a directory above, or the user's own.

``eksauth token`` without ``--config`` comes through here on every kubectl command, so nothing is imported but ``os``.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("eksauth.yaml", "atmos.yaml", ".atmos.yaml")
"""What is looked for in each directory, in this order; the last two only count with an ``auth`` section."""
VARIABLE = "EKSAUTH_CONFIG"
_LOOK = 2 * 1024 * 1024


class Found:
    """A configuration file.

    :ivar path: absolute; symbolic links in it are left alone.
    :ivar searched: found by walking up from the working directory, so that nobody named it.
    :ivar named_by: ``--config``, the variable's name, or empty.
    """

    __slots__ = ("named_by", "path", "searched")

    def __init__(self, path: str, *, searched: bool, named_by: str = "") -> None:
        self.path = path
        self.searched = searched
        self.named_by = named_by

    def __repr__(self) -> str:
        return f"Found({self.path!r}, searched={self.searched}, named_by={self.named_by!r})"


def find_config(
    environ: "Mapping[str, str]", *, flag: str | None = None, cwd: "str | os.PathLike[str] | None" = None
) -> Found | None:
    """Return the configuration file, or None when there is none.

    ``flag``, else ``EKSAUTH_CONFIG``; else the nearest ``eksauth.yaml``, or ``atmos.yaml`` with an ``auth`` section, in
    the working directory and those above it up to the root of the git repository (outside of one only the working
    directory itself); else ``eksauth/eksauth.yaml`` in the user's configuration directory. A file that was named is
    returned whether it exists or not: reading it tells what is wrong.
    """
    for named_by, name in (("--config", flag), (VARIABLE, environ.get(VARIABLE))):
        if name or (name is not None and named_by == "--config"):
            return Found(_absolute(name, environ, cwd), searched=False, named_by=named_by)
    found = _upward(_working_directory(cwd))
    if found is not None:
        return Found(found, searched=True)
    own = user_config(environ)
    return Found(own, searched=False) if own is not None and os.path.lexists(own) else None


def user_config(environ: "Mapping[str, str]") -> str | None:
    """Return ``$XDG_CONFIG_HOME/eksauth/eksauth.yaml``, by default below ``~/.config``; None without a home."""
    base = environ.get("XDG_CONFIG_HOME", "")
    if base[:1] != "/":  # the XDG specification says to ignore relative paths
        home = _home(environ)
        if home is None:
            return None
        base = f"{home}/.config"
    return f"{base}/eksauth/eksauth.yaml"


def is_atmos(path: str) -> bool:
    """Tell whether ``path`` is named as a file of Atmos: it may say things that mean nothing here."""
    return os.path.basename(path).lstrip(".") in {"atmos.yaml", "atmos.yml"}  # noqa: PTH119


def _absolute(name: str, environ: "Mapping[str, str]", cwd: "str | os.PathLike[str] | None") -> str:
    if name == "~" or name[:2] == "~/":
        name = (_home(environ) or "~") + name[1:]
    if name[:1] == "/":
        return os.path.normpath(name)
    # an empty name would be the directory; it stays what it is, and reading it fails
    return os.path.normpath(os.path.join(_working_directory(cwd) or "/", name)) if name else name  # noqa: PTH118


def _home(environ: "Mapping[str, str]") -> str | None:
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    return home if home[:1] == "/" else None


def _working_directory(cwd: "str | os.PathLike[str] | None") -> str | None:
    try:
        return os.path.abspath(cwd) if cwd is not None else os.getcwd()  # noqa: PTH100, PTH109
    except OSError:  # it was removed
        return None


def _upward(start: str | None) -> str | None:
    if start is None:
        return None
    inside = _git_root(start)
    directory = start
    while True:
        for name in NAMES:
            path = f"{directory.rstrip('/')}/{name}"
            if _is_there(path) and (not is_atmos(path) or _says_auth(path)):
                return path
        if inside is None or directory == inside:
            return None
        directory = os.path.dirname(directory)  # noqa: PTH120


def _git_root(start: str) -> str | None:
    directory = start
    while not os.path.lexists(f"{directory.rstrip('/')}/.git"):
        parent = os.path.dirname(directory)  # noqa: PTH120
        if parent == directory:
            return None
        directory = parent
    return directory


def _is_there(path: str) -> bool:
    """Tell whether there is such a name; one that cannot be read is there, and reading it tells why."""
    return os.path.lexists(path) and not os.path.isdir(path)  # noqa: PTH112


def _says_auth(path: str) -> bool:
    """Tell whether an Atmos file has an ``auth`` section, by its text: the rest of it is none of our business."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    try:
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(_LOOK)
    except OSError:
        return False
    return any([_is_auth_line(line) for line in text.splitlines()])  # noqa: C419  no generators on the way to a token


def _is_auth_line(line: bytes) -> bool:
    line = line.removeprefix(b"\xef\xbb\xbf")
    for key in (b"auth", b'"auth"', b"'auth'"):
        if line.startswith(key) and line[len(key) :].lstrip()[:1] == b":":
            return True
    # the whole file in braces
    return line[:1] == b"{" and b"auth" in line
