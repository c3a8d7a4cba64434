"""ARNs, and what principals become in a cluster's mappings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.aws.arn import Arn, canonical_principal, looks_like_arn, parse_arn, role_arn

SECTION = st.text(st.characters(codec="utf-8", exclude_characters=":"), max_size=20)


@given(SECTION, SECTION, SECTION, SECTION, st.text(max_size=40))
def test_parse_and_str_are_inverse(partition: str, service: str, region: str, account: str, resource: str) -> None:
    """Any six sections come back unchanged, colons in the last one included."""
    text = f"arn:{partition}:{service}:{region}:{account}:{resource}"
    arn = parse_arn(text)
    assert str(arn) == text
    assert arn == Arn(partition, service, region, account, resource)
    assert hash(arn) == hash(parse_arn(text))


@pytest.mark.parametrize("text", ["", "arn", "arn:aws:iam::1", "ARN:aws:iam::1:role/x", "urn:a:b:c:d:e", "arn aws"])
def test_what_is_no_arn(text: str) -> None:
    """Too few sections or another start is refused."""
    with pytest.raises(ValueError, match="not an ARN"):
        parse_arn(text)


@pytest.mark.parametrize(
    "text, kind, canonical",
    [
        ("arn:aws:iam::123456789012:root", "root", "arn:aws:iam::123456789012:root"),
        ("arn:aws:iam::123456789012:user/a/b/Alice", "user", "arn:aws:iam::123456789012:user/a/b/Alice"),
        ("arn:aws:iam::123456789012:role/x/Admin", "role", "arn:aws:iam::123456789012:role/x/Admin"),
        ("arn:aws:sts::123456789012:assumed-role/Admin/me", "assumed-role", "arn:aws:iam::123456789012:role/Admin"),
        ("arn:aws:sts::123456789012:assumed-role/p/Admin/me", "assumed-role", "arn:aws:iam::123456789012:role/p/Admin"),
        ("arn:aws-cn:sts::123456789012:assumed-role/A/s", "assumed-role", "arn:aws-cn:iam::123456789012:role/A"),
        (
            "arn:aws:sts::123456789012:federated-user/Bob",
            "federated-user",
            "arn:aws:sts::123456789012:federated-user/Bob",
        ),
    ],
)
def test_canonical_principal(text: str, kind: str, canonical: str) -> None:
    """Assumed roles become their role; every other principal stays."""
    assert canonical_principal(text) == (kind, canonical)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws-moon:iam::123456789012:role/x",
        "arn:aws:iam::123456789012:group/x",
        "arn:aws:iam::123456789012:role",
        "arn:aws:sts::123456789012:assumed-role/Admin",
        "arn:aws:s3:::bucket",
        "nothing",
    ],
)
def test_no_principal(text: str) -> None:
    """Other resources, unknown partitions and half an assumed role are refused."""
    with pytest.raises(ValueError, match=r"."):
        canonical_principal(text)


def test_looks_like_arn_and_role_arn() -> None:
    """Intent is recognised through blanks and case; a role ARN has an empty region."""
    assert looks_like_arn("  ARN:aws:eks")
    assert not looks_like_arn("warn:")
    assert role_arn("aws", "123456789012", "Admin") == "arn:aws:iam::123456789012:role/Admin"
    assert repr(parse_arn("arn:a:b:c:d:e")) == "Arn('arn:a:b:c:d:e')"
