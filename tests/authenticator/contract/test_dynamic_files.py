"""Behaviours of the reference around files that change, by the ids of ``docs/reference/compatibility.md``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.authenticator.mapping.callers import HASH, A, identity

from eksauth.authenticator.backends.contract import Backend
from eksauth.authenticator.backends.files.dynamic_file import dynamic_file_backend
from eksauth.authenticator.backends.files.mode_file import ModeFile
from eksauth.authenticator.mapping.model import Match

ROLE, USER = f"arn:aws:sts::{A}:assumed-role/Plain/s", f"arn:aws:iam::{A}:user/Alice"
WHOLE: dict[str, Any] = {
    "Version": "1",
    "LastUpdatedDateTime": "1700000000",
    "mapRoles": [{"rolearn": f"arn:aws:iam::{A}:role/Plain", "username": "plain", "userid": "AROAEXAMPLE"}],
    "mapUsers": [{"userarn": USER, "username": "alice", "groups": ["g"], "userid": "AIDAEXAMPLE"}],
    "mapAccounts": ["999999999999"],
}


@asynccontextmanager
async def loaded(path: Path, content: dict[str, Any] | None = None, *, strict: bool = False) -> AsyncIterator[Backend]:
    """Run a backend on a file without a grace period."""
    if content is not None:
        path.write_text(json.dumps(content))
    backend = dynamic_file_backend(path, strict=strict, grace=0)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.close()


def become(backend: Backend, arn: str) -> str | None:
    """Return who somebody becomes."""
    found = backend.lookup(identity(arn))
    return found.username if isinstance(found, Match) else None


async def until(true: Callable[[], object]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "arn, expected",
    [
        pytest.param(ROLE, "plain", id="DYN-01"),
        pytest.param(USER, "alice", id="DYN-02"),
        pytest.param("arn:aws:iam::999999999999:user/x", "arn:aws:iam::999999999999:user/x", id="DYN-03"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Other/s", None, id="DYN-01-not-found"),
    ],
)
async def test_look_ups(tmp_path: Path, arn: str, expected: str | None) -> None:
    """Roles, users and accounts are found (DYN-08)."""
    async with loaded(tmp_path / "d.json", WHOLE) as backend:
        assert become(backend, arn) == expected


@pytest.mark.parametrize(
    "strict, role, user",
    [pytest.param(True, None, None, id="DYN-04"), pytest.param(False, "plain", "alice", id="DYN-05")],
)
async def test_what_entries_go_by(tmp_path: Path, strict: bool, role: str | None, user: str | None) -> None:
    """Unique ids in strict mode, ARNs otherwise: entries with others' ids map nobody in strict mode."""
    other = json.loads(json.dumps(WHOLE).replace("AROAEXAMPLE", "AROAOTHER").replace("AIDAEXAMPLE", "AIDAOTHER"))
    async with loaded(tmp_path / "d.json", other, strict=strict) as backend:
        assert (become(backend, ROLE), become(backend, USER)) == (role, user)


async def test_a_deleted_file_maps_nobody(tmp_path: Path) -> None:
    """DYN-07: what a file said is gone with it, at once without a grace period."""
    path = tmp_path / "d.json"
    async with loaded(path, WHOLE) as backend:
        path.unlink()
        await until(lambda: become(backend, ROLE) is None)
        assert become(backend, USER) is None


@pytest.mark.parametrize(
    "section, entry, arn, expected",
    [
        pytest.param("mapUsers", {"userarn": USER, "userid": "AIDAEXAMPLE"}, USER, "x", id="DYN-09"),
        pytest.param("mapRoles", {"rolearn": f"arn:aws:iam::{A}:role/Plain", "userid": "AROAEXAMPLE"}, ROLE, "x", id="DYN-10"),
        pytest.param("mapRoles", {"rolearn": f"arn:aws:iam::{A}:role/a/b/Plain", "userid": "AROAEXAMPLE"}, ROLE, "x", id="DYN-11"),
        pytest.param("mapRoles", {"rolearn": f"arn:aws:iam::{A}:role/Other", "userid": "AROAEXAMPLE"}, ROLE, None, id="DYN-12"),
        pytest.param("mapRoles", {"rolearn": "arn:aws:iam", "userid": "AROAEXAMPLE"}, ROLE, None, id="DYN-13"),
        pytest.param("mapUsers", {"userarn": "nonsense", "userid": "AIDAEXAMPLE"}, USER, None, id="DYN-14"),
        pytest.param("mapRoles", {"userid": "AROAEXAMPLE"}, ROLE, "x", id="DYN-15"),
    ],
)  # fmt: skip
async def test_an_arn_beside_an_id(
    tmp_path: Path, section: str, entry: dict[str, str], arn: str, expected: str | None
) -> None:
    """It must be the caller's, whatever the path of a role; without one the id is enough."""
    async with loaded(tmp_path / "d.json", {section: [{"username": "x", **entry}]}, strict=True) as backend:
        assert become(backend, arn) == expected


async def test_a_permission_set_refuses_the_file(tmp_path: Path) -> None:
    """Entries of permission sets have no key, and refuse the whole file as in the reference (DYN-08)."""
    entry = {"sso": {"permissionSetName": "View", "accountID": A}, "username": "v"}
    async with loaded(tmp_path / "d.json", {**WHOLE, "mapRoles": [entry]}) as backend:
        assert become(backend, f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_View_{HASH}/s") is None
        assert become(backend, USER) is None
        assert "no rolearn" in (backend.status().failure or "")


async def test_a_file_that_comes_late_and_changes_often(tmp_path: Path) -> None:
    """FU-01: a file that is not there, then broken, then good and rewritten four times is followed to the end."""
    path = tmp_path / "d.json"
    async with loaded(path) as backend:
        assert become(backend, ROLE) is None
        path.write_text("{")
        await until(lambda: backend.status().failure and "no such file" not in str(backend.status().failure))
        for name in ("one", "two", "three", "four"):
            path.write_text(json.dumps(WHOLE).replace("plain", name))
            await until(lambda name=name: become(backend, ROLE) == name)  # type: ignore[misc]


async def test_a_file_that_goes_is_noticed(tmp_path: Path) -> None:
    """FU-02: deleting the file is a change like any other, and so is its coming back."""
    path = tmp_path / "d.json"
    async with loaded(path, WHOLE) as backend:
        path.unlink()
        await until(lambda: become(backend, ROLE) is None)
        path.write_text(json.dumps(WHOLE))
        await until(lambda: become(backend, ROLE) == "plain")


@pytest.mark.parametrize(
    "seconds, age",
    [
        pytest.param(-90.0, 90.0, id="FU-03-past"),
        pytest.param(-3600.0, 3600.0, id="FU-03-longer-past"),
        pytest.param(0.0, 0.0, id="FU-03-now"),
        pytest.param(600.0, 0.0, id="FU-03-future"),
        pytest.param(None, None, id="FU-03-nonsense"),
    ],
)
def test_ages_of_updates(seconds: float | None, age: float | None) -> None:
    """How long an update took counts from its date; one of the future is no error and took no time."""
    written = None if seconds is None else time.time() + seconds
    found = ModeFile(("MountedFile",), written).age()
    assert found == age if age is None else found == pytest.approx(age, abs=5)
