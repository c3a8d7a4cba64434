"""``eksauth logout``: what goes, what stays, and that it says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.kubeconfig.update.eks_lab import arn
from tests.login.desk import Desk

PASSWORD = "correct horse battery"


def test_logout_removes_what_login_left(desk: Desk) -> None:
    """Credentials, entries and the current context go; what lives on is said; a second time there is nothing."""
    desk.logged_in("admin")

    done = desk.logout("admin")

    assert done.code == 0, done.err
    assert "credentials of admin: removed" in done.out
    assert f'context "{arn("demo")}"' in done.out
    assert "AWS takes them until" in done.out
    found = desk.lab.parsed()
    assert (found["clusters"], found["contexts"], found["users"], found["current"]) == ({}, {}, {}, "")
    assert not [name for name in desk.cached() if name.endswith(".json")]
    again = desk.logout("admin")
    assert again.code == 0
    assert "there was nothing to remove" in again.out


def test_logout_can_be_undone(desk: Desk) -> None:
    """The kubeconfig before the logout comes back byte for byte."""
    desk.logged_in("admin")
    before = desk.lab.kubeconfig.read_bytes()
    desk.logout("admin")
    assert desk.lab.eksauth("kubeconfig", "undo").code == 0
    assert desk.lab.kubeconfig.read_bytes() == before


def test_a_dry_run_removes_nothing(desk: Desk) -> None:
    """--dry-run lists what would go and leaves every byte."""
    desk.logged_in("admin")
    before = desk.lab.kubeconfig.read_bytes(), desk.cached()

    done = desk.logout("admin", "--dry-run")

    assert done.code == 0
    assert "credentials of admin: would be removed" in done.out
    assert "would be unset" in done.out
    assert (desk.lab.kubeconfig.read_bytes(), desk.cached()) == before


def test_nothing_is_made_where_nothing_was(desk: Desk, tmp_path: Path) -> None:
    """A logout makes no directories for kubeconfigs that were never written, here or where the configuration says."""
    elsewhere = tmp_path / "elsewhere" / "config"
    desk.write({"one": desk.following("admin", kubeconfig={"path": str(elsewhere)})})
    desk.logged_in("admin", "--no-kubeconfig")

    done = desk.logout("admin")

    assert done.code == 0
    assert not elsewhere.parent.exists()
    assert not desk.lab.kubeconfig.parent.joinpath(f"{desk.lab.kubeconfig.name}.lock").exists()


def test_only_its_own_entries_go(desk: Desk, tmp_path: Path) -> None:
    """Entries of another identity, another configuration, another realm and of people stay."""
    desk.write({"a": desk.following("admin"), "b": desk.following("ro")})
    desk.logged_in("--all")
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(desk.config.read_text())
    elsewhere.chmod(0o600)
    desk.logged_in("admin", "--config", str(elsewhere))
    desk.logged_in("admin", "--realm", "corp")
    before = desk.lab.parsed()
    assert len(before["contexts"]) == 4

    assert desk.logout("admin").code == 0

    after = desk.lab.parsed()
    gone = f"{arn('demo')}/identity/admin"
    assert set(before["contexts"]) - set(after["contexts"]) == {gone}
    assert after["clusters"] == before["clusters"]
    assert all(after["users"][name] == before["users"][name] for name in after["users"])


def test_renamed_contexts_are_found_and_contexts_of_people_are_kept(desk: Desk) -> None:
    """The mark moves with a renamed context; a context that a person made on our user keeps user and cluster."""
    desk.logged_in("admin")
    assert desk.lab.eksauth("ctx", f"mine={arn('demo')}").code == 0
    document = yaml.safe_load(desk.lab.kubeconfig.read_text())
    user = f"{arn('demo')}/identity/admin"
    document["contexts"].append({"name": "by-hand", "context": {"cluster": arn("demo"), "user": user}})
    desk.lab.kubeconfig.write_text(yaml.safe_dump(document))

    done = desk.logout("admin")

    assert done.code == 0
    found = desk.lab.parsed()
    assert list(found["contexts"]) == ["by-hand"]
    assert (list(found["clusters"]), list(found["users"])) == ([arn("demo")], [user])
    assert 'context "by-hand" uses it' in done.out


def test_protected_contexts_stay_unless_one_agrees(desk: Desk) -> None:
    """A protected context is listed and left; --yes removes it."""
    desk.logged_in("admin")
    desk.lab.eksauth("kubeconfig", "protect", arn("demo"))

    done = desk.logout("admin")
    assert "is protected" in done.out
    assert arn("demo") in desk.lab.parsed()["contexts"]
    desk.logout("admin", "--yes")
    assert desk.lab.parsed()["contexts"] == {}


def test_logout_of_everybody_takes_entries_of_identities_that_are_gone(desk: Desk) -> None:
    """--all removes what this configuration ever wrote, also for an identity that was renamed meanwhile."""
    desk.logged_in("admin")
    identities = desk.identities
    identities["chief"] = identities.pop("admin")
    desk.write({}, identities=identities)

    done = desk.logout("--all", "-o", "json")

    assert done.code == 0, done.err
    assert desk.lab.parsed()["contexts"] == {}
    assert done.json["failed"] == []


def test_a_kubeconfig_that_cannot_be_read_is_a_partial_failure(desk: Desk) -> None:
    """Credentials go although the kubeconfig is broken; exit code 1 and the reason; the file is not touched."""
    desk.logged_in("admin")
    desk.lab.kubeconfig.write_text("contexts: {{{\n")

    done = desk.logout("admin")

    assert done.code == 1
    assert "credentials of admin: removed" in done.out
    assert str(desk.lab.kubeconfig) in done.err
    assert desk.lab.kubeconfig.read_text() == "contexts: {{{\n"


def test_keys_in_the_keyring_go_unless_they_are_to_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--store-keys keeps piped keys; the login works from them; logout removes them, --keep-keys does not."""
    monkeypatch.setenv("EKSAUTH_KEYRING_PASSWORD", PASSWORD)
    identities = {"stored": {"kind": "aws/user"}}
    desk.write({}, identities=identities, keyring={"type": "file", "spec": {"path": str(tmp_path / "keys")}})
    keys = desk.keys()
    before = desk.login("stored")
    assert before.code == 4
    assert "eksauth login stored" in before.err
    stored = desk.piped("\n".join(keys.values()), "login", "stored", "--store-keys")
    assert stored.returncode == 0, stored.stderr
    assert keys["AWS_SECRET_ACCESS_KEY"] not in stored.stdout + stored.stderr

    kept = desk.logout("stored", "--keep-keys")
    assert "needs no sign-in" in kept.out
    desk.logged_in("stored")
    gone = desk.logout("stored")

    assert "keys of stored in the keyring: removed" in gone.out
    assert desk.login("stored").code == 4


def test_grants_of_guards_go(desk: Desk) -> None:
    """What a guard was told counts no longer: the next login is asked again, and the log has the logout."""
    desk.write(guards={"prod": {"identities": ["admin"], "require_reason": True}})
    desk.logged_in("admin", "--reason", "x")
    assert "what guards were told about admin: removed" in desk.logout("admin").out
    assert desk.logout("admin").code == 0
    assert desk.login("admin").code == 4
    events = [json.loads(line)["event"] for line in desk.audit_log().read_text().splitlines()]
    assert events == ["login", "logout", "refused"]


def test_contradictions_are_usage_errors(desk: Desk) -> None:
    """One of identity, provider and everybody."""
    assert desk.logout("admin", "--all").code == 2
    assert desk.logout("--provider", "x").code == 2
    assert desk.logout("nobody").code == 2
