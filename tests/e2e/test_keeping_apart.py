"""Places where tools of this kind mix people up: repositories, accounts, realms, sessions that end soon."""

from __future__ import annotations

import json
import time
from calendar import timegm
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.test_ci_identities import assuming, following, log_in, users_keys
from tests.e2e.workplace import Workplace

# kubectl and the cluster only say who came; which API server it is does not matter
pytestmark = pytest.mark.parametrize("chain", ["embedded"], indirect=True)


def roles_of(work: Workplace, role: str) -> dict[str, Any]:
    """Return identities: alice, and ``deploy`` as one of her roles."""
    arn = work.chain.identities.roles[role].arn
    return {"alice": users_keys(work), "deploy": assuming(arn, {"identity": "alice"}, duration="15m")}


def test_another_repository_with_the_same_identity_name(work: Workplace, newest: Path) -> None:
    """An entry means the file that it was written for, also inside of a repository whose identity has the same name."""
    for name, role in (("one", "admin"), ("two", "readonly")):
        auth = {"identities": roles_of(work, role), "integrations": {"shop": following("deploy")}}
        work.write(f"{name}/eksauth.yaml", auth)
        (work.home / name / ".git").mkdir()
    done = work.eksauth("login", "deploy", "--config", work.home / "one" / "eksauth.yaml")
    assert done.returncode == 0, done.stderr

    seen = []
    for name in ("one", "two"):
        work.cwd = work.home / name
        seen.append(work.who(newest, "--context", "shop", environ={"EKSAUTH_IDENTITY": "alice"})["extra"])

    assert seen[0]["canonicalArn"] == seen[1]["canonicalArn"] == [work.chain.identities.roles["admin"].arn]


def test_an_identity_that_moved_to_another_account(work: Workplace, newest: Path) -> None:
    """An entry of one account makes no token when its identity now is of another; it names both accounts."""
    auth = {"identities": roles_of(work, "admin"), "integrations": {"shop": following("deploy")}}
    work.environ["EKSAUTH_CONFIG"] = str(work.write("shop/eksauth.yaml", auth))
    log_in(work, "deploy")
    partner = assuming(work.chain.identities.partner_role_arn, {"identity": "alice"})
    work.write("shop/eksauth.yaml", auth | {"identities": {"alice": users_keys(work), "deploy": partner}})

    done = work.review(newest, "--context", "shop")

    assert done.returncode == 1
    assert work.seed.account in done.stderr
    assert work.seed.other_account in done.stderr


def test_a_logout_in_one_realm_is_none_in_another(work: Workplace, newest: Path) -> None:
    """Credentials, entries and all of the configuration's other realms stay, and those without a realm."""
    auth = {"identities": roles_of(work, "admin"), "integrations": {"shop": following("deploy")}}
    work.environ["EKSAUTH_CONFIG"] = str(work.write("shop/eksauth.yaml", auth))
    log_in(work, "deploy")
    auth["integrations"]["shop"]["spec"]["cluster"]["alias"] = "shop-{identity}-blue"
    blue = work.write("blue/eksauth.yaml", auth | {"realm": "blue"})
    assert work.eksauth("login", "deploy", "--config", blue).returncode == 0
    assert work.who(newest, "--context", "shop-deploy-blue")["groups"]
    work.forget_requests()

    out = work.eksauth("logout", "--all", "--config", blue)

    assert out.returncode == 0, out.stderr
    assert work.run(newest, "--context", "shop-deploy-blue", "get", "ns").returncode == 1
    assert "system:masters" in work.who(newest, "--context", "shop")["groups"]
    assert "sts:AssumeRole" not in work.asked()


def test_the_end_of_a_token_is_not_after_its_credentials(work: Workplace) -> None:
    """A token of a session that ends within its fourteen minutes says so."""
    work.environ["EKSAUTH_CONFIG"] = str(work.write("shop/eksauth.yaml", {"identities": roles_of(work, "admin")}))
    log_in(work, "deploy")
    told = json.loads(work.eksauth("whoami", "-i", "deploy", "-o", "json").stdout)
    ends = timegm(time.strptime(told["expiration"], "%Y-%m-%dT%H:%M:%SZ"))

    done = work.eksauth("token", "--cluster-name", "demo", "--region", "us-west-2", "-i", "deploy")

    status = json.loads(done.stdout)["status"]
    reported = timegm(time.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
    assert time.time() + 600 < reported <= ends - 60
