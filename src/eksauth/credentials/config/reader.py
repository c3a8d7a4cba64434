"""Reading a YAML mapping by a table of keys: values with their places, and every problem on the way."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from eksauth.aws.partitions import PARTITIONS, partition_of_region
from eksauth.credentials.config import env_tag
from eksauth.credentials.config.durations import show_duration
from eksauth.credentials.config.keys import Anything, Command, Either, Key, Listing, Section, Shape, Table, Variables
from eksauth.credentials.config.model import Place
from eksauth.credentials.config.problems import Problem, Severity
from eksauth.credentials.config.shapes import REGION, VARIABLE, Duration, Flag, Scalar, Text
from eksauth.credentials.config.values import Values
from eksauth.spelling import nearest
from eksauth.yaml_source.nodes import YamlFile, is_null

_BOOL = "tag:yaml.org,2002:bool"
_YAML = "tag:yaml.org,2002:"
_TEXT = Text()
_WORTH_A_SUGGESTION = 200


class Reader:
    """Reads nodes by shapes and collects problems.

    :param strict: a key that nobody knows makes the configuration unusable; Atmos's own files are read leniently.
    :ivar inputs: each variable that ``!env`` asked for, with its value or None.
    :ivar marks: where each key's value stands, by its path (``identities.dev.via.provider``).
    :ivar used: the paths of the keys that asked for each variable.
    :ivar secrets: path and place of each secret that the file spells out.
    """

    def __init__(self, file: YamlFile, environ: Mapping[str, str], *, strict: bool) -> None:
        self.file = file
        self.strict = strict
        self.problems: list[Problem] = []
        self._wrong: set[Place] = set()
        self.inputs: dict[str, str | None] = {}
        self.marks: dict[str, yaml.Node] = {}
        self.used: dict[str, list[str]] = {}
        self.secrets: dict[str, Place] = {}
        self._environ = environ

    def place(self, node: yaml.Node) -> Place:
        """Return where ``node`` stands."""
        return Place(self.file.name, self.file.line(node), node.start_mark.column + 1)

    def complain(
        self,
        node: yaml.Node,
        message: str,
        *,
        hint: str | None = None,
        severity: Severity = "error",
        code: str = "config.value",
        fatal: bool | None = None,
    ) -> None:
        """Add a problem; an error is fatal unless said otherwise."""
        place = self.place(node)
        if severity == "error":
            self._wrong.add(place)
        self.problems.append(
            Problem(
                place=place,
                severity=severity,
                message=message,
                hint=hint,
                code=code,
                fatal=severity == "error" if fatal is None else fatal,
            )
        )

    def digests(self) -> tuple[tuple[str, str], ...]:
        """Return name and digest of each variable that was asked for; an empty digest when it is not set."""
        return tuple(
            (name, "" if value is None else hashlib.sha256(value.encode(errors="surrogateescape")).hexdigest())
            for name, value in sorted(self.inputs.items())
        )

    def pairs(self, node: yaml.Node, where: str) -> list[tuple[str, yaml.Node, yaml.Node]]:
        """Return (key, key node, value node) of a mapping, merged keys overridden; nothing for null.

        :raises ConfigError: when aliases multiply the text out of all proportion.
        """
        if is_null(node):
            return []
        if not str(node.tag).startswith(_YAML):
            self._function(node, where or "auth")
            return []
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{where or 'auth'} must be keys and values")
            return []
        again = self.file.repeated_key(node)
        if again is not None:
            self.complain(again, f"{where} has a key twice", hint="keep one of them", code="config.repeated_key")
        if any(not isinstance(key, yaml.ScalarNode) for key, _ in node.value):
            self.complain(node, f"{where} has a key that is not plain text", hint="quote values that begin with {{")
            return []
        return list({key: (key, key_node, value) for key, key_node, value in self.file.pairs(node)}.values())

    def section(self, node: yaml.Node, section: Section, where: str) -> Values:
        """Return what a mapping says, by the keys it may have."""
        values = Values(node)
        for name, key_node, value in self.pairs(node, where):
            key = section.key(name) or (section.key(name.lower()) if not self.strict else None)
            if key is None:
                self._unknown(key_node, name, section, where)
                continue
            found = self.read(value, key.shape, f"{where}.{key.name}" if where else key.name)
            if found is not None:
                values.put(key.name, found, value)
                self.marks[f"{where}.{key.name}" if where else key.name] = value
                if key.secret and value.tag != env_tag.TAG:
                    self.secrets[f"{where}.{key.name}"] = self.place(value)
                if key.unused is not None:
                    said = f"{where}.{key.name} is not used: {key.unused}"
                    self.complain(key_node, said, severity="note", code="config.unused")
        for key in section.keys:
            if key.required and values.get(key.name) is None and not self._broken_below(node, section, key):
                self.complain(
                    node, f"{where}.{key.name} is missing", hint=f"{key.name}: {key.about}", code="config.missing"
                )
        return values

    def is_wrong(self, node: yaml.Node) -> bool:
        """Tell whether ``node``, or a key or value right in it, was complained about; one mistake is one message."""
        inside = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else []
        return any(self.place(part) in self._wrong for part in (node, *inside))

    def _broken_below(self, node: yaml.Node, section: Section, key: Key) -> bool:
        """Tell whether a missing value was in fact complained about already."""
        if not isinstance(node, yaml.MappingNode):
            return not is_null(node)
        return any(
            isinstance(name, yaml.ScalarNode)
            and section.key(str(name.value)) is key
            and self.place(value) in self._wrong
            for name, value in node.value
        )

    def near(self, word: str, known: Sequence[str]) -> list[str]:
        """Return the known word that may have been meant; in a hostile file with many mistakes that costs too much."""
        few = len(self.problems) < _WORTH_A_SUGGESTION and len(word) <= 100
        return nearest(word, known, 1) if few else []

    def _unknown(self, node: yaml.Node, name: str, section: Section, where: str) -> None:
        near = self.near(name, [key.name for key in section.keys])
        known = ", ".join(key.name for key in section.keys)
        shown = name if len(name) <= 60 else f"{name[:60]}…"
        self.complain(
            node,
            f"{where + ': ' if where else ''}unknown key '{shown}'",
            hint=f"did you mean {near[0]}" if near else f"known keys: {known}",
            code="config.unknown_key",
            fatal=self.strict,
        )

    def read(self, node: yaml.Node, shape: Shape, where: str) -> Any:
        """Return the value of a node, or None when it is missing, null, empty or wrong."""
        if isinstance(shape, Anything) or is_null(node):
            return None if is_null(node) else node
        match shape:
            case Section():
                return self.section(node, shape, where)
            case Either():
                if isinstance(node, yaml.MappingNode):
                    return self.section(node, shape.section, where)
                return self.scalar(node, shape.scalar, where)
            case Listing():
                return self._listing(node, shape.item, where)
            case Command():
                return self._command(node, where)
            case Table():
                return self._table(node, shape.item, where)
            case Variables():
                return self._variables(node, where)
            case _:
                return self.scalar(node, shape, where)

    def scalar(self, node: yaml.Node, shape: Scalar, where: str) -> Any:
        """Return a scalar's value, or None when it is null, empty or wrong."""
        text = self.text(node, where)
        if not text:
            return None
        if node.tag == _BOOL and not isinstance(shape, Flag) and text.lower() in {"true", "false"}:
            self.complain(node, f"{where} must be text", hint="put it in quotes if you mean the word")
            return None
        try:
            value = shape.read(text)
        except ValueError as error:
            self.complain(node, f"{where} {error}")
            return None
        if isinstance(shape, Duration):
            self._judge_duration(node, shape, value, where)
        elif shape is REGION and partition_of_region(value) is None:
            near = nearest(value, [region for partition in PARTITIONS for region in partition.regions], 1)
            hint = f"did you mean {near[0]}" if near else None
            said = f"{where} is a region that eksauth does not know"
            self.complain(node, said, hint=hint, severity="warning", code="config.region")
        return value

    def _judge_duration(self, node: yaml.Node, shape: Duration, seconds: int, where: str) -> None:
        if shape.least <= seconds <= shape.most:
            return
        span = f"{show_duration(shape.least)} to {show_duration(shape.most)}"
        if shape.clamped:
            said = f"{where} is brought into the range that AWS takes, {span}"
            self.complain(node, said, severity="warning", code="config.range")
        else:
            self.complain(node, f"{where} must be from {span}", code="config.range", fatal=False)

    def text(self, node: yaml.Node, where: str) -> str | None:
        """Return a scalar as it is written, or what ``!env`` makes of it."""
        if not isinstance(node, yaml.ScalarNode):
            self.complain(node, f"{where} must be a single value")
            return None
        if node.tag == env_tag.TAG:
            return self._from_environment(node, where)
        if not str(node.tag).startswith(_YAML):
            self._function(node, where)
            return None
        return "" if is_null(node) else str(node.value)

    def _function(self, node: yaml.Node, where: str) -> None:
        self.complain(
            node,
            f"{where} uses {one_word(node.tag)}, which is not carried out here",
            hint="only !env NAME for a single value is; write the value itself",
            code="config.function",
        )

    def _from_environment(self, node: yaml.ScalarNode, where: str) -> str | None:
        try:
            asked = env_tag.parse_env(str(node.value))
        except ValueError as error:
            self.complain(node, f"{where}: {error}", code="config.function")
            return None
        value = self._environ.get(asked.name)
        self.used.setdefault(asked.name, []).append(where)
        self.inputs[asked.name] = value
        if value is None and asked.default is None:
            self.complain(
                node,
                f"{where} is empty: the variable {asked.name} is not set",
                severity="warning",
                code="config.variable",
            )
        return asked.default if value is None else value

    def _items(self, node: yaml.Node, where: str) -> list[yaml.Node]:
        return list(self.file.items(node, where)) if isinstance(node, yaml.SequenceNode) else [node]

    def _listing(self, node: yaml.Node, item: Scalar, where: str) -> tuple[Any, ...] | None:
        if isinstance(node, yaml.MappingNode):
            self.complain(node, f"{where} must be a list", hint="begin each item with '- '")
            return None
        found = [self.scalar(each, item, f"{where}[{at}]") for at, each in enumerate(self._items(node, where))]
        return tuple(each for each in found if each is not None) or None

    def _command(self, node: yaml.Node, where: str) -> tuple[str, ...] | None:
        if isinstance(node, yaml.SequenceNode):
            words = self._listing(node, _TEXT, where)
        else:
            line = self.scalar(node, _TEXT, where)
            try:
                words = tuple(shlex.split(line)) if line else None
            except ValueError:
                self.complain(node, f"{where} has a quote that does not end")
                return None
        if words is not None and (not words or not words[0]):
            self.complain(node, f"{where} must name a program")
            return None
        return words

    def _table(self, node: yaml.Node, item: Scalar, where: str) -> tuple[tuple[str, Any], ...] | None:
        found = []
        for name, key_node, value in self.pairs(node, where):
            try:
                _TEXT.read(name)
            except ValueError as error:
                self.complain(key_node, f"{where}: a key {error}")
                continue
            read = self.scalar(value, item, f"{where}.{name}")
            found.append((name, "" if read is None else read))
        return tuple(found) or None

    def _variables(self, node: yaml.Node, where: str) -> tuple[tuple[str, str], ...] | None:
        found: dict[str, str] = {}
        if isinstance(node, yaml.SequenceNode):
            for at, each in enumerate(self._items(node, where)):
                values = self.section(each, _VARIABLE, f"{where}[{at}]")
                if values.get("key") is not None:
                    found[values.get("key")] = values.get("value") or ""
        else:
            for name, key_node, value in self.pairs(node, where):
                try:
                    VARIABLE.read(name)
                except ValueError as error:
                    self.complain(key_node, f"{where}: a key {error}")
                    continue
                found[name] = self.scalar(value, _VALUE, f"{where}.{name}") or ""
        return tuple(found.items()) or None


_VALUE = Text(lines=True)
_VARIABLE = Section(
    (
        Key("key", VARIABLE, "name of the variable", required=True),
        Key("value", _VALUE, "its value"),
    )
)


def one_word(tag: object) -> str:
    """Return a YAML tag for people."""
    return str(tag).split("tag:yaml.org,2002:")[-1][:40]
