"""``eksauth ctx`` in front of a person: the picker, questions, and shells with a context of their own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.context_kit import eksauth, kubeconfig, kubectl, write
from tests.cli.terminal import Terminal, on_terminal

NAMES = ["dev", "prod-eu", "prod-us", "stage-one", "stage-two"]
SHELLS = ["bash", "zsh", "fish"]


@pytest.fixture(name="config")
def config_(home: Path) -> Path:
    """Give a kubeconfig with five contexts, dev current, and eksauth on PATH."""
    script = home / "bin" / "eksauth"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable} -P\nimport sys\nfrom eksauth._entry import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return write(home / ".kube" / "config", kubeconfig(NAMES, "dev"))


@contextmanager
def person(home: Path, *argv: str, **more: str) -> Iterator[Terminal]:
    """Run eksauth on a terminal."""
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environ = {**plain, "TERM": "xterm", "PATH": f"{home}/bin:{os.environ['PATH']}", **more}
    with on_terminal(["eksauth", *argv], environ) as terminal:
        yield terminal


def test_pick_by_typing(config: Path, home: Path) -> None:
    """Some letters find a context, the preview says where it leads, Enter switches."""
    with person(home, "ctx") as terminal:
        terminal.expect("context>")
        terminal.expect("5 of 5")
        terminal.expect("https://dev.example")
        terminal.expect("a token")
        terminal.send("stw\r")
        terminal.expect('switched to context "stage-two" (was "dev")')
        assert terminal.finish() == 0
        assert "stage-two-token" not in terminal.text
    assert kubectl("config", "current-context") == "stage-two"


def test_pick_by_moving(config: Path, home: Path) -> None:
    """The current context is chosen at first; arrow keys move."""
    with person(home, "ctx") as terminal:
        terminal.expect("* dev")
        terminal.send("\x1b[B\x1b[B\x1b[A\r")
        assert terminal.finish() == 0
    assert kubectl("config", "current-context") == "prod-eu"


@pytest.mark.parametrize("key", ["\x1b", "\x03", "\x04"], ids=["escape", "ctrl-c", "ctrl-d"])
def test_leaving_the_picker_changes_nothing(key: str, config: Path, home: Path) -> None:
    """Escape, Ctrl-C and Ctrl-D leave everything as it is."""
    before = config.read_bytes()
    with person(home, "ctx") as terminal:
        terminal.expect("5 of 5")
        terminal.send(key)
        assert terminal.finish() == 130
    assert config.read_bytes() == before


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}, {"EKSAUTH_NO_PICKER": "1"}], ids=["dumb", "turned off"])
def test_no_picker_where_it_is_not_wanted(variable: dict[str, str], config: Path, home: Path) -> None:
    """A dumb terminal, or a variable, and the list is printed instead."""
    with person(home, "ctx", **variable) as terminal:
        assert terminal.finish() == 0
        assert "* dev\n  prod-eu" in terminal.text


def test_the_list_is_coloured_on_a_terminal(config: Path, home: Path) -> None:
    """The current context stands out, unless NO_COLOR is set."""
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with person(home, "ctx", "-l", **more) as terminal:
            assert terminal.finish() == 0
            assert ("\x1b[1;32m* dev" in terminal.raw) == coloured


@pytest.mark.parametrize("answer,code", [("y\r", 0), ("n\r", 1), ("\r", 1)], ids=["yes", "no", "nothing"])
def test_protected_contexts_ask(answer: str, code: int, config: Path, home: Path) -> None:
    """A person is asked before a protected context is switched to; no is the default."""
    eksauth("kubeconfig", "protect", "prod-eu")
    with person(home, "ctx", "prod-eu") as terminal:
        terminal.expect('context "prod-eu" is protected; switch to it? [y/N]')
        terminal.send(answer)
        assert terminal.finish() == code
    assert kubectl("config", "current-context") == ("dev" if code else "prod-eu")


@pytest.fixture(params=SHELLS, name="shell")
def shell_(request: pytest.FixtureRequest, home: Path) -> str:
    """Give each shell that is here, with start files that try to change KUBECONFIG."""
    found = shutil.which(request.param)
    if found is None:
        pytest.skip(f"needs {request.param}")
    (home / ".bashrc").write_text('PS1="user$ "; export KUBECONFIG=/wrong FROM_RC=yes\n')
    (home / ".zshrc").write_text('PROMPT="user$ "; export KUBECONFIG=/wrong FROM_RC=yes\n')
    fish = home / ".config" / "fish"
    fish.mkdir(parents=True)
    (fish / "config.fish").write_text(
        "set -gx KUBECONFIG /wrong\nset -gx FROM_RC yes\nset -g fish_greeting\nfunction fish_prompt\n    echo -n 'user$ '\nend\n"
    )
    return found


def test_shell_with_its_own_context(shell: str, config: Path, home: Path) -> None:
    """The shell has its context, the prompt says so and follows ctx; outside nothing changes; the exit code comes back."""
    before = config.read_bytes()
    with person(home, "ctx", "--shell", "prod-eu", SHELL=shell, FROM_RC="no") as terminal:
        terminal.expect("(prod-eu) user$ ")
        terminal.send(
            "echo rc=$FROM_RC ctx=$(eksauth ctx -c)\r"
            if "fish" not in shell
            else "echo rc=$FROM_RC ctx=(eksauth ctx -c)\r"
        )
        terminal.expect("rc=yes ctx=prod-eu")
        terminal.send("eksauth ctx stage-one\r")
        terminal.expect('switched to context "stage-one" (was "prod-eu")')
        terminal.expect("(stage-one) user$ ")
        terminal.send("eksauth ctx -\r")
        terminal.expect("(prod-eu) user$ ")
        terminal.send("eksauth ns web --force\r")
        terminal.expect('is now in namespace "web"')
        terminal.send("eksauth ctx -l\r")
        terminal.expect("* prod-eu")
        terminal.expect("stage-two")
        terminal.send("eksauth ctx --shell dev\r")
        terminal.expect("(dev) user$ ")
        terminal.send("echo depth=$EKSAUTH_SHELL_DEPTH; exit 3\r")
        terminal.expect("depth=2")
        terminal.expect("(prod-eu) user$ ")
        terminal.send("exit 5\r")
        assert terminal.finish() == 5
    assert config.read_bytes() == before
    assert list((home / ".local" / "state" / "eksauth" / "run").iterdir()) == []


def test_closing_the_terminal_cleans_up(config: Path, home: Path) -> None:
    """When the terminal goes away, the private kubeconfig goes as well."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    run = home / "run"
    run.mkdir(mode=0o700)
    with person(home, "ctx", "--shell", "prod-eu", SHELL=bash, XDG_RUNTIME_DIR=str(run)) as terminal:
        terminal.expect("(prod-eu)")
        assert len(list((run / "eksauth").iterdir())) == 1
        terminal.hang_up()
    assert list((run / "eksauth").iterdir()) == []


def test_hostile_names_cannot_reach_the_prompt(home: Path, config: Path) -> None:
    """Shells expand their prompts: a context's name is shown in harmless letters only."""
    name = "$(touch hacked)`touch hacked`%n"
    text = kubeconfig(["one"], "one").replace("name: one\n", f'name: "{name}"\n')
    write(config, text)
    bash = shutil.which("bash") or pytest.skip("needs bash")
    with person(home, "ctx", "--shell", name, SHELL=bash) as terminal:
        terminal.expect("(__touch_hacked__touch_hacked_%n".replace("%", "_"))
        terminal.send("exit\r")
        terminal.finish()
    assert not Path("hacked").exists()
    assert not (home / "hacked").exists()


def test_inside_a_shell_files_are_not_edited(config: Path, home: Path) -> None:
    """Renaming, deleting and unsetting are for outside: inside there is one context."""
    script = 'for a in "-d dev" "a=dev" "-u"; do eksauth ctx $a; echo "code $?"; done'
    done = eksauth("run", "prod-eu", "--", "sh", "-c", script, PATH=f"{home}/bin:{os.environ['PATH']}")
    assert done.stdout == "code 2\ncode 2\ncode 2\n"
    assert done.stderr.count("one context to itself") == 3


def test_kubeconfig_set_by_hand_ends_the_session(config: Path, home: Path) -> None:
    """Who points KUBECONFIG elsewhere inside an isolated shell works there, with everything."""
    other = write(home / "other", kubeconfig(["a", "b"], "a"))
    script = f"export KUBECONFIG={other}; eksauth ctx b && eksauth ctx -u"
    done = eksauth("run", "prod-eu", "--", "sh", "-c", script, PATH=f"{home}/bin:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert 'current-context: ""' in other.read_text()


def test_each_shows_progress_on_a_terminal(config: Path, home: Path) -> None:
    """A line at the foot counts and names what runs, and is gone at the end."""
    with person(home, "each", "prod-*", "--", "sh", "-c", "sleep 0.1; echo done") as terminal:
        assert terminal.finish() == 0
        assert "[0/2] prod-eu" in terminal.text
        assert "[1/2] " in terminal.text
        assert terminal.raw.rstrip("\r\n").endswith("\x1b[2K") or "prod-us | done" in terminal.text.splitlines()[-1]
