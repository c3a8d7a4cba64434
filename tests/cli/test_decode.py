"""``eksauth decode`` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.authenticator.tokens import fresh, signed


def decode(*arguments: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "eksauth", "decode", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60)


def test_a_good_token_from_stdin() -> None:
    """A token piped in is described and the exit code says that a cluster would go on."""
    done = decode("-", stdin=fresh("SECRETSESSION").encode() + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert "sts.us-west-2.amazonaws.com" in text
    assert "verdict: a cluster would ask STS" in text
    assert "SECRETSESSION" not in text
    assert "FAIL" not in text
    assert "\x1b" not in text


def test_an_exec_credential_from_stdin() -> None:
    """What ``eksauth token`` prints can be piped in as it is."""
    credential = json.dumps({"kind": "ExecCredential", "status": {"token": fresh()}}, indent=1).encode()
    done = decode("-", "-o", "json", stdin=credential)
    assert done.returncode == 0
    value = json.loads(done.stdout)
    assert (value["acceptable"], value["reason"], value["region"]) == (True, "ok", "us-west-2")
    assert {rule["outcome"] for rule in value["rules"]} == {"pass"}


def test_an_expired_token_as_an_argument() -> None:
    """A refusal is on stdout with reason and hint, and the exit code is 1."""
    done = decode(signed())
    assert done.returncode == 1
    text = done.stdout.decode()
    assert "[token.expired]" in text
    assert "hint: mint a new token" in text


@pytest.mark.parametrize(
    "argument",
    [b"\xff\xfe", b"k8s-aws-v1.\xff", "k8s-aws-v1." + "A" * 100_000, "\x1b[31mred", "", "{"],
    ids=["invalid-utf8", "invalid-body", "large", "escape", "empty", "brace"],
)
def test_hostile_arguments(argument: str | bytes) -> None:
    """Anything else is refused in plain text, without a traceback and without driving the terminal."""
    done = decode(argument)
    assert done.returncode == 1
    assert b"verdict: a cluster would refuse it" in done.stdout
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize(
    "stdin, code",
    [
        pytest.param(b"", 2, id="empty"),
        pytest.param(b" \n", 2, id="blank"),
        pytest.param(b"\0" * 100, 1, id="nul"),
        pytest.param(b"A" * 3_000_000, 1, id="three-megabytes"),
        pytest.param(b"{" * 1_000_000, 1, id="a-megabyte-of-braces"),
        pytest.param(b'{"status": {"token": 5}}', 1, id="token-is-a-number"),
        pytest.param(b'"k8s-aws-v1.x"', 1, id="quoted"),
    ],
)
def test_hostile_stdin(stdin: bytes, code: int) -> None:
    """Nothing on stdin is a usage error; anything else is judged."""
    done = decode("-", stdin=stdin)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


def test_a_clusters_partition() -> None:
    """``--partition`` judges as that cluster would; an unknown one is a configuration error."""
    assert decode("-", "--partition", "aws-cn", stdin=fresh().encode()).returncode == 1
    done = decode("-", "--partition", "aws-moon", stdin=fresh().encode())
    assert done.returncode == 3
    assert done.stderr.startswith(b"eksauth: error: no such partition")


def test_help_has_an_example_and_says_why_stdin() -> None:
    """The help shows a pipe and warns about process lists."""
    done = decode("--help")
    assert done.returncode == 0
    assert b"| eksauth decode -" in done.stdout
    assert b"process lists" in done.stdout
