"""From a real browser to kubectl: a person signs in on a page, and the terminal that waits goes on to the cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.conftest import chromium_, complaints_, context_, page_  # noqa: F401  fixtures
from tests.cli.terminal import Terminal, on_terminal
from tests.e2e.admission import admitted
from tests.e2e.workplace import EKSAUTH, Workplace

if TYPE_CHECKING:
    from playwright.sync_api import Page

# what a browser does has nothing to do with which API server it is for
pytestmark = pytest.mark.parametrize("chain", ["embedded"], indirect=True)


@contextmanager
def logging_in(work: Workplace, auth: dict[str, Any], identity: str) -> Iterator[tuple[Terminal, str]]:
    """Run ``eksauth login`` on a desktop; give its terminal and the address that it hands to the browser."""
    addresses, browser = work.home / "addresses", work.home / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" > "{addresses}.new" && mv "{addresses}.new" "{addresses}"\n')
    browser.chmod(0o755)
    cluster = {"name": "demo", "region": "us-west-2", "alias": "shop"}
    integration = {"kind": "aws/eks", "via": {"identity": identity}, "spec": {"cluster": cluster}}
    work.write("eksauth.yaml", {**auth, "integrations": {"shop": integration}})
    environ = {**work.environ, "EKSAUTH_CONFIG": str(work.home / "eksauth.yaml")}
    environ |= {"BROWSER": str(browser), "DISPLAY": ":99"}
    with on_terminal([str(EKSAUTH), "login", identity], environ) as terminal:
        deadline = time.monotonic() + 30
        while not addresses.exists():
            assert time.monotonic() < deadline, terminal.text
            assert terminal.process.poll() is None, terminal.finish()
            time.sleep(0.05)
        yield terminal, addresses.read_text().strip()


def test_saml(work: Workplace, newest: Path, page: Page, complaints: list[str]) -> None:
    """Name and password on the identity provider's page, then kubectl is the role that the response offered."""
    federation = work.seed.federation
    assert federation is not None
    saml = federation.saml
    url = f"{work.url}{saml.sign_in_path}?acs={{acs}}"
    role = {"assume_role": saml.role_arns[0], "region": "us-west-2"}
    auth = {
        "providers": {"corp": {"kind": "aws/saml", "region": "us-west-2", "url": url}},
        "identities": {"boss": {"kind": "aws/assume-role", "via": {"provider": "corp"}, "principal": role}},
    }
    environ = {"PATH": os.environ["PATH"], "HOME": str(work.home), **work.chain.environ}

    with admitted(work.chain, newest, {"saml": saml.role_arns[0]}, environ), logging_in(work, auth, "boss") as one:
        terminal, address = one
        page.goto(address)
        page.get_by_label("User name").fill(saml.user_name)
        page.get_by_label("Password").fill(saml.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Go back to the terminal").wait_for()
        terminal.expect("signed in as boss")
        assert terminal.finish() == 0, terminal.text
        told = work.who(newest, "--context", "shop")

    assert told["username"] == "saml:" + saml.email.replace("@", "-")
    assert told["extra"]["canonicalArn"] == [saml.role_arns[0]]
    assert complaints == []


@pytest.mark.parametrize("flow, last", [("pkce", "Go back to the terminal"), ("device", "The program can go on")])
def test_identity_center(
    work: Workplace, newest: Path, page: Page, complaints: list[str], flow: str, last: str
) -> None:
    """Password and Allow at the portal, with a code to compare or without; then kubectl is the permission set."""
    portal = work.chain.identities.portal
    provider: dict[str, Any] = {"kind": "aws/iam-identity-center", "region": portal.region, "start_url": work.start_url}
    provider["spec"] = {"flow": flow}
    account = {"name": "AdministratorAccess", "account": work.seed.account}
    auth = {
        "providers": {"corp": provider},
        "identities": {"boss": {"kind": "aws/permission-set", "via": {"provider": "corp"}, "principal": account}},
    }

    with logging_in(work, auth, "boss") as (terminal, address):
        page.goto(address)
        page.get_by_label("User name").fill("dana")
        page.get_by_label("Password").fill(portal.people["dana"].password)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Allow").click()
        page.get_by_text(last).wait_for()
        terminal.expect("signed in as boss")
        assert terminal.finish() == 0, terminal.text
        told = work.who(newest, "--context", "shop")

    assert told["username"] == "sso-admin:dana"
    assert complaints == []
