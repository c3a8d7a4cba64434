"""What there is to read: each job knows where its text is and makes one content of it.

A job is a plain value, so that another process can do it; what it raises and returns is the same wherever it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from eksauth.authenticator.config import ServerConfig, load_server_config
from eksauth.authenticator.entries.model import AccessEntry
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.mapping.aws_auth import mappings_of, read_section
from eksauth.authenticator.mapping.dynamic_json import parse_dynamic
from eksauth.authenticator.mapping.model import Mappings, Problem, Problems
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import MAX_FILE_BYTES, YamlFile, read_bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was read.

    :ivar config: of a server's configuration file, without mappings and warnings, which are next to it.
    :ivar updated_at: of a dynamic file: epoch seconds that its writer gives, None without.
    """

    mappings: Mappings = field(default_factory=Mappings)
    entries: tuple[AccessEntry, ...] = ()
    problems: tuple[Problem, ...] = ()
    config: ServerConfig | None = None
    updated_at: float | None = None

    def __len__(self) -> int:
        mappings = self.mappings
        return len(mappings.roles) + len(mappings.users) + len(mappings.accounts) + len(self.entries)


class ServerConfigJob(msgspec.Struct, frozen=True, tag="config"):
    """A server's configuration file."""

    path: str

    def size(self) -> int:
        """Return how many bytes there are to read; raises OSError."""
        return Path(self.path).stat().st_size

    def read(self) -> Content:
        """Read the file; raises ConfigError."""
        config = load_server_config(Path(self.path))
        bare = replace(config, mappings=Mappings(), warnings=())
        return Content(mappings=config.mappings, problems=config.warnings, config=bare)


class DynamicFileJob(msgspec.Struct, frozen=True, tag="dynamic"):
    """The JSON of ``DynamicFile``; ``strict`` knows entries by their ``userid``."""

    path: str
    strict: bool

    def size(self) -> int:
        """Return how many bytes there are to read; raises OSError."""
        return Path(self.path).stat().st_size

    def read(self) -> Content:
        """Read the file; raises ConfigError, and OSError when it cannot be opened."""
        with Path(self.path).open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ConfigError(
                f"{self.path}: larger than {MAX_FILE_BYTES // 2**20} MiB", hint="this cannot be a mapping file"
            )
        content = parse_dynamic(raw, self.path, strict=self.strict)
        return Content(mappings=content.mappings, updated_at=content.updated_at)


class AccessEntriesJob(msgspec.Struct, frozen=True, tag="entries"):
    """A file with access entries."""

    path: str
    partition: str

    def size(self) -> int:
        """Return how many bytes there are to read; raises OSError."""
        return Path(self.path).stat().st_size

    def read(self) -> Content:
        """Read the file; raises ConfigError, and FileNotFoundError when there is none."""
        path = Path(self.path)
        path.stat()  # a file that is not there is told from one that cannot be used
        problems = Problems()
        reader = EntryReader(YamlFile(read_bounded(path), self.path), problems, partition=self.partition)
        return Content(entries=reader.read_file(), problems=tuple(problems.found))


class SectionJob(msgspec.Struct, frozen=True, tag="section"):
    """One section of an ``aws-auth`` ConfigMap; ``name`` begins what is said about it."""

    key: str
    text: str
    name: str

    def size(self) -> int:
        """Return how many characters there are to read."""
        return len(self.text)

    def read(self) -> Content:
        """Read the section; raises ConfigError when none of it can be used."""
        problems = Problems()
        entries = read_section(self.key, self.text, self.name, problems)
        return Content(mappings=mappings_of({self.key: entries}), problems=tuple(problems.found))


Job = ServerConfigJob | DynamicFileJob | AccessEntriesJob | SectionJob


def whole_config(content: Content) -> ServerConfig:
    """Return the configuration with its mappings, whichever way it came."""
    return replace(content.config or ServerConfig(), mappings=content.mappings, warnings=content.problems)
