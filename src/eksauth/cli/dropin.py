"""The AWS CLI takes its global options before, between and after the words of a command; click only after."""

from __future__ import annotations

from collections.abc import Sequence

GLOBALS_WITH_VALUE = frozenset(
    (
        "--region",
        "--profile",
        "--output",
        "--query",
        "--endpoint-url",
        "--ca-bundle",
        "--color",
        "--cli-read-timeout",
        "--cli-connect-timeout",
        "--cli-binary-format",
        "--cli-error-format",
    )
)
GLOBAL_SWITCHES = frozenset(
    (
        "--debug",
        "--no-sign-request",
        "--no-verify-ssl",
        "--no-paginate",
        "--no-cli-pager",
        "--cli-auto-prompt",
        "--no-cli-auto-prompt",
        "--v2-debug",
    )
)


def options_last(argv: Sequence[str]) -> list[str]:
    """Move AWS global options behind ``eks SUBCOMMAND``; anything else comes back unchanged."""
    words: list[str] = []
    options: list[str] = []
    at = 0
    while at < len(argv) and len(words) < 2:
        word = argv[at]
        at += 1
        flag, equals, _ = word.partition("=")
        if flag in GLOBALS_WITH_VALUE:
            options.append(word)
            if not equals and at < len(argv):
                options.append(argv[at])
                at += 1
        elif word in GLOBAL_SWITCHES:
            options.append(word)
        elif word.startswith("-"):
            return list(argv)
        else:
            words.append(word)
            if words[0] != "eks":
                return list(argv)
    return [*words, *options, *argv[at:]]
