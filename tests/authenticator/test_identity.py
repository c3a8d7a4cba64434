"""From what STS answers to an identity."""

from __future__ import annotations

import pytest

from eksauth.authenticator.identity import CallerIdentity, Identity, IdentityRefused, identity_from, scrubbed_uid

A = "123456789012"


def identity(arn: str, user_id: str, *, account: str = A, partition: str = "aws") -> Identity:
    """Return the identity that a server of ``partition`` derives."""
    caller = CallerIdentity(account=account, arn=arn, user_id=user_id)
    return identity_from(
        caller, access_key_id="ASIAEXAMPLE", sts_host="sts.us-west-2.amazonaws.com", partition=partition
    )


@pytest.mark.parametrize(
    "arn, user_id, kind, canonical, unique, session",
    [
        pytest.param(f"arn:aws:iam::{A}:user/Alice", "AIDA1", "user", f"arn:aws:iam::{A}:user/Alice", "AIDA1", "", id="ID-01"),
        pytest.param(f"arn:aws:iam::{A}:role/Alice", "AROA1:session-name", "role", f"arn:aws:iam::{A}:role/Alice", "AROA1", "session-name", id="ID-02"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Alice/session-name", "AROA1:session-name", "assumed-role", f"arn:aws:iam::{A}:role/Alice", "AROA1", "session-name", id="ID-03"),
        pytest.param(f"arn:aws:iam::{A}:root", A, "root", f"arn:aws:iam::{A}:root", A, "", id="ID-04"),
        pytest.param(f"arn:aws:iam::{A}:user/team/Alice", "AIDA1", "user", f"arn:aws:iam::{A}:user/team/Alice", "AIDA1", "", id="ID-05-with-path"),
        pytest.param(f"arn:aws:sts::{A}:federated-user/Al", f"{A}:Al", "federated-user", f"arn:aws:sts::{A}:federated-user/Al", f"{A}:Al", "", id="ID-06"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Org/Team/Admin/s", "AROA1:s", "assumed-role", f"arn:aws:iam::{A}:role/Org/Team/Admin", "AROA1", "s", id="ARN-07-path"),
    ],
)  # fmt: skip
def test_kinds(arn: str, user_id: str, kind: str, canonical: str, unique: str, session: str) -> None:
    """Each kind of principal gets its canonical ARN, unique id and session name."""
    found = identity(arn, user_id)
    assert (found.kind, found.canonical_arn, found.user_id, found.session_name) == (kind, canonical, unique, session)
    assert (found.account_id, found.partition, found.arn) == (A, "aws", arn)


@pytest.mark.parametrize(
    "partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"]
)
def test_every_partition(partition: str) -> None:
    """A role of the server's own partition is accepted in every partition."""
    found = identity(f"arn:{partition}:sts::{A}:assumed-role/R/s", "AROA1:s", partition=partition)
    assert found.canonical_arn == f"arn:{partition}:iam::{A}:role/R"


@pytest.mark.parametrize(
    "arn, user_id, account, code",
    [
        pytest.param("garbage", "AIDA1", A, "identity.malformed", id="STS-07-ARN-01"),
        pytest.param(f"arn:aws:s3::{A}:bucket/x", "AIDA1", A, "identity.malformed", id="other-service"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/R", "AROA1:s", A, "identity.malformed", id="no-session"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/R/s", "AROA1:s:x", A, "identity.malformed", id="STS-08"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/R/s", "AROA1", A, "identity.malformed", id="ID-07-no-colon"),
        pytest.param("arn:aws:iam::12345:user/x", "AIDA1", "12345", "identity.malformed", id="short-account"),
        pytest.param(
            "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:user/x", "AIDA1", "١٢٣٤٥٦٧٨٩٠١٢", "identity.malformed", id="other-digits"
        ),
        pytest.param(f"arn:aws-cn:iam::{A}:user/x", "AIDA1", A, "identity.partition_mismatch", id="vector-29"),
        pytest.param(f"arn:aws-us-gov:iam::{A}:user/x", "AIDA1", A, "identity.partition_mismatch", id="govcloud"),
        pytest.param(f"arn:nowhere:iam::{A}:user/x", "AIDA1", A, "identity.malformed", id="no-partition"),
        pytest.param(f"arn:aws:iam::{A}:user/\u212aim", "AIDA1", A, "identity.malformed", id="kelvin-sign"),
        pytest.param(
            f"arn:aws:sts::{A}:assumed-role/R/s", "AROA1:\uff53", A, "identity.malformed", id="wide-session-name"
        ),
        pytest.param(f"arn:aws:iam::{A}:user/x", "AIDA1", "210987654321", "identity.account_mismatch", id="account"),
    ],
)
def test_refusals(arn: str, user_id: str, account: str, code: str) -> None:
    """An answer that contradicts itself or is of another partition names nobody."""
    with pytest.raises(IdentityRefused) as caught:
        identity(arn, user_id, account=account)
    assert caught.value.code == code


def test_uid_and_extra_are_those_of_the_reference() -> None:
    """Kubernetes sees the same uid and the same six extra fields as with aws-iam-authenticator."""
    found = identity(f"arn:aws:sts::{A}:assumed-role/R/bob@x.io", "AROA1:bob@x.io")
    assert found.uid == f"aws-iam-authenticator:{A}:AROA1"
    assert found.extra == {
        "arn": (f"arn:aws:sts::{A}:assumed-role/R/bob@x.io",),
        "canonicalArn": (f"arn:aws:iam::{A}:role/R",),
        "sessionName": ("bob@x.io",),
        "accessKeyId": ("ASIAEXAMPLE",),
        "principalId": ("AROA1",),
        "sigs.k8s.io/aws-iam-authenticator/principalId": ("AROA1",),
    }
    assert scrubbed_uid("ops") == "aws-iam-authenticator:administrative:ops"
