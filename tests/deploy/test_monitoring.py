"""Alerts and dashboard ask for metrics that the server has, with labels that they have."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client.core import CollectorRegistry
from tests.deploy.chart import CHART, VALUES, Chart, only

from eksauth.authenticator.server.metrics import Metrics
from eksauth.authenticator.server.notices import Notices

ALERTS: list[dict[str, Any]] = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())
_METRIC = re.compile(r"\b((?:eksauth|aws_iam_authenticator|process)_[a-z0-9_]+)(?:\{([^}]*)\})?")
_FROM_PROMETHEUS = {"namespace", "instance", "job", "le"}


def expressions() -> list[tuple[str, str]]:
    """Return every expression with what it is part of."""
    found = [(rule["alert"], rule["expr"]) for rule in ALERTS]
    for panel in DASHBOARD["panels"]:
        found += [(panel["title"], target["expr"]) for target in panel.get("targets", [])]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found.append((variable["name"], variable["query"]["query"]))
    return found


def samples() -> dict[str, set[str]]:
    """Return the name of every sample that the server can expose, with its labels."""
    metrics = Metrics()
    Notices(metrics)
    registry: CollectorRegistry = metrics.registry
    found: dict[str, set[str]] = {}
    for family in registry.collect():
        found |= {sample.name: set() for sample in family.samples}
    # what has no samples yet counts too
    for name, collector in registry._names_to_collectors.items():
        found[name] = set(getattr(collector, "_labelnames", ()))
    return found


EXPRESSIONS = expressions()
IDS = [f"{number}-{name}" for number, (name, _) in enumerate(EXPRESSIONS)]


@pytest.mark.parametrize("expression", [expr for _, expr in EXPRESSIONS], ids=IDS)
def test_metrics_and_labels_exist(expression: str) -> None:
    """A renamed metric or label must not leave a dead panel or an alert that cannot fire."""
    known = samples()
    named = {match.group(1): match.group(2) or "" for match in _METRIC.finditer(expression)}
    assert named
    assert set(named) <= set(known)
    labels = set().union(*(known[name] for name in named)) | _FROM_PROMETHEUS
    used = {label for matchers in named.values() for label in re.findall(r"(\w+)\s*[=!]~?", matchers)}
    for grouping in re.findall(r"\bby \(([^)]*)\)", expression):
        used |= {label.strip() for label in grouping.split(",")}
    assert used <= labels


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert() -> None:
    """What is worth counting is worth showing; gauges about the dynamic file are for old dashboards only."""
    text = "\n".join(expr for _, expr in EXPRESSIONS)
    metrics = Metrics()
    Notices(metrics)
    shown = {family.name for family in metrics.registry.collect() if family.name in text}
    missing = {family.name for family in metrics.registry.collect()} - shown
    assert {name for name in missing if name.startswith("eksauth_")} == set()


def test_alerts_are_complete() -> None:
    """Each alert has a severity, a summary and what to do; names are unique."""
    names = [rule["alert"] for rule in ALERTS]
    assert len(set(names)) == len(names)
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}


def test_labels_in_the_text_of_an_alert_are_in_its_result() -> None:
    """A summary with a label that the expression sums away would be empty there."""
    for rule in ALERTS:
        used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        kept = {
            label.strip() for grouping in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for label in grouping.split(",")
        }
        assert used <= kept, rule["alert"]


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    """Grafana draws each panel where it is told to."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.peer
def test_helm_leaves_templates_of_prometheus_and_grafana_alone(chart: Chart) -> None:
    """Rules and dashboard arrive as they are in their files, double braces included."""
    found = chart.render(VALUES["deployment-cert-manager-and-monitoring"])
    assert only(found, "PrometheusRule")["spec"]["groups"][0]["rules"] == ALERTS
    config_map = only(found, "ConfigMap", "eksauth-dashboard")
    assert json.loads(config_map["data"]["eksauth.json"]) == DASHBOARD
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    [endpoint] = only(found, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in only(found, "Service")["spec"]["ports"]}
