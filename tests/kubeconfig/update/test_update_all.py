"""``kubeconfig update --all``: many clusters, many regions, and some that fail."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.kubeconfig.update.eks_lab import REGIONS, Lab, arn


def fleet(lab: Lab, count: int, regions: tuple[str, ...] = REGIONS) -> list[str]:
    """Make clusters, spread over regions; return their ARNs in order of region and name."""
    made = [lab.cluster(f"c{number:03}", regions[number % len(regions)]) for number in range(count)]
    return sorted((cluster.arn for cluster in made), key=lambda text: (text.split(":")[3], text))


def test_two_hundred_clusters_in_eight_regions(lab: Lab, kubectl: Path) -> None:
    """All of them get entries in one write, kubectl reads them, and no region but the given ones is asked."""
    expected = fleet(lab, 200)

    done = lab.updated("--all", "--regions", ",".join(REGIONS[:4]), "--regions", ",".join(REGIONS[4:]))

    assert [context["context"] for context in done["contexts"]] == expected
    assert {context["action"] for context in done["contexts"]} == {"added"}
    assert done["currentContext"] is None
    assert len(lab.asked()) == 208
    shown = subprocess.run(
        [kubectl, "config", "get-contexts", "-o", "name"], capture_output=True, text=True, check=True
    )
    assert sorted(shown.stdout.split()) == sorted(expected)
    assert lab.updated("--all", "--regions", ",".join(REGIONS))["changed"] is False


def test_more_than_a_page_in_one_region(lab: Lab) -> None:
    """ListClusters gives a hundred at a time; every page is read."""
    expected = fleet(lab, 101, ("us-west-2",))
    done = lab.updated("--all", "--regions", "us-west-2")
    assert [context["context"] for context in done["contexts"]] == expected


def test_the_enabled_regions_are_asked_of_aws(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who may list regions has only enabled ones looked into."""
    lab.cluster("demo", "eu-west-1")
    (lab.home / ".aws").mkdir()
    assert lab.endpoint.seed is not None
    admin = lab.endpoint.seed.roles["EksAdmin"].arn
    done = lab.updated("--all", "--assume-role-arn", admin)
    asked = lab.asked()
    assert [context["context"] for context in done["contexts"]] == [arn("demo", "eu-west-1")]
    assert asked[:2] == [("AssumeRole", "us-west-2"), ("ListRegions", "us-east-1")]
    assert len({region for action, region in asked if action == "ListClusters"}) == 17


def test_without_that_permission_all_regions_are_tried(lab: Lab) -> None:
    """Alice may not list regions; every region of the partition is asked, and disabled ones are no failure."""
    lab.cluster("demo", "eu-west-1")
    for region in ("af-south-1", "me-south-1"):
        lab.fault("error", None, region=region, status=403, code="UnrecognizedClientException")
    done = lab.updated("--all")
    assert [context["context"] for context in done["contexts"]] == [arn("demo", "eu-west-1")]
    assert done["failures"] == []
    assert len({region for action, region in lab.asked() if action == "ListClusters"}) > 30


def test_one_failing_region_does_not_stop_the_rest(lab: Lab) -> None:
    """The others are written, the failing one is named with its reason, and the exit code tells."""
    expected = [text for text in fleet(lab, 16) if ":eu-west-2:" not in text]
    lab.fault("error", None, region="eu-west-2", status=403, code="AccessDenied", message="not here")

    done = lab.update("--all", "--regions", ",".join(REGIONS), "-o", "json")

    assert done.code == 5
    assert "failed: region eu-west-2: AWS denied reading the clusters in eu-west-2: not here" in done.err
    assert "eks:ListClusters" in done.err
    assert [context["context"] for context in done.json["contexts"]] == expected
    assert [(failure["region"], failure["name"]) for failure in done.json["failures"]] == [("eu-west-2", None)]
    assert set(lab.parsed()["contexts"]) == set(expected)


def test_one_failing_cluster_is_named(lab: Lab) -> None:
    """A cluster that cannot be described is reported by name, the others are written."""
    fleet(lab, 4, ("us-west-2",))
    lab.fault("error", 1, action="DescribeCluster", status=400, code="InvalidParameterException", message="odd")
    done = lab.update("--all", "--regions", "us-west-2")
    assert done.code == 5
    assert done.err.count("failed: cluster c00") == 1
    assert len(lab.parsed()["contexts"]) == 3


def test_when_every_region_says_the_same_it_is_one_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight times "unknown key" is one sentence, and nothing is written."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    done = lab.update("--all", "--regions", ",".join(REGIONS))
    assert done.code == 4
    assert done.err.count("eksauth: error:") == 1
    assert "does not know this access key" in done.err
    assert not lab.kubeconfig.exists()


def test_throttling_is_waited_out(lab: Lab) -> None:
    """Calls that are throttled are repeated until they succeed."""
    expected = fleet(lab, 24)
    lab.fault("throttle", 12)
    done = lab.updated("--all", "--regions", ",".join(REGIONS))
    assert [context["context"] for context in done["contexts"]] == expected
    assert len(lab.asked()) == 8 + 24 + 12


def test_clusters_that_cannot_have_entries_are_left_out(lab: Lab) -> None:
    """Clusters on their way in or out, and connected ones, are skipped with a reason; that is no failure."""
    lab.cluster("good")
    lab.cluster("coming", status="CREATING", endpoint="", ca_data="")
    lab.cluster("going", status="DELETING")
    lab.cluster("elsewhere", connector="GKE", endpoint="", ca_data="")
    done = lab.update("--all", "--regions", "us-west-2", "-o", "json")
    assert done.code == 0
    assert done.err.count("eksauth: skipped: ") == 3
    assert [context["name"] for context in done.json["contexts"]] == ["good"]
    assert {skipped["name"] for skipped in done.json["skipped"]} == {"coming", "going", "elsewhere"}


def test_a_template_must_tell_clusters_apart(lab: Lab) -> None:
    """Two clusters of one name in two regions need the region in the template; nothing is written without."""
    lab.cluster("demo", "eu-west-1")
    lab.cluster("demo", "us-east-1")
    refused = lab.update("--all", "--regions", "eu-west-1,us-east-1", "--context-template", "{name}")
    done = lab.updated("--all", "--regions", "eu-west-1,us-east-1", "--context-template", "{name}.{region}")
    assert (refused.code, "would both get the context" in refused.err, "{region}" in refused.err) == (3, True, True)
    assert [context["context"] for context in done["contexts"]] == ["demo.eu-west-1", "demo.us-east-1"]


def test_no_clusters_at_all(lab: Lab) -> None:
    """An account without clusters is no error, and no file is made."""
    done = lab.update("--all", "--regions", "us-west-2")
    assert (done.code, done.out, "no clusters" in done.err) == (0, "", True)
    assert not lab.kubeconfig.exists()


def test_a_cluster_that_vanishes_meanwhile_is_left_out(lab: Lab) -> None:
    """Deleted between listing and describing, a cluster is simply not there."""
    lab.cluster("here")
    lab.cluster("gone")
    lab.fault("error", 1, action="DescribeCluster", status=404, code="ResourceNotFoundException")
    done = lab.update("--all", "--regions", "us-west-2", "-o", "json")
    assert (done.code, len(done.json["contexts"]), done.json["failures"]) == (0, 1, [])


def test_machines_get_the_failures_too(lab: Lab) -> None:
    """The JSON holds code and hint of each failure."""
    lab.cluster()
    lab.fault("reset", None, region="eu-west-1")
    done = lab.update("--all", "--regions", "eu-west-1,us-west-2", "-o", "json")
    (failure,) = json.loads(done.out)["failures"]
    assert (done.code, failure["code"], failure["region"]) == (5, "aws.unreachable", "eu-west-1")
    assert failure["hint"]
