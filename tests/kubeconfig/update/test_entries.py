"""What stands in the entries, and whose they are: pure functions."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eksauth.aws.cluster_info import ClusterInfo
from eksauth.errors import UsageError
from eksauth.kubeconfig.context_template import context_name
from eksauth.kubeconfig.exec_entry import (
    EntryNames,
    EntryOptions,
    ExecIdentity,
    default_user_name,
    exec_arguments,
    operations,
)
from eksauth.kubeconfig.exec_identity import cluster_in, identity_of, same_identity
from eksauth.kubeconfig.model import ExecConfig, ExecEnvVar, User
from eksauth.token.argv import parse_token_argv
from eksauth.token.fast import fast_answer

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
ADMIN = "arn:aws:iam::111122223333:role/Admin"


def cluster(
    name: str = "demo", region: str = "eu-west-1", account: str = "111122223333", **more: object
) -> ClusterInfo:
    """Return a cluster."""
    return ClusterInfo(
        name=name,
        arn=f"arn:aws:eks:{region}:{account}:cluster/{name}",
        region=region,
        account=account,
        partition="aws",
        status="ACTIVE",
        endpoint="https://demo.example",
        ca_data="Q0E=",
        version="1.33",
        **more,  # type: ignore[arg-type]
    )


session_names = st.text("abcXYZ019_+=,.@-", min_size=2, max_size=12)
profiles = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable() and text.strip() == text)
roles = st.builds(
    "arn:aws:iam::{}:role/{}".format,
    st.sampled_from(["111122223333", "444455556666"]),
    st.text("abcXYZ019_+=,.@-/", min_size=1, max_size=12).filter(lambda text: "//" not in text),
)
identities = st.builds(
    lambda profile, role, external_id, session: ExecIdentity(
        profile=profile,
        role_arn=role,
        external_id=external_id if role else None,
        session_name=session if role else None,
    ),
    st.none() | profiles,
    st.none() | roles,
    st.none() | session_names,
    st.none() | session_names,
)


@given(identities, st.text("abcXYZ019-_", min_size=1, max_size=20).filter(lambda name: name[0].isalnum()))
def test_the_hot_path_understands_what_is_written(identity: ExecIdentity, name: str) -> None:
    """Every argument list that we write is one that the quick parser takes, with exactly the values meant."""
    arguments = exec_arguments(cluster(name), identity)

    flags = parse_token_argv(arguments)

    expected = {
        "layout": "token",
        "cluster_name": name,
        "region": "eu-west-1",
        "profile": identity.profile,
        "role_arn": identity.role_arn,
        "external_id": identity.external_id,
        "session_name": identity.session_name,
    }
    assert flags == {key: value for key, value in expected.items() if value is not None}


def test_kubectl_gets_a_token_without_the_slow_path() -> None:
    """The whole plugin call is answered by the hot path, for a cluster and for a local cluster by its id."""
    info = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}'
    for each in (cluster(), cluster(local_id="de4d-beef")):
        answer = fast_answer(exec_arguments(each, ExecIdentity()), {**KEYS, "KUBERNETES_EXEC_INFO": info})
        assert answer is not None
        token = answer.split('"k8s-aws-v1.')[1].split('"')[0]
        url = base64.urlsafe_b64decode(token + "==")
        assert b"https://sts.eu-west-1.amazonaws.com" in url


@given(identities, identities)
def test_different_identities_have_different_users(left: ExecIdentity, right: ExecIdentity) -> None:
    """Two identities share a user name only when they end as the same caller."""
    assume(not same_identity(left, right))
    assert default_user_name(cluster(), left) != default_user_name(cluster(), right)


@given(identities)
def test_the_identity_can_be_read_back(identity: ExecIdentity) -> None:
    """From the entry that we write we know again who it acts as, and which cluster it is for."""
    (_, user, _) = operations(cluster(), EntryNames("c", "u", "x"), EntryOptions(command="/bin/x", identity=identity))
    plugin = user.body["exec"]
    value = User(exec=ExecConfig(command=plugin["command"], args=tuple(plugin["args"]), api_version="v1"))
    assert identity_of(value) == identity
    assert cluster_in(value) == ("demo", "eu-west-1")


FOREIGN = {
    "aws": (
        ExecConfig("aws", ("--region", "eu-west-1", "eks", "get-token", "--cluster-name", "demo", "--output", "json")),
        ExecIdentity(),
    ),
    "aws role": (
        ExecConfig("aws", ("eks", "get-token", "--cluster-name", "demo", "--role", ADMIN)),
        ExecIdentity(role_arn=ADMIN),
    ),
    "aws profile variable": (
        ExecConfig("aws", ("eks", "get-token", "--cluster-name", "demo"), (ExecEnvVar("AWS_PROFILE", "dev"),)),
        ExecIdentity(profile="dev"),
    ),
    "aws profile flag beats the variable": (
        ExecConfig(
            "aws", ("--profile", "x", "eks", "get-token", "--cluster-name", "demo"), (ExecEnvVar("AWS_PROFILE", "dev"),)
        ),
        ExecIdentity(profile="x"),
    ),
    "authenticator": (
        ExecConfig("aws-iam-authenticator", ("token", "-i", "demo", "-r", ADMIN)),
        ExecIdentity(role_arn=ADMIN),
    ),
    "atmos": (ExecConfig("atmos", ("aws", "eks", "token", "--cluster-name", "demo", "--region", "r")), ExecIdentity()),
    "atmos with an identity of its own": (
        ExecConfig("atmos", ("aws", "eks", "token", "--cluster-name", "demo", "--region", "r", "--identity=dev")),
        ExecIdentity(identity="dev", cross_account=True),
    ),
    "ours, variable added by hand": (
        ExecConfig("/x/eksauth", ("token", "--cluster-name", "demo"), (ExecEnvVar("AWS_PROFILE", "dev"),)),
        ExecIdentity(),
    ),
    "flag without value": (ExecConfig("aws", ("eks", "get-token", "--role")), None),
    "another plugin": (ExecConfig("gke-gcloud-auth-plugin", None), None),
}


@pytest.mark.parametrize("case", FOREIGN.values(), ids=FOREIGN.keys())
def test_entries_of_other_tools_are_understood(case: tuple[ExecConfig, ExecIdentity | None]) -> None:
    """The identity of entries that other tools wrote is read from their own flags and variables."""
    plugin, expected = case
    assert identity_of(User(exec=plugin)) == expected


@pytest.mark.parametrize(
    "user",
    [
        User(),
        User(token="x", exec=FOREIGN["aws"][0]),
        User(client_certificate="x", exec=FOREIGN["aws"][0]),
        User(username="x"),
    ],
    ids=["nothing", "token hides exec", "certificate beside exec", "basic"],
)
def test_static_credentials_are_nobody_we_know(user: User) -> None:
    """With static credentials in the entry nobody can tell which AWS identity it is."""
    assert identity_of(user) is None


TEMPLATES = {
    "{name}": "demo",
    "{name}-{region}": "demo-eu-west-1",
    "{account}/{name}": "111122223333/demo",
    "{role}@{name}": "Admin@demo",
    "{profile}{{x}}": "dev{x}",
    "{arn}": "arn:aws:eks:eu-west-1:111122223333:cluster/demo",
    "{partition}.{version}.{role_account}": "aws.1.33.444455556666",
    "fixed": "fixed",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates(template: str) -> None:
    """Variables stand for the cluster and the identity; doubled braces for themselves."""
    identity = ExecIdentity(profile="dev", role_arn="arn:aws:iam::444455556666:role/team/Admin")
    assert context_name(template, cluster(), identity) == TEMPLATES[template]


@pytest.mark.parametrize(
    "template, hint",
    [
        ("{nam}", "name"),
        ("{name.__class__}", None),
        ("{name!r}", None),
        ("{name:>99999999}", None),
        ("{0}", None),
        ("{name", "{{"),
        ("}", "{{"),
        ("{role}", "{name}"),
        (" ", "{name}"),
    ],
)
def test_bad_templates_are_refused(template: str, hint: str | None) -> None:
    """Unknown variables, Python's format tricks, unbalanced braces and empty names are usage errors."""
    with pytest.raises(UsageError) as caught:
        context_name(template, cluster(), ExecIdentity())
    assert hint is None or hint in (caught.value.hint or "")


def test_nothing_secret_is_in_the_representation() -> None:
    """Operations do not show the CA data when they are printed."""
    shown = repr(operations(cluster(), EntryNames("c", "u", "x"), EntryOptions(command="/bin/x")))
    assert "Q0E=" not in shown
    assert os.fspath(Path.home()) not in shown
