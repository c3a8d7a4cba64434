"""Integrations and guards: their keys made values."""

from __future__ import annotations

import yaml

from eksauth.credentials.config.build_provider import Expand
from eksauth.credentials.config.model import EksIntegration, Guard, Place
from eksauth.credentials.config.reader import Reader
from eksauth.credentials.config.settings_keys import GUARD, INTEGRATION


def build_integration(reader: Reader, name: str, node: yaml.Node, place: Place, expand: Expand) -> EksIntegration:
    """Return the integration that ``node`` describes; what is wrong goes to the reader's problems."""
    where = f"integrations.{name}"
    values = reader.section(node, INTEGRATION, where)
    identity, provider = values.at("via", "identity"), values.at("via", "provider")
    if values.get("via") is not None and (identity is None) == (provider is None):
        reader.complain(
            values.place_of("via") or node,
            f"{where}.via needs exactly one of identity and provider",
            hint="via: {identity: NAME}",
            code="config.combination",
        )
    spec = values.get("spec")
    said = values.at
    mode = said("spec", "cluster", "kubeconfig", "mode")
    if mode is not None and mode & 0o077:
        reader.complain(
            node,
            f"{where}.spec.cluster.kubeconfig.mode lets others read the kubeconfig",
            hint='mode: "0600"',
            severity="warning",
            code="config.mode",
        )
    switch = said("spec", "cluster", "kubeconfig", "set_current_context")
    return EksIntegration(
        name=name,
        place=place,
        cluster_name=said("spec", "cluster", "name") or "",
        region=said("spec", "cluster", "region") or "",
        via_identity=identity,
        via_provider=provider,
        auto_provision=spec is None or spec.get("auto_provision") is not False,
        cluster_alias=said("spec", "cluster", "alias"),
        namespace=said("spec", "cluster", "namespace"),
        kubeconfig=expand(said("spec", "cluster", "kubeconfig", "path")),
        mode=0o600 if mode is None else mode,
        update=said("spec", "cluster", "kubeconfig", "update") or "merge",
        set_current_context=switch is not False,
        cross_account=bool(said("spec", "cross_account")),
        describe_as=said("spec", "describe_as"),
    )


def build_guard(reader: Reader, name: str, node: yaml.Node, place: Place) -> Guard:
    """Return the guard that ``node`` describes; what is wrong goes to the reader's problems."""
    where = f"guards.{name}"
    values = reader.section(node, GUARD, where)
    identities, clusters = values.get("identities") or (), values.get("clusters") or ()
    reason, confirm, audit = (bool(values.get(name)) for name in ("require_reason", "confirm", "require_audit"))
    longest = values.get("max_session")
    if not identities and not clusters:
        hint = "identities: ['prod-*'], or clusters"
        reader.complain(node, f"{where} guards nothing", hint=hint, code="config.combination")
    if not (reason or confirm or audit or longest):
        hint = "require_reason, confirm, require_audit or max_session"
        reader.complain(node, f"{where} demands nothing", hint=hint, severity="warning", code="config.combination")
    return Guard(
        name=name,
        place=place,
        identities=identities,
        clusters=clusters,
        require_reason=reason,
        confirm=confirm,
        require_audit=audit,
        max_session_seconds=longest,
    )
