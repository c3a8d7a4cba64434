"""The scanner of the fast lane against the real reader: it may refuse to answer, it may never answer differently."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import Document, parse_document
from eksauth.kubeconfig.edit import edit
from eksauth.kubeconfig.guard import is_protected, protect, unprotect
from eksauth.kubeconfig.links import FileState
from eksauth.kubeconfig.model import Context
from eksauth.kubeconfig.operations import SetCurrentContext
from eksauth.kubeconfig.owner import owner_of
from eksauth.kubeconfig.quick import Quick
from eksauth.kubeconfig.quick_switch import switched
from eksauth.kubeconfig.scan import Scan, is_plain, scan
from eksauth.kubeconfig.snapshot import Snapshot

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
USUAL = f"""\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {CA}
    extensions:
    - extension:
        account: "111122223333"
        cluster: one
        region: eu-west-1
        version: 1
      name: eksauth
    server: https://ABC.gr7.eu-west-1.eks.amazonaws.com
  name: arn:aws:eks:eu-west-1:111122223333:cluster/one
- cluster:
    insecure-skip-tls-verify: true
    proxy-url: http://proxy.example:3128
    server: https://127.0.0.1:6443
    tls-server-name: kubernetes.default
  name: kind-two
contexts:
- context:
    cluster: arn:aws:eks:eu-west-1:111122223333:cluster/one
    extensions:
    - extension:
        account: "111122223333"
        cluster: one
        identity: role/111122223333/admin
        region: eu-west-1
        version: 1
      name: eksauth
    - extension:
        protected: true
      name: eksauth-guard
    namespace: payments
    user: arn:aws:eks:eu-west-1:111122223333:cluster/one
  name: one
- context:
    cluster: kind-two
    user: kind-two
  name: two
current-context: two
kind: Config
preferences: {{}}
users:
- name: arn:aws:eks:eu-west-1:111122223333:cluster/one
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - token
      - --cluster-name
      - one
      - --role-arn
      - arn:aws:iam::111122223333:role/admin
      command: /usr/local/bin/eksauth
      env:
      - name: AWS_PROFILE
        value: prod
      installHint: eksauth is not here; install it with pipx install eksauth
      interactiveMode: IfAvailable
      provideClusterInfo: false
- name: kind-two
  user:
    client-certificate-data: {CA}
    client-key-data: {CA}
"""
ODD = [
    "", "~", "null", "n", "No", "1", "012", "1e3", "2024-01-01", "12:30", "'x'", '"x"', '"a\\u0041"', "'it''s'", "[]", "{}", "&a x", "*a",
    "!!str x", "|", ">-", "x: y", "x #y", "x#y", "- x", "--- x", "--", "-", "?", "? x", "@x", "`x", "%x", "x:", ":x", "true", "Off", "é",
    "x y", " x", "x ", "\tx", "x\ty", "\x07", "x\r", "=", "<<", "/x", "-x", "--x", "AAAA", "AAA", "A A=", "QUJD", "x\ny", "x\n  y",
]  # fmt: skip


def same(found: Scan, document: Document, data: bytes) -> None:
    """Check that the scanner found what the real reader finds."""
    contexts = document.sections["contexts"]
    assert [context.name for context in found.contexts] == [entry.name for entry in contexts]
    for context, entry in zip(found.contexts, contexts, strict=True):
        value = entry.value
        assert isinstance(value, Context)
        assert (context.cluster, context.user, context.namespace) == (value.cluster, value.user, value.namespace)
        assert context.protected == is_protected(value)
        assert context.owned == (owner_of(value.extensions) is not None)
    assert found.clusters == [entry.name for entry in document.sections["clusters"]]
    assert found.current == document.current_context
    if found.start >= 0:
        name = found.current
        assert data[found.start : found.end].decode() in {name, f'"{name}"', f"'{name}'"}


def read(data: bytes) -> Document | None:
    """Read with the real reader; None when it refuses."""
    try:
        return parse_document(data, Path("config"))
    except ConfigError:
        return None


def test_the_usual_layout_is_understood() -> None:
    """What kubectl, the AWS CLI and eksauth write needs no YAML parser."""
    found = scan(USUAL.encode())
    assert found is not None
    same(found, parse_document(USUAL.encode(), Path("config")), USUAL.encode())
    assert [context.protected for context in found.contexts] == [True, False]
    assert [context.owned for context in found.contexts] == [True, False]
    assert found.eks_names == ["one"]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Give the usual file with a few lines changed in ways that people and tools change them."""
    lines = USUAL.split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        key, colon, _ = line.partition(": ")
        indent = line[: len(line) - len(line.lstrip(" -"))]
        match draw(st.integers(0, 8)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, line)
            case 2 if colon:
                lines[at] = f"{key}: {draw(st.sampled_from(ODD))}"
            case 3:
                lines[at] = indent + draw(st.sampled_from(ODD))
            case 4:
                lines[at] = " " + line
            case 5:
                lines[at] = line[1:]
            case 6:
                lines.insert(
                    at, draw(st.sampled_from(["", "# comment", "  # comment", "---", "...", "unknown: 1", "users:"]))
                )
            case 7:
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                lines[at] = line + draw(st.sampled_from([" ", " # c", ":", " x", '"']))
        lines = lines or [""]
    return "\n".join(lines)


@settings(max_examples=600, deadline=None)
@given(damaged())
@example(USUAL.replace("current-context: two", "current-context: 'two'"))
@example(USUAL.replace("namespace: payments", "namespace: 1234"))
@example(USUAL.replace("name: two", "name: one"))
@example(USUAL.replace(CA, CA[:-1]))
@example(USUAL.removesuffix("\n"))
@example("")
def test_answers_agree_with_the_real_reader(text: str) -> None:
    """Whatever is scanned, the real reader accepts, and it finds the same contexts, clusters and current context."""
    data = text.encode()
    found = scan(data)
    if found is not None:
        document = read(data)
        assert document is not None
        same(found, document, data)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("abn01-_./:@+=%~ #\"'{}[],&*!|>?`yY"), max_size=6))
@example("on")
@example("NO")
@example("a:")
@example("1e3")
@example("0x1")
def test_names_that_need_no_quotes(name: str) -> None:
    """A name that is taken for plain comes out as the real editor writes it, and means itself."""
    if is_plain(name):
        text = USUAL.replace("current-context: two", f"current-context: {name}")
        assert parse_document(text.encode(), Path("c")).current_context == name
        edited = edit(parse_document(USUAL.encode(), Path("c")), [SetCurrentContext(name)])
        assert edited.text == text


def test_comments_and_blank_lines_are_usual() -> None:
    """A file that somebody annotated is scanned all the same, and the value's place in it is right."""
    lines = USUAL.split("\n")
    text = "# mine\n---\n" + "".join(
        f"{line}\n{'  # current-context: x' if n % 3 else ''}\n" for n, line in enumerate(lines)
    )
    found = scan(text.encode())
    assert found is not None
    same(found, parse_document(text.encode(), Path("config")), text.encode())


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("old", ["two", '"two"', "'two'", '""', "''"])
def test_the_value_is_replaced_as_the_editor_replaces_it(old: str, name: str) -> None:
    """Cutting out the value and writing another gives the bytes that the real editor gives."""
    data = USUAL.replace("current-context: two", f"current-context: {old}").encode()
    found = scan(data)
    assert found is not None
    quick = Quick()
    quick.add("config", found)
    shot = Snapshot(Path("config"), Path("config"), data, FileState(None))
    assert switched(shot, quick, name) == edit(parse_document(data, Path("c")), [SetCurrentContext(name)]).encode()


def test_only_contexts() -> None:
    """For completion clusters and users are passed over; contexts are the same."""
    found = scan(USUAL.replace(CA, "not base64").encode(), only_contexts=True)
    assert found is not None
    assert [context.name for context in found.contexts] == ["one", "two"]
    assert scan(USUAL.replace(CA, "not base64").encode()) is None


def test_marks_that_we_write_are_scanned() -> None:
    """Protecting a context, and lifting it, leaves a file that the fast lane understands."""
    document = parse_document(USUAL.encode(), Path("config"))
    text = edit(document, [protect("two"), unprotect("one")]).encode()
    found = scan(text)
    assert found is not None
    assert [context.protected for context in found.contexts] == [False, True]
    back = edit(parse_document(text, Path("config")), [unprotect("two"), protect("one")]).encode()
    again = scan(back)
    assert again is not None
    assert [context.protected for context in again.contexts] == [True, False]
    same(again, parse_document(back, Path("config")), back)


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf" + USUAL.encode(), USUAL.replace("\n", "\r\n").encode(), b'{"kind": "Config"}', b"\x00", b"\xff"],
    ids=["byte order mark", "CRLF", "JSON", "NUL", "not UTF-8"],
)
def test_unusual_files_are_left_to_the_real_reader(data: bytes) -> None:
    """Anything but plain ASCII lines in the usual layout is not answered."""
    assert scan(data) is None
