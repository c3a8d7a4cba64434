"""The reference's own aws-auth cases, by the ids of ``docs/reference/compatibility.md``."""

from __future__ import annotations

import pytest
from tests.authenticator.mapping.callers import HASH, A, identity
from tests.authenticator.mapping.test_vectors import decide

from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend
from eksauth.authenticator.mapping.model import Match
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile

NODE = f"arn:aws:sts::{A}:assumed-role/Node/i-0123456789abcdef0"
ADMIN = f"arn:aws:iam::{A}:user/admin"
ELSE = "arn:aws:iam::123456789101:user/somebody"
ROLES = f"""\
- rolearn: arn:aws:iam::{A}:role/Node
  username: system:node:{{{{EC2PrivateDNSName}}}}
  groups:
    - system:bootstrappers
    - system:nodes
"""
USERS = f"""\
- userarn: {ADMIN}
  username: admin
  groups:
    - system:masters
"""
ACCOUNTS = "- 123456789101\n"


def manifest(**sections: str) -> str:
    """Return the manifest of a ConfigMap."""
    data = "".join(
        f"  {key}: |\n" + "".join(f"    {line}\n" for line in text.splitlines()) for key, text in sections.items()
    )
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth\n  namespace: kube-system\ndata:\n{data}"


def keys(text: str, **spelled: str) -> str:
    """Return a text with other spellings of its keys."""
    for key, spelling in spelled.items():
        text = text.replace(f"{key}:", f"{spelling}:")
    return text


def groups(backend: AwsAuthBackend, arn: str) -> tuple[str, ...] | None:
    """Return the groups of somebody, None when nobody is mapped."""
    found = backend.lookup(identity(arn))
    return found.groups if isinstance(found, Match) else None


BOTH = ("system:bootstrappers", "system:nodes")
GLUED = ROLES.replace("    - system:nodes", "     - system:nodes")
CRAZY = {"rolearn": "rOlEaRn", "userarn": "uSeRaRn", "username": "UsErNaMe", "groups": "gRoUpS"}
OPEN = {"rolearn": "roleARN", "userarn": "userARN"}


@pytest.mark.parametrize(
    "text, roles, users, account",
    [
        pytest.param(manifest(mapRoles=ROLES, mapUsers=USERS, mapAccounts=ACCOUNTS), BOTH, ("system:masters",), True, id="CM-11"),
        pytest.param(manifest(mapRoles=keys(ROLES, **CRAZY), mapUsers=keys(USERS, **CRAZY), mapAccounts=ACCOUNTS), BOTH, ("system:masters",), True, id="CM-12"),
        pytest.param(manifest(mapRoles=keys(ROLES, **OPEN), mapUsers=keys(USERS, **OPEN), mapAccounts=ACCOUNTS), BOTH, ("system:masters",), True, id="CM-13"),
        pytest.param(manifest(maproles=ROLES, mapusers=USERS, mapaccounts=ACCOUNTS), None, None, False, id="CM-14"),
        pytest.param(manifest(MaPrOlEs=ROLES, MaPuSeRs=USERS, MaPaCcOuNtS=ACCOUNTS), None, None, False, id="CM-15"),
        pytest.param(manifest(mapRoles=GLUED, mapUsers=USERS, mapAccounts=ACCOUNTS), ("system:bootstrappers - system:nodes",), ("system:masters",), True, id="CM-16"),
    ],
)  # fmt: skip
def test_the_fixtures(text: str, roles: tuple[str, ...] | None, users: tuple[str, ...] | None, account: bool) -> None:
    """Each of the reference's files maps whom it maps there; what is wrong with it is reported."""
    backend = AwsAuthBackend.from_manifest(YamlFile(text, "aws-auth.yaml"))
    assert groups(backend, NODE) == roles
    assert groups(backend, ADMIN) == users
    assert (groups(backend, ELSE) == ()) is account
    whole = roles == BOTH and users is not None
    assert bool(backend.problems) is not whole


def test_a_section_without_its_bar() -> None:
    """CM-17: a list where the text should be is an object that no cluster takes."""
    text = manifest(mapUsers=USERS) + "  mapRoles:\n" + "".join(f"    {line}\n" for line in ROLES.splitlines())
    with pytest.raises(ConfigError, match="mapRoles must be a text"):
        AwsAuthBackend.from_manifest(YamlFile(text, "aws-auth.yaml"))


@pytest.mark.parametrize(
    "arn, found",
    [
        pytest.param(ADMIN, True, id="CM-01"),
        pytest.param(f"arn:aws:iam::{A}:user/nobody", False, id="CM-01-not-found"),
        pytest.param(NODE, True, id="CM-02"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_View_{HASH}/s", True, id="CM-03"),
        pytest.param(
            f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_View_{HASH[::-1]}/s", True, id="CM-03-other-suffix"
        ),
        pytest.param(ELSE, True, id="CM-04"),
        pytest.param("arn:aws:iam::123456789102:user/somebody", False, id="CM-04-not-found"),
    ],
)
def test_who_is_mapped(arn: str, found: bool) -> None:
    """Users, roles, permission sets with any suffix and accounts."""
    sso = f"- sso:\n    permissionSetName: View\n    accountID: '{A}'\n  username: view\n  groups: [g]\n"
    backend = AwsAuthBackend.from_data({"mapRoles": ROLES + sso, "mapUsers": USERS, "mapAccounts": ACCOUNTS})
    assert (groups(backend, arn) is not None) is found


def test_what_need_not_be_there() -> None:
    """CM-05: keys that are no ARNs and entries without groups load, and are reported."""
    backend = AwsAuthBackend.from_data(
        {"mapRoles": "- {rolearn: nonsense, username: a}\n", "mapUsers": f"- {{userarn: '{ADMIN}', username: admin}}\n"}
    )
    assert groups(backend, ADMIN) == ()
    assert {problem.code for problem in backend.problems} == {"mapping.not_an_arn", "mapping.no_groups"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="CM-07-empty"),
        pytest.param('""', id="CM-07-quotes"),
        pytest.param("``", id="CM-08-backticks"),
        pytest.param("''", id="CM-08-single-quotes"),
    ],
)
def test_sections_that_say_nothing(text: str) -> None:
    """They are empty, and nothing is wrong with them."""
    backend = AwsAuthBackend.from_data({"mapRoles": text, "mapUsers": text, "mapAccounts": text})
    assert not backend.problems
    assert not any((backend.mappings.roles, backend.mappings.users, backend.mappings.accounts))


@pytest.mark.parametrize(
    "prefixes, allowed",
    [
        pytest.param({"EKSConfigMap": ("adm",)}, False, id="CM-09"),
        pytest.param({"MountedFile": ("adm",)}, True, id="CM-09-of-another-backend"),
        pytest.param({}, True, id="CM-10"),
    ],
)
async def test_reserved_prefixes(prefixes: dict[str, tuple[str, ...]], allowed: bool) -> None:
    """A user name that begins with a prefix of this backend is refused; by default there are none."""
    backend = AwsAuthBackend.from_data({"mapUsers": USERS})
    decision = await decide(backend, identity(ADMIN), reserved_prefixes=prefixes)
    assert decision.allowed is allowed
    assert allowed or decision.reason == "mapping.reserved_prefix"
