"""``eksauth each``: one command in many contexts at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.after_dashes import RunsCommand, behind_dashes
from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.output import complain, print_json
from eksauth.cli.protected import confirm_protected
from eksauth.errors import UsageError

if TYPE_CHECKING:
    from eksauth.kubeconfig.isolated.fanout import Run
    from eksauth.kubeconfig.resolve import Merged

_EPILOG = """\b
Examples:
  eksauth each 'prod-*' -- kubectl get nodes
  eksauth each 'prod-*' '!prod-us' --jobs 4 --fail-fast -- helm upgrade app ./chart
  eksauth each '/^(dev|test)-/' -o json -- kubectl version -o json
\b
Exit codes: the highest of all commands; 124 one took longer than --timeout, 128+N it died of signal N."""


@click.command(cls=RunsCommand, epilog=_EPILOG)
@click.option("-j", "--jobs", type=click.IntRange(1, 256), default=8, show_default=True, help="How many at a time.")
@click.option("--fail-fast", is_flag=True, help="After the first failure stop the others and start no more.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For each command.")
@click.option("--group", is_flag=True, help="A heading for each context instead of its name before each line.")
@click.option("--live", is_flag=True, help="Lines as they come, not in the order of the contexts.")
@click.option("-y", "--yes", is_flag=True, help="Use protected contexts without being asked.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace for the command, instead of the contexts' own.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="json: a list of results.")
@kubeconfig_option
@click.argument("patterns", nargs=-1, metavar="PATTERN... -- COMMAND [ARG]...")
def each(
    patterns: tuple[str, ...],
    jobs: int,
    fail_fast: bool,
    timeout: float | None,
    group: bool,
    live: bool,
    yes: bool,
    namespace: str | None,
    output: str,
    kubeconfig: str | None,
) -> int:
    """Run COMMAND in every context that a PATTERN means, each with a kubeconfig of its own.

    PATTERN is a name, a glob ('prod-*') or a regular expression ('/^prod/'); with ! before it, it takes contexts away.
    Output comes in the order of the contexts, each line behind its context's name. Nothing is switched.
    """
    from eksauth.kubeconfig.contexts import load
    from eksauth.kubeconfig.guard import protected_among
    from eksauth.kubeconfig.isolated.child import require_command
    from eksauth.kubeconfig.isolated.session import current_session
    from eksauth.kubeconfig.suggest import select

    argv = behind_dashes()
    if not argv or not patterns:
        raise UsageError("name contexts, then the command behind --", hint="write: eksauth each 'prod-*' -- COMMAND")
    if group and live:
        raise UsageError("--group and --live do not go together", hint="see 'eksauth each --help'")
    session = None if kubeconfig else current_session(os.environ)
    merged = load(session.files() if session else chosen_files(kubeconfig))
    contexts = select(patterns, list(merged.contexts))
    if not contexts:
        raise UsageError("the patterns leave no context", hint="list them with eksauth ctx --list", code="no_match")
    require_command(argv[0], os.environ)
    confirm_protected(protected_among(merged, contexts), "run the command in", yes=yes)
    style = "group" if group else "live" if live else "order"
    return _Each(merged, contexts, argv, namespace, style, output == "json").run(jobs, fail_fast, timeout)


class _Each:
    """One call: the private kubeconfigs, the output and the summary."""

    def __init__(
        self, merged: Merged, contexts: list[str], argv: tuple[str, ...], namespace: str | None, style: str, json: bool
    ) -> None:
        from eksauth.cli.fanout_output import Printer, Status

        self.merged, self.contexts, self.argv, self.namespace, self.json = merged, contexts, argv, namespace, json
        terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.status = Status(len(contexts), shown=terminal)
        self.printer = Printer(contexts, style, self.status)
        self.kept: dict[str, dict[int, bytearray]] = {name: {1: bytearray(), 2: bytearray()} for name in contexts}

    def run(self, jobs: int, fail_fast: bool, timeout: float | None) -> int:
        from eksauth.kubeconfig.isolated.fanout import Job, State, fan_out, worst
        from eksauth.kubeconfig.isolated.overlay import overlay, single_context
        from eksauth.kubeconfig.isolated.session import original_value

        # before anything is started: a context that leads nowhere stops the whole, not the rest of it
        cwd = Path.cwd()
        contents = {name: single_context(self.merged, name, cwd, namespace=self.namespace) for name in self.contexts}
        original = original_value(os.environ, cwd)
        with ExitStack() as stack:
            places = {
                name: stack.enter_context(overlay(contents[name], name, os.environ, sweeping=name == self.contexts[0]))
                for name in self.contexts
            }

            def prepare(name: str) -> Mapping[str, str]:
                return places[name].environment(os.environ, name, original)

            job = Job(
                argv=self.argv,
                contexts=tuple(self.contexts),
                prepare=prepare,
                line=self._line,
                started=self.status.started,
                ended=self._ended,
                jobs=jobs,
                fail_fast=fail_fast,
                timeout=timeout,
            )
            try:
                runs = fan_out(job)
            finally:
                self.status.clear()
        if self.json:
            print_json([self._as_dict(run) for run in runs])
        else:
            self.printer.end_all()
            bad = [run for run in runs if run.state is not State.DONE]
            for run in bad:
                complain(run.state.value, _what_happened(run))
        return worst(runs)

    def _line(self, context: str, stream: int, line: bytes) -> None:
        if self.json:
            self.kept[context][stream] += line
        else:
            self.printer.line(context, stream, line)

    def _ended(self, run: Run) -> None:
        self.status.ended(run.context, failed=bool(run.exit_code))
        if not self.json:
            self.printer.end(run.context)

    def _as_dict(self, run: Run) -> dict[str, object]:
        texts = {key: bytes(self.kept[run.context][key]).decode(errors="replace") for key in (1, 2)}
        return {
            "context": run.context,
            "state": run.state.value,
            "exit_code": run.exit_code,
            "seconds": round(run.seconds, 3),
            "stdout": texts[1],
            "stderr": texts[2],
        }


def _what_happened(run: Run) -> str:
    return run.context if run.exit_code is None else f"{run.context} (exit code {run.exit_code})"
