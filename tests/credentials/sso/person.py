"""People at the sandbox's portal, as eksauth meets them: they are told things and do something in a browser."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, urlsplit

from tests.sandbox.aws.serving import ServedAws


class Person:
    """Signs in as ``user`` wherever a browser is opened; ``allow`` is what they decide.

    :ivar told: all that they were shown.
    :ivar opened: addresses that a browser was opened at.
    """

    def __init__(
        self,
        served: ServedAws,
        user: str = "dana",
        *,
        allow: bool = True,
        local: bool = False,
        opens: bool = True,
        before: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.told: list[str] = []
        self.opened: list[str] = []
        self.pages: list[tuple[int, str]] = []
        self.answer = False
        self._served, self._user, self._allow = served, user, allow
        self._local, self._opens, self._before = local, opens, before

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, question: str, *, secret: bool = False) -> str:
        raise AssertionError(f"asked {question}")

    def confirm(self, question: str) -> bool:
        self.told.append(question)
        return self.answer

    def choose(self, title: str, names: Sequence[str]) -> str:
        raise AssertionError(f"asked {title}")

    def has_browser(self) -> bool:
        return self._local

    def browse(self, url: str) -> bool:
        if not self._opens:
            return False
        self.opened.append(url)
        self._before(url)
        if "/authorize?" in url:
            location = self._served.control(
                "POST", "sso/authorize", {"url": url, "user_name": self._user, "allow": self._allow}
            )["location"]
            threading.Thread(target=self._follow, args=(location,)).start()
        else:
            self.decide(parse_qs(urlsplit(url).query)["user_code"][0])
        return True

    def decide(self, user_code: str) -> None:
        """Type a code at the portal."""
        decision = {"user_code": user_code, "user_name": self._user, "allow": self._allow}
        self._served.control("POST", "sso/decide", decision)

    def _follow(self, location: str) -> None:
        self.pages.append(visit(location))


def visit(url: str, **headers: str) -> tuple[int, str]:
    """Open a page as a browser would; returns status and body."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        reply = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, reply.read().decode()
