"""KUBERNETES_EXEC_INFO, whole and broken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.errors import ConfigError
from eksauth.token.exec_credential import V1, V1BETA1, common_version, exec_credential
from eksauth.token.exec_info import read_exec_info


def info(version: object, **spec: object) -> str:
    """Write a request."""
    return json.dumps({"kind": "ExecCredential", "apiVersion": version, "spec": spec})


@pytest.mark.parametrize(
    "text, version, warned",
    [
        (None, V1BETA1, False),
        ("", V1BETA1, False),
        (info(V1, interactive=True), V1, False),
        (info(V1BETA1), V1BETA1, False),
        (info(V1, interactive=False, cluster={"server": "https://x", "config": None}), V1, False),
        (info("client.authentication.k8s.io/v2"), V1BETA1, True),
        ("{}", V1BETA1, True),
        (info(None), V1BETA1, True),
        (info([V1]), V1BETA1, True),
        (info({"a": 1}), V1BETA1, True),
        ("[]", V1BETA1, True),
        ('"x"', V1BETA1, True),
        ("null", V1BETA1, True),
        ("5", V1BETA1, True),
        (" ", V1BETA1, True),
        ("{", V1BETA1, True),
        ("\udcff", V1BETA1, True),
        ("[" * 200_000, V1BETA1, True),
    ],
)
def test_version(text: str | None, version: str, warned: bool) -> None:
    """The version asked for is answered; what cannot be understood is v1beta1 with a warning, never a crash."""
    found = read_exec_info(text)
    assert found.api_version == version
    assert (found.warning is not None) == warned


def test_alpha_is_refused_with_the_fix() -> None:
    """v1alpha1 gets an error that names the version to write instead."""
    with pytest.raises(ConfigError, match="v1alpha1") as caught:
        read_exec_info(info("client.authentication.k8s.io/v1alpha1"))
    assert V1BETA1 in str(caught.value.hint)


@pytest.mark.parametrize("value, expected", [(True, True), (False, False), ("yes", None), (None, None)])
def test_interactive(value: object, expected: bool | None) -> None:
    """Only a boolean says whether a person is there."""
    assert read_exec_info(info(V1, interactive=value)).interactive is expected


@given(
    st.text(max_size=30) | st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=4).map(json.dumps)
)
def test_any_text(text: str) -> None:
    """No text crashes the reader, and where the quick reader answers the full one agrees."""
    quick = common_version(text)
    full = read_exec_info(text).api_version
    assert quick is None or quick == full


@pytest.mark.parametrize("version", [V1, V1BETA1])
@pytest.mark.parametrize("interactive", ["true", "false"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_what_kubectl_sends_is_recognised(version: str, interactive: str, end: str) -> None:
    """The text that kubectl itself writes needs no JSON parser."""
    text = f'{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":{interactive}}}}}{end}'
    assert common_version(text) == version == read_exec_info(text).api_version


def test_answer_is_one_json_object() -> None:
    """Both layouts hold the same document, keys in the AWS CLI's order; the indented one is the CLI's byte for byte."""
    compact = exec_credential("k8s-aws-v1.abc", "2026-01-01T00:14:00Z", V1)
    indented = exec_credential("k8s-aws-v1.abc", "2026-01-01T00:14:00Z", V1, indented=True)
    document = json.loads(compact)
    assert compact.count("\n") == 1
    assert list(document) == ["kind", "apiVersion", "spec", "status"]
    assert indented == json.dumps(document, indent=4) + "\n\n"
