"""``eksauth server check-config``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from eksauth.cli.kubeconfig_options import chosen_files, kubeconfig_option
from eksauth.cli.output import complain, one_line, print_json
from eksauth.errors import KubernetesError, UsageError

_EPILOG = """\b
Examples:
  eksauth server check-config /etc/eksauth/server.yaml
  eksauth server check-config aws-auth.yaml entries.yaml --strict
  eksauth server check-config --configmap --context prod
\b
Knows a file by what is in it: a server configuration, an aws-auth ConfigMap, access entries, a dynamic file.
Exit codes: 0 no errors, 1 errors were found (with --strict also warnings)."""


@click.command("check-config", epilog=_EPILOG)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--configmap", is_flag=True, help="Check kube-system/aws-auth of a cluster.")
@click.option("--context", metavar="NAME", help="Context for --configmap. Default: the current one.")
@click.option("--partition", metavar="NAME", help="Partition of the cluster (default aws).")
@click.option("--strict", is_flag=True, help="Warnings count as errors for the exit code.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@kubeconfig_option
@click.pass_context
def check_config(
    ctx: click.Context,
    files: tuple[Path, ...],
    configmap: bool,
    context: str | None,
    partition: str | None,
    strict: bool,
    output: str,
    kubeconfig: str | None,
) -> int:
    """Find what locks people out of a cluster before a server reads it: FILES, or the ConfigMap of a cluster."""
    import gc

    from eksauth.authenticator.check import Report, check_config_map, check_file

    if gc.isenabled():  # with a hundred thousand entries it takes most of the time, and finds nothing
        gc.disable()
        ctx.call_on_close(gc.enable)
    if not files and not configmap:
        raise UsageError("nothing to check", hint="name files, or give --configmap for the aws-auth of a cluster")
    if context and not configmap:
        raise UsageError("--context is for --configmap", hint="add --configmap, or leave --context out")
    reports: list[Report] = [check_file(path, partition=partition) for path in files]
    if configmap:
        reports.append(check_config_map(_aws_auth(kubeconfig, context)))
    findings = [(report, finding) for report in reports for finding in report.findings]
    if output == "json":
        print_json(
            [
                {
                    "file": report.name,
                    "kind": report.kind,
                    "entries": report.entries,
                    "findings": [
                        {
                            "severity": finding.severity,
                            "code": finding.problem.code,
                            "file": finding.problem.source.file,
                            "line": finding.problem.source.line,
                            "what": finding.problem.message,
                            "hint": finding.problem.hint,
                        }
                        for finding in report.findings
                    ],
                }
                for report in reports
            ]
        )
    else:
        for _, finding in findings:
            problem = finding.problem
            click.echo(one_line(f"{problem.source}: {finding.severity}: {problem.message} [{problem.code}]"))
            if problem.hint:
                click.echo(f"  fix: {one_line(problem.hint)}")
        for report in reports:
            errors = sum(finding.severity == "error" for finding in report.findings)
            rest = len(report.findings) - errors
            kind, entries = report.kind, report.entries
            summary = f"{report.name}: {kind}, {entries} entries, {_count(errors, 'error')}, {_count(rest, 'warning')}"
            complain("check-config", one_line(summary))
    failing = {"error", "warning"} if strict else {"error"}
    return 1 if any(finding.severity in failing for _, finding in findings) else 0


def _aws_auth(kubeconfig: str | None, context: str | None) -> dict[str, str]:
    from eksauth.kube.config_maps import read_config_map
    from eksauth.kube.connection import Connection, target_of
    from eksauth.kubeconfig.contexts import load

    merged = load(chosen_files(kubeconfig))
    data = read_config_map(
        Connection(target_of(merged, context, cwd=Path.cwd(), environ=os.environ)), "kube-system", "aws-auth"
    )
    if data is None:
        raise KubernetesError(
            "the cluster has no ConfigMap aws-auth in kube-system",
            hint="clusters in the API authentication mode use access entries instead",
            code="kubernetes.not_found",
        )
    return data


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
