"""The audit log: one line of JSON for every login and every token of an identity, on this machine, without secrets.

Writing is on the path that kubectl waits for, so the few lines of JSON are made here. A record is one ``write`` to a
file opened for appending: records of parallel processes never mix on a local file system. A line that a crash or a full
disk cut off is ended before the next one, so it spoils nothing but itself. Reading is in
:mod:`eksauth.credentials.audit_log`.
"""

import os
from time import gmtime, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = ("login", "logout", "token", "exec", "credentials", "console", "refused")
FIELDS = ("identity", "account", "arn", "cluster", "region", "reason", "code", "program", "until")
"""What an event may say besides what is added to each: no field has room for a key or a token.

``code`` is that of the error when something was refused, ``program`` the name of what ``exec`` started, without its
arguments, ``until`` epoch seconds."""
MAX_BYTES = 8 << 20
"""A log that would get larger is put aside, and another one is begun."""
OFF = "off"
_MAX_LINE = 4000
_MAX_LETTERS = 300


def audit_path(environ: "Mapping[str, str]") -> str | None:
    """Return where the log is: ``$EKSAUTH_AUDIT_LOG``, else ``audit.jsonl`` in the state directory.

    None when it is switched off with ``off``, or when there is no home to put it in. The state directory is that of
    :func:`eksauth.kubeconfig.state.state_directory`; as there, relative paths count as not given.
    """
    named = environ.get("EKSAUTH_AUDIT_LOG", "")
    if named == OFF:
        return None
    if named[:1] == "/" and "\0" not in named:
        return named
    base = environ.get("EKSAUTH_STATE_DIR", "")
    if base[:1] != "/":
        xdg, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
        base = f"{xdg}/eksauth" if xdg[:1] == "/" else home and f"{home}/.local/state/eksauth"
    return f"{base}/audit.jsonl" if base[:1] == "/" and "\0" not in base else None


def append(
    environ: "Mapping[str, str]",
    event: "Mapping[str, str | float | None]",
    *,
    now: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> str | None:
    """Write one event and return None, or a one-line warning when that was impossible.

    :param event: ``event``, one of :data:`EVENTS`, and any of :data:`FIELDS`; anything else is left out.
    :param max_bytes: of the log, before it is put aside and another one is begun.
    """
    path = audit_path(environ)
    if path is None:
        if environ.get("EKSAUTH_AUDIT_LOG") == OFF:
            return None
        return "the audit log is not written: there is no home directory to put it in"
    try:
        reason = _append(path, encode(event, time() if now is None else now), max_bytes)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
    return None if reason is None else f"the audit log is not written: {path}: {reason}"


def encode(event: "Mapping[str, str | float | None]", now: float) -> bytes:
    """Return the line for an event, shorter than what any system writes in one piece."""
    line = b""
    for letters in (_MAX_LETTERS, 30):
        fields = [
            f'"time":"{_utc(now)}"',
            f'"event":{quoted(str(event["event"]), letters)}',
        ]
        for name in FIELDS:
            value = event.get(name)
            if value is None or value == "":
                continue
            text = quoted(value, letters) if isinstance(value, str) else str(int(value))
            fields.append(f'"{name}":{text}')
        fields.append(f'"pid":{os.getpid()}')
        parent = parent_program()
        if parent:
            fields.append(f'"parent":{quoted(parent, letters)}')
        fields.append(f'"host":{quoted(os.uname().nodename, letters)}')
        line = ("{" + ",".join(fields) + "}\n").encode("ascii")
        if len(line) <= _MAX_LINE:
            break
    return line


def _utc(now: float) -> str:
    year, month, day, hour, minute, second = gmtime(now)[:6]
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"


def quoted(text: str, letters: int = _MAX_LETTERS) -> str:
    """Return ``text`` as a JSON string of ASCII, cut off after so many letters and before any bearer token."""
    text = text.partition("k8s-aws-v1.")[0]
    if len(text) > letters:
        text = text[: letters - 1] + "…"
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = []
    for letter in text:
        number = ord(letter)
        if letter in '"\\':
            out.append(f"\\{letter}")
        elif 32 <= number < 127:
            out.append(letter)
        elif number < 0x10000:
            out.append(f"\\u{number:04x}")
        else:
            number -= 0x10000
            out.append(f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}")
    return '"' + "".join(out) + '"'


def parent_program() -> str | None:
    """Return the name of the program that started this one, as Linux shows it; None where it does not."""
    try:
        handle = os.open(f"/proc/{os.getppid()}/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(handle, 64).decode("utf-8", "replace").strip()
    except OSError:
        return None
    finally:
        os.close(handle)


def _append(path: str, line: bytes, max_bytes: int) -> str | None:
    for _ in range(3):  # another process may put the log aside between our opening it and our looking at it
        handle = _open(path)
        try:
            status = os.fstat(handle)
            if status.st_mode & 0o170000 != 0o100000:
                return "it is not a regular file"
            if status.st_uid != os.geteuid():
                return "it belongs to somebody else"
            if status.st_mode & 0o077:
                os.fchmod(handle, 0o600)
            if status.st_size and status.st_size + len(line) > max_bytes and _put_aside(path, handle):
                continue
            # where a write crosses a page others see half of it for a moment: then there is a blank line, which is none
            if status.st_size and os.pread(handle, 1, status.st_size - 1) != b"\n":
                line = b"\n" + line
            return None if os.write(handle, line) == len(line) else "the disk is full"
        finally:
            os.close(handle)
    return "it changes all the time"


def _put_aside(path: str, handle: int) -> bool:
    from eksauth.credentials.audit_rotation import put_aside

    return put_aside(path, handle)


def _open(path: str) -> int:
    # for reading as well: the last byte is looked at, and a pipe without a reader does not block
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        from eksauth.credentials.audit_rotation import make_directory

        make_directory(path)
        return os.open(path, flags, 0o600)
