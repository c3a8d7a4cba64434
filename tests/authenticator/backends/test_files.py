"""File backends: loaded, changed, replaced, broken, deleted, and come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.backends.contract import Backend
from eksauth.authenticator.backends.files.access_entries import access_entries_file_backend
from eksauth.authenticator.backends.files.dynamic_file import dynamic_file_backend
from eksauth.authenticator.backends.last_good import Notice
from eksauth.authenticator.mapping.model import Match, NotMapped

ROLE = f"arn:aws:iam::{A}:role/CICDRole"


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


def dynamic(username: str = "ci", **fields: object) -> str:
    """Return the content of a dynamic file with one role."""
    entry = {"rolearn": ROLE, "username": username, "groups": ["g"], "userid": "AROAEXAMPLE", **fields}
    return json.dumps({"Version": "1", "LastUpdatedDateTime": "1700000000", "mapRoles": [entry]})


def entries(username: str = "ci") -> str:
    """Return the content of an access entry file with one role."""
    return json.dumps({"accessEntries": [{"principalArn": ROLE, "username": username}]})


def username(backend: Backend) -> str | None:
    """Return who the caller becomes, None when nobody."""
    answer = backend.lookup(identity())
    return answer.username if isinstance(answer, Match) else None


KINDS = pytest.mark.parametrize(
    "make, content",
    [
        pytest.param(lambda path, **more: dynamic_file_backend(path, strict=False, **more), dynamic, id="dynamic-file"),
        pytest.param(lambda path, **more: access_entries_file_backend(path, partition="aws", **more), entries, id="access-entries"),
    ],
)  # fmt: skip


@KINDS
async def test_life_cycle(make: Callable[..., Backend], content: Callable[[str], str], tmp_path: Path) -> None:
    """DYN-06: absent is nobody; created, rewritten, replaced and created again is the new content at once."""
    path = tmp_path / "mappings"
    backend = make(path, grace=0)
    await backend.start()
    try:
        assert (username(backend), backend.status().synced) == (None, False)
        path.write_text(content("one"))
        await until(lambda: username(backend) == "one")
        path.write_text(content("two"))
        await until(lambda: username(backend) == "two")
        other = tmp_path / "other"
        other.write_text(content("three"))
        other.replace(path)
        await until(lambda: username(backend) == "three")
        path.unlink()
        await until(lambda: username(backend) is None)
        path.write_text(content("four"))
        await until(lambda: username(backend) == "four")
    finally:
        await backend.close()


@KINDS
async def test_a_mounted_config_map_switches_behind_its_symlink(
    make: Callable[..., Backend], content: Callable[[str], str], tmp_path: Path
) -> None:
    """Kubernetes exchanges a directory behind ..data; the file's own path never changes."""
    for version in ("one", "two"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "mappings").write_text(content(version))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "mappings").symlink_to("..data/mappings")
    backend = make(tmp_path / "mappings")
    await backend.start()
    try:
        assert username(backend) == "one"
        (tmp_path / "..tmp").symlink_to("..two")
        (tmp_path / "..tmp").rename(tmp_path / "..data")
        await until(lambda: username(backend) == "two")
    finally:
        await backend.close()


@KINDS
async def test_what_is_broken_changes_nothing(
    make: Callable[..., Backend], content: Callable[[str], str], tmp_path: Path
) -> None:
    """A file that does not parse leaves the last good mappings in force, and the status says why."""
    path = tmp_path / "mappings"
    path.write_text(content("good"))
    notices: list[Notice] = []
    backend = make(path, notice=notices.append)
    await backend.start()
    try:
        path.write_text('{"mapRoles": [')
        await until(lambda: backend.status().failure is not None)
        assert username(backend) == "good"
        path.write_text(content("better"))
        await until(lambda: username(backend) == "better")
        assert [notice.kind for notice in notices] == ["loaded", "failed", "loaded"]
    finally:
        await backend.close()


@KINDS
async def test_a_deleted_file_is_held(
    make: Callable[..., Backend], content: Callable[[str], str], tmp_path: Path
) -> None:
    """Deleting the file locks nobody out before the grace period is over, unless the operator reloads."""
    path = tmp_path / "mappings"
    path.write_text(content("good"))
    backend = make(path)
    await backend.start()
    try:
        path.unlink()
        await until(lambda: backend.status().held_until is not None)
        assert username(backend) == "good"
        await backend.reload()
        assert username(backend) is None
    finally:
        await backend.close()


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param("[]", "the file is not as it must be", id="list"),
        pytest.param("{", "the file is not as it must be", id="syntax"),
        pytest.param('{"mapRoles": {}}', "mapRoles is not as it must be", id="section"),
        pytest.param('{"mapRoles": [1]}', "an entry of mapRoles is not", id="entry"),
        pytest.param('{"mapRoles": [{"username": "x"}]}', "has no rolearn; the whole file is refused", id="no-key"),
        pytest.param('{"mapUsers": [{"username": "x"}]}', "has no userarn", id="no-user-key"),
        pytest.param('{"mapRoles": [{"sso": {"permissionSetName": "x"}}]}', "has no rolearn", id="sso"),
        pytest.param('{"mapRoles": [{"rolearn": "a", "groups": "g"}]}', "groups of an entry of mapRoles", id="groups"),
        pytest.param('{"mapAccounts": [1]}', "mapAccounts is not", id="accounts"),
        pytest.param("[" * 100_000, "is not as it must be", id="deep"),
        pytest.param("\x00", "is not as it must be", id="nul"),
    ],
)
async def test_a_dynamic_file_counts_whole_or_not_at_all(text: str, message: str, tmp_path: Path) -> None:
    """One entry without its key refuses the file, as in the reference."""
    path = tmp_path / "dynamic.json"
    path.write_text(text)
    backend = dynamic_file_backend(path, strict=False)
    await backend.start()
    await backend.close()
    assert message in str(backend.status().failure)


async def test_lines_of_a_dynamic_file(tmp_path: Path) -> None:
    """Messages and matches name the line of an entry."""
    path = tmp_path / "dynamic.json"
    path.write_text(
        json.dumps({"mapUsers": [], "mapRoles": [{"rolearn": "x"}, {"rolearn": ROLE, "username": "ci"}]}, indent=1)
    )
    backend = dynamic_file_backend(path, strict=False)
    await backend.start()
    await backend.close()
    match = backend.lookup(identity())
    assert isinstance(match, Match)
    assert match.source.line == path.read_text().splitlines().index("  {", 5) + 1


STRICT = [
    pytest.param({"rolearn": ROLE}, "ci", None, id="DYN-10-role"),
    pytest.param({"rolearn": f"arn:aws:iam::{A}:role/a/b/CICDRole"}, "ci", None, id="DYN-11-role-with-path"),
    pytest.param({"rolearn": ROLE.upper().replace("ARN:AWS:IAM", "arn:aws:iam")}, "ci", None, id="case"),
    pytest.param({"rolearn": ""}, "ci", None, id="DYN-15-id-only"),
    pytest.param({"rolearn": f"arn:aws:iam::{A}:role/Other"}, None, "recreated", id="DYN-12-mismatch"),
    pytest.param({"rolearn": "arn:aws:iam"}, None, "recreated", id="DYN-13-malformed"),
    pytest.param({"userid": "AROAOTHER"}, None, None, id="other-id"),
]


@pytest.mark.parametrize("fields, expected, near", STRICT)
async def test_strict_entries_go_by_unique_id(
    fields: dict[str, str], expected: str | None, near: str | None, tmp_path: Path
) -> None:
    """The id decides; an ARN beside it must be the caller's."""
    path = tmp_path / "dynamic.json"
    path.write_text(dynamic(**fields))
    backend = dynamic_file_backend(path, strict=True)
    await backend.start()
    await backend.close()
    assert username(backend) == expected
    answer = backend.lookup(identity())
    if near is not None:
        assert isinstance(answer, NotMapped)
        assert [miss.why for miss in answer.near_misses] == [near]


async def test_a_strict_mismatch_still_meets_the_account_list(tmp_path: Path) -> None:
    """As in the reference, the account of the caller may let in whom the entry does not."""
    path = tmp_path / "dynamic.json"
    content = json.loads(dynamic(rolearn=f"arn:aws:iam::{A}:role/Other")) | {"mapAccounts": [A]}
    path.write_text(json.dumps(content))
    backend = dynamic_file_backend(path, strict=True)
    await backend.start()
    await backend.close()
    assert username(backend) == ROLE


async def test_the_age_of_an_update_is_told(tmp_path: Path) -> None:
    """Whoever measures how long an update takes to arrive is told for each load."""
    path = tmp_path / "dynamic.json"
    path.write_text(dynamic())
    ages: list[float] = []
    backend = dynamic_file_backend(path, strict=False, loaded_after=ages.append, clock=lambda: 1700000007.0)
    await backend.start()
    await backend.close()
    assert ages == [7.0]
