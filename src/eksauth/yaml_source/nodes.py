"""YAML as nodes that know their line, within limits; scalars stay the text that was written.

A YAML 1.1 loader turns unquoted account ids into other numbers and ``on`` into a truth value; reading nodes instead of
values avoids that and gives every error a line. Anchors, aliases and merge keys work; a budget that grows with the text
stops alias bombs: what a text spells out itself is never more than it has characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from eksauth.errors import ConfigError
from eksauth.yaml_source.compose import compose_first

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_NODES = 2_000_000
_FREE_NODES = 10_000
_STRING = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_TEXTUAL = {_STRING, "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class YamlFault(ConfigError):
    """A mistake at a place in a YAML text; the message begins with file, line and column.

    :ivar problem: the message without the place.
    :ivar line: from 1, or 0 when the place is not known; ``column`` the same.
    """

    def __init__(
        self, file: str, line: int, column: int, problem: str, *, hint: str | None = None, code: str | None = None
    ) -> None:
        where = f"{file}:{line}:{column}" if line else file
        super().__init__(f"{where}: {problem}", hint=hint, code=code)
        self.problem = problem
        self.line = line
        self.column = column


def read_bounded(path: Path) -> str:
    """Return the text of a configuration file.

    :raises ConfigError: when it is missing, unreadable, too large or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: {(error.strerror or 'unreadable').lower()}", hint="check the path and its mode"
        ) from None
    except ValueError:
        raise ConfigError("the path of the configuration file has a NUL byte") from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB", hint="this cannot be a configuration file"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8", hint="save the file as UTF-8") from None


class YamlFile:
    """One parsed YAML document and the helpers to read it.

    :param name: the file as people know it; it begins every error.
    :param first_line: the number of the text's first line in that file; a text inside another file starts later.
    :raises ConfigError: for YAML that does not parse, with line and column.
    """

    def __init__(self, text: str, name: str, *, first_line: int = 1) -> None:
        self.name = name
        self._first_line = first_line
        self._budget = min(MAX_NODES, _FREE_NODES + 4 * len(text))
        self.root = self._compose(text)

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            return compose_first(text)
        except yaml.YAMLError as error:
            raise self._syntax_error(error) from None
        except ValueError:
            raise ConfigError(f"{self.name}: not text", hint="this cannot be a configuration file") from None

    def _syntax_error(self, error: yaml.YAMLError) -> YamlFault:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + self._first_line, mark.column + 1) if mark else (0, 0)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "malformed"
        hint = "quote values that begin with {{" if "{{" in str(getattr(mark, "buffer", "") or "") else None
        return YamlFault(
            self.name,
            line,
            column,
            f"not valid YAML: {problem}",
            hint=hint or "check the indentation; values that begin with {{ must be quoted",
            code="config.yaml",
        )

    def line(self, node: yaml.Node) -> int:
        """Return the line that ``node`` starts on, from 1."""
        return int(node.start_mark.line) + self._first_line

    def error(self, node: yaml.Node, message: str, hint: str | None = None) -> YamlFault:
        """Return an error that names file, line and column."""
        return YamlFault(self.name, self.line(node), node.start_mark.column + 1, message, hint=hint)

    def _spend(self, node: yaml.Node) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise self.error(
                node, "too many values for a file of this size", "aliases multiply what they stand for; use fewer"
            )

    def pairs(self, node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield (key, key node, value node) of a mapping, merged (``<<``) pairs first so that later ones win.

        :raises ConfigError: when ``node`` is no mapping.
        """
        yield from self._pairs(node, 0)

    def _pairs(self, node: yaml.Node, depth: int) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode) or depth > 20:
            raise self.error(node, "expected keys and values here")
        own = []
        for key, value in node.value:
            self._spend(key)
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "a key must be plain text")
            if key.tag == "tag:yaml.org,2002:merge":
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for other in reversed(merged):
                    yield from self._pairs(other, depth + 1)
            else:
                own.append((str(key.value), key, value))
        yield from own

    def repeated_key(self, node: yaml.Node) -> yaml.Node | None:
        """Return the first key of a mapping that stands there twice, spelled alike; merged ones do not count.

        Go's YAML parser refuses such a file.
        """
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                return key
            seen.add(key.value)
        return None

    def items(self, node: yaml.Node, what: str) -> Iterator[yaml.Node]:
        """Yield the items of a list; nothing for null.

        :raises ConfigError: when ``node`` is anything else.
        """
        if is_null(node):
            return
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(node, f"{what} must be a list", "begin each item with '- '")
        for item in node.value:
            self._spend(item)
            yield item

    def text(self, node: yaml.Node, what: str) -> str:
        """Return a scalar as it is written, whatever YAML takes it for; null is empty.

        :raises ConfigError: for lists and mappings.
        """
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, f"{what} must be plain text")
        return "" if is_null(node) else str(node.value)

    def truth(self, node: yaml.Node, what: str) -> bool:
        """Return a truth value.

        :raises ConfigError: for anything else.
        """
        value = _TRUTH.get(self.text(node, what).lower())
        if value is None:
            raise self.error(node, f"{what} must be true or false")
        return value


def is_null(node: yaml.Node) -> bool:
    """Tell whether ``node`` is an empty value."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def is_unquoted_template(node: yaml.Node) -> bool:
    """Tell whether ``node`` is ``{{Name}}`` without quotes: to YAML a mapping whose key is a mapping."""
    return isinstance(node, yaml.MappingNode) and any(isinstance(key, yaml.MappingNode) for key, _ in node.value)


def string_or_none(node: yaml.Node) -> str | None:
    """Return a scalar that YAML itself takes for text; None for numbers, truth values, lists and the like."""
    if isinstance(node, yaml.ScalarNode) and node.tag in _TEXTUAL:
        return str(node.value)
    return None


def config_text(node: yaml.Node) -> str | None:
    """Return a scalar of a configuration file as text, where the reference makes the same text of it.

    Its reader turns numbers into texts and knows no truth values but ``true`` and ``false``. None where the outcome
    would not be what is written (``010``, ``0x1F``, ``1.0e+3``, ``true``) and for lists and the like.
    """
    if not isinstance(node, yaml.ScalarNode):
        return None
    text = str(node.value)
    whole, _, fraction = text.partition(".")
    same = {
        _BOOL: text.lower() not in {"true", "false"},
        _INT: text.replace(":", "").isdigit() and (text == "0" or text[0] != "0"),
        _FLOAT: whole.isdigit() and (whole == "0" or whole[0] != "0") and fraction.isdigit() and fraction[-1] != "0",
    }
    return text if node.tag in _TEXTUAL or same.get(node.tag) else None
