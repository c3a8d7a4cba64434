"""Run the benchmarks, print the tables and write them to ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import commands, place, presign, report
from benchmarks.harness import run_interleaved, scrubbed

PAGE = place.ROOT / "docs" / "benchmarks.md"
SECTIONS = ("token", "presign", "help", "contexts", "update", "server", "mapping", "reference", "attack")
TOKEN = "eksauth token, environment keys"


def main() -> int:
    """Measure the chosen sections; the page is only written by a run of all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="rounds of each process table (default 60)")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="run only this section, and write no page")
    parser.add_argument("--minutes", type=float, default=10, help="of the attack on the server (default 10)")
    chosen = parser.parse_args()
    wanted = tuple(chosen.only or SECTIONS)
    text = report.HEAD + f"{place.describe_machine()}; {_versions()}.\n"
    with tempfile.TemporaryDirectory(prefix="eksauth-bench-") as directory:
        if {"token", "help", "contexts", "update"} & set(wanted):
            text += _processes(Path(directory), wanted, chosen.rounds)
    if "presign" in wanted:
        text += _presign()
    if "server" in wanted:
        text += _server()
    if "mapping" in wanted:
        text += _mapping()
    if "reference" in wanted:
        text += _reference()
    if "attack" in wanted:
        text += _attack(chosen.minutes)
    print(text)
    if chosen.only is None:
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in ("eksauth", "botocore", "awscli", "pip"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def _processes(directory: Path, wanted: tuple[str, ...], rounds: int) -> str:
    print("building and installing the wheel …", file=sys.stderr)
    venv = place.install(directory)
    home, bare = directory / "home", directory / "bare"
    bare.mkdir()
    place.furnish(home, venv, scrubbed(home))
    text = ""
    if "token" in wanted:
        print("timing tokens …", file=sys.stderr)
        timings = run_interleaved(commands.token_commands(venv, home, bare), rounds)
        text += f"\n## What kubectl waits for\n\nWhole process, {rounds} rounds.\n\n"
        text += report.timing_table(timings, commands.FLOOR) + "\n" + report.peers_sentence(timings, TOKEN)
    if "help" in wanted:
        print("timing other commands …", file=sys.stderr)
        timings = run_interleaved(commands.help_commands(venv, bare), max(rounds // 3, 3))
        text += f"\n## The start of every other command\n\nWhole process, {max(rounds // 3, 3)} rounds.\n\n"
        text += report.timing_table(timings, commands.FLOOR)
    if "contexts" in wanted:
        print("timing ctx next to kubectl …", file=sys.stderr)
        from benchmarks import kubeconfig

        text += f"\n## Contexts in large kubeconfigs\n\n{kubeconfig.CAPTION}\n\n"
        text += report.rows_table(kubeconfig.rows(venv / "bin" / "eksauth")) or "There is no kubectl on this machine.\n"
    if "update" in wanted:
        print("timing kubeconfig update --all …", file=sys.stderr)
        from benchmarks import kubeconfig_update

        text += f"\n## Every cluster of an account\n\n{kubeconfig_update.CAPTION}\n\n"
        text += report.rows_table(kubeconfig_update.rows(venv / "bin" / "eksauth"))
        from benchmarks import kubeconfig_one

        text += f"\n## One more cluster in a large kubeconfig\n\n{kubeconfig_one.CAPTION}\n\n"
        text += report.rows_table(kubeconfig_one.rows(venv / "bin" / "eksauth")) or "There is no kubectl here.\n"
    return text


def _presign() -> str:
    print("timing the signer …", file=sys.stderr)
    rates = presign.rates()
    rows = [{"signer": name, "tokens per second": f"{rate:,.0f}"} for name, rate in rates.items()]
    budget = f"Budget: {presign.BUDGET_PER_SECOND:,} per second on one core.\n"
    return "\n## Tokens in one process\n\n" + report.rows_table(rows) + "\n" + budget


def _server() -> str:
    from benchmarks import server

    print("timing the server …", file=sys.stderr)
    return "\n## The authenticator\n\n" + report.rows_table(server.rows())


def _mapping() -> str:
    from benchmarks import mapping

    print("timing lookups and reloads of mappings …", file=sys.stderr)
    text = f"\n## Lookups among many mappings\n\n{mapping.LOOKUP_CAPTION}\n\n"
    text += report.rows_table(mapping.lookup_rows())
    return f"{text}\n## Requests while mappings are reloaded\n\n{mapping.CAPTION}\n\n" + report.rows_table(
        mapping.rows()
    )


def _reference() -> str:
    from benchmarks import reference

    print("timing the server next to aws-iam-authenticator …", file=sys.stderr)
    return f"\n## The authenticator and the one it replaces\n\n{reference.CAPTION}\n\n" + report.rows_table(
        reference.rows()
    )


def _attack(minutes: float) -> str:
    from benchmarks import attack

    print(f"attacking the server for {minutes:g} minutes …", file=sys.stderr)
    return f"\n## The authenticator under attack\n\n{attack.CAPTION}\n\n" + report.rows_table(attack.rows(minutes))


if __name__ == "__main__":
    sys.exit(main())
