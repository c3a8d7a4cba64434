"""What is reported about mappings that load but will not do what they seem to."""

from __future__ import annotations

import pytest
from tests.authenticator.mapping.callers import A, aws_auth, identity, mounted, role, user

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend, is_config_map
from eksauth.authenticator.mapping.model import Match
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile

IAM = f"arn:aws:iam::{A}"


def codes(**data: str) -> list[str]:
    """Return the codes of the problems of an ``aws-auth`` ConfigMap."""
    return [problem.code for problem in aws_auth(**data).problems]


@pytest.mark.parametrize(
    "entry, code",
    [
        pytest.param(role(f"{IAM}:role/team/R"), "mapping.role_path", id="role-path"),
        pytest.param(role(f"{IAM}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_X_0123456789abcdef"), "mapping.role_path", id="sso-path"),
        pytest.param(role(f"arn:aws:sts::{A}:assumed-role/R/s"), "mapping.assumed_role", id="assumed-role"),
        pytest.param(role(f"{IAM}:instance-profile/R"), "mapping.instance_profile", id="instance-profile"),
        pytest.param(role(f"{IAM}:group/R"), "mapping.iam_group", id="iam-group"),
        pytest.param(role(f"'{IAM}:role/R '"), "mapping.blanks", id="blanks"),
        pytest.param(role(f"{IAM}:role/R*"), "mapping.wildcard", id="wildcard"),
        pytest.param(role("R"), "mapping.not_an_arn", id="bare-name"),
        pytest.param(role(f"{IAM}:role/R", "yes"), "mapping.empty_username", id="truth-value"),
        pytest.param(role(f"{IAM}:role/R", "1234"), "mapping.empty_username", id="number"),
        pytest.param(role(f"{IAM}:role/R", "~"), "mapping.empty_username", id="null"),
        pytest.param(role(f"{IAM}:role/R", '"{{SessionNam}}"'), "mapping.unknown_template", id="template"),
        pytest.param(role(f"{IAM}:role/R", groups="a"), "mapping.groups_not_list", id="groups-text"),
        pytest.param(role(f"{IAM}:role/R", groups="[a - b]"), "mapping.glued_groups", id="glued"),
        pytest.param(role(f"{IAM}:role/R", groups="[on]"), "mapping.bad_group", id="bad-group"),
        pytest.param(f"- rolearn: {IAM}:role/R\n  username: u\n", "mapping.no_groups", id="no-groups"),
        pytest.param(role(f"{IAM}:role/R").replace("groups", "group"), "mapping.unknown_key", id="group-for-groups"),
        pytest.param(role(f"{IAM}:role/R").replace("rolearn", "rolern"), "mapping.entry_dropped", id="rolern"),
        pytest.param("- null\n", "mapping.entry_dropped", id="null-entry"),
        pytest.param("- [a]\n", "mapping.entry_dropped", id="list-entry"),
        pytest.param("- sso: {permissionSetName: x, accountID: 1}\n  username: u\n", "mapping.entry_dropped", id="sso-account"),
        pytest.param("- rolearn: a\n  sso: {}\n", "mapping.entry_dropped", id="sso-empty"),
        pytest.param("a: b\n", "mapping.section_lost", id="mapping-for-list"),
        pytest.param("- rolearn: a\n\tusername: b\n", "mapping.section_lost", id="tab"),
    ],
)  # fmt: skip
def test_entries_with_a_problem_are_reported(entry: str, code: str) -> None:
    """Each malformed or hopeless entry is named by a stable code."""
    assert code in codes(mapRoles=entry)


@pytest.mark.parametrize("text", ["", "  \n", "``", '""', "''", "[]", "# nothing\n", "null"])
def test_empty_sections_are_no_problem(text: str) -> None:
    """Sections that say nothing are read as nothing (CM-07, CM-08)."""
    assert codes(mapRoles=text, mapUsers=text, mapAccounts=text) == []


def test_a_good_map_has_no_problems() -> None:
    """Nothing is reported about entries as the documentation shows them."""
    node = role(f"{IAM}:role/Node", "system:node:{{EC2PrivateDNSName}}", "[system:bootstrappers, system:nodes]")
    assert codes(mapRoles=node, mapUsers=user(f"{IAM}:user/team/ops"), mapAccounts="- 012345670123\n") == []


def test_lines_are_those_of_the_file() -> None:
    """Sources count lines in the file that people edit, inside a manifest too."""
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth}\ndata:\n  mapRoles: |\n"
        f"    - rolearn: {IAM}:role/Other\n      username: x\n      groups: [g]\n"
        f"    - rolearn: {IAM}:role/CICDRole\n      username: ci\n      groups: [g]\n"
    )
    file = YamlFile(text, "aws-auth.yaml")
    assert is_config_map(file)
    found = AwsAuthBackend.from_manifest(file).lookup(identity())
    assert isinstance(found, Match)
    assert str(found.source) == "aws-auth.yaml:9"
    assert text.splitlines()[found.source.line - 1].endswith("role/CICDRole")


def test_a_manifest_whose_section_is_a_list_cannot_exist() -> None:
    """Without the ``|`` no cluster takes the ConfigMap; the error says where it belongs."""
    file = YamlFile(f"kind: ConfigMap\ndata:\n  mapRoles:\n  - rolearn: {IAM}:role/R\n", "m.yaml")
    with pytest.raises(ConfigError, match=r"m\.yaml:4:3: mapRoles must be a text"):
        AwsAuthBackend.from_manifest(file)


def test_a_second_document_is_ignored() -> None:
    """What follows ``---`` counts for nothing, as in the reference."""
    found = aws_auth(mapRoles=role(f"{IAM}:role/CICDRole") + "---\n- junk: [\n").lookup(identity())
    assert isinstance(found, Match)


def test_json_anchors_and_merge_keys_are_yaml() -> None:
    """JSON text, anchors and merged mappings are read like any YAML."""
    json_text = f'[{{"rolearn": "{IAM}:role/CICDRole", "username": "ci", "groups": ["g"]}}]'
    anchors = f"- &base\n  rolearn: {IAM}:role/X\n  username: ci\n  groups: &g [g]\n- <<: *base\n  rolearn: {IAM}:role/CICDRole\n"
    for text in (json_text, anchors):
        found = aws_auth(mapRoles=text).lookup(identity())
        assert isinstance(found, Match)
        assert (found.username, found.groups) == ("ci", ("g",))


@pytest.mark.parametrize(
    "entry, clue",
    [
        pytest.param(role("nonsense"), "server.yaml:3:16: rolearn 'nonsense' names no IAM principal", id="not-an-arn"),
        pytest.param(role(f"{IAM}:instance-profile/R"), "server.yaml:3:16: rolearn", id="instance-profile"),
        pytest.param(
            role(f"{IAM}:role/R").replace("rolearn", "role_arn"), "server.yaml:3:7: a mapRoles entry needs", id="typo"
        ),
        pytest.param(
            role(f"{IAM}:role/R") + "  sso: {permissionSetName: x, accountID: '111122223333'}\n",
            "either rolearn or sso",
            id="both",
        ),
        pytest.param("- just text\n", "server.yaml:3:7: an entry of mapRoles must have keys", id="text"),
        pytest.param("rolearn: x\n", "server.yaml:3:5: mapRoles must be a list", id="no-list"),
        pytest.param(
            role(f"{IAM}:role/R", "{{SessionName}}"), "server.yaml:4:17: not valid YAML", id="unquoted-template"
        ),
    ],
)
def test_a_mounted_file_with_a_hopeless_entry_does_not_load(entry: str, clue: str) -> None:
    """Errors that a ConfigMap only drops abort the start of a server, with file, line and column."""
    with pytest.raises(ConfigError) as caught:
        mounted(mapRoles=entry)
    assert caught.value.message.startswith("server.yaml:")
    assert clue in caught.value.message
    assert caught.value.hint


def test_a_mounted_file_warns_where_it_still_loads() -> None:
    """Dangerous shapes load in a mounted file and are warned about with their line."""
    text = "server:\n  mapRoles:\n" + "".join(f"  {line}\n" for line in role(f"{IAM}:role/R", "true", "g").splitlines())
    found = {problem.code: problem.source.line for problem in parse_server_config(text, "s.yaml").warnings}
    assert found == {"mapping.empty_username": 4, "mapping.groups_not_list": 5}
