"""``login --store-keys``: what is stored is what is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.login.desk import Desk


def test_new_keys_are_used_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A session of the keys before does not hide that the new ones are wrong; the secret is nowhere in the output."""
    monkeypatch.setenv("EKSAUTH_KEYRING_PASSWORD", "correct horse")
    desk.write(
        {}, identities={"stored": {"kind": "aws/user"}}, keyring={"type": "file", "spec": {"path": str(tmp_path)}}
    )
    keys = list(desk.keys().values())
    good = desk.piped("\n".join(keys), "login", "stored", "--store-keys")
    assert good.returncode == 0, good.stderr
    assert desk.login("stored").code == 0

    mistyped = keys[1][:-1] + ("A" if keys[1][-1] != "A" else "B")
    wrong = desk.piped(f"{keys[0]}\n{mistyped}", "login", "stored", "--store-keys")

    assert wrong.returncode == 4
    assert "refused the signature" in wrong.stderr
    assert mistyped not in wrong.stdout + wrong.stderr
