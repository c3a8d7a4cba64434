"""What goes with AssumeRole, judged by what a strict STS made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.credentials.identities.kit import ADMIN, READER, Place

from eksauth.credentials.identities.session_name import human_in_arn, session_name, tidy
from eksauth.errors import AwsError, ConfigError
from eksauth.sandbox.aws.seed import ACCOUNT, CI_EXTERNAL_ID, OTHER_ACCOUNT, add_role

PARTNER = f"arn:aws:iam::{OTHER_ACCOUNT}:role/partners/PartnerRole"


def roles(**principals: str) -> str:
    """Return alice and roles behind her, each with what YAML says of its principal."""
    lines = ["{alice}\n"]
    for name, principal in principals.items():
        via = "alice" if not principal.startswith("via ") else principal.split()[1]
        text = principal.split(" ", 2)[2] if principal.startswith("via ") else principal
        lines.append(f"{name}:\n  kind: aws/assume-role\n  via: {{identity: {via}}}\n  principal: {text}\n")
    return "".join(lines)


@pytest.fixture(name="tagged")
def tagged_(place: Place) -> str:
    """Give a role that trusts the account with tags and source identity."""
    import json

    name = "Tagged"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = place.aws.cloud.iam
    with iam.opened():
        known = {role.name for role in iam.backend(ACCOUNT).roles.values()}
    if name not in known:
        add_role(iam, ACCOUNT, name, trust, longest=43200)
        with iam.opened():
            rule = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
            iam.backend(ACCOUNT).put_user_policy(
                "alice", "tags", json.dumps({"Version": "2012-10-17", "Statement": [rule]})
            )
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def test_external_id(place: Place) -> None:
    """A role that wants an external id gets it, and refuses without."""
    ci = f"arn:aws:iam::{ACCOUNT}:role/CICDRole"
    place.write(roles(ci=f'{{assume_role: "{ci}", external_id: {CI_EXTERNAL_ID}}}', bare=f'{{assume_role: "{ci}"}}'))
    assert place.caller(place.be("ci")).name == "CICDRole"
    with pytest.raises(AwsError, match="denied"):
        place.be("bare")


def test_tags_and_source_identity(place: Place, tagged: str) -> None:
    """Session tags, transitive tags and the source identity arrive."""
    place.write(
        roles(
            dev=f'{{assume_role: "{tagged}", tags: {{team: blue, cost: "7"}}, '
            "transitive_tags: [team], source_identity: ann}"
        )
    )
    caller = place.caller(place.be("dev"))
    assert dict(caller.session_tags.pairs) == {"team": "blue", "cost": "7"}
    assert caller.session_tags.transitive == {"team"}
    assert caller.source_identity == "ann"


def test_session_policies(place: Place) -> None:
    """The inline session policy limits the session."""
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    place.write(
        roles(
            tied=f"{{assume_role: \"{ADMIN}\", policy: '{policy}'}}",
            behind=f'via tied {{assume_role: "{PARTNER}"}}',
            free=f'{{assume_role: "{ADMIN}"}}',
            beyond=f'via free {{assume_role: "{PARTNER}"}}',
        )
    )
    assert len(place.caller(place.be("tied")).session_policies) == 1
    with pytest.raises(AwsError, match="denied"):
        place.be("behind")
    place.be("beyond")


@pytest.mark.parametrize(
    "principal, seconds",
    [
        (f'{{assume_role: "{ADMIN}"}}', 3600),
        (f'{{assume_role: "{ADMIN}", duration: 15m}}', 900),
        (f'{{assume_role: "{ADMIN}", duration: 12h}}', 43200),
    ],
    ids=["default", "shortest", "longest"],
)
def test_duration(place: Place, principal: str, seconds: int) -> None:
    """The configured duration is asked for."""
    place.write(roles(admin=principal))
    assert round(place.life(place.be("admin"))) == seconds


def test_duration_of_a_role_behind_a_role(place: Place, tagged: str) -> None:
    """STS gives a role behind a role an hour at most: longer ones are asked for as an hour, with any session name."""
    place.write(
        roles(
            admin=f'{{assume_role: "{ADMIN}"}}',
            far=f'via admin {{assume_role: "{tagged}", duration: 4h}}',
            named=f'via admin {{assume_role: "{tagged}", duration: 4h, session_name: me}}',
        )
    )
    assert round(place.life(place.be("far"))) == 3600
    assert round(place.life(place.be("named"))) == 3600


def test_configured_session_name(place: Place) -> None:
    """A configured session name is used as it is, without asking who calls."""
    place.write(roles(reader=f'{{assume_role: "{READER}", session_name: ci@build-7}}'))
    assert place.who(place.be("reader")).endswith("/ci@build-7")
    before = place.count("GetCallerIdentity")
    place.be("reader", fresh=True)
    assert place.count("GetCallerIdentity") == before


@pytest.mark.parametrize(
    "principal, words",
    [
        ("{assume_role: not-an-arn}", "role"),
        (f'{{assume_role: "{ADMIN}", external_id: "a b"}}', "external"),
        (f'{{assume_role: "{ADMIN}", duration: 13h}}', "duration"),
    ],
    ids=["arn", "external id", "duration"],
)
def test_what_sts_would_refuse(place: Place, principal: str, words: str) -> None:
    """Mistakes are found in the configuration, with their place, and AWS is not asked."""
    place.write(roles(bad=principal))
    with pytest.raises(ConfigError, match=r"eksauth\.yaml:\d+:\d+") as caught:
        place.be("bad")
    assert words in caught.value.message
    assert place.requests() == 0


def test_role_with_nothing_behind_it(place: Place) -> None:
    """A role without anything to become it from is an error of the configuration."""
    place.write(f'lost:\n  kind: aws/assume-role\n  principal: {{assume_role: "{ADMIN}"}}\n')
    with pytest.raises(ConfigError):
        place.be("lost")


@given(st.text())
def test_session_names_fit_sts(human: str) -> None:
    """Whatever a person is called becomes a name that STS takes."""
    from eksauth.credentials.assume_role import check_role
    from eksauth.credentials.quick import RoleRequest

    check_role(RoleRequest(ADMIN, session_name=session_name(human)))
    check_role(RoleRequest(ADMIN, session_name=tidy(human)))


@pytest.mark.parametrize(
    "arn, name",
    [
        ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123/ann@example.org", "ann@example.org"),
        ("arn:aws:iam::111122223333:user/team/ann", "ann"),
        ("arn:aws:sts::111122223333:federated-user/ann", "ann"),
        ("arn:aws:iam::111122223333:root", None),
        ("arn:aws:sts::111122223333:assumed-role/x/", None),
        ("nothing", None),
    ],
)
def test_human_in_an_arn(arn: str, name: str | None) -> None:
    """The person is the session's or the user's name; root has none."""
    assert human_in_arn(arn) == name
