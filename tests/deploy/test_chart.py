"""The Helm chart: what it renders is taken by an API server and by our own server, and bad values are refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.deploy.chart import CERTIFICATE, VALUES, Chart, only, pod_of, workload
from tests.deploy.cluster import Cluster

from eksauth.authenticator.backends.assemble import check_backends
from eksauth.authenticator.config import parse_server_config
from eksauth.cli.server_run import run

pytestmark = pytest.mark.peer
FOREIGN = {"ServiceMonitor", "PrometheusRule", "Certificate"}
sets = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())


@sets
def test_rendered_manifests_are_valid(chart: Chart, cluster: Cluster, values: dict[str, Any]) -> None:
    """An API server with strict validation takes what the chart renders, without a warning."""
    cluster.would_take([item for item in chart.render(values) if item["kind"] not in FOREIGN])


@sets
def test_helm_lint_finds_nothing(chart: Chart, values: dict[str, Any]) -> None:
    """Helm's own linter has no error and no warning."""
    done = chart.run("lint", "--strict", values=values)
    assert done.returncode == 0, done.stdout


@sets
def test_the_server_takes_its_configuration_and_arguments(chart: Chart, values: dict[str, Any]) -> None:
    """The configuration loads without a warning and the command line knows every flag."""
    found = chart.render(values)
    if "existingConfigMap" not in values:
        text = only(found, "ConfigMap", "eksauth")["data"]["config.yaml"]
        config = parse_server_config(text, "config.yaml")
        assert config.warnings == ()
        assert config.cluster_id == "demo"
        assert list(config.backend_modes) == values.get("backendMode", ["MountedFile"])
        check_backends(config)
    [container] = pod_of(found)["containers"]
    assert container["command"] == ["eksauth", "server", "run"]
    run.make_context("run", list(container["args"]))


def test_account_ids_arrive_as_written(chart: Chart) -> None:
    """Account ids with leading zeros stay what they are, on the way from the values to the server."""
    found = chart.render(VALUES["daemonset-every-backend"])
    config = parse_server_config(only(found, "ConfigMap", "eksauth")["data"]["config.yaml"], "config.yaml")
    assert [account.account_id for account in config.mappings.accounts] == ["012345670123"]
    assert config.scrubbed_accounts == {"000000000000"}


@pytest.mark.parametrize(
    "values, why",
    [
        pytest.param({}, "clusterID is required", id="no cluster"),
        pytest.param({"kind": "Deployment", "clusterID": "demo"}, "certificate that all its pods share", id="no cert"),
        pytest.param({"clusterID": "demo", "kind": "StatefulSet"}, "kind", id="kind"),
        pytest.param({"clusterID": "demo", "backendMode": ["Mounted"]}, "backendMode.0", id="mode"),
        pytest.param({"clusterID": "demo", "backendMode": []}, "backendMode", id="no mode"),
        pytest.param({"clusterID": "demo", "backendMode": ["CRD", "CRD"]}, "backendMode", id="mode twice"),
        pytest.param({"clusterID": "demo", "clusterId": "x"}, "clusterId", id="unknown key"),
        pytest.param({"clusterID": "demo", "server": {"mapAccounts": [111122223333]}}, "mapAccounts.0", id="number"),
        pytest.param({"clusterID": "demo", "server": {"backendMode": "CRD"}}, "server", id="mode in server"),
        pytest.param({"clusterID": "demo", "runAsUser": 0}, "runAsUser", id="root"),
        pytest.param({"clusterID": "demo", "terminationGracePeriodSeconds": 10}, "terminationGrace", id="grace"),
        pytest.param({"clusterID": "demo", "drainDelaySeconds": 60}, "30 more than drainDelaySeconds", id="delay"),
        pytest.param({"clusterID": "demo", "hostPaths": {"stateDir": "var"}}, "stateDir", id="relative path"),
        pytest.param({"clusterID": "demo", "image": {"digest": "sha256:1"}}, "digest", id="digest"),
        pytest.param(
            {"clusterID": "demo", "accessEntries": [{"principalArn": "arn:aws:iam::111122223333:role/A"}]},
            "AccessEntries",
            id="entries without backend",
        ),
    ],
)
def test_bad_values_are_refused(chart: Chart, values: dict[str, Any], why: str) -> None:
    """Values that cannot work fail before anything is installed, and the message names them."""
    done = chart.run("template", "eksauth", values=values)
    assert done.returncode != 0
    assert why in done.stderr


def test_a_changed_configuration_replaces_pods_only_when_asked(chart: Chart) -> None:
    """The server reloads by itself: the pod template depends on the configuration only with restartOnConfigChange."""

    def template(cluster_id: str, *, restart: bool) -> Any:
        values = {"clusterID": cluster_id, "restartOnConfigChange": restart}
        return workload(chart.render(values))["spec"]["template"]

    assert template("a", restart=False) == template("b", restart=False)
    assert template("a", restart=True) != template("b", restart=True)


def test_the_configuration_is_mounted_as_a_directory(chart: Chart) -> None:
    """A subPath would never see an update."""
    for values in VALUES.values():
        [container] = pod_of(chart.render(values))["containers"]
        assert not any("subPath" in mount for mount in container["volumeMounts"])


def test_the_deployment_answers_to_the_name_of_its_service(chart: Chart) -> None:
    """Host name in the configuration, Service and certificate agree; the Service leads to the webhook's port."""
    values = VALUES["deployment-cert-manager-and-monitoring"]
    found = chart.render(values)
    config = parse_server_config(only(found, "ConfigMap", "eksauth")["data"]["config.yaml"], "config.yaml")
    service = only(found, "Service")
    assert config.hostname == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert config.hostname in only(found, "Certificate")["spec"]["dnsNames"]
    assert config.kubeconfig_pregenerated
    [container] = pod_of(found)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["name"]: port["targetPort"] for port in service["spec"]["ports"]} == {
        "webhook": "webhook",
        "status": "status",
    }
    assert ports["webhook"] == config.port
    selector = service["spec"]["selector"].items()
    assert selector <= workload(found)["spec"]["template"]["metadata"]["labels"].items()


def test_the_daemonset_stays_on_loopback(chart: Chart) -> None:
    """On a control-plane host nothing listens for other hosts unless that is asked for."""
    found = chart.render(VALUES["daemonset"])
    config = parse_server_config(only(found, "ConfigMap", "eksauth")["data"]["config.yaml"], "config.yaml")
    assert config.address == "127.0.0.1"
    pod = pod_of(found)
    assert pod["hostNetwork"]
    [container] = pod["containers"]
    assert "--status-address=127.0.0.1" in container["args"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["host"] == "127.0.0.1"


def test_a_secret_becomes_the_pair_of_files(chart: Chart) -> None:
    """A TLS Secret appears under the names that the server looks for, and nothing on the host is touched.

    The webhook kubeconfig would trust one certificate of many, so none is written, unless that is asked for.
    """
    found = chart.render({"clusterID": "demo", "tls": CERTIFICATE})
    pod = pod_of(found)
    [state] = [volume for volume in pod["volumes"] if volume["name"] == "state"]
    assert {item["path"] for item in state["secret"]["items"]} == {"cert.pem", "key.pem"}
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert "initContainers" not in pod
    assert "kubeconfigPregenerated: true" in only(found, "ConfigMap")["data"]["config.yaml"]
    own = chart.render({"clusterID": "demo", "tls": CERTIFICATE, "server": {"kubeconfigPregenerated": False}})
    assert "kubeconfigPregenerated: false" in only(own, "ConfigMap")["data"]["config.yaml"]
    [prepare] = pod_of(own)["initContainers"]
    assert [mount["name"] for mount in prepare["volumeMounts"]] == ["kubeconfig"]


def test_installed_crds_are_those_that_are_read(chart: Chart) -> None:
    """A custom resource definition comes with the backend that reads it, and stays when the release goes."""
    for modes, wanted in (
        (["MountedFile"], set()),
        (["CRD"], {"iamidentitymappings.iamauthenticator.k8s.aws"}),
        (["AccessEntries"], {"accessentries.access.eksauth.dev"}),
    ):
        found = chart.render({"clusterID": "demo", "backendMode": modes})
        crds = [item for item in found if item["kind"] == "CustomResourceDefinition"]
        assert {crd["metadata"]["name"] for crd in crds} == wanted
        assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in crds)


def test_access_entries_of_the_values_are_what_the_backend_reads(chart: Chart) -> None:
    """Entries in the values land in the file that the configuration names, and read without complaint."""
    from eksauth.authenticator.entries.reader import EntryReader
    from eksauth.authenticator.mapping.model import Problems
    from eksauth.yaml_source.nodes import YamlFile

    data = only(chart.render(VALUES["deployment-entries-and-policies"]), "ConfigMap", "eksauth")["data"]
    assert yaml.safe_load(data["config.yaml"])["server"]["accessEntriesPath"] == "/etc/eksauth/access-entries.yaml"
    problems = Problems()
    entries = EntryReader(YamlFile(data["access-entries.yaml"], "entries"), problems, partition="aws").read_file()
    assert len(entries) == 1
    assert problems.found == []
