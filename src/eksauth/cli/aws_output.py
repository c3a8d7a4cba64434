"""The AWS CLI's output formats for one small document, with ``--query``: json, text, table, yaml, yaml-stream, off."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from eksauth.errors import UsageError

FORMATS = ("json", "text", "table", "yaml", "yaml-stream", "off")


def apply_query(document: object, query: str | None) -> object:
    """Apply a JMESPath expression.

    :raises UsageError: when the expression cannot be parsed or applied.
    """
    if query is None:
        return document
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, document)
    except JMESPathError:
        raise UsageError(
            "--query is not a valid JMESPath expression", hint="for example --query status.token"
        ) from None


def render(document: object, output: str) -> str:
    """Return ``document`` in one of :data:`FORMATS`."""
    if output == "off":
        return ""
    if output == "text":
        lines: list[str] = []
        _text(document, None, lines)
        return "".join([f"{line}\n" for line in lines]) + "\n"
    if output in {"yaml", "yaml-stream"}:
        import yaml

        body = [document] if output == "yaml-stream" else document
        return yaml.safe_dump(body, sort_keys=False, width=1 << 20, allow_unicode=True)
    if output == "table":
        return _table(document)
    return json.dumps(document, indent=4, ensure_ascii=False) + "\n\n"


def _text(item: object, name: str | None, lines: list[str], columns: Sequence[str] | None = None) -> None:
    """Append ``item`` as the AWS CLI lays out text: scalars of a document on one line, nested ones below by name.

    :param columns: the keys that every document of a list shows, so that its lines have the same fields.
    """
    if isinstance(item, Mapping):
        keys = _scalar_keys([item]) if columns is None else columns
        if keys:
            lines.append(_line(name, [str(item.get(key, "")) for key in keys]))
        for key in sorted(set(item) - set(keys)):
            _text(item[key], key, lines)
    elif isinstance(item, list):
        documents = [element for element in item if isinstance(element, Mapping)]
        if documents:
            shared = _scalar_keys(documents)
            for element in item:
                _text(element, name, lines, shared)
            return
        scalars = [str(element) for element in item if not isinstance(element, list)]
        if name is None and scalars:
            lines.append(_line(None, scalars))
        else:
            lines.extend([_line(name, [scalar]) for scalar in scalars])
        for element in item:
            if isinstance(element, list):
                _text(element, name, lines)
    else:
        lines.append(str(item))


def _scalar_keys(documents: Sequence[Mapping[str, object]]) -> list[str]:
    found = {key for each in documents for key, value in each.items() if not isinstance(value, (Mapping, list))}
    return sorted(found)


def _line(name: str | None, fields: list[str]) -> str:
    return "\t".join(fields if name is None else [name.upper(), *fields])


def _table(document: object) -> str:
    rows: list[tuple[str, str]] = []

    def walk(item: object, path: str) -> None:
        if isinstance(item, Mapping):
            for key, value in item.items():
                walk(value, f"{path}.{key}" if path else str(key))
        elif isinstance(item, list):
            for index, value in enumerate(item):
                walk(value, f"{path}[{index}]")
        else:
            rows.append((path, str(item)))

    walk(document, "")
    left = max([len(name) for name, _ in rows], default=0)
    right = max([len(value) for _, value in rows], default=0)
    rule = f"+-{'-' * left}-+-{'-' * right}-+\n"
    return rule + "".join([f"| {name:<{left}} | {value:<{right}} |\n" for name, value in rows]) + rule
