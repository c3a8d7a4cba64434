"""Command lines in the spelling of Go programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from eksauth.cli.go_flags import GoFlags, switch
from eksauth.cli.main import root
from eksauth.cli.server_init import init
from eksauth.cli.server_run import run


@pytest.mark.parametrize("command", [run, init], ids=["run", "init"])
@pytest.mark.parametrize(
    "arguments, name, value",
    [
        pytest.param(["-i=demo"], "cluster_id", "demo", id="short with equals sign"),
        pytest.param(["-i", "demo"], "cluster_id", "demo", id="short with blank"),
        pytest.param(["-idemo"], "cluster_id", "demo", id="short with nothing"),
        pytest.param(["--cluster-id=a=b"], "cluster_id", "a=b", id="equals sign in a value"),
        pytest.param(["-i=a=b"], "cluster_id", "a=b", id="equals sign in a value of a short one"),
        pytest.param(["-c=/etc/x.yaml"], "config", Path("/etc/x.yaml"), id="path"),
        pytest.param(["-l=json"], "log_format", "json", id="log format"),
        pytest.param(["-v=debug"], "log_verbosity", "debug", id="verbosity"),
        pytest.param(
            ["--feature-gates=SSORoleMatch=true,X=false"], "feature_gates", "SSORoleMatch=true,X=false", id="gates"
        ),
        pytest.param([], "kubeconfig_pregenerated", None, id="switch not given"),
        pytest.param(["--kubeconfig-pregenerated"], "kubeconfig_pregenerated", True, id="switch alone"),
        pytest.param(["--kubeconfig-pregenerated=true"], "kubeconfig_pregenerated", True, id="switch true"),
        pytest.param(["--kubeconfig-pregenerated=false"], "kubeconfig_pregenerated", False, id="switch false"),
        pytest.param(["--kubeconfig-pregenerated", "-i=x"], "kubeconfig_pregenerated", True, id="switch, then more"),
    ],
)
def test_values_arrive(command: click.Command, arguments: list[str], name: str, value: Any) -> None:
    """Each spelling that the manifests of aws-iam-authenticator use is understood."""
    assert command.make_context("x", list(arguments)).params[name] == value


def test_what_is_no_truth_value_is_refused() -> None:
    """A switch with another value is an error, as it is in Go."""
    with pytest.raises(click.BadParameter):
        run.make_context("run", ["--kubeconfig-pregenerated=maybe"])


def test_nothing_is_rewritten_after_two_dashes() -> None:
    """What follows ``--`` is no option."""
    seen: list[tuple[str, ...]] = []

    @click.command(cls=GoFlags)
    @switch("--on")
    @click.argument("rest", nargs=-1)
    def command(on: bool | None, rest: tuple[str, ...]) -> None:
        assert on is None
        seen.append(rest)

    assert CliRunner().invoke(command, ["--", "-x=1"]).exit_code == 0
    assert seen == [("-x=1",)]


@pytest.mark.parametrize(
    "arguments, said",
    [
        pytest.param(["server", "--no-such-option"], "eksauth server run", id="options are for run"),
        pytest.param(["server", "--help"], "check-config", id="help is the group's"),
        pytest.param(["server", "rnu"], "no such command 'rnu'", id="a typing error is one"),
    ],
)
def test_server_with_options_alone_runs(arguments: list[str], said: str) -> None:
    """``server --config …`` is what aws-iam-authenticator's manifests say."""
    result = CliRunner().invoke(root, arguments, prog_name="eksauth")
    assert said in result.output + str(result.exception)
