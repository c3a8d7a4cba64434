"""The index of signed-in identities: what is written is read, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.aws.digest import sha256
from eksauth.credentials.cache_store import store_private
from eksauth.credentials.identity_index import (
    FORMAT,
    IndexEntry,
    decode_index,
    encode_index,
    entry_credentials,
    find_entry,
    index_name,
)
from eksauth.credentials.identity_inputs import file_digest, input_digest
from eksauth.credentials.settings import quick_settings

LINK = "a" * 64
LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))
WORD = st.text(st.characters(exclude_characters="\n\t", exclude_categories=["Cs"]))


def entry(**changes: object) -> IndexEntry:
    """Return an entry, with some fields changed."""
    fields: dict[str, object] = {
        "name": "dev",
        "link": LINK,
        "aws": "",
        "account": "111122223333",
        "region": "eu-west-1",
        "until": 0,
        "inputs": [("env", "absent", "NOT_SET")],
        **changes,
    }
    return IndexEntry(**fields)  # type: ignore[arg-type]


def same(one: IndexEntry, other: IndexEntry | None) -> bool:
    """Tell whether two entries say the same."""
    return other is not None and all(getattr(one, name) == getattr(other, name) for name in IndexEntry.__slots__)


@given(
    name=LINE,
    account=LINE,
    region=LINE,
    until=st.integers(min_value=0, max_value=1 << 40),
    inputs=st.lists(st.tuples(WORD, WORD, LINE), max_size=5),
)
def test_what_is_written_is_read(
    name: str, account: str, region: str, until: int, inputs: list[tuple[str, str, str]]
) -> None:
    """Every entry comes back as it was."""
    one = entry(name=name, account=account, region=region, until=until, inputs=inputs)
    assert same(one, decode_index(encode_index(one)))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a\nb"},
        {"region": "eu\nwest"},
        {"inputs": [("file", "x", "a\nb")]},
        {"inputs": [("fi\tle", "x", "a")]},
        {"link": "", "aws": ""},
        {"aws": "p@eu-west-1"},
        {"until": -1},
    ],
    ids=["name", "region", "path", "kind", "nothing", "both", "past"],
)
def test_what_does_not_fit_is_not_written(change: dict[str, object]) -> None:
    """A line end in a name cannot become a line of its own."""
    with pytest.raises(ValueError, match="cannot be indexed"):
        encode_index(entry(**change))


@given(st.data())
def test_damage_is_a_miss(data: st.DataObject) -> None:
    """An entry with any byte changed, or cut anywhere, is no entry."""
    whole = encode_index(entry())
    at = data.draw(st.integers(0, len(whole) - 1))
    assert decode_index(whole[:at]) is None
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    assert decode_index(bytes(changed)) is None


@given(st.binary())
def test_noise_is_a_miss(noise: bytes) -> None:
    """Bytes that are no entry are none, even with a right checksum."""
    assert decode_index(noise) is None
    digest: str = sha256(noise).hexdigest()
    found = decode_index(noise + digest.encode() + b"\n")
    assert found is None or noise.startswith(FORMAT.encode())


def test_names_keep_apart() -> None:
    """Spelling, file, realm, no realm and how the file was found are all part of an entry's name."""
    names = {
        index_name("dev", "/a", None, searched=False),
        index_name("Dev", "/a", None, searched=False),
        index_name("dev", "/b", None, searched=False),
        index_name("dev", "/a", "", searched=False),
        index_name("dev", "/a", "x", searched=False),
        index_name("dev", "/a", None, searched=True),
        index_name("", "dev\0/a", None, searched=False),
    }
    assert len(names) == 7


def test_guards_end_it(home: Path) -> None:
    """After the guards' time the entry says nothing; before that the credentials end with it."""
    assert home.exists()
    name = index_name("dev", "/a", None, searched=False)
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("[p]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n")
    data = encode_index(entry(link="", aws="p@eu-west-1", until=1000))
    assert store_private(os.environ, name, data) is None
    found = find_entry(os.environ, spelled="dev", path="/a", realm=None, searched=False, now=999)
    assert found is not None
    credentials = entry_credentials(os.environ, found, 999)
    assert credentials is not None
    assert credentials.expires_at == 1000
    assert find_entry(os.environ, spelled="dev", path="/a", realm=None, searched=False, now=1000) is None


def test_odd_files_have_no_digest(tmp_path: Path) -> None:
    """Pipes, directories and huge files are nothing to rely on; a missing file is a state of its own."""
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(64 << 20)
    assert file_digest(str(tmp_path / "pipe")) is None
    assert file_digest(str(tmp_path)) is None
    assert file_digest(str(tmp_path / "huge")) is None
    assert file_digest(str(tmp_path / "gone")) == "absent"
    assert file_digest("/nul\0") is None
    assert file_digest("/proc/self/comm") not in {None, "absent"}


def test_mode_is_part_of_a_configuration(tmp_path: Path) -> None:
    """A configuration that others may write since is another one; for other files only the content counts."""
    path = tmp_path / "x"
    path.write_text("x")
    path.chmod(0o600)

    def state(kind: str) -> str | None:
        return input_digest(kind, str(path), os.environ, quick_settings)

    before, content = state("config"), state("file")
    path.chmod(0o620)
    assert state("config") != before
    assert state("file") == content


def test_named_profiles_do_not_mind_the_region_of_the_shell(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile is the same input in an editor and in a shell with AWS_REGION; the ambient one is not."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[profile p]\nregion = eu-west-1\n[default]\nregion = eu-west-1\n")

    def states() -> list[str | None]:
        return [input_digest("aws", name, os.environ, quick_settings) for name in ("p@", "p@us-east-1", "@")]

    before = states()
    assert None not in before
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    after = states()
    assert after[:2] == before[:2]
    assert after[2] != before[2]
