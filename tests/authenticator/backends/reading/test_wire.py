"""What another process reads is what this one would have read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.authenticator.backends.reading.contents import CONFIGS, ENTRY_FILES, SECTIONS, texts

from eksauth.authenticator.backends.files.reading.jobs import (
    AccessEntriesJob,
    Content,
    DynamicFileJob,
    Job,
    SectionJob,
    ServerConfigJob,
    whole_config,
)
from eksauth.authenticator.backends.files.reading.wire import HEADER, Assembly, decode_job, encode_job, frames_of
from eksauth.authenticator.config import load_server_config
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    Mappings,
    PermissionSet,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.authenticator.mapping.steps import STEP
from eksauth.errors import ConfigError

Make = Callable[[Path, bool], Job]
JOBS: dict[str, tuple[Make, st.SearchStrategy[str]]] = {
    "config": (lambda path, _flag: ServerConfigJob(str(path)), texts(CONFIGS)),
    "dynamic": (lambda path, flag: DynamicFileJob(str(path), strict=flag), texts(SECTIONS)),
    "entries": (lambda path, flag: AccessEntriesJob(str(path), "aws-cn" if flag else "aws"), texts(ENTRY_FILES)),
    "section": (
        lambda path, flag: SectionJob("mapRoles" if flag else "mapUsers", path.read_text(), "aws-auth/mapRoles"),
        texts(SECTIONS.map(lambda sections: sections.get("mapRoles") or sections.get("mapUsers"))),
    ),
}


def payloads(content: Content) -> list[bytes]:
    """Return the frames of a content without their lengths."""
    raws = list(frames_of(lambda: content))
    assert all(int.from_bytes(raw[:HEADER], "big") == len(raw) - HEADER for raw in raws)
    return [raw[HEADER:] for raw in raws]


def outcome(job: Job) -> object:
    """Return what reading here gives: the content, or the error as values."""
    try:
        return job.read()
    except ConfigError as error:
        return (error.message, error.hint, error.code)


def outcome_over_the_wire(job: Job) -> object:
    """Return the same from frames."""
    assembly = Assembly()
    try:
        for raw in frames_of(decode_job(encode_job(job)).read):
            assert assembly.content is None
            assembly.take(raw[HEADER:])
    except ConfigError as error:
        return (error.message, error.hint, error.code)
    assert assembly.content is not None
    return assembly.content


@pytest.mark.parametrize("kind", JOBS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_reading_there_is_reading_here(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    """Entries, problems, lines and errors are the same, for files that load and for files that do not."""
    make, strategy = JOBS[kind]
    path = tmp_path / "file"
    path.write_text(data.draw(strategy))
    job = make(path, data.draw(st.booleans()))
    assert outcome_over_the_wire(job) == outcome(job)


def test_a_configuration_is_whole_again(tmp_path: Path) -> None:
    """What is put together from a job is what loading the file gives."""
    path = tmp_path / "server.yaml"
    path.write_text(
        "clusterID: x\nserver:\n  stateDir: /s\n  unknown: 1\n  scrubbedAccounts: ['111122223333']\n"
        "  mapAccounts: ['444455556666']\n"
    )
    found = outcome_over_the_wire(ServerConfigJob(str(path)))
    assert isinstance(found, Content)
    assert whole_config(found) == load_server_config(path)


def test_no_frame_has_more_entries_than_a_step() -> None:
    """However many entries there are, each frame is little work for whoever takes it, and all of them arrive."""
    source = Source("f", 1)
    roles = tuple(RoleMapping(None, PermissionSet("View", str(n), "aws"), "u", ("g",), source) for n in range(STEP + 1))
    users = tuple(UserMapping(str(number), "u", ("g",), Source("g", number)) for number in range(3 * STEP))
    content = Content(mappings=Mappings(roles, users, (AccountMapping("1", source),)))
    found = payloads(content)
    rows = [frame[2] for raw in found if (frame := msgspec.msgpack.decode(raw))[0] != "end"]
    assert max(map(len, rows)) == STEP
    assembly = Assembly()
    for raw in found:
        assembly.take(raw)
    assert assembly.content == content


def test_long_entries_make_frames_of_few() -> None:
    """A frame is bounded by its bytes as well."""
    roles = tuple(RoleMapping(str(number), None, "u" * 100_000, (), Source("f", number)) for number in range(40))
    found = payloads(Content(mappings=Mappings(roles)))
    assert max(map(len, found)) < 400_000
    assembly = Assembly()
    for raw in found:
        assembly.take(raw)
    assert assembly.content is not None
    assert assembly.content.mappings.roles == roles


def test_equal_groups_are_one_in_memory() -> None:
    """A hundred thousand entries with three lists of groups hold three lists."""
    roles = tuple(
        RoleMapping(str(number), None, "u", ("a", "b" * (number % 2)), Source("f", 1)) for number in range(10)
    )
    assembly = Assembly()
    for raw in payloads(Content(mappings=Mappings(roles))):
        assembly.take(raw)
    assert assembly.content is not None
    assert len({id(role.groups) for role in assembly.content.mappings.roles}) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raws: raws[1:], id="first-missing"),
        pytest.param(lambda raws: [*raws[:-1], raws[-1][:-3]], id="cut"),
        pytest.param(lambda raws: [b"\x93\xa7nothing\xc0\xc0", *raws], id="unknown"),
        pytest.param(lambda raws: [b"", *raws], id="empty"),
    ],
)
def test_frames_that_are_not_whole_are_no_content(spoil: object) -> None:
    """What a dying process leaves behind never becomes mappings."""
    assert callable(spoil)
    roles = tuple(RoleMapping(str(number), None, "u", (), Source("f", number)) for number in range(STEP + 1))
    assembly = Assembly()
    with pytest.raises(ValueError):
        for raw in spoil(payloads(Content(mappings=Mappings(roles)))):
            assembly.take(raw)
    assert assembly.content is None
