"""What people read when EKS has no such cluster, or does not answer."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from tests.kubeconfig.update.eks_lab import Lab, arn
from tests.kubeconfig.update.test_entries import cluster

from eksauth.kubeconfig.update_clusters import problem_with


def refused(lab: Lab, *words: str) -> tuple[int, str, str]:
    """Run an update that fails; return exit code, error and hint."""
    done = lab.update(*words)
    lines = [line for line in done.err.splitlines() if line.startswith(("eksauth: error: ", "eksauth: hint: "))]
    assert done.out == ""
    assert not lab.kubeconfig.exists()
    return done.code, lines[0], lines[1] if len(lines) > 1 else ""


def test_a_name_with_a_slip(lab: Lab) -> None:
    """The nearest name of the region is offered."""
    lab.cluster("payments-prod")
    code, error, hint = refused(lab, "--name", "payment-prod")
    assert (code, "no cluster 'payment-prod' in us-west-2" in error) == (5, True)
    assert "did you mean payments-prod" in hint


def test_the_right_name_in_the_wrong_region(lab: Lab) -> None:
    """The region where a cluster of that name is comes before similar names."""
    lab.cluster("demo", "eu-west-1")
    lab.cluster("demo2")
    _, _, hint = refused(lab, "--name", "demo")
    assert "use --region eu-west-1" in hint


def test_nothing_alike(lab: Lab) -> None:
    """Without a similar name the existing ones are listed, or the account is doubted."""
    _, _, empty = refused(lab, "--name", "demo")
    lab.cluster("zebra")
    _, _, listed = refused(lab, "--name", "demo")
    assert "account" in empty
    assert "these exist: zebra" in listed


def test_an_arn_of_another_account(lab: Lab) -> None:
    """EKS looks in the caller's own account, whatever the ARN says; both ways it is found out."""
    foreign = arn("demo").replace("111122223333", "444455556666")
    _, missing, _ = refused(lab, "--name", foreign)
    lab.cluster()
    _, existing, hint = refused(lab, "--name", foreign)
    assert "belong to account 111122223333, and the ARN to 444455556666" in missing
    assert missing == existing
    assert "--assume-role-arn" in hint


def test_without_permission(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's own sentence, and the IAM action that is missing."""
    lab.cluster()
    lab.sign_in("bob", monkeypatch.setenv)
    code, error, hint = refused(lab, "--name", "demo")
    assert (code, "bob is not authorized" in error, "eks:DescribeCluster" in hint) == (5, True, True)


def test_without_credentials(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys anywhere: exit 4, and nobody is asked."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, error, _ = refused(lab, "--name", "demo")
    assert (code, "no AWS credentials found" in error, lab.asked()) == (4, True, [])


def test_without_a_region(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """No region anywhere: exit 3, with both ways out."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    code, error, hint = refused(lab, "--name", "demo")
    assert (code, "no region" in error, "ARN" in hint) == (3, True, True)


def test_a_region_from_the_environment_that_is_a_zone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before DNS would fail on it."""
    monkeypatch.setenv("AWS_REGION", "us-west-2a")
    code, error, hint = refused(lab, "--name", "demo")
    assert (code, "zone" in error, "us-west-2" in hint) == (3, True, True)


def test_an_unreachable_endpoint(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the host is named, and where to look."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{free.getsockname()[1]}")
        code, error, hint = refused(lab, "--name", "demo")
    assert (code, "cannot reach https://127.0.0.1" in error, "AWS_ENDPOINT_URL" in hint) == (5, True, True)


@pytest.mark.parametrize("kind", ["garbage", "reset"])
def test_answers_that_are_none(lab: Lab, kind: str) -> None:
    """Whatever comes back, the answer is one line and exit code 5, never a traceback or talk about credentials."""
    lab.cluster()
    lab.fault(kind, None)
    code, error, _ = refused(lab, "--name", "demo")
    assert (code, "credentials" in error) == (5, False)


def test_a_role_that_does_not_trust_us(lab: Lab) -> None:
    """The role to ask EKS with is refused by STS before EKS is asked."""
    lab.cluster()
    code, error, _ = refused(lab, "--name", "demo", "--assume-role-arn", "arn:aws:iam::111122223333:role/CICDRole")
    assert (code, "assuming" in error) == (5, True)
    assert {action for action, _ in lab.asked()} == {"AssumeRole"}


def test_the_role_to_ask_with_is_not_written(lab: Lab) -> None:
    """--assume-role-arn is for the question only; with the same --role-arn its external id is used for both."""
    lab.cluster()
    ci = "arn:aws:iam::111122223333:role/CICDRole"
    (context,) = lab.updated("--name", "demo", "--assume-role-arn", "arn:aws:iam::111122223333:role/EksAdmin")[
        "contexts"
    ]
    assert context["user"].endswith("/ambient")
    lab.updated(
        "--name", "demo", "--alias", "ci", "--assume-role-arn", ci, "--role-arn", ci, "--external-id", "sandbox-ci"
    )
    assert {action for action, _ in lab.asked()} == {"AssumeRole", "DescribeCluster"}


@pytest.mark.parametrize(
    "more",
    [{"endpoint": "https://x\x1b[2J"}, {"version": "1.33\n"}, {"local_id": "a\x00"}, {"endpoint": "http://plain"}],
    ids=["endpoint", "version", "id", "no TLS"],
)
def test_what_eks_would_never_say(more: dict[str, str]) -> None:
    """Whoever pretends to be EKS cannot put escape sequences or an unprotected address into the file."""
    assert problem_with(replace(cluster(), **more)) is not None  # type: ignore[arg-type]
    assert problem_with(cluster()) is None
