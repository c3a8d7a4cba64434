"""Kubeconfig entries that follow identities: names, modes of updating, files, and who else is in them."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.credentials.people import Typist
from tests.kubeconfig.update.eks_lab import arn
from tests.login.desk import Desk

from eksauth.credentials.config.load import load_config
from eksauth.login.run import LoginRequest, login
from eksauth.login.sign_in import Terms
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT


def test_two_identities_on_one_cluster(desk: Desk) -> None:
    """Both have a context and a user of their own whichever signs in first, and neither takes the plain name."""
    desk.write({"a": desk.following("admin"), "b": desk.following("ro")})
    desk.logged_in("ro")
    first = desk.lab.parsed()
    desk.logged_in("admin")

    found = desk.lab.parsed()

    names = {f"{arn('demo')}/identity/admin", f"{arn('demo')}/identity/Read.Only%2Fdemo"}
    assert set(found["contexts"]) == set(found["users"]) == names
    assert list(found["clusters"]) == [arn("demo")]
    ours = f"{arn('demo')}/identity/Read.Only%2Fdemo"
    assert found["users"][ours] == first["users"][ours]


def test_the_same_cluster_name_in_two_accounts_and_two_regions(desk: Desk) -> None:
    """Account and region are in every name: three clusters called demo never share an entry."""
    desk.lab.cluster("demo", "eu-west-1")
    desk.other_cluster()
    desk.write(
        {
            "here": desk.following("admin"),
            "there": desk.following("admin", region="eu-west-1"),
            "theirs": desk.following("partner"),
        }
    )

    desk.logged_in("--all")

    found = desk.lab.parsed()
    clusters = {
        arn("demo"): "https://demo.us-west-2.example",
        arn("demo", "eu-west-1"): "https://demo.eu-west-1.example",
        arn("demo").replace(ACCOUNT, OTHER_ACCOUNT): "https://demo.other.example",
    }
    assert {name: body["server"] for name, body in found["clusters"].items()} == clusters
    assert len(found["users"]) == 3
    for name, body in found["users"].items():
        assert body["exec"]["args"][-1] == name.split(":")[4]


def test_names_by_alias_template_and_namespace(desk: Desk) -> None:
    """spec.cluster.alias may hold variables, the identity among them; the namespace goes into the context."""
    desk.write({"demo": desk.following("admin", alias="{identity}@{name}", namespace="team-a")})
    desk.logged_in("admin")
    assert desk.lab.parsed()["contexts"]["admin@demo"]["namespace"] == "team-a"


def test_several_clusters_are_one_write(desk: Desk) -> None:
    """All clusters of a login go into the file at once, so one undo takes all of them back."""
    desk.lab.cluster("other")
    desk.write({"a": desk.following("admin"), "b": desk.following("admin", "other")})
    desk.logged_in("admin")
    assert len(desk.lab.parsed()["contexts"]) == 2

    undone = desk.lab.eksauth("kubeconfig", "undo")

    assert undone.code == 0, undone.err
    assert not desk.lab.kubeconfig.exists() or desk.lab.parsed()["contexts"] == {}


@pytest.mark.parametrize("asked", [0o640, 0o666])
def test_a_file_of_its_own(desk: Desk, home: Path, asked: int) -> None:
    """A path with ~ is made with the mode that is asked for, but for writing; the note says how kubectl sees it."""
    desk.write({"demo": desk.following("admin", kubeconfig={"path": "~/kube/team.yaml", "mode": f"0{asked:o}"})})

    done = desk.login("admin")

    file = home / "kube" / "team.yaml"
    assert done.code == 0, done.err
    assert stat.S_IMODE(file.stat().st_mode) == asked & ~0o022
    assert not desk.lab.kubeconfig.exists()
    assert "kubectl does not read" in done.err


def hand_made(desk: Desk, **context: Any) -> None:
    """Put a context that a person made under the name that login would use."""
    desk.lab.kubeconfig.parent.mkdir(exist_ok=True)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "mine", "cluster": {"server": "https://mine.example"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "team", "context": {"cluster": "mine", "user": "me", **context}}],
        "current-context": "team",
    }
    desk.lab.kubeconfig.write_text(yaml.safe_dump(content))
    desk.lab.kubeconfig.chmod(0o600)


def test_an_alias_that_belongs_to_somebody_else_is_not_taken(desk: Desk) -> None:
    """Merge never changes a context of somebody else: that cluster fails with a hint, exit code 3."""
    hand_made(desk)
    before = desk.lab.kubeconfig.read_bytes()
    desk.write({"demo": desk.following("admin", alias="team")})

    done = desk.login("admin")

    assert done.code == 3
    assert "leads to another cluster" in done.err
    assert "spec.cluster.alias" in done.err
    assert desk.lab.kubeconfig.read_bytes() == before


def test_replace_takes_the_names_and_nothing_else(desk: Desk) -> None:
    """Replace makes the named entries ours, whole; everything else in the file stays byte for byte."""
    hand_made(desk, namespace="old")
    desk.write({"demo": desk.following("admin", alias="team", kubeconfig={"update": "replace"})})

    desk.logged_in("admin")

    found = desk.lab.parsed()
    assert found["contexts"]["team"]["cluster"] == arn("demo")
    assert "namespace" not in found["contexts"]["team"]
    assert found["clusters"]["mine"] == {"server": "https://mine.example"}
    assert found["users"]["me"] == {"token": "t"}


def test_replace_stops_at_protected_contexts_of_others(desk: Desk) -> None:
    """A protected context that somebody else made is not replaced."""
    hand_made(desk)
    assert desk.lab.eksauth("kubeconfig", "protect", "team").code == 0
    desk.write({"demo": desk.following("admin", alias="team", kubeconfig={"update": "replace"})})

    done = desk.login("admin")

    assert done.code == 3
    assert "protected" in done.err
    assert desk.lab.parsed()["contexts"]["team"]["cluster"] == "mine"


def test_replace_drops_what_people_added_and_merge_keeps_it(desk: Desk) -> None:
    """A proxy added by hand survives merge and not replace."""
    desk.logged_in("admin")
    text = desk.lab.kubeconfig.read_text()
    desk.lab.kubeconfig.write_text(text.replace("    server:", "    proxy-url: http://p:1\n    server:", 1))
    assert "proxy-url" in desk.lab.parsed()["clusters"][arn("demo")]

    desk.logged_in("admin")
    assert "proxy-url" in desk.lab.parsed()["clusters"][arn("demo")]
    desk.write({"demo": desk.following("admin", kubeconfig={"update": "replace"})})
    desk.logged_in("admin")
    assert "proxy-url" not in desk.lab.parsed()["clusters"][arn("demo")]


def test_error_minds_only_what_differs(desk: Desk) -> None:
    """update: error is no error for identical entries, and one when the cluster moved; the file stays as it is."""
    desk.write({"demo": desk.following("admin", kubeconfig={"update": "error"})})
    desk.logged_in("admin")
    assert desk.logged_in("admin")["kubeconfig"][0]["action"] == "unchanged"
    before = desk.lab.kubeconfig.read_bytes()
    desk.lab.cluster(endpoint="https://moved.example")

    done = desk.login("admin")

    assert done.code == 3
    assert "says something else" in done.err
    assert desk.lab.kubeconfig.read_bytes() == before


def test_merge_follows_a_cluster_that_moved(desk: Desk) -> None:
    """Merge brings the endpoint up to date and leaves the rest."""
    desk.logged_in("admin")
    desk.lab.cluster(endpoint="https://moved.example")
    assert desk.logged_in("admin")["kubeconfig"][0]["action"] == "updated"
    assert desk.lab.parsed()["clusters"][arn("demo")]["server"] == "https://moved.example"


def test_the_entry_of_the_aws_cli_keeps_its_name(desk: Desk) -> None:
    """Where another tool has the cluster's plain name, ours is called like its user, and the note says so."""
    written = desk.lab.process(
        "aws", "eks", "update-kubeconfig", "--name", "demo", "--region", "us-west-2", **desk.keys()
    )
    assert written.returncode == 0, written.stderr
    before = desk.lab.parsed()

    done = desk.login("admin")

    assert done.code == 0, done.err
    assert "the usual name is taken" in done.err
    after = desk.lab.parsed()
    assert after["users"][arn("demo")] == before["users"][arn("demo")]
    assert f"{arn('demo')}/identity/admin" in after["contexts"]
    assert desk.login("admin").out.count("up to date") == 1


def test_the_current_context_is_chosen_once(desk: Desk) -> None:
    """A new context becomes current; a later login leaves the choice of the person; --all never takes it."""
    desk.lab.cluster("other")
    desk.write({"a": desk.following("admin", alias="a"), "b": desk.following("ro", "other", alias="b")})
    desk.logged_in("admin")
    assert desk.lab.parsed()["current"] == "a"
    desk.logged_in("ro")
    assert desk.lab.parsed()["current"] == "b"
    desk.logged_in("admin")
    assert desk.lab.parsed()["current"] == "b"
    desk.logout("admin")
    desk.logged_in("--all")
    assert desk.lab.parsed()["current"] == "b"


def test_the_current_context_stays_when_the_integration_says_so(desk: Desk) -> None:
    """set_current_context: false adds the context and leaves the current one."""
    hand_made(desk)
    desk.write({"demo": desk.following("admin", kubeconfig={"set_current_context": False})})
    desk.logged_in("admin")
    assert desk.lab.parsed()["current"] == "team"


def test_two_integrations_cannot_have_one_context(desk: Desk) -> None:
    """The second of two clusters with one alias fails and names the first; the first is written."""
    desk.lab.cluster("other")
    desk.write({"a": desk.following("admin", alias="x"), "b": desk.following("admin", "other", alias="x")})

    done = desk.login("admin", "-o", "json")

    assert done.code == 3
    assert "integration a has a context" in done.err
    assert [each["action"] for each in done.json["kubeconfig"]] == ["added", "failed"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_kubeconfig(desk: Desk) -> None:
    """A file without write permission is respected; the login holds and the exit code is 3."""
    hand_made(desk)
    desk.lab.kubeconfig.chmod(0o400)

    done = desk.login("admin")

    assert done.code == 3
    assert "signed in as admin" in done.out
    assert "is read-only" in done.err


def test_a_kubeconfig_that_cannot_be_written(desk: Desk) -> None:
    """Something else where the file should be is a failure of its clusters; the login holds."""
    desk.lab.kubeconfig.mkdir(parents=True)

    done = desk.login("admin")

    assert done.code == 3
    assert "signed in as admin" in done.out
    assert str(desk.lab.kubeconfig) in done.err


def test_a_broken_kubeconfig_is_left_alone(desk: Desk) -> None:
    """A file that does not parse is named with its line, not overwritten, whatever update says."""
    desk.lab.kubeconfig.parent.mkdir()
    desk.lab.kubeconfig.write_text("contexts: {{{\n")
    desk.write({"demo": desk.following("admin", kubeconfig={"update": "replace"})})

    done = desk.login("admin")

    assert done.code == 3
    assert f"{desk.lab.kubeconfig}:" in done.err
    assert desk.lab.kubeconfig.read_text() == "contexts: {{{\n"


HOSTILE = {
    "flag as cluster": {"name": "--profile=x"},
    "path as cluster": {"name": "../../etc"},
    "control character in the cluster": {"name": "de\u001bmo"},
    "control character in the alias": {"name": "demo", "alias": "x\u001b[2Jy"},
    "empty alias": {"name": "demo", "alias": "  "},
    "format trick in the alias": {"name": "demo", "alias": "{name.__class__}"},
    "region as host": {"name": "demo", "region": "x.evil.example/"},
    "namespace as YAML": {"name": "demo", "namespace": "a: b"},
}


@pytest.mark.parametrize("cluster", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_clusters_of_a_configuration(desk: Desk, cluster: dict[str, str]) -> None:
    """What no cluster can be called is a mistake of the configuration, in one line, and no file is made."""
    desk.write({"demo": desk.following("admin", **({"region": "us-west-2"} | cluster))})

    done = desk.login("admin")

    assert done.code == 3
    assert f"{desk.config}:" in done.err
    assert "\x1b" not in done.out + done.err
    assert not desk.lab.kubeconfig.exists()


def test_a_hostile_identity_name_stays_one_argument(desk: Desk) -> None:
    """Names with blanks, quotes and flags in them survive the entry as one argument and a quoted user name."""
    name = "-x; rm 'y' $(z)/☃"
    identities = desk.identities
    identities[name] = identities.pop("admin")
    desk.write({"demo": desk.following(name)}, identities=identities)

    desk.logged_in("-i", name)

    (user,) = desk.lab.parsed()["users"]
    assert f"--identity={name}" in desk.arguments(user)
    assert user.startswith(f"{arn('demo')}/identity/")


@pytest.mark.parametrize("way", ["straight", "by a link"])
def test_a_found_configuration_writes_nowhere_but_beside_itself(desk: Desk, home: Path, way: str) -> None:
    """A person signs in with a repository's file: it cannot make files in the home, whatever they are called."""
    target = home / ".bash_aliases"
    path = target
    if way == "by a link":
        path = desk.config.parent / "kube"
        path.symlink_to(target)
    desk.write({"demo": desk.following("admin", alias="$(touch x)", kubeconfig={"path": str(path)})})
    config = replace(load_config(os.environ), searched=True)

    done = login(config, request(), environ=os.environ)

    (entry,) = done.kubeconfig.entries
    assert entry.error is not None
    assert entry.error.code == "config.searched_path"
    assert not target.exists()


def test_a_found_configuration_may_write_beside_itself(desk: Desk) -> None:
    """A kubeconfig in the repository is fine."""
    path = desk.config.parent / "kube" / "config"
    desk.write({"demo": desk.following("admin", kubeconfig={"path": str(path)})})
    done = login(replace(load_config(os.environ), searched=True), request(), environ=os.environ)
    assert done.failures() == []
    assert path.exists()


def request() -> LoginRequest:
    """Return a login of somebody who sits at a terminal and is asked nothing."""
    return LoginRequest(terms=Terms(human=Typist()), identity="admin", command="/usr/bin/eksauth")
