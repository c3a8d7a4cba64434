"""Rules about keys: unknown ones, which kubectl ignores without a word, and ones given twice."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from eksauth.kubeconfig.decode import KNOWN_KEYS
from eksauth.kubeconfig.document import BODY_KEYS, SECTIONS, Document
from eksauth.kubeconfig.lint.finding import Finding
from eksauth.kubeconfig.nodes import Mapping, Node, Scalar, Sequence, resolve_alias
from eksauth.kubeconfig.values import BadValue, fields, is_merge, key_text

_TOP = frozenset((*SECTIONS, "apiVersion", "kind", "current-context", "preferences", "extensions"))
_NESTED = {"exec": "exec", "env": "env", "auth-provider": "auth-provider", "extensions": "extensions"}
_FREE = frozenset(("extension", "config", "as-user-extra"))
"""Keys below which anything may stand."""


def check_keys(document: Document) -> Iterator[Finding]:
    """Report unknown and repeated keys of a document, everywhere outside extensions."""
    if document.root is None:
        return
    yield from _mapping(document, document.root, _TOP, "at the top")
    for section in SECTIONS:
        key = BODY_KEYS[section]
        if section in document.top:
            for item in _items(document.top[section].node):
                yield from _mapping(document, item, frozenset(("name", key)), f"in an item of {section}", section)
    if "preferences" in document.top:
        yield from _value(document, document.top["preferences"].node, KNOWN_KEYS["preferences"], "in preferences")


def _mapping(
    document: Document, node: Node, known: frozenset[str], where: str, section: str | None = None
) -> Iterator[Finding]:
    node = resolve_alias(node)
    if not isinstance(node, Mapping):
        return
    seen: dict[str, Node] = {}
    for key, value in node.pairs:
        if is_merge(key) or not isinstance(resolve_alias(key), Scalar):
            continue
        try:
            name = key_text(key)
        except BadValue:
            continue
        if name in seen:
            message = f"{name} stands {where} twice; the last one counts"
            fix = f"remove the one in line {seen[name].line} or this one"
            yield Finding("warning", "key.twice", document.path, key.line, key.column, message, fix)
        seen[name] = key
        if name not in known:
            below = BODY_KEYS[section] if section is not None and name in KNOWN_KEYS[section] else None
            yield _unknown(document, key, name, known, where, below)
        elif section is not None and name == BODY_KEYS[section]:
            yield from _value(document, value, KNOWN_KEYS[section], f"in {_called(node, name)}")


def _value(document: Document, node: Node, known: frozenset[str], where: str) -> Iterator[Finding]:
    yield from _mapping(document, node, known, where)
    target = resolve_alias(node)
    if not isinstance(target, Mapping):
        return
    for key, value in target.pairs:
        name = key.value if isinstance(key, Scalar) else ""
        if name not in _NESTED or name in _FREE:
            continue
        inside = KNOWN_KEYS[_NESTED[name]]
        if isinstance(resolve_alias(value), Sequence):
            for item in _items(value):
                yield from _mapping(document, item, inside, f"in an item of {name}")
        else:
            yield from _value(document, value, inside, f"in {name}")


def _items(node: Node) -> list[Node]:
    target = resolve_alias(node)
    return target.items if isinstance(target, Sequence) else []


def _called(item: Mapping, kind: str) -> str:
    try:
        name = resolve_alias(fields(item)["name"][1])
    except (BadValue, KeyError):
        return f"a {kind}"
    return f'{kind} "{name.value}"' if isinstance(name, Scalar) else f"a {kind}"


def _unknown(document: Document, key: Node, name: str, known: frozenset[str], where: str, below: str | None) -> Finding:
    lower = {word.lower(): word for word in known}
    squeezed = {word.replace("-", "").lower(): word for word in known}
    same = lower.get(name.lower()) or squeezed.get(name.replace("-", "").replace("_", "").lower())
    near = [same] if same else get_close_matches(name, known, 1)
    fix = f"write {near[0]}" if near else f"remove it; known here: {', '.join(sorted(known))}"
    if below is not None:
        fix = f"indent it: it belongs below {below}:"
    message = f"kubectl does not know {name} {where} and ignores it"
    return Finding("warning", "key.unknown", document.path, key.line, key.column, message, fix)
