"""The root command, and the one place where errors become text and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click

from eksauth import __version__
from eksauth.cli.lazy import LazyGroup
from eksauth.cli.output import flush_stdout, replace_closed_stdout, report_error, report_unexpected
from eksauth.errors import EksauthError

COMMANDS = {
    "token": ("eksauth.cli.token:token", "Print an ExecCredential with a bearer token (kubectl calls this)."),
    "decode": ("eksauth.cli.decode:decode", "Take a token apart, offline, and say what a cluster would refuse."),
    "verify": ("eksauth.cli.verify:verify", "Judge a token as a cluster would, and say who it becomes."),
    "login": ("eksauth.cli.login:login", "Become an identity; kubeconfig entries of its clusters follow."),
    "logout": ("eksauth.cli.logout:logout", "End sessions, and remove credentials and kubeconfig entries."),
    "whoami": ("eksauth.cli.whoami:whoami", "Say who one is for AWS, and for a cluster."),
    "identities": ("eksauth.cli.identities:identities", "List who you can be, and how you get there."),
    "config": ("eksauth.cli.config:config", "Check, show and describe the file with your identities."),
    "kubeconfig": ("eksauth.cli.kubeconfig:kubeconfig", "Read, merge, edit and repair kubeconfig files."),
    "ctx": ("eksauth.cli.ctx:ctx", "List, switch, rename and delete contexts."),
    "ns": ("eksauth.cli.ns:ns", "List namespaces, and choose the context's."),
    "run": ("eksauth.cli.run:run", "Run one command in one context."),
    "each": ("eksauth.cli.each:each", "Run one command in many contexts at once."),
    "completion": ("eksauth.cli.completion:completion", "Completion for shells, and the kubectl plugins."),
    "env": ("eksauth.cli.env:env", "Print variables that make a shell an identity."),
    "exec": ("eksauth.cli.exec_command:exec_command", "Run a program as an identity."),
    "shell": ("eksauth.cli.shell:shell", "Start a shell as an identity."),
    "credential-process": (
        "eksauth.cli.credential_process:credential_process",
        "Print an identity's credentials for AWS SDKs.",
    ),
    "console": ("eksauth.cli.console:console", "Open the AWS console as an identity."),
    "audit": ("eksauth.cli.audit:audit", "Show what was done as whom, from this machine."),
    "server": ("eksauth.cli.server:server", "Run the authenticator that a Kubernetes API server asks."),
    "sandbox": ("eksauth.cli.sandbox:sandbox", "The whole chain on this machine, with no AWS account."),
    "eks": ("eksauth.cli.eks:eks", "Drop-ins for 'aws eks get-token' and 'update-kubeconfig'."),
    "aws": ("eksauth.cli.aws:aws", "Drop-ins for 'atmos aws eks token' and 'update-kubeconfig'."),
}

EPILOG = """\b
Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 configuration, 4 credentials,
5 AWS refused or unreachable, 6 Kubernetes refused or unreachable, 7 internal.
Example: eksauth token --cluster-name demo --region eu-west-1"""


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="eksauth", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks and log to stderr.")
def root(debug: bool) -> None:
    """Walk the chain from a kubeconfig to a Kubernetes user through AWS IAM, and say why anyone is refused."""
    if debug:
        import logging

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        # at DEBUG botocore logs whole requests and responses, session tokens and fetched credentials included
        logging.getLogger("botocore").setLevel(logging.INFO)


def run(argv: Sequence[str]) -> int:
    """Run the command line and return the exit code; never raises, never shows a traceback without ``--debug``."""
    debug = "--debug" in argv
    if "eks" in argv[1:] or argv[:1] == ["eks"]:
        from eksauth.cli.dropin import options_last

        argv = options_last(argv)
    replace_closed_stdout()
    try:
        result = root.main(list(argv), prog_name="eksauth", standalone_mode=False)
        flush_stdout()
    except EksauthError as error:
        report_error(error)
        if debug:
            _traceback()
        return error.exit_code
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        from eksauth.cli.output import report_usage

        report_usage(error)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as leave:
        # click turns a reader that went away into exit code 1, which here would mean that the answer is no
        if "_EKSAUTH_COMPLETE" in os.environ:  # click's shell completion ends so too
            return leave.code if isinstance(leave.code, int) else 1
        return _reader_left(argv)
    except BrokenPipeError:
        return _reader_left(argv)
    except Exception as error:  # noqa: BLE001  the last line of defence: one line, not a traceback
        report_unexpected(error)
        if debug:
            _traceback()
        return 7
    return result if isinstance(result, int) else 0


def _reader_left(argv: Sequence[str]) -> int:
    """Leave quietly, with the code that a shell gives a program that SIGPIPE ended; half a help text is enough help."""
    from eksauth.cli.output import silence_stdout

    silence_stdout()
    return 0 if {"--help", "-h"}.intersection(argv) else 128 + signal.SIGPIPE


def _traceback() -> None:
    import traceback

    traceback.print_exc(file=sys.stderr)
