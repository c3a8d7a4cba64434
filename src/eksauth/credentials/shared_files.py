"""A small reader of the AWS config and credentials files, for what kubectl waits for.

It answers only for files of the usual shape and returns None for anything else (``[DEFAULT]``, continued values, odd
quoting, duplicates, a byte-order mark, an unreadable file, …); the caller then asks botocore. Whenever it answers,
botocore answers the same: ``tests/credentials/test_shared_files_differential.py``. The dialect is botocore's, that is
Python's ``RawConfigParser`` plus ``[profile NAME]`` sections: keys in any case, ``=`` or ``:``, whole-line comments
only, one level of indented sub-blocks.
"""

import os
from _io import BytesIO, TextIOWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Section = dict[str, str | None]  # None stands for an indented block
    Sections = dict[str, Section]

MAX_BYTES = 4 << 20
_REGULAR, _KIND = 0o100000, 0o170000
_SHELL = frozenset("\"'\\")


class SharedFiles:
    """The raw content of both files; a file that does not exist is empty."""

    __slots__ = ("config", "config_path", "credentials", "credentials_path")

    def __init__(self, config_path: str, config: bytes, credentials_path: str, credentials: bytes) -> None:
        self.config_path = config_path
        self.config = config
        self.credentials_path = credentials_path
        self.credentials = credentials

    def profile(self, name: str) -> "tuple[Section | None, Section | None] | None":
        """Return profile ``name`` as (in the config file, in the credentials file), None for absent ones.

        None instead of the pair means that a file is unusual.
        """
        config, credentials = parse_sections(self.config), parse_sections(self.credentials)
        if config is None or credentials is None:
            return None
        found = None
        for header, values in config.items():
            if header.startswith("profile"):
                named = _profile_of_header(header)
                if named is None:
                    return None
                if named == name:
                    found = values
            elif header == name == "default":
                found = values
        return found, credentials.get(name)


def file_paths(environ: "Mapping[str, str]") -> tuple[str, str]:
    """Return the paths of the config and credentials files, before ``~`` and ``$NAME`` are expanded."""
    return (
        environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
        environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    )


def read_shared_files(environ: "Mapping[str, str]") -> SharedFiles | None:
    """Read both files, or return None when a path or file is not an ordinary one."""
    config_path, credentials_path = file_paths(environ)
    config, credentials = _read(config_path), _read(credentials_path)
    if config is None or credentials is None:
        return None
    return SharedFiles(config_path, config, credentials_path, credentials)


def _read(path: str) -> bytes | None:
    if "$" in path or "\0" in path:
        return None  # expanding variables would import re
    if path[:1] == "~":
        path = os.path.expanduser(path)  # noqa: PTH111  pathlib costs more than the whole command
    try:
        # a named pipe must not block, and is no configuration file for botocore either
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if status.st_mode & _KIND != _REGULAR or status.st_size > MAX_BYTES:
            return None
        return os.read(handle, MAX_BYTES + 1)
    except OSError:
        return None
    finally:
        os.close(handle)


def parse_sections(data: bytes) -> "Sections | None":
    """Return the sections of one file by header, or None when anything in it is unusual."""
    if not data:
        return {}
    if data.startswith(b"\xef\xbb\xbf"):
        return None
    sections: Sections = {}
    values: Section = {}
    key = ""
    indent = 0
    try:
        # decoded exactly as configparser would: the locale's encoding, universal line ends
        lines = TextIOWrapper(BytesIO(data), encoding="locale").readlines()
    except (UnicodeError, LookupError):
        return None
    for line in lines:
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        if key and depth > indent:
            # a block below "key =" is nested settings; a continued value is somebody else's business
            if values[key] or text.find("=") < 0 or len(text.splitlines()) != 1:
                return None
            values[key] = None
            continue
        indent = depth
        if text[0] == "[":
            end = text.rfind("]")
            header = text[1:end]
            if end < 2 or header in sections or header == "DEFAULT":
                return None
            values = sections[header] = {}
            key = ""
            continue
        at = _delimiter(text)
        key = text[:at].rstrip().lower()
        if at < 1 or not sections or key in values:
            return None
        values[key] = text[at + 1 :].strip()
    return sections


def _delimiter(text: str) -> int:
    equals, colon = text.find("="), text.find(":")
    if equals < 0 or colon < 0:
        return max(equals, colon)
    return min(equals, colon)


def _profile_of_header(header: str) -> str | None:
    """Return NAME of ``profile NAME`` or ``profile "NAME"``, "" when it names none, None when it is too odd."""
    plain = header.replace("\t", " ")
    if not _SHELL.isdisjoint(header):
        word, _, _ = plain.partition(" ")
        quoted = header[len(word) :].strip(" \t")
        inner = quoted[1:-1]
        usual = word == "profile" and inner and quoted[0] == quoted[-1] and _SHELL.isdisjoint(inner)
        return inner if usual and quoted[0] in "\"'" else None
    words = [word for word in plain.split(" ") if word]
    return words[1] if len(words) == 2 else ""
