"""Discovery, version, health and OpenAPI: what clients read before they do anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sandbox.apiserver_kit import ALICE, running


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
async def test_aggregated_discovery_agrees_with_the_classic(tmp_path: Path, version: str) -> None:
    """Both forms of discovery name the same resources with the same verbs."""
    accept = {"Accept": f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList,application/json"}
    async with running(tmp_path) as (api, _):
        for root in ("/api", "/apis"):
            reply = await api("GET", root, headers=accept)
            assert reply.headers["Content-Type"].endswith(f"v={version};as=APIGroupDiscoveryList")
            for item in reply.json["items"]:
                name = item["metadata"].get("name", "")
                for served in item["versions"]:
                    path = f"/apis/{name}/{served['version']}" if name else "/api/v1"
                    classic = (await api("GET", path)).json["resources"]
                    plain = {entry["name"]: entry["verbs"] for entry in classic if "/" not in entry["name"]}
                    assert plain == {entry["resource"]: entry["verbs"] for entry in served["resources"]}


async def test_classic_discovery(tmp_path: Path) -> None:
    """Groups, versions and the server's address are listed to everyone who is authenticated."""
    async with running(tmp_path) as (api, server):
        core = (await api("GET", "/api", token=ALICE)).json
        assert core["serverAddressByClientCIDRs"][0]["serverAddress"] == server.endpoint.removeprefix("https://")
        groups = {group["name"] for group in (await api("GET", "/apis", token=ALICE)).json["groups"]}
        assert groups == {"authentication.k8s.io", "authorization.k8s.io", "rbac.authorization.k8s.io"}
        assert (await api("GET", "/apis/rbac.authorization.k8s.io")).json["preferredVersion"]["version"] == "v1"
        assert (await api("GET", "/api", token=None)).status == 403
        assert (await api("GET", "/apis/nope.io")).text == "404 page not found\n"
        assert "/version" in (await api("GET", "/")).json["paths"]


async def test_health_and_version(tmp_path: Path) -> None:
    """Health answers ok as text; the version is the one configured."""
    async with running(tmp_path, git_version="v1.30.4-x") as (api, _):
        for path in ("/healthz", "/livez", "/readyz", "/readyz/ping"):
            reply = await api("GET", path)
            assert (reply.status, reply.text) == (200, "ok")
        version = (await api("GET", "/version", token=None)).json
        assert (version["major"], version["minor"], version["gitVersion"]) == ("1", "30", "v1.30.4-x")


async def test_openapi(tmp_path: Path) -> None:
    """Every resource has a schema whose references resolve, and a PATCH that takes fieldValidation."""
    async with running(tmp_path) as (api, _):
        paths = (await api("GET", "/openapi/v3")).json["paths"]
        assert {"api/v1", "apis/rbac.authorization.k8s.io/v1"} <= paths.keys()
        for entry in paths.values():
            document = (await api("GET", entry["serverRelativeURL"])).json
            schemas = document["components"]["schemas"]
            text = str(document)
            for reference in {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}:
                assert reference in schemas
            for operations in document["paths"].values():
                if "patch" in operations:
                    names = {parameter["name"] for parameter in operations["patch"]["parameters"]}
                    assert "fieldValidation" in names
        assert (await api("GET", "/openapi/v3/apis/nope/v1")).status == 404
        old = await api(
            "GET", "/openapi/v2", headers={"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
        )
        assert "@" not in old.headers["Content-Type"]
        assert (await api("GET", "/openapi/v2")).json["swagger"] == "2.0"
