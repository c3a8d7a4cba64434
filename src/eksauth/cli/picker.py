"""Choosing one of many names by typing some of its letters, with a preview; only ever on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import BufferControl, FormattedTextControl, HSplit, Layout, VSplit, Window
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import create_output
from prompt_toolkit.styles import Style

from eksauth.kubeconfig.context_lines import visible
from eksauth.kubeconfig.fuzzy import matching

_ROWS = 12
_PREVIEW_ROWS = 8
_STYLE = Style.from_dict({"chosen": "reverse", "current": "ansigreen bold", "dim": "ansibrightblack", "label": "bold"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One name.

    :ivar marks: shown behind it.
    :ivar preview: labels and texts, made when it is looked at.
    """

    name: str
    marks: str
    preview: Callable[[], list[tuple[str, str]]]


class _State:
    def __init__(self, choices: Sequence[Choice], current: str) -> None:
        self.choices = choices
        self.names = [choice.name for choice in choices]
        self.current = current
        self.found = list(range(len(choices)))
        self.at = self.names.index(current) if current in self.names else 0

    def search(self, query: str) -> None:
        self.found = matching(query, self.names)
        self.at = 0

    def move(self, by: int) -> None:
        self.at = max(0, min(len(self.found) - 1, self.at + by))

    def chosen(self) -> Choice | None:
        return self.choices[self.found[self.at]] if self.found else None

    def list_text(self) -> StyleAndTextTuples:
        first = max(0, min(self.at - _ROWS // 2, len(self.found) - _ROWS))
        lines: StyleAndTextTuples = []
        for row in range(first, min(first + _ROWS, len(self.found))):
            choice = self.choices[self.found[row]]
            style = "class:current" if choice.name == self.current else ""
            style += " class:chosen" if row == self.at else ""
            mark = "*" if choice.name == self.current else " "
            lines += [(style, f"{mark} {visible(choice.name)}"), ("class:dim", f"{choice.marks}\n")]
        return lines or [("class:dim", "  nothing fits\n")]

    def preview_text(self) -> StyleAndTextTuples:
        choice = self.chosen()
        lines: StyleAndTextTuples = []
        for label, text in choice.preview() if choice else []:
            lines += [("class:label", f"{label:<10}"), ("", f"{visible(text)}\n")]
        return lines


def pick(choices: Sequence[Choice], *, current: str, title: str) -> str | None:
    """Let somebody choose and return the name; None when they leave it be (Escape, Ctrl-C, Ctrl-D).

    Drawn on stderr, and taken away afterwards.
    """
    import sys

    state = _State(choices, current)
    query = Buffer(multiline=False, on_text_changed=lambda buffer: state.search(buffer.text))
    prompt = Window(BufferControl(query, input_processors=[BeforeInput(f"{title}> ", "class:label")]), height=1)
    count = Window(FormattedTextControl(lambda: f"  {len(state.found)} of {len(choices)}"), height=1, style="class:dim")
    names = Window(FormattedTextControl(state.list_text), wrap_lines=False)
    details = Window(FormattedTextControl(state.preview_text), wrap_lines=True)
    height = max(_PREVIEW_ROWS, min(_ROWS, len(choices)))
    body = VSplit([names, Window(width=1, char="│", style="class:dim"), details], padding=1, height=height)
    application: Application[str | None] = Application(
        layout=Layout(HSplit([prompt, count, body]), focused_element=query),
        key_bindings=_keys(state),
        style=_STYLE,
        erase_when_done=True,
        mouse_support=False,
        output=create_output(stdout=sys.stderr),
    )
    application.ttimeoutlen = 0.05
    return application.run()


def _keys(state: _State) -> KeyBindings:
    keys = KeyBindings()
    moves = {"up": -1, "c-p": -1, "down": 1, "c-n": 1, "pageup": -_ROWS, "pagedown": _ROWS}
    for key, by in moves.items():
        keys.add(key)(lambda _event, by=by: state.move(by))

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        choice = state.chosen()
        if choice is not None:
            event.app.exit(result=choice.name)

    @keys.add("escape", eager=True)
    @keys.add("c-c")
    @keys.add("c-d")
    @keys.add("c-g")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=None)

    return keys
