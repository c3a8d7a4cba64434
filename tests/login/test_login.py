"""``eksauth login``: who one is afterwards, whom it takes, and what its exit code says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.kubeconfig.update.eks_lab import arn, role
from tests.login.desk import PARTNER, Desk

from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT
from eksauth.token.fast import fast_answer


def test_login_says_who_one_is_and_writes_the_cluster(desk: Desk) -> None:
    """One command: credentials, proof, and a kubeconfig whose user is pinned to identity, file, realm and account."""
    done = desk.login("admin")

    assert done.code == 0, done.err
    assert "signed in as admin" in done.out
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/EksAdmin/" in done.out
    assert "alice -> admin" in done.out
    assert f"context {arn('demo')} in {desk.lab.kubeconfig}: added" in done.out
    assert desk.arguments(f"{arn('demo')}/identity/admin") == [
        *("token", "--cluster-name", "demo", "--region", "us-west-2", "--identity", "admin"),
        *("--config", str(desk.config), "--realm=", "--account", ACCOUNT),
    ]
    assert desk.lab.parsed()["current"] == arn("demo")


def test_machines_get_a_document_without_secrets(desk: Desk) -> None:
    """-o json has the caller, the chain, the expiry and each entry, and no key."""
    done = desk.login("admin", "-o", "json")

    (person,) = done.json["identities"]
    assert (person["identity"], person["account"], person["role"]) == ("admin", ACCOUNT, "EksAdmin")
    assert person["chain"] == ["alice", "admin"]
    assert person["expiration"].endswith("Z")
    (entry,) = done.json["kubeconfig"]
    assert (entry["action"], entry["arn"], entry["error"]) == ("added", arn("demo"), None)
    seed = desk.lab.endpoint.seed
    assert seed is not None
    assert seed.users["alice"].secret_access_key not in done.out + done.err
    assert "secret" not in done.out.lower()


def test_a_second_login_changes_no_byte_and_asks_sts_for_no_role(desk: Desk) -> None:
    """Signing in again is idempotent: cached credentials, the file untouched, and it says so."""
    desk.logged_in("admin")
    before = desk.lab.kubeconfig.read_bytes(), desk.lab.kubeconfig.stat().st_mtime_ns
    asked = len([action for action, _ in desk.lab.asked() if action == "AssumeRole"])

    done = desk.login("admin")

    assert done.code == 0
    assert "up to date" in done.out
    assert (desk.lab.kubeconfig.read_bytes(), desk.lab.kubeconfig.stat().st_mtime_ns) == before
    assert len([action for action, _ in desk.lab.asked() if action == "AssumeRole"]) == asked == 1


def test_fresh_gets_everything_anew(desk: Desk) -> None:
    """--fresh goes to STS although there is a session."""
    desk.logged_in("admin")
    desk.logged_in("admin", "--fresh")
    assert len([action for action, _ in desk.lab.asked() if action == "AssumeRole"]) == 2


@pytest.mark.parametrize("name", ["ADMIN", "ro", "read.only/DEMO"])
def test_names_do_not_mind_case_and_aliases_work(desk: Desk, name: str) -> None:
    """Identities are found in any case, by alias, and with dots and slashes in their names."""
    (person,) = desk.logged_in(name)["identities"]
    assert person["identity"].lower() in {"admin", "read.only/demo"}


def test_an_unknown_name_is_answered_with_the_nearest(desk: Desk) -> None:
    """A typo is a usage error that names what was meant; nothing is written."""
    done = desk.login("admni")
    assert done.code == 2
    assert "did you mean admin" in done.err
    assert not desk.lab.kubeconfig.exists()


def test_without_a_name_the_variable_or_the_default_decides(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several identities: the default, unless a variable names another one; else an error that lists them."""
    done = desk.login()
    assert done.code == 2
    assert "Read.Only/demo, admin, alice, partner" in done.err.replace("\n", " ") or "admin" in done.err
    identities = desk.identities
    identities["partner"]["default"] = True
    desk.write(identities=identities)
    assert desk.logged_in()["identities"][0]["identity"] == "partner"
    monkeypatch.setenv("EKSAUTH_IDENTITY", "admin")
    assert desk.logged_in()["identities"][0]["identity"] == "admin"


def test_everybody_at_once(desk: Desk) -> None:
    """--all signs in as every identity, and each has its own credentials."""
    document = desk.logged_in("--all")
    accounts = {each["identity"]: each["account"] for each in document["identities"]}
    assert accounts == {"alice": ACCOUNT, "admin": ACCOUNT, "Read.Only/demo": ACCOUNT, "partner": OTHER_ACCOUNT}
    lines = desk.login("--all").out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["SIGNED", *accounts]


def test_one_that_fails_stops_nobody_else(desk: Desk) -> None:
    """--all goes on after a failure, lists it, and says it with the exit code."""
    identities = desk.identities
    identities["nobody"] = desk.assuming(role("NoSuchRole"))
    desk.write(identities=identities)

    done = desk.login("--all", "-o", "json")

    assert done.code == 5
    found = {each["identity"]: "error" in each for each in done.json["identities"]}
    assert [name for name, failed in found.items() if failed] == ["nobody"]
    assert desk.lab.parsed()["contexts"]


def test_tags_choose(desk: Desk) -> None:
    """--tags takes the only identity that has one of them; with --all every one; several need a person."""
    identities = desk.identities
    identities["admin"]["tags"] = ["team-a", "prod"]
    identities["partner"]["tags"] = ["team-a"]
    desk.write(identities=identities)

    assert desk.logged_in("--tags", "prod,other")["identities"][0]["identity"] == "admin"
    assert len(desk.logged_in("--all", "--tags", "team-a")["identities"]) == 2
    several = desk.login("--tags", "team-a")
    assert several.code == 2
    assert "admin, partner" in several.err
    assert desk.login("--tags", "none").code == 2


def test_an_absent_cluster_fails_and_the_login_holds(desk: Desk) -> None:
    """A cluster that EKS does not know is exit code 5 with its nearest name; the other cluster is written."""
    desk.write({"bad": desk.following("admin", "demoo"), "good": desk.following("admin")})

    done = desk.login("admin", "-o", "json")

    assert done.code == 5
    assert "did you mean demo" in done.err
    assert [each["action"] for each in done.json["kubeconfig"]] == ["failed", "added"]
    assert desk.lab.eksauth("whoami", "-i", "admin").code == 0


def test_eks_that_denies_is_a_failure_of_that_cluster(desk: Desk) -> None:
    """DescribeCluster denied: the message names the action, the identity stays signed in."""
    desk.write({"demo": desk.following("alice")})
    seed = desk.lab.endpoint.seed
    assert seed is not None
    bob = seed.users["bob"]
    keys = {"access_key_id": bob.access_key_id, "secret_access_key": bob.secret_access_key}
    desk.write({"demo": desk.following("bob")}, identities={"bob": {"kind": "aws/user", "credentials": keys}})

    done = desk.login("bob")

    assert done.code == 5
    assert "signed in as bob" in done.out
    assert "eks:DescribeCluster" in done.err


def test_no_kubeconfig_when_not_wanted(desk: Desk) -> None:
    """--no-kubeconfig asks EKS nothing and writes nothing; nor does auto_provision: false."""
    desk.logged_in("admin", "--no-kubeconfig")
    integration = desk.following("admin")
    integration["spec"]["auto_provision"] = False
    desk.write({"demo": integration})
    desk.logged_in("admin")
    assert not desk.lab.kubeconfig.exists()
    assert "DescribeCluster" not in [action for action, _ in desk.lab.asked()]


def test_no_configuration_is_said_with_what_to_do(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any configuration there is nobody to become."""
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.chdir(tmp_path)
    done = desk.login()
    assert done.code == 3
    assert "there is no configuration" in done.err
    assert "hint:" in done.err


def test_a_configuration_that_was_only_found_vouches_for_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a person, a file found by searching gets no kubeconfig entries: kubectl would trust it afterwards."""
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.chdir(desk.config.parent)

    done = desk.login("admin")

    assert done.code == 0
    assert "no kubeconfig entries are written" in done.err
    assert not desk.lab.kubeconfig.exists()


def test_a_broken_profile_of_the_environment_is_nobodys_business(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS_PROFILE that does not exist stops no identity."""
    monkeypatch.setenv("AWS_PROFILE", "gone")
    desk.logged_in("admin")


def test_the_first_kubectl_after_a_login_is_a_quick_one(desk: Desk) -> None:
    """The plugin call that login wrote is answered by the hot path at once: no YAML, no botocore, no network."""
    desk.logged_in("admin")
    asked = len(desk.lab.asked())

    answer = fast_answer(desk.arguments(f"{arn('demo')}/identity/admin"), os.environ)

    assert answer is not None
    assert '"k8s-aws-v1.' in answer
    assert len(desk.lab.asked()) == asked


def test_another_identity_can_ask_about_the_cluster(desk: Desk) -> None:
    """spec.describe_as: EKS is asked as somebody of the cluster's account, the entry is the other's and pins none."""
    identities = desk.identities
    identities["theirs"] = desk.assuming(PARTNER)
    integration = desk.following("admin", "shared")
    integration["spec"] |= {"cross_account": True, "describe_as": "theirs"}
    desk.other_cluster("shared")
    desk.write({"shared": integration}, identities=identities)

    desk.logged_in("admin")

    ((user, body),) = desk.lab.parsed()["users"].items()
    assert user.split(":")[4] == OTHER_ACCOUNT
    assert "--account" not in body["exec"]["args"]
    identities["theirs"] = desk.assuming(role("NoSuchRole"))
    desk.write({"shared": integration}, identities=identities)
    failed = desk.login("admin", "--fresh")
    assert failed.code == 5
    assert "signed in as admin" in failed.out


def test_guards_ask_for_a_reason_and_the_log_keeps_it(desk: Desk) -> None:
    """A guarded identity needs --reason; without it nothing is asked of AWS, with it the audit log says why."""
    desk.write(guards={"prod": {"identities": ["admin"], "require_reason": True}})

    refused = desk.login("admin")
    assert refused.code == 4
    assert "--reason" in refused.err
    assert desk.lab.asked() == []
    desk.logged_in("admin", "--reason", "INC-1")

    events = [json.loads(line) for line in desk.audit_log().read_text().splitlines()]
    assert [event["event"] for event in events] == ["refused", "login"]
    assert events[1]["reason"] == "INC-1"
    assert events[1]["arn"].startswith("arn:aws:sts::")


def test_guards_of_clusters_are_answered_at_login(desk: Desk) -> None:
    """A guard on a cluster that follows the identity asks now: kubectl could not."""
    desk.write(guards={"prod": {"clusters": ["demo"], "confirm": True}})
    refused = desk.login("admin")
    assert refused.code == 4
    assert "confirm" in refused.err
    desk.logged_in("admin", "--yes")


def test_a_provider_that_keeps_nothing_cannot_be_signed_in_to_alone(desk: Desk) -> None:
    """A SAML sign-in is for one identity: the error names one."""
    identities = desk.identities
    identities["federated"] = {
        "kind": "aws/assume-role",
        "via": {"provider": "idp"},
        "principal": {"assume_role": PARTNER},
    }
    provider = {"kind": "aws/saml", "url": "https://idp.example/sso", "region": "us-east-1"}
    desk.write(identities=identities, providers={"idp": provider})

    done = desk.login("--provider", "idp")

    assert done.code == 2
    assert "eksauth login federated" in done.err
    unknown = desk.login("--provider", "ipd")
    assert unknown.code == 2
    assert "did you mean idp" in unknown.err


def test_contradictions_are_usage_errors(desk: Desk) -> None:
    """--all with a name, two names, and keys for everybody make no sense."""
    assert desk.login("admin", "--all").code == 2
    assert desk.login("admin", "-i", "alice").code == 2
    assert desk.login("--all", "--store-keys").code == 2


def test_kinds_of_other_clouds_are_in_nobodys_way(desk: Desk) -> None:
    """--all leaves out what cannot work here, in both directions; asked for by name it says why."""
    identities = desk.identities
    identities["azure"] = {"kind": "azure/subscription", "via": {"provider": "az"}, "principal": {}}
    desk.write(identities=identities, providers={"az": {"kind": "azure/cli"}})

    assert len(desk.logged_in("--all")["identities"]) == 4
    assert desk.logout("--all").code == 0
    assert desk.login("azure").code == 3


def test_an_atmos_configuration_works_unchanged(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The auth section of an atmos.yaml is enough, and an entry that Atmos wrote is taken over under its own names."""
    atmos = tmp_path / "stacks" / "atmos.yaml"
    atmos.parent.mkdir()
    desk.write({"demo": desk.following("admin", alias="dev")})
    atmos.write_text(json.dumps({"base_path": ".", "stacks": {}, **json.loads(desk.config.read_text())}))
    atmos.chmod(0o600)
    monkeypatch.setenv("EKSAUTH_CONFIG", str(atmos))
    arguments = ["aws", "eks", "token", "--cluster-name", "demo", "--region", "us-west-2", "--identity=admin"]
    plugin: dict[str, object] = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "atmos"}
    plugin["args"] = arguments
    plugin |= {"env": [{"name": "ATMOS_IDENTITY", "value": "admin"}], "interactiveMode": "Never"}
    desk.lab.kubeconfig.parent.mkdir()
    desk.lab.kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [{"name": arn("demo"), "cluster": {"server": "https://demo.us-west-2.example"}}],
                "contexts": [{"name": "dev", "context": {"cluster": arn("demo"), "user": "atmos-eks-demo-us-west-2"}}],
                "users": [{"name": "atmos-eks-demo-us-west-2", "user": {"exec": plugin}}],
            }
        )
    )
    desk.lab.kubeconfig.chmod(0o600)

    assert desk.logged_in("admin")["kubeconfig"][0]["action"] == "updated"

    body = desk.lab.parsed()["users"]["atmos-eks-demo-us-west-2"]["exec"]
    assert body["command"].endswith("/eksauth")
    assert body["args"][7:9] == ["--config", str(atmos)]
    assert not body.get("env")
    assert desk.logout("admin").code == 0
    assert desk.lab.parsed()["users"] == {}
