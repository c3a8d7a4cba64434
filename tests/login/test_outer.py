"""Going in and out: what an environment with an identity remembers of the one before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.credentials.config.model import Identity, Place, Principal
from eksauth.credentials.outer import MARK, SECRET, SOURCES, go_outside, outer_environment, remembered
from eksauth.login.programs.environment import Pointers, region_for
from eksauth.login.programs.unset import undone

VALUES = st.text(max_size=5)
PLACE = Place("f", 1, 1)
OTHERS = ("PATH", "AWS_REGION", "FOO", "EKSAUTH_IDENTITY")
ENVIRONMENTS = st.fixed_dictionaries({}, optional=dict.fromkeys((*SOURCES, *OTHERS), VALUES))
INSIDE = {
    "AWS_CONFIG_FILE": "/in",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://in",
    "EKSAUTH_IDENTITY": "x",
    "FOO": "y",
}


def inside(environ: dict[str, str], *, secrets: bool) -> dict[str, str]:
    """Return the environment of a program that runs as an identity."""
    values = {**INSIDE, **remembered(environ, names=INSIDE, secrets=secrets)}
    return Pointers(set=values, unset=tuple(name for name in SOURCES if name not in values)).applied(environ)


@given(environ=ENVIRONMENTS, depth=st.integers(1, 3))
def test_out_again(environ: dict[str, str], depth: int) -> None:
    """However deep, what is outside comes back as it was; keys only where they were kept."""
    deep = environ
    for _ in range(depth):
        deep = inside(deep, secrets=True)
        assert not [name for name in SOURCES if name in deep and name not in INSIDE]
    ours = {"EKSAUTH_IDENTITY": "x", "FOO": "y"}
    assert outer_environment(deep) == {**environ, **ours}
    without = outer_environment(inside(environ, secrets=False))
    assert without == {**{name: value for name, value in environ.items() if name not in SECRET}, **ours}


@pytest.mark.parametrize("before", [None, "https://ours.example"])
def test_an_emulator_is_its_identitys_alone(before: str | None) -> None:
    """Credentials of another identity are not looked for at the emulator that one runs as; a memory alone moves nothing."""
    environ = {"PATH": "/bin"} | ({"AWS_ENDPOINT_URL": before} if before else {})
    brought = {"AWS_ENDPOINT_URL": "https://emulator.example", "FOO": "y"}
    deep = {**environ, **brought, **remembered(environ, names=brought, secrets=False)}

    assert outer_environment(deep) == {**environ, "FOO": "y"}
    forged = {**environ, MARK: "FOO", "EKSAUTH_OUTER_AWS_ENDPOINT_URL": "https://evil.example"}
    assert outer_environment(forged) == environ


@given(environ=ENVIRONMENTS)
def test_nothing_happens_outside(environ: dict[str, str]) -> None:
    """Where no identity is in the environment nothing changes, and there is nothing to undo."""
    before = dict(environ)
    go_outside(environ)
    assert environ == before
    assert undone(environ) == Pointers()


@given(environ=ENVIRONMENTS)
def test_only_known_variables_come_back(environ: dict[str, str]) -> None:
    """A memory of anything but a source of credentials is dropped, not believed."""
    go_outside(forged := {**environ, MARK: "1", "EKSAUTH_OUTER_PATH": "/evil", "EKSAUTH_OUTER_LD_PRELOAD": "/evil"})
    assert "LD_PRELOAD" not in forged
    assert forged.get("PATH") == environ.get("PATH")
    assert not [name for name in forged if name.startswith("EKSAUTH_OUTER")]


@given(environ=ENVIRONMENTS)
def test_undone(environ: dict[str, str]) -> None:
    """What ``env --unset`` prints leads back to the environment before, without the keys that nobody kept."""
    deep = inside(inside(environ, secrets=False) | {"BAR": "z"}, secrets=False)
    assert deep.pop("BAR") == "z"
    back = undone(deep).applied(deep)
    assert back == {name: value for name, value in environ.items() if name not in SECRET}


@pytest.mark.parametrize(
    "own, environ, region",
    [
        ("eu-west-1", {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        (None, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-2"}, "us-east-1"),
        (None, {"AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
        (None, {"AWS_REGION": ""}, "eu-central-1"),
        (None, {"AWS_REGION": "cn-north-1"}, "eu-central-1"),
        (None, {"AWS_REGION": "us-gov-west-1"}, "eu-central-1"),
    ],
)
def test_the_region_of_programs(own: str | None, environ: dict[str, str], region: str) -> None:
    """The identity's own region counts, then the caller's if the identity can be there, then that of its chain."""
    who = Identity(
        name="x", kind="aws/assume-role", declared_kind="aws/assume-role", place=PLACE, principal=Principal(region=own)
    )
    assert region_for(who, environ, "eu-central-1") == region
