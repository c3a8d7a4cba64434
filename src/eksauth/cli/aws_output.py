"""The AWS CLI's output formats for one small document, with ``--query``: json, text, table, yaml, yaml-stream, off."""

from __future__ import annotations

import json
from collections.abc import Mapping

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


def _text(item: object, name: str | None, lines: list[str]) -> None:
    if isinstance(item, Mapping):
        scalars = [_scalar(item[key]) for key in sorted(item) if not isinstance(item[key], (Mapping, list))]
        if scalars:
            lines.append("\t".join([name.upper(), *scalars] if name is not None else scalars))
        for key in sorted(item):
            if isinstance(item[key], (Mapping, list)):
                _text(item[key], key, lines)
    elif isinstance(item, list):
        scalars = [_scalar(element) for element in item if not isinstance(element, (Mapping, list))]
        if scalars:
            lines.append("\t".join([name.upper(), *scalars] if name is not None else scalars))
        for element in item:
            if isinstance(element, (Mapping, list)):
                _text(element, name, lines)
    else:
        lines.append(_scalar(item))


def _scalar(value: object) -> str:
    return "None" if value is None else str(value)


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
            rows.append((path, _scalar(item)))

    walk(document, "")
    left = max([len(name) for name, _ in rows], default=0)
    right = max([len(value) for _, value in rows], default=0)
    rule = f"+-{'-' * left}-+-{'-' * right}-+\n"
    return rule + "".join([f"| {name:<{left}} | {value:<{right}} |\n" for name, value in rows]) + rule
