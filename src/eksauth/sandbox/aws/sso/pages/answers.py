"""Pages and redirects as answers, with the headers that keep browsers strict."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.sandbox.aws.sso.pages.html import Html, fill, page
from eksauth.sandbox.aws.wire import Answer

_POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def show(
    title: str,
    content: Html,
    *,
    person: str = "",
    csrf: str = "",
    status: int = 200,
    code: str = "",
    headers: Mapping[str, str] | None = None,
    form_target: str = "",
) -> Answer:
    """Return a page.

    :param code: for the request log, when the page is a refusal.
    :param form_target: where else than here an answer to a form of this page may lead; browsers check redirects too.
    """
    policy = f"{_POLICY}; form-action 'self' {form_target}".rstrip()
    return Answer(
        status,
        page(title, content, person=person, csrf=csrf),
        "text/html; charset=utf-8",
        {**_HEADERS, "Content-Security-Policy": policy, **(headers or {})},
        code,
    )


def go(location: str, *, headers: Mapping[str, str] | None = None, code: str = "") -> Answer:
    """Return a redirect that is followed with GET."""
    return Answer(303, b"", "text/plain", {**_HEADERS, "Location": location, **(headers or {})}, code)


def show_problem(title: str, message: str, *, status: int, code: str) -> Answer:
    """Return a page that says what is wrong."""
    return show(title, fill(_PROBLEM, title=title, message=message), status=status, code=code)


_PROBLEM = """<h1>{title}</h1>
<p class="alert" role="alert">{message}</p>
<p><a href="/start">Go to the start page</a></p>"""
