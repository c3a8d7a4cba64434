"""How identities and providers look: rows, a tree, JSON, a Mermaid chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eksauth.cli.output import one_line
from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.identities.listing import Listed
from eksauth.token.bearer import utc_text

HEADINGS = ("", "NAME", "KIND", "FROM", "ACCOUNT", "CREDENTIALS", "TAGS")
PROVIDER_HEADINGS = ("", "NAME", "KIND", "REGION", "ADDRESS", "IDENTITIES", "TAGS")
_SOON = 15 * 60


def providers_with(config: AuthConfig, tags: Sequence[str]) -> list[Provider]:
    """Return the providers that have any of ``tags``, all of them without tags."""
    wanted = {tag.casefold() for tag in tags}
    return [item for item in config.providers.values() if not wanted or wanted & {tag.casefold() for tag in item.tags}]


def rows(listed: Iterable[Listed], now: float) -> list[tuple[str, ...]]:
    """Return a table's rows."""
    return [
        (
            "*" if item.identity.default else "",
            item.identity.name,
            item.identity.declared_kind,
            " > ".join(item.chain[:-1]),
            item.account or item.identity.principal.account_name or "",
            state(item, now),
            ", ".join(item.identity.tags),
        )
        for item in listed
    ]


def provider_rows(config: AuthConfig, providers: Iterable[Provider]) -> list[tuple[str, ...]]:
    """Return a table's rows."""
    return [
        (
            "*" if item.default else "",
            item.name,
            item.declared_kind,
            item.region or "",
            item.start_url or item.url or "",
            str(_followers(config, item)),
            ", ".join(item.tags),
        )
        for item in providers
    ]


def state(item: Listed, now: float) -> str:
    """Return how things stand with an identity's credentials."""
    if item.problem is not None:
        return "not usable here"
    if not item.signed_in:
        return "none"
    if item.expires_at is None:
        return "no end"
    left = int(item.expires_at - now)
    text = f"{left // 3600}h{left % 3600 // 60:02}m" if left >= 3600 else f"{max(left, 0) // 60}m"
    return f"{text} left" + (", soon over" if left <= _SOON else "")


def as_json(
    config: AuthConfig, providers: Iterable[Provider], listed: Iterable[Listed], *, only_providers: bool
) -> dict[str, Any]:
    """Return everything for machines; times are RFC 3339 in UTC."""
    found: dict[str, Any] = {
        "config": config.path,
        "realm": config.realm,
        "providers": [
            {
                "name": item.name,
                "kind": item.declared_kind,
                "region": item.region,
                "url": item.start_url or item.url,
                "default": item.default,
                "tags": list(item.tags),
                "identities": _followers(config, item),
                "place": str(item.place),
            }
            for item in providers
        ],
    }
    if only_providers:
        return found
    found["identities"] = [
        {
            "name": item.identity.name,
            "kind": item.identity.declared_kind,
            "aliases": list(item.identity.aliases),
            "default": item.identity.default,
            "chain": list(item.chain),
            "account": item.account,
            "account_name": item.identity.principal.account_name,
            "signed_in": item.signed_in,
            "expires_at": None if item.expires_at is None else utc_text(int(item.expires_at)),
            "tags": list(item.identity.tags),
            "provisioned": item.identity.provisioned,
            "problem": item.problem,
            "place": str(item.identity.place),
        }
        for item in listed
    ]
    return found


def tree(config: AuthConfig, listed: Sequence[Listed], providers: Iterable[Provider], now: float) -> str:
    """Return what starts from what, as lines; an identity stands below what it starts from."""
    labels = {("provider", item.name): f"{item.name}  ({item.declared_kind})" for item in config.providers.values()}
    labels |= {("identity", item.identity.name): _label(item, now) for item in listed}
    roots, below = _links(config, listed, providers)
    lines: list[str] = []
    # no recursion: a chain may be long
    stack = [(root, "", "", "") for root in reversed(roots)]
    while stack:
        node, before, branch, _ = stack.pop()
        name = labels.get(node, node[1])
        lines.append(f"{before}{branch}{one_line(name)}\n")
        inner = before + {"": "", "├── ": "│   ", "└── ": "    "}[branch]
        children = below.get(node, [])
        marks = ["├── "] * (len(children) - 1) + ["└── "] * bool(children)
        stack += [(child, inner, mark, "") for child, mark in reversed(list(zip(children, marks, strict=True)))]
    return "".join(lines)


def mermaid(config: AuthConfig, listed: Sequence[Listed], providers: Iterable[Provider]) -> str:
    """Return a Mermaid flow chart of what starts from what."""
    roots, below = _links(config, listed, providers)
    ids: dict[tuple[str, str], str] = {}
    lines = ["flowchart LR"]
    kinds = {("provider", item.name): item.declared_kind for item in config.providers.values()}
    kinds |= {("identity", item.name): item.declared_kind for item in config.identities.values()}
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        ids[node] = f"n{len(ids)}"
        text = f"{_quoted(node[1])}<br/>{_quoted(kinds.get(node, ''))}"
        lines.append(f'  {ids[node]}(["{text}"])' if node[0] == "provider" else f'  {ids[node]}["{text}"]')
        stack += reversed(below.get(node, []))
    lines += [f"  {ids[parent]} --> {ids[child]}" for parent, children in below.items() for child in children]
    return "".join(f"{line}\n" for line in lines)


def _links(
    config: AuthConfig, listed: Sequence[Listed], providers: Iterable[Provider]
) -> tuple[list[tuple[str, str]], dict[tuple[str, str], list[tuple[str, str]]]]:
    """Return roots, and children by parent, of all that leads to what is listed."""
    roots: dict[tuple[str, str], None] = {("provider", item.name): None for item in providers}
    below: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for item in listed:
        root = "provider" if len(item.chain) > 1 and _starts_at_provider(config, item) else "identity"
        parent = (root, item.chain[0])
        roots.setdefault(parent)
        for name in item.chain[1:]:
            child = ("identity", name)
            below.setdefault(parent, {}).setdefault(child)
            parent = child
    return list(roots), {parent: list(children) for parent, children in below.items()}


def _starts_at_provider(config: AuthConfig, item: Listed) -> bool:
    first = config.identities.get(item.chain[1])
    return first is not None and first.via_provider is not None


def _followers(config: AuthConfig, provider: Provider) -> int:
    return sum(item.via_provider == provider.name for item in config.identities.values())


def _label(item: Listed, now: float) -> str:
    parts = [
        item.identity.name + (" *" if item.identity.default else ""),
        f"({item.identity.declared_kind})",
        item.account or item.identity.principal.account_name or "",
        state(item, now),
    ]
    return "  ".join(part for part in parts if part)


def _quoted(text: str) -> str:
    """Return text that neither ends a Mermaid label nor becomes markup in it."""
    special = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}
    return "".join(special.get(mark, mark) for mark in one_line(text))
