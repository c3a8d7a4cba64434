"""Documents: positions, what is refused and how it is said, limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eksauth.errors import ConfigError, EksauthError
from eksauth.kubeconfig.document import SECTIONS, Document, load_document, parse_document
from eksauth.kubeconfig.model import Cluster, Context, User
from eksauth.kubeconfig.nodes import Mapping, Scalar
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.resolve import merge
from eksauth.kubeconfig.source import MAX_FILE_BYTES
from eksauth.kubeconfig.view import as_dict, as_json, as_yaml

PATH = Path("config")
LAYOUTS = {
    "kubectl": """\
apiVersion: v1
contexts:
- context:
    cluster: c
    user: u
  name: first
# between
- context:
    cluster: c
    namespace: team # trailing
    user: u
  name: second

# after
current-context: first
""",
    "indented": """\
# head
contexts:
    -   name: first
        context: {cluster: c, user: u}

    -
        name: second
        context:
            cluster: c
            user: u
            namespace: team
""",
    "flow": "{contexts: [{name: first, context: {cluster: c, user: u}},\n"
    "  {name: second, context: {cluster: c, user: u, namespace: team}}]}\n",
    "json": '{"contexts": [\n\t{"name": "first", "context": {"cluster": "c", "user": "u"}},\n'
    '\t{"name": "second", "context": {"cluster": "c", "user": "u", "namespace": "team"}}\n]}',
    "aliases": """\
x: &body
  cluster: c
  user: u
contexts:
- name: first
  context: *body
- name: second
  context:
    <<: *body
    namespace: team
""",
}


def _parse(text: str | bytes, *, strict: bool = True) -> Document:
    return parse_document(text.encode() if isinstance(text, str) else text, PATH, strict=strict)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "crlf"])
def test_layouts_and_encodings_mean_the_same(layout: str, encoding: str) -> None:
    """Whatever the style, the encoding and the line ends, the entries are the same, and each offset cuts out its text."""
    text = LAYOUTS[layout]
    data = text.replace("\n", "\r\n").encode() if encoding == "crlf" else text.encode(encoding)
    document = _parse(data)
    first, second = document.sections["contexts"]
    assert first.value == Context("c", "u")
    assert second.value == Context("c", "u", "team")
    assert document.encode(document.text) == data
    for entry in (first, second):
        assert entry.name_node is not None
        assert document.text[entry.name_node.start : entry.name_node.end].strip('"') == entry.name
        assert document.place(entry.start) == (entry.line, entry.column)
        cut = document.text[entry.start : entry.end]
        assert cut[0] == ("{" if layout in {"flow", "json"} else "-")
        assert cut == cut.rstrip()
        assert entry.name in cut
        before = document.source.byte_offset(entry.start)
        assert data[before : document.source.byte_offset(entry.end)].decode(document.source.encoding) == cut


def test_an_entry_ends_before_the_comments_that_follow_it() -> None:
    """Comments and blank lines after an entry are not part of it, nor is the comment behind its last value."""
    document = _parse(LAYOUTS["kubectl"])
    first, second = document.sections["contexts"]
    assert document.text[first.end :].startswith("\n# between\n")
    assert document.text[second.end :].startswith("\n\n# after\n")
    assert isinstance(second.body, Mapping)
    assert document.text[second.body.start : second.body.end].endswith("user: u")


def test_flags_tell_what_makes_splicing_hard() -> None:
    """Flow style, anchors and further documents are told."""
    assert _parse(LAYOUTS["json"]).flow
    assert not _parse(LAYOUTS["kubectl"]).flow
    assert _parse(LAYOUTS["aliases"]).anchors
    assert not _parse(LAYOUTS["indented"]).anchors
    assert _parse("kind: Config\n---\nkind: Pod\n").multi_document
    assert _parse("kind: Config\n---\n[").multi_document
    assert not _parse("---\nkind: Config\n...\n").multi_document


def test_block_scalars_end_with_their_text() -> None:
    """A literal text ends at its last line, without the blank lines and comments below it."""
    text = "users:\n- name: u\n  user:\n    exec:\n      installHint: |\n        one\n        two\n\n# end\n"
    entry = _parse(text).sections["users"][0]
    assert isinstance(entry.value, User)
    assert entry.value.exec
    assert entry.value.exec.install_hint == "one\ntwo\n"
    assert text[entry.end :] == "\n\n# end\n"


@pytest.mark.parametrize(
    "text,place,part,hint",
    [
        pytest.param(
            "clusters:\n  c:\n    server: x\n", (2, 3), "clusters is a mapping, not a list", "- name", id="map"
        ),
        pytest.param("contexts:\n- name: 08\n", (2, 9), "is a number, not text", '"08"', id="number"),
        pytest.param("contexts:\n- name: yes\n", (2, 9), "is a truth value, not text", '"yes"', id="truth"),
        pytest.param(
            "users:\n- name: u\n  user:\n    exec:\n      env:\n      - name: A\n        value: 1\n",
            (7, 16),
            'user "u".exec.env',
            '"1"',
            id="deep",
        ),
        pytest.param(
            "clusters:\n- {name: c, cluster: {insecure-skip-tls-verify: 'true'}}\n",
            (2, 49),
            "not a truth value",
            "remove the quotes",
            id="quoted",
        ),
        pytest.param(
            "users:\n- name: u\n  user: {client-key-data: Q}\n",
            (3, 27),
            "client-key-data is not base64",
            "padding",
            id="base64",
        ),
        pytest.param(
            "users:\n- name: u\n- name: u\n", (3, 3), 'user "u" is already in line 2', "rename", id="duplicate"
        ),
        pytest.param("a: b\n\tc: d\n", (2, 1), "not valid YAML", "tabs", id="tab"),
        pytest.param("a: b\nc: [\n", (3, 1), "not valid YAML", "quotes", id="open"),
        pytest.param("a: b\nc: *x\n", (2, 4), "no anchor", "", id="alias"),
        pytest.param("a: &x [*x]\n", (1, 8), "contains itself", "", id="loop"),
        pytest.param("kind: Pod\n", (1, 7), "kind is Pod, not Config", "no kubeconfig", id="kind"),
        pytest.param("- a\n", (1, 1), "a kubeconfig is a mapping, and this is a list", "apiVersion", id="list"),
        pytest.param(b"a: b\nc: \xff\n", (2, 4), "not UTF-8 text", "UTF-8", id="encoding"),
        pytest.param(b"a: b\nc: d\x00\n", (2, 5), "not valid YAML", "damaged", id="nul"),
        pytest.param("? [a]\n: b\n", (1, 3), "a key must be text", "word", id="key"),
        pytest.param("\n%YAML 1.2\n---\na: b\n", (2, 1), "version 1.2", "1.1", id="version"),
        pytest.param('{"a": 1,\n "b": "x\\/y"}', (2, 7), "unknown escape", "instead of", id="slash"),
        pytest.param("a: !!int x\n", (1, 4), "the value is no int", "tag", id="tag"),
        pytest.param("[" * 100_000, (1, 201), "nested too deeply", "", id="deep-flow"),
        pytest.param("- " * 5_000, (1, 401), "nested too deeply", "", id="deep-block"),
    ],
)
def test_refusals_name_the_place_and_the_remedy(
    text: str | bytes, place: tuple[int, int], part: str, hint: str
) -> None:
    """Everything malformed is one line with file, line, column and cause, and a hint how to mend it."""
    with pytest.raises(ConfigError) as caught:
        _parse(text)
    assert caught.value.message.startswith(f"config:{place[0]}:{place[1]}: ")
    assert part in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_refusals_never_show_secrets() -> None:
    """Kubectl prints whole entries, tokens included, when a name occurs twice; this does not."""
    text = (
        "users:\n- name: u\n  user: {token: s3cr3t}\n- name: u\n  user: {password: s3cr3t, client-key-data: s3cr3t}\n"
    )
    document = _parse(text, strict=False)
    shown = repr(document.sections) + repr(document.source) + "".join(problem.message for problem in document.problems)
    assert document.problems
    assert "s3cr3t" not in shown
    assert "s3cr3t" not in repr(document.sections["users"][0].value)


def test_all_problems_are_collected_on_demand() -> None:
    """Without strictness every problem is told, and the sound entries are there."""
    text = "contexts:\n- name: 1\n- name: ok\n- name: ok\nusers: x\nkind: Pod\nclusters:\n- name: c\n  cluster: []\n"
    document = _parse(text, strict=False)
    assert [problem.line for problem in document.problems] == [6, 9, 2, 4, 5]
    assert [entry.name for entry in document.sections["contexts"]] == ["ok"]


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "null\n", "~", "---\n", "{}", "\ufeff", "--- # x\n...\n"])
def test_files_without_content_are_empty(text: str) -> None:
    """Nothing, comments and null are an empty kubeconfig, not an error."""
    document = _parse(text)
    assert not any(document.sections[section] for section in SECTIONS)
    assert document.current_context == ""


def test_the_first_yaml_document_is_used_and_later_garbage_ignored() -> None:
    """Kubectl looks at the first document only, whatever follows."""
    assert _parse("current-context: one\n---\ncurrent-context: [two\n").current_context == "one"


def test_alias_bombs_are_refused_at_once() -> None:
    """Aliases that multiply are counted, not followed."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    with pytest.raises(ConfigError, match="multiply"):
        _parse("\n".join(lines))
    merges = ["a0: &a0 {k: v}"] + [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40)]
    with pytest.raises(ConfigError, match="multiply"):
        _parse("\n".join(merges))


def test_ordinary_use_of_aliases_is_fine() -> None:
    """A body shared by two hundred users is no bomb."""
    users = "".join(f"- name: u{n}\n  user: *u\n" for n in range(200))
    document = _parse(
        f"x: &u\n  exec: {{command: a, args: [b, c], apiVersion: client.authentication.k8s.io/v1}}\nusers:\n{users}"
    )
    assert len(document.sections["users"]) == 200


def test_huge_files_are_refused_before_they_are_read_whole(tmp_path: Path) -> None:
    """More than 50 MiB cannot be a kubeconfig; a sparse file of a terabyte does no harm."""
    path = tmp_path / "huge"
    with path.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(ConfigError, match="larger than 50 MiB"):
        load_document(path)
    with pytest.raises(ConfigError, match="larger than 50 MiB"):
        parse_document(b" " * (MAX_FILE_BYTES + 1), path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file is None; a directory, a file as directory and a loop of links are errors that say so."""
    assert load_document(tmp_path / "missing") is None
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for path, reason in (
        (tmp_path, "is a directory"),
        (tmp_path / "file/x", "not a directory"),
        (tmp_path / "loop", ""),
    ):
        with pytest.raises(ConfigError, match=f"cannot be read: .*{reason}"):
            load_document(path)
    with pytest.raises(ConfigError, match="NUL"):
        load_document(Path("a\0b"))


def test_a_long_file_keeps_lines_and_offsets() -> None:
    """The last of many entries knows its line; nothing takes time that grows with the square of the length."""
    count = 3000
    text = "contexts:\n" + "".join(f"- name: c{n}\n  context:\n    cluster: k\n    user: u\n" for n in range(count))
    entry = _parse(text).sections["contexts"][-1]
    assert entry.line == 2 + 4 * (count - 1)
    assert text[entry.start : entry.end].startswith(f"- name: c{count - 1}\n")


def test_unknown_keys_stay_in_the_nodes() -> None:
    """What kubectl does not know is neither refused nor lost."""
    document = _parse("x-owner: team\nclusters:\n- name: c\n  color: red\n  cluster: {server: s, note: kept}\n")
    entry = document.entry("clusters", "c")
    assert entry is not None
    assert entry.value == Cluster(server="s")
    assert "note: kept" in document.text[entry.start : entry.end]
    node = document.top["x-owner"].node
    assert isinstance(node, Scalar)
    assert node.value == "team"


TOKENS = [
    *"{}[],:-?&*!|>'\"%@`#~",
    " ", "\n", "\t", "\r\n", "\x00", "\ufeff", "\u2028", "é",
    "a", "name", "clusters", "contexts", "users", "cluster", "context", "user", "exec", "env", "current-context",
    "extensions", "extension", "<<", "&a ", "*a", "!!binary ", "!!str ", "---", "...", "null", "yes", "1e3", ".nan", "0x",
    ": ", "\n- ", "\n  ", "\n    ", "certificate-authority-data",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=120),
        st.lists(st.sampled_from(TOKENS), max_size=60).map("".join).map(str.encode),
        st.tuples(st.sampled_from(sorted(LAYOUTS)), st.integers(0, 300), st.binary(max_size=3)).map(
            lambda cut: LAYOUTS[cut[0]].encode()[: cut[1]] + cut[2] + LAYOUTS[cut[0]].encode()[cut[1] :]
        ),
    )
)
@example(data=b"!!binary (")
@example(data=b"a: !!int x")
@example(data=b"a: ! x\nb: !<tag:yaml.org,2002:float> 1e999")
@example(data=b"1e999: a\n.nan: b\n")
@example(data=b"extensions: [{extension: {1e-7: 1, 1e300: 2, .inf: 3}}]")
def test_any_bytes_are_read_or_refused_with_a_sentence(data: bytes) -> None:
    """No input makes anything but an answer or an error of ours, and what is read can be shown."""
    for strict in (True, False):
        try:
            document = parse_document(data, PATH, strict=strict)
        except EksauthError:
            continue
        for entries in document.sections.values():
            for entry in entries:
                assert 0 <= entry.start <= entry.end <= len(document.text)
                assert entry.line >= 1
        shown = as_dict(merge(Files((PATH,), Origin.FLAG), [document]))
        assert as_yaml(shown)
        assert as_json(shown)
