"""What is wrong with a configuration that can be read: doubts that only ``config validate`` has."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from eksauth.aws.partitions import partition_of_region
from eksauth.credentials.config.model import AuthConfig, Place
from eksauth.credentials.config.problems import Problem, Severity

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def doubts(config: AuthConfig) -> Iterator[Problem]:
    """Yield what is wrong across items; nothing here keeps the configuration from loading."""
    yield from _defaults(config)
    yield from _aliases(config)
    yield from _guards(config)
    yield from _contexts(config)
    yield from _addresses(config)
    yield from _partitions(config)
    yield from _key_files(config)
    if config.path is not None and not (config.providers or config.identities):
        place = Place(config.path, 1, 1)
        hint = "add auth.providers and auth.identities"
        yield _problem(place, "there is nothing to sign in to", "warning", "config.empty", hint)


def _problem(place: Place, message: str, severity: Severity, code: str, hint: str | None = None) -> Problem:
    return Problem(place=place, severity=severity, message=message, hint=hint, code=code)


def _defaults(config: AuthConfig) -> Iterator[Problem]:
    for section, items in (("identities", config.identities.values()), ("providers", config.providers.values())):
        defaults = [item for item in items if item.default]
        for item in defaults[1:]:
            message = f"{section}.{item.name} is a default, and {defaults[0].name} is one already"
            hint = "let one of them say default: true; with several, commands ask or fail"
            yield _problem(item.place, message, "error", "config.default", hint)


def _aliases(config: AuthConfig) -> Iterator[Problem]:
    names = {name.casefold(): name for name in config.identities}
    owners: dict[str, str] = {}
    for item in config.identities.values():
        for alias in item.aliases:
            folded = alias.casefold()
            taken = names.get(folded) or owners.get(folded)
            if taken is not None and taken != item.name:
                message = f"identities.{item.name}.alias '{alias}' already means {taken}"
                yield _problem(item.place, message, "error", "config.alias", "choose another alias")
            owners.setdefault(folded, item.name)


def _guards(config: AuthConfig) -> Iterator[Problem]:
    # what signing in will find is not known before
    open_ended = any(item.auto_provision_identities for item in config.providers.values())
    identities = [name.casefold() for item in config.identities.values() for name in (item.name, *item.aliases)]
    clusters = [item.cluster_name for item in config.integrations.values()]
    for guard in config.guards:
        for pattern in guard.identities:
            if not open_ended and not any(fnmatchcase(name, pattern.casefold()) for name in identities):
                message = f"guards.{guard.name}: no identity is called like '{pattern}'"
                yield _problem(guard.place, message, "warning", "config.guard", "it guards nothing")
        for pattern in guard.clusters:
            name = pattern.rpartition("cluster/")[2] if pattern.startswith("arn:") else pattern
            if clusters and not any(fnmatchcase(cluster, name) for cluster in clusters):
                message = f"guards.{guard.name}: no integration's cluster is called like '{pattern}'"
                hint = "fine when the cluster is reached otherwise"
                yield _problem(guard.place, message, "warning", "config.guard", hint)


def _contexts(config: AuthConfig) -> Iterator[Problem]:
    """Complain about integrations that would write one context of one file in turns."""
    seen: dict[tuple[str | None, str], str] = {}
    for item in config.integrations.values():
        alias = item.cluster_alias
        if alias is None or "{" in alias:
            continue
        other = seen.setdefault((item.kubeconfig, alias), item.name)
        if other != item.name:
            message = f"integrations.{item.name} writes the context '{alias}', as {other} does"
            hint = "give each its own alias, or its own kubeconfig.path"
            yield _problem(item.place, message, "error", "config.context", hint)


def _addresses(config: AuthConfig) -> Iterator[Problem]:
    for provider in config.providers.values():
        for key, url in (("start_url", provider.start_url), ("url", provider.url)):
            parts = urlsplit(url or "")
            if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
                message = f"providers.{provider.name}.{key} is not encrypted: anybody on the way can take over"
                yield _problem(provider.place, message, "warning", "config.cleartext", "begin it with https://")


def _partitions(config: AuthConfig) -> Iterator[Problem]:
    for item in config.identities.values():
        arn, region = item.principal.assume_role, item.principal.region
        partition = partition_of_region(region) if region is not None else None
        if arn is not None and partition is not None and arn.split(":")[1] != partition.name:
            message = f"identities.{item.name}: the role is of {arn.split(':')[1]}, and {region} of {partition.name}"
            yield _problem(item.place, message, "error", "config.partition", "they are worlds apart")


def _key_files(config: AuthConfig) -> Iterator[Problem]:
    for item in config.identities.values():
        for key, path in (("certificate", item.principal.certificate), ("private_key", item.principal.private_key)):
            if path is None:
                continue
            try:
                mode = os.stat(path).st_mode  # noqa: PTH116
            except (OSError, ValueError):
                message = f"identities.{item.name}.principal.{key}: there is no such file: {path}"
                yield _problem(item.place, message, "warning", "config.file")
                continue
            if key == "private_key" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                message = f"identities.{item.name}.principal.{key} can be read by others: {path}"
                yield _problem(item.place, message, "warning", "config.mode", f"run: chmod 600 {path}")


def secrets_in_text(secrets: Mapping[str, Place], mode: int, path: str) -> Iterator[Problem]:
    """Yield a problem for each secret that the file spells out.

    :param secrets: path of each key whose literal value is a secret, and where it stands.
    """
    readable = bool(mode & (stat.S_IRGRP | stat.S_IROTH))
    for key, place in secrets.items():
        said = f"{key} is written out" + (", and others can read the file" if readable else "")
        hint = "use !env NAME, or the keyring" + (f"; run: chmod 600 {path}" if readable else "")
        yield _problem(place, said, "warning", "config.secret", hint)
