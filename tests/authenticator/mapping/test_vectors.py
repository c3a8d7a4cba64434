"""The mapping vectors: what a cluster makes of a caller, whichever the backend, and where the backends differ."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.authenticator.mapping.callers import ROLE, A, aws_auth, identity, mounted, role, user

from eksauth.authenticator.decide import Authenticator, Decision, MappingBackend
from eksauth.authenticator.identity import CallerIdentity, Identity
from eksauth.authenticator.mapping.model import Match, NotMapped
from eksauth.authenticator.sts.client import StsQuestion
from eksauth.authenticator.verify import VerifiedToken

BACKENDS = [pytest.param(aws_auth, id="aws-auth"), pytest.param(mounted, id="mounted-file")]
Backend = Callable[..., MappingBackend]
IAM = f"arn:aws:iam::{A}"
NODE = f"arn:aws:sts::{A}:assumed-role/NodeRole/i-0123456789abcdef0"
NAME = "ip-10-0-0-1.us-west-2.compute.internal"


class NoSts:
    """The STS that no mapping test asks."""

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Fail."""
        raise AssertionError(question)


async def private_dns_name(instance_id: str) -> str:
    """Stand for EC2."""
    assert instance_id == "i-0123456789abcdef0"
    return NAME


async def decide(backend: MappingBackend, caller: Identity, **settings: object) -> Decision:
    """Return the decision on a caller who is already verified."""
    authenticator = Authenticator(
        cluster_id="demo",
        partition=caller.partition,
        sts=NoSts(),
        mapping=backend,
        private_dns_name=private_dns_name,
        **settings,  # type: ignore[arg-type]
    )
    return await authenticator.decide(VerifiedToken(caller, 900.0))


MAPPED = [
    pytest.param({"mapRoles": role(f"{IAM}:role/CICDRole")}, ROLE, "ci", ["g"], id="1-role"),
    pytest.param({"mapRoles": role(f"{IAM}:role/cicdrole")}, ROLE, "ci", ["g"], id="4-case"),
    pytest.param(
        {"mapRoles": role(f"{IAM}:role/CICDRole", "a", "[a]") + role(f"{IAM}:role/CICDRole", "b", "[b]")}, ROLE, "b", ["b"], id="5-duplicate"
    ),
    pytest.param({"mapRoles": role(f"{IAM}:role/CICDRole", '"ci:{{SessionName}}"')}, ROLE.replace("sess", "bob@x.io"), "ci:bob-x.io", ["g"], id="6-session-name"),
    pytest.param({"mapRoles": role(f"{IAM}:role/CICDRole", '"ci:{{SessionNameRaw}}"')}, ROLE.replace("sess", "bob@x.io"), "ci:bob@x.io", ["g"], id="7-session-name-raw"),
    pytest.param({"mapRoles": role(f"{IAM}:role/CICDRole", '"{{Foo}}"')}, ROLE, "{{Foo}}", ["g"], id="8-unknown-template"),
    pytest.param({"mapUsers": user(f"{IAM}:role/CICDRole")}, ROLE, "ci", ["g"], id="9-role-in-mapUsers"),
    pytest.param({"mapAccounts": f'- "{A}"\n'}, ROLE, f"{IAM}:role/CICDRole", [], id="10-account"),
    pytest.param({"mapAccounts": f'- "{A}"\n', "mapRoles": role(f"{IAM}:role/CICDRole")}, ROLE, "ci", ["g"], id="11-role-beats-account"),
    pytest.param({"mapUsers": user(f"{IAM}:user/team/alice")}, f"{IAM}:user/team/alice", "ci", ["g"], id="13-user-path"),
    pytest.param({"mapRoles": role(f"{IAM}:role/CICDRole", groups="\n  - a\n   - b")}, ROLE, "ci", ["a - b"], id="15-glued-groups"),
    pytest.param({"mapRoles": role(f"{IAM}:role/NodeRole", "system:node:{{EC2PrivateDNSName}}")}, NODE, f"system:node:{NAME}", ["g"], id="31-node"),
    pytest.param({"mapAccounts": "- 012345670123\n"}, "arn:aws:iam::012345670123:user/x", "arn:aws:iam::012345670123:user/x", [], id="34-octal-looking-account"),
    pytest.param({"mapUsers": user(f"{IAM}:user/Alice", "a") + user(f"{IAM}:user/alice", "b")}, f"{IAM}:user/alice", "b", ["g"], id="35-case-duplicate"),
    pytest.param({"mapRoles": "- RoLeArN: " + f"{IAM}:role/CICDRole" + "\n  UsErNaMe: ci\n  GROUPS: [g]"}, ROLE, "ci", ["g"], id="CM-crazy-case-keys"),
    pytest.param({"mapUsers": user(f"{IAM}:root")}, f"{IAM}:root", "ci", ["g"], id="A-24-root"),
    pytest.param({"mapUsers": user(f"arn:aws:sts::{A}:federated-user/bob")}, f"arn:aws:sts::{A}:federated-user/bob", "ci", ["g"], id="A-25-federated-user"),
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("data, caller, username, groups", MAPPED)
async def test_mapped(backend: Backend, data: dict[str, str], caller: str, username: str, groups: list[str]) -> None:
    """The caller becomes this user with these groups, from a ConfigMap and from a mounted file alike."""
    decision = await decide(backend(**data), identity(caller))
    assert decision.allowed, decision
    assert decision.user is not None
    assert (decision.user.username, list(decision.user.groups)) == (username, groups)


UNMAPPED = [
    pytest.param({"mapRoles": role(f"{IAM}:role/team/CICDRole")}, ROLE, "path", id="2-path"),
    pytest.param({"mapUsers": user(f"{IAM}:user/alice")}, f"{IAM}:user/team/alice", "user_path", id="12-user-path"),
    pytest.param({"mapRoles": role(f"{IAM}:role/CICDRole")}, ROLE.replace("arn:aws:", "arn:aws-cn:"), "partition", id="29-partition"),
    pytest.param(
        {"mapRoles": role(f"{IAM}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_X_0123456789abcdef")},
        f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_X_0123456789abcdef/bob", "sso_long_arn", id="30-sso-long-arn",
    ),
    pytest.param({"mapRoles": role("arn:aws:iam::999999999999:role/CICDRole")}, ROLE, "account", id="A-09-account"),
    pytest.param({"mapUsers": user(f"{IAM}:user/CICDRole")}, ROLE, "kind", id="user-instead-of-role"),
    pytest.param({"mapRoles": role(f"{IAM}:role/AWSReservedSSO_X_fedcba9876543210")},
                 f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_X_0123456789abcdef/bob", "sso_suffix", id="A-06-sso-suffix"),
    pytest.param({"mapRoles": "- sso: {permissionSetName: X, accountID: '999999999999'}\n  username: u\n"},
                 f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_X_0123456789abcdef/bob", "account", id="sso-account"),
    pytest.param({}, ROLE, None, id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("data, caller, why", UNMAPPED)
async def test_not_mapped(backend: Backend, data: dict[str, str], caller: str, why: str | None) -> None:
    """The caller is refused, and the entry that was probably meant for it is named with what is wrong about it."""
    decision = await decide(backend(**data), identity(caller))
    assert (decision.allowed, decision.reason, decision.retryable) == (False, "mapping.not_mapped", False)
    assert decision.hint
    assert isinstance(decision.match, NotMapped)
    assert [miss.why for miss in decision.match.near_misses] == ([why] if why else [])


@pytest.mark.parametrize(
    "caller, line",
    [
        pytest.param(ROLE, f"add to mapRoles '- rolearn: {IAM}:role/CICDRole'", id="role"),
        pytest.param(f"{IAM}:user/team/alice", f"add to mapUsers '- userarn: {IAM}:user/team/alice'", id="user"),
        pytest.param(f"{IAM}:root", f"add to mapUsers '- userarn: {IAM}:root'", id="root"),
    ],
)
async def test_without_a_near_miss_the_hint_names_the_line_to_add(caller: str, line: str) -> None:
    """An operator who reads only the log sees what to write, and where."""
    decision = await decide(mounted(), identity(caller))
    assert (decision.hint or "").startswith(line)


async def test_3_an_assumed_role_arn_is_a_near_miss_in_aws_auth_and_the_role_in_a_mounted_file() -> None:
    """A session's ARN is compared as text in aws-auth and stands for its role in a mounted file."""
    data = {"mapRoles": role(ROLE)}
    refused = await decide(aws_auth(**data), identity())
    assert isinstance(refused.match, NotMapped)
    assert [miss.why for miss in refused.match.near_misses] == ["assumed_role"]
    assert (await decide(mounted(**data), identity(ROLE.replace("sess", "other")))).allowed


async def test_14_groups_as_text_are_none_in_aws_auth_and_a_list_with_commas_in_a_mounted_file() -> None:
    """The reference reads its two files with two readers, and they disagree."""
    data = {"mapRoles": role(f"{IAM}:role/CICDRole", groups="a,b")}
    groups = []
    for backend in (aws_auth(**data), mounted(**data)):
        decision = await decide(backend, identity())
        assert decision.user is not None
        groups.append(decision.user.groups)
    assert groups == [(), ("a", "b")]


async def test_18_a_number_for_a_user_name_is_an_empty_one_and_nobody_logs_in() -> None:
    """The aws-auth entry is found with an empty user name, as in the reference; unlike there, the login is refused."""
    decision = await decide(aws_auth(mapRoles=role(f"{IAM}:role/CICDRole", "1234")), identity())
    assert isinstance(decision.match, Match)
    assert decision.match.username == ""
    assert (decision.allowed, decision.reason, decision.user) == (False, "mapping.empty_username", None)


@pytest.mark.parametrize("backend", BACKENDS)
async def test_32_a_template_that_cannot_be_filled_in_is_final(backend: Backend) -> None:
    """A person's session in a node mapping fails; the account list does not let it in after all."""
    data = {"mapRoles": role(f"{IAM}:role/NodeRole", "system:node:{{EC2PrivateDNSName}}"), "mapAccounts": f'- "{A}"\n'}
    decision = await decide(backend(**data), identity(f"arn:aws:sts::{A}:assumed-role/NodeRole/bob"))
    assert (decision.allowed, decision.reason) == (False, "mapping.template_failed")


async def test_16_a_section_of_aws_auth_that_does_not_parse_is_lost_and_the_others_count() -> None:
    """A syntax error in mapRoles loses every role, with the line of the error; users still log in."""
    backend = aws_auth(mapRoles=role(f"{IAM}:role/CICDRole", "{{SessionName}}"), mapUsers=user(f"{IAM}:user/alice"))
    assert not (await decide(backend, identity())).allowed
    assert (await decide(backend, identity(f"{IAM}:user/alice"))).allowed
    assert [problem.code for problem in backend.problems] == ["mapping.section_lost"]


async def test_17_sections_in_another_case_map_nobody() -> None:
    """``maproles`` is no section of aws-auth, and that is reported."""
    backend = AWS_AUTH_LOWER
    assert not (await decide(backend, identity())).allowed
    assert [(problem.code, problem.hint) for problem in backend.problems] == [
        ("mapping.ignored_section", "write mapRoles")
    ]


AWS_AUTH_LOWER = aws_auth(maproles=role(f"{IAM}:role/CICDRole"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_duplicates_are_reported_when_loaded_and_when_they_decide(backend: Backend) -> None:
    """Vectors 5 and 35: the last entry wins, and the losers' lines are named."""
    found = backend(mapRoles=role(f"{IAM}:role/CICDRole", "a") + role(f"{IAM}:role/CICDRole", "b"))
    match = found.lookup(identity())
    assert isinstance(match, Match)
    assert match.shadowed[0].line == match.source.line - 3
    assert str(match.shadowed[0]) in match.describe()
    codes = {problem.code for problem in found.problems}
    assert codes == {"mapping.duplicate"}
    found = backend(mapUsers=user(f"{IAM}:user/Alice", "a") + user(f"{IAM}:user/alice", "b"))
    assert {problem.code for problem in found.problems} == {"mapping.duplicate_case"}


@pytest.mark.parametrize("backend", BACKENDS)
async def test_reserved_prefixes_bind_entries_but_not_accounts(backend: Backend) -> None:
    """A user name with a reserved prefix is refused; the account list is not checked, as in the reference."""
    data = {"mapRoles": role(f"{IAM}:role/CICDRole", "system:admin")}
    name = backend(**data).name
    decision = await decide(backend(**data), identity(), reserved_prefixes={name: ["", "system:"]})
    assert decision.reason == "mapping.reserved_prefix"
    assert (await decide(backend(**data), identity(), reserved_prefixes={name: ["System:"]})).allowed
    accounts = await decide(backend(mapAccounts=f'- "{A}"\n'), identity(), reserved_prefixes={name: ["arn:"]})
    assert accounts.allowed


async def test_scrubbed_accounts_show_nothing_of_aws() -> None:
    """An identity of a scrubbed account has a uid without account and no extra fields."""
    decision = await decide(mounted(mapRoles=role(f"{IAM}:role/CICDRole")), identity(), scrubbed_accounts=[A])
    assert decision.user is not None
    assert (decision.user.uid, dict(decision.user.extra)) == ("aws-iam-authenticator:administrative:ci", {})


@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_hundred_groups_and_empty_ones(backend: Backend) -> None:
    """Groups that YAML does not take for text count for nothing; the rest arrive in order."""
    names = [f"g{number}" for number in range(100)]
    decision = await decide(
        backend(mapRoles=role(f"{IAM}:role/CICDRole", groups=f"[true, 0x10, {', '.join(names)}]")), identity()
    )
    assert decision.user is not None
    assert list(decision.user.groups) == names
