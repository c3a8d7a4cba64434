"""Measuring whole processes fairly: interleaved rounds in random order, medians and minima, ratios within one run."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

WARM_UPS = 2


@dataclass(frozen=True)
class Command:
    """A process to time.

    :param floor: name of the command that its ratio refers to.
    :param every: run only in each n-th round, for commands that take long.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    floor: str = "python -c pass"
    every: int = 1
    budget: float | None = None


@dataclass
class Timing:
    """What was measured for one command, in seconds."""

    command: Command
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle of all runs."""
        return statistics.median(self.seconds)

    @property
    def fastest(self) -> float:
        """The least disturbed run."""
        return min(self.seconds)


def scrubbed(home: Path, **more: str) -> dict[str, str]:
    """Return an environment that holds nothing but a home and a path.

    ``PYTHONDONTWRITEBYTECODE`` above all must not be in it: without bytecode every number would be wrong.
    """
    return {"HOME": str(home), "PATH": os.defpath, "AWS_EC2_METADATA_DISABLED": "true", **more}


def run_interleaved(commands: Sequence[Command], rounds: int) -> dict[str, Timing]:
    """Time ``commands`` in ``rounds`` rounds, each in an order of its own.

    :raises RuntimeError: when a command fails, with its error output.
    """
    timings = {command.name: Timing(command) for command in commands}
    for command in commands:
        for _ in range(WARM_UPS):
            _once(command)
    order = random.Random(0)
    for number in range(rounds):
        shuffled = [command for command in commands if number % command.every == 0]
        order.shuffle(shuffled)
        for command in shuffled:
            timings[command.name].seconds.append(_once(command))
    return timings


def _once(command: Command) -> float:
    start = time.perf_counter()
    done = subprocess.run(command.argv, env=dict(command.environ), capture_output=True, stdin=subprocess.DEVNULL)
    took = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{command.name} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    return took
