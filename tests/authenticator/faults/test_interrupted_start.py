"""Starts that are killed, or run out of disk, at each step of what they write; the next start must work."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eksauth.authenticator.server import webhook_kubeconfig
from eksauth.authenticator.server.certs import load_or_make
from eksauth.errors import ConfigError

NOW = 1_700_000_000.0
_KILLER = """
import os, signal, sys
from pathlib import Path
from eksauth.authenticator.server import webhook_kubeconfig
from eksauth.authenticator.server.certs import load_or_make

def start(directory):
    pair = load_or_make(directory / "state", ("127.0.0.1", "localhost"), 1_700_000_000.0)
    text = webhook_kubeconfig.render("https://localhost:1/authenticate", pair.pem)
    webhook_kubeconfig.write(directory / "webhook.yaml", text)

def killed_at(directory, step):
    child = os.fork()
    if child == 0:
        left = step
        def hook(event, args):
            nonlocal left
            if event.startswith(("open", "os.", "fcntl.")) and str(directory) in str(args):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        start(directory)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

warm = Path(sys.argv[1]) / "warm"
start(warm)
steps = 0
while True:
    directory = Path(sys.argv[1]) / str(steps)
    code = killed_at(directory, steps)
    print(code, directory, flush=True)
    if code == 0:
        break
    steps += 1
"""


def test_a_start_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    """SIGKILL before each single file operation of a first start: what is left is whole, and starting again works."""
    done = subprocess.run([sys.executable, "-c", _KILLER, str(tmp_path)], capture_output=True, text=True, check=True)
    runs = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [int(code) for code, _ in runs] == [-signal.SIGKILL] * (len(runs) - 1) + [0]
    # the directory, a lock, three files of which each is opened and renamed
    assert len(runs) > 8
    for _, name in runs:
        directory = Path(name)
        kubeconfig = directory / "webhook.yaml"
        before = kubeconfig.read_bytes() if kubeconfig.exists() else None
        pair = load_or_make(directory / "state", ("127.0.0.1", "localhost"), NOW)
        content = webhook_kubeconfig.render("https://localhost:1/authenticate", pair.pem)
        assert before in {None, content}, "API servers were told of a certificate that is not used"
        webhook_kubeconfig.write(kubeconfig, content)
        again = load_or_make(directory / "state", ("127.0.0.1", "localhost"), NOW)
        assert (again.pem, again.made) == (pair.pem, False)


def test_a_staged_certificate_is_for_its_own_key_only(tmp_path: Path) -> None:
    """A key that somebody put there is not joined with the certificate of an interrupted start."""
    other = load_or_make(tmp_path / "other", ("localhost",), NOW)
    state = tmp_path / "state"
    pair = load_or_make(state, ("localhost",), NOW)
    pair.certificate_path.rename(state / ".cert.pem.next")
    pair.key_path.write_bytes(other.key_path.read_bytes())
    with pytest.raises(ConfigError, match="is there but"):
        load_or_make(state, ("localhost",), NOW)
    assert not pair.certificate_path.exists()


_FULL = """
import json, resource, sys
from pathlib import Path
from eksauth.authenticator.server.certs import load_or_make
from eksauth.errors import ConfigError
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
answers = []
for room in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        load_or_make(Path(sys.argv[1]), ("localhost",), 1_700_000_000.0)
        answers.append(None)
    except ConfigError as error:
        answers.append(error.message)
print(json.dumps(answers))
"""


def test_no_room_for_the_pair(tmp_path: Path) -> None:
    """A disk that is full before or between the two files is an error with the reason, and leaves nothing."""
    state = tmp_path / "state"
    # a certificate is some 1,200 bytes and a key some 1,700
    command = [sys.executable, "-c", _FULL, str(state), "0", "100", "1400"]
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    reason = "file too large"
    assert [reason in answer for answer in answers] == [True] * 3
    assert list(state.iterdir()) == []
    assert load_or_make(state, ("localhost",), NOW).made
