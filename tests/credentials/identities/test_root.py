"""Root of a member account, for one task, against a strict AssumeRoot."""

from __future__ import annotations

import json

import pytest
from tests.credentials.identities.kit import Place

from eksauth.credentials.identities.root import TASKS
from eksauth.errors import AwsError, ConfigError
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT
from eksauth.sandbox.aws.sts.assume_root import TASKS as KNOWN_TO_STS

TASK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"


def root(task: str = TASK, account: str = OTHER_ACCOUNT, more: str = "") -> str:
    """Return alice, and the root of a member account behind her."""
    return (
        "{alice}\nroot:\n  kind: aws/assume-root\n  via: {identity: alice}\n"
        f'  principal: {{target_principal: "{account}", task_policy_arn: "{task}"{more}}}\n'
    )


@pytest.fixture(name="manager")
def manager_(place: Place) -> Place:
    """Let alice's account manage the other one, and alice be its root."""
    organization = place.aws.cloud.organization
    organization.management, organization.members = ACCOUNT, {OTHER_ACCOUNT}
    rule = {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*"}
    with place.aws.cloud.iam.opened():
        backend = place.aws.cloud.iam.backend(ACCOUNT)
        backend.put_user_policy("alice", "root", json.dumps({"Version": "2012-10-17", "Statement": [rule]}))
    return place


def test_tasks_are_the_ones_of_aws() -> None:
    """Both sides of this repository know the same five tasks."""
    assert TASKS == KNOWN_TO_STS


@pytest.mark.parametrize(
    "more, seconds",
    [("", 900), (", duration: 10m", 600), (", duration: 1h", 900)],
    ids=["default", "shorter", "longer"],
)
def test_a_quarter_of_an_hour(manager: Place, more: str, seconds: int) -> None:
    """A session of the member account, fifteen minutes at most, is given once and used again."""
    manager.write(root(more=more))
    session = manager.be("root")
    assert session.account == OTHER_ACCOUNT
    assert manager.caller(session).is_root
    assert round(manager.life(session)) == seconds
    manager.be("root")
    assert manager.count("AssumeRoot") == 1


def test_not_a_member(manager: Place) -> None:
    """Where AWS refuses, it is AWS's refusal."""
    manager.write(root(account="999988887777"))
    with pytest.raises(AwsError, match="denied assuming root of 999988887777"):
        manager.be("root")


@pytest.mark.parametrize(
    "text",
    [root(task=TASK.replace("S3Unlock", "S3Lock")), root(account="1111")],
    ids=["task", "account"],
)
def test_mistakes_are_found_here(manager: Place, text: str) -> None:
    """Tasks that AWS does not have, and accounts that are none, are errors of the configuration."""
    manager.write(text)
    with pytest.raises(ConfigError, match=r"eksauth\.yaml:\d+"):
        manager.be("root")
    assert manager.requests() == 0
