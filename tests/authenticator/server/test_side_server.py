"""The status port and the health port: what they show, to whom, and how little."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from tests.authenticator.serving import ACCOUNT, KEY, Running, Sts, mint, serving

from eksauth.authenticator.server.doors.side_server import HealthSite, SideServer, StatusSite
from eksauth.authenticator.server.reports import Readiness, Report
from eksauth.authenticator.server.settings import Limits
from eksauth.authenticator.server.status.page import status_page
from eksauth.authenticator.sts.client import StsRefused, StsUnavailable

EVIL = "<img src=x onerror=alert(1)>\u202e\"'&"


@asynccontextmanager
async def beside(running: Running, *, health: bool = False) -> AsyncIterator[str]:
    """Open a side port beside a server and return its origin."""
    view = running.server.view
    server = SideServer(HealthSite(view) if health else StatusSite(view, "auth.example"))
    await server.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


async def get(url: str, **headers: str) -> tuple[int, str]:
    """Return status and text."""
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as reply:
        return reply.status, await reply.text()


async def test_probes_and_metrics_need_no_tls(tmp_path: Path) -> None:
    """The plain port answers as the webhook does."""
    async with serving(tmp_path) as running, beside(running) as origin:
        assert await get(f"{origin}/healthz") == (200, "ok")
        assert await get(f"{origin}/readyz") == (200, "ok")
        status, text = await get(f"{origin}/metrics")
        assert status == 200
        assert "eksauth_ready 1.0" in text
        assert "eksauth_certificate_expiry_timestamp_seconds" in text
        status, text = await get(f"{origin}/readyz?verbose")
        checks = {check["name"]: check for check in json.loads(text)["checks"]}
        assert set(checks) == {"workers", "draining", "backends", "certificate", "sts"}
        async with running.client.get(running.at("/readyz?verbose")) as reply:
            assert (await reply.json())["ready"] is True


async def test_a_server_that_drains_is_unready_and_answers(tmp_path: Path) -> None:
    """For the drain delay it tells load balancers to go elsewhere and still lets people in."""
    import asyncio

    limits = Limits(drain_delay=30, grace=5)
    async with serving(tmp_path, limits=limits) as running, beside(running) as origin:
        hurry = asyncio.Event()
        stopping = asyncio.create_task(running.server.stop(hurry))
        await asyncio.sleep(0)
        assert await get(f"{origin}/readyz") == (503, "not ready: draining: the server is stopping")
        assert (await get(f"{origin}/healthz"))[0] == 200
        async with running.client.get(running.at("/readyz")) as reply:
            assert reply.status == 503
        assert (await running.review(mint()))[0] == 200
        hurry.set()
        await stopping


async def test_the_page_tells_decisions(tmp_path: Path) -> None:
    """Who came in as what, who did not and why, newest first, filtered; never a token."""
    sts = Sts()
    async with serving(tmp_path, sts) as running, beside(running) as origin:
        good, bad = mint(serial=1), mint(serial=2)
        await running.review(good)
        await running.review(good)
        sts.answer = StsRefused("the signature is wrong", code="sts.signature_mismatch")
        await running.review(bad)
        status, text = await get(f"{origin}/")
        assert status == 200
        assert text.index("sts.signature_mismatch") < text.index("admin:ann-example.com")
        assert f"(unverified) {KEY}" in text
        assert "server.yaml:5" in text
        for token in (good, bad):
            assert token not in text
            assert token[11:60] not in text
        for query, seen, unseen in (
            ("outcome=granted", "admin:ann", "signature_mismatch"),
            ("outcome=refused", "signature_mismatch", "admin:ann"),
            ("q=ADMIN:ANN", "admin:ann", "signature_mismatch"),
            ("q=nobody", "None that pass", "admin:ann-example"),
        ):
            _, text = await get(f"{origin}/?{query}")
            shown = text.partition('id="decisions"')[2]
            assert seen in shown
            assert unseen not in shown
        _, text = await get(f"{origin}/status.json?outcome=granted")
        decisions = json.loads(text)["decisions"]
        assert [decision["source"] for decision in decisions] == ["cached", "asked"]


async def test_scrubbed_accounts_leave_no_trace(tmp_path: Path) -> None:
    """Of them the page shows the Kubernetes user and nothing of AWS, also of decisions made before."""
    async with serving(tmp_path) as running, beside(running) as origin:
        await running.review(mint())
        webhook = running.server.webhook
        webhook.settings = replace(webhook.settings, scrubbed_accounts=frozenset((ACCOUNT,)))
        for path in ("/", "/status.json"):
            _, text = await get(origin + path)
            assert "admin:ann" in text
            assert "arn:aws" not in text
            assert KEY not in text


async def test_hosts_that_fail_are_shown(tmp_path: Path) -> None:
    """An outage is told with its reason code."""
    sts = Sts(StsUnavailable("no answer", code="sts.timeout"))
    async with serving(tmp_path, sts) as running, beside(running) as origin:
        await running.review(mint())
        assert "sts.timeout" in (await get(f"{origin}/"))[1]


async def test_pages_are_armoured(tmp_path: Path) -> None:
    """A strict policy, nothing to write to, no other name, and only what there is."""
    async with serving(tmp_path) as running, beside(running) as origin, aiohttp.ClientSession() as client:
        async with client.get(origin) as reply:
            assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
            assert "unsafe" not in reply.headers["Content-Security-Policy"]
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert "style=" not in await reply.text()
        for name in ("/status.css", "/status.js"):
            assert (await get(origin + name))[0] == 200
        for path in ("/authenticate", "/authorize", "/status/../certs", "/favicon.ico", "//", "/status.py"):
            assert (await get(origin + path))[0] == 404
        async with client.post(origin, data=b"x") as reply:
            assert reply.status == 405


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1:9", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("[::1]", 200),
        ("auth.example:1", 200),
        ("10.0.0.7:8080", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
async def test_a_web_page_elsewhere_cannot_read_it(tmp_path: Path, host: str, status: int) -> None:
    """A name that somebody pointed at this machine shows no page; probes and metrics do not care."""
    async with serving(tmp_path) as running, beside(running) as origin:
        assert (await get(f"{origin}/", Host=host))[0] == status
        assert (await get(f"{origin}/status.json", Host=host))[0] == status
        assert (await get(f"{origin}/readyz", Host=host))[0] == 200


def test_nothing_on_the_page_is_markup_of_others() -> None:
    """Every text that comes from a file, a token or a caller is escaped, and letters that turn lines around are shown."""
    from tests.authenticator.server.test_readiness import backend, report

    from eksauth.authenticator.server.reports import Check, DecisionReport, HostReport, ProblemReport

    decision = DecisionReport(1.0, EVIL, False, EVIL, EVIL, EVIL, [EVIL], EVIL, EVIL, 1.0, EVIL)  # noqa: FBT003
    problem = ProblemReport(EVIL, EVIL, EVIL, EVIL)
    whole: Report = report(
        cluster_id=EVIL,
        version=EVIL,
        backends=[backend(mode=EVIL, failure=EVIL, problems=[problem])],
        hosts=[HostReport(EVIL, "open", 1.0, 1.0, EVIL, 0)],
        decisions=[decision],
    )
    page = status_page([whole, whole], Readiness(False, [Check(EVIL, False, EVIL)]), time.time(), wanted=EVIL)  # noqa: FBT003
    assert "<img" not in page
    assert "\u202e" not in page
    assert page.count("&lt;img") > 15


async def test_the_health_port_says_ok_to_anything(tmp_path: Path) -> None:
    """As the one of aws-iam-authenticator does; readiness is real there, too."""
    async with serving(tmp_path) as running, beside(running, health=True) as origin:
        for path in ("/", "/healthz", "/any/thing"):
            assert await get(origin + path) == (200, "ok")
        running.server.draining = True
        assert (await get(f"{origin}/readyz"))[0] == 503
