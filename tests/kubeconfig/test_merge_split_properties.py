"""Generated kubeconfigs: merging and splitting change names and paths, never what a context means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kubeconfig.managed import document, merged, resolved, text

from eksauth.kubeconfig.combine import Combined, Source, combine
from eksauth.kubeconfig.document import Document, parse_document
from eksauth.kubeconfig.edit import edit
from eksauth.kubeconfig.importing import Import, Plan, operations, plan_import
from eksauth.kubeconfig.name_template import NameTemplate
from eksauth.kubeconfig.split import split

CWD = Path("/cwd")
NAMES = st.sampled_from(
    ["a", "A", "b", "prod", "prod-two", "../up", "", "arn:aws:eks:eu-west-1:111122223333:cluster/x", "1e3"]
)
PATHS = st.sampled_from(["", "ca.crt", "./pki/ca.crt", "../ca.crt", "/etc/ca.crt", "~/ca.crt"])
SETTINGS = settings(max_examples=80, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def _some(**values: Any) -> Any:
    return st.fixed_dictionaries({}, optional={key.replace("_", "-"): value for key, value in values.items()})


CLUSTER = _some(
    server=st.sampled_from(["https://one", "https://two"]),
    certificate_authority=PATHS,
    unknown=st.just({"k": [1, "x"]}),
)
EXEC = st.fixed_dictionaries(
    {"command": st.sampled_from(["aws", "./aws", "/bin/aws", "bin/aws"])}, optional={"args": st.just(["x"])}
)
USER = st.fixed_dictionaries(
    {}, optional={"tokenFile": PATHS, "client-key": PATHS, "exec": EXEC, "token": st.sampled_from(["s", "t"])}
)
CONTEXT = st.fixed_dictionaries({"cluster": NAMES, "user": NAMES}, optional={"namespace": st.sampled_from(["n", "m"])})


def _section(key: str, body: Any) -> Any:
    return st.dictionaries(NAMES, body, max_size=4).map(
        lambda found: [{"name": name, key: value} for name, value in found.items()]
    )


FILE = st.fixed_dictionaries(
    {
        "clusters": _section("cluster", CLUSTER),
        "contexts": _section("context", CONTEXT),
        "users": _section("user", USER),
    },
    optional={"current-context": NAMES, "preferences": st.just({"colors": True})},
)


def _sources(contents: list[dict[str, Any]]) -> list[Source]:
    names = ["one", "two", "three"]
    return [
        Source(document(content, Path(f"/{name}/{name}.yaml")), Path(f"/{name}"))
        for name, content in zip(names, contents, strict=False)
    ]


def _result(combined: Combined, base: Document | None, path: Path) -> Document:
    start = base or parse_document(b"", path)
    changed = edit(start, operations(Plan(combined, ()), base))
    return parse_document(changed.text.encode(), path)


def _new_names(combined: Combined, source: Source) -> dict[str, str]:
    """Return what each context of a source is called now."""
    path = source.document.path
    names = {entry.name: entry.name for entry in source.document.sections["contexts"]}
    names |= {item.old: item.new for item in combined.renamed if item.section == "contexts" and item.path == path}
    lines = {entry.line: entry.name for entry in source.document.sections["contexts"]}
    twins = [item for item in combined.twins if item.section == "contexts" and item.path == path]
    return names | {lines[item.line]: item.name for item in twins}


@SETTINGS
@given(st.lists(FILE, min_size=1, max_size=3), st.booleans())
def test_a_merged_context_means_what_it_meant_alone(contents: list[dict[str, Any]], known_target: bool) -> None:
    """Under its new name every context has the cluster, user, paths and namespace that it has in its own file."""
    sources = _sources(contents)
    target = Path("/one") if known_target else None
    combined = combine(None, sources, NameTemplate(), target=target)
    after = resolved(merged(_result(combined, None, Path("/one/new.yaml"))), CWD)
    for source in sources:
        names = _new_names(combined, source)
        for name, meaning in resolved(merged(source.document), CWD).items():
            now = after[names[name]]
            for part in ("context", "cluster", "user"):
                # a reference into nothing may find its entry in another file, as it does with KUBECONFIG
                if meaning[part] is not None:
                    assert now[part] == meaning[part]


@SETTINGS
@given(FILE, st.lists(FILE, min_size=1, max_size=2))
def test_merging_again_adds_nothing(base: dict[str, Any], contents: list[dict[str, Any]]) -> None:
    """Names are never made at random: the second merge finds everything in place, byte for byte."""
    path = Path("/base/config")
    start = document(base, path)
    wanted = Import(tuple(_sources(contents)), NameTemplate(), path, CWD)
    once = _result(plan_import(wanted, start).combined, start, path)
    again = plan_import(wanted, once)
    assert not again.combined.changed
    assert edit(once, operations(again, once)).text == once.text


@SETTINGS
@given(FILE, st.lists(FILE, min_size=1, max_size=2))
def test_what_the_file_has_stays_as_it_is(base: dict[str, Any], contents: list[dict[str, Any]]) -> None:
    """Contexts of the file that is added to keep their names and meaning."""
    path = Path("/base/config")
    start = document(base, path)
    combined = plan_import(Import(tuple(_sources(contents)), NameTemplate(), path, CWD), start).combined
    after = resolved(merged(_result(combined, start, path)), CWD)
    for name, meaning in resolved(merged(start), CWD).items():
        assert after[name]["context"] == meaning["context"]
        for part in ("cluster", "user"):
            if meaning[part] is not None:
                assert after[name][part] == meaning[part]


@SETTINGS
@given(st.lists(FILE, min_size=1, max_size=3))
def test_split_then_merge_gives_the_same_contexts(contents: list[dict[str, Any]]) -> None:
    """The parts of a split, merged again, are the contexts of the merged view, without a new name."""
    view = merged(*(source.document for source in _sources(contents)))
    parts = split(view, (), Path("/parts"), CWD)
    assert len({part.path.name.lower() for part in parts}) == len(view.contexts)
    assert all(part.path.parent == Path("/parts") for part in parts)
    sources = [Source(parse_document(part.text.encode(), part.path), Path("/parts")) for part in parts]
    combined = combine(None, sources, NameTemplate(), target=Path("/elsewhere"))
    assert combined.renamed == []
    after = _result(combined, None, Path("/elsewhere/config"))
    assert resolved(merged(after), CWD) == resolved(view, CWD)


@SETTINGS
@given(FILE)
def test_each_part_stands_alone(content: dict[str, Any]) -> None:
    """A part has one context, which is current, and it means what it meant."""
    view = merged(document(content, Path("/one/one.yaml")))
    whole = resolved(view, CWD)
    for part in split(view, (), Path("/parts"), CWD):
        alone = merged(parse_document(part.text.encode(), part.path))
        assert resolved(alone, CWD) == {part.context: whole[part.context]}
        assert (alone.current_context.value if alone.current_context else "") == part.context
        assert text(content)
