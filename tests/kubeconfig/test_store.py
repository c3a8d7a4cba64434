"""The transaction: which file, what is reported, what is refused, and that nothing is written then."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from eksauth.errors import ConfigError, EksauthError
from eksauth.kubeconfig.operations import (
    RemoveEntry,
    RenameEntry,
    SetCurrentContext,
    SetEntry,
    SetField,
    UnsetCurrentContext,
)
from eksauth.kubeconfig.paths import Files, Origin, kubeconfig_files
from eksauth.kubeconfig.resolve import Merged
from eksauth.kubeconfig.routing import Change, InFile
from eksauth.kubeconfig.session import Settings
from eksauth.kubeconfig.store import apply
from eksauth.sandbox.binaries import find_kubectl

ONE = """\
# one
current-context: a
clusters:
- name: shared
  cluster: {server: https://one}
contexts:
- name: a
  context: {cluster: shared, user: u}
"""
TWO = """\
# two
current-context: b
contexts:
- name: b
  context: {cluster: shared, user: u}
users:
- name: u
  user: {token: s3cret}
"""


@pytest.fixture(name="files")
def files_(tmp_path: Path) -> Files:
    """Return two kubeconfigs that refer to each other, and a third that does not exist."""
    for name, text in (("one", ONE), ("two", TWO)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return Files(tuple(tmp_path / name for name in ("one", "two", "three")), Origin.VARIABLE)


def _texts(files: Files) -> list[str]:
    return [path.read_text() for path in files.paths if path.exists()]


def test_nothing_is_written_when_nothing_changes(files: Files) -> None:
    """No write, no backup, no new time stamp."""
    before = [path.stat().st_mtime_ns for path in files.paths[:2]]
    outcome = apply(files, [SetCurrentContext("a"), SetField("contexts", "b", ("user",), "u")])
    assert not outcome.changed
    assert outcome.diff() == ""
    assert [path.stat().st_mtime_ns for path in files.paths[:2]] == before


def test_a_dry_run_tells_and_touches_nothing(files: Files, home: Path) -> None:
    """The diff is the one of the real run; no lock, state or file appears."""
    changes: list[Change] = [SetField("contexts", "b", ("namespace",), "n"), SetCurrentContext("b")]
    dry = apply(files, changes, dry_run=True)
    assert _texts(files) == [ONE, TWO]
    assert not list(home.iterdir())
    assert dry.dry_run
    assert dry.diff() == apply(files, changes).diff()
    assert dry.files == (files.paths[1], files.paths[0])


def test_the_diff_shows_changes_and_hides_secrets(files: Files) -> None:
    """A changed token is shown as a change of something hidden."""
    outcome = apply(
        files, [SetField("users", "u", ("token",), "n3w-s3cret"), SetField("contexts", "a", ("user",), "v")]
    )
    assert "s3cret" not in outcome.diff()
    assert outcome.diff().splitlines() == [
        f"--- {files.paths[1]}", f"+++ {files.paths[1]}", "@@ -5,4 +5,4 @@",
        "   context: {cluster: shared, user: u}", " users:", " - name: u",
        "-  user: {token: REDACTED}", "+  user: {token: REDACTED}",
        f"--- {files.paths[0]}", f"+++ {files.paths[0]}", "@@ -5,4 +5,4 @@",
        "   cluster: {server: https://one}", " contexts:", " - name: a",
        "-  context: {cluster: shared, user: u}", "+  context: {cluster: shared, user: v}",
    ]  # fmt: skip
    assert "s3cret" not in repr(outcome)


SECRETS = """\
users:
- name: u
  user:
    client-key-data: S3CRETAA
    password: "S3CRET
      S3CRET"
    auth-provider: {name: oidc, config: {client-secret: S3CRET, id-token: 'S3CRET', idp-issuer-url: https://shown}}
    exec:
      args: [--client-secret, S3CRET, --token=S3CRET, get-token, shown, --password, S3CRET]
      env:
      - {name: AWS_SECRET_ACCESS_KEY, value: S3CRET}
      - {name: AWS_PROFILE, value: shown}
      - value: |
          S3CRET
          S3CRET
        name: MY_VAR
clusters:
- name: c
  cluster: {proxy-url: "http://me:S3CRET@proxy:3128", certificate-authority-data: QUJD}
x: {token: S3CRET, deep: [{refresh-token: S3CRET}]}
current-context: shown
"""


def test_no_diff_holds_a_secret_wherever_it_stands(tmp_path: Path) -> None:
    """Keys, variables, arguments, provider settings, proxies, unknown parts, folded and block scalars."""
    path = tmp_path / "config"
    path.write_text("")
    path.chmod(0o600)
    _assert_hidden(path, SECRETS)
    assert list(path.parent.glob("config*")) == [path]


def _assert_hidden(path: Path, text: str) -> None:
    from eksauth.kubeconfig.document import parse_document
    from eksauth.kubeconfig.outcome import FileChange

    assert parse_document(text.encode(), path).sections["users"]
    diff = FileChange(path, path, None, text.encode()).diff()
    assert "S3CRET" not in diff
    assert "QUJD" not in diff
    assert diff.count("shown") == 4
    assert len(diff.splitlines()) == len(text.splitlines()) + 3
    # text that cannot be parsed is not shown at all
    assert "S3CRET" not in FileChange(path, path, text.encode(), b"S3CRET: [").diff()


def test_renaming_a_cluster_changes_the_contexts_of_every_file(files: Files) -> None:
    """References are resolved across files, so they are renamed across files, in one transaction."""
    outcome = apply(files, [RenameEntry("clusters", "shared", "production")])
    assert _texts(files) == [
        ONE.replace("shared", "production"), TWO.replace("shared", "production"),
    ]  # fmt: skip
    assert len(outcome.changes) == 2


def test_a_name_that_another_file_has_is_taken(files: Files) -> None:
    """Renaming a to b would hide the b of the second file."""
    with pytest.raises(ConfigError, match='context "b" exists already'):
        apply(files, [RenameEntry("contexts", "a", "b")])
    assert _texts(files) == [ONE, TWO]


def test_operations_of_one_transaction_build_on_each_other(files: Files) -> None:
    """A new entry can be changed, renamed and removed again at once, in the file that it was put in."""
    changes: list[Change] = [
        SetEntry("contexts", "new", {"cluster": "shared"}),
        SetField("contexts", "new", ("namespace",), "n"),
        RenameEntry("contexts", "new", "newer"),
        SetCurrentContext("newer"),
        RemoveEntry("contexts", "b"),
        SetEntry("contexts", "b", {"cluster": "again"}),
    ]
    apply(files, changes)
    one, two = _texts(files)
    assert "name: newer" in one
    assert "current-context: newer" in one
    assert "cluster: again" in one
    assert "contexts: []" in two


def test_unsetting_everywhere_leaves_no_other_file_to_take_over(files: Files) -> None:
    """Kubectl's unset clears the first file only."""
    apply(files, [UnsetCurrentContext(everywhere=True)])
    assert ['current-context: ""' in text for text in _texts(files)] == [True, True]


def test_new_entries_go_where_they_are_told(files: Files) -> None:
    """A file outside the list, in a directory that does not exist, is made; existing entries stay in theirs."""
    target = files.paths[0].parent / "deep" / "er" / "config"
    changes: list[Change] = [SetEntry("users", "u", {"token": "t"}), SetEntry("users", "v", {"token": "t"})]
    outcome = apply(files, changes, new_entries=target)
    assert set(outcome.files) == {files.paths[1], target}
    assert "name: v" in target.read_text()
    assert target.parent.stat().st_mode & 0o777 == 0o700


def test_one_file_can_be_named_for_a_change(files: Files) -> None:
    """Splitting and merging write particular files; each must be among the locked ones."""
    other = files.paths[0].parent / "other"
    change = InFile(other, SetEntry("users", "u", {"token": "t"}))
    with pytest.raises(EksauthError, match="without its lock"):
        apply(files, [change])
    assert apply(files, [change], also=[other]).files == (other,)
    assert _texts(files) == [ONE, TWO]


def test_the_deciding_function_sees_what_is_under_the_lock(files: Files) -> None:
    """The function gets the merged view while every lock is held."""

    def decide(merged: Merged) -> list[Change]:
        assert all(path.with_name(path.name + ".lock").exists() for path in files.paths)
        assert merged.current_context is not None
        return [SetCurrentContext(merged.current_context.value + "2")]

    apply(files, decide)
    assert "current-context: a2" in files.paths[0].read_text()


def test_a_write_without_the_lock_makes_us_start_again(files: Files) -> None:
    """An editor that saves between our reading and our writing is not overwritten; both changes are there."""
    calls = []

    def decide(merged: Merged) -> list[Change]:
        calls.append(merged)
        if len(calls) == 1:
            files.paths[0].write_text(ONE + "# saved by an editor\n")
        return [SetCurrentContext("b")]

    apply(files, decide)
    assert (
        files.paths[0].read_text() == ONE.replace("current-context: a", "current-context: b") + "# saved by an editor\n"
    )
    assert len(calls) == 2


def test_a_file_that_never_rests_is_given_up_on(files: Files) -> None:
    """Somebody writing all the time ends in an error, not in a loop."""

    def decide(merged: Merged) -> list[Change]:
        with files.paths[0].open("a") as stream:
            stream.write("# again\n")
        return [SetCurrentContext("b")]

    with pytest.raises(ConfigError, match="keeps changing") as caught:
        apply(files, decide)
    assert caught.value.code == "kubeconfig.busy"
    assert "current-context: b" not in files.paths[0].read_text()


@pytest.mark.parametrize(
    "broken", [b"clusters: [", b"\tx: 1\n", b"kind: Pod\n", b"clusters: {}\n", b"\xff\xfe\xff", b"users:\n- name: 1\n"]
)
def test_a_broken_file_stops_everything(files: Files, broken: bytes) -> None:
    """As with kubectl, one unreadable member means that nothing is written; the message names the file."""
    files.paths[1].write_bytes(broken)
    with pytest.raises(ConfigError, match=str(files.paths[1])):
        apply(files, [SetCurrentContext("b")])
    assert files.paths[0].read_text() == ONE
    assert files.paths[1].read_bytes() == broken
    assert not list(files.paths[0].parent.glob("*.lock"))


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="needs /proc")
def test_when_the_second_file_cannot_be_written_the_first_is_put_back(files: Files) -> None:
    """A transaction over two files leaves both as they were when it fails half-way."""
    code = f"""
import resource, sys
from pathlib import Path
from eksauth.errors import ConfigError
from eksauth.kubeconfig.operations import SetEntry, SetField
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.store import apply
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
files = Files(tuple(map(Path, {list(map(str, files.paths))!r})), Origin.VARIABLE)
try:
    apply(files, [SetField("contexts", "a", ("user",), "changed"), SetField("users", "u", ("token",), "x" * 5000)])
except ConfigError as error:
    sys.exit(error.message)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "file too large" in run.stderr
    assert _texts(files) == [ONE, TWO]


def test_open_permissions_are_warned_about_and_fixed(files: Files) -> None:
    """A warning names file, who may do what, and the mode; with the setting it is mended, even without a change."""
    files.paths[0].chmod(0o644)
    assert apply(files, [SetCurrentContext("b")]).warnings == (
        f"{files.paths[0]} can be read by everybody (mode 0644); --fix-permissions makes it private",
    )
    assert not apply(files, [SetCurrentContext("b")], settings=Settings(fix_permissions=True)).warnings
    assert files.paths[0].stat().st_mode & 0o777 == 0o600


def test_an_unlockable_member_stops_only_writes_to_itself(tmp_path: Path, files: Files) -> None:
    """A missing directory in the list, on which kubectl makes directories, is left alone unless it is the target."""
    unlockable = tmp_path / "no" / "dir" / "config"
    listed = Files((*files.paths, unlockable), Origin.VARIABLE)
    apply(listed, [SetCurrentContext("b")])
    assert not unlockable.parent.exists()
    with pytest.raises(ConfigError, match="no lock can be made beside it"):
        apply(listed, [InFile(unlockable, SetCurrentContext("b"))])


def test_a_first_kubeconfig_is_made_with_its_directory(home: Path) -> None:
    """~/.kube is 0700 and the file 0600."""
    outcome = apply(kubeconfig_files({"HOME": str(home)}), [SetEntry("clusters", "c", {"server": "https://c"})])
    assert outcome.changes[0].created
    assert (home / ".kube").stat().st_mode & 0o777 == 0o700
    assert (home / ".kube" / "config").stat().st_mode & 0o777 == 0o600
    assert outcome.diff().startswith(
        f"--- /dev/null\n+++ {home / '.kube' / 'config'}\n@@ -0,0 +1,6 @@\n+apiVersion: v1\n"
    )


def test_json_stays_json(tmp_path: Path) -> None:
    """Kubectl turns a JSON kubeconfig into YAML on the first write."""
    path = tmp_path / "config"
    path.write_text('{"clusters": [{"name": "a", "cluster": {"server": "x"}}]}')
    apply(Files((path,), Origin.FLAG), [SetCurrentContext("yes"), SetEntry("clusters", "b", {"server": "n"})])
    assert path.read_text() == (
        '{"clusters": [{"name": "a", "cluster": {"server": "x"}}, {"cluster": {"server": "n"}, "name": "b"}], '
        '"current-context": "yes"}'
    ).replace('{"cluster": {"server": "n"}, "name": "b"}', '{"name": "b", "cluster": {"server": "n"}}')


@pytest.mark.peer
def test_a_change_that_kubectl_undoes_is_made_again(tmp_path: Path) -> None:
    """A kubectl that read the file before our write and locks it after it removes our entry; we put it back."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl")
    path, hold = tmp_path / "config", tmp_path / "hold"
    plain = {**os.environ, "KUBECONFIG": str(path)}
    subprocess.run([kubectl, "config", "set-cluster", "first", "--server=https://f"], env=plain, check=True)
    os.mkfifo(hold)
    # kubectl reads the list in order: after the file it blocks on the pipe until somebody writes there
    pipe = os.open(hold, os.O_RDWR | os.O_CLOEXEC)
    slow = subprocess.Popen(
        [kubectl, "config", "set-cluster", "theirs", "--server=https://t"],
        env={**os.environ, "KUBECONFIG": f"{path}:{hold}"},
        stdout=subprocess.DEVNULL,
    )
    while not _has_open(slow.pid, hold):
        time.sleep(0.01)
    os.utime(path)

    def let_go() -> None:
        while "ours" not in path.read_text():
            time.sleep(0.01)
        time.sleep(0.2)  # until our lock is gone; kubectl does not wait for it
        os.close(pipe)
        while slow.poll() is None:  # kubectl opens the pipe again and again
            try:
                os.close(os.open(hold, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                time.sleep(0.01)

    thread = threading.Thread(target=let_go)
    thread.start()
    outcome = apply(
        Files((path,), Origin.FLAG),
        [SetEntry("clusters", "ours", {"server": "https://o"})],
        settings=Settings(settle=2.0),
    )
    thread.join()
    assert slow.returncode == 0
    assert outcome.rounds == 2
    for name in ("first", "theirs", "ours"):
        assert f"name: {name}\n" in path.read_text()


def _has_open(process: int, path: Path) -> bool:
    """Tell whether a process has a file open."""
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            if link.readlink() == path:
                return True
    return False
