"""How the pods run: without privileges, without a writable root, without what they do not need."""

from __future__ import annotations

from typing import Any

import pytest
from tests.deploy.chart import VALUES, Chart, pod_of

from eksauth.authenticator.server.settings import Limits

pytestmark = pytest.mark.peer
sets = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())


@sets
def test_the_server_has_no_privileges(chart: Chart, values: dict[str, Any]) -> None:
    """Not root, no escalation, no capability, read-only root, the runtime's seccomp profile, limited memory."""
    pod = pod_of(chart.render(values))
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == values.get("runAsUser", 65532)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert not any(pod.get(name) for name in ("hostPID", "hostIPC"))


@sets
def test_only_the_init_container_is_root_and_can_only_give_directories_away(
    chart: Chart, values: dict[str, Any]
) -> None:
    """Where directories of the host are prepared, that takes two capabilities and the same image; else nothing runs."""
    prepared = pod_of(chart.render(values)).get("initContainers", [])
    wanted = (
        values.get("kind", "DaemonSet") == "DaemonSet"
        and values.get("hostPaths", {}).get("prepare", True)
        and "tls" not in values
    )
    assert len(prepared) == int(wanted)
    for container in prepared:
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN", "DAC_READ_SEARCH"]}
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]


@sets
def test_a_token_of_the_cluster_only_where_a_backend_asks_it(chart: Chart, values: dict[str, Any]) -> None:
    """Backends on files come with neither service account token nor rights."""
    found = chart.render(values)
    modes = values.get("backendMode", ["MountedFile"])
    asks = bool({"EKSConfigMap", "CRD"} & set(modes)) or ("AccessEntries" in modes and "accessEntries" not in values)
    assert pod_of(found)["automountServiceAccountToken"] is asks
    assert any(item["kind"].endswith("Binding") for item in found) is asks


@sets
def test_kubernetes_waits_for_the_drain(chart: Chart, values: dict[str, Any]) -> None:
    """The grace period is longer than the server's own, and no hook delays the signal."""
    pod = pod_of(chart.render(values))
    delay = values.get("drainDelaySeconds", 5)
    assert pod["terminationGracePeriodSeconds"] >= Limits().grace + delay + 5
    assert all("lifecycle" not in container for container in pod["containers"])


@sets
def test_probes_ask_alive_and_ready(chart: Chart, values: dict[str, Any]) -> None:
    """Liveness never depends on STS or the API: it asks whether the process answers; readiness asks for more."""
    [container] = pod_of(chart.render(values))["containers"]
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz?exclude=sts"}
    assert all(container[name]["httpGet"]["port"] == "status" for name in paths)
    assert {port["name"] for port in container["ports"]} == {"webhook", "status"}


@sets
def test_where_the_pods_run(chart: Chart, values: dict[str, Any]) -> None:
    """A DaemonSet runs on control-plane nodes of every kind; a Deployment spreads unless told otherwise."""
    found = chart.render(values)
    pod = pod_of(found)
    assert pod["priorityClassName"] == "system-cluster-critical"
    deployed = values.get("kind", "DaemonSet") == "Deployment"
    assert any(item["kind"] == "PodDisruptionBudget" for item in found) is deployed
    assert any(item["kind"] == "NetworkPolicy" for item in found) is deployed
    if not deployed:
        # the cluster's DNS may need logins that work
        assert pod["dnsPolicy"] == "Default"
        [term] = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert term["matchExpressions"] == [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]
        assert any(item["key"] == "node-role.kubernetes.io/control-plane" for item in pod["tolerations"])
    else:
        assert bool(pod.get("topologySpreadConstraints")) is values.get("topologySpread", True)
        assert bool(pod.get("affinity")) is ("affinity" not in values)
