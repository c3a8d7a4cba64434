"""Entries of another cluster or another identity are not changed behind anybody's back."""

from __future__ import annotations

import pytest
from tests.kubeconfig.update.eks_lab import CA, Lab, arn, role

THEIR_USER = """\
- name: {name}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [--region, us-west-2, eks, get-token, --cluster-name, demo, --output, json{role}]
      command: aws
      env:{env}
"""


def by_aws(lab: Lab, *, role_arn: str = "", profile: str = "", context: str | None = None) -> str:
    """Write the file that the AWS CLI would have written; return its text."""
    user = THEIR_USER.format(
        name=arn("demo"),
        role=f", --role, '{role_arn}'" if role_arn else "",
        env=f"\n      - name: AWS_PROFILE\n        value: {profile}" if profile else " null",
    )
    text = f"""\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {CA}
    server: https://demo.us-west-2.example
  name: {arn("demo")}
contexts:
- context: {{cluster: '{arn("demo")}', user: '{arn("demo")}', namespace: team}}
  name: {context or arn("demo")}
current-context: {context or arn("demo")}
kind: Config
preferences: {{}}
users:
{user}"""
    lab.kubeconfig.parent.mkdir(exist_ok=True)
    lab.kubeconfig.write_text(text)
    return text


def test_an_entry_of_the_aws_cli_is_taken_over(lab: Lab) -> None:
    """Same cluster, same identity: the names stay, the plugin becomes eksauth, no orphan is left."""
    lab.cluster()
    by_aws(lab)

    done = lab.update("--name", "demo")

    assert done.out == f"Updated context {arn('demo')} in {lab.kubeconfig}\n"
    found = lab.parsed()
    assert list(found["users"]) == [arn("demo")]
    assert found["contexts"][arn("demo")]["namespace"] == "team"
    assert found["users"][arn("demo")]["exec"]["args"][0] == "token"


def test_a_profile_variable_becomes_an_argument(lab: Lab) -> None:
    """AWS_PROFILE of the AWS CLI's entry loses to keys in the environment; the argument does not."""
    lab.cluster()
    by_aws(lab, profile="dev")

    assert lab.update("--name", "demo", "--exec-profile", "dev").code == 0

    plugin = lab.parsed()["users"][arn("demo")]["exec"]
    assert plugin["args"][-2:] == ["--profile", "dev"]
    assert not plugin.get("env")


OTHERS = {
    "other role": {"role_arn": role("EksAdmin")},
    "other profile": {"profile": "prod"},
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("grammar", [["kubeconfig", "update"], ["eks", "update-kubeconfig"]], ids=["ours", "AWS CLI"])
def test_a_context_of_another_identity_is_refused(lab: Lab, other: str, grammar: list[str]) -> None:
    """The AWS CLI would silently replace the identity; here both can stay, and the hint says how."""
    lab.cluster()
    before = by_aws(lab, **OTHERS[other])

    done = lab.eksauth(*grammar, "--name", "demo")

    assert (done.code, done.out) == (3, "")
    assert lab.kubeconfig.read_text() == before
    assert f"{lab.kubeconfig}:8: context" in done.err
    assert "--alias" in done.err
    assert "--force" in done.err


def test_the_hint_works(lab: Lab) -> None:
    """Two roles live side by side under the name that the hint gives, each with a user of its own."""
    lab.cluster()
    lab.update("--name", "demo")
    refused = lab.update("--name", "demo", "--role-arn", role("EksReadOnly"))
    alias = refused.err.rpartition("--alias ")[2].split(",")[0]

    done = lab.update("--name", "demo", "--role-arn", role("EksReadOnly"), "--alias", alias)

    assert (refused.code, done.code, alias) == (3, 0, "EksReadOnly@demo")
    found = lab.parsed()
    assert len({context["user"] for context in found["contexts"].values()}) == len(found["users"]) == 2
    assert len(found["clusters"]) == 1


def test_force_replaces_the_context_and_leaves_the_other_user(lab: Lab) -> None:
    """--force points the context to the new identity; the other identity's user is still there."""
    lab.cluster()
    by_aws(lab, role_arn=role("EksAdmin"))

    done = lab.update("--name", "demo", "--force")

    assert done.code == 0
    found = lab.parsed()
    assert found["contexts"][arn("demo")]["user"] == f"{arn('demo')}/ambient"
    assert found["users"][arn("demo")]["exec"]["command"] == "aws"


def test_an_alias_of_another_cluster_is_refused(lab: Lab) -> None:
    """An alias that is in use for another cluster stays with it."""
    lab.cluster()
    lab.cluster("two")
    lab.update("--name", "demo", "--alias", "dev")
    before = lab.kubeconfig.read_text()
    done = lab.update("--name", "two", "--alias", "dev")
    assert (done.code, "another cluster" in done.err) == (3, True)
    assert lab.kubeconfig.read_text() == before


def test_a_user_alias_of_another_role_is_refused(lab: Lab) -> None:
    """A user name that acts as another role is not taken away, with --force it is."""
    lab.cluster()
    lab.update("--name", "demo", "--user-alias", "me", "--role-arn", role("EksAdmin"))
    words = ("--name", "demo", "--user-alias", "me", "--alias", "x")
    refused = lab.update(*words)
    forced = lab.update(*words, "--force")
    assert (refused.code, 'user "me" acts as role' in refused.err, "--user-alias" in refused.err) == (3, True, True)
    assert forced.code == 0
    assert "--role-arn" not in lab.parsed()["users"]["me"]["exec"]["args"]


def test_a_user_of_another_cluster_is_refused(lab: Lab) -> None:
    """The same identity for another cluster is another user: its plugin names the other cluster."""
    lab.cluster()
    lab.cluster("two")
    lab.update("--name", "demo", "--user-alias", "me")
    done = lab.update("--name", "two", "--user-alias", "me", "--alias", "two")
    assert (done.code, "for another cluster" in done.err) == (3, True)


def test_a_cluster_alias_in_use_is_refused(lab: Lab) -> None:
    """A cluster entry of that name which leads elsewhere is not overwritten."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    lab.kubeconfig.write_text("clusters: [{name: home, cluster: {server: 'https://192.168.1.1:6443'}}]\n")
    done = lab.update("--name", "demo", "--cluster-alias", "home")
    assert (done.code, "192.168.1.1" in done.err, "--cluster-alias" in done.err) == (3, True, True)


def test_a_user_with_a_token_is_refused_and_forced(lab: Lab) -> None:
    """Static credentials are somebody's; with --force they go, because they would hide the plugin."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    lab.kubeconfig.write_text("users:\n- name: me\n  user: {token: s3cr3t}\n")
    refused = lab.update("--name", "demo", "--user-alias", "me")
    forced = lab.update("--name", "demo", "--user-alias", "me", "--force")
    assert (refused.code, "s3cr3t" in refused.err, forced.code) == (3, False, 0)
    assert set(lab.parsed()["users"]["me"]) == {"exec", "extensions"}


def test_a_dangling_context_is_filled(lab: Lab) -> None:
    """A context that leads to a user that does not exist belongs to nobody."""
    lab.cluster()
    lab.kubeconfig.parent.mkdir()
    lab.kubeconfig.write_text(f"contexts:\n- name: dev\n  context: {{cluster: '{arn('demo')}', user: gone}}\n")
    assert lab.update("--name", "demo", "--alias", "dev").code == 0
    assert lab.parsed()["contexts"]["dev"]["user"] == f"{arn('demo')}/ambient"


def test_a_cluster_made_anew_is_the_same_entry(lab: Lab) -> None:
    """Deleted and created again, a cluster has the same ARN and another endpoint and CA: that is an update."""
    lab.cluster()
    lab.update("--name", "demo")
    lab.cluster(endpoint="https://reborn.example", ca_data="Q0E=")
    assert lab.update("--name", "demo").out.startswith("Updated context")


def test_an_aliased_cluster_entry_is_recognised(lab: Lab) -> None:
    """A cluster entry under another name is still brought up to date through its context."""
    lab.cluster()
    lab.update("--name", "demo", "--cluster-alias", "c", "--alias", "dev")
    lab.cluster(endpoint="https://reborn.example")
    done = lab.update("--name", "demo", "--alias", "dev")
    found = lab.parsed()
    assert done.code == 0
    assert list(found["clusters"]) == ["c"]
    assert found["clusters"]["c"]["server"] == "https://reborn.example"
