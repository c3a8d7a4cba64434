"""``kubeconfig update`` for one cluster."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeconfig.update.eks_lab import BIN, CA, Lab, arn, role

from eksauth.kubeconfig.scan import scan
from eksauth.sandbox.aws.seed import ACCOUNT

USER = f"{arn('demo')}/ambient"


def test_a_new_file_holds_the_three_entries(lab: Lab) -> None:
    """The cluster, a user that runs this very eksauth, and the current context that ties them together."""
    lab.cluster()

    done = lab.update("--name", "demo")

    assert (done.code, done.err) == (0, "")
    assert done.out == f"Added new context {arn('demo')} to {lab.kubeconfig}\n"
    found = lab.parsed()
    assert found["current"] == arn("demo")
    cluster = found["clusters"][arn("demo")]
    assert (cluster["server"], cluster["certificate-authority-data"]) == ("https://demo.us-west-2.example", CA)
    assert found["contexts"][arn("demo")]["user"] == USER
    plugin = found["users"][USER]["exec"]
    assert plugin["apiVersion"] == "client.authentication.k8s.io/v1"
    assert plugin["command"] == str(BIN / "eksauth")
    assert plugin["args"] == ["token", "--cluster-name", "demo", "--region", "us-west-2"]
    assert plugin["interactiveMode"] == "IfAvailable"
    assert "pipx install eksauth" in plugin["installHint"]
    for section, name in (("clusters", arn("demo")), ("users", USER), ("contexts", arn("demo"))):
        (mark,) = found[section][name]["extensions"]
        owned = mark["extension"]
        assert (mark["name"], owned["account"], owned["region"], owned["cluster"]) == (
            "eksauth",
            ACCOUNT,
            "us-west-2",
            "demo",
        )
    assert lab.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    """When everything is as it should be not a byte is written, and the message says so."""
    lab.cluster()
    lab.update("--name", "demo")
    before = lab.kubeconfig.stat()

    done = lab.update("--name", "demo")

    assert done.out == f"Context {arn('demo')} in {lab.kubeconfig} is up to date\n"
    after = lab.kubeconfig.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_what_people_add_by_hand_stays(lab: Lab) -> None:
    """Namespace, proxy, TLS name, extensions, plugin variables, interactive mode and comments survive an update."""
    lab.cluster()
    lab.update("--name", "demo")
    text = lab.kubeconfig.read_text()
    for old, new in (
        (f"    user: {USER}\n", f"    user: {USER}\n    namespace: team # ours\n"),
        ("    server:", "    proxy-url: socks5://localhost:1080\n    tls-server-name: demo.internal\n    server:"),
        ("interactiveMode: IfAvailable", "interactiveMode: Never\n      env: [{name: HTTPS_PROXY, value: http://p}]"),
        ("    extensions:\n", "    extensions:\n    - {name: mine, extension: {a: b}}\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    lab.kubeconfig.write_text("# my clusters\n" + text)
    lab.cluster(endpoint="https://moved.example")

    done = lab.update("--name", "demo")

    assert done.out == f"Updated context {arn('demo')} in {lab.kubeconfig}\n"
    assert lab.kubeconfig.read_text() == "# my clusters\n" + text.replace(
        "https://demo.us-west-2.example", "https://moved.example"
    )


def test_what_would_contradict_the_entry_goes(lab: Lab) -> None:
    """A CA file or insecure flag beside the CA, which kubectl refuses, is taken out."""
    lab.cluster()
    lab.update("--name", "demo")
    text = lab.kubeconfig.read_text()
    lab.kubeconfig.write_text(
        text.replace(
            "    server:", "    certificate-authority: ca.pem\n    insecure-skip-tls-verify: true\n    server:"
        )
    )

    assert lab.update("--name", "demo").code == 0

    assert lab.kubeconfig.read_text() == text


FLAGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "alias": (["--alias", "dev"], {"context": "dev", "user": USER, "cluster": arn("demo")}),
    "user alias names the context too": (["--user-alias", "me"], {"context": "me", "user": "me"}),
    "cluster alias": (["--cluster-alias", "c"], {"cluster": "c", "context": arn("demo")}),
    "template": (["--context-template", "{name}.{region}"], {"context": "demo.us-west-2"}),
    "role": (
        ["--role-arn", role("EksAdmin"), "--external-id", "x-1", "--session-name", "me"],
        {"user": f"{arn('demo')}/session/me/role/{ACCOUNT}/EksAdmin"},
    ),
    "exec profile": (["--exec-profile", "team/a"], {"user": f"{arn('demo')}/profile/team%2Fa"}),
}


@pytest.mark.parametrize("case", FLAGS)
def test_names(lab: Lab, case: str) -> None:
    """Flags decide about names; a user's name tells identities apart."""
    words, expected = FLAGS[case]
    lab.cluster()
    (context,) = lab.updated("--name", "demo", *words)["contexts"]
    assert expected.items() <= context.items()
    found = lab.parsed()
    made = found["contexts"][context["context"]]
    assert (made["cluster"], made["user"]) == (context["cluster"], context["user"])
    assert context["cluster"] in found["clusters"]
    assert context["user"] in found["users"]


def test_exec_arguments_say_who(lab: Lab) -> None:
    """Profile, role, external id and session name become arguments, nothing becomes a variable."""
    lab.cluster()
    lab.update(
        *("--name", "demo", "--exec-profile", "dev", "--role-arn", role("CICDRole")),
        *("--external-id", "sandbox-ci", "--session-name", "me", "--exec-api-version", "v1beta1"),
        *("--exec-command", "eksauth", "--namespace", "team", "--proxy-url", "http://proxy:3128"),
    )
    found = lab.parsed()
    (plugin,) = (user["exec"] for user in found["users"].values())
    assert plugin["args"][5:] == [
        *("--profile", "dev", "--role-arn", role("CICDRole")),
        *("--external-id", "sandbox-ci", "--session-name", "me"),
    ]
    assert (plugin["apiVersion"], plugin["command"]) == ("client.authentication.k8s.io/v1beta1", "eksauth")
    assert "env" not in plugin
    assert found["contexts"][arn("demo")]["namespace"] == "team"
    assert found["clusters"][arn("demo")]["proxy-url"] == "http://proxy:3128"


def test_the_profile_in_force_is_written(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile from the environment is named in the entry, unless keys in the environment beat it anyway."""
    lab.cluster()
    assert lab.endpoint.seed is not None
    alice = lab.endpoint.seed.users["alice"]
    (lab.home / ".aws").mkdir()
    (lab.home / ".aws" / "credentials").write_text(
        f"[dev]\naws_access_key_id={alice.access_key_id}\naws_secret_access_key={alice.secret_access_key}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "dev")
    (with_keys,) = lab.updated("--name", "demo", "--alias", "keys")["contexts"]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (without,) = lab.updated("--name", "demo", "--alias", "profile")["contexts"]
    assert with_keys["user"] == USER
    assert without["user"] == f"{arn('demo')}/profile/dev"


def test_an_arn_names_region_and_cluster(lab: Lab) -> None:
    """With an ARN as name no region is needed, and one that contradicts it is refused."""
    lab.cluster("demo-eu", "eu-west-1")
    (context,) = lab.updated("--name", arn("demo-eu", "eu-west-1"))["contexts"]
    refused = lab.update("--name", arn("demo-eu", "eu-west-1"), "--region", "us-east-1")
    assert context["region"] == "eu-west-1"
    assert lab.asked() == [("DescribeCluster", "eu-west-1")]
    assert (refused.code, "contradicts" in refused.err) == (2, True)


def test_no_set_context_leaves_the_current_one(lab: Lab) -> None:
    """--no-set-context adds without switching."""
    lab.cluster()
    lab.cluster("two")
    lab.update("--name", "demo")
    lab.update("--name", "two", "--no-set-context")
    assert lab.parsed()["current"] == arn("demo")


def test_dry_run_shows_a_diff_without_secrets(lab: Lab) -> None:
    """--dry-run writes nothing; its diff hides the CA and other people's tokens."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    old = "users:\n- name: x\n  user: {token: s3cr3t}\ncurrent-context: old\n"
    lab.kubeconfig.write_text(old)

    done = lab.update("--name", "demo", "--dry-run")

    assert done.code == 0
    assert lab.kubeconfig.read_text() == old
    assert "-current-context: old" in done.out
    assert f"+current-context: {arn('demo')}" in done.out
    assert CA not in done.out
    assert "s3cr3t" not in done.out
    assert "dry run" in done.err
    assert not list(lab.kubeconfig.parent.glob("*.lock"))


def test_a_broken_kubeconfig_is_found_before_aws_is_asked(lab: Lab) -> None:
    """Nobody waits for AWS to hear that a file cannot be parsed; the message has line and column."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    lab.kubeconfig.write_text("clusters:\n\t- x\n")
    done = lab.update("--name", "demo")
    assert (done.code, f"{lab.kubeconfig}:2:1" in done.err) == (3, True)
    assert lab.asked() == []


STATUSES: dict[str, tuple[dict[str, Any], str]] = {
    "creating": ({"status": "CREATING", "endpoint": "", "ca_data": ""}, "--wait"),
    "pending": ({"status": "PENDING", "endpoint": "", "ca_data": ""}, "--wait"),
    "deleting": ({"status": "DELETING"}, "going away"),
    "failed": ({"status": "FAILED"}, "health"),
    "connected": ({"connector": "GKE", "endpoint": "", "ca_data": ""}, "its own provider"),
    "connected, pending": ({"connector": "AKS", "status": "PENDING", "endpoint": "", "ca_data": ""}, "provider"),
    "no endpoint": ({"endpoint": "", "status": "UPDATING"}, "no endpoint"),
    "no CA": ({"ca_data": ""}, "no certificate authority"),
    "damaged CA": ({"ca_data": "?"}, "not base64"),
}


@pytest.mark.parametrize("case", STATUSES)
def test_clusters_that_cannot_be_used_yet_or_ever(lab: Lab, case: str) -> None:
    """A cluster without a usable endpoint gets no entry; the message says what to do instead."""
    more, said = STATUSES[case]
    lab.cluster(**more)
    done = lab.update("--name", "demo")
    assert done.code == 5
    assert said in done.err
    assert not lab.kubeconfig.exists()


def test_an_updating_cluster_is_usable(lab: Lab) -> None:
    """UPDATING is as good as ACTIVE."""
    lab.cluster(status="UPDATING")
    assert lab.update("--name", "demo").code == 0


@pytest.mark.parametrize("local_etcd", [False, True])
def test_local_clusters_on_outposts(lab: Lab, local_etcd: bool) -> None:
    """A local cluster goes by its id, except one that names its etcd instances."""
    lab.cluster(local_id="b16b-00b5", local_etcd=local_etcd)
    lab.updated("--name", "demo")
    (user,) = lab.parsed()["users"].values()
    expected = ["--cluster-name", "demo"] if local_etcd else ["--cluster-id", "b16b-00b5"]
    assert user["exec"]["args"][1:3] == expected
    assert lab.update("--name", "demo").out.endswith("is up to date\n")


def test_a_private_endpoint_is_mentioned(lab: Lab) -> None:
    """An endpoint that answers only inside the VPC is worth a note."""
    lab.cluster(public_endpoint=False, private_endpoint=True)
    done = lab.update("--name", "demo")
    assert (done.code, "inside its VPC" in done.err) == (0, True)


def test_wait_waits_until_the_cluster_is_there(lab: Lab) -> None:
    """--wait asks again until the cluster has an endpoint, then writes it."""
    lab.cluster(status="CREATING", endpoint="", ca_data="")

    def finish() -> None:
        while ("DescribeCluster", "us-west-2") not in lab.asked():
            time.sleep(0.01)
        lab.cluster()

    creation = threading.Thread(target=finish)
    creation.start()
    done = lab.update("--name", "demo", "--wait")
    creation.join()
    assert (done.code, "waiting: cluster demo in us-west-2 is CREATING" in done.err) == (0, True)
    assert lab.parsed()["clusters"][arn("demo")]["server"] == "https://demo.us-west-2.example"


def test_wait_gives_up_when_creation_fails(lab: Lab) -> None:
    """A cluster that ends FAILED is not waited for any longer."""
    lab.cluster(status="FAILED", endpoint="", ca_data="")
    done = lab.update("--name", "demo", "--wait")
    assert (done.code, "is FAILED" in done.err) == (5, True)


class TestSeveralFiles:
    """KUBECONFIG with more than one member."""

    @pytest.fixture(name="files")
    def files_(self, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
        """Return a missing and two existing files, all of them in KUBECONFIG."""
        lab.cluster()
        paths = (tmp_path / "missing", tmp_path / "first", tmp_path / "second")
        paths[1].write_text("current-context: other\n")
        paths[2].write_text("{}\n")
        monkeypatch.setenv("KUBECONFIG", ":".join(map(str, paths)))
        return paths

    def test_new_entries_go_to_the_first_that_exists(self, lab: Lab, files: tuple[Path, Path, Path]) -> None:
        """As kubectl has it."""
        done = lab.updated("--name", "demo")
        assert done["files"] == [str(files[1])]
        assert not files[0].exists()
        assert lab.parsed(files[1])["current"] == arn("demo")

    def test_what_exists_is_changed_where_it_is_and_the_switch_takes_effect(
        self, lab: Lab, files: tuple[Path, Path, Path], kubectl: Path
    ) -> None:
        """An entry of the second file stays there; current-context changes in the first, where kubectl looks."""
        lab.update("--name", "demo", "--kubeconfig", str(files[2]))
        lab.cluster(endpoint="https://moved.example")

        done = lab.update("--name", "demo")

        assert done.code == 0
        assert f"Updated context {arn('demo')} in {files[2]}" in done.out
        assert f"current-context is set in {files[1]}" in done.err
        assert yaml.safe_load(files[1].read_text()) == {"current-context": arn("demo")}
        assert lab.parsed(files[2])["clusters"][arn("demo")]["server"] == "https://moved.example"
        import subprocess

        shown = subprocess.run([kubectl, "config", "current-context"], capture_output=True, text=True, check=True)
        assert shown.stdout.strip() == arn("demo")

    def test_the_three_stay_together(self, lab: Lab, files: tuple[Path, Path, Path]) -> None:
        """A new user for a cluster of the second file goes beside it."""
        lab.update("--name", "demo", "--kubeconfig", str(files[2]))
        lab.update("--name", "demo", "--alias", "two", "--role-arn", role("EksAdmin"))
        assert "two" in lab.parsed(files[2])["contexts"]
        assert len(lab.parsed(files[2])["users"]) == 2

    def test_kubeconfig_flag_names_the_only_file(
        self, lab: Lab, files: tuple[Path, Path, Path], tmp_path: Path
    ) -> None:
        """--kubeconfig beats KUBECONFIG, and its directory is made."""
        target = tmp_path / "new" / "dir" / "config"
        lab.updated("--name", "demo", "--kubeconfig", str(target))
        assert target.exists()
        assert files[1].read_text() == "current-context: other\n"


def test_open_permissions_are_mentioned_and_mended(lab: Lab) -> None:
    """A world-readable file is worth a warning; --fix-permissions closes it."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    lab.kubeconfig.write_text("{}\n")
    lab.kubeconfig.chmod(0o644)
    warned = lab.update("--name", "demo")
    assert "--fix-permissions" in warned.err
    assert lab.kubeconfig.stat().st_mode & 0o777 == 0o644
    mended = lab.update("--name", "demo", "--fix-permissions")
    assert (mended.code, mended.err) == (0, "")
    assert lab.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_every_write_can_be_undone(lab: Lab) -> None:
    """Undo brings back what was there before the update."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    lab.kubeconfig.write_text("# mine\n{}\n")
    lab.update("--name", "demo")
    done = lab.eksauth("kubeconfig", "undo")
    assert done.code == 0, done.err
    assert lab.kubeconfig.read_text() == "# mine\n{}\n"


BAD_FLAGS = {
    "nothing": [],
    "name and all": ["--name", "demo", "--all"],
    "regions without all": ["--name", "demo", "--regions", "eu-west-1"],
    "alias with all": ["--all", "--alias", "x"],
    "two ways to name the context": ["--name", "demo", "--alias", "x", "--context-template", "{name}"],
    "unknown variable": ["--name", "demo", "--context-template", "{nam}"],
    "external id without role": ["--name", "demo", "--external-id", "x-1"],
    "session name without role": ["--name", "demo", "--session-name", "me"],
    "no role": ["--name", "demo", "--role-arn", "admin"],
    "no role to ask with": ["--name", "demo", "--assume-role-arn", "arn:aws:sts::1:assumed-role/x/y"],
    "zone": ["--name", "demo", "--region", "us-west-2a"],
    "zone in the list": ["--all", "--regions", "eu-west-1,us-west-2a"],
    "empty alias": ["--name", "demo", "--alias", " "],
    "control characters": ["--name", "demo", "--alias", "a\x1b[2Jb"],
    "namespace": ["--name", "demo", "--namespace", "Team A"],
    "proxy": ["--name", "demo", "--proxy-url", "ftp://x"],
    "proxy without host": ["--name", "demo", "--proxy-url", "http://"],
    "identity": ["--name", "demo", "--identity", "dev"],
    "name with blanks": ["--name", " demo"],
    "exec command with arguments": ["--name", "demo", "--exec-command", "uv run eksauth"],
    "exec version": ["--name", "demo", "--exec-api-version", "v1alpha1"],
}


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_commands_that_make_no_sense(lab: Lab, case: str) -> None:
    """Contradictions and impossible values end with usage, before anybody is asked, with one line and a hint."""
    done = lab.update(*BAD_FLAGS[case])
    assert done.code == 2
    assert done.out == ""
    first, second = done.err.splitlines()
    assert first.startswith("eksauth: error: ")
    assert second.startswith("eksauth: hint: ")
    assert "\x1b" not in done.err
    assert lab.asked() == []
    assert not lab.kubeconfig.exists()


def test_an_identity_in_the_environment_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin would refuse it later; better now."""
    lab.cluster()
    monkeypatch.setenv("EKSAUTH_IDENTITY", "dev")
    assert lab.update("--name", "demo").code == 2


def test_names_that_yaml_would_misread(lab: Lab, kubectl: Path) -> None:
    """Clusters and contexts called like numbers or truth values stay text, for kubectl too."""
    import subprocess

    for name in ("08", "1e3", "y", "on", "0x1F", "null"):
        lab.cluster(name)
        assert lab.update("--name", name, "--alias", name).code == 0
        shown = subprocess.run([kubectl, "config", "current-context"], capture_output=True, text=True, check=False)
        assert (shown.stdout.strip(), shown.stderr) == (name, "")


def test_verbose_says_what_was_resolved(lab: Lab) -> None:
    """-v tells the command, the names and the current context, on stderr."""
    lab.cluster()
    said = lab.update("--name", "demo", "-v").err
    assert f"the entry runs {BIN / 'eksauth'}" in said
    assert f"user {USER}" in said
    assert f"the current context is {arn('demo')}" in said


def test_a_command_that_is_not_there_is_written_with_a_warning(lab: Lab) -> None:
    """The file may be meant for another machine."""
    lab.cluster()
    done = lab.update("--name", "demo", "--exec-command", "/opt/eksauth/bin/eksauth")
    assert (done.code, "no program here" in done.err) == (0, True)
    assert lab.parsed()["users"][USER]["exec"]["command"] == "/opt/eksauth/bin/eksauth"


def test_the_pure_part_does_not_load_botocore() -> None:
    """Commands that only read entries back (lint, previews) do not pay for an AWS library."""
    import subprocess
    import sys

    code = (
        "import sys, eksauth.kubeconfig.exec_identity, eksauth.kubeconfig.update_plan; print('botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("words", [[], ["--role-arn", role("EksAdmin")]], ids=["plain", "role"])
def test_kubectl_leaves_our_entries_readable_without_a_parser(lab: Lab, kubectl: Path, words: list[str]) -> None:
    """After kubectl wrote the whole file anew in its own way, the fast reader still understands it."""
    lab.cluster()
    lab.updated("--name", "demo", *words)
    before = scan(lab.kubeconfig.read_bytes())
    config: list[str | Path] = [kubectl, "--kubeconfig", lab.kubeconfig, "config"]
    subprocess.run([*config, "set-context", "--current", "--namespace", "web"], check=True, capture_output=True)
    after = scan(lab.kubeconfig.read_bytes())
    assert before is not None
    assert after is not None
    assert [found.name for found in after.contexts] == [found.name for found in before.contexts]
    assert after.eks_names == before.eks_names == ["demo"]
