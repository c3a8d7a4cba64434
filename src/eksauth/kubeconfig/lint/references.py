"""Rules about entries together: references into nothing, entries that nothing uses, entries that hide others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from shlex import quote

from eksauth.kubeconfig.document import BODY_KEYS, SECTIONS
from eksauth.kubeconfig.lint.finding import Finding, at_entry, at_place
from eksauth.kubeconfig.owner import Owner, owner_of
from eksauth.kubeconfig.resolve import Merged

_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def check_references(merged: Merged) -> Iterator[Finding]:
    """Check what names what."""
    current = merged.current_context
    if current is not None and current.value not in merged.contexts:
        message = f'current-context names "{current.value}", which does not exist'
        yield at_place(current.place, "error", "reference.current", message, "choose another: eksauth ctx NAME")
    for name, found in merged.contexts.items():
        context = found.value
        for kind, wanted, section, ends in (
            ("cluster", context.cluster, merged.clusters, "kubectl connects to localhost:8080"),
            ("user", context.user, merged.users, "kubectl asks for a user name"),
        ):
            if wanted not in section:
                missing = f'{kind} "{wanted}", which does not exist' if wanted else f"no {kind}"
                near = get_close_matches(wanted, list(section), 1)
                fix = f'write "{near[0]}"' if near else f"add the {kind}, or: eksauth kubeconfig remove {quote(name)}"
                yield at_entry(
                    found, "error", "reference.missing", f'context "{name}" names {missing}; {ends}', fix, kind
                )
        if context.namespace and not _NAMESPACE.fullmatch(context.namespace):
            message = f'context "{name}": "{context.namespace}" cannot be a namespace'
            fix = "write the name only: lower-case letters, digits and dashes"
            yield at_entry(found, "warning", "reference.namespace", message, fix, "namespace")


def check_names(merged: Merged) -> Iterator[Finding]:
    """Check names, and what later files say in vain."""
    for section in SECTIONS:
        kind = BODY_KEYS[section]
        for name, found in merged.section(section).items():
            if not name or name != name.strip() or not name.isprintable():
                message = f"the {kind} has no name" if not name else f"the {kind}'s name {name!r} is easy to mistake"
                yield at_entry(found, "warning", "name.odd", message, f"rename it: eksauth kubeconfig rename ({kind})")
            for place in found.shadowed:
                other = next(
                    document.entry(section, name) for document in merged.documents if document.path == place.path
                )
                same = other is not None and other.value == found.value
                rest = "says the same" if same else "says something else, which has no effect"
                yield at_place(
                    place,
                    "info" if same else "warning",
                    "name.hidden",
                    f'{kind} "{name}" is hidden by {found.place}; this one {rest}',
                    "remove one of them" if same else "rename one of them, in its file: eksauth kubeconfig rename",
                )


def check_unused(merged: Merged) -> Iterator[Finding]:
    """Report clusters and users that no context uses."""
    used = {("clusters", found.value.cluster) for found in merged.contexts.values()}
    used |= {("users", found.value.user) for found in merged.contexts.values()}
    for section in ("clusters", "users"):
        for name, found in merged.section(section).items():
            if (section, name) not in used:
                kind = BODY_KEYS[section]
                fix = f"remove it: eksauth kubeconfig remove --{kind} {quote(name)}"
                yield at_entry(found, "info", "name.unused", f'no context uses the {kind} "{name}"', fix)


def check_owned(merged: Merged) -> Iterator[Finding]:
    """Report entries of eksauth that do not fit together any more."""
    for name, found in merged.contexts.items():
        mark = owner_of(found.value.extensions)
        if mark is None:
            continue
        cluster, user = merged.clusters.get(found.value.cluster), merged.users.get(found.value.user)
        for kind, other in (("cluster", cluster), ("user", user)):
            theirs = owner_of(other.value.extensions) if other is not None else None
            if theirs is not None and _place(theirs) != _place(mark):
                message = (
                    f'context "{name}" is for the EKS cluster {mark.cluster} in {mark.region}, '
                    f"its {kind} for {theirs.cluster} in {theirs.region}"
                )
                fix = f"write it anew: eksauth kubeconfig update --name {mark.cluster} --region {mark.region}"
                yield at_entry(found, "warning", "owner.mixed", message, fix, kind)


def _place(owner: Owner) -> tuple[str, str, str]:
    return owner.account, owner.region, owner.cluster
