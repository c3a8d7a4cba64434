"""What names, label keys and label values may look like, with kube-apiserver's own sentences for those that do not.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and observed answers of kube-apiserver.
"""

from __future__ import annotations

import re

_LABEL_PATTERN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_PATTERN = rf"{_LABEL_PATTERN}(\.{_LABEL_PATTERN})*"
_QUALIFIED_PATTERN = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE_PATTERN = f"({_QUALIFIED_PATTERN})?"
_CONFIG_KEY_PATTERN = "[-._a-zA-Z0-9]+"

_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_PATTERN}')"
)
_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL_PATTERN}')"
)
_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED_PATTERN}')"
)
_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE_PATTERN}')"
)
_CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_CONFIG_KEY_PATTERN}')"
)


def name_problems(name: str, rule: str) -> list[str]:
    """Return what is wrong with an object's name under ``rule``: subdomain, label, or path (any URL segment)."""
    if rule == "path":
        if name in (".", ".."):
            return [f"may not be '{name}'"]
        return [f"may not contain '{letter}'" for letter in "/%" if letter in name]
    limit, pattern, text = (63, _LABEL_PATTERN, _LABEL) if rule == "label" else (253, _SUBDOMAIN_PATTERN, _SUBDOMAIN)
    problems = [] if len(name.encode()) <= limit else [f"must be no more than {limit} bytes"]
    return problems if re.fullmatch(pattern, name) else [*problems, text]


def key_problems(key: str) -> list[str]:
    """Return what is wrong with a label or annotation key: an optional DNS prefix, a slash, and a name."""
    prefix, slash, name = key.rpartition("/")
    problems = []
    if slash:
        if not prefix:
            problems.append("prefix part must be non-empty")
        else:
            problems += [f"prefix part {text}" for text in name_problems(prefix, "subdomain")]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_QUALIFIED_PATTERN, name):
        problems.append(_QUALIFIED)
    return problems


def label_value_problems(value: str) -> list[str]:
    """Return what is wrong with a label's value."""
    problems = ["must be no more than 63 bytes"] if len(value.encode()) > 63 else []
    return problems if re.fullmatch(_VALUE_PATTERN, value) else [*problems, _LABEL_VALUE]


def config_key_problems(key: str) -> list[str]:
    """Return what is wrong with a key of a config map or secret, which may become a file name."""
    problems = ["must be no more than 253 bytes"] if len(key.encode()) > 253 else []
    if not re.fullmatch(_CONFIG_KEY_PATTERN, key):
        problems.append(_CONFIG_KEY)
    if key == ".":
        problems.append("must not be '.'")
    elif key == "..":
        problems.append("must not be '..'")
    elif key.startswith(".."):
        problems.append("must not start with '..'")
    return problems
