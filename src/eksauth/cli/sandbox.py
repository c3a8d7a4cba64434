"""``eksauth sandbox up | down | env | status | demo``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eksauth.cli.output import complain, print_json
from eksauth.errors import ConfigError, UsageError

if TYPE_CHECKING:  # the sandbox loads when a command runs
    from eksauth.sandbox.flavour import Flavour
    from eksauth.sandbox.layout import Layout

_NEEDED = ("aiohttp", "cryptography", "flask", "moto", "prometheus_client")

directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False),
    help="Where the sandbox keeps its files [default: $EKSAUTH_SANDBOX_DIR, else the XDG state directory].",
)
api_server_option = click.option(
    "--api-server",
    type=click.Choice(["auto", "embedded", "real"]),
    default="auto",
    show_default=True,
    help="The Kubernetes API server: a real kube-apiserver where one is found, or the embedded one.",
)


@click.group(epilog='Example: eksauth sandbox up && eval "$(eksauth sandbox env)" && kubectl auth whoami')
def sandbox() -> None:
    """Run the whole chain on this machine, with no AWS account."""
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the sandbox needs packages that are not installed: {', '.join(missing)}",
            hint="pip install 'eksauth[sandbox]'",
            code="sandbox.extra_missing",
        )


@sandbox.command(epilog="Example: eksauth sandbox up --dir /tmp/chain")
@directory_option
@api_server_option
@click.option("--foreground", is_flag=True, help="Stay, and take everything down at Ctrl-C.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def up(directory: str | None, api_server: str, foreground: bool, output: str) -> None:
    """Start an AWS endpoint, an authenticator and an API server for two clusters, on free loopback ports."""
    from eksauth.sandbox.lifecycle import Sandbox
    from eksauth.sandbox.lifecycle import up as start

    layout = _layout(directory)
    if foreground:
        import signal

        def leave(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, leave)
        with Sandbox(layout.root, flavour=_flavour(api_server), progress=_progress):
            _announce(layout, directory, output)
            try:
                signal.pause()
            except KeyboardInterrupt:
                _progress("stopping")
        return
    start(layout, flavour=_flavour(api_server), progress=_progress)
    _announce(layout, directory, output)


@sandbox.command(epilog="Example: eksauth sandbox down")
@directory_option
def down(directory: str | None) -> None:
    """Stop everything the sandbox started and remove its files; nothing stays behind."""
    from eksauth.sandbox.lifecycle import down as stop

    layout = _layout(directory)
    was_there = stop(layout)
    complain("note", "the sandbox is down" if was_there else "there was no sandbox")
    if was_there and layout.root.exists():
        complain("note", f"{layout.root} holds files that the sandbox did not make; they were left there")


@sandbox.command(epilog='Example: eval "$(eksauth sandbox env --as alice)"')
@directory_option
@click.option("--as", "identity", help="Whose access keys to export [default: the first user].")
@click.option(
    "--shell",
    type=click.Choice(["posix", "fish", "powershell", "json"]),
    help="Syntax of the output [default: by $SHELL].",
)
def env(directory: str | None, identity: str | None, shell: str | None) -> None:
    """Print what to export so that AWS clients and kubectl use the sandbox. The keys are the sandbox's own."""
    from eksauth.sandbox.clientfiles import login_shell, shell_exports
    from eksauth.sandbox.identities import exports_for

    exports = exports_for(_layout(directory), identity, os.environ)
    click.echo(shell_exports(exports, shell or login_shell()), nl=False)


@sandbox.command(epilog="Example: eksauth sandbox status -o json")
@directory_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(directory: str | None, output: str) -> int:
    """Show what runs; exit 1 when the sandbox is not complete."""
    from eksauth.sandbox.lifecycle import status as look

    layout = _layout(directory)
    current = look(layout)
    rows = [
        {
            "name": one.component.name,
            "pid": one.component.pid,
            "running": one.running,
            "url": one.component.url,
            "log": one.component.log,
        }
        for one in current.components
    ]
    state = current.verdict
    if output == "json":
        print_json({"state": state, "healthy": current.healthy, "directory": str(layout.root), "components": rows})
    else:
        click.echo(f"{state}  {layout.root}")
        for row in rows:
            click.echo(
                f"  {row['name']:<24} {'running' if row['running'] else 'gone':<8} {row['pid']:>8}  {row['url']}"
            )
    return 0 if current.healthy else 1


@sandbox.command(epilog="Example: eksauth sandbox demo --story login")
@api_server_option
@click.option(
    "--story",
    type=click.Choice(["chain", "login"]),
    default="chain",
    show_default=True,
    help="The chain from kubeconfig to Kubernetes user, or a person who signs in and out.",
)
@click.option("--no-kubectl", is_flag=True, help="Use eksauth's own whoami even where kubectl is installed.")
def demo(api_server: str, story: str, no_kubectl: bool) -> None:
    """Tell a story with real calls, in a sandbox of its own that is gone afterwards."""
    import tempfile

    from eksauth.sandbox.binaries import find_kubectl
    from eksauth.sandbox.demo import Demo
    from eksauth.sandbox.demo_login import LoginDemo
    from eksauth.sandbox.lifecycle import Sandbox
    from eksauth.sandbox.stage import Narrator, Stage

    count = 0

    def step(text: str) -> None:
        nonlocal count
        count += 1
        click.echo()
        click.secho(f"{count}. {text}", bold=True)

    def command(text: str) -> None:
        click.secho(f"   $ {text}", fg="cyan")

    def result(text: str) -> None:
        for line in text.splitlines():
            click.echo(f"   {line}")

    kubectl = None if no_kubectl else find_kubectl()
    with (
        tempfile.TemporaryDirectory(prefix="eksauth-demo-") as place,
        Sandbox(Path(place) / "sandbox", flavour=_flavour(api_server), progress=_progress) as running,
    ):
        flavours = {cluster.flavour for cluster in running.manifest.clusters}
        shown = "a real kube-apiserver" if "kube-apiserver" in flavours else "the embedded API server"
        _progress(f"the chain runs on loopback with {shown} and {'kubectl' if kubectl else 'our own whoami'}")
        home = Path(place) / "home"
        home.mkdir()
        stage = Stage(running, Narrator(step, command, result), kubectl, home)
        (LoginDemo if story == "login" else Demo)(stage).run()
    click.echo()
    click.secho("Every step did what it says. The sandbox is gone again.", bold=True)


def _layout(directory: str | None) -> Layout:
    from eksauth.sandbox.layout import Layout, default_root

    if directory == "":
        raise UsageError("--dir is empty", hint="leave it out for the default, or name a directory")
    return Layout(default_root() if directory is None else Path(directory).absolute())


def _flavour(name: str) -> Flavour:
    from eksauth.sandbox.flavour import flavour_named

    return flavour_named(name)


def _progress(line: str) -> None:
    click.secho(f"  {line}", dim=sys.stderr.isatty(), err=True)


def _announce(layout: Layout, directory: str | None, output: str) -> None:
    from eksauth.sandbox.aws.sso.seeded import START_PATH
    from eksauth.sandbox.identities import seed_file
    from eksauth.sandbox.lifecycle import require_ready

    manifest = require_ready(layout)
    if output == "json":
        import msgspec

        print_json(msgspec.to_builtins(manifest))
        return
    complain("note", f"the sandbox is up in {layout.root}")
    where = "" if directory is None else f" --dir {shlex.quote(directory)}"
    complain(
        "hint", f'eval "$(eksauth sandbox env{where})" leads this shell into it; kubectl auth whoami tells who you are'
    )
    complain(
        "hint",
        f"people sign in at {manifest.aws_endpoint}{START_PATH}; names and passwords are in {seed_file(layout)}",
    )
