"""The AWS CLI's free order of options, and its output formats."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.cli.aws_output import apply_query, render
from eksauth.cli.dropin import GLOBAL_SWITCHES, GLOBALS_WITH_VALUE, options_last
from eksauth.errors import UsageError

DOCUMENT = {
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "spec": {},
    "status": {"expirationTimestamp": "2026-01-01T00:14:00Z", "token": "k8s-aws-v1.x"},
}


@pytest.mark.parametrize(
    "argv, moved",
    [
        ("--region r eks get-token --cluster-name c", "eks get-token --region r --cluster-name c"),
        ("eks --region=r get-token -x", "eks get-token --region=r -x"),
        ("--no-cli-pager --debug eks get-token", "eks get-token --no-cli-pager --debug"),
        ("eks get-token --region r", "eks get-token --region r"),
        ("--region eks eks get-token", "eks get-token --region eks"),
        ("aws eks token --region r", "aws eks token --region r"),
        ("--frob eks get-token", "--frob eks get-token"),
        ("--help eks", "--help eks"),
        ("--region", "--region"),
        ("", ""),
    ],
)
def test_options_last(argv: str, moved: str) -> None:
    """Global options go behind the command's words; what is not understood stays as it was."""
    assert options_last(argv.split()) == moved.split()


OPTION = st.sampled_from(sorted(GLOBAL_SWITCHES)).map(lambda flag: [flag]) | st.tuples(
    st.sampled_from(sorted(GLOBALS_WITH_VALUE)), st.sampled_from(["a", "eks", "get-token"])
).map(list)


@given(st.lists(OPTION, max_size=3), st.lists(OPTION, max_size=3), st.lists(OPTION, max_size=3))
def test_no_word_is_lost(before: list[list[str]], between: list[list[str]], after: list[list[str]]) -> None:
    """Wherever the options stand, they arrive in their order behind the command."""
    first, second, third = ([word for option in part for word in option] for part in (before, between, after))
    expected = ["eks", "get-token", *first, *second, *third]
    assert options_last([*first, "eks", *second, "get-token", *third]) == expected


def test_text_is_tab_separated_and_sorted() -> None:
    """Text output is the AWS CLI's: scalars by key, nested documents on lines of their own with their name."""
    text = "client.authentication.k8s.io/v1\tExecCredential\nSTATUS\t2026-01-01T00:14:00Z\tk8s-aws-v1.x\n\n"
    assert render(DOCUMENT, "text") == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_text_is_the_aws_clis(document: object) -> None:
    """Whatever a query leaves of the document is written as the AWS CLI's own formatter writes it."""
    formatter = pytest.importorskip("awscli.text", reason="needs the AWS CLI")
    theirs = io.StringIO()
    try:
        formatter.format_text(document, theirs)
    except AttributeError:  # a list of documents and something else breaks it
        return
    assert render(document, "text") == theirs.getvalue() + "\n"


def test_queries() -> None:
    """A query picks a part; a broken one is a usage error."""
    assert render(apply_query(DOCUMENT, "status.token"), "text") == "k8s-aws-v1.x\n\n"
    assert render(apply_query(DOCUMENT, "nothing"), "json") == "null\n\n"
    for query in ("[", "", "foo(", "abs(kind)"):
        with pytest.raises(UsageError):
            apply_query(DOCUMENT, query)
