"""Guards through login, token and the path that kubectl waits for."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from tests.kubeconfig.update.eks_lab import arn, role
from tests.login.desk import Desk

from eksauth.errors import EksauthError
from eksauth.token.fast import fast_answer
from eksauth.token.mint import MintRequest, mint

TOKEN = ["token", "--region", "us-west-2", "--identity", "admin", "-o", "token"]


def guarded(desk: Desk, **demands: Any) -> None:
    """Write a configuration with one guard."""
    desk.write(guards={"rail": demands})


def token(cluster: str = "demo", role_arn: str | None = None, *, use_cache: bool = False) -> tuple[int, str]:
    """Ask for a token on the full path; return the exit code and what there would be to read."""
    request = MintRequest(
        cluster_name=cluster, region="us-west-2", identity="admin", role_arn=role_arn, use_cache=use_cache
    )
    try:
        mint(request, environ=os.environ)
    except EksauthError as error:
        return error.exit_code, f"{error.message} {error.hint}"
    return 0, ""


def is_hot(cluster: str = "demo", *, after: float = 0) -> bool:
    """Tell whether the hot path would answer, so many seconds from now."""
    return fast_answer([*TOKEN, "--cluster-name", cluster], os.environ, time.time() + after) is not None


def warmed(cluster: str = "demo") -> None:
    """Let the full path leave something for the hot one."""
    assert token(cluster, use_cache=True) == (0, "")


@pytest.mark.parametrize("name", ["demo", arn("demo"), "arn:aws:eks:*:*:cluster/d*"])
def test_a_cluster_that_wants_a_reason(name: str, desk: Desk) -> None:
    """Tokens for the guarded cluster need a login with a reason, others do not; no path answers around it."""
    desk.write({}, guards={"rail": {"clusters": [name], "require_reason": True}})
    warmed("other")
    assert not is_hot("other")
    assert not is_hot()
    code, said = token()
    assert code == 4
    assert "run: eksauth login admin --reason 'WHY'" in said
    assert desk.login("admin").code == 0
    assert token()[0] == 4
    assert desk.login("admin", "--reason", "INC-1").code == 0
    assert token()[0] == 0
    warmed()
    assert is_hot()
    assert is_hot("other")


def test_a_login_for_a_guarded_cluster_asks(desk: Desk) -> None:
    """An identity whose own cluster is guarded cannot sign in without what the guard asks for."""
    guarded(desk, clusters=["demo"], require_reason=True)
    done = desk.login("admin")
    assert done.code == 4
    assert "asks for a reason" in done.err


def test_the_end_of_a_session_is_the_end_on_every_path(desk: Desk) -> None:
    """Tokens end with the session, and nobody signs one afterwards, whatever is still in the cache."""
    guarded(desk, identities=["admin"], max_session="10m")
    assert desk.login("admin").code == 0
    request = MintRequest(cluster_name="demo", region="us-west-2", identity="admin")
    assert mint(request, environ=os.environ).expires_at - time.time() < 600
    assert is_hot()
    assert is_hot(after=200)
    assert not is_hot(after=601)


def test_a_stricter_guard_counts_at_once(desk: Desk) -> None:
    """A changed configuration makes what the hot path knows worthless."""
    guarded(desk, identities=["admin"], max_session="8h")
    assert desk.login("admin").code == 0
    warmed()
    assert is_hot()
    guarded(desk, identities=["admin"], max_session="8h", require_reason=True)
    assert not is_hot()
    assert token()[0] == 4


def test_logout_ends_it(desk: Desk) -> None:
    """After a logout the grant is gone."""
    guarded(desk, identities=["admin"], require_reason=True)
    assert desk.login("admin", "--reason", "x").code == 0
    assert token()[0] == 0
    desk.logout("admin")
    assert not is_hot()
    assert token()[0] == 4


def test_a_role_on_the_command_line(desk: Desk) -> None:
    """--role-arn on top of a guarded identity needs that identity's login, and no more."""
    guarded(desk, identities=["admin"], require_reason=True)
    other = role("EksReadOnly")
    assert token("demo", other)[0] == 4
    assert desk.login("admin", "--reason", "x").code == 0
    code, said = token("demo", other)
    assert "guard" not in said
    assert code in {0, 5}  # whether STS lets one role become the other is its own business


@pytest.mark.parametrize("place", ["off", "/dev/null/x"])
def test_no_token_without_the_log(place: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that wants the log gets it, or nobody gets a token; logins likewise."""
    guarded(desk, clusters=["demo"], require_audit=True)
    assert desk.login("admin").code == 0
    assert token()[0] == 0
    monkeypatch.setenv("EKSAUTH_AUDIT_LOG", place)
    assert not is_hot()
    code, said = token()
    assert code == 4
    assert "demands the audit log" in said
    assert token("other")[0] == 0
    guarded(desk, identities=["admin"], require_audit=True)
    assert desk.login("admin").code == 4


def test_confirmations(desk: Desk) -> None:
    """Without a terminal only --yes confirms, and it counts for clusters that the login was not for."""
    guarded(desk, clusters=["other"], confirm=True)
    assert desk.login("admin").code == 0
    code, said = token("other")
    assert code == 4
    assert "run: eksauth login admin --yes" in said
    assert desk.login("admin", "--yes").code == 0
    assert token("other")[0] == 0


def test_a_forged_grant_opens_nothing(desk: Desk) -> None:
    """A grant that others could write counts for nothing."""
    from pathlib import Path

    guarded(desk, identities=["admin"], require_reason=True)
    assert desk.login("admin", "--reason", "x").code == 0
    directory = Path(os.environ["HOME"]) / ".cache" / "eksauth" / "grants"
    for path in directory.iterdir():
        path.chmod(0o666)
    assert token()[0] == 4


def test_logout_ends_it_where_nothing_is_cached(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS profile with keys can be used at any time; behind a guard not after a logout, on either path."""
    desk.lab.home.joinpath(".aws").mkdir(exist_ok=True)
    keys = desk.keys()
    desk.lab.home.joinpath(".aws", "credentials").write_text(
        "[base]\n" + "".join([f"{name.lower()} = {value}\n" for name, value in keys.items()])
    )
    identities = {"admin": {"kind": "aws/profile", "principal": {"profile": "base", "region": "us-west-2"}}}
    desk.write({}, identities=identities, guards={"rail": {"identities": ["admin"], "require_reason": True}})
    assert desk.login("admin", "--reason", "INC-1").code == 0
    warmed()
    assert is_hot()

    assert desk.logout("admin").code == 0

    assert token()[0] == 4
    assert not is_hot()
