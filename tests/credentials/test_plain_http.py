"""Single requests that carry a secret: where they may go, and what may come back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.credentials.loopback_http import Reply, serving

from eksauth.credentials.plain_http import MAX_BODY_BYTES, NoAnswer, is_safe_url, request


@pytest.mark.parametrize(
    "url, safe",
    [
        ("https://token.example.com/x?y=z", True),
        ("https://[2001:db8::1]:8443/", True),
        ("http://127.0.0.1:8080/", True),
        ("http://127.7.7.7/", True),
        ("http://[::1]:80/", True),
        ("http://localhost/", True),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://169.254.169.254/latest", False),
        ("http://0.0.0.0/", False),
        ("https://", False),
        ("https://user:secret@example.com/", False),
        ("https://example.com:99999/", False),
        ("https://exämple.com/", False),
        ("https://example.com/a b", False),
        ("https://example.com/\r\nX: y", False),
        ("file:///etc/passwd", False),
        ("", False),
        ("https://[::1", False),
    ],
)
def test_where_secrets_may_go(url: str, safe: bool) -> None:
    """Https to anywhere, http to this machine only; nothing with credentials or letters that mean something else."""
    assert is_safe_url(url) is safe


def test_an_endless_answer_is_refused() -> None:
    """Answers have a limit, so that nobody can fill the memory."""
    with (
        serving(lambda _: Reply(body=b"x" * (MAX_BODY_BYTES + 1))) as served,
        pytest.raises(NoAnswer, match="more than"),
    ):
        request("GET", served.url, headers={}, environ={}, doing="testing")


def test_no_redirect_is_followed() -> None:
    """A redirect is an answer like any other: the secret was for one host."""
    with serving(lambda _: Reply(307, headers={"Location": "/elsewhere"})) as served:
        answer = request("POST", served.url, headers={"Authorization": "x"}, environ={}, body=b"{}", doing="testing")
    assert (answer.status, len(served.asked)) == (307, 1)


def test_this_machine_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy does not see what stays on this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving(lambda _: Reply(body=b"here")) as served:
        assert request("GET", served.url, headers={}, environ={}, doing="testing").body == b"here"


@pytest.mark.parametrize("content", [None, "no certificates"])
def test_certificates_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    """A missing or broken AWS_CA_BUNDLE is an error of one line that names it."""
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(NoAnswer) as caught:
        request("GET", "https://127.0.0.1:1/", headers={}, environ={"AWS_CA_BUNDLE": str(bundle)}, doing="testing")
    assert "AWS_CA_BUNDLE" in f"{caught.value} {caught.value.hint}"
    assert "\n" not in str(caught.value)
