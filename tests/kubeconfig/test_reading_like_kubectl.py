"""Generated kubeconfigs, read by us and by the kubectl of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eksauth.errors import ConfigError
from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.resolve import load_merged
from eksauth.kubeconfig.view import as_dict, as_json, as_yaml
from eksauth.sandbox.binaries import find_kubectl

KUBECTL = find_kubectl()
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(KUBECTL is None, reason="no kubectl: compare with a real one to run this"),
]
# no shrinking: each try starts a process
SLOW_PEER = settings(
    max_examples=25,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)

NAMES = st.sampled_from(
    ["a", "b", "prod", "arn:aws:eks:eu-west-1:111122223333:cluster/x", "ü", "B", "", "1e3", "yes", "~"]
)
TEXT = st.one_of(NAMES, st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**62), 2**62), TEXT, st.sampled_from([1.5, 1e21, 1e-7, 0.1])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)


def _fields(**optional: Any) -> Any:
    return st.fixed_dictionaries({}, optional={name.replace("_", "-"): value for name, value in optional.items()})


def _or_null(strategy: Any) -> Any:
    return st.one_of(strategy, strategy, strategy, st.none())


def _named(key: str, body: Any) -> Any:
    return st.lists(
        st.fixed_dictionaries({}, optional={"name": NAMES, key: _or_null(body)}),
        max_size=4,
        unique_by=lambda item: item.get("name", ""),
    )


# kubectl 1.27 and older drop extensions without content when they merge, later ones keep them
EXTENSIONS = _or_null(
    st.lists(
        st.fixed_dictionaries({"extension": JSON.filter(lambda value: value is not None)}, optional={"name": NAMES}),
        max_size=3,
        unique_by=lambda item: item.get("name", ""),
    )
)
CLUSTER = _fields(
    server=TEXT,
    tls_server_name=TEXT,
    insecure_skip_tls_verify=st.booleans(),
    certificate_authority=TEXT,
    certificate_authority_data=st.sampled_from(["", "Q0E=", "QUJD\nREVG", "QR=="]),
    proxy_url=TEXT,
    disable_compression=st.booleans(),
    extensions=EXTENSIONS,
    unknown=JSON,
)
CONTEXT = _fields(cluster=TEXT, user=TEXT, namespace=_or_null(TEXT), extensions=EXTENSIONS)
EXEC = st.fixed_dictionaries(
    {},
    optional={
        "command": TEXT,
        "args": _or_null(st.lists(TEXT, max_size=3)),
        "env": _or_null(st.lists(st.fixed_dictionaries({}, optional={"name": TEXT, "value": TEXT}), max_size=2)),
        "apiVersion": st.sampled_from(
            [f"client.authentication.k8s.io/{v}" for v in ("v1", "v1beta1", "v1alpha1")] + ["x", ""]
        ),
        "installHint": st.sampled_from(["", "one", "two\nlines\n"]),
        "provideClusterInfo": st.booleans(),
        "interactiveMode": st.sampled_from(["", "Never", "Odd"]),
    },
)
USER = st.fixed_dictionaries(
    {},
    optional={
        "token": TEXT,
        "tokenFile": TEXT,
        "username": TEXT,
        "password": _or_null(TEXT),
        "client-certificate": TEXT,
        "client-key-data": st.sampled_from(["", "S0VZ"]),
        "as": TEXT,
        "as-uid": TEXT,
        "as-groups": _or_null(st.lists(TEXT, max_size=2)),
        "as-user-extra": _or_null(st.dictionaries(TEXT, _or_null(st.lists(TEXT, max_size=2)), max_size=2)),
        "auth-provider": _or_null(_fields(name=TEXT, config=_or_null(st.dictionaries(TEXT, TEXT, max_size=2)))),
        "exec": _or_null(EXEC),
        "extensions": EXTENSIONS,
    },
)
FILE = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.just("v1"),
        "kind": st.just("Config"),
        "clusters": _or_null(_named("cluster", CLUSTER)),
        "contexts": _or_null(_named("context", CONTEXT)),
        "users": _or_null(_named("user", USER)),
        "current-context": _or_null(NAMES),
        "preferences": _or_null(_fields(colors=st.booleans(), extensions=EXTENSIONS)),
        "extensions": EXTENSIONS,
        "x-unknown": JSON,
    },
)


class Quoted(yaml.SafeDumper):
    """Writes every text in double quotes, so that it is text to every reader."""


Quoted.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
# PyYAML writes 1e+21, which is text to YAML 1.1 without the point
Quoted.add_representer(
    float, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", json.dumps(value))
)
Quoted.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


@st.composite
def _texts(draw: st.DrawFn) -> list[str]:
    texts = []
    for content in draw(st.lists(FILE, min_size=1, max_size=3)):
        flow = draw(st.sampled_from([None, False, True]))
        unicode = draw(st.booleans())
        # PyYAML alone leaves y, 08 and 1e3 without quotes, which kubectl refuses as text
        dumper = draw(st.sampled_from([Quoted, Quoted, yaml.SafeDumper]))
        texts.append(yaml.dump(content, Dumper=dumper, default_flow_style=flow, allow_unicode=unicode, sort_keys=False))
    return texts


def _kubectl(directory: Path, paths: list[Path]) -> Any:
    assert KUBECTL is not None
    env = {"HOME": str(directory), "KUBECONFIG": os.pathsep.join(map(str, paths)), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [KUBECTL, "config", "view", "--raw", "-o", "json"], env=env, cwd=directory, capture_output=True, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.decode()


def _ours(paths: list[Path]) -> Any:
    try:
        return as_dict(load_merged(kubeconfig_files({"KUBECONFIG": os.pathsep.join(map(str, paths))})))
    except ConfigError as error:
        return error.message


@pytest.fixture(scope="module", name="directory")
def directory_() -> Iterator[Path]:
    """Return a directory for all examples."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _write(directory: Path, texts: list[str]) -> list[Path]:
    paths = [directory / f"k{index}" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode())
    return paths


@SLOW_PEER
@given(texts=_texts())
def test_merged_files_are_what_kubectl_shows(directory: Path, texts: list[str]) -> None:
    """Any number of files with any content merge to the JSON that kubectl prints, or both refuse."""
    paths = _write(directory, texts)
    theirs, ours = _kubectl(directory, paths), _ours(paths)
    if isinstance(theirs, str):
        assert isinstance(ours, str), theirs
        return
    if not theirs.get("preferences"):
        theirs.pop("preferences", None)
    assert ours == theirs
    assert list(ours) == [key for key in theirs if key in ours]


@SLOW_PEER
@given(texts=_texts())
def test_what_we_print_is_read_back_by_kubectl(directory: Path, texts: list[str]) -> None:
    """Our YAML and our JSON mean to kubectl what we read."""
    shown = _ours(_write(directory, texts))
    if isinstance(shown, str):
        return
    for text in (as_yaml(shown), as_json(shown)):
        again = _kubectl(directory, _write(directory, [text]))
        assert not isinstance(again, str), again
        if not again.get("preferences"):
            again.pop("preferences", None)
        assert again == shown


PLAIN = st.one_of(
    st.from_regex(r"\A[-+]?[0-9][0-9_]{0,4}(\.[0-9_]{0,3})?([eE][-+]?[0-9]{1,3})?\Z"),
    st.from_regex(r"\A[-+]?0[xXbBoO_0-9][0-9a-fA-F_]{0,6}\Z"),
    st.from_regex(r"\A[-+]?\.[0-9a-zA-Z]{1,5}\Z"),
    st.from_regex(r"\A[0-9]{1,4}([-:/T][0-9]{1,2}){1,5}\Z"),
    st.from_regex(r"\A[A-Za-z~=<-][A-Za-z0-9_.+-]{0,5}\Z"),
    st.sampled_from(
        [
            "y",
            "Y",
            "yes",
            "Yes",
            "YES",
            "yEs",
            "n",
            "no",
            "No",
            "NO",
            "on",
            "off",
            "On",
            "OFF",
            "true",
            "TRUE",
            "tRUE",
            "null",
            "Null",
            "NULL",
            "nULL",
            "~",
            ".inf",
            "-.INF",
            "<<",
        ]
    ),
    st.sampled_from(
        [
            "1e400",
            "-1e400",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "0o17",
            "0O17",
            "08",
            "+0x1F",
            "-0b11",
            "0x",
            "1_",
            "_1",
            "1" * 500,
            "-",
            "+",
            ".",
            "0.",
            "1.e3",
            ".e3",
            "+.5",
            "1e",
            "0b2",
            "00",
            "+0e7",
            "0e1",
            "-0",
            "+1",
            "1__0",
            "0x_1",
            "0_7",
        ]
    ),
)


@settings(SLOW_PEER, max_examples=10)
@given(scalars=st.lists(PLAIN, min_size=40, max_size=120))
def test_plain_scalars_mean_what_kubectl_reads(directory: Path, scalars: list[str]) -> None:
    """A value without quotes is text, number, truth value or null to us exactly where it is to kubectl."""
    usable = [text for text in scalars if text not in {"-", ".nan", ".inf"} and "inf" not in text.lower()]
    usable = [text for text in usable if ".nan" not in text.lower()]  # JSON has neither
    lines = "".join(f"  - {text}\n" for text in usable)
    paths = _write(directory, [f"extensions:\n- name: e\n  extension:\n  - x\n{lines}"])
    theirs, ours = _kubectl(directory, paths), _ours(paths)
    assert not isinstance(theirs, str), theirs
    read = next(item["extension"] for item in ours["extensions"])
    expected = next(item["extension"] for item in theirs["extensions"])
    assert [(text, type(a), a) for text, a in zip(["x", *usable], read, strict=True)] == [
        (text, type(b), b) for text, b in zip(["x", *usable], expected, strict=True)
    ]


FLOAT_KEYS = "extensions: [{name: e, extension: {1.5: a, 1e3: b, 1e30: c, 1_0: d, 0x1F: e, 1e6: f, 123456789.5: g}}]"
BROKEN = [
    FLOAT_KEYS,
    "a: [",
    "a: b: c",
    "a: 'x",
    "- a\nb: c",
    "a:\n  b: 1\n c: 2",
    "a: &x [*x]",
    "a: *nowhere",
    "? [a]\n: b",
    "{a: b",
    "a: @x",
    "a: `x`",
    "%YAML 1.1\n---\na: b",
    "a: !!binary ???",
    "clusters: {}",
    "clusters: x",
    "clusters: [x]",
    "clusters: [[]]",
    "clusters: [{name: [x]}]",
    "clusters: [{name: {a: b}}]",
    "contexts: [{name: x, context: []}]",
    "users: [{name: x, user: {exec: x}}]",
    "users: [{name: x, user: {exec: {args: x}}}]",
    "users: [{name: x, user: {exec: {env: {A: b}}}}]",
    "users: [{name: x, user: {as-groups: g}}]",
    "users: [{name: x, user: {as-user-extra: [g]}}]",
    "users: [{name: x, user: {auth-provider: {config: {a: 1}}}}]",
    "users: [{name: x, user: {token: 1}}]",
    "users: [{name: x, user: {client-key-data: x}}]",
    "clusters: [{name: x, cluster: {insecure-skip-tls-verify: 1}}]",
    "clusters: [{name: x, cluster: {certificate-authority-data: 'Q Q='}}]",
    "preferences: []",
    "preferences: {colors: 'true'}",
    "extensions: {}",
    "extensions: [{name: x}, {name: x}]",
    "clusters: [null, null]",
    "current-context: [a]",
    "current-context: 12",
    "kind: Pod",
    "kind: 1",
    "apiVersion: v2",
    "apiVersion: [v1]",
    "a: .nan",
    "<<: x",
    "a: {<<: [x]}",
    "\tclusters: []",
    "clusters:\n\t- name: a",
    "a: \x01",
    "a: \x7f",
    "\ufeffa: b",
    "a\ufeff: b",
    "---\n---\nkind: Pod",
    "...\nkind: Pod",
    "--- {kind: Config}\n---\n[",
    "a: |\n x\n  y\nb: >-\n z",
    "null: x",
    "? a\n: b",
    "a: 1\na: 2\nkind: Pod\nkind: Config",
    '"kind": "Config"',
    "'kind': Config",
    "!!map {kind: Config}",
    "!!str kind: Config",
    "kind: !!str Config",
    "current-context: !!str 12",
    "current-context: !x 12",
    "current-context: ! 12",
    "current-context: !!int '12'",
    "clusters: !!seq []",
    "clusters: !x []",
    "a: {b: c, }",
    "a: [b, , c]",
    "a: 'it''s'",
    'a: "\\x41\\u00e4\\U0001F600\\n"',
    'a: "\\q"',
    "a: -\n",
    "a: ?x",
    "a: :x",
    "# only",
    "~",
    "true",
    "5",
    "''",
    '""',
    "[]",
    "{}",
    "",
    "\n\n",
    "a: b\r\nc: d\r\n",
    "a: b\rc: d\r",
    "a: x\u0085b: y",
    "a: x\u2028b: y",
    "%YAML 1.2\n---\na: b",
    'a: "\\/"',
    "a: " + "[" * 300 + "]" * 300,
    "users: [{name: u, user: {client-key-data: [1, 2]}}]",
    "a: !!timestamp 2001-01-01",
    "current-context: !!timestamp 2001-01-01",
    "current-context: 2001-01-01",
    "a: !!int x",
    "a: !!float 1",
    "a: !!bool 1",
    "a: !!null x",
    "current-context: !!null x",
    "a: !!set {b, c}",
    "a: !!omap [a: b]",
    "a: [a: b]",
    "a: {b}",
    "a: {b, c: d}",
    "{a: b}\n{c: d}",
    "a: b\n---\n",
    "a: &b\nc: *b",
    "&x a: b",
    "*x : b",
    "a: &a\n  b: 1\nd: *a",
    "? |\n  a\n: b",
    "a: b #c\n#d",
    "a: b#c",
    "a:b",
    "a: 'b\n\n  c'",
    "a: b\n c\n  d",
    "a: |2\n   b",
    "a: |+\n b\n\n",
    "a: >\n b\n c\n\n d",
    "- a",
    "a: %b",
    "a: 'b' c",
    'a: "b" #c',
    'a: "b"#c',
    "kind: Config\nkind: 1",
    "current-context: x\ncurrent-context: 1",
    "current-context: 1\ncurrent-context: x",
    "clusters: x\nclusters: []",
    "clusters: [{name: a, name: b}]",
    "clusters: [{name: 1, name: b}]",
    "Kind: Pod",
    "KIND: Pod",
    "kind: ''",
    "apiVersion: ''",
    "apiVersion: v1 ",
    "apiVersion: null\nkind: null",
    "apiVersion: /v1",
    "kind: Config\napiVersion: config/v1",
    "kind: List",
    "a: 0o8",
    "contexts: [{name: 0x_, context: {namespace: 1_a}}]",
    "contexts: [{name: _1, context: {namespace: 12e03, user: 1.5.6}}]",
    "users: [{name: x, user: {as-user-extra: {1: [x], n: [z]}}}]",
    "users: [{name: x, user: {auth-provider: {config: {null: z}}}}]",
    "a: {null: b}",
    "a: {~: b}",
    "a: {? : b}",
    "a: {[x]: b}",
    "1.5: a\n1e3: b\n",
    "extensions: [{name: e, extension: [1e20,1e21,1e22,123456789012345678901234567890,0.1,1e-6,1e-7,100000.0,1.0e5,-0.0]}]",
    "clusters: [{cluster: {server: a}, name: null}]",
    "clusters:\n- name: c\n  cluster: {certificate-authority-data: 'QQ'}",
    "clusters:\n- name: c\n  cluster: {certificate-authority-data: 'QQ=='}",
    "clusters:\n- name: c\n  cluster: {certificate-authority-data: 'QR=='}",
    'clusters:\n- name: c\n  cluster: {certificate-authority-data: "QQ=\\n="}',
    "clusters:\n- name: c\n  cluster: {certificate-authority-data: 'QQ==QQ=='}",
    "clusters:\n- name: c\n  cluster: {certificate-authority-data: 'Q-_='}",
    "a: x\x00",
    "a: \U0001f600",
    "a: \u200b",
    "a: \ufffe",
    "\xa0a: b",
    "a:\xa0b",
    "a: \x1b[0m",
    "!!null x",
    'a: "\\\\/"',
    '{"a": "b\\/c"}',
    "a: '\\/'",
    "# %YAML 1.2\na: b",
    "%YAML 1.1 # x\n---\na: b",
]
# where we say something else on purpose or by another parser's nature; each with its reason
DIFFERENT: dict[str, str] = {
    "extensions: [{name: x}, {name: x}]": "kubectl refuses the same name twice only where the extensions have content",
    "a: " + "[" * 300 + "]" * 300: "nesting beyond 200 levels is refused; kubectl stops at 10,000",
    "users: [{name: u, user: {client-key-data: [1, 2]}}]": "bytes as a list of numbers: nobody means that",
    "Kind: Pod": "kubectl looks for the kind of the file whatever the case of the key, and for nothing else so",
    "KIND: Pod": "as above",
    "apiVersion: /v1": "an empty group before the slash",
    FLOAT_KEYS: "kubectl rounds numbers that are keys to 32 bits",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_odd_texts_are_refused_where_kubectl_refuses(directory: Path, text: str) -> None:
    """Malformed and strange texts: accepted with the same content, or refused by both."""
    paths = _write(directory, [text])
    theirs, ours = _kubectl(directory, paths), _ours(paths)
    if isinstance(theirs, dict) and not theirs.get("preferences"):
        theirs.pop("preferences", None)
    agree = isinstance(ours, str) if isinstance(theirs, str) else ours == theirs
    assert agree is (text not in DIFFERENT), (theirs, ours)
