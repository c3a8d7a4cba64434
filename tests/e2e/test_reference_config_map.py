"""The aws-auth ConfigMap in a real cluster: the reference's EKSConfigMap backend and ours, watching the same object."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.authenticator.backends.clusters import AWS_AUTH, Cluster, real_cluster
from tests.e2e.loopback_aws import LoopbackAws, loopback_aws
from tests.e2e.reference_authenticator import MISSING, Pair, find_reference, pair_of_servers
from tests.e2e.signing import Signing, session
from tests.real_control_plane import ROOT

from eksauth.sandbox.binaries import find_control_plane

PROGRAM, PLANE = find_reference(), find_control_plane()
pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
    pytest.mark.skipif(PLANE is None, reason="no kube-apiserver and etcd here"),
]
A = "111122223333"
IAM = f"arn:aws:iam::{A}"
GOOD = f"- rolearn: {IAM}:role/Good\n  username: good\n  groups:\n  - g\n"


def first(text: str) -> str:
    """Return a section with an entry for the role First, and a good one after it."""
    return f"- rolearn: {IAM}:role/First\n{text}{GOOD}"


SAME = [
    pytest.param(first("  username: first\n  groups: [a, b]\n"), "first", "good", id="CM-11-valid"),
    pytest.param(
        f"- rOlEaRn: {IAM}:role/First\n  UsErNaMe: first\n  GrOuPs: [a]\n{GOOD}",
        "first",
        "good",
        id="CM-12-crazy-case-keys",
    ),
    pytest.param(
        f"- roleARN: {IAM}:role/First\n  username: first\n  groups: [a]\n{GOOD}",
        "first",
        "good",
        id="CM-13-open-source-case-keys",
    ),
    pytest.param(
        first("  username: first\n  groups:\n  - system:bootstrappers\n   - system:nodes\n"),
        "first",
        "good",
        id="CM-16-space-out-of-place",
    ),
    pytest.param(first("  username: {{SessionName}}\n"), None, None, id="unquoted-template"),
    pytest.param(first("\tusername: first\n"), None, None, id="tab"),
    pytest.param(first("   username: first\n  groups: [a]\n"), None, None, id="misaligned-key"),
    pytest.param(f"rolearn: {IAM}:role/First\nusername: first\n", None, None, id="mapping-instead-of-list"),
    pytest.param(f"- rolern: {IAM}:role/First\n  username: first\n{GOOD}", None, "good", id="typo-in-rolearn"),
    pytest.param(first("  username: first\n  groups: system:masters\n"), "first", "good", id="groups-as-text"),
    pytest.param(first("  username: first\n  group: [a]\n"), "first", "good", id="group-for-groups"),
    pytest.param(first("  username: a\n  username: first\n"), "first", "good", id="repeated-key"),
    pytest.param(f"-\n{GOOD}", None, "good", id="null-item"),
    pytest.param(f"{GOOD}---\n{first('  username: first')}", None, "good", id="second-document"),
    pytest.param(
        f'[{{"rolearn": "{IAM}:role/First", "username": "first", "groups": ["a"]}}]', "first", None, id="json"
    ),
    pytest.param(
        f"- &a\n  rolearn: {IAM}:role/First\n  username: first\n  groups: &g [a]\n- rolearn: {IAM}:role/Good\n  username: good\n  groups: *g\n",
        "first",
        "good",
        id="anchors",
    ),
    pytest.param("# nothing\n", None, None, id="comment-only"),
    pytest.param("``", None, None, id="CM-07-backticks"),
    pytest.param('""', None, None, id="CM-08-quotes"),
    pytest.param(
        f"- rolearn: arn:aws:sts::{A}:assumed-role/First/x\n  username: first\n{GOOD}", None, "good", id="session"
    ),
    pytest.param(f"- rolearn: {IAM}:role/team/First\n  username: first\n{GOOD}", None, "good", id="role-path"),
    pytest.param(f"- rolearn: {IAM}:role/FIRST\n  username: first\n{GOOD}", "first", "good", id="case"),
    pytest.param(f"- rolearn: '{IAM}:role/First '\n  username: first\n{GOOD}", None, "good", id="blanks"),
    pytest.param(first("  username: zero\n") + first("  username: first\n"), "first", "good", id="duplicate"),
]


@dataclass
class Both:
    """Two servers on one cluster."""

    cluster: Cluster
    pair: Pair
    aws: LoopbackAws

    def names(self, arn: str, user_id: str) -> tuple[object, object]:
        """Return the user that each makes of a caller: theirs, ours."""
        theirs, ours = self.pair.review(Signing(session(self.aws.cloud, arn, user_id)).token())
        return theirs.user, ours.user

    def role(self, name: str) -> tuple[object, object]:
        """Return the user that each makes of a role's session."""
        return self.names(f"arn:aws:sts::{A}:assumed-role/{name}/ann", "AROAEXAMPLE:ann")

    def load(self, marker: str, sections: dict[str, str]) -> None:
        """Begin with nothing, put sections there, and wait until both have seen them."""
        self.cluster.delete(AWS_AUTH)
        self.until_marked("")
        users = f"- userarn: {IAM}:user/marker\n  username: {marker}\n"
        self.cluster.aws_auth(mapUsers=users, **sections)
        self.until_marked(marker)

    def until_marked(self, marker: str) -> None:
        """Wait until both have loaded the ConfigMap with this marker."""
        deadline = time.monotonic() + 30
        while True:
            users = self.names(f"{IAM}:user/marker", "AIDAEXAMPLE")
            if [user["username"] if isinstance(user, dict) else "" for user in users] == [marker, marker]:
                return
            assert time.monotonic() < deadline, users
            time.sleep(0.05)


@pytest.fixture(scope="module", name="both")
def both_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Run a cluster and both servers watching it."""
    assert PROGRAM is not None
    assert PLANE is not None
    with (
        real_cluster(tmp_path_factory.mktemp("kube"), PLANE) as cluster,
        loopback_aws(tmp_path_factory.mktemp("aws")) as aws,
    ):
        # the reference gets all rights, so that nothing but the mapping differs
        server = f"backendMode: [EKSConfigMap]\nkubeconfig: {cluster.kubeconfig(ROOT)}\nemptyGraceSeconds: 0\n"
        with pair_of_servers(PROGRAM, tmp_path_factory.mktemp("pair"), aws, server) as pair:
            yield Both(cluster, pair, aws)


@pytest.mark.parametrize("section, one, other", SAME)
def test_a_config_map_maps_the_same(
    both: Both, request: pytest.FixtureRequest, section: str, one: str | None, other: str | None
) -> None:
    """Whatever mapRoles holds, a server that starts with it makes the same users of it as the reference."""
    both.load(request.node.callspec.id, {"mapRoles": section})
    for name, expected in (("First", one), ("Good", other)):
        theirs, ours = both.role(name)
        assert ours == theirs
        assert (ours["username"] if isinstance(ours, dict) else None) == expected


@pytest.mark.parametrize("username", ["1234", "true", "~"], ids=["number", "truth-value", "null"])
def test_a_user_name_that_is_no_text_lets_nobody_in(both: Both, username: str) -> None:
    """The reference lets the caller in without a name; we refuse."""
    both.load("strange", {"mapRoles": first(f"  username: {username}\n")})
    theirs, ours = both.role("First")
    assert isinstance(theirs, dict)
    assert theirs.get("username", "") == ""
    assert ours is None


def test_a_typo_locks_nobody_out(both: Both) -> None:
    """After a syntax error the reference has forgotten the section, we have not."""
    both.load("before", {"mapRoles": GOOD})
    both.cluster.aws_auth(
        mapRoles=GOOD + "  - oops: {{\n", mapUsers=f"- userarn: {IAM}:user/marker\n  username: after\n"
    )
    both.until_marked("after")
    theirs, ours = both.role("Good")
    assert theirs is None
    assert isinstance(ours, dict)
    assert ours["username"] == "good"


def test_sections_in_another_case_are_ignored_alike(both: Both) -> None:
    """CM-14 and CM-15: maproles and MaPrOlEs are no sections, to either."""
    for key in ("maproles", "MaPrOlEs"):
        both.load(key, {key: GOOD})
        assert both.role("Good") == (None, None)


def test_a_list_where_a_text_belongs_is_refused_by_the_api(both: Both) -> None:
    """CM-17: without the bar after mapRoles no such object can be made, so neither ever sees it."""
    metadata = {"name": "aws-auth", "namespace": "kube-system"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mapRoles": [{"rolearn": "x"}]}}
    both.cluster.delete(AWS_AUTH)
    status, _ = both.cluster.ask("POST", "/api/v1/namespaces/kube-system/configmaps", body)
    assert status == 400
