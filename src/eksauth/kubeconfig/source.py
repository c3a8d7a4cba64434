"""The bytes of a file and their text.

Byte order mark, encoding and line ends are kept, so that unchanged text comes back as the same bytes.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kubeconfig.problems import Problem

MAX_FILE_BYTES = 50 * 1024 * 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file, without its byte order mark.

    :ivar text: every character of the file, line ends as they are.
    :ivar mark: the byte order mark, or nothing.
    :ivar encoding: ``utf-8``, ``utf-16-le`` or ``utf-16-be``.
    """

    text: str = field(repr=False)
    mark: bytes
    encoding: str

    def encode(self, text: str) -> bytes:
        """Return ``text`` as bytes of this file: same byte order mark, same encoding."""
        return self.mark + text.encode(self.encoding)

    def byte_offset(self, offset: int) -> int:
        """Return the place of a character in the file's bytes."""
        return len(self.mark) + len(self.text[:offset].encode(self.encoding))

    def newline(self) -> str:
        r"""Return the line end that the file uses: ``\r\n`` when its first line ends so, else ``\n``."""
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"


def decode_source(data: bytes, path: Path) -> Source:
    """Return the text of a file.

    :raises ConfigError: when the file is larger than :data:`MAX_FILE_BYTES` or is not Unicode.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB",
            hint="this cannot be a kubeconfig; check KUBECONFIG and --kubeconfig",
            code="kubeconfig.size",
        )
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return Source(data[len(mark) :].decode(encoding), mark, encoding)
    except UnicodeDecodeError as error:
        good = data[len(mark) : len(mark) + error.start].decode(encoding, "ignore")
        line, column = good.count("\n") + 1, len(good) - good.rfind("\n")
        name = encoding.partition("-")[0].upper() + "-" + encoding.split("-")[1]
        problem = Problem(line, column, f"not {name} text", "save the file as UTF-8", "kubeconfig.encoding")
        raise problem.error(path) from None


def read_file(path: Path) -> bytes | None:
    """Return the bytes of a kubeconfig file, at most one more than allowed; None when there is no such file.

    :raises ConfigError: when it is there and cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(
            f"{path}: cannot be read: {reason}",
            hint="check the path and its mode; kubectl refuses it too, whatever else KUBECONFIG names",
            code="kubeconfig.unreadable",
        ) from None
    except ValueError:
        raise ConfigError("the path of a kubeconfig has a NUL byte", code="kubeconfig.unreadable") from None
