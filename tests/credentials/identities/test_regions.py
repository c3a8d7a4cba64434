"""Where STS is asked when a configuration names no region: in the partition that its ARNs name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eksauth.credentials.config.load import load_config
from eksauth.credentials.identities.chain import region_of

USER = "{kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: secret}}"


def role(partition: str, via: str, more: str = "") -> str:
    """Return an identity that assumes a role."""
    arn = f"arn:{partition}:iam::111122223333:role/R"
    return f"{{kind: aws/assume-role, via: {{identity: {via}}}, principal: {{assume_role: '{arn}'{more}}}}}"


@pytest.mark.parametrize(
    "others, region",
    [
        pytest.param({}, "us-east-1", id="alone"),
        pytest.param({"a": role("aws-cn", "u")}, "cn-north-1", id="a role in China"),
        pytest.param(
            {"a": role("aws-us-gov", "U"), "b": role("aws-us-gov", "a")}, "us-gov-west-1", id="two in GovCloud"
        ),
        pytest.param({"a": role("aws-cn", "u"), "b": role("aws", "u")}, "us-east-1", id="roles that disagree"),
        pytest.param({"v": USER, "a": role("aws-cn", "v")}, "us-east-1", id="a role of somebody else"),
        pytest.param(
            {"a": role("aws-cn", "u", ", region: cn-northwest-1")}, "cn-north-1", id="the region of a role is its own"
        ),
    ],
)
def test_a_user_asks_where_its_roles_are(tmp_path: Path, others: dict[str, str], region: str) -> None:
    """Keys do not tell their partition, but the roles that are assumed with them do, unless they disagree."""
    path = tmp_path / "eksauth.yaml"
    lines = [f"    {name}: {text}" for name, text in {"u": USER, **others}.items()]
    path.write_text("auth:\n  identities:\n" + "\n".join(lines))
    path.chmod(0o600)
    config = load_config(os.environ, flag=str(path))

    assert region_of(config, config.identities["u"]) == region
