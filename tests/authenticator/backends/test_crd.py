"""The CRD backend: mappings by spec alone, status by a leader, on a real kube-apiserver; reading alone without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import yaml
from tests.authenticator.backends.clusters import LEASES, MAPPINGS, POWERLESS, SERVER, Cluster
from tests.authenticator.backends.conftest import CRDS
from tests.authenticator.backends.watchers import Heard, become, started, until
from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.crd import (
    LEASE,
    IdentityMappings,
    IdentityMappingTable,
    identity_mapping_backend,
)
from eksauth.authenticator.backends.cluster.kube_backend import KubeBackend
from eksauth.authenticator.backends.cluster.leader import Term
from eksauth.authenticator.mapping.model import NotMapped

ROLE = f"arn:aws:iam::{A}:role/CICDRole"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def watching(
    cluster: Cluster,
    heard: Heard | None = None,
    *,
    token: str = SERVER,
    term: Term | None = None,
    tick: Callable[[], float] | None = None,
) -> AbstractAsyncContextManager[KubeBackend[IdentityMappingTable]]:
    """Run a backend that tries again quickly."""
    more = {} if tick is None else {"tick": tick}
    return started(
        identity_mapping_backend(
            cluster.where(token),
            grace=60,
            ears=(heard or Heard()).ears(),
            backoff=Backoff(0.1, 0.5),
            term=term or Term(lasts=3.0, renewed_every=0.3),
            **more,
        )
    )


def status(cluster: Cluster, name: str) -> Any:
    """Return the status of a mapping, None without one."""
    return cluster.ask("GET", f"{MAPPINGS}/{name}")[1].get("status")


def holder(cluster: Cluster) -> str:
    """Return who leads."""
    answer = cluster.ask("GET", f"{LEASES}/{LEASE}")[1]
    return str(answer.get("spec", {}).get("holderIdentity", ""))


def item(name: str, made: str = "2026-01-01T00:00:00Z", *, version: int = 1, **spec: Any) -> dict[str, Any]:
    """Return an object as the API gives it."""
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "creationTimestamp": made}
    return {"metadata": metadata, "spec": spec}


@pytest.mark.peer
@pytest.mark.slow
async def test_mappings_follow_the_objects(custom: Cluster) -> None:
    """Objects that are there, made, changed and deleted count at once; a user and a role alike, without their status."""
    custom.map("ci", arn=ROLE, username="ci", groups=["deployers"])
    heard = Heard()
    async with watching(custom, heard) as backend:
        assert become(backend) == "ci"
        custom.map("bob", arn=f"arn:aws:iam::{A}:user/dev/bob", username="bob")
        await until(lambda: become(backend, f"arn:aws:iam::{A}:user/dev/bob") == "bob")
        custom.map("ci", arn=ROLE, username="cd")
        await until(lambda: become(backend) == "cd")
        custom.delete(f"{MAPPINGS}/ci")
        await until(lambda: become(backend) is None)
        miss = backend.lookup(identity())
        assert isinstance(miss, NotMapped)
        assert "kind: IAMIdentityMapping" in miss.suggestion
    assert heard.failures == 0


@pytest.mark.peer
@pytest.mark.slow
async def test_the_last_object_is_held(custom: Cluster) -> None:
    """Deleting every object is held for the grace period, as an emptied ConfigMap is."""
    custom.map("ci", arn=ROLE, username="ci")
    heard, now = Heard(), [0.0]
    async with watching(custom, heard, tick=lambda: now[0]) as backend:
        custom.delete(MAPPINGS)
        await until(lambda: "held" in heard.kinds())
        assert become(backend) == "ci"
        now[0] = 61
        assert become(backend) is None


@pytest.mark.peer
@pytest.mark.slow
async def test_crd_01_status_and_event(custom: Cluster) -> None:
    """CRD-01: the leader writes the canonical ARN in lower case, and an event; it does so when a spec changes."""
    custom.map("ci", arn=f"arn:aws:sts::{A}:assumed-role/CICDRole/some-session", username="ci")
    async with watching(custom) as backend:
        assert become(backend) == "ci"
        await until(lambda: status(custom, "ci") == {"canonicalARN": ROLE.lower()})
        await until(lambda: [event["reason"] for event in custom.events("default")] == ["Synced"])
        custom.map("ci", arn=f"arn:aws:iam::{A}:user/Bob", username="ci")
        await until(lambda: status(custom, "ci") == {"canonicalARN": f"arn:aws:iam::{A}:user/bob"})
    event = custom.events("default")[0]
    assert (event["type"], event["involvedObject"]["kind"]) == ("Normal", "IAMIdentityMapping")


@pytest.mark.peer
@pytest.mark.slow
async def test_status_is_not_believed(custom: Cluster) -> None:
    """Whoever may only write status lets nobody in, and the leader puts it right."""
    custom.map("ci", arn=ROLE, username="ci")
    async with watching(custom) as backend:
        await until(lambda: status(custom, "ci"))
        evil = f"arn:aws:iam::{A}:role/evil"
        custom.ask("PATCH", f"{MAPPINGS}/ci/status", {"status": {"canonicalARN": evil}})
        await until(lambda: (backend.status().generation, status(custom, "ci")["canonicalARN"]) > (1, ""))
        assert become(backend) == "ci"
        assert become(backend, f"arn:aws:sts::{A}:assumed-role/evil/s") is None


@pytest.mark.peer
@pytest.mark.slow
async def test_a_definition_without_status(custom: Cluster) -> None:
    """Where the definition in the cluster has no status, mappings count, and that none is written is said once."""
    definition = yaml.safe_load((CRDS / "iamidentitymappings.yaml").read_text())
    bare = yaml.safe_load((CRDS / "iamidentitymappings.yaml").read_text())
    version = bare["spec"]["versions"][0]
    version.pop("subresources")
    version["schema"]["openAPIV3Schema"]["properties"].pop("status")
    custom.make(DEFINITIONS, bare)
    try:
        custom.map("ci", arn=ROLE, username="ci")
        await until(lambda: custom.ask("PATCH", f"{MAPPINGS}/ci/status", {})[0] == 404)
        custom.map("cd", arn=f"{ROLE}2", username="cd")
        heard = Heard()
        async with watching(custom, heard) as backend:
            assert become(backend) == "ci"
            await until(lambda: heard.remarks)
            await asyncio.sleep(0.3)
        assert len(heard.remarks) == 1
        assert "status of IAMIdentityMapping" in heard.remarks[0]
    finally:
        custom.make(DEFINITIONS, definition)


@pytest.mark.peer
@pytest.mark.slow
async def test_without_a_definition(custom: Cluster) -> None:
    """Where the objects are not defined (yet) the backend says so, and finds them when they are."""
    definition = yaml.safe_load((CRDS / "iamidentitymappings.yaml").read_text())
    custom.delete(f"{DEFINITIONS}/iamidentitymappings.iamauthenticator.k8s.aws")
    while custom.ask("GET", MAPPINGS)[0] != 404:
        await asyncio.sleep(0.05)
    heard = Heard()
    try:
        async with watching(custom, heard) as backend:
            assert "404" in (backend.status().failure or "")
            custom.make(DEFINITIONS, definition)
            while custom.ask("GET", MAPPINGS)[0] != 200:
                await asyncio.sleep(0.05)
            custom.map("ci", arn=ROLE, username="ci")
            await until(lambda: become(backend) == "ci")
    finally:
        custom.make(DEFINITIONS, definition)


@pytest.mark.peer
@pytest.mark.slow
async def test_one_of_two_leads(custom: Cluster) -> None:
    """Two servers: both map, one holds the lease; when it stops, the other takes over and writes."""
    custom.map("ci", arn=ROLE, username="ci")
    async with watching(custom) as one:
        await until(lambda: holder(custom))
        first = holder(custom)
        async with watching(custom) as two:
            assert (become(one), become(two)) == ("ci", "ci")
            await asyncio.sleep(1)
            assert holder(custom) == first
            await one.close()
            custom.map("cd", arn=f"{ROLE}2", username="cd")
            await until(lambda: holder(custom) not in {"", first})
            await until(lambda: status(custom, "cd"))
    assert holder(custom) == ""


@pytest.mark.peer
@pytest.mark.slow
async def test_a_server_that_hangs_loses_the_lease(custom: Cluster) -> None:
    """A lease that is not renewed is taken over once it is over, and not before."""
    now = "2026-01-01T00:00:00.000000Z"
    spec = {"holderIdentity": "gone", "leaseDurationSeconds": 1, "acquireTime": now, "renewTime": now}
    head = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    custom.make(LEASES, {**head, "metadata": {"name": LEASE, "namespace": "kube-system"}, "spec": spec})
    custom.map("ci", arn=ROLE, username="ci")
    async with watching(custom):
        await asyncio.sleep(0.5)
        assert holder(custom) == "gone", "its clock may be wrong; what counts is how long nothing was seen to change"
        await until(lambda: holder(custom) != "gone")
        await until(lambda: status(custom, "ci"))
    assert custom.ask("GET", f"{LEASES}/{LEASE}")[1]["spec"]["leaseTransitions"] == 1


@pytest.mark.peer
@pytest.mark.slow
async def test_without_a_leader_logins_go_on(custom: Cluster) -> None:
    """A server that may neither have leases nor write status or events maps all the same, and says so."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "only-mappings"}, "kind": "ClusterRole"}
    rules = [{"apiGroups": ["iamauthenticator.k8s.aws"], "resources": ["*"], "verbs": ["list", "watch"]}]
    rbac, group = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    custom.make(f"{rbac}/clusterroles", {**role, "rules": rules})
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": "only-mappings"}
    subjects = [{"kind": "User", "name": "powerless", "apiGroup": group}]
    custom.make(
        f"{rbac}/clusterrolebindings",
        {**role, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects},
    )
    custom.map("ci", arn=ROLE, username="ci")
    heard = Heard()
    try:
        async with watching(custom, heard, token=POWERLESS) as backend:
            assert become(backend) == "ci"
            await until(lambda: heard.remarks)
            custom.map("ci", arn=ROLE, username="cd")
            await until(lambda: become(backend) == "cd")
            assert status(custom, "ci") is None
    finally:
        custom.delete(f"{rbac}/clusterrolebindings/only-mappings")
    assert len(heard.remarks) == 1
    assert "lease" in heard.remarks[0]


@pytest.mark.parametrize(
    "items, winner",
    [
        pytest.param(
            [item("b", arn=ROLE, username="b"), item("a", "2026-01-02T00:00:00Z", arn=ROLE, username="a")],
            "b",
            id="oldest",
        ),
        pytest.param([item("b", arn=ROLE, username="b"), item("a", arn=ROLE, username="a")], "a", id="then-by-name"),
        pytest.param(
            [item("b", arn=ROLE, username="b"), item("a", "2027-01-01T00:00:00Z", arn=ROLE.upper(), username="a")],
            "b",
            id="case-does-not-make-another",
        ),
        pytest.param(
            [
                item("bad", arn="nonsense", username="x"),
                item("late", "2027-01-01T00:00:00Z", arn=ROLE, username="late"),
            ],
            "late",
            id="one-that-is-skipped-is-no-rival",
        ),
    ],
)
def test_of_several_the_oldest_counts(items: list[dict[str, Any]], winner: str) -> None:
    """Duplicates are decided by age, then by name, whatever the order the API lists them in; the losers are told."""
    for order in (items, items[::-1]):
        reader = IdentityMappings()
        content = reader.read(tuple(order))
        answer = content.table.lookup(identity())
        assert not isinstance(answer, NotMapped)
        assert answer.username == winner
        assert content.entries == 1
        loser = next(found for found in items if found["metadata"]["name"] != winner)["metadata"]["name"]
        assert reader.verdicts[winner].trouble is None
        assert reader.verdicts[loser].trouble
        assert any(str(problem.source).startswith(f"iamidentitymappings/{loser}") for problem in content.problems)


@pytest.mark.parametrize(
    "spec, code",
    [
        pytest.param({}, "mapping.entry_dropped", id="nothing"),
        pytest.param({"arn": 5, "username": "x"}, "mapping.entry_dropped", id="number-for-arn"),
        pytest.param({"arn": ROLE, "username": ["x"]}, "mapping.entry_dropped", id="list-for-username"),
        pytest.param({"arn": ROLE, "username": "x", "groups": "a"}, "mapping.entry_dropped", id="text-for-groups"),
        pytest.param({"arn": ROLE, "username": "x", "groups": [1]}, "mapping.entry_dropped", id="number-for-group"),
        pytest.param({"arn": "arn:aws:s3:::bucket", "username": "x"}, "mapping.entry_dropped", id="no-principal"),
        pytest.param({"arn": f"{ROLE}\x07", "username": "x"}, None, id="a-bell"),
        pytest.param({"arn": ROLE, "username": "\ufffe\x7f"}, "mapping.entry_dropped", id="letters-that-yaml-has-not"),
        pytest.param({"arn": ROLE, "username": ""}, "mapping.empty_username", id="no-username"),
        pytest.param({"arn": ROLE, "username": "{{Sessionname}}"}, "mapping.unknown_template", id="unknown-variable"),
        pytest.param(
            {"arn": f"arn:aws:iam::{A}:role/team/CICDRole", "username": "x", "groups": ["a"]},
            "mapping.role_path",
            id="role-path",
        ),
    ],
)
def test_objects_that_no_schema_has_judged(spec: dict[str, Any], code: str | None) -> None:
    """Whatever a spec holds, reading it ends, reports it, and leaves the others alone."""
    content = IdentityMappings().read(
        (item("bad", **spec), item("good", arn=f"{ROLE}2", username="good", groups=["a"]))
    )
    assert become_of(content.table, f"arn:aws:sts::{A}:assumed-role/CICDRole2/s") == "good"
    if code is not None:
        assert code in {problem.code for problem in content.problems}


def become_of(table: IdentityMappingTable, arn: str) -> str | None:
    """Return who a caller becomes."""
    answer = table.lookup(identity(arn))
    return None if isinstance(answer, NotMapped) else answer.username


def test_a_user_and_a_spec_that_is_no_object() -> None:
    """A spec that is null or a list is skipped."""
    reader = IdentityMappings()
    broken = item("a")
    specs: list[object] = [None, [], "text"]
    for spec in specs:
        broken["spec"] = spec
        assert reader.read((broken,)).entries == 0
        broken["metadata"]["resourceVersion"] += "1"


def test_each_version_is_read_once() -> None:
    """Ten thousand objects of which one changes are read again in a moment: only the one is."""
    reader = IdentityMappings()
    many = [item(f"m{number}", arn=f"{ROLE}{number}", username="u", groups=["g"]) for number in range(2000)]
    first = reader.read(tuple(many))
    many[0] = item("m0", version=2, arn=f"{ROLE}0", username="changed", groups=["g"])
    second = reader.read(tuple(many))
    assert (first.entries, second.entries) == (2000, 2000)
    callers = [f"arn:aws:sts::{A}:assumed-role/CICDRole{number}/s" for number in (0, 1)]
    assert [become_of(second.table, arn) for arn in callers] == ["changed", "u"]
