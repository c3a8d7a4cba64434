"""From nodes to the format's values, refusing what kubectl refuses: wrong types, broken base64.

kubectl reads case-sensitively, ignores unknown keys, and takes null for "not given" everywhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

from eksauth.kubeconfig.model import (
    AuthProvider,
    Body,
    Cluster,
    Context,
    ExecConfig,
    ExecEnvVar,
    NamedExtension,
    Preferences,
    User,
)
from eksauth.kubeconfig.nodes import Mapping, Node, Scalar, Sequence, resolve_alias
from eksauth.kubeconfig.values import BadValue, bad, fields, is_null, plain_value, scalar_value

T = TypeVar("T")
_Reader = Callable[[Node, str], Any]


def kind_of(node: Node) -> str:
    """Name what a node is, for messages."""
    node = resolve_alias(node)
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    try:
        value = scalar_value(node) if isinstance(node, Scalar) else None
    except BadValue:
        return "broken binary data"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    return "null" if value is None else "text"


def text(node: Node, what: str) -> str:
    """Return a text; null is empty.

    :raises BadValue: when kubectl takes the value for something else than text.
    """
    target = resolve_alias(node)
    if isinstance(target, Scalar):
        value = scalar_value(target)
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        raise bad(node, f"{what} is {kind_of(target)}, not text", f'put it in quotes: "{target.value}"')
    raise bad(node, f"{what} is {kind_of(target)}, not text", "write one word or a text in quotes after the colon")


def truth(node: Node, what: str) -> bool:
    """Return a truth value; null is false.

    :raises BadValue: for anything else, quoted words included.
    """
    target = resolve_alias(node)
    value = scalar_value(target) if isinstance(target, Scalar) else target
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    quoted = isinstance(target, Scalar) and target.style and target.value in {"true", "false"}
    hint = f"remove the quotes: {target.value}" if quoted and isinstance(target, Scalar) else "write true or false"
    raise bad(node, f"{what} is {kind_of(target)}, not a truth value", hint)


def data(node: Node, what: str) -> str:
    """Return base64 data as kubectl would write it: line breaks removed, unused bits zero.

    :raises BadValue: when it is no standard base64 with padding.
    """
    written = text(node, what)
    joined = written.replace("\n", "").replace("\r", "")
    try:
        return base64.b64encode(base64.b64decode(joined, validate=True)).decode()
    except (binascii.Error, ValueError):
        raise bad(
            node,
            f"{what} is not base64",
            "write it in one line of standard base64 with its padding, or name a file instead",
            "kubeconfig.base64",
        ) from None


def items(node: Node, what: str) -> list[Node]:
    """Return the items of a list; null is an empty list.

    :raises BadValue: for anything else.
    """
    target = resolve_alias(node)
    if isinstance(target, Sequence):
        return target.items
    if is_null(target):
        return []
    hint = "write each entry as an item: - name: …" if isinstance(target, Mapping) else "begin each item with '- '"
    raise bad(node, f"{what} is {kind_of(target)}, not a list", hint)


def mapping(node: Node, what: str) -> dict[str, tuple[Node, Node]]:
    """Return the fields of a mapping; null has none.

    :raises BadValue: for anything else.
    """
    target = resolve_alias(node)
    if isinstance(target, Mapping):
        return fields(target)
    if is_null(target):
        return {}
    raise bad(node, f"{what} is {kind_of(target)}, not a mapping", "write indented 'key: value' lines below it")


def check_unknown(node: Node) -> None:
    """Look at the value of an unknown key: kubectl ignores it, but not when it cannot be turned into JSON.

    :raises BadValue: for merges of anything but mappings, NaN, broken ``!!binary`` and the like.
    """
    plain_value(node)


def _texts(node: Node, what: str) -> tuple[str, ...]:
    return tuple(text(item, f"an item of {what}") for item in items(node, what))


def _optional_texts(node: Node, what: str) -> tuple[str, ...] | None:
    return None if is_null(node) else _texts(node, what)


def extensions(node: Node, what: str) -> tuple[NamedExtension, ...]:
    """Return named extensions.

    :raises BadValue: for a wrong type, or a name that occurs twice.
    """
    found: dict[str, NamedExtension] = {}
    for item in items(node, what):
        given = mapping(item, f"an item of {what}")
        name = text(given["name"][1], f"the name of an item of {what}") if "name" in given else ""
        for key, (_, value) in given.items():
            if key not in {"name", "extension"}:
                check_unknown(value)
        if name in found:
            raise bad(item, f'{what} names "{name}" twice', "remove one of the two", "kubeconfig.duplicate")
        found[name] = NamedExtension(name, plain_value(given["extension"][1]) if "extension" in given else None)
    return tuple(found.values())


def _env(node: Node, what: str) -> tuple[ExecEnvVar, ...] | None:
    if is_null(node):
        return None
    return tuple(
        _fill(ExecEnvVar, {"name": ("name", text), "value": ("value", text)}, item, f"an item of {what}")
        for item in items(node, what)
    )


def _extra(node: Node, what: str) -> dict[str, tuple[str, ...] | None]:
    return {key: _optional_texts(value, f"{what}.{key}") for key, (_, value) in mapping(node, what).items()}


def _config(node: Node, what: str) -> dict[str, str] | None:
    if is_null(node):
        return None
    return {key: text(value, f"{what}.{key}") for key, (_, value) in mapping(node, what).items()}


def _exec(node: Node, what: str) -> ExecConfig | None:
    return None if is_null(node) else _fill(ExecConfig, _EXEC, node, what)


def _auth_provider(node: Node, what: str) -> AuthProvider | None:
    if is_null(node):
        return None
    return _fill(AuthProvider, {"name": ("name", text), "config": ("config", _config)}, node, what)


def _fill(kind: type[T], table: dict[str, tuple[str, _Reader]], node: Node, what: str) -> T:
    given: dict[str, Any] = {}
    for key, (_, value) in mapping(node, what).items():
        if key in table:
            name, read = table[key]
            given[name] = read(value, f"{what}.{key}")
        else:
            check_unknown(value)
    return kind(**given)


_CLUSTER: dict[str, tuple[str, _Reader]] = {
    "server": ("server", text),
    "tls-server-name": ("tls_server_name", text),
    "insecure-skip-tls-verify": ("insecure_skip_tls_verify", truth),
    "certificate-authority": ("certificate_authority", text),
    "certificate-authority-data": ("certificate_authority_data", data),
    "proxy-url": ("proxy_url", text),
    "disable-compression": ("disable_compression", truth),
    "extensions": ("extensions", extensions),
}
_CONTEXT: dict[str, tuple[str, _Reader]] = {
    "cluster": ("cluster", text),
    "user": ("user", text),
    "namespace": ("namespace", text),
    "extensions": ("extensions", extensions),
}
_EXEC: dict[str, tuple[str, _Reader]] = {
    "command": ("command", text),
    "args": ("args", _optional_texts),
    "env": ("env", _env),
    "apiVersion": ("api_version", text),
    "installHint": ("install_hint", text),
    "provideClusterInfo": ("provide_cluster_info", truth),
    "interactiveMode": ("interactive_mode", text),
}
_USER: dict[str, tuple[str, _Reader]] = {
    "client-certificate": ("client_certificate", text),
    "client-certificate-data": ("client_certificate_data", data),
    "client-key": ("client_key", text),
    "client-key-data": ("client_key_data", data),
    "token": ("token", text),
    "tokenFile": ("token_file", text),
    "as": ("impersonate", text),
    "as-uid": ("impersonate_uid", text),
    "as-groups": ("impersonate_groups", _texts),
    "as-user-extra": ("impersonate_extra", _extra),
    "username": ("username", text),
    "password": ("password", text),
    "auth-provider": ("auth_provider", _auth_provider),
    "exec": ("exec", _exec),
    "extensions": ("extensions", extensions),
}
_BODIES: dict[str, tuple[type[Body], dict[str, tuple[str, _Reader]]]] = {
    "clusters": (Cluster, _CLUSTER),
    "contexts": (Context, _CONTEXT),
    "users": (User, _USER),
}
KNOWN_KEYS: dict[str, frozenset[str]] = {
    **{section: frozenset(table) for section, (_, table) in _BODIES.items()},
    "exec": frozenset(_EXEC),
    "env": frozenset(("name", "value")),
    "auth-provider": frozenset(("name", "config")),
    "preferences": frozenset(("colors", "extensions")),
    "extensions": frozenset(("name", "extension")),
}
"""The keys that kubectl knows, by the key that holds them."""


def body(section: str, node: Node | None, what: str) -> Body:
    """Return what an entry's body says; a missing or null body is an empty one.

    :param section: ``clusters``, ``contexts`` or ``users``.
    :param what: the entry as people know it, such as ``cluster "prod"``.
    :raises BadValue: for wrong types and broken base64.
    """
    kind, table = _BODIES[section]
    return kind() if node is None else _fill(kind, table, node, what)


def preferences(node: Node) -> Preferences:
    """Return the file's preferences.

    :raises BadValue: for wrong types.
    """
    table: dict[str, tuple[str, _Reader]] = {"colors": ("colors", truth), "extensions": ("extensions", extensions)}
    return _fill(Preferences, table, node, "preferences")
