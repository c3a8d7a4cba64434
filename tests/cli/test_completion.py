"""Completion in real shells, and what stands behind it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.context_kit import NOT_ANSWERED, eksauth, fast, kubeconfig, write
from tests.cli.terminal import on_terminal

from eksauth.kubeconfig.complete import escaped, kind_of, split_line
from eksauth.kubeconfig.namespace_cache import store_namespaces

ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/demo"
NAMES = ["dev", "prod-eu", "prod-us", ARN]
EXEC = """\
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - token
      - --cluster-name
      - from-plugin
      command: eksauth
      interactiveMode: IfAvailable"""


@pytest.fixture(name="config")
def config_(home: Path) -> Path:
    """Give a kubeconfig with four contexts, and eksauth on PATH."""
    script = home / "bin" / "eksauth"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable} -P\nimport sys\nfrom eksauth._entry import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return write(home / ".kube" / "config", kubeconfig(NAMES, "dev").replace("    token: dev-token", EXEC))


def answer(*argv: str, how: object = fast) -> list[str]:
    """Return the candidates for zsh, which are as they are."""
    done = how("__complete", "zsh", *argv)  # type: ignore[operator]
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == "names"
    return rest


@pytest.mark.parametrize(
    "words,expected",
    [
        (["ctx", "pro"], ["prod-eu", "prod-us"]),
        (["ctx", "-d", "dev", "prod-u"], ["prod-us"]),
        (["ctx", "dev", ""], []),
        (["ctx", "new=de"], ["new=dev"]),
        (["run", "pr"], ["prod-eu", "prod-us"]),
        (["each", "dev", "prod-u"], ["prod-us"]),
        (["kubeconfig", "protect", "d"], ["dev"]),
        (["kubeconfig", "view", "--context", "d"], ["dev"]),
        (["token", "--cluster-name", "d"], ["demo-cluster", "dev-cluster"]),
        (["token", "--cluster-name", "f"], ["from-plugin"]),
        (["ctx", "arn:aws:eks:eu-west-1:1"], [ARN]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_names(words: list[str], expected: list[str], config: Path) -> None:
    """Contexts and clusters are completed without a YAML parser or a command line library."""
    assert answer(*words) == expected


def test_namespaces_come_from_what_was_seen_last(config: Path, home: Path) -> None:
    """Namespaces are those that the cluster had when it was asked last, and default; nobody waits for a cluster."""
    store_namespaces(os.environ, "dev", "dev-cluster", "dev-user", ["kube-system", "payments"])
    assert answer("ns", "") == ["default", "kube-system", "payments"]
    assert answer("run", "-n", "pay") == ["payments"]
    assert answer("ns", "payments", "") == []


def test_names_that_drive_terminals_are_no_candidates(config: Path, home: Path) -> None:
    """A server may answer anything, and shells show candidates as they are."""
    names = ["payments", "e\x1b]0;owned\x07vil", "two\x9b31m"]
    store_namespaces(os.environ, "dev", "dev-cluster", "dev-user", names)
    assert answer("ns", "") == ["default", "payments"]


def test_after_the_dashes_files_complete(config: Path) -> None:
    """What another command takes is not ours to know."""
    assert fast("__complete", "zsh", "run", "dev", "--", "kubectl", "").stdout == "files\n"
    assert fast("__complete", "zsh", "run", "dev", "ku").stdout == "files\n"


def test_commands_options_and_choices(config: Path) -> None:
    """The rest is completed from the command line's own definition."""
    assert [line.split("\t")[0] for line in answer("kubec", how=eksauth)] == ["kubeconfig"]
    assert "--fail-fast\tAfter" in "\n".join(answer("each", "--f", how=eksauth))
    assert answer("ctx", "-o", "", how=eksauth) == ["text", "name", "json"]
    assert "protect" in [line.split("\t")[0] for line in answer("kubeconfig", "", how=eksauth)]


@pytest.mark.parametrize("words", [["no-such-command", ""], ["--", ""], ["ctx", "--nope="], []], ids=" ".join)
def test_nonsense_is_answered_quietly(words: list[str], config: Path) -> None:
    """While somebody types there are no errors."""
    done = eksauth("__complete", "zsh", *words)
    assert (done.returncode, done.stderr) == (0, "")


def test_unusual_and_broken_files(config: Path) -> None:
    """Names in files that the fast lane does not read are found all the same; broken files give none, and no error."""
    config.write_text(config.read_text().replace("name: dev\n", "name: dev # mine\n"))
    assert fast("__complete", "zsh", "ctx", "d").returncode == NOT_ANSWERED
    assert answer("ctx", "d", how=eksauth) == ["dev"]
    config.write_text("contexts: [")
    done = eksauth("__complete", "zsh", "ctx", "d")
    assert (done.returncode, done.stdout, done.stderr) == (0, "names\n", "")


@pytest.mark.parametrize(
    "line,words,quote",
    [
        ("eksauth ctx pro", ["ctx", "pro"], ""),
        ("eksauth ctx ", ["ctx", ""], ""),
        ("eksauth ctx 'a b", ["ctx", "a b"], "'"),
        ('eksauth ctx "a\\"b', ["ctx", 'a"b'], '"'),
        ("eksauth ctx a\\ b", ["ctx", "a b"], ""),
        ("eksauth ctx '' x", ["ctx", "", "x"], ""),
    ],
)
def test_lines_are_split_as_bash_splits_them(line: str, words: list[str], quote: str) -> None:
    """Quotes and backslashes count, and an open quote is noticed."""
    assert split_line(line) == ("eksauth", words, quote)


def test_escaping_survives_bash() -> None:
    """What is completed comes back as the same name."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    name = "a b'c\"d$e`f\\g*h?i[j]{k}(l)<m>;n&o|p!q#r~s"
    shown = subprocess.run(
        [bash, "-c", f"printf %s {escaped(name)}"], capture_output=True, text=True, check=True
    ).stdout
    assert shown == name


def test_unknown_commands_are_for_the_full_path() -> None:
    """Nothing is guessed about commands that are not known here."""
    assert kind_of(["sandbox", "up", ""]) is None
    assert kind_of(["ctx", "--kubeconfig", "x", "a"]) is None


@pytest.mark.parametrize(
    "shell,start,typed,shown",
    [
        ("bash", ["--norc", "-i"], "eksauth ctx prod-e\t-c\r", "eksauth ctx prod-eu"),
        ("bash", ["--norc", "-i"], "eksauth ctx arn:aws\t\r", f"eksauth ctx {ARN}"),
        ("bash", ["--norc", "-i"], "eksauth kubec\t\r", "eksauth kubeconfig"),
        ("zsh", ["-f", "-i"], "eksauth ctx prod-e\t\r", "eksauth ctx prod-eu"),
        ("zsh", ["-f", "-i"], "eksauth ctx arn:aws\t\r", "cluster/demo"),
        ("fish", ["--no-config", "-i"], "eksauth ctx prod-e\t\r", "eksauth ctx prod-eu"),
        ("fish", ["--no-config", "-i"], "eksauth kubec\t\r", "eksauth kubeconfig"),
    ],
    ids=["bash-name", "bash-arn", "bash-command", "zsh-name", "zsh-arn", "fish-name", "fish-command"],
)
def test_in_real_shells(shell: str, start: list[str], typed: str, shown: str, config: Path, home: Path) -> None:
    """The printed script completes what is typed, colons included."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"needs {shell}")
    script = home / "script"
    script.write_text(eksauth("completion", shell).stdout)
    environ = {**os.environ, "TERM": "xterm", "PATH": f"{home}/bin:{os.environ['PATH']}", "EKSAUTH_NO_PICKER": "1"}
    with on_terminal([found, *start], environ) as terminal:
        ready = "autoload -Uz compinit && compinit -u -D; " if shell == "zsh" else ""
        terminal.send(f"{ready}. {script}; echo rea''dy\r")
        terminal.expect("ready\n")
        terminal.send(typed)
        terminal.expect(shown)


def test_install(config: Path, home: Path) -> None:
    """Scripts go where each shell looks for them; a second time changes nothing."""
    for _ in range(2):
        for shell, path in (
            ("bash", ".local/share/bash-completion/completions/eksauth"),
            ("zsh", ".local/share/zsh/site-functions/_eksauth"),
            ("fish", ".config/fish/completions/eksauth.fish"),
        ):
            done = eksauth("completion", shell, "--install")
            assert done.returncode == 0, done.stderr
            assert str(home / path) in done.stderr
            assert (home / path).read_text() == eksauth("completion", shell).stdout
    assert eksauth("completion", SHELL="/usr/bin/fish").stdout == eksauth("completion", "fish").stdout
    assert eksauth("completion", SHELL="/bin/tcsh").returncode == 2


def test_plugins_never_replace_what_is_not_ours(config: Path, home: Path) -> None:
    """Somebody's own kubectl-ctx stays, and it is said."""
    (home / "bin" / "kubectl-ctx").write_text("mine")
    done = subprocess.run(
        [str(home / "bin" / "eksauth"), "completion", "--install-plugins"], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "not eksauth's" in done.stderr
    assert (home / "bin" / "kubectl-ctx").read_text() == "mine"
