"""wrk as the load generator: written in C, so that it takes little of the machine it shares with the servers.

It runs for a time and not for a number of requests. The requests come from a file; each answer is checked.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
local requests, count, place, bad = {}, 0, 0, 0
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  local file = io.open(arguments[1], "rb")
  while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    count = count + 1
    requests[count] = file:read(length)
  end
  file:close()
  -- threads begin at different places, or they would ask the same at the same time
  place = number * math.floor(count / tonumber(arguments[2]))
  refused = 0
end

function request()
  place = place % count + 1
  return requests[place]
end

function response(status, headers, body)
  if status ~= 200 or not body:find('"authenticated":true', 1, true) then refused = refused + 1 end
end

function done(summary, latency, all)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("refused") end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    refused, errors, latency:percentile(99.0)))
end
"""
_RESULT = re.compile(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)")


@dataclass(frozen=True)
class Result:
    """What wrk saw; ``p99`` in seconds."""

    requests: int
    seconds: float
    p99: float


def find_wrk() -> str | None:
    """Return the program, or None."""
    return shutil.which("wrk")


def send(port: int, requests: Sequence[bytes], *, connections: int, seconds: int, threads: int = 1) -> Result:
    """Send ``requests`` in a circle for some seconds over TLS connections that are kept.

    :raises RuntimeError: for an answer that admits nobody, or a lost connection.
    """
    program = find_wrk()
    if program is None:
        raise RuntimeError("no wrk here")
    with tempfile.TemporaryDirectory(prefix="eksauth-wrk-") as name:
        script, content = Path(name, "wrk.lua"), Path(name, "requests")
        script.write_text(_SCRIPT)
        content.write_bytes(b"".join(b"%d\n%s" % (len(request), request) for request in requests))
        done = subprocess.run(
            [
                program,
                f"-t{threads}",
                f"-c{connections}",
                f"-d{seconds}s",
                "--timeout=10s",
                f"-s{script}",
                f"https://localhost:{port}/authenticate",
                "--",
                str(content),
                str(threads),
            ],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
        )
    found = _RESULT.search(done.stdout)
    if found is None:
        raise RuntimeError(f"wrk failed: {(done.stderr or done.stdout)[-1000:]}")
    answered, microseconds, refused, errors, p99 = map(int, found.groups())
    if refused or errors or not answered:
        raise RuntimeError(f"{refused} of {answered} not admitted, {errors} errors")
    return Result(answered, microseconds / 1e6, p99 / 1e6)
