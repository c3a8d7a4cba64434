"""Rendering the Helm chart with the real helm, and reading manifests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "chart" / "eksauth"
Manifest = dict[str, Any]
_RENDERED: dict[tuple[Path, str, str], str] = {}
"""What helm made, so that it runs once for each set of values."""
CERTIFICATE = {"existingSecret": "webhook-tls"}
VALUES: dict[str, dict[str, Any]] = {
    "daemonset": {"clusterID": "demo"},
    "daemonset-every-backend": {
        "clusterID": "demo",
        "backendMode": ["AccessEntries", "CRD", "EKSConfigMap", "MountedFile", "DynamicFile"],
        "server": {
            "dynamicfilepath": "/etc/eksauth-dynamic/mappings.json",
            "mapAccounts": ["012345670123"],
            "mapRoles": [
                {
                    "rolearn": "arn:aws:iam::111122223333:role/Admin",
                    "username": "admin:{{SessionName}}",
                    "groups": ["system:masters"],
                },
                {"sso": {"permissionSetName": "View", "accountID": "012345670123"}, "username": "view", "groups": []},
            ],
            "scrubbedAccounts": ["000000000000"],
            "reservedPrefixConfig": [{"backendMode": "CRD", "usernamePrefixReserveList": ["system:"]}],
            "ec2DescribeInstancesRoleARN": "arn:aws:iam::111122223333:role/Nodes",
        },
        "workers": 2,
        "extraEnv": [{"name": "AWS_REGION", "value": "eu-west-1"}],
        "extraVolumes": [{"name": "dynamic", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "dynamic", "mountPath": "/etc/eksauth-dynamic", "readOnly": True}],
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/Nodes"}},
        "restartOnConfigChange": True,
        "image": {"repository": "registry.example/eksauth", "digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "registry"}],
        "podAnnotations": {"example.com/a": "b"},
        "podLabels": {"team": "platform"},
    },
    "daemonset-own-config-map": {
        "existingConfigMap": "aws-iam-authenticator",
        "clusterID": "demo",
        "hostPaths": {"prepare": False},
        "runAsUser": 10000,
        "nodeSelector": {"kubernetes.io/os": "linux"},
    },
    "daemonset-secret": {"clusterID": "demo", "tls": CERTIFICATE, "status": {"address": "0.0.0.0"}},
    "deployment": {"kind": "Deployment", "clusterID": "demo", "tls": CERTIFICATE},
    "deployment-entries-and-policies": {
        "kind": "Deployment",
        "clusterID": "demo",
        "tls": CERTIFICATE,
        "backendMode": ["AccessEntries", "EKSConfigMap"],
        "accessEntries": [
            {
                "principalArn": "arn:aws:iam::111122223333:role/team/Developer",
                "kubernetesGroups": ["developers"],
                "accessPolicies": [
                    {
                        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
                        "accessScope": {"type": "namespace", "namespaces": ["team-*"]},
                    }
                ],
            }
        ],
        "networkPolicy": {
            "fromApiServers": [{"ipBlock": {"cidr": "10.0.0.0/24"}}],
            "fromPrometheus": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "toAWS": ["52.94.0.0/16"],
            "toAPIServer": ["10.0.0.1/32"],
        },
        "service": {"clusterIP": "10.0.0.77", "annotations": {"a": "b"}},
        "drainDelaySeconds": 10,
        "topologySpread": False,
        "affinity": {},
    },
    "deployment-cert-manager-and-monitoring": {
        "kind": "Deployment",
        "clusterID": "demo",
        "backendMode": ["CRD"],
        "tls": {"certManager": {"enabled": True, "issuerRef": {"name": "ca", "kind": "ClusterIssuer"}}},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
}
"""Sets of values that between them render every branch of every template."""


def find_helm(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the real helm, or None; looked for as the control plane's programs are."""
    directory = environ.get("KUBEBUILDER_ASSETS")
    candidates = [environ.get("TEST_ASSET_HELM"), f"{directory}/helm" if directory else None, shutil.which("helm")]
    return next((Path(path) for path in candidates if path and os.access(path, os.X_OK)), None)


@dataclass(frozen=True)
class Chart:
    """The chart and the helm that renders it."""

    helm: Path

    def run(self, *arguments: str, values: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run helm on the chart with ``values``; it keeps nothing."""
        with tempfile.TemporaryDirectory() as home:
            path = Path(home) / "values.yaml"
            path.write_text(yaml.safe_dump(dict(values)))
            return subprocess.run(
                [str(self.helm), *arguments, str(CHART), "--values", str(path), "--namespace", "kube-system"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={"HOME": home, "PATH": "/usr/bin:/bin"},
            )

    def render(self, values: Mapping[str, Any], name: str = "eksauth") -> list[Manifest]:
        """Return the manifests that the chart makes of ``values``."""
        key = (self.helm, name, json.dumps(values))
        if key not in _RENDERED:
            done = self.run("template", name, values=values)
            assert done.returncode == 0, done.stderr
            _RENDERED[key] = done.stdout
        return manifests(_RENDERED[key])


def manifests(text: str) -> list[Manifest]:
    """Return the documents of a YAML text that are not empty."""
    return [document for document in yaml.safe_load_all(text) if document]


def only(found: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Return the one manifest of a kind, and of a name where several are of that kind."""
    [one] = [item for item in found if item["kind"] == kind and name in ("", item["metadata"]["name"])]
    return one


def workload(found: list[Manifest]) -> Manifest:
    """Return the DaemonSet or Deployment."""
    [one] = [item for item in found if item["kind"] in {"DaemonSet", "Deployment"}]
    return one


def pod_of(found: list[Manifest]) -> dict[str, Any]:
    """Return the pod that the DaemonSet or Deployment makes."""
    pod: dict[str, Any] = workload(found)["spec"]["template"]["spec"]
    return pod


def crds() -> list[Manifest]:
    """Return the definitions of the custom resources."""
    return [document for path in sorted((DEPLOY / "crds").glob("*.yaml")) for document in manifests(path.read_text())]
