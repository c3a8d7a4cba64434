"""Finding the secrets in a document's text, so that a diff of it can be shown.

By key, wherever it stands: kubectl hides only what its own types call secret, and prints variables, arguments and
provider settings in clear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eksauth.kubeconfig.nodes import Mapping, Node, Scalar, Sequence, resolve_alias
from eksauth.kubeconfig.redact import redact_arguments

HIDDEN = "REDACTED"
_SECRET_KEYS = frozenset(
    ("token", "password", "client-key-data", "client-certificate-data", "id-token", "refresh-token", "access-token",
     "client-secret")
)  # fmt: skip
_BULKY_KEYS = frozenset(("certificate-authority-data",))
_SHOWN_VARIABLES = frozenset(
    ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_DEFAULT_PROFILE", "AWS_STS_REGIONAL_ENDPOINTS",
     "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "AWS_ROLE_ARN", "EKSAUTH_CONFIG",
     "EKSAUTH_IDENTITY")
)  # fmt: skip
_SECRET_FLAG = re.compile(r"--?[a-z-]*(?:secret|password|token)[a-z-]*(=)?", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def redacted_text(text: str, root: Node | None) -> str:
    """Return ``text`` with its secrets replaced, line for line."""
    parts, position = [], 0
    for start, end in sorted(set(secret_spans(text, root))):
        if start >= position:
            parts += [text[position:start], HIDDEN + "\n" * text.count("\n", start, end)]
            position = end
    return "".join([*parts, text[position:]])


def secret_spans(text: str, root: Node | None) -> Iterator[tuple[int, int]]:
    """Yield the spans of all scalars that are, or may well be, secrets."""
    stack: list[Node] = [] if root is None else [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Sequence):
            yield from _secret_arguments(node)
            stack.extend(node.items)
        elif isinstance(node, Mapping):
            named = {key.value: value for key, value in node.pairs if isinstance(key, Scalar)}
            for name, value in named.items():
                if _is_secret(name, named):
                    yield from ((part.start, part.end) for part in _scalars(value))
                elif isinstance(value, Scalar) and _URL_PASSWORD.search(text, value.start, value.end):
                    yield value.start, value.end
            stack.extend(value for _, value in node.pairs)


def _is_secret(name: str, siblings: dict[str, Node]) -> bool:
    if name in _SECRET_KEYS or name in _BULKY_KEYS:
        return True
    variable = siblings.get("name")
    if name == "value" and isinstance(variable, Scalar):
        return variable.value not in _SHOWN_VARIABLES
    return False


def _scalars(node: Node) -> Iterator[Scalar]:
    node = resolve_alias(node)
    if isinstance(node, Scalar) and node.end > node.start:
        yield node


def _secret_arguments(node: Sequence) -> Iterator[tuple[int, int]]:
    """Yield ``--client-secret=…`` and what follows ``--client-secret``."""
    after_flag = False
    for item in node.items:
        if isinstance(item, Scalar):
            flag = _SECRET_FLAG.match(item.value)
            if after_flag or (flag and flag[1]) or redact_arguments((item.value,)) != (item.value,):
                yield item.start, item.end
            after_flag = bool(flag and flag.end() == len(item.value) and not flag[1])
