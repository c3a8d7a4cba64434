"""``kubeconfig update --identity``, and the drop-in for Atmos."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kubeconfig.update.eks_lab import arn
from tests.login.desk import Desk

USER = f"{arn('demo')}/identity/admin"


@pytest.mark.parametrize(
    "words",
    [
        ("kubeconfig", "update", "--name", "demo", "--identity", "ADMIN"),
        ("aws", "eks", "update-kubeconfig", "--name", "demo", "--identity", "admin"),
        ("aws", "eks", "update-kubeconfig", "--integration", "demo"),
    ],
    ids=["update", "Atmos by name", "Atmos by integration"],
)
def test_the_entry_is_the_one_that_login_writes(desk: Desk, words: tuple[str, ...]) -> None:
    """All ways to an entry of an identity end in the same entry, so that a login finds nothing to change."""
    done = desk.lab.eksauth(*words)
    assert done.code == 0, done.err
    assert desk.arguments(USER)[5:7] == ["--identity", "admin"]

    assert desk.logged_in("admin")["kubeconfig"][0]["action"] == "unchanged"


def test_the_identity_can_come_from_variable_and_flag(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """EKSAUTH_IDENTITY and --config are as good as the flag and the search."""
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.setenv("EKSAUTH_IDENTITY", "admin")
    done = desk.lab.update("--name", "demo", "--config", str(desk.config), "--realm", "corp")
    assert done.code == 0, done.err
    assert "--realm=corp" in desk.arguments(f"{arn('demo')}/realm/corp/identity/admin")


def test_a_role_on_top(desk: Desk) -> None:
    """--role-arn is one more link behind the identity; EKS is asked without it."""
    role = "arn:aws:iam::111122223333:role/EksReadOnly"
    assert desk.lab.update("--name", "demo", "-i", "admin", "--role-arn", role).code == 0
    (user,) = desk.lab.parsed()["users"]
    assert "--role-arn" in desk.arguments(user)
    assert user.endswith("/identity/admin/role/111122223333/EksReadOnly")


def test_explicit_aws_credentials_beat_a_configuration(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys in the environment and no identity named the entry is that of the plain chain, as for token."""
    for name, value in desk.keys().items():
        monkeypatch.setenv(name, value)
    assert desk.lab.update("--name", "demo", "--region", "us-west-2").code == 0
    (user,) = desk.lab.parsed()["users"]
    assert "--identity" not in desk.arguments(user)


@pytest.mark.parametrize(
    "words, code",
    [
        (("kubeconfig", "update", "--name", "demo", "--identity", "nobody"), 2),
        (("kubeconfig", "update", "--name", "demo", "--identity", "admin", "--profile", "x"), 2),
        (("kubeconfig", "update", "--name", "demo", "--config", "/gone.yaml"), 3),
        (("aws", "eks", "update-kubeconfig", "--integration", "demoo"), 2),
        (("aws", "eks", "update-kubeconfig", "--integration", "demo", "--name", "x"), 2),
    ],
    ids=["unknown identity", "identity and profile", "no such file", "unknown integration", "integration and name"],
)
def test_contradictions_and_typos(desk: Desk, words: tuple[str, ...], code: int) -> None:
    """One line says what is wrong, and nothing is written."""
    done = desk.lab.eksauth(*words)
    assert done.code == code, done.err
    assert not desk.lab.kubeconfig.exists()


def test_a_dry_run_of_an_integration(desk: Desk) -> None:
    """--dry-run shows the change and writes nothing."""
    done = desk.lab.eksauth("aws", "eks", "update-kubeconfig", "--integration", "demo", "--dry-run")
    assert done.code == 0, done.err
    assert f"+  name: {arn('demo')}" in done.out or arn("demo") in done.out
    assert not desk.lab.kubeconfig.exists()


def test_a_configuration_that_was_only_found_is_not_pinned(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody named the file and nobody is there: kubectl must not come to trust it."""
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.chdir(desk.config.parent)
    done = desk.lab.update("--name", "demo", "--identity", "admin")
    assert done.code == 3
    assert "found by searching" in done.err


def test_prune_asks_as_the_entry_s_identity(desk: Desk) -> None:
    """A cluster that is gone is found out with the identity's own credentials, and only then its entries go."""
    desk.lab.cluster("other")
    desk.write({"a": desk.following("admin"), "b": desk.following("admin", "other")})
    desk.logged_in("admin")
    desk.lab.endpoint.cloud.clusters.remove("111122223333", "us-west-2", "other")

    done = desk.lab.eksauth("kubeconfig", "prune", "--yes")

    assert done.code == 0, done.err
    assert list(desk.lab.parsed()["contexts"]) == [arn("demo")]
