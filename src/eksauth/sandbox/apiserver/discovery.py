"""Discovery: which groups, versions and resources there are, in the classic and the aggregated form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eksauth.sandbox.apiserver.resources import GROUPS, RESOURCES, REVIEWS, Resource, Review


def core_versions(address: str) -> dict[str, Any]:
    """Return what ``/api`` lists; ``address`` is the host and port clients reach us at."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list() -> dict[str, Any]:
    """Return what ``/apis`` lists."""
    groups = []
    for name in sorted(GROUPS):
        group = api_group(name)
        groups.append({key: value for key, value in group.items() if key not in ("kind", "apiVersion")})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(name: str) -> dict[str, Any]:
    """Return what ``/apis/GROUP`` says."""
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in GROUPS[name]]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": versions,
        "preferredVersion": versions[0],
    }


def resource_list(group: str, version: str) -> dict[str, Any]:
    """Return what ``/api/v1`` or ``/apis/GROUP/VERSION`` lists."""
    listed: list[dict[str, Any]] = []
    for resource in _resources(group, version):
        listed.append(
            {
                "name": resource.plural,
                "singularName": resource.singular,
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": list(resource.verbs),
                **_names(resource),
            }
        )
        listed += [
            {
                "name": f"{resource.plural}/{subresource}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": _subresource_verbs(subresource),
            }
            for subresource in resource.subresources
        ]
    listed += [
        {
            "name": review.plural,
            "singularName": review.kind.lower(),
            "namespaced": review.namespaced,
            "kind": review.kind,
            "verbs": ["create"],
        }
        for review in _reviews(group, version)
    ]
    listed.sort(key=lambda entry: str(entry["name"]))
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": listed,
    }


def aggregated(groups: Iterable[str], discovery_version: str) -> dict[str, Any]:
    """Return everything about the groups in one document, as new clients ask for it."""
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [_version(group, version) for version in GROUPS.get(group, ("v1",))],
        }
        for group in groups
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{discovery_version}",
        "metadata": {},
        "items": items,
    }


def _version(group: str, version: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for resource in _resources(group, version):
        kind = {"group": group, "version": version, "kind": resource.kind}
        entry: dict[str, Any] = {
            "resource": resource.plural,
            "responseKind": kind,
            "scope": _scope(namespaced=resource.namespaced),
            "singularResource": resource.singular,
            "verbs": list(resource.verbs),
            **_names(resource),
        }
        if resource.subresources:
            entry["subresources"] = [
                {"subresource": subresource, "responseKind": kind, "verbs": _subresource_verbs(subresource)}
                for subresource in resource.subresources
            ]
        entries.append(entry)
    entries += [
        {
            "resource": review.plural,
            "responseKind": {"group": group, "version": version, "kind": review.kind},
            "scope": _scope(namespaced=review.namespaced),
            "singularResource": review.kind.lower(),
            "verbs": ["create"],
        }
        for review in _reviews(group, version)
    ]
    entries.sort(key=lambda entry: str(entry["resource"]))
    return {"version": version, "resources": entries, "freshness": "Current"}


def _scope(*, namespaced: bool) -> str:
    return "Namespaced" if namespaced else "Cluster"


def _names(resource: Resource) -> dict[str, list[str]]:
    names = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {key: value for key, value in names.items() if value}


def _subresource_verbs(subresource: str) -> list[str]:
    return ["update"] if subresource == "finalize" else ["get", "patch", "update"]


def _resources(group: str, version: str) -> list[Resource]:
    return [resource for resource in RESOURCES if resource.group == group and version == "v1"]


def _reviews(group: str, version: str) -> list[Review]:
    return [review for review in REVIEWS if review.group == group and version in review.versions]
