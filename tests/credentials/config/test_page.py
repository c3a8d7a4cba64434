"""The page about the configuration names every key, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from tests.credentials.config.kit import judged

from eksauth.credentials.config import kinds
from eksauth.credentials.config.identity_keys import IDENTITIES
from eksauth.credentials.config.keys import Either, Section
from eksauth.credentials.config.provider_keys import PROVIDERS
from eksauth.credentials.config.settings_keys import AUTH, GUARD, INTEGRATION

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "identities.md"


def _paths(section: Section, before: str = "") -> Iterator[str]:
    for key in section.keys:
        path = f"{before}{key.name}"
        shape = key.shape.section if isinstance(key.shape, Either) else key.shape
        if isinstance(shape, Section):
            yield from _paths(shape, f"{path}.")
        else:
            yield path


def _on_page() -> set[str]:
    """Return the keys in backticks; ``.b`` after ``a.x`` is short for ``a.b``."""
    found: set[str] = set()
    for line in PAGE.read_text().splitlines():
        before = ""
        for word in re.findall(r"`([a-z_.]+)`", line):
            full = before + word if word.startswith(".") else word
            before = full.rpartition(".")[0]
            found.add(full)
    return found


def test_every_key_is_on_the_page() -> None:
    """Each key of each kind is named by its path, or by its last part in the section of its kind."""
    sections = [AUTH, GUARD, INTEGRATION, *PROVIDERS.values(), *IDENTITIES.values()]
    keys = {path for section in sections for path in _paths(section)}
    written = _on_page()

    missing = {
        path
        for path in keys
        if path not in written
        and path not in {"principal.account.id", "principal.account.name", "spec.files", "spec.aws.resolver.url"}
    }
    assert len(keys) > 80
    assert missing - {"provider"} == set()
    assert {"spec.aws.resolver.url", "spec.files.base_path"} <= written


def test_every_kind_is_on_the_page() -> None:
    """Each kind of provider and identity has its place."""
    text = PAGE.read_text()

    for kind in (*kinds.PROVIDER_KINDS, *kinds.IDENTITY_KINDS, kinds.INTEGRATION_KIND):
        assert f"`{kind}`" in text


def test_the_example_is_good(tmp_path: Path) -> None:
    """The example at the top has no problem at all."""
    example = PAGE.read_text().split("```yaml\n")[1].split("```")[0]

    assert judged(tmp_path, example) == []
    assert set(yaml.safe_load(example)["auth"]["identities"]) == {"dev", "deploy"}
