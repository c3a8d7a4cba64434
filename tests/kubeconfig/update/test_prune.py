"""Pruning against an EKS: what is certainly gone goes, what is in doubt stays."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeconfig.update.eks_lab import CA, Lab, arn, role

from eksauth.sandbox.aws.seed import ACCOUNT
from eksauth.sandbox.pki import new_authority


def _gone(lab: Lab, name: str, region: str = "us-west-2") -> None:
    lab.endpoint.cloud.clusters.remove(ACCOUNT, region, name)


def _states(result: Any) -> dict[str, str]:
    return {item["cluster"]: item["state"] for item in result["clusters"]}


def _prune(lab: Lab, *words: str, code: int = 0) -> Any:
    done = lab.eksauth("kubeconfig", "prune", "-o", "json", *words)
    assert done.code == code, done.err
    return done.json


@pytest.fixture(name="three")
def three_(lab: Lab) -> Lab:
    """Return a kubeconfig with three clusters in two regions."""
    for name, region in (("one", "us-west-2"), ("two", "us-west-2"), ("three", "eu-west-1")):
        lab.cluster(name, region)
        lab.updated("--name", name, "--region", region, "--alias", name)
    return lab


def test_without_yes_only_the_plan_is_printed(three: Lab) -> None:
    """The plan names what would go, and the file stays byte for byte."""
    _gone(three, "two")
    before = three.kubeconfig.read_bytes()
    plan = _prune(three)
    assert _states(plan) == {"one": "current", "two": "gone", "three": "current"}
    assert {(item["kind"], item["name"]) for item in plan["removed"]} >= {("context", "two"), ("cluster", arn("two"))}
    assert plan["applied"] is False
    assert three.kubeconfig.read_bytes() == before


def test_a_gone_cluster_takes_context_cluster_and_user_along(three: Lab) -> None:
    """All three entries go, the others stay, and undo brings everything back byte for byte."""
    before = three.kubeconfig.read_bytes()
    _gone(three, "two")
    assert _prune(three, "--yes")["applied"] is True
    parsed = three.parsed()
    assert set(parsed["contexts"]) == {"one", "three"}
    assert set(parsed["clusters"]) == {arn("one"), arn("three", "eu-west-1")}
    assert len(parsed["users"]) == 2
    assert three.eksauth("kubeconfig", "undo").code == 0
    assert three.kubeconfig.read_bytes() == before


def test_the_current_context_does_not_point_at_nothing(three: Lab) -> None:
    """When the current context goes, current-context is unset and the user is told."""
    _gone(three, "three", "eu-west-1")
    done = three.eksauth("kubeconfig", "prune", "--yes")
    assert done.code == 0
    assert "current context" in done.err
    assert three.parsed()["current"] == ""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"endpoint": "https://new.us-west-2.example"}, id="endpoint"),
        pytest.param({"ca_data": b64encode(new_authority("another").cert_pem).decode()}, id="ca"),
    ],
)
def test_a_cluster_made_anew_goes_unless_update_brings_it_up_to_date(three: Lab, change: dict[str, str]) -> None:
    """Another endpoint or CA counts as another cluster; update makes the entry current again."""
    three.cluster("one", **change)
    assert _states(_prune(three))["one"] == "changed"
    three.updated("--name", "one", "--region", "us-west-2", "--alias", "one")
    assert _states(_prune(three))["one"] == "current"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("https://ONE.us-west-2.example", id="case"),
        pytest.param("https://one.us-west-2.example/", id="slash"),
        pytest.param("https://one.us-west-2.example:443", id="port"),
    ],
)
def test_spellings_of_one_endpoint_are_the_same(three: Lab, written: str) -> None:
    """An address that means the same is no change."""
    text = three.kubeconfig.read_text()
    three.kubeconfig.write_text(text.replace("https://one.us-west-2.example", written))
    assert _states(_prune(three))["one"] == "current"


def test_a_tunnel_of_ones_own_is_kept(lab: Lab) -> None:
    """A server that a person pointed elsewhere is not taken for another cluster."""
    endpoint = "https://AB12.gr7.us-west-2.eks.amazonaws.com"
    lab.cluster("demo", endpoint=endpoint)
    lab.updated("--name", "demo")
    lab.kubeconfig.write_text(lab.kubeconfig.read_text().replace(endpoint, "https://localhost:8443"))
    assert _states(_prune(lab)) == {"demo": "current"}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "error", "status": 403, "code": "AccessDeniedException"}, id="denied"),
        pytest.param({"kind": "error", "status": 500, "code": "InternalFailure"}, id="broken"),
        pytest.param({"kind": "error", "status": 404, "code": "SomethingElse"}, id="other 404"),
        pytest.param({"kind": "garbage"}, id="garbage"),
    ],
)
def test_doubt_keeps_everything(three: Lab, fault: dict[str, Any]) -> None:
    """Whatever EKS answers but "no such cluster" removes nothing and ends with exit code 5."""
    _gone(three, "two")
    three.fault(count=None, action="DescribeCluster", **fault)
    before = three.kubeconfig.read_bytes()
    result = _prune(three, "--yes", code=5)
    assert set(_states(result).values()) == {"unknown"}
    assert result["removed"] == []
    assert three.kubeconfig.read_bytes() == before


def test_no_credentials_keep_everything(three: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials nothing is known."""
    _gone(three, "two")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert set(_states(_prune(three, "--yes", code=5)).values()) == {"unknown"}


def test_another_account_does_not_count(lab: Lab) -> None:
    """A no from an account that the entry does not name removes nothing."""
    lab.cluster("demo")
    lab.updated("--name", "demo")
    lab.kubeconfig.write_text(lab.kubeconfig.read_text().replace(ACCOUNT, "999988887777"))
    result = _prune(lab, "--yes", code=5)
    assert _states(result) == {"demo": "unknown"}
    assert "999988887777" in result["clusters"][0]["why"]


def test_entries_of_others_stay_unless_all_are_asked_for(lab: Lab, tmp_path: Path) -> None:
    """Entries of the AWS CLI look like EKS, and are touched with --all only."""
    lab.cluster("theirs")
    assert lab.process("aws", "eks", "update-kubeconfig", "--name", "theirs").returncode == 0
    _gone(lab, "theirs")
    assert _prune(lab, "--yes")["clusters"] == []
    result = _prune(lab, "--all", "--yes")
    assert _states(result) == {"theirs": "gone"}
    assert lab.parsed()["contexts"] == {}


def test_a_context_that_a_person_made_keeps_the_cluster(three: Lab) -> None:
    """The owned context goes; the cluster stays for the other one, until --all."""
    text = three.kubeconfig.read_text()
    document = yaml.safe_load(text)
    user = document["contexts"][0]["context"]["user"]
    document["contexts"].append({"name": "mine", "context": {"cluster": arn("two"), "user": user}})
    three.kubeconfig.write_text(yaml.safe_dump(document))
    _gone(three, "two")
    assert {item["kind"] for item in _prune(three, "--yes")["removed"]} == {"context", "user"}
    assert arn("two") in three.parsed()["clusters"]
    assert _states(_prune(three, "--all", "--yes"))["two"] == "gone"
    assert arn("two") not in three.parsed()["clusters"]


def test_a_role_that_may_not_describe_is_no_obstacle(lab: Lab) -> None:
    """EKS is asked as update asks it, without the role of the entry."""
    lab.cluster("demo")
    lab.updated("--name", "demo", "--role-arn", role("does-not-exist"))
    _gone(lab, "demo")
    assert _states(_prune(lab, "--yes")) == {"demo": "gone"}


def test_entries_changed_meanwhile_stay(three: Lab) -> None:
    """A verdict about one content is not carried out on another."""
    from eksauth.kubeconfig.paths import kubeconfig_files
    from eksauth.kubeconfig.prune import judge, plan_prune
    from eksauth.kubeconfig.prune_ask import Answer
    from eksauth.kubeconfig.prune_targets import find_targets
    from eksauth.kubeconfig.resolve import load_merged

    files = kubeconfig_files({"HOME": str(three.home)})
    targets = find_targets(load_merged(files))
    verdicts = judge(targets, {target.entry: Answer(gone=True) for target in targets})
    three.kubeconfig.write_text(three.kubeconfig.read_text().replace("https://one.", "https://other."))
    assert arn("one") not in {entry.name for entry in plan_prune(load_merged(files), verdicts).removed}
    assert CA in three.kubeconfig.read_text()


def test_the_plan_names_protected_contexts(three: Lab) -> None:
    """Who says yes to the plan has seen that a protected context is part of it."""
    three.eksauth("kubeconfig", "protect", "two", "three")
    _gone(three, "two")
    assert _prune(three)["protected"] == ["two"]
    assert 'context "two" is protected' in three.eksauth("kubeconfig", "prune").err
    assert _prune(three, "--yes")["applied"] is True
    assert set(three.parsed()["contexts"]) == {"one", "three"}
