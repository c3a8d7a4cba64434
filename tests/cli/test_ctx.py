"""``eksauth ctx``: listing, switching, renaming and deleting contexts, with kubectl as the judge of the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.cli.context_kit import NOT_ANSWERED, Runner, eksauth, fast, full, kubeconfig, kubectl, write

from eksauth.kubeconfig.queue import Queue

NAMES = ["alpha", "beta", "prod-eu", "prod-us", "x=y"]
EKS = "arn:aws:eks:eu-west-1:111122223333:cluster/demo"


@pytest.fixture(name="config")
def config_(home: Path) -> Path:
    """Give a usual kubeconfig in its usual place, with beta current."""
    return write(home / ".kube" / "config", kubeconfig(NAMES, "beta"))


def test_list_marks_the_current_context(config: Path) -> None:
    """Without a terminal ctx lists: one line per context, a star before the current one."""
    done = eksauth("ctx")
    assert done.stdout == "  alpha\n* beta\n  prod-eu\n  prod-us\n  x=y\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_list_for_scripts(config: Path) -> None:
    """Names are what kubectl lists; JSON says what each context is."""
    assert eksauth("ctx", "-o", "name").stdout.split() == kubectl("config", "get-contexts", "-o", "name").split()
    rows = json.loads(eksauth("ctx", "-o", "json").stdout)
    assert [row["name"] for row in rows if row["current"]] == ["beta"]
    assert rows[0] == {
        "name": "alpha",
        "cluster": "alpha-cluster",
        "user": "alpha-user",
        "namespace": "",
        "server": "https://alpha.example",
        "current": False,
        "protected": False,
        "file": str(config),
        "owner": "",
    }


def test_switch_and_back(config: Path) -> None:
    """Kubectl sees the switch, nothing else in the file changes, and - goes back and forth."""
    before = config.read_text()
    done = eksauth("ctx", "alpha")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == 'switched to context "alpha" (was "beta")\n'
    assert kubectl("config", "current-context") == "alpha"
    assert config.read_text() == before.replace("current-context: beta", "current-context: alpha")
    for expected in ("beta", "alpha"):
        assert eksauth("ctx", "-").returncode == 0
        assert kubectl("config", "current-context") == expected
    assert eksauth("ctx", "--current").stdout == "alpha\n"


def test_switching_to_the_current_context_writes_nothing(config: Path) -> None:
    """The file stays as it is, to the nanosecond, and - still leads to where it did."""
    eksauth("ctx", "alpha")
    state = config.stat().st_mtime_ns
    assert eksauth("ctx", "alpha").stderr == 'context "alpha" is current already\n'
    assert config.stat().st_mtime_ns == state
    assert eksauth("ctx", "-").stderr == 'switched to context "beta" (was "alpha")\n'


@pytest.mark.parametrize("how", [fast, full], ids=["fast lane", "full path"])
def test_both_paths_do_the_same(how: Runner, config: Path) -> None:
    """List, current and switch are the same by either path, and so is the file, its mode and its backup."""
    config.chmod(0o640 if how is full else 0o600)
    outcomes = [how(*argv) for argv in (["ctx"], ["ctx", "--list"], ["ctx", "-o", "name"], ["ctx", "-c"], ["ns", "-c"])]
    assert [done.returncode for done in outcomes] == [0] * 5
    assert outcomes[0].stdout == outcomes[1].stdout == "  alpha\n* beta\n  prod-eu\n  prod-us\n  x=y\n"
    assert [done.stdout for done in outcomes[3:]] == ["beta\n", "default\n"]
    before = config.read_bytes()
    done = how("ctx", "prod-us")
    assert done.returncode == 0
    assert 'switched to context "prod-us" (was "beta")\n' in done.stderr
    assert config.read_bytes() == before.replace(b"context: beta\n", b"context: prod-us\n")
    assert config.stat().st_mode & 0o777 == (0o640 if how is full else 0o600)
    assert [path.name for path in config.parent.iterdir()] == ["config"]
    undone = eksauth("kubeconfig", "undo")
    assert undone.returncode == 0, undone.stderr
    assert config.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        kubeconfig(NAMES, "beta").replace("current-context: beta", "current-context: beta  # now"),
        kubeconfig(NAMES, "beta").replace("current-context: beta\n", ""),
        kubeconfig(NAMES, "beta").replace("    user: alpha-user", "    user: &u alpha-user"),
        json.dumps({"apiVersion": "v1", "kind": "Config", "contexts": [{"name": "alpha", "context": {}}]}),
        kubeconfig([*NAMES, "naïve"], "beta"),
        kubeconfig(NAMES, "beta").replace("\n", "\r\n"),
    ],
    ids=["comment at the value", "no current", "anchor", "JSON", "not ASCII", "CRLF"],
)
def test_unusual_files_are_switched_by_the_full_path(text: str, home: Path) -> None:
    """The fast lane leaves them alone, and the command switches all the same, changing one value."""
    path = write(home / ".kube" / "config", text)
    before = path.read_bytes()
    assert fast("ctx", "alpha").returncode == NOT_ANSWERED
    assert path.read_bytes() == before
    assert eksauth("ctx", "alpha").returncode == 0
    assert kubectl("config", "current-context") == "alpha"
    if b"current-context: beta" in before:
        assert path.read_bytes() == before.replace(b"current-context: beta", b"current-context: alpha")


@pytest.mark.parametrize("age,code", [(3600.0, 0), (-3600.0, NOT_ANSWERED)], ids=["an hour ago", "not past"])
def test_a_rival_of_long_ago_does_not_slow_switches_down(age: float, code: int, config: Path, home: Path) -> None:
    """Signs of kubectl writing at the same time count for seconds; after that the fast lane switches again."""
    state = home / ".local" / "state" / "eksauth"
    with Queue(state / "queue", [config], wait=10) as queue:
        queue.remember(config, {"stamp": [], "rival": time.time() - age})
    assert fast("ctx", "alpha").returncode == code
    assert eksauth("ctx", "prod-eu").returncode == 0
    assert kubectl("config", "current-context") == "prod-eu"


def test_files_that_kubectl_refuses_are_not_written(config: Path) -> None:
    """A broken file stops the switch, with file and line, by any path."""
    broken = config.read_text().replace("    user: beta-user", "    namespace: 1234\n    user: beta-user")
    write(config, broken)
    assert fast("ctx", "alpha").returncode == NOT_ANSWERED
    done = eksauth("ctx", "alpha")
    assert done.returncode == 3
    assert f"{config}:" in done.stderr
    assert config.read_text() == broken


@pytest.mark.parametrize(
    "wrong,near",
    [("prod-eus", "prod-eu"), ("PROD-EU", "prod-eu"), ("alhpa", "alpha"), ("us", ""), ("zzz", "")],
)
def test_unknown_names_get_suggestions(wrong: str, near: str, config: Path) -> None:
    """A typing error is answered with what may have been meant, and nothing is written."""
    before = config.read_bytes()
    done = eksauth("ctx", wrong)
    assert done.returncode == 3
    assert f'eksauth: error: context "{wrong}" does not exist\n' in done.stderr
    assert (f"did you mean {near}" if near else "eksauth ctx --list") in done.stderr
    assert config.read_bytes() == before


def test_the_end_of_an_arn_is_suggested(home: Path) -> None:
    """People type the cluster's name where the context is called by its ARN."""
    write(home / ".kube" / "config", kubeconfig([EKS, "other"], "other"))
    assert f"did you mean {EKS}" in eksauth("ctx", "demo").stderr


def test_rename(config: Path) -> None:
    """NEW=OLD renames, current-context follows, and so does the memory of -."""
    eksauth("ctx", "alpha")
    assert eksauth("ctx", "two=beta").returncode == 0
    assert eksauth("ctx", "one=.").returncode == 0
    assert kubectl("config", "current-context") == "one"
    assert kubectl("config", "get-contexts", "-o", "name").split() == ["one", "prod-eu", "prod-us", "two", "x=y"]
    assert eksauth("ctx", "-").returncode == 0
    assert kubectl("config", "current-context") == "two"
    taken = eksauth("ctx", "two=one")
    assert taken.returncode == 3
    assert "exists already" in taken.stderr
    missing = eksauth("ctx", "new=onne")
    assert missing.returncode == 3
    assert "did you mean one" in missing.stderr


def test_a_name_with_an_equals_sign_is_a_name(config: Path) -> None:
    """What exists is switched to, not taken for a renaming, and can be renamed itself."""
    assert eksauth("ctx", "x=y").returncode == 0
    assert kubectl("config", "current-context") == "x=y"
    assert eksauth("ctx", "plain=x=y").returncode == 0
    assert kubectl("config", "current-context") == "plain"


def test_unset(config: Path) -> None:
    """No context is current afterwards, and - brings it back."""
    assert eksauth("ctx", "-u").returncode == 0
    done = eksauth("ctx", "-c")
    assert (done.returncode, done.stdout) == (1, "")
    assert eksauth("ctx", "-").returncode == 0
    assert kubectl("config", "current-context") == "beta"


def test_delete_says_what_is_left(config: Path) -> None:
    """Cluster and user stay, and are named; the current context is not left dangling."""
    done = eksauth("ctx", "-d", "alpha", ".")
    assert done.returncode == 0
    assert "deleted" in done.stderr
    assert 'cluster "alpha-cluster", user "alpha-user"' in done.stderr
    assert '"beta" was the current context' in done.stderr
    assert kubectl("config", "get-contexts", "-o", "name").split() == ["prod-eu", "prod-us", "x=y"]
    assert "alpha-cluster" in kubectl("config", "get-clusters")
    assert eksauth("ctx", "-c").returncode == 1


def test_delete_with_orphans(config: Path) -> None:
    """--orphans takes clusters and users along, except those that another context uses."""
    text = config.read_text().replace("    user: prod-us-user", "    user: prod-eu-user")
    write(config, text)
    assert eksauth("ctx", "-d", "prod-eu", "--orphans").returncode == 0
    assert "prod-eu-cluster" not in kubectl("config", "get-clusters")
    assert "prod-eu-user" in kubectl("config", "get-users")


def test_delete_is_all_or_nothing(config: Path) -> None:
    """One unknown name among several, and none of them is deleted."""
    before = config.read_bytes()
    done = eksauth("ctx", "-d", "alpha", "nope", "beta")
    assert done.returncode == 3
    assert config.read_bytes() == before


def test_deleting_uncovers_a_twin(home: Path) -> None:
    """When a later file has a context of the same name, that one counts now, and it is said."""
    first, second = write(home / "a", kubeconfig(["one"], "one")), write(home / "b", kubeconfig(["one"], prefix="b-"))
    done = eksauth("ctx", "-d", "one", KUBECONFIG=f"{first}:{second}")
    assert done.returncode == 0
    assert 'another file has a context "one"' in done.stderr
    assert (
        json.loads(eksauth("ctx", "-o", "json", KUBECONFIG=f"{first}:{second}").stdout)[0]["cluster"] == "b-one-cluster"
    )


def test_several_files(home: Path) -> None:
    """The switch goes to the first file that exists, wherever the context is, as kubectl does it."""
    first, second = write(home / "a", kubeconfig(["one"], "one")), write(home / "b", kubeconfig(["two"], "two"))
    files = f"{home}/missing:{first}::{second}:{first}"
    unchanged = second.read_bytes()
    for how in (fast, full):
        write(first, kubeconfig(["one"], "one"))
        assert how("ctx", "two", KUBECONFIG=files).returncode == 0
        assert "current-context: two" in first.read_text()
        assert second.read_bytes() == unchanged
        assert kubectl("config", "current-context", environ={"KUBECONFIG": files}) == "two"
        assert how("ctx", KUBECONFIG=files).stdout == "  one\n* two\n"
    assert not (home / "missing").exists()


def test_previous_is_kept_for_each_kubeconfig(home: Path) -> None:
    """Two kubeconfigs do not mix up what - means."""
    files = [str(write(home / name, kubeconfig(["one", "two", name], "one"))) for name in "ab"]
    eksauth("ctx", "a", KUBECONFIG=files[0])
    eksauth("ctx", "two", KUBECONFIG=files[1])
    eksauth("ctx", "b", KUBECONFIG=files[1])
    assert '"one"' in eksauth("ctx", "-", KUBECONFIG=files[0]).stderr
    assert '"two"' in eksauth("ctx", "-", KUBECONFIG=files[1]).stderr


def test_no_previous_context(config: Path) -> None:
    """Before any switch, - says so and fails."""
    done = eksauth("ctx", "-")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no previous context" in done.stderr


@pytest.mark.parametrize("text", ["", "# nothing\n", "kind: Config\n"], ids=["empty", "comment", "no entries"])
def test_no_contexts(text: str, home: Path) -> None:
    """An empty kubeconfig lists nothing, hints at how to get one, and cannot be switched."""
    write(home / ".kube" / "config", text)
    done = eksauth("ctx")
    assert (done.returncode, done.stdout) == (0, "")
    assert "kubeconfig update" in done.stderr
    assert eksauth("ctx", "x").returncode == 3


def test_a_dangling_current_context_is_reported(home: Path) -> None:
    """The list warns about a current context that does not exist; --current prints it, as kubectl does."""
    write(home / ".kube" / "config", kubeconfig(["one"], "ghost"))
    done = eksauth("ctx")
    assert done.stdout == "  one\n"
    assert '"ghost", which does not exist' in done.stderr
    assert eksauth("ctx", "-c").stdout == "ghost\n"


def test_names_cannot_drive_a_terminal(home: Path) -> None:
    """Control characters in names are shown as text."""
    write(home / ".kube" / "config", kubeconfig(["one"], "one").replace("name: one\n", 'name: "one\\e[2J"\n'))
    done = eksauth("ctx", "-l")
    assert "\x1b" not in done.stdout + done.stderr
    assert "one\\x1b[2J" in done.stdout


@pytest.mark.parametrize(
    "argv",
    [["-l", "-c"], ["a", "b"], ["--orphans"], ["-c", "alpha"], ["-d"], ["--shell"], ["=alpha"], ["--nope"]],
    ids=" ".join,
)
def test_usage_errors(argv: list[str], config: Path) -> None:
    """Contradictions are exit code 2 with a hint, and nothing is written."""
    before = config.read_bytes()
    done = eksauth("ctx", *argv)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("eksauth: error: ")
    assert "eksauth: hint: " in done.stderr
    assert config.read_bytes() == before


def test_read_only_kubeconfig(config: Path) -> None:
    """Listing needs no right to write; switching says what is missing."""
    config.chmod(0o400)
    config.parent.chmod(0o500)
    try:
        assert eksauth("ctx").returncode == 0
        done = eksauth("ctx", "alpha")
        if os.geteuid():
            assert done.returncode == 3
    finally:
        config.parent.chmod(0o700)


def test_locked_kubeconfig(config: Path) -> None:
    """A stale lock of kubectl is named, with what to do about it; the file is not touched."""
    lock = config.with_name("config.lock")
    lock.touch()
    os.utime(lock, (1, 1))
    before = config.read_bytes()
    done = eksauth("ctx", "alpha")
    assert done.returncode == 3
    assert f"rm {lock}" in done.stderr
    assert config.read_bytes() == before


def test_many_switch_at_once(config: Path) -> None:
    """Parallel switches all succeed; the file is whole, and one of them was the last."""
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: eksauth("ctx", NAMES[number % 4]), range(24)))
    assert [run.returncode for run in done] == [0] * 24, [run.stderr for run in done if run.returncode]
    now = kubectl("config", "current-context")
    assert now in NAMES
    assert config.read_text() == kubeconfig(NAMES, now)
    assert eksauth("ctx", "-").returncode == 0


def test_plugin_names(config: Path) -> None:
    """Called kubectl-ctx or kubectl-ns, eksauth is that command."""
    assert eksauth("alpha", name="/usr/bin/kubectl-ctx").returncode == 0
    assert eksauth("-c", name="kubectl-ctx").stdout == "alpha\n"
    assert eksauth("-c", name="kubectl-ns").stdout == "default\n"
    assert eksauth("al", name="kubectl_complete-ctx").stdout == "alpha\n:4\n"


def test_real_kubectl_runs_the_plugin(config: Path, home: Path) -> None:
    """`kubectl ctx` works once the links are made."""
    bin_ = home / "bin"
    bin_.mkdir()
    script = bin_ / "eksauth"
    script.write_text(f"#!{sys.executable} -P\nimport sys\nfrom eksauth._entry import main\nsys.exit(main())\n")
    script.chmod(0o755)
    path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
    made = subprocess.run(
        [str(script), "completion", "--install-plugins"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert sorted(entry.name for entry in bin_.iterdir() if entry.is_symlink()) == [
        "kubectl-ctx",
        "kubectl-ns",
        "kubectl_complete-ctx",
        "kubectl_complete-ns",
    ]
    assert kubectl("ctx", "-c", environ={"PATH": path}) == "beta"
    completed = kubectl("__complete", "ctx", "al", environ={"PATH": path})
    assert completed.splitlines() == ["alpha", ":4"]
    again = subprocess.run([str(script), "completion", "--install-plugins"], capture_output=True, text=True)
    assert again.returncode == 0
