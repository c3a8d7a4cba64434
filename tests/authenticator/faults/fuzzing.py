"""What the fuzz tests share: how many examples, and pieces that come close to what is expected.

``EKSAUTH_FUZZ_EXAMPLES=10000`` runs each property that often; by default a few seconds must do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_Test = TypeVar("_Test", bound=Callable[..., Any])

ANY_TEXT = st.text(max_size=60)
SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | ANY_TEXT
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ARNS = st.sampled_from(
    [
        "arn:aws:iam::111122223333:role/Admin",
        "arn:aws:sts::111122223333:assumed-role/Admin/ann@example.com",
        "arn:aws:iam::111122223333:user/dev/bob",
        "arn:aws:iam::111122223333:root",
        "arn:aws-cn:iam::111122223333:role/Admin",
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_View_0123456789abcdef",
        "arn:aws:sts::111122223333:federated-user/f",
        "arn:aws:iam::1:role/Short",
        "arn:aws:iam::111122223333:group/g",
        "arn::::::",
        "role/Admin",
    ]
)


def fuzzed(share: float = 1.0) -> Callable[[_Test], _Test]:
    """Return the settings of a property.

    :param share: of the default number of examples, for properties that cost more than others.
    """
    asked = os.environ.get("EKSAUTH_FUZZ_EXAMPLES")
    examples = int(asked) if asked else max(round(150 * share), 20)
    return settings(
        max_examples=examples,
        deadline=None,
        # examples share one server on purpose
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
        database=None,
    )


@st.composite
def damaged(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """Return a good text with a piece cut out, doubled, replaced or put in, or as it is."""
    text = draw(texts)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(
            st.just("")
            | st.just(text[start:end] * 2)
            | st.text(max_size=8)
            | st.sampled_from(
                ["\x00", "\n", "\t", "{{", "}}", ": ", "- ", "&a ", "*a", "<<: *a", "%", "!!python/x ", "---\n"]
            )
        )
        text = text[:start] + piece + text[end:]
    return text


def json_texts(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Return values as JSON, which is YAML too, in one line or in many."""
    return st.builds(lambda value, indent: json.dumps(value, indent=indent), values, st.sampled_from([None, 1]))
