"""``eksauth run`` and ``each``: commands that see one context, their output, signals and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.context_kit import eksauth, kubeconfig, kubectl, write

NAMES = ["dev", "prod-eu", "prod-us", "stage"]
PYTHON = [sys.executable, "-P", "-c", "import sys; from eksauth._entry import main; sys.exit(main())"]


@pytest.fixture(name="config")
def config_(home: Path) -> Path:
    """Give a kubeconfig with four contexts, dev current."""
    return write(home / ".kube" / "config", kubeconfig(NAMES, "dev"))


def leftovers(home: Path) -> list[str]:
    """Return what isolated commands left behind."""
    return [path.name for path in (home / ".local" / "state" / "eksauth" / "run").glob("*")]


def test_the_command_sees_one_context(config: Path, home: Path) -> None:
    """Kubectl inside sees the context as the only and current one; outside nothing changes, nothing is left behind."""
    before = config.read_bytes()
    kubectl("version", "--client")  # skips where there is none
    done = eksauth(
        "run", "prod-eu", "--", "sh", "-c", 'cat "$KUBECONFIG"; echo "$EKSAUTH_CONTEXT"; stat -c %a "$KUBECONFIG"'
    )
    *document, name, mode = done.stdout.splitlines()
    assert (name, mode) == ("prod-eu", "600")
    inner = write(home / "inner", "\n".join(document) + "\n")
    shown = json.loads(kubectl("config", "view", "--raw", "-o", "json", environ={"KUBECONFIG": str(inner)}))
    wanted = json.loads(kubectl("config", "view", "--raw", "--minify", "--context", "prod-eu", "-o", "json"))
    assert {**shown, "preferences": None} == {**wanted, "preferences": None}
    assert config.read_bytes() == before
    assert leftovers(home) == []


def test_relative_paths_become_absolute(home: Path) -> None:
    """Certificates, keys, token files and plugins named relative to the kubeconfig are found from anywhere."""
    text = kubeconfig(["one"], "one").replace("    token: one-token", "    tokenFile: tokens/one")
    text = text.replace("server: https://one", "certificate-authority: ca.crt\n    server: https://one")
    lines = [line for line in text.split("\n") if "authority-data" not in line]
    write(home / "deep" / "config", "\n".join(lines))
    (home / "elsewhere").mkdir()
    done = subprocess.run(
        [*PYTHON, "run", "one", "--", "sh", "-c", 'cat "$KUBECONFIG"'],
        cwd=home / "elsewhere",
        env={**os.environ, "KUBECONFIG": "../deep/config"},
        capture_output=True,
        text=True,
    )
    assert f"certificate-authority: {home}/deep/ca.crt\n" in done.stdout, done.stderr
    assert f"tokenFile: {home}/deep/tokens/one\n" in done.stdout


@pytest.mark.parametrize("script,code", [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_exit_code_is_the_commands(script: str, code: int, config: Path, home: Path) -> None:
    """The command's own exit code comes back; a signal is 128 plus its number."""
    assert eksauth("run", "dev", "--", "sh", "-c", script).returncode == code
    assert leftovers(home) == []


@pytest.mark.parametrize("command,code", [(["no-such-command-here"], 127), (["/etc/passwd"], 126), ([], 2)])
def test_commands_that_cannot_run(command: list[str], code: int, config: Path, home: Path) -> None:
    """As in shells: 127 for none, 126 for no executable; no command at all is a usage error."""
    done = eksauth("run", "dev", "--", *command)
    assert done.returncode == code
    assert done.stderr.startswith("eksauth: error: ")
    assert leftovers(home) == []


def test_options_of_the_command_are_its_own(config: Path) -> None:
    """What stands behind -- is not read, with or without ours before it; without -- options end at the context."""
    for argv in (["-n", "web", "dev", "--"], ["dev", "-n", "web", "--"], ["-n", "web", "dev"]):
        done = eksauth("run", *argv, "sh", "-c", 'grep namespace: "$KUBECONFIG"; echo "$0" "$@"', "-y", "--", "-n")
        assert done.stdout == "    namespace: web\n-y -- -n\n", done.stderr


def test_namespace_of_the_context_stays(home: Path) -> None:
    """The isolated kubeconfig keeps the context's own namespace."""
    text = kubeconfig(["one"], "one").replace(
        "    user: one-user\n  name", "    namespace: payments\n    user: one-user\n  name"
    )
    write(home / ".kube" / "config", text)
    assert "    namespace: payments\n" in eksauth("run", "one", "--", "sh", "-c", 'cat "$KUBECONFIG"').stdout


def test_previous_context(config: Path) -> None:
    """- is the context before the last switch."""
    eksauth("ctx", "stage")
    assert eksauth("run", "-", "--", "sh", "-c", "echo $EKSAUTH_CONTEXT").stdout == "dev\n"


def test_contexts_that_lead_nowhere(home: Path) -> None:
    """A missing cluster or user stops before anything runs, with the file and line that names it."""
    write(
        home / ".kube" / "config",
        kubeconfig(["one"], "one").replace("    user: one-user\n  name", "    user: gone\n  name"),
    )
    for argv in (["run", "one", "--"], ["each", "*", "--"]):
        done = eksauth(*argv, "echo", "ran")
        assert (done.returncode, done.stdout) == (3, "")
        assert '"gone"' in done.stderr
    assert eksauth("run", "two", "--", "true").returncode == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_command(number: signal.Signals, config: Path, home: Path) -> None:
    """A signal is passed on, the command's answer to it is the exit code, and the private file goes."""
    script = "trap 'echo caught; exit 42' TERM HUP INT USR1; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [*PYTHON, "run", "dev", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=120)
        assert (out, process.returncode) == ("caught\n", 42)
        assert leftovers(home) == []
    finally:
        if process.poll() is None:  # a failure must not leave its session running
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_what_a_killed_run_leaves_is_swept_by_the_next(config: Path, home: Path) -> None:
    """SIGKILL leaves a private kubeconfig; the next command removes it, and never one that is in use."""
    killed = subprocess.Popen([*PYTHON, "run", "dev", "--", "sh", "-c", "echo ready; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    living = subprocess.Popen([*PYTHON, "run", "dev", "--", "sh", "-c", "echo ready; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        for process in (killed, living):
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        killed.kill()
        killed.wait()
        assert len(leftovers(home)) == 2
        assert eksauth("run", "stage", "--", "true").returncode == 0
        assert len(leftovers(home)) == 1
    finally:
        for process in (killed, living):
            process.communicate(b"\n", timeout=120)
    assert leftovers(home) == []


def test_each_prints_in_order_behind_names(config: Path, home: Path) -> None:
    """Lines stand behind their context's name, contexts in their order, whatever finishes first."""
    script = 'case $EKSAUTH_CONTEXT in dev) sleep 0.4;; esac; echo "one $EKSAUTH_CONTEXT"; echo two; echo bad >&2'
    done = eksauth("each", "*", "!stage", "--", "sh", "-c", script)
    assert done.returncode == 0
    assert done.stdout == "".join(
        f"{name.ljust(7)} | one {name}\n{name.ljust(7)} | two\n" for name in ("dev", "prod-eu", "prod-us")
    )
    assert done.stderr.splitlines() == [f"{name.ljust(7)} | bad" for name in ("dev", "prod-eu", "prod-us")]
    assert leftovers(home) == []


def test_each_in_groups(config: Path) -> None:
    """--group puts a heading before each context's output, which stays as it is."""
    done = eksauth("each", "--group", "prod-*", "--", "sh", "-c", 'printf "  %s" "$EKSAUTH_CONTEXT"')
    assert done.stdout == "== prod-eu ==\n  prod-eu\n== prod-us ==\n  prod-us\n"


def test_each_runs_at_once(config: Path, home: Path) -> None:
    """With as many jobs as contexts all of them wait for each other, and nobody waits in vain; one job never meets another."""
    meeting = home / "meeting"
    meeting.mkdir()
    script = (
        f"touch {meeting}/$EKSAUTH_CONTEXT; n=0; while [ $(ls {meeting} | wc -l) -lt 4 ]; do sleep 0.02; n=$((n+1)); "
        "[ $n -gt $1 ] && exit 9; done; exit 0"
    )
    assert eksauth("each", "--jobs", "4", "*", "--", "sh", "-c", script, "sh", "500").returncode == 0
    for path in meeting.iterdir():
        path.unlink()
    assert eksauth("each", "--jobs", "1", "dev", "stage", "--", "sh", "-c", script, "sh", "3").returncode == 9


def test_each_returns_the_worst_exit_code(config: Path) -> None:
    """One failing context is enough, the highest code counts, and every failure is named."""
    script = "case $EKSAUTH_CONTEXT in dev) exit 3;; prod-us) exit 7;; esac"
    done = eksauth("each", "*", "--", "sh", "-c", script)
    assert done.returncode == 7
    assert done.stderr == "eksauth: failed: dev (exit code 3)\neksauth: failed: prod-us (exit code 7)\n"


def test_each_as_json(config: Path) -> None:
    """The summary has one result for each context, in order, with its output and exit code."""
    script = "echo out; echo err >&2; [ $EKSAUTH_CONTEXT = dev ]"
    done = eksauth("each", "dev", "stage", "-o", "json", "--", "sh", "-c", script)
    results = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(row["context"], row["state"], row["exit_code"]) for row in results] == [
        ("dev", "done", 0),
        ("stage", "failed", 1),
    ]
    assert {(row["stdout"], row["stderr"]) for row in results} == {("out\n", "err\n")}


def test_fail_fast_stops_the_others(config: Path, home: Path) -> None:
    """The first failure ends what runs, children included, and starts nothing more."""
    script = (
        f"case $EKSAUTH_CONTEXT in dev) while [ ! -e {home}/started ]; do sleep 0.02; done; exit 5;; "
        f"prod-eu) touch {home}/started; sleep 600 & wait; esac"
    )
    began = time.monotonic()
    done = eksauth("each", "*", "--jobs", "2", "--fail-fast", "-o", "json", "--", "sh", "-c", script)
    assert time.monotonic() - began < 60
    assert done.returncode == 5
    states = {row["context"]: row["state"] for row in json.loads(done.stdout)}
    assert states == {"dev": "failed", "prod-eu": "stopped", "prod-us": "skipped", "stage": "skipped"}


def test_timeout(config: Path) -> None:
    """A command that takes too long is ended and counts as 124."""
    done = eksauth(
        "each",
        "dev",
        "stage",
        "--timeout",
        "0.3",
        "-o",
        "json",
        "--",
        "sh",
        "-c",
        "[ $EKSAUTH_CONTEXT = dev ] || sleep 600",
    )
    assert done.returncode == 124
    assert [row["state"] for row in json.loads(done.stdout)] == ["done", "timed out"]


def test_an_interrupt_stops_everything(config: Path, home: Path) -> None:
    """Ctrl-C ends all commands and leaves nothing behind."""
    process = subprocess.Popen(
        [*PYTHON, "each", "--live", "*", "--", "sh", "-c", "echo ready; sleep 600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for _ in NAMES:
        assert "ready" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert leftovers(home) == []


def test_much_output_of_many(config: Path) -> None:
    """Megabytes of lines from all contexts at once arrive whole, unmixed and in order."""
    done = eksauth("each", "*", "--", "sh", "-c", "seq 1 60000")
    lines = done.stdout.splitlines()
    assert lines == [f"{name.ljust(7)} | {number}" for name in NAMES for number in range(1, 60001)]


@pytest.mark.parametrize(
    "patterns,expected",
    [
        (["prod-*"], ["prod-eu", "prod-us"]),
        (["stage", "dev"], ["dev", "stage"]),
        (["/eu|us/", "^prod-us"], ["prod-eu"]),
        (["!prod-*"], ["dev", "stage"]),
    ],
    ids=" ".join,
)
def test_patterns(patterns: list[str], expected: list[str], config: Path) -> None:
    """Names, globs and expressions take in; ! and ^ take away; the order is that of the list."""
    done = eksauth("each", "-o", "json", *patterns, "--", "true")
    assert [row["context"] for row in json.loads(done.stdout)] == expected


@pytest.mark.parametrize(
    "argv,code",
    [
        (["nope-*", "--", "true"], 2),
        (["/(/", "--", "true"], 2),
        (["nope", "--", "true"], 3),
        (["dev", "!dev", "--", "true"], 2),
        (["dev"], 2),
        (["--", "true"], 2),
        (["--live", "--group", "dev", "--", "true"], 2),
        (["dev", "--", "no-such-command-here"], 127),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(argv: list[str], code: int, config: Path) -> None:
    """Patterns that mean nothing, and commands that do not exist, run nothing."""
    done = eksauth("each", *argv)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("eksauth: error: ")


@pytest.fixture(name="guarded")
def guarded_(config: Path) -> Path:
    """Protect the two production contexts."""
    done = eksauth("kubeconfig", "protect", "prod-*")
    assert done.returncode == 0, done.stderr
    return config


@pytest.mark.parametrize(
    "argv",
    [
        ["ctx", "prod-eu"],
        ["ctx", "-d", "dev", "prod-eu"],
        ["ctx", "new=prod-eu"],
        ["ctx", "--shell", "prod-eu"],
        ["run", "prod-eu", "--", "echo", "ran"],
        ["each", "*", "--", "echo", "ran"],
    ],
    ids=" ".join,
)
def test_protected_contexts_refuse_without_an_answer(argv: list[str], guarded: Path) -> None:
    """Where nobody can be asked, a protected context is not touched, until --yes says so."""
    before = guarded.read_bytes()
    done = eksauth(*argv, SHELL="/bin/true")
    assert (done.returncode, done.stdout) == (1, "")
    assert "protected" in done.stderr
    assert "--yes" in done.stderr
    assert guarded.read_bytes() == before
    yes = eksauth(argv[0], "--yes", *argv[1:], SHELL="/bin/true")
    assert yes.returncode == 0, yes.stderr


def test_going_back_to_a_protected_context_is_a_switch(guarded: Path) -> None:
    """- asks as well, by either path."""
    eksauth("ctx", "-y", "prod-eu")
    eksauth("ctx", "dev")
    assert eksauth("ctx", "-").returncode == 1
    assert kubectl("config", "current-context") == "dev"


def test_the_mark_is_shown_and_can_be_lifted(guarded: Path) -> None:
    """Lists show it, kubectl keeps it, --off takes it away and leaves the file as it was."""
    assert "  prod-eu  [protected]\n" in eksauth("ctx").stdout
    assert eksauth("kubeconfig", "protect").stdout == "prod-eu\nprod-us\n"
    kubectl("config", "set-context", "dev", "--namespace=x")
    assert eksauth("kubeconfig", "protect").stdout == "prod-eu\nprod-us\n"
    kubectl("config", "unset", "contexts.dev.namespace")
    assert eksauth("kubeconfig", "protect", "--off", "*").returncode == 0
    assert eksauth("kubeconfig", "protect").stdout == ""
    assert "eksauth" not in guarded.read_text()
    assert eksauth("ctx", "prod-eu").returncode == 0


def test_unknown_contexts_cannot_be_protected(config: Path) -> None:
    """A typing error must not leave production unguarded in silence."""
    before = config.read_bytes()
    done = eksauth("kubeconfig", "protect", "prod-eus")
    assert done.returncode == 3
    assert "did you mean prod-eu" in done.stderr
    assert config.read_bytes() == before
