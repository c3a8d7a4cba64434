"""What keeps a user from granting more than the user holds: rule coverage, as kube-apiserver compares it.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from eksauth.kube.rbac import Rule, url_covers
from eksauth.kube.text import quoted_list

EVERYTHING = (
    Rule(verbs=("*",), api_groups=("*",), resources=("*",)),
    Rule(verbs=("*",), non_resource_urls=("*",)),
)
"""What a user must hold to write an aggregation rule, which may gather anything."""


def missing_rules(owned: Sequence[Rule], wanted: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the single permissions of ``wanted`` that no owned rule covers by itself."""
    singles = (single for rule in wanted for single in _singles(rule))
    return tuple(single for single in singles if not any(_covers(owner, single) for owner in owned))


def compact(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Merge permissions that differ only in their verb, to keep the refusal readable; order is kept."""
    merged: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for rule in rules:
        key = (rule.api_groups, rule.resources, rule.resource_names, rule.non_resource_urls)
        merged.setdefault(key, []).extend(rule.verbs)
    return tuple(
        Rule(tuple(verbs), groups, resources, names, urls) for (groups, resources, names, urls), verbs in merged.items()
    )


def describe(rule: Rule) -> str:
    """Return the rule on one line, as refusals list it."""
    fields = (
        ("APIGroups", rule.api_groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.non_resource_urls),
        ("ResourceNames", rule.resource_names),
        ("Verbs", rule.verbs),
    )
    return "{" + ", ".join(f"{name}:{quoted_list(values)}" for name, values in fields if values) + "}"


def _singles(rule: Rule) -> Iterator[Rule]:
    for group, resource, verb in product(rule.api_groups, rule.resources, rule.verbs):
        for name in rule.resource_names or ("",):
            yield Rule((verb,), (group,), (resource,), (name,) if rule.resource_names else ())
    for url, verb in product(rule.non_resource_urls, rule.verbs):
        yield Rule((verb,), non_resource_urls=(url,))


def _covers(owner: Rule, single: Rule) -> bool:
    if single.resource_names:
        names_covered = not owner.resource_names or set(single.resource_names) <= set(owner.resource_names)
    else:
        names_covered = not owner.resource_names
    return (
        names_covered
        and _all_in(owner.verbs, single.verbs)
        and _all_in(owner.api_groups, single.api_groups)
        and all(_resource_covered(owner.resources, resource) for resource in single.resources)
        and all(any(url_covers(mine, url) for mine in owner.non_resource_urls) for url in single.non_resource_urls)
    )


def _all_in(owned: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return "*" in owned or set(wanted) <= set(owned)


def _resource_covered(owned: tuple[str, ...], resource: str) -> bool:
    _parent, slash, subresource = resource.partition("/")
    return "*" in owned or resource in owned or (bool(slash) and f"*/{subresource}" in owned)
