"""Writing one kubeconfig in many ways: indentation, quotes, flow style, comments, anchors, line ends, JSON."""

from __future__ import annotations

import copy
import itertools
import json
from random import Random
from typing import Any

NAMES = [
    "a", "prod", "arn:aws:eks:eu-west-1:012345678901:cluster/c", "dev cluster", "yes", "0755", "1:30", "1e3", "null",
    "~", "2024-01-01", "#x", "a: b", "- x", "ünïcode", "it's", 'say "hi"', "tab\there", "y", "=", "<<", ".inf", "-.5",
    "012", "0o17", "user@cluster", "{x}", "[y]", "a,b", "*star", "&amp", "!tag", "%x", "@at", "`tick", "|", ">", "?",
    "trailing ", " leading", "line\nbreak", "back\\slash", "☸", "off", "N", "0x1F", "1_000", "08",
]  # fmt: skip
VALUES = [*NAMES, "https://x.example:6443/path", "LS0tLS1CRUdJTg==", "", "eu-west-1", "--flag=value", "/usr/bin/aws"]


def config(random: Random) -> dict[str, Any]:
    """Return a random kubeconfig as values."""
    names = random.sample(NAMES, 4)
    clusters = [{"name": name, "cluster": _cluster(random)} for name in names[: random.randint(0, 4)]]
    users = [{"name": name, "user": _user(random)} for name in names[: random.randint(0, 4)]]
    contexts = [{"name": name, "context": _context(random, names)} for name in names[: random.randint(0, 4)]]
    for section, key in ((clusters, "cluster"), (users, "user"), (contexts, "context")):
        _repeat(random, section, key)
    top: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    parts = {"clusters": clusters, "users": users, "contexts": contexts, "current-context": random.choice(NAMES)}
    for key, value in parts.items():
        if random.random() < 0.9:
            top[key] = value if value or random.random() < 0.5 else None
    if random.random() < 0.5:
        top["preferences"] = {}
    if random.random() < 0.3:
        top["x-unknown"] = {"list": [1, True, None, [2, {"deep": "yes"}], []], "text": "kept"}
    return _shuffled(random, top)


def _repeat(random: Random, section: list[dict[str, Any]], key: str) -> None:
    """Give some entries the body of the one before, or one key more."""
    extra = {"cluster": "tls-server-name", "user": "username", "context": "namespace"}[key]
    for before, item in itertools.pairwise(section):
        if before[key] and random.random() < 0.4:
            item[key] = copy.deepcopy(before[key])
            if random.random() < 0.5:
                item[key][extra] = "more"


def _cluster(random: Random) -> dict[str, Any] | None:
    body: dict[str, Any] = {"server": random.choice(VALUES[-4:]), "certificate-authority-data": "QUJD"}
    if random.random() < 0.3:
        body["proxy-url"] = "http://proxy"
    if random.random() < 0.3:
        body["insecure-skip-tls-verify"] = False
    if random.random() < 0.3:
        body["extensions"] = [{"name": "tool", "extension": {"num": 1, "s": random.choice(VALUES)}}]
    return _shuffled(random, body) if random.random() < 0.95 else None


def _context(random: Random, names: list[str]) -> dict[str, Any]:
    body = {"cluster": random.choice(names), "user": random.choice(names)}
    if random.random() < 0.4:
        body["namespace"] = random.choice(VALUES)
    return _shuffled(random, body)


def _user(random: Random) -> dict[str, Any]:
    if random.random() < 0.4:
        return {"token": random.choice(VALUES[-3:])} if random.random() < 0.9 else {}
    plugin: dict[str, Any] = {"apiVersion": "client.authentication.k8s.io/v1", "command": random.choice(VALUES)}
    plugin["args"] = [random.choice(VALUES) for _ in range(random.randint(0, 3))] or None
    plugin["env"] = [{"name": f"V{number}", "value": random.choice(VALUES)} for number in range(random.randint(0, 2))]
    plugin["interactiveMode"] = "Never"
    return {"exec": _shuffled(random, plugin)}


def _shuffled(random: Random, value: dict[str, Any]) -> dict[str, Any]:
    keys = sorted(value)
    if random.random() < 0.5:
        random.shuffle(keys)
    return {key: value[key] for key in keys}


def render(random: Random, top: dict[str, Any]) -> str:
    """Return ``top`` as YAML or JSON text in a random style."""
    kind = random.random()
    if kind < 0.15:
        indent = random.choice([None, 2, 4])
        separators = (",", ":") if indent is None and random.random() < 0.5 else None
        return json.dumps(top, indent=indent, separators=separators, ensure_ascii=random.random() < 0.5) + "\n"
    text = _Renderer(random).document(top)
    if random.random() < 0.2:
        text += "---\nsecond: document # untouched\n"
    elif random.random() < 0.3:
        text = text[:-1]
    if random.random() < 0.2:
        text = "---\n" + text
    return text.replace("\n", "\r\n") if random.random() < 0.2 else text


class _Renderer:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.step = random.choice([2, 2, 4, 1])
        self.dash = random.choice([0, 0, 2, self.step])
        self.gap = random.choice([" ", " ", "   "])
        self.comments = random.random() < 0.5
        self.flows = random.choice([0.0, 0.0, 0.2])
        self.number = 0
        self.aliases = random.random() < 0.35
        self.anchored: list[tuple[str, dict[str, Any]]] = []

    def anchor(self, value: Any) -> str:
        """Return an anchor for a mapping that others may refer to, or nothing."""
        if not self.aliases or not isinstance(value, dict) or self.random.random() < 0.5:
            return ""
        self.anchored.append((f"anchor{len(self.anchored)}", value))
        return f" &{self.anchored[-1][0]}"

    def alias(self, value: Any) -> str | None:
        """Return the alias of an equal mapping that stands before."""
        if not isinstance(value, dict) or not value or self.random.random() < 0.2:
            return None
        return next((f"*{name}" for name, other in self.anchored if other == value and other is not value), None)

    def merge(self, value: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Return an alias whose mapping is part of ``value``, and the rest of it."""
        for name, other in self.anchored:
            if 0 < len(other) < len(value) and other.items() <= value.items() and self.random.random() < 0.8:
                return f"*{name}", {key: item for key, item in value.items() if key not in other}
        return None

    def comment(self, indent: int) -> list[str]:
        if not self.comments or self.random.random() < 0.8:
            return []
        self.number += 1
        return [" " * indent + f"# comment {self.number}"] if self.random.random() < 0.8 else [""]

    def tail(self) -> str:
        if not self.comments or self.random.random() < 0.8:
            return ""
        self.number += 1
        return f"  # tail {self.number}"

    def document(self, top: dict[str, Any]) -> str:
        return "\n".join(self.mapping(top, 0) + self.comment(0)) + "\n"

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return self.random.choice(["null", "~", ""]) if value is None else json.dumps(value)
        simple = (
            value.isascii() and value.isalpha() and value.lower() not in {"yes", "no", "y", "n", "off", "on", "null"}
        )
        if simple and self.random.random() < 0.7:
            return value
        if value.isprintable() and self.random.random() < 0.5:
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False)

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.key(key)}: {self.flow(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        return self.scalar(value) if value is not None else "null"

    def key(self, key: str) -> str:
        return key if self.random.random() < 0.9 else f'"{key}"'

    def inline(self, value: Any) -> str | None:
        """Return a value that fits behind its key, or None when it needs lines of its own."""
        if isinstance(value, (dict, list)) and value and self.random.random() >= self.flows:
            return None
        return self.flow(value) if isinstance(value, (dict, list)) else self.scalar(value)

    def mapping(self, value: dict[str, Any], indent: int) -> list[str]:
        lines: list[str] = []
        merged = self.merge(value) if self.aliases and all(isinstance(item, str) for item in value.values()) else None
        if merged is not None:
            lines.append(" " * indent + f"<<: {merged[0]}")
            value = merged[1]
        for key, item in value.items():
            lines += self.comment(indent)
            inline = self.alias(item) or self.inline(item)
            if inline is not None:
                lines.append(" " * indent + f"{self.key(key)}: {inline}".rstrip(" ") + self.tail())
                continue
            anchor = self.anchor(item)
            lines.append(" " * indent + f"{self.key(key)}:{anchor}" + self.tail())
            inner = indent + (self.dash if isinstance(item, list) else self.step)
            lines += self.sequence(item, inner) if isinstance(item, list) else self.mapping(item, inner)
        return lines

    def sequence(self, value: list[Any], indent: int) -> list[str]:
        lines: list[str] = []
        for item in value:
            lines += self.comment(indent)
            inline = self.inline(item)
            if inline is not None:
                lines.append((" " * indent + f"-{self.gap}{inline}").rstrip(" ") + self.tail())
                continue
            inner = indent + 1 + len(self.gap)
            nested = self.sequence(item, inner) if isinstance(item, list) else self.mapping(item, inner)
            first = next(index for index, line in enumerate(nested) if line.strip()[:1] not in {"#", ""})
            lines += nested[:first]
            lines += [" " * indent + "-" + self.gap + nested[first].lstrip(" "), *nested[first + 1 :]]
        return lines
