"""A real browser without a window, and an endpoint whose pages it can open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.aws.serving import ServedAws, serve_aws

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 20_000


@pytest.fixture(scope="module", name="chromium")
def chromium_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Run one Chromium for the tests of a module; skips where playwright or Chromium is absent.

    Not for the whole session: while playwright's blocking interface is open, this thread cannot run the event loops of
    other tests.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on PATH")
    home = tmp_path_factory.mktemp("chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=_ARGUMENTS,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        yield browser
        browser.close()


@pytest.fixture(name="context")
def context_(chromium: Browser) -> Iterator[BrowserContext]:
    """Return a browser context without cookies, which takes the sandbox's certificate."""
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(_PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture(name="complaints")
def complaints_() -> list[str]:
    """Collect what the browser did not like about the pages of :func:`page_`: scripts, refused loads, policies."""
    return []


@pytest.fixture(name="page")
def page_(context: BrowserContext, complaints: list[str]) -> Page:
    """Return an empty page."""
    page = context.new_page()

    def refuse(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", refuse)
    # answers with an error status are what some tests are about
    page.on("console", lambda said: None if "status of 4" in said.text else complaints.append(said.text))
    return page


@pytest.fixture(scope="session", name="served")
def served_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one AWS endpoint for all tests of this process that leave its people and settings as they are."""
    with serve_aws(tmp_path_factory.mktemp("served") / "ca.pem") as aws:
        yield aws


@pytest.fixture(name="own_served")
def own_served_(tmp_path: Path) -> Iterator[ServedAws]:
    """Run an endpoint that the test may change."""
    with serve_aws(tmp_path / "ca.pem") as aws:
        yield aws
