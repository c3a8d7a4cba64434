"""``kubeconfig remove``, ``rename`` and ``undo`` over several files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kubeconfig.managed import config, one, parsed, write

from eksauth.cli.main import run


@pytest.fixture(name="shared")
def shared_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file whose user "u" two contexts use, with comments."""
    content = config(
        {"c1": {"server": "https://1"}, "c2": {"server": "https://2"}},
        {"x1": {"cluster": "c1", "user": "u"}, "x2": {"cluster": "c2", "user": "u"}},
        {"u": {"token": "t"}},
        current_context="x1",
    )
    path = write(tmp_path / "config", content)
    path.write_text("# mine\n" + path.read_text() + "# the end\n")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def _ok(*words: str) -> None:
    assert run(["kubeconfig", *words]) == 0


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    _ok(*words, "-o", "json")
    return json.loads(capsys.readouterr().out)


def test_removing_a_context_takes_what_nothing_else_uses(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its cluster goes, the user that another context uses stays, comments stay, and nothing is left dangling."""
    result = _json(capsys, "remove", "x1")
    assert [(item["kind"], item["name"]) for item in result["removed"]] == [("context", "x1"), ("cluster", "c1")]
    assert result["current_context_unset"] is True
    after = parsed(shared)
    assert (set(after["contexts"]), set(after["clusters"]), set(after["users"])) == ({"x2"}, {"c2"}, {"u"})
    assert after["current"] == ""
    assert shared.read_text().startswith("# mine\n")
    assert shared.read_text().endswith("# the end\n")


def test_the_last_context_takes_the_shared_user(shared: Path) -> None:
    """When both contexts go, so does what they shared."""
    _ok("remove", "x1", "x2")
    after = parsed(shared)
    assert after["clusters"] == after["users"] == after["contexts"] == {}


def test_keep_orphans_removes_what_is_named(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the cluster goes, and the context that now dangles is reported."""
    result = _json(capsys, "remove", "--cluster", "c1", "--keep-orphans")
    assert [item["name"] for item in result["removed"]] == ["c1"]
    assert result["dangling"] == ["x1"]
    assert set(parsed(shared)["contexts"]) == {"x1", "x2"}


@pytest.mark.parametrize(
    "words,contexts,clusters,users",
    [
        (["--cluster", "c2"], {"x1"}, {"c1"}, {"u"}),
        (["--user", "u"], set(), set(), set()),
    ],
    ids=["cluster", "user"],
)
def test_removing_a_part_takes_the_contexts_that_use_it(
    shared: Path, words: list[str], contexts: set[str], clusters: set[str], users: set[str]
) -> None:
    """A context without its cluster or user is of no use."""
    _ok("remove", *words)
    after = parsed(shared)
    assert (set(after["contexts"]), set(after["clusters"]), set(after["users"])) == (contexts, clusters, users)


@pytest.mark.parametrize(
    "words,hint",
    [
        (["x1", "x11"], "did you mean"),
        (["c2"], "--cluster c2"),
        (["--user", "nobody-like-this"], "view --explain"),
    ],
    ids=["typing error", "another kind", "unknown"],
)
def test_an_unknown_name_removes_nothing(
    shared: Path, capsys: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    """All names are looked at before anything is written."""
    before = shared.read_bytes()
    assert run(["kubeconfig", "remove", *words]) == 3
    assert hint in capsys.readouterr().err
    assert shared.read_bytes() == before


def test_a_dry_run_shows_the_diff_and_writes_nothing(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The diff names what goes, without the token."""
    before = shared.read_bytes()
    _ok("remove", "x1", "x2", "--dry-run")
    out = capsys.readouterr().out
    assert 'would remove user "u"' in out
    assert "-    token: REDACTED" in out.replace('"', "")
    assert shared.read_bytes() == before


@pytest.fixture(name="two")
def two_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return two files that both define "x"; the second one's current context is another."""
    first = write(tmp_path / "a", one("x") | {"current-context": "x"})
    second = write(
        tmp_path / "b",
        config(
            {"x": {"server": "https://b"}},
            {"x": {"cluster": "x", "user": "x"}, "y": {"cluster": "x", "user": "x"}},
            current_context="y",
        ),
    )
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    return first, second


def test_a_hidden_twin_does_not_come_back(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The context goes from every file; parts that a context of the other file uses stay."""
    result = _json(capsys, "remove", "x")
    assert [item["name"] for item in result["removed"]] == ["x"]
    assert parsed(two[0])["contexts"] == {}
    assert set(parsed(two[1])["contexts"]) == {"y"}
    assert parsed(two[0])["current"] == ""
    assert parsed(two[1])["current"] == "y"


@pytest.mark.parametrize("kind", ["context", "cluster", "user"])
def test_renaming_changes_every_reference(two: tuple[Path, Path], kind: str) -> None:
    """Both files follow: twins, contexts that use it, and current-context."""
    _ok("rename", "x", "new", *([] if kind == "context" else [f"--{kind}"]))
    for path in two:
        after = parsed(path)
        assert "x" not in after[f"{kind}s"]
        if kind == "context":
            assert "new" in after["contexts"]
        else:
            assert {context[kind] for context in after["contexts"].values()} == {"new"}
    assert parsed(two[0])["current"] == ("new" if kind == "context" else "x")


@pytest.mark.parametrize("kind", ["context", "cluster", "user"])
def test_renaming_reaches_files_that_only_refer_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A file with contexts, or a current-context, that name an entry of another file follows."""
    entries = write(tmp_path / "entries", one("x"))
    user = write(
        tmp_path / "user", "# mine\ncontexts:\n- name: z\n  context: {cluster: x, user: x}\ncurrent-context: x\n"
    )
    monkeypatch.setenv("KUBECONFIG", f"{entries}:{user}")
    _ok("rename", "x", "new", *([] if kind == "context" else [f"--{kind}"]))
    expected = {"cluster": "x", "user": "x"} | ({} if kind == "context" else {kind: "new"})
    assert parsed(user)["contexts"] == {"z": expected}
    assert parsed(user)["current"] == ("new" if kind == "context" else "x")
    assert user.read_text().startswith("# mine\n")


@pytest.mark.parametrize(
    "old,new,code",
    [("x", "y", 3), ("nope", "z", 3), ("x", " ", 2)],
    ids=["taken in another file", "unknown", "empty"],
)
def test_renames_that_make_no_sense_write_nothing(two: tuple[Path, Path], old: str, new: str, code: int) -> None:
    """A taken, unknown or empty name is refused."""
    before = [path.read_bytes() for path in two]
    assert run(["kubeconfig", "rename", old, new]) == code
    assert [path.read_bytes() for path in two] == before


def test_undo_takes_back_all_files_of_a_write(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """One write changed two files, one undo restores both, and undoing that brings the write back."""
    before = [path.read_bytes() for path in two]
    _ok("rename", "x", "new")
    renamed = [path.read_bytes() for path in two]
    _ok("undo")
    assert [path.read_bytes() for path in two] == before
    _ok("undo")
    assert [path.read_bytes() for path in two] == renamed
    assert "redid rename context x to new" in capsys.readouterr().out


def test_undo_by_id_goes_further_back(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The list names every write with its files; an ID restores what was there before it."""
    before = [path.read_bytes() for path in two]
    _ok("rename", "x", "new")
    _ok("remove", "y")
    writes = _json(capsys, "undo", "--list")
    assert [item["what"] for item in writes] == ["remove context y", "rename context x to new"]
    assert [len(item["files"]) for item in writes] == [1, 2]
    _ok("undo", writes[1]["id"])
    assert [path.read_bytes() for path in two] == before


def test_undo_removes_a_file_that_a_write_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the write there was no file, so afterwards there is none."""
    source = write(tmp_path / "source", one("x"))
    _ok("merge", str(source), "--into", str(tmp_path / "new"))
    _ok("undo", "--kubeconfig", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    _ok("undo", "--kubeconfig", str(tmp_path / "new"))
    assert set(parsed(tmp_path / "new")["contexts"]) == {"x"}


@pytest.mark.parametrize(
    "words", [[], ["12345678901234567890"], ["--list", "1"]], ids=["nothing", "unknown id", "both"]
)
def test_undo_without_anything_to_undo(shared: Path, words: list[str]) -> None:
    """It says so and writes nothing."""
    before = shared.read_bytes()
    assert run(["kubeconfig", "undo", *words]) in {2, 3}
    assert shared.read_bytes() == before


def test_fix_permissions_makes_what_is_written_private(shared: Path) -> None:
    """A mode that others can read is kept unless asked."""
    shared.chmod(0o644)
    _ok("rename", "x1", "z1")
    assert shared.stat().st_mode & 0o777 == 0o644
    _ok("rename", "z1", "x1", "--fix-permissions")
    assert shared.stat().st_mode & 0o777 == 0o600


_TOUCHES = [
    ["remove", "x1"],
    ["remove", "--user", "u"],
    ["remove", "--cluster", "c1", "--keep-orphans"],
    ["rename", "x1", "y1"],
]


@pytest.mark.parametrize("words", _TOUCHES, ids=["context", "its user", "its cluster only", "rename"])
def test_protected_contexts_are_not_touched_without_a_yes(
    shared: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Where nobody can be asked nothing is written; a dry run needs no answer; --yes is one."""
    _ok("protect", "x1")
    before = shared.read_bytes()
    assert run(["kubeconfig", *words]) == 1
    said = capsys.readouterr().err
    assert 'context "x1" is protected' in said
    assert "--yes" in said
    _ok(*words, "--dry-run")
    assert shared.read_bytes() == before
    _ok(*words, "--yes")
    assert shared.read_bytes() != before


def test_what_is_not_protected_is_not_asked_about(shared: Path) -> None:
    """A protected context keeps no other from being removed, nor its cluster from getting another name."""
    _ok("protect", "x1")
    _ok("remove", "x2")
    _ok("rename", "--cluster", "c1", "one")
    assert set(parsed(shared)["contexts"]) == {"x1"}


@pytest.mark.parametrize("words", [["remove", "x"], ["rename", "x", "y"]], ids=["remove", "rename"])
@pytest.mark.parametrize("name", [".", "/"])
def test_a_directory_is_no_kubeconfig(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], name: str
) -> None:
    """Directories beside which no lock can be are refused as files that cannot be read, and nothing is made."""
    monkeypatch.chdir(home)
    assert run(["kubeconfig", *words, "--kubeconfig", name]) == 3
    assert f"error: {name}: cannot be read: is a directory" in capsys.readouterr().err
    assert list(home.glob("*.lock")) == []


def test_a_file_that_is_too_large_is_refused_by_edits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The size is the error, although only a part of the file is read."""
    path = tmp_path / "huge"
    with path.open("wb") as stream:
        stream.truncate(51 * 2**20)
    assert run(["kubeconfig", "remove", "x", "--kubeconfig", str(path), "--yes"]) == 3
    assert "larger than 50 MiB" in capsys.readouterr().err
