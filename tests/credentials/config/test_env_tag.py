"""``!env`` in a configuration."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.credentials.config.kit import judged, lines, loaded

from eksauth.credentials.config.env_tag import FromEnvironment, parse_env
from eksauth.errors import ConfigError

TEXT = """\
auth:
  providers:
    sso:
      kind: aws/iam-identity-center
      start_url: !env {}
      region: eu-west-1
"""


@pytest.mark.parametrize(
    "text, expected",
    [
        ("NAME", FromEnvironment("NAME", None)),
        ("NAME word", FromEnvironment("NAME", "word")),
        ('NAME "two words"', FromEnvironment("NAME", "two words")),
        ("NAME ''", FromEnvironment("NAME", "")),
    ],
)
def test_what_a_tag_asks_for(text: str, expected: FromEnvironment) -> None:
    """A name, and a default that stands in quotes when it has blanks."""
    assert parse_env(text) == expected


@pytest.mark.parametrize("text", ["", "1A", "A-B", "A b c", "A 'b", "$A", "A=b"])
def test_what_a_tag_cannot_ask_for(text: str) -> None:
    """Anything but a name and one default is refused."""
    with pytest.raises(ValueError, match="!env"):
        parse_env(text)


def test_a_variable_gives_the_value(tmp_path: Path) -> None:
    """The value of the variable is the key's, and its digest is part of what made the configuration."""
    url = "https://b.awsapps.com/start"
    config = loaded(tmp_path, TEXT.format("URL"), environ={"URL": url})

    assert config.providers["sso"].start_url == url
    assert config.inputs == (("URL", hashlib.sha256(url.encode()).hexdigest()),)


def test_the_default_holds_without_the_variable(tmp_path: Path) -> None:
    """Without the variable its default holds, and that it was not set is recorded."""
    config = loaded(tmp_path, TEXT.format("URL https://d.awsapps.com/start"))

    assert config.providers["sso"].start_url == "https://d.awsapps.com/start"
    assert config.inputs == (("URL", ""),)


@pytest.mark.parametrize("environ", [{}, {"URL": ""}], ids=["not set", "empty"])
def test_no_variable_is_no_value(tmp_path: Path, environ: dict[str, str]) -> None:
    """As in Atmos a variable that is not set gives null; a required key is then missing, at its place."""
    with pytest.raises(ConfigError, match=r"eksauth\.yaml:4:7: providers\.sso\.start_url is missing"):
        loaded(tmp_path, TEXT.format("URL"), environ=environ)


def test_the_value_of_a_variable_never_shows(tmp_path: Path) -> None:
    """A value that does not fit is not repeated: it may be a secret in the wrong place."""
    problems = judged(tmp_path, TEXT.format("URL"), environ={"URL": "hunter2-very-secret"})

    assert lines(problems) == ["5:18 error config.value"]
    assert "hunter2" not in str(problems)


@pytest.mark.parametrize(
    "tag", ["!exec echo x", "!include other.yaml", "!repo-root", "!terraform.output a b", "!!binary eA=="]
)
def test_other_functions_are_not_carried_out(tmp_path: Path, tag: str) -> None:
    """Inside auth only ``!env`` means anything; the others are errors and nothing is run."""
    text = TEXT.replace("!env {}", tag)

    problems = judged(tmp_path, text)

    assert problems[0].code in {"config.function", "config.value"}
    assert problems[0].place.line == 5


def test_a_tag_on_a_list_is_an_error(tmp_path: Path) -> None:
    """``!env`` takes its words as text, not as a list."""
    assert lines(judged(tmp_path, TEXT.format("[A, b]"))) == ["5:18 error config.value"]
