"""A ConfigMap as large as one can be."""

from __future__ import annotations

from typing import Any

from tests.authenticator.mapping.callers import A, aws_auth, identity, role

from eksauth.authenticator.backends.cluster.config_map import Sections
from eksauth.authenticator.backends.files.reading.read import LARGE_BYTES
from eksauth.authenticator.mapping.model import Match


def config_map(text: str) -> tuple[dict[str, Any], ...]:
    """Return the ConfigMap as the API has it."""
    return ({"metadata": {"name": "aws-auth", "uid": "1"}, "data": {"mapRoles": text}},)


def section(last: str) -> str:
    """Return a section of many roles, some of which can never match, that ends with ``last``."""
    text = (
        "".join(role(f"arn:aws:iam::{A}:role/{'team/' * (at % 100 == 0)}R{at}", f"r{at}") for at in range(4000)) + last
    )
    assert len(text) > LARGE_BYTES
    return text


async def test_it_is_what_a_small_one_is() -> None:
    """Entries, problems and lines are those of reading here; a broken one leaves the last good entries."""
    sections = Sections(lambda: True, lambda _config_map: None)
    text = section(role(f"arn:aws:iam::{A}:role/CICDRole", "good"))
    content = await sections.read(config_map(text))
    expected = aws_auth(mapRoles=text)
    assert content.entries == 4001
    assert content.table.mappings == expected.mappings
    assert content.problems == expected.problems
    answer = content.table.lookup(identity())
    assert isinstance(answer, Match)
    assert (answer.username, str(answer.source)) == ("good", "aws-auth/mapRoles:12001")
    broken = await sections.read(config_map(section("- rolearn: [\n")))
    assert broken.failure is not None
    assert broken.failure.startswith("mapRoles keeps its last 4001 entries: aws-auth/mapRoles:12002:1: not valid YAML")
    assert broken.table.lookup(identity()) == answer
