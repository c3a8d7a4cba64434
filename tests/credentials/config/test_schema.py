"""The JSON Schema and ``config validate`` agree: both come from the same tables, and here both judge the same trees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credentials.config.test_atmos import ATMOS

from eksauth.credentials.config import kinds
from eksauth.credentials.config.assemble import assemble
from eksauth.credentials.config.document import Document
from eksauth.credentials.config.identity_keys import IDENTITIES
from eksauth.credentials.config.keys import Anything, Command, Either, Key, Listing, Section, Shape, Table, Variables
from eksauth.credentials.config.provider_keys import PROVIDERS
from eksauth.credentials.config.schema import json_schema
from eksauth.credentials.config.settings_keys import AUTH, GUARD, INTEGRATION
from eksauth.credentials.config.shapes import Account, Choice, Duration, FileMode, Flag, Port, Text, Url

SCHEMA = json_schema()
JUDGE = jsonschema.Draft202012Validator(SCHEMA)
VISIBLE = {"config.unknown_key", "config.value", "config.missing", "config.kind", "config.name"}
"""What a schema can see: keys, kinds, spellings; not names that mean each other, nor files."""
GOOD = {
    "arn:aws[a-z-]*:iam::[0-9]{12}:role/": "arn:aws-cn:iam::123456789012:role/a/b",
    "policy/root-task/": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
    ":policy/": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "sms-mfa": "arn:aws:iam::123456789012:mfa/jane",
    "trust-anchor": "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/x",
    ":profile/": "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/x",
    "{16,128}": "AKIAIOSFODNN7EXAMPLE",
    "^[a-z0-9][a-z0-9-]{0,61}": "eu-west-1",
    "A-Za-z_": "NAME_1",
    "": "words-1",
}
"""Part of a pattern -> a text that fits."""


def _mostly(good: list[Any], bad: list[Any], odd: bool) -> st.SearchStrategy[Any]:
    """Return good values; in an odd tree now and then a bad one."""
    return st.sampled_from([*good * (1 + 24 // len(good)), *bad] if odd else good)


def _texts(shape: Text, odd: bool) -> st.SearchStrategy[Any]:
    good = next(text for part, text in GOOD.items() if part in shape.pattern)
    bad: list[Any] = [True, ["x"], {"x": "y"}, *(["no good\u00e9!"] if shape.pattern else [])]
    return _mostly([good], bad, odd)


def _values(shape: Shape, odd: bool) -> st.SearchStrategy[Any]:
    """Return values of a shape."""
    match shape:
        case Section():
            return _sections(shape, odd)
        case Either():
            return _values(shape.scalar, odd) | _sections(shape.section, odd)
        case Listing():
            return st.lists(_values(shape.item, odd), max_size=2) | _values(shape.item, odd)
        case Command():
            return _mostly(["run it", ["run", "it"], ["run", 1], []], [["x", ["x"]], {"a": "b"}], odd)
        case Table():
            return st.dictionaries(st.sampled_from(["a", "b c"]), _values(shape.item, odd), max_size=2)
        case Variables():
            good: list[Any] = [[{"key": "A", "value": "x"}], [{"key": "B"}], {"A": 1}]
            return _mostly(good, [[{"value": "x"}], {"A-B": "x"}, ["A"], [{"key": "A", "what": 1}]], odd)
        case Anything():
            return st.just({"any": ["thing"]})
        case Flag():
            return _mostly([True, False, "true", "No"], ["maybe", 1, []], odd)
        case Duration():
            return _mostly([3600, 900, "1h", "1h30m", "2d", 1.5], ["1h 30m", "soon", 0, -5, True], odd)
        case Account():
            return _mostly(["012345678901", 123456789012], ["1234", 12, "12345678901a"], odd)
        case Choice():
            return _mostly([*shape.words], ["other", 3], odd)
        case Url():
            good = ["https://a.example/start#/", "http://localhost:1/"]
            return _mostly(good, ["ftp://x", "https://u:p@x/", "//x", 7], odd)
        case Port():
            return _mostly([0, 8080, 65535], [65536, -1, "x"], odd)
        case FileMode():
            return _mostly(["0600", "640", "0o600", 600], ["99", "rw"], odd)
        case Text():
            return _texts(shape, odd)
        case _:
            raise AssertionError(shape)


@st.composite
def _sections(draw: st.DrawFn, section: Section, odd: bool, kind: str | None = None) -> Any:
    found: dict[str, Any] = {}
    for key in section.keys:
        if key.name == "kind" and kind is not None:
            found["kind"] = kind
        elif key.required or draw(st.integers(0, 2)) == 0:
            # nothing at all is fine for a key that need not be there
            nothing = [None, ""] if odd or not key.required else []
            usual = [_values(key.shape, odd)] * 8
            found[key.name] = draw(st.one_of(*usual, st.sampled_from(nothing)) if nothing else usual[0])
    if odd and draw(st.integers(0, 9)) == 0:
        found["colour"] = "blue"
    return found


def _items(sections: dict[str, Section], odd: bool) -> st.SearchStrategy[Any]:
    known = [_sections(section, odd, kind) for kind, section in sections.items()]
    others: list[Any] = [{"kind": "azure/cli", "x": {}}]
    others += [{}, {"kind": "nope"}, {"kind": ["x"]}, [], "text"] if odd else []
    names = st.sampled_from(["a", "B.c/d", "x y", "z"])
    return st.dictionaries(names, st.one_of(*known, st.sampled_from(others)), max_size=2) | st.none()


def _trees(odd: bool) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "providers": _items(PROVIDERS, odd),
            "identities": _items({kind: IDENTITIES[ours] for kind, ours in kinds.IDENTITY_KINDS.items()}, odd),
            "integrations": _items({kinds.INTEGRATION_KIND: INTEGRATION}, odd),
            "guards": st.dictionaries(st.sampled_from(["g", "h"]), _sections(GUARD, odd), max_size=2),
            "realm": _mostly(["acme", "a_b-c", "", None], ["A", "a--b"], odd),
            **{name: _values(key.shape, odd) for name in ("logs", "keyring", "console") if (key := AUTH.key(name))},
            **({"colour": st.just("blue")} if odd else {}),
        },
    )


TREES = st.booleans().flatmap(_trees)


def _by_validate(tree: Any) -> list[str]:
    document = Document("/c/eksauth.yaml", yaml.safe_dump(tree, allow_unicode=True), "", 0o100600, 0, 0)
    problems = assemble(document, {"HOME": "/c"}, searched=False, realm=None).problems
    return [f"{item.place} {item.message}" for item in problems if item.severity == "error" and item.code in VISIBLE]


def test_the_schema_is_one() -> None:
    """The schema is a valid one of its draft, and every reference in it leads somewhere."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    references = set(json.dumps(SCHEMA).split('"#/$defs/')[1:])

    assert references
    assert {part.partition('"')[0] for part in references} <= set(SCHEMA["$defs"])


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_schema_and_validate_agree(auth: Any) -> None:
    """A tree that the schema takes has no mistake of keys, kinds or spelling for validate, and the other way round."""
    tree = {"auth": auth}
    by_schema = [f"{list(item.absolute_path)} {item.message}" for item in JUDGE.iter_errors(tree)]
    by_validate = _by_validate(tree)

    assert bool(by_schema) == bool(by_validate), (by_schema, by_validate)


@pytest.mark.parametrize("kind", [*PROVIDERS, *kinds.IDENTITY_KINDS, kinds.INTEGRATION_KIND])
def test_each_kind_closes_its_keys(kind: str) -> None:
    """An unknown key of any kind is refused by both."""
    section = "providers" if kind in PROVIDERS else "integrations" if kind == "aws/eks" else "identities"
    tree = {"auth": {section: {"x": {"kind": kind, "colour": "blue"}}}}

    assert any(
        "colour" in item.message for error in JUDGE.iter_errors(tree) for item in [error, *(error.context or [])]
    )
    assert any("unknown key 'colour'" in message for message in _by_validate(tree))


def _keys(section: Section) -> Iterator[Key]:
    for key in section.keys:
        yield key
        inner = key.shape.section if isinstance(key.shape, Either) else key.shape
        if isinstance(inner, Section):
            yield from _keys(inner)


def test_every_key_is_described() -> None:
    """Editors show a sentence for each key; none ends in a full stop, and what is not used says so."""
    for section in (*PROVIDERS.values(), *IDENTITIES.values(), AUTH, GUARD, INTEGRATION):
        for key in _keys(section):
            assert key.about, key.name
            assert key.about[-1] != "."
    session = SCHEMA["$defs"]["identity"]["allOf"][0]["then"]["properties"]["session"]
    assert session["deprecated"] is True
    assert "Not used" in session["description"]


def test_the_auth_section_of_an_atmos_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What validate finds in a whole file of Atmos is what the schema finds in its section."""

    class Loader(yaml.SafeLoader):
        """Takes every tag for its text."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: str(node.value).rpartition(" ")[2] or "x")
    auth = yaml.load("auth:" + ATMOS.partition("\nauth:")[2], Loader)

    found = {item.message for error in JUDGE.iter_errors(auth) for item in [error, *(error.context or [])]}

    assert any("'enabled'" in message for message in found)
    assert any("oracle/cloud" in message for message in found)
