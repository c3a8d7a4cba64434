"""What appears on a terminal only."""

from __future__ import annotations

import os
import pty
import subprocess

from tests.kubeconfig.update.eks_lab import BIN, Lab


def test_a_progress_bar_appears_on_a_terminal_only(lab: Lab) -> None:
    """On a terminal a bar counts the calls; in a pipe there is not a byte of it, and stdout is the same."""
    for number in range(12):
        lab.cluster(f"c{number}")
    lab.fault("latency", None, seconds=0.3)
    words = [str(BIN / "eksauth"), "kubeconfig", "update", "--all", "--regions", "us-west-2", "--dry-run"]
    master, terminal = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    shown = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal, env=environ)
    os.close(terminal)
    seen = b""
    try:
        while piece := os.read(master, 65536):
            seen += piece
    except OSError:  # how Linux says that nobody holds the terminal any more
        pass
    finally:
        os.close(master)
    out, _ = shown.communicate()

    piped = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, env=environ)

    assert (shown.returncode, piped.returncode) == (0, 0)
    assert b"asking EKS" in seen
    assert piped.stderr == b"eksauth: note: dry run: nothing is written\n"
    assert out == piped.stdout
