"""Who a verified identity becomes: the reference's MountedFile backend and ours, from one configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.loopback_aws import LoopbackAws, loopback_aws
from tests.e2e.reference_authenticator import (
    MISSING,
    Pair,
    find_reference,
    our_server,
    pair_of_servers,
    reference_server,
)
from tests.e2e.signing import Key, Signing, session

PROGRAM = find_reference()
pytestmark = [pytest.mark.peer, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
A, B, SCRUBBED = "111122223333", "444455556666", "777788889999"
SSO_SUFFIX = "0123456789abcdef"

MAPPINGS = f"""
scrubbedAccounts: ['{SCRUBBED}']
reservedPrefixConfig:
- backendMode: MountedFile
  usernamePrefixReserveList: ['system:']
mapRoles:
- {{rolearn: 'arn:aws:iam::{A}:role/Plain', username: plain, groups: [first, second]}}
- {{rolearn: 'arn:aws:iam::{A}:role/MixedCase', username: mixed, groups: [g]}}
- {{rolearn: 'arn:aws:iam::{A}:role/team/Path', username: path, groups: [g]}}
- {{rolearn: 'arn:aws:sts::{A}:assumed-role/Assumed/somebody', username: assumed, groups: [g]}}
- {{rolearn: 'arn:aws:iam::{A}:role/Twice', username: earlier, groups: [earlier]}}
- {{rolearn: 'arn:aws:iam::{A}:role/twice', username: later, groups: [later]}}
- rolearn: arn:aws:iam::{A}:role/Templates
  username: "{{{{AccountID}}}}:{{{{SessionName}}}}:{{{{SessionNameRaw}}}}:{{{{AccessKeyID}}}}:{{{{Unknown}}}}:{{{{ SessionName }}}}"
  groups: ["g:{{{{SessionName}}}}", "{{{{SessionName}}}}{{{{SessionName}}}}"]
- {{rolearn: 'arn:aws:iam::{A}:role/Node', username: "system:node:{{{{EC2PrivateDNSName}}}}", groups: [system:nodes]}}
- {{rolearn: 'arn:aws:iam::{A}:role/Reserved', username: "system:admin", groups: [system:masters]}}
- {{rolearn: 'arn:aws:iam::{A}:role/NotReserved', username: "System:admin", groups: [system:masters]}}
- {{rolearn: 'arn:aws:iam::{A}:role/NoGroups', username: nogroups}}
- {{rolearn: 'arn:aws:iam::{A}:role/NoName', groups: [g]}}
- {{rolearn: 'arn:aws:iam::{A}:role/EmptyGroups', username: emptygroups, groups: ['', g]}}
- {{rolearn: 'arn:aws:iam::{A}:role/Number', username: 1234, groups: [5, yes, 1.5]}}
- {{rolearn: 'arn:aws:iam::{A}:role/Text', username: text, groups: 'a,b, c'}}
- {{rolearn: 'arn:aws:iam::{A}:role/True', username: true, groups: [g]}}
- {{rolearn: 'arn:aws:iam::{A}:user/as-role', username: user-as-role, groups: [g]}}
- {{rolearn: 'arn:aws:iam::{A}:role/Both', username: as-role, groups: [role]}}
- {{rolearn: 'arn:aws:iam::{SCRUBBED}:role/Plain', username: scrubbed, groups: [g]}}
- {{ROLEARN: 'arn:aws:iam::{A}:role/KeyCase', UserName: keycase, gROUPS: [g]}}
- sso: {{permissionSetName: View, accountID: '{A}'}}
  username: "sso:{{{{SessionName}}}}"
  groups: [viewers]
- sso: {{permissionSetName: Admin, accountID: '{A}', partition: aws}}
  username: admin
  groups: [admins]
mapUsers:
- {{userarn: 'arn:aws:iam::{A}:user/alice', username: alice, groups: [people]}}
- {{userarn: 'arn:aws:iam::{A}:user/team/bob', username: bob, groups: [people]}}
- {{userarn: 'arn:aws:iam::{A}:user/CAROL', username: earlier, groups: [g]}}
- {{userarn: 'arn:aws:iam::{A}:user/carol', username: later, groups: [h]}}
- {{userarn: 'arn:aws:iam::{A}:root', username: "root{{{{SessionName}}}}", groups: [roots]}}
- {{userarn: 'arn:aws:sts::{A}:federated-user/fred', username: fred, groups: [g]}}
- {{userarn: 'arn:aws:iam::{A}:role/AsUser', username: role-as-user, groups: [g]}}
- {{userarn: 'arn:aws:sts::{A}:assumed-role/SessionAsUser/x', username: session-as-user, groups: [g]}}
- {{userarn: 'arn:aws:iam::{A}:role/Both', username: as-user, groups: [user]}}
- {{userarn: 'arn:aws:iam::{A}:user/nameless', username: "{{{{SessionName}}}}", groups: [g]}}
mapAccounts: [{B}, '{B}', nonsense]
"""


def role(name: str, session_name: str = "ann", account: str = A) -> tuple[str, str]:
    """Return ARN and user id of a role session."""
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}", f"AROAEXAMPLE:{session_name}"


def user(name: str, account: str = A) -> tuple[str, str]:
    """Return ARN and user id of a user."""
    return f"arn:aws:iam::{account}:user/{name}", "AIDAEXAMPLE"


ALIKE = [
    pytest.param(role("Plain"), "plain", id="role"),
    pytest.param(role("pLAIN"), "plain", id="role-in-another-case"),
    pytest.param(role("MixedCase"), "mixed", id="mixed-case"),
    pytest.param(role("Path"), None, id="role-path-never-matches"),
    pytest.param(role("team/Path"), "path", id="session-that-shows-the-path"),
    pytest.param(role("Assumed"), "assumed", id="assumed-role-in-the-file"),
    pytest.param(role("Twice"), "later", id="duplicate"),
    pytest.param(role("Templates", "ann@example.com"), ..., id="templates"),
    pytest.param(role("Templates", "{{AccountID}}"), ..., id="templates-in-a-session-name"),
    pytest.param(role("Node"), None, id="node-name-for-a-person"),
    pytest.param(role("Node", "i-12"), None, id="node-name-for-half-an-id"),
    pytest.param(role("Reserved"), None, id="reserved-prefix"),
    pytest.param(role("NotReserved"), "System:admin", id="reserved-prefix-case"),
    pytest.param(role("NoGroups"), "nogroups", id="no-groups"),
    pytest.param(role("Number"), "1234", id="numbers"),
    pytest.param(role("Text"), "text", id="groups-as-text"),
    pytest.param(user("as-role"), "user-as-role", id="user-in-mapRoles"),
    pytest.param(role("Both"), "as-role", id="roles-before-users"),
    pytest.param(role("Plain", account=SCRUBBED), "scrubbed", id="scrubbed-account"),
    pytest.param(role("KeyCase"), "keycase", id="entry-keys-in-another-case"),
    pytest.param(role(f"AWSReservedSSO_View_{SSO_SUFFIX}", "ann@example.com"), "sso:ann-example.com", id="sso"),
    pytest.param(role(f"AWSReservedSSO_Other_{SSO_SUFFIX}"), None, id="sso-other-set"),
    pytest.param(role(f"AWSReservedSSO_View_{SSO_SUFFIX}", account=SCRUBBED), None, id="sso-other-account"),
    pytest.param(user("alice"), "alice", id="user"),
    pytest.param(user("Alice"), "alice", id="user-in-another-case"),
    pytest.param(user("team/bob"), "bob", id="user-with-path"),
    pytest.param(user("bob"), None, id="user-path-is-part-of-it"),
    pytest.param(user("carol"), "later", id="duplicate-user"),
    pytest.param((f"arn:aws:iam::{A}:root", A), "root", id="root"),
    pytest.param((f"arn:aws:sts::{A}:federated-user/fred", f"{A}:fred"), "fred", id="federated-user"),
    pytest.param(role("AsUser"), "role-as-user", id="role-in-mapUsers"),
    pytest.param(role("SessionAsUser"), "session-as-user", id="session-in-mapUsers"),
    pytest.param(role("Whatever", account=B), f"arn:aws:iam::{B}:role/Whatever", id="account-role"),
    pytest.param(user("who/Ever", B), f"arn:aws:iam::{B}:user/who/Ever", id="account-user"),
    pytest.param((f"arn:aws:iam::{B}:root", B), f"arn:aws:iam::{B}:root", id="account-root"),
    pytest.param(role("Nobody"), None, id="nobody"),
    pytest.param((f"arn:aws:sts::{B}:assumed-role/R/s", "AROAEXAMPLE"), None, id="user-id-without-session"),
    pytest.param((f"arn:aws:sts::{B}:assumed-role/R/s", "AROAEXAMPLE:a:b"), None, id="user-id-in-three-parts"),
    pytest.param((f"arn:aws:sts::{B}:assumed-role/R", "AROAEXAMPLE:s"), None, id="session-without-name"),
    pytest.param((f"arn:aws:iam::{B}:role/R", "AROAEXAMPLE:s"), f"arn:aws:iam::{B}:role/R", id="plain-role"),
    pytest.param((f"arn:aws:iam::{B}:group/R", "AGPAEXAMPLE"), None, id="group"),
]

DIFFERENT = [
    pytest.param(user("Ünï", B), f"arn:aws:iam::{B}:user/Ünï", "identity.malformed", id="unicode"),
    pytest.param(role("NoName"), "", "mapping.empty_username", id="no-user-name"),
    pytest.param(user("nameless"), "", "mapping.empty_username", id="user-name-that-renders-empty"),
    pytest.param(role("True"), "1", "mapping.empty_username", id="truth-value-as-user-name"),
    pytest.param(
        role(f"AWSReservedSSO_View_Only_{SSO_SUFFIX}"), "sso:ann", "mapping.not_mapped", id="sso-of-a-longer-set"
    ),
    pytest.param(role("AWSReservedSSO_View_x"), "sso:ann", "mapping.not_mapped", id="sso-without-its-suffix"),
    pytest.param(role(f"AWSReservedSSO_Admin_{SSO_SUFFIX}"), None, "admin", id="sso-with-a-partition"),
]


@pytest.fixture(scope="module", name="aws")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackAws]:
    """Run the AWS that both ask."""
    with loopback_aws(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="module", name="pair")
def pair_(aws: LoopbackAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Run both servers on one configuration, the reference with its permission-set feature switched on."""
    assert PROGRAM is not None
    gate = "--feature-gates=SSORoleMatch=true"
    with pair_of_servers(PROGRAM, tmp_path_factory.mktemp("pair"), aws, MAPPINGS, gate) as running:
        yield running


def key_of(aws: LoopbackAws, caller: tuple[str, str]) -> Key:
    """Return a key that STS vouches for as ``caller``."""
    return session(aws.cloud, *caller)


@pytest.mark.parametrize("caller, username", ALIKE)
def test_identities_become_the_same_user(
    aws: LoopbackAws, pair: Pair, caller: tuple[str, str], username: object
) -> None:
    """User name, groups, uid and extra are the reference's, and so is the refusal; ``...`` stands for any name."""
    theirs, ours = pair.review(Signing(key_of(aws, caller)).token())

    assert ours.user == theirs.user, ours.why
    if username is not ...:
        assert (ours.user or {}).get("username") == username


@pytest.mark.parametrize("caller, theirs_name, ours_says", DIFFERENT)
def test_where_we_differ_on_purpose(
    aws: LoopbackAws, pair: Pair, caller: tuple[str, str], theirs_name: str | None, ours_says: str
) -> None:
    """The documented differences are still differences; ``docs/reference/compatibility.md`` says why each is."""
    theirs, ours = pair.review(Signing(key_of(aws, caller)).token())

    assert (None if theirs.user is None else theirs.user.get("username", "")) == theirs_name
    assert (ours.user["username"] if ours.user else ours.why) == ours_says


def test_empty_groups_are_left_out(aws: LoopbackAws, pair: Pair) -> None:
    """A group without a name is nobody's: theirs hands it on, ours does not."""
    theirs, ours = pair.review(Signing(key_of(aws, role("EmptyGroups"))).token())

    assert theirs.user is not None
    assert ours.user is not None
    assert (theirs.user["groups"], ours.user["groups"]) == (["", "g"], ["g"])
    assert theirs.user | {"groups": ["g"]} == ours.user


def test_account_ids_that_look_octal(aws: LoopbackAws, tmp_path: Path) -> None:
    """An unquoted account id with a leading zero is that account here; the reference makes another number of it."""
    assert PROGRAM is not None
    account = "012345670123"
    with pair_of_servers(PROGRAM, tmp_path, aws, f"mapAccounts: [{account}]\n") as pair:
        theirs, ours = pair.review(Signing(key_of(aws, role("R", account=account))).token())

    assert (theirs.granted, ours.granted) == (False, True)


def test_permission_sets_without_the_feature_gate(aws: LoopbackAws, tmp_path: Path) -> None:
    """The reference loads `sso` entries and ignores them unless told otherwise; here they always count."""
    assert PROGRAM is not None
    with pair_of_servers(PROGRAM, tmp_path, aws, MAPPINGS) as pair:
        theirs, ours = pair.review(Signing(key_of(aws, role(f"AWSReservedSSO_View_{SSO_SUFFIX}"))).token())

    assert (theirs.granted, ours.granted) == (False, True)


ENTRY = f"mapRoles:\n- rolearn: arn:aws:iam::{A}:role/R\n  username: u\n  groups: [g]\n"


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("mapRoles:\n- {rolearn: nonsense, username: u, groups: [g]}\n", id="not-an-arn"),
        pytest.param(f"mapRoles:\n- {{rolearn: ' arn:aws:iam::{A}:role/R', username: u}}\n", id="blank-in-arn"),
        pytest.param("mapRoles:\n- {username: u, groups: [g]}\n", id="no-rolearn"),
        pytest.param("mapUsers:\n- {username: u, groups: [g]}\n", id="no-userarn"),
        pytest.param(f"mapUsers:\n- {{userarn: 'arn:aws:iam::{A}:group/G', username: u}}\n", id="group-arn"),
        pytest.param(ENTRY + "  username: v\n", id="key-twice"),
        pytest.param(ENTRY.replace("username: u", "username: {{SessionName}}"), id="unquoted-template"),
        pytest.param(ENTRY + "\tgroups: []\n", id="tab"),
        pytest.param("partition: aws-moon\n", id="partition"),
        pytest.param("backendMode: [MountedFile, MountedFile]\n", id="mode-twice"),
        pytest.param("backendMode: [Nonsense]\n", id="unknown-mode"),
        pytest.param(
            f"mapRoles:\n- {{sso: {{permissionSetName: 'a*', accountID: '{A}'}}, username: u}}\n", id="sso-set-name"
        ),
        pytest.param("mapRoles:\n- {sso: {permissionSetName: a, accountID: '1'}, username: u}\n", id="sso-account"),
    ],
)
def test_configurations_that_neither_starts_with(aws: LoopbackAws, tmp_path: Path, server: str) -> None:
    """What stops the reference from starting stops us, too."""
    assert PROGRAM is not None
    with pytest.raises(AssertionError), reference_server(PROGRAM, tmp_path / "theirs", aws, server):
        pass
    with (
        pytest.raises(AssertionError, match=r"eksauth: error: .*server\.yaml:"),
        our_server(tmp_path / "ours", aws, server),
    ):
        pass
