"""``eksauth console``: judged by the sandbox's federation endpoint, which refuses as AWS does."""

from __future__ import annotations

import gzip
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore
import pytest
from tests.login.desk import Desk

from eksauth.aws.partitions import PARTITIONS
from eksauth.errors import UsageError
from eksauth.login.programs.console_places import DOMAINS, PLACES, destination_url, federation_endpoint
from eksauth.login.programs.one_visit import visit_once


def opened(desk: Desk, url: str) -> tuple[int, str]:
    """Visit a page as a browser would and return status and text."""
    import ssl

    assert desk.lab.endpoint.ca_pem is not None
    context = ssl.create_default_context(cadata=desk.lab.endpoint.ca_pem.decode())
    try:
        with urllib.request.urlopen(url, context=context, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_browser_is_signed_in(desk: Desk) -> None:
    """The printed URL signs a browser in as the role, once, for the time that was asked for, at the place asked for."""
    done = desk.lab.eksauth(
        "console", "-i", "admin", "--print", "--destination", "eks", "--duration", "8h", "-o", "json"
    )
    assert done.code == 0, done.err
    found = done.json
    assert found["destination"] == "https://console.aws.amazon.com/eks/home?region=us-west-2#/clusters"
    assert (found["duration_seconds"], found["account"]) == (8 * 3600, "111122223333")
    status, page = opened(desk, found["url"])
    assert status == 200
    assert ":assumed-role/EksAdmin/" in page
    assert '<dd id="minutes">480 minutes</dd>' in page
    assert "#/clusters" in page
    assert "<dd>eksauth</dd>" in page
    assert opened(desk, found["url"])[0] == 400


def test_without_a_duration_aws_decides(desk: Desk) -> None:
    """No duration is sent unless one is asked for: the browser stays signed in as long as the role's session."""
    done = desk.lab.eksauth("console", "-i", "admin", "--no-open")
    assert done.code == 0, done.err
    assert "59 minutes" in opened(desk, done.out.strip())[1]


def test_what_is_secret_stays_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the URL nor credentials go anywhere but to stdout, on request."""
    done = desk.lab.eksauth("console", "-i", "admin", "--print")
    token = parse_qs(urlsplit(done.out.strip()).query)["SigninToken"][0]
    assert token not in done.err
    log = json.loads(desk.lab.eksauth("audit", "-o", "json").out)
    assert [event["event"] for event in log] == ["console"]
    assert token not in json.dumps(log)
    assert desk.lab.eksauth("console", "-i", "admin", "-o", "json").code == 2


def test_a_browser_gets_an_address_without_a_secret(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser's command line, which everybody can read, holds a loopback address that works once."""
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" >"{seen}"\ncurl -s -o /dev/null -w "%{{redirect_url}}\\n" "$1" >>"{seen}"\n'
        f'curl -s -o /dev/null -w "%{{http_code}}\\n" "$1" >>"{seen}" || true\n'
    )
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    done = desk.lab.eksauth("console", "-i", "admin")
    assert done.code == 0, done.err
    assert done.out == ""
    address, target, *_ = seen.read_text().splitlines()
    assert address.startswith("http://127.0.0.1:")
    assert "SigninToken" not in address
    assert opened(desk, target)[0] == 200


def test_without_a_browser_there_is_a_hint(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no browser can be started nothing secret is printed instead."""
    monkeypatch.setenv("BROWSER", "/bin/false")
    done = desk.lab.eksauth("console", "-i", "admin")
    assert (done.code, done.out) == (1, "")
    assert "--print" in done.err


@pytest.mark.parametrize("attempt", ["wrong path", "wrong host", "second visit", "idle connection"])
def test_one_visit(attempt: str) -> None:
    """The page leads on once, under its own name only."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay())

    def status(url: str, **headers: str) -> int:
        try:
            with opener.open(urllib.request.Request(url, headers=headers), timeout=4) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def browse(url: str) -> bool:
        if attempt == "wrong path":
            assert status(url + "x") == 404
        elif attempt == "wrong host":
            assert status(url, Host="evil.example") == 404
        elif attempt == "idle connection":  # browsers open some that they may never use
            idle.append(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)))
        assert status(url) == 303
        if attempt == "second visit":
            assert status(url) == 404
        return True

    idle: list[socket.socket] = []
    assert visit_once("https://console.example/?SigninToken=x", browse)
    for connection in idle:
        connection.close()
    assert not visit_once("https://console.example/", lambda _url: True, wait=0.01)
    assert not visit_once("https://console.example/", lambda _url: False)


def test_a_chained_role_gets_an_hour(desk: Desk) -> None:
    """Where AWS would refuse a long session we say why, and an hour works."""
    identities = desk.identities | {
        "chained": desk.assuming(desk.identities["admin"]["principal"]["assume_role"], "admin")
    }
    desk.write({}, identities=identities)
    done = desk.lab.eksauth("console", "-i", "chained", "--print", "--duration", "2h")
    assert done.code == 2
    assert "assumed from another role" in done.err
    done = desk.lab.eksauth("console", "-i", "chained", "--print", "--duration", "1h")
    assert done.code == 0, done.err
    assert "60 minutes" in opened(desk, done.out.strip())[1]
    assert desk.lab.eksauth("console", "-i", "chained", "--print").code == 0


def test_iam_users_are_told_why_not(desk: Desk) -> None:
    """AWS signs no IAM user's keys in, so nothing is even asked."""
    done = desk.lab.eksauth("console", "-i", "alice", "--print")
    assert done.code == 2
    assert "sign in as a role" in done.err
    assert desk.lab.asked() == []


@pytest.mark.parametrize("duration", ["14m", "13h", "x", "-1h", ""])
def test_durations_that_cannot_be(duration: str, desk: Desk) -> None:
    """The console knows sessions of 15 minutes to 12 hours."""
    assert desk.lab.eksauth("console", "-i", "admin", "--print", "--duration", duration).code == 2


def test_a_guard_ends_the_browsers_session_too(desk: Desk) -> None:
    """A browser is signed in no longer than the guard allows, whatever was asked for."""
    desk.write({}, guards={"rail": {"identities": ["admin"], "max_session": "30m"}})
    assert desk.lab.eksauth("console", "-i", "admin", "--print").code == 4
    assert desk.login("admin").code == 0
    for words in (["--duration", "8h"], []):
        done = desk.lab.eksauth("console", "-i", "admin", "--print", *words)
        assert done.code == 0, done.err
        page = opened(desk, done.out.strip())[1]
        assert "29 minutes" in page or "30 minutes" in page
    desk.write({}, guards={"rail": {"identities": ["admin"], "max_session": "10m"}})
    done = desk.lab.eksauth("console", "-i", "admin", "--print")
    assert done.code == 4
    assert "no session shorter" in done.err


def test_an_endpoint_that_is_not_aws(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials go to nobody in the clear, and an answer that is none is one line."""
    desk.lab.eksauth("exec", "-i", "admin", "--", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SIGNIN", "http://signin.example")
    done = desk.lab.eksauth("console", "-i", "admin", "--print")
    assert (done.code, done.out) == (3, "")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SIGNIN", os.environ["AWS_ENDPOINT_URL"] + "/start")
    done = desk.lab.eksauth("console", "-i", "admin", "--print")
    assert (done.code, done.out) == (5, "")


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.name)
def test_hosts_are_those_of_the_sdks(partition: Any) -> None:
    """Every partition has a sign-in host, and botocore's own rules know its domain."""
    rules = Path(botocore.__file__).parent / "data" / "signin"
    if not rules.exists():
        pytest.skip("this botocore knows no sign-in service")
    text = "".join(gzip.decompress(path.read_bytes()).decode() for path in rules.glob("*/endpoint-rule-set-1.json.gz"))
    region = min(partition.regions)
    parts = urlsplit(federation_endpoint(region))
    assert (parts.scheme, parts.path) == ("https", "/federation")
    assert parts.hostname is not None
    assert parts.hostname.endswith(f"signin.{DOMAINS[partition.name]}")
    assert f'"https://{{Region}}.signin.{DOMAINS[partition.name]}"' in text
    assert destination_url(None, region).startswith(f"https://console.{DOMAINS[partition.name]}/console/home?region=")


def test_sovereign_clouds_have_no_global_host() -> None:
    """Where only regional sign-in hosts exist, that of the region is asked."""
    assert federation_endpoint("eusc-de-east-1") == "https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation"
    assert federation_endpoint("us-gov-west-1") == "https://signin.amazonaws-us-gov.com/federation"


def test_places() -> None:
    """Short names lead into the console of the region's partition; fragments come after the region."""
    for name in PLACES:
        parts = urlsplit(destination_url(name.upper(), "cn-north-1"))
        assert (parts.scheme, parts.hostname, parts.query) == ("https", "console.amazonaws.cn", "region=cn-north-1")
    own = "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#Instances:"
    assert destination_url(own, "eu-west-1") == own


@pytest.mark.parametrize(
    "destination",
    [
        "nowhere",
        "",
        "http://console.aws.amazon.com/",
        "https://console.aws.amazon.com.evil.example/",
        "https://evilaws.amazon.com/",
        "https://aws.amazon.com@evil.example/",
        "https://user@console.aws.amazon.com/",
        "https://console.amazonaws.cn/",
        "javascript://console.aws.amazon.com/%0aalert(1)",
        "https://[::1",
        "https://console.aws.amazon.com/\n",
    ],
)
def test_places_that_are_not_the_console(destination: str) -> None:
    """Nobody is sent anywhere else with a sign-in of AWS in front."""
    with pytest.raises(UsageError):
        destination_url(destination, "us-east-1")
