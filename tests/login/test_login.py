"""``eksauth login``: who one is afterwards, and which kubeconfig entries there are."""

from __future__ import annotations

from tests.kubeconfig.update.eks_lab import arn
from tests.login.desk import Desk


def test_login_says_who_one_is_and_writes_the_cluster(desk: Desk) -> None:
    """One command: credentials, proof, and a kubeconfig whose user is pinned to identity, file, realm and account."""
    done = desk.login("admin")
    assert done.code == 0, done.err
    assert "signed in as admin" in done.out
    user = f"{arn('demo')}/identity/admin"
    assert desk.arguments(user) == [
        *("token", "--cluster-name", "demo", "--region", "us-west-2", "--identity", "admin"),
        *("--config", str(desk.config), "--realm=", "--account", "111122223333"),
    ]
    assert desk.lab.parsed()["current"] == arn("demo")
