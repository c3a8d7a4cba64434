"""The audit log: what is written, what is not, and how it is read again."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksauth.credentials.audit import EVENTS, FIELDS, append, audit_path, encode, quoted
from eksauth.credentials.audit_log import Filter, decode, follow_log, read_log
from eksauth.credentials.audit_rotation import KEPT
from eksauth.errors import ConfigError

NOW = 1_700_000_000.0
ALL = Filter()


@pytest.fixture(name="environ")
def environ_(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose log is in the test's directory."""
    return {"EKSAUTH_STATE_DIR": str(tmp_path / "state" / "eksauth")}


def log(environ: dict[str, str]) -> Path:
    """Return where the log is."""
    return Path(audit_path(environ) or "")


@pytest.mark.parametrize(
    "environ, path",
    [
        ({"HOME": "/h"}, "/h/.local/state/eksauth/audit.jsonl"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/eksauth/audit.jsonl"),
        ({"HOME": "/h", "XDG_STATE_HOME": "x"}, "/h/.local/state/eksauth/audit.jsonl"),
        ({"HOME": "/h", "EKSAUTH_STATE_DIR": "/s"}, "/s/audit.jsonl"),
        ({"HOME": "/h", "EKSAUTH_AUDIT_LOG": "/a"}, "/a"),
        ({"HOME": "/h", "EKSAUTH_AUDIT_LOG": "a"}, "/h/.local/state/eksauth/audit.jsonl"),
        ({"HOME": "/h", "EKSAUTH_AUDIT_LOG": "off"}, None),
        ({}, None),
        ({"HOME": "h"}, None),
    ],
)
def test_where_the_log_is(environ: dict[str, str], path: str | None) -> None:
    """The variable, the state directory, XDG's, the home directory; relative paths count for nothing."""
    assert audit_path(environ) == path


def test_an_event(environ: dict[str, str]) -> None:
    """An event is one line with what was done, when and by which program; private from the start."""
    event: dict[str, str | float | None] = {
        "event": "token",
        "identity": "prod",
        "cluster": "demo",
        "until": NOW + 0.5,
        "reason": "",
        "arn": None,
    }
    assert append(environ, event, now=NOW) is None
    found = read_log(str(log(environ)), ALL)
    parent = {"parent": Path(f"/proc/{os.getppid()}/comm").read_text().strip()} if Path("/proc/self").exists() else {}
    assert found.damaged == 0
    assert list(found.events) == [
        {
            "time": "2023-11-14T22:13:20Z",
            "event": "token",
            "identity": "prod",
            "cluster": "demo",
            "until": int(NOW),
            "pid": os.getpid(),
            "host": os.uname().nodename,
            **parent,
        }
    ]
    assert log(environ).stat().st_mode & 0o777 == 0o600
    assert log(environ).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["secret_access_key", "session_token", "token", "assertion", "command", "time"])
def test_there_is_no_room_for_secrets(name: str, environ: dict[str, str]) -> None:
    """What is no known field is left out, and so is a bearer token in any field."""
    assert append(environ, {"event": "token", name: "s3cret", "reason": "look: k8s-aws-v1.aHR0c"}) is None
    text = log(environ).read_text()
    assert "s3cret" not in text
    assert "aHR0c" not in text


@given(text=st.text(max_size=400))
def test_json_that_every_reader_understands(text: str) -> None:
    """Text of any kind, surrogates included, is printable ASCII in the log and the same after reading."""
    made = quoted(text, 1000)
    assert made.isascii()
    assert made.isprintable()
    assert json.loads(made) == text.partition("k8s-aws-v1.")[0]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, st.text(max_size=2000))), st.sampled_from(EVENTS))
def test_every_line_is_written_in_one_piece(fields: dict[str, str], event: str) -> None:
    """Whatever is in an event, its line is shorter than a page and one that the reader takes."""
    fields.pop("until", None)
    line = encode({"event": event, **fields}, NOW)
    assert len(line) <= 4096
    assert line.count(b"\n") == 1
    assert (decode(line) or {})["event"] == event


def _write(environ: dict[str, str], worker: int, count: int) -> None:
    for number in range(count):
        if append(environ, {"event": "token", "identity": f"{worker}", "cluster": str(number)}, max_bytes=60_000):
            raise AssertionError


def test_parallel_writers_lose_nothing(environ: dict[str, str]) -> None:
    """Processes that write at once, and put the log aside while others write, neither mix lines nor lose any."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(environ, worker, 250)) for worker in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found = read_log(str(log(environ)), ALL)
    assert found.damaged == 0
    assert sorted((str(one["identity"]), int(one["cluster"])) for one in found.events) == sorted(
        (str(worker), number) for worker in range(4) for number in range(250)
    )
    assert Path(f"{log(environ)}.1").exists()


def test_old_logs_are_bounded(environ: dict[str, str]) -> None:
    """A log that would get too large is put aside; the oldest goes, the newest events stay."""
    for number in range(100):
        append(environ, {"event": "token", "cluster": f"c{number}"}, now=NOW + number, max_bytes=600)
    names = sorted(path.name for path in log(environ).parent.iterdir())
    assert names == ["audit.jsonl", *(f"audit.jsonl.{number}" for number in range(1, KEPT + 1))]
    assert all(path.stat().st_size <= 600 for path in log(environ).parent.iterdir())
    clusters = [one["cluster"] for one in read_log(str(log(environ)), ALL).events]
    assert clusters == [f"c{number}" for number in range(100 - len(clusters), 100)]
    assert len(clusters) > KEPT


def test_a_torn_line_spoils_only_itself(environ: dict[str, str]) -> None:
    """What a crash cut off is skipped and counted; the event after it is whole."""
    append(environ, {"event": "login"}, now=NOW)
    with log(environ).open("ab") as file:
        file.write(b'{"time":"2023-')
    append(environ, {"event": "logout"}, now=NOW)
    found = read_log(str(log(environ)), ALL)
    assert [one["event"] for one in found.events] == ["login", "logout"]
    assert found.damaged == 1


DAMAGED = [
    b"null\n",
    b"[]\n",
    b"{}\n",
    b"\xff\n",
    b'{"time":"2023-11-14T22:13:20Z"}\n',
    b'{"time":"yesterday","event":"token"}\n',
    b'{"time":1,"event":"token"}\n',
    b'{"time":"2023-11-14T22:13:20Z","event":["token"]}\n',
    b'{"time":"2023-11-14T22:13:20Z","event":"token","pid":"1"}\n',
    b'{"time":"2023-11-14T22:13:20Z","event":"token","pid":true}\n',
    b"[" * 100_000 + b"\n",
    b'{"time":"2023-11-14T22:13:20Z","event":"token","reason":"' + b"x" * 100_000 + b'"}\n',
    b'{"time":"2023-11-14T22:13:20Z","event":"token"}',
]


def test_damaged_lines_are_skipped_and_counted(environ: dict[str, str]) -> None:
    """Lines that are no events are left out, wherever they stand; unknown fields are taken away."""
    append(environ, {"event": "login"}, now=NOW)
    good = b'{"time":"2023-11-14T22:13:20Z","event":"token","future":{"x":1}}\n'
    log(environ).write_bytes(good + b"\n" + good.join(DAMAGED))
    found = read_log(str(log(environ)), ALL)
    assert found.damaged == len(DAMAGED)
    assert list(found.events) == [{"time": "2023-11-14T22:13:20Z", "event": "token"}] * len(DAMAGED)


def test_filters(environ: dict[str, str]) -> None:
    """By time, identity in any case, kind of event and part of the cluster's name; the last few of what is left."""
    for number, (event, identity, cluster) in enumerate(
        [("login", "Prod", None), ("token", "prod", "eu-1"), ("token", "dev", "eu-1"), ("token", "prod", "us-1")]
    ):
        append(environ, {"event": event, "identity": identity, "cluster": cluster}, now=NOW + number)

    def shown(last: int | None = None, **wanted: float | str) -> list[int]:
        events = read_log(str(log(environ)), Filter(**wanted), last=last).events  # type: ignore[arg-type]
        return [int(str(one["time"])[17:19]) - 20 for one in events]

    assert shown() == [0, 1, 2, 3]
    assert shown(since=NOW + 2) == [2, 3]
    assert shown(identity="PROD") == [0, 1, 3]
    assert shown(event="token") == [1, 2, 3]
    assert shown(cluster="eu") == [1, 2]
    assert shown(identity="prod", event="token", cluster="us") == [3]
    assert shown(last=2) == [2, 3]
    assert shown(last=1, identity="prod", cluster="eu") == [1]


def as_link(path: Path) -> None:
    """Make a link to nothing."""
    path.symlink_to(path.with_name("elsewhere"))


def as_pipe(path: Path) -> None:
    """Make a pipe that nobody reads."""
    os.mkfifo(path)


@pytest.mark.parametrize("make", [Path.mkdir, as_link, as_pipe], ids=["directory", "link", "pipe"])
def test_what_is_no_log_is_a_warning(make: object, environ: dict[str, str]) -> None:
    """Where no log can be written there is one line about it, no error and no waiting."""
    log(environ).parent.mkdir(parents=True)
    make(log(environ))  # type: ignore[operator]
    warning = append(environ, {"event": "token"})
    assert warning is not None
    assert warning.startswith(f"the audit log is not written: {log(environ)}: ")
    assert "\n" not in warning


@pytest.mark.parametrize(
    "environ, warns",
    [({"EKSAUTH_AUDIT_LOG": "off"}, False), ({}, True), ({"EKSAUTH_AUDIT_LOG": "/dev/null/x"}, True)],
)
def test_logs_that_are_not_there(environ: dict[str, str], warns: bool) -> None:
    """A log that was switched off is no reason to complain, one that has no place is."""
    assert (append(environ, {"event": "token"}) is not None) is warns


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_device_is_no_log() -> None:
    """A device is not written to."""
    assert "not a regular file" in (append({"EKSAUTH_AUDIT_LOG": "/dev/full"}, {"event": "token"}) or "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_log_of_somebody_else_is_not_written(environ: dict[str, str]) -> None:
    """Events do not go into a file that another user planted."""
    append(environ, {"event": "login"})
    os.chown(log(environ), 12345, 12345)
    before = log(environ).read_bytes()
    assert "belongs to somebody else" in (append(environ, {"event": "token"}) or "")
    assert log(environ).read_bytes() == before


def test_a_log_that_others_can_read_is_closed(environ: dict[str, str]) -> None:
    """The mode is put right with the next event."""
    append(environ, {"event": "login"})
    log(environ).chmod(0o644)
    append(environ, {"event": "token"})
    assert log(environ).stat().st_mode & 0o777 == 0o600


def test_reading_what_is_not_there(environ: dict[str, str]) -> None:
    """No log is an empty one; one that cannot be read is an error."""
    assert read_log(str(log(environ)), ALL).events == ()
    log(environ).parent.mkdir(parents=True)
    os.mkfifo(log(environ))
    with pytest.raises(ConfigError, match="not a regular file"):
        read_log(str(log(environ)), ALL)


def test_following(environ: dict[str, str]) -> None:
    """New events come as they are written, also those that were being written, and those of a new log."""
    append(environ, {"event": "login"}, now=NOW)
    start = read_log(str(log(environ)), ALL).end
    append(environ, {"event": "token", "cluster": "0"}, now=NOW)
    moments = itertools.count(1)

    def meanwhile(_seconds: float) -> None:
        number = next(moments)
        if number == 2:  # put aside, with the last event in the old one
            append(environ, {"event": "token", "cluster": "2"}, now=NOW)
            log(environ).rename(f"{log(environ)}.1")
        if number == 3:
            line = encode({"event": "token", "cluster": "3"}, NOW)
            with log(environ).open("ab") as file:
                file.write(line[:20])
            Path(f"{log(environ)}.rest").write_bytes(line[20:])
        elif number == 4:
            with log(environ).open("ab") as file:
                file.write(Path(f"{log(environ)}.rest").read_bytes())
        else:
            append(environ, {"event": "token", "cluster": str(number)}, now=NOW)

    events = follow_log(str(log(environ)), Filter(event="token"), start, sleep=meanwhile)
    found = [one["cluster"] for one in itertools.islice(events, 7)]
    events.close()  # type: ignore[attr-defined]
    assert found == ["0", "1", "2", "2", "3", "5", "6"]
