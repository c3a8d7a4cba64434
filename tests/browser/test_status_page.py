"""The authenticator's status page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.authenticator.process import FakeSts, Server, config_in, fake_sts, running
from tests.authenticator.serving import ACCOUNT, mint

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
_PATIENCE_MS = 20_000
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(name="sts")
def sts_() -> Iterator[FakeSts]:
    """Run an STS that vouches for a session with a name that is markup, as no real one would."""
    with fake_sts() as sts:
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/{MARKUP}"
        result = {"Account": ACCOUNT, "Arn": arn, "UserId": f"AROAEXAMPLE:{MARKUP}"}
        sts.answer = lambda: (200, {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})
        yield sts


@pytest.fixture(name="server", params=[(), ("--workers", "2")], ids=["one process", "two workers"])
def server_(request: pytest.FixtureRequest, tmp_path: Path, sts: FakeSts) -> Iterator[Server]:
    """Run a server with a status port."""
    config = config_in(tmp_path, sts)
    with running(tmp_path, config, "--status-port", "0", *request.param) as server:
        yield server


def test_decisions_appear_and_are_filtered(page: Page, complaints: list[str], server: Server) -> None:
    """A refusal shows up without a reload of the page; the filter works while typing; nothing of it is run."""
    from playwright.sync_api import expect

    origin = f"http://127.0.0.1:{server.ready['status_port']}"
    page.goto(origin)
    assert "ready" in page.locator("h1").inner_text()
    decisions = page.locator("#decisions")
    assert "None that pass" in decisions.inner_text()

    server.review(mint())
    server.review("k8s-aws-v1.nonsense")
    # what is new comes by itself within some seconds
    rows = decisions.locator("tbody tr")
    expect(rows).to_have_count(2, timeout=_PATIENCE_MS)
    shown = decisions.inner_text()
    assert "refused" in shown
    assert page.locator("#decisions img").count() == 0

    page.get_by_role("searchbox").fill("token.")
    expect(rows).to_have_count(1, timeout=_PATIENCE_MS)
    assert "token." in decisions.inner_text()
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Outcome").select_option("granted")
    expect(decisions.locator(".bad")).to_have_count(0, timeout=_PATIENCE_MS)
    assert complaints == []


def test_the_page_works_without_script(page: Page, server: Server) -> None:
    """The filter is a form: its answer is a page that holds what was asked for, and asks again with it."""
    origin = f"http://127.0.0.1:{server.ready['status_port']}"
    server.review("k8s-aws-v1.nonsense")
    page.route("**/status.js", lambda route: route.abort())
    page.goto(origin)
    page.get_by_role("searchbox").fill("<b>nobody</b>")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/?q=*")
    assert page.get_by_role("searchbox").input_value() == "<b>nobody</b>"
    assert "None that pass" in page.locator("#decisions").inner_text()
