"""The namespaces that a cluster had when it was asked last, for completion: names only, private to the user."""

import os
from hashlib import sha256
from time import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FRESH_SECONDS = 60
_MAX_BYTES = 1 << 20


def cache_path(environ: "Mapping[str, str]", context: str, cluster: str, user: str) -> str | None:
    """Return the file for one context, or None when there is no state directory."""
    base = environ.get("EKSAUTH_STATE_DIR", "")
    if base[:1] != "/":
        xdg, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
        base = f"{xdg}/eksauth" if xdg[:1] == "/" else f"{home}/.local/state/eksauth" if home[:1] == "/" else ""
    if not base or not context:
        return None
    key = sha256(f"{context}\0{cluster}\0{user}".encode(errors="surrogatepass")).hexdigest()[:32]
    return f"{base}/namespaces/{key}"


def known_namespaces(environ: "Mapping[str, str]", context: str, cluster: str, user: str) -> list[str]:
    """Return what is known now; when that is old, have it asked for in the background, for the next time."""
    path = cache_path(environ, context, cluster, user)
    if path is None:
        return []
    names: list[str] = []
    age = None
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  pathlib is slow to load
            age = time() - os.fstat(stream.fileno()).st_mtime
            names = stream.read(_MAX_BYTES).decode("utf-8", "replace").split("\n")
    except OSError:
        pass
    if age is None or not -FRESH_SECONDS < age < FRESH_SECONDS:
        _refresh(environ, path)
    return [name for name in names if name]


def store_namespaces(
    environ: "Mapping[str, str]", context: str, cluster: str, user: str, names: "Iterable[str]"
) -> None:
    """Keep what a cluster answered; failing to is nobody's error."""
    from contextlib import suppress
    from pathlib import Path
    from secrets import token_hex

    from eksauth.errors import ConfigError
    from eksauth.kubeconfig.state import private_directory

    path = cache_path(environ, context, cluster, user)
    if path is None:
        return
    with suppress(OSError, ConfigError, UnicodeEncodeError):
        target = Path(path)
        private_directory(target.parent.parent)
        private_directory(target.parent)
        temporary = target.with_name(f".{token_hex(8)}.tmp")
        temporary.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        temporary.replace(target)


def _refresh(environ: "Mapping[str, str]", path: str) -> None:
    """Start ``eksauth ns --refresh`` unless that was just done; it asks nobody anything."""
    from eksauth.kubeconfig.complete import program

    command, mark = program(environ), path + ".asked"
    try:
        if command is None or time() - os.stat(mark).st_mtime < FRESH_SECONDS:  # noqa: PTH116
            return
    except OSError:
        pass
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        with open(mark, "wb"):  # noqa: PTH123
            pass
        os.utime(mark)
        actions = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        os.posix_spawn(
            command or "", [command or "", "ns", "--refresh"], dict(environ), file_actions=actions, setsid=True
        )
    except (OSError, NotImplementedError):
        pass
