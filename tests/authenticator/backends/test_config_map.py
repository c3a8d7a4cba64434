"""The EKSConfigMap backend on real and embedded API servers: watched, broken, emptied, deleted, cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.authenticator.backends.clusters import AWS_AUTH, POWERLESS, Cluster
from tests.authenticator.backends.watchers import Heard, become, started, until
from tests.authenticator.mapping.callers import HASH, A

from eksauth.authenticator.backends.cluster.backoff import Backoff
from eksauth.authenticator.backends.cluster.config_map import config_map_backend
from eksauth.authenticator.backends.cluster.kube_backend import KubeBackend
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend
from eksauth.errors import ConfigError

ROLE = f"arn:aws:iam::{A}:role/CICDRole"
USER = f"arn:aws:iam::{A}:user/dev/bob"
NODES = f"- rolearn: {ROLE}\n  username: ci\n  groups: [deployers]\n"
PEOPLE = f"- userarn: {USER}\n  username: bob\n  groups:\n  - developers\n"
BROKEN = f"- rolearn: {ROLE}\n  username: {{{{SessionName}}}}\n"


def watching(
    where: Where, heard: Heard | None = None, *, grace: float = 600, tick: Callable[[], float] | None = None
) -> AbstractAsyncContextManager[KubeBackend[AwsAuthBackend]]:
    """Run a backend that tries again quickly."""
    more = {} if tick is None else {"tick": tick}
    ears = (heard or Heard()).ears()
    return started(config_map_backend(where, grace=grace, ears=ears, backoff=Backoff(0.1, 0.5), **more))


async def test_cm_01_to_04_what_is_there_is_mapped(cluster: Cluster) -> None:
    """CM-01..04: users, roles, SSO roles of any suffix and accounts are found as soon as the backend has started."""
    sso = f"- sso:\n    permissionSetName: ViewOnly\n    accountID: '{A}'\n  username: viewer\n  groups: []\n"
    cluster.aws_auth(mapRoles=NODES + sso, mapUsers=PEOPLE, mapAccounts="- '999988887777'\n")
    async with watching(cluster.where()) as backend:
        assert backend.status().synced
        assert backend.status().entries == 4
        assert become(backend) == "ci"
        assert become(backend, USER) == "bob"
        assert become(backend, f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_ViewOnly_{HASH}/ann") == "viewer"
        assert become(backend, "arn:aws:iam::999988887777:user/eve") == "arn:aws:iam::999988887777:user/eve"
        assert become(backend, f"arn:aws:iam::{A}:user/nobody") is None


async def test_cm_05_changes_take_effect(cluster: Cluster) -> None:
    """CM-05: without a ConfigMap nobody is mapped; one that is created and changed counts, and what it lost is gone."""
    heard = Heard()
    async with watching(cluster.where(), heard) as backend:
        assert (become(backend), backend.status().synced) == (None, True)
        cluster.aws_auth(mapRoles=NODES, mapUsers=PEOPLE, mapAccounts=f"- '{A}'\n")
        await until(lambda: become(backend) == "ci")
        cluster.aws_auth(mapRoles=NODES.replace("ci", "cd") + "- rolearn: not-an-arn\n  username: x\n")
        await until(lambda: become(backend) == "cd")
        assert become(backend, USER) is None
        assert "mapping.not_an_arn" in {problem.code for problem in backend.status().problems}
    assert heard.kinds() == ["loaded", "loaded", "loaded"]
    assert heard.failures == 0


async def test_other_config_maps_do_not_matter(cluster: Cluster) -> None:
    """Only the one object is watched, with rights on that name alone."""
    cluster.aws_auth(mapRoles=NODES)
    heard = Heard()
    async with watching(cluster.where(), heard) as backend:
        path, name = "/api/v1/namespaces/kube-system/configmaps", {"name": "other", "namespace": "kube-system"}
        cluster.make(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"mapRoles": "x"}})
        cluster.aws_auth(mapRoles=NODES, mapUsers=PEOPLE)
        await until(lambda: become(backend, USER) == "bob")
    assert heard.kinds() == ["loaded", "loaded"]


async def test_a_broken_section_keeps_its_last_good_entries(cluster: Cluster) -> None:
    """An unquoted template breaks mapRoles: its entries stay, mapUsers changes, and everybody is told the line."""
    cluster.aws_auth(mapRoles=NODES, mapUsers=PEOPLE)
    heard = Heard()
    async with watching(cluster.where(), heard) as backend:
        cluster.aws_auth(mapRoles=BROKEN, mapUsers=PEOPLE.replace("bob\n  g", "robert\n  g"))
        await until(lambda: become(backend, USER) == "robert")
        assert become(backend) == "ci"
        failure = backend.status().failure or ""
        assert failure.startswith("mapRoles keeps its last 1 entries: aws-auth/mapRoles:2:13: not valid YAML")
        problem = next(found for found in backend.status().problems if found.code == "mapping.section_kept")
        assert str(problem.source) == "aws-auth/mapRoles:2"
        assert "quote" in (problem.hint or "")
        await until(lambda: [event["reason"] for event in cluster.events()] == ["MappingsBroken"])
        cluster.aws_auth(mapRoles=NODES.replace("ci", "cd"))
        await until(lambda: become(backend) == "cd")
        assert backend.status().failure is None
        await until(lambda: [event["reason"] for event in cluster.events()] == ["MappingsBroken", "MappingsLoaded"])
    assert heard.kinds() == ["loaded", "failed", "loaded"]
    broken, loaded = cluster.events()
    assert (broken["type"], loaded["type"]) == ("Warning", "Normal")
    assert "aws-auth/mapRoles:2:13" in broken["message"]
    assert broken["involvedObject"]["name"] == "aws-auth"
    assert broken["source"]["component"] == "eksauth"


async def test_a_section_of_which_nothing_is_left_is_kept(cluster: Cluster) -> None:
    """Where a typo drops every entry of a section, its last entries stay; where it drops one of two, the other stays."""
    cluster.aws_auth(mapRoles=NODES, mapUsers=PEOPLE)
    async with watching(cluster.where()) as backend:
        cluster.aws_auth(mapRoles=NODES.replace("rolearn", "rolern"), mapUsers=PEOPLE)
        await until(lambda: backend.status().failure)
        assert become(backend) == "ci"
        cluster.aws_auth(mapRoles=NODES + NODES.replace("rolearn", "rolern"), mapUsers=PEOPLE)
        await until(lambda: not backend.status().failure)
        assert become(backend) == "ci"
        assert "mapping.entry_dropped" in {problem.code for problem in backend.status().problems}


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "emptied"])
async def test_nobody_left_is_held_for_a_while(cluster: Cluster, deleted: bool) -> None:
    """A ConfigMap that is deleted or emptied keeps its entries for the grace period, and loses them after it."""
    cluster.aws_auth(mapRoles=NODES)
    heard, now = Heard(), [1000.0]
    async with watching(cluster.where(), heard, grace=60, tick=lambda: now[0]) as backend:
        if deleted:
            cluster.delete(AWS_AUTH)
        else:
            cluster.aws_auth(mapRoles="[]")
        await until(lambda: backend.status().held_until is not None)
        assert become(backend) == "ci"
        await until(lambda: "MappingsHeld" in [event["reason"] for event in cluster.events()])
        now[0] = 1060
        assert become(backend) is None
        assert heard.kinds() == ["loaded", "held", "applied"]
        cluster.aws_auth(mapRoles=BROKEN)
        await until(lambda: backend.status().failure)
        assert become(backend) is None, "entries that are gone do not come back through a broken section"


async def test_a_hold_ends_when_the_mappings_are_back(cluster: Cluster) -> None:
    """Whoever notices the mistake in time has lost nobody, and a broken replacement still falls back on the old."""
    cluster.aws_auth(mapRoles=NODES, mapUsers=PEOPLE)
    async with watching(cluster.where()) as backend:
        cluster.delete(AWS_AUTH)
        await until(lambda: backend.status().held_until)
        cluster.aws_auth(mapRoles=NODES.replace("ci", "cd"))
        await until(lambda: become(backend) == "cd")
        assert backend.status().held_until is None


async def test_sighup_lets_a_held_change_take_effect(cluster: Cluster) -> None:
    """Reload lists again and ends the grace period."""
    cluster.aws_auth(mapRoles=NODES)
    async with watching(cluster.where()) as backend:
        cluster.delete(AWS_AUTH)
        await until(lambda: backend.status().held_until)
        await backend.reload()
        assert become(backend) is None
        cluster.aws_auth(mapRoles=NODES)
        await until(lambda: become(backend) == "ci")


@pytest.mark.parametrize(
    "data, codes",
    [
        pytest.param({"maproles": NODES}, {"mapping.ignored_section"}, id="CM-14-lower-case-section"),
        pytest.param({"MaPrOlEs": NODES}, {"mapping.ignored_section"}, id="CM-15-crazy-case-section"),
        pytest.param({"notes": "hello"}, {"mapping.ignored_section"}, id="another-key"),
        pytest.param({"binaryData": {"mapRoles": "LSB4"}}, {"mapping.ignored_section"}, id="binary-data"),
        pytest.param({"mapRoles": "``", "mapUsers": '""', "mapAccounts": "''"}, set(), id="CM-07-08-empty-values"),
    ],
)
async def test_what_is_not_looked_at(cluster: Cluster, data: dict[str, object], codes: set[str]) -> None:
    """Sections under other names, and in binaryData, map nobody and are reported."""
    cluster.aws_auth(**data)
    async with watching(cluster.where()) as backend:
        status = backend.status()
        assert (status.synced, status.entries) == (True, 0)
        assert {problem.code for problem in status.problems} == codes


async def test_a_megabyte(cluster: Cluster) -> None:
    """A ConfigMap of the largest size is read while lookups go on, and each of its entries counts."""
    entry = "- rolearn: arn:aws:iam::{account}:role/Role{number}\n  username: user-{number}\n  groups: [a]\n"
    many = "".join(entry.format(account=A, number=number) for number in range(10_500))
    assert 900_000 < len(many) < 1_048_000
    cluster.aws_auth(mapRoles=many)
    async with watching(cluster.where()) as backend:
        assert backend.status().entries == 10_500
        assert become(backend, f"arn:aws:sts::{A}:assumed-role/Role10499/s") == "user-10499"


async def test_line_separators_of_unicode_are_no_line_feeds(cluster: Cluster) -> None:
    """A comment with NEL or U+2028 in it does not break the watch, whose events are lines."""
    heard = Heard()
    async with watching(cluster.where(), heard) as backend:
        cluster.aws_auth(mapRoles=NODES, notes="one\x85two\u2028three\x0bfour")
        await until(lambda: become(backend) == "ci")
    assert heard.failures == 0


async def test_without_rights_it_says_so_and_goes_on_trying(cluster: Cluster) -> None:
    """A server that may not list is not synced, counts its failures, tells once, and waits in between."""
    heard = Heard()
    async with watching(cluster.where(POWERLESS), heard) as backend:
        assert not backend.status().synced
        assert "403" in (backend.status().failure or "")
        await until(lambda: heard.failures >= 3)
    assert heard.kinds() == ["failed"]


async def test_events_that_may_not_be_written_are_a_remark(cluster: Cluster) -> None:
    """A refusal to write events is said once and changes nothing else."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader", "namespace": "kube-system"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system"
    cluster.make(f"{path}/roles", role)
    subjects = [{"kind": "User", "name": "powerless", "apiGroup": "rbac.authorization.k8s.io"}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    binding = {**role, "kind": "RoleBinding", "subjects": subjects, "roleRef": reference}
    binding.pop("rules")
    cluster.make(f"{path}/rolebindings", binding)
    cluster.aws_auth(mapRoles=NODES)
    heard = Heard()
    try:
        async with watching(cluster.where(POWERLESS), heard) as backend:
            cluster.aws_auth(mapRoles=BROKEN)
            await until(lambda: heard.remarks)
            cluster.aws_auth(mapRoles=BROKEN + "# more\n")
            cluster.aws_auth(mapRoles=NODES.replace("ci", "cd"))
            await until(lambda: become(backend) == "cd")
    finally:
        cluster.delete(f"{path}/rolebindings/reader")
    assert len(heard.remarks) == 1
    assert "no events can be written" in heard.remarks[0]
    assert not cluster.events()


async def test_the_same_event_is_written_once(cluster: Cluster) -> None:
    """Flapping between two contents makes two events, however often it happens and however many servers see it."""
    cluster.aws_auth(mapRoles=NODES)
    async with watching(cluster.where()) as backend, watching(cluster.where()) as other:
        for text in (BROKEN, NODES.replace("ci", "x"), BROKEN, NODES, BROKEN, NODES.replace("ci", "y")):
            cluster.aws_auth(mapRoles=text)
            for one in (backend, other):
                await until(lambda one=one, text=text: bool(one.status().failure) == (text == BROKEN))  # type: ignore[misc]
        await until(lambda: len({event["reason"] for event in cluster.events()}) == 2)
        await asyncio.sleep(0.5)
        events = cluster.events()
    reasons = [event["reason"] for event in events]
    assert sorted(reasons) == ["MappingsBroken", "MappingsLoaded"], events


async def test_an_api_server_that_is_not_there(tmp_path: Path, cluster: Cluster) -> None:
    """A server that starts before the API does serves without mappings until the API is there."""
    heard = Heard()
    kubeconfig = cluster.kubeconfig().read_text().replace(f":{cluster.port}", ":1")
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig)
    cluster.aws_auth(mapRoles=NODES)
    async with watching(Where(path), heard) as backend:
        assert not backend.status().synced
        path.write_text(cluster.kubeconfig().read_text())
        await until(lambda: become(backend) == "ci")
    assert heard.kinds() == ["failed", "loaded"]


async def test_no_cluster_at_all_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    """Outside of a pod and without a kubeconfig the backend can never work, and says what to set."""
    for where in (Where(environ={}), Where(tmp_path / "nothing")):
        backend = config_map_backend(where)
        with pytest.raises(ConfigError) as caught:
            await backend.start()
        assert "server.kubeconfig" in (caught.value.hint or "")
        await backend.close()


async def test_in_cluster_credentials_rotate(cluster: Cluster, tmp_path: Path) -> None:
    """The pod's own service account works, and a token file that changes counts from the next request on."""
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "token").write_text("expired")
    (account / "namespace").write_text("tools\n")
    (account / "ca.crt").write_bytes((cluster.directory / "ca.pem").read_bytes())
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(cluster.port)}
    where = Where(environ=environ, service_account=account)
    assert where.namespace() == "tools"
    cluster.aws_auth(mapRoles=NODES)
    heard = Heard()
    async with watching(where, heard) as backend:
        assert "401" in (backend.status().failure or "")
        (account / "token").write_text("server-token\n")
        await until(lambda: become(backend) == "ci")


async def test_the_api_server_restarts(real: Cluster) -> None:
    """Mappings stay in force while the API is gone; what changed meanwhile counts once it is back; nobody hammers."""
    real.aws_auth(mapRoles=NODES)
    heard = Heard()
    async with watching(real.where(), heard) as backend:
        await asyncio.to_thread(real.stop, kill=True)
        try:
            await until(lambda: backend.status().failure)
            assert become(backend) == "ci"
            assert backend.status().synced
            before = heard.failures
            await asyncio.sleep(2)
            assert 1 <= heard.failures - before <= 8
        finally:
            await asyncio.to_thread(real.start)
        real.aws_auth(mapRoles=NODES.replace("ci", "cd"))
        await until(lambda: become(backend) == "cd")
        assert backend.status().failure is None
    assert heard.kinds()[0] == "loaded"
    assert set(heard.kinds()[1:]) == {"failed", "loaded"}
