"""``eksauth identities``: who one can be, and what is there of it."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from tests.login.desk import Desk

from eksauth.credentials.config.load import load_config
from eksauth.credentials.identities.listing import list_identities
from eksauth.sandbox.aws.seed import ACCOUNT

SSO = {"kind": "aws/iam-identity-center", "start_url": "https://acme.awsapps.com/start", "region": "us-west-2"}


@pytest.fixture(name="crowd")
def crowd_(desk: Desk) -> Desk:
    """Add providers, a long chain, tags, and kinds that are not ours."""
    more: dict[str, Any] = {
        'he said "hi" <b>': desk.assuming("arn:aws:iam::123456789012:role/x", via="admin") | {"tags": ["Prod", "eu"]},
        "dev": {
            "kind": "aws/permission-set",
            "via": {"provider": "sso"},
            "principal": {"name": "Dev", "account": "dev"},
            "default": True,
            "tags": "dev",
        },
        "sub": {"kind": "azure/subscription"},
    }
    identities = {**desk.identities, **more}
    desk.write(identities=identities, providers={"sso": SSO, "alice": {"kind": "gcp/adc", "tags": ["x"]}})
    return desk


def test_the_table(crowd: Desk) -> None:
    """Name, kind, chain, account and tags of each; the default is marked; nothing is asked of AWS."""
    before = len(crowd.lab.asked())

    done = crowd.lab.eksauth("identities")

    assert done.code == 0, done.err
    rows = {line[4:].split("   ")[0].strip(): line for line in done.out.splitlines()}
    assert rows["dev"].startswith("*   dev")
    assert rows["admin"].split() == ["admin", "aws/assume-role", "alice", ACCOUNT, "none"]
    assert "alice > admin" in rows['he said "hi" <b>']
    assert "Prod, eu" in rows['he said "hi" <b>']
    assert "not usable here" in rows["sub"]
    assert len(crowd.lab.asked()) == before


def test_credentials_that_are_there(crowd: Desk) -> None:
    """After signing in the table says how long it lasts, JSON until when; when that is over they are none again."""
    crowd.logged_in("admin")

    found = {item["name"]: item for item in crowd.lab.eksauth("identities", "-o", "json").json["identities"]}
    table = crowd.lab.eksauth("identities").out

    assert found["admin"]["signed_in"]
    assert found["admin"]["expires_at"].endswith("Z")
    assert found["admin"]["chain"] == ["alice", "admin"]
    assert not found["partner"]["signed_in"]
    assert found["partner"]["expires_at"] is None
    (row,) = [line for line in table.splitlines() if line.lstrip().startswith("admin")]
    assert " left" in row
    config = load_config(os.environ)
    later = {item.identity.name: item for item in list_identities(config, os.environ, time.time() + 86400)}
    assert not later["admin"].signed_in


def test_tags_choose(crowd: Desk) -> None:
    """Any of the tags, in any case; no match is an empty table."""
    by_two = crowd.lab.eksauth("identities", "--tags", "PROD, dev", "-o", "json").json
    by_none = crowd.lab.eksauth("identities", "--tags", "nothing")

    assert [item["name"] for item in by_two["identities"]] == ['he said "hi" <b>', "dev"]
    assert len(by_none.out.splitlines()) == 1


def test_the_tree(crowd: Desk) -> None:
    """Everything stands below what it starts from; a provider and an identity of one name are two things."""
    lines = crowd.lab.eksauth("identities", "-o", "tree").out.splitlines()

    assert lines[0].startswith("alice (aws/user)")
    assert lines[1].startswith("├── admin (aws/assume-role)")
    assert lines[2].startswith("│   └── he said")
    assert any(line.startswith("└── dev * (aws/permission-set)") for line in lines)
    assert sum(line.startswith("alice") for line in lines) == 1


def test_the_chart(crowd: Desk) -> None:
    """Mermaid's own characters in names are escaped; every arrow leads from one declared node to another."""
    out = crowd.lab.eksauth("identities", "-o", "mermaid").out
    lines = out.splitlines()
    nodes = {line.split("[")[0].split("(")[0].strip() for line in lines[1:] if "-->" not in line}

    assert lines[0] == "flowchart LR"
    assert "he said #quot;hi#quot; #lt;b#gt;<br/>aws/assume-role" in out
    arrows = [line.split() for line in lines if "-->" in line]
    assert len(arrows) == 5
    assert {word for arrow in arrows for word in (arrow[0], arrow[2])} <= nodes


def test_providers(crowd: Desk) -> None:
    """``--providers`` lists what one signs in to, with how many identities start there."""
    table = crowd.lab.eksauth("identities", "--providers").out.splitlines()
    found = crowd.lab.eksauth("identities", "--providers", "-o", "json").json

    assert table[1].split() == ["sso", "aws/iam-identity-center", "us-west-2", SSO["start_url"], "1"]
    assert [item["name"] for item in found["providers"]] == ["sso", "alice"]
    assert "identities" not in found
    assert crowd.lab.eksauth("identities", "--providers", "-o", "tree").out.splitlines()[0] == (
        "sso (aws/iam-identity-center)"
    )


def test_nothing_configured(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configuration the lists are empty, and it says why."""
    monkeypatch.delenv("EKSAUTH_CONFIG")

    done = desk.lab.eksauth("identities")

    assert done.code == 0
    assert "no configuration was found" in done.err
    assert desk.lab.eksauth("identities", "-o", "json").json == {
        "config": None,
        "realm": "",
        "providers": [],
        "identities": [],
    }
