"""From nodes to values as kubectl sees them: aliases followed, ``<<`` merged, the last of two equal keys taken."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from eksauth.kubeconfig.nodes import Alias, Mapping, Node, Scalar, Sequence, children, resolve_alias
from eksauth.kubeconfig.problems import Problem
from eksauth.kubeconfig.scalars import FALSE_WORDS, NULL_WORDS, TRUE_WORDS, Plain, resolve_plain

_CORE = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    _CORE + "bool": (bool,),
    _CORE + "int": (int,),
    _CORE + "float": (int, float),
    _CORE + "null": (type(None),),
    _CORE + "timestamp": (str,),
}
_MAX_MERGES = 50


class BadValue(Exception):
    """A value that has no place in a kubeconfig; carries the :class:`Problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def bad(node: Node, message: str, hint: str | None = None, code: str = "kubeconfig.type") -> BadValue:
    """Return the exception that places ``message`` at ``node``."""
    return BadValue(Problem(node.line, node.column, message, hint, code))


def scalar_value(node: Scalar) -> Plain:
    """Return the value of a scalar.

    :raises BadValue: for ``!!binary`` that is no base64 and for a tag that the value does not fit.
    """
    if node.tag is None:
        return node.value if node.style else resolve_plain(node.value)
    if node.tag == _CORE + "binary":
        try:
            joined = node.value.replace("\n", "").replace("\r", "")
            return base64.b64decode(joined, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise bad(node, "the value tagged !!binary is not base64", "remove the tag") from None
    if node.tag not in _TYPES:
        return node.value
    value = resolve_plain(node.value)
    if not isinstance(value, _TYPES[node.tag]) or (isinstance(value, bool) and node.tag != _CORE + "bool"):
        raise bad(node, f"the value is no {node.tag.removeprefix(_CORE)}, which its tag says", "remove the tag")
    return value


def is_null(node: Node) -> bool:
    """Tell whether ``node`` is null or empty.

    :raises BadValue: for ``!!null`` with a value.
    """
    node = resolve_alias(node)
    if not isinstance(node, Scalar) or (node.tag is not None and node.tag != _CORE + "null"):
        return False
    return scalar_value(node) is None


def key_text(node: Node) -> str:
    """Return a mapping key as the text that kubectl makes of it: ``on`` becomes ``true``, ``012`` becomes ``10``.

    :raises BadValue: for keys that are null, lists or mappings.
    """
    node = resolve_alias(node)
    if isinstance(node, Scalar):
        if not node.tag and (node.style or node.value[:1].isalpha()) and node.value not in _WORDS:
            return node.value
        value = scalar_value(node)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return float_text(value)
    raise bad(node, "a key must be text", "write the key as a word, in quotes if need be", "kubeconfig.key")


_WORDS = TRUE_WORDS | FALSE_WORDS | NULL_WORDS


def float_text(value: float) -> str:
    """Return a float as Go prints it in JSON: shortest digits, no exponent between 1e-6 and 1e21."""
    if math.isnan(value) or math.isinf(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    if value == int(value) and abs(value) < 1e21:
        return str(_whole(value))
    if 1e-6 <= abs(value) < 1e21:
        return f"{value:.20f}".rstrip("0") if "e" in repr(value) else repr(value)
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{exponent[:1]}{exponent[1:].lstrip('0')}"


def _whole(value: float) -> int:
    """Return the integer that Go prints for a float: its shortest digits, then zeros."""
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return int(value)
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction + "0" * (int(exponent) - len(fraction)))


def is_merge(key: Node) -> bool:
    """Tell whether a key is ``<<`` without quotes."""
    return isinstance(key, Scalar) and key.value == "<<" and (not key.style or key.tag == _CORE + "merge")


def fields(mapping: Mapping) -> dict[str, tuple[Node, Node]]:
    """Return key text to (key node, value node) with merges done and the last of equal keys taken.

    A ``<<`` overwrites what stands before it and is overwritten by what follows, as kubectl's parser does it; of
    several merged mappings the earlier ones win. Value nodes may be aliases.

    :raises BadValue: for keys that are no text and merges of anything but mappings.
    """
    found: dict[str, tuple[Node, Node]] = {}
    _collect(mapping, found, 0)
    return found


def _collect(mapping: Mapping, found: dict[str, tuple[Node, Node]], depth: int) -> None:
    for key, value in mapping.pairs:
        if is_merge(key):
            merged = resolve_alias(value)
            several = merged.items if isinstance(merged, Sequence) else [value]
            for part in reversed(several):
                other = resolve_alias(part)
                if not isinstance(other, Mapping) or depth >= _MAX_MERGES:
                    raise bad(part, "map merge requires a map or a list of maps", "<< takes *name of a mapping")
                _collect(other, found, depth + 1)
        else:
            found[key_text(key)] = (key, value)


def plain_value(node: Node) -> Any:
    """Return ``node`` as JSON values: dict, list, str, int, float, bool or None; keys are sorted as Go sorts them.

    :raises BadValue: for what JSON cannot hold.
    """
    node = resolve_alias(node)
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key: plain_value(value) for key, (_, value) in sorted(fields(node).items(), key=_bytewise)}
    if not isinstance(node, Scalar):
        return None
    value = scalar_value(node)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            raise bad(node, "a number that JSON cannot hold", "put it in quotes")
        return _whole(value) if value == int(value) and abs(value) < 1e21 else value
    return value


def _bytewise(pair: tuple[str, Any]) -> bytes:
    return pair[0].encode(errors="surrogatepass")


def aliases_multiply(root: Node) -> bool:
    """Tell whether following the aliases multiplies the document beyond what kubectl accepts.

    Source: go-yaml v2: more than 1,000 values, and aliases make more than 99 % of them (10 % from 4,000,000 values).
    """
    total, within = _expanded(root)
    if within <= 100 or total <= 1000:
        return False
    if total <= 400_000:
        allowed = 0.99
    elif total >= 4_000_000:
        allowed = 0.10
    else:
        allowed = 0.99 - 0.89 * (total - 400_000) / 3_600_000
    return within / total > allowed


def _expanded(root: Node) -> tuple[int, int]:
    """Count the values with all aliases followed, and how many of them stand behind an alias."""
    sizes: dict[int, int] = {}
    stack: list[tuple[Node, bool]] = [(root, False)]
    own = 0
    behind = 0
    while stack:
        node, done = stack.pop()
        if not done:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(list(children(node))))
            own += 1
            continue
        size = 1 + sum(sizes.pop(id(child)) if not child.anchor else sizes[id(child)] for child in children(node))
        if isinstance(node, Alias) and node.target is not None:
            size += sizes[id(node.target)]
        sizes[id(node)] = size
    total = sizes[id(root)]
    behind = total - own
    return total, behind
