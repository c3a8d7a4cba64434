"""Entries that act as an identity of a configuration: what they pin, and when two are the same; pure functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kubeconfig.managed import config, document, merged
from tests.kubeconfig.update.test_entries import cluster

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.errors import ConfigError
from eksauth.kubeconfig.exec_entry import (
    EntryNames,
    EntryOptions,
    ExecIdentity,
    default_user_name,
    exec_arguments,
    operations,
    owner_note,
)
from eksauth.kubeconfig.exec_identity import cluster_in, identity_of, same_identity
from eksauth.kubeconfig.model import ExecConfig, NamedExtension, User
from eksauth.kubeconfig.owner import OWNER, owner_of
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.update_plan import Naming, PlannedContext, plan_context

PATH = Path("/nowhere/config")
CONFIG = "/srv/repo/eksauth.yaml"
DEV = ExecIdentity(identity="dev", config=CONFIG, realm="corp")

names = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable() and text.strip() == text)
identities = st.builds(
    lambda name, config, realm, crosses: ExecIdentity(
        identity=name, config=config, realm=realm if config else "", cross_account=crosses
    ),
    names,
    st.none() | st.sampled_from([CONFIG, "/other/eksauth.yaml", "/with blank/-x.yaml"]),
    st.sampled_from(["", "corp", "other"]),
    st.booleans(),
)


def test_everything_that_decides_who_it_is_is_pinned() -> None:
    """The arguments name identity, configuration, realm and the cluster's account, in the form of the quick parser."""
    assert exec_arguments(cluster(), DEV) == [
        *("token", "--cluster-name", "demo", "--region", "eu-west-1", "--identity", "dev"),
        *("--config", CONFIG, "--realm=corp", "--account", "111122223333"),
    ]


def test_no_realm_is_pinned_as_well() -> None:
    """An empty realm stands in the arguments: a variable of the day must not lead to other credentials."""
    arguments = exec_arguments(cluster(), ExecIdentity(identity="-dev", config=CONFIG, cross_account=True))
    assert arguments[5:] == ["--identity=-dev", "--config", CONFIG, "--realm="]


@given(identities)
def test_the_identity_can_be_read_back(identity: ExecIdentity) -> None:
    """From the entry that we write we know again who it acts as, and which cluster it is for."""
    (_, user, _) = operations(cluster(), EntryNames("c", "u", "x"), EntryOptions(command="/bin/x", identity=identity))
    plugin = user.body["exec"]
    value = User(exec=ExecConfig(command=plugin["command"], args=tuple(plugin["args"]), api_version="v1"))
    assert identity_of(value) == identity
    assert cluster_in(value) == ("demo", "eu-west-1")


@given(identities, identities)
def test_different_identities_have_different_users(left: ExecIdentity, right: ExecIdentity) -> None:
    """Users have one name only for identities of one name and realm; the same name in two files is told apart later."""
    if left.identity != right.identity or left.realm != right.realm:
        assert default_user_name(cluster(), left) != default_user_name(cluster(), right)


def test_the_short_flag_is_the_identity_for_us_and_the_cluster_for_the_authenticator() -> None:
    """``-i`` means what the program of the entry means by it."""
    arguments = ("token", "--cluster-name", "demo", "--region", "r", "-i", "dev")
    ours, theirs = (User(exec=ExecConfig(command, arguments)) for command in ("eksauth", "aws-iam-authenticator"))
    assert (identity_of(ours), cluster_in(ours)) == (ExecIdentity(identity="dev", cross_account=True), ("demo", "r"))
    assert (identity_of(theirs), cluster_in(theirs)) == (ExecIdentity(), ("dev", "r"))


SAME = {
    "itself": (DEV, True),
    "another spelling": (ExecIdentity(identity="DEV", config=CONFIG, realm="corp"), True),
    "another file": (ExecIdentity(identity="dev", config="/x.yaml", realm="corp"), False),
    "another realm": (ExecIdentity(identity="dev", config=CONFIG), False),
    "any file": (ExecIdentity(identity="dev"), True),
    "another name": (ExecIdentity(identity="ops", config=CONFIG, realm="corp"), False),
    "a profile of that name": (ExecIdentity(profile="dev"), False),
    "nobody": (ExecIdentity(), False),
    "account pinned or not": (
        ExecIdentity(identity="dev", config=CONFIG, realm="corp", cross_account=True),
        True,
    ),
}


@pytest.mark.parametrize("case", SAME.values(), ids=SAME.keys())
def test_who_is_the_same(case: tuple[ExecIdentity, bool]) -> None:
    """Name, file and realm decide; an entry that names no file may be any of that name."""
    other, expected = case
    assert same_identity(DEV, other) is same_identity(other, DEV) is expected


def test_the_mark_says_whose_the_entry_is() -> None:
    """The extension holds account, region, cluster, identity, configuration and realm."""
    owner = owner_of([NamedExtension(OWNER, owner_note(cluster(), DEV))])
    assert owner is not None
    assert (owner.account, owner.region, owner.cluster) == ("111122223333", "eu-west-1", "demo")
    assert (owner.identity, owner.config, owner.realm) == ("realm/corp/identity/dev", CONFIG, "corp")


def planned(view: Merged, identity: ExecIdentity, each: ClusterInfo | None = None, **options: bool) -> PlannedContext:
    """Plan the entries of one cluster."""
    asked = EntryOptions(command="/bin/eksauth", identity=identity, whole=options.get("whole", False))
    return plan_context(view, each or cluster(), Naming(alias="demo"), asked, force=options.get("force", False))


def after(plan: PlannedContext) -> Merged:
    """Return an empty kubeconfig with the plan carried out."""
    tree = config()
    for change in plan.changes:
        tree = change.operation.apply(tree)  # type: ignore[union-attr]
    return merged(document(tree, PATH))


def test_entries_of_atmos_for_the_same_identity_are_taken_over() -> None:
    """What Atmos wrote for an identity of the same name acts as the same caller: it is changed where it stands."""
    each = cluster()
    arguments = ["aws", "eks", "token", "--cluster-name", "demo", "--region", "eu-west-1", "--identity=dev"]
    variables = [{"name": "ATMOS_IDENTITY", "value": "dev"}, {"name": "MINE", "value": "1"}]
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "atmos", "args": arguments}
    view = merged(
        document(
            config(
                {each.arn: {"server": each.endpoint, "certificate-authority-data": each.ca_data}},
                {"demo": {"cluster": each.arn, "user": "atmos-eks-demo-eu-west-1"}},
                {"atmos-eks-demo-eu-west-1": {"exec": plugin | {"env": variables}}},
            ),
            PATH,
        )
    )

    plan = planned(view, DEV)

    assert plan.names == EntryNames(each.arn, "atmos-eks-demo-eu-west-1", "demo")
    assert plan.action == "updated"
    with pytest.raises(ConfigError, match="acts as"):
        planned(view, ExecIdentity(identity="ops", config=CONFIG))


def test_two_files_may_call_their_identities_the_same() -> None:
    """A second configuration's identity of the same name gets a user of its own instead of the first one's."""
    view = merged(document(config(), PATH))
    mine = planned(view, DEV)
    theirs = ExecIdentity(identity="dev", config="/other/eksauth.yaml", realm="corp")

    plan = plan_context(
        after(mine), cluster(), Naming(alias="other"), EntryOptions(command="/bin/eksauth", identity=theirs)
    )

    assert plan.names.user.startswith(mine.names.user + "/config/")
