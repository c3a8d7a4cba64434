"""A person at the terminal who answers as a test says; real code asks, nothing of ours is replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Typist:
    """Gives the prepared answers, in order, and remembers what was asked and told."""

    def __init__(self, *answers: str, browse: Callable[[str], None] | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bool]] = []
        self.told: list[str] = []
        self.browsed: list[str] = []
        self._browse = browse

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, question: str, *, secret: bool = False) -> str:
        self.asked.append((question, secret))
        if not self.answers:
            raise AssertionError(f"nobody expected to be asked: {question}")
        return self.answers.pop(0)

    def confirm(self, question: str) -> bool:
        return self.ask(question) == "yes"

    def choose(self, title: str, names: Sequence[str]) -> str:
        return self.ask(title)

    def browse(self, url: str) -> bool:
        self.browsed.append(url)
        if self._browse is None:
            return False
        self._browse(url)
        return True

    def has_browser(self) -> bool:
        return self._browse is not None
