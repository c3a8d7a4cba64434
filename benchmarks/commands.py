"""The processes: tokens from each kind of credentials, the peers, and every other command's ``--help``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.reference_authenticator import find_reference

from benchmarks.harness import Command, scrubbed
from benchmarks.place import CONFIG, KEYS, ROLE

FLOOR = "python -c pass"
HELPS = (
    ("--help",),
    ("--version",),
    ("token", "--help"),
    ("decode", "--help"),
    ("verify", "--help"),
    ("server", "--help"),
    ("sandbox", "--help"),
    ("eks", "get-token", "--help"),
)


def token_commands(venv: Path, home: Path, bare_home: Path) -> list[Command]:
    """Return what kubectl waits for, the floor, and the peers that are here."""
    python, eksauth = str(venv / "bin" / "python"), str(venv / "bin" / "eksauth")
    keys = scrubbed(bare_home, **KEYS, AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="eu-west-1")
    files = scrubbed(home)
    demo = ("token", "--cluster-name", "demo")
    drop_in = ("eks", "get-token", "--cluster-name", "demo", "--region", "eu-west-1", "--output", "json")
    found = [
        Command(FLOOR, (python, "-c", "pass"), keys),
        Command("eksauth token, environment keys", (eksauth, *demo), keys, budget=1.25),
        Command("eksauth eks get-token, environment keys", (eksauth, *drop_in), keys, budget=1.25),
        Command("eksauth token, profile", (eksauth, *demo, "--profile", "dev"), files, budget=1.40),
        Command(
            "eksauth token, cached role",
            (eksauth, *demo, "--profile", "dev", "--role-arn", ROLE),
            files,
            budget=1.40,
        ),
        Command("eksauth token, cached SSO", (eksauth, *demo, "--profile", "sso"), files, budget=1.40),
        Command("eksauth token, cached identity", (eksauth, *demo, *_entry(home)), files, budget=1.40),
    ]
    aws = Path(sys.executable).with_name("aws")
    if aws.exists():
        found.append(Command("aws eks get-token", (str(aws), *drop_in), keys, every=4))
    authenticator = find_reference()
    if authenticator is not None:
        found.append(Command("aws-iam-authenticator token", (str(authenticator), "token", "-i", "demo"), keys))
    return found


def _entry(home: Path) -> tuple[str, ...]:
    """Return what the kubeconfig entry of an identity adds to the command."""
    pinned = ("--config", str(home / CONFIG), "--realm=", "--account", "111122223333")
    return ("--region", "eu-west-1", "--identity", "bench", *pinned)


def help_commands(venv: Path, home: Path) -> list[Command]:
    """Return the start of every other command."""
    python, eksauth = str(venv / "bin" / "python"), str(venv / "bin" / "eksauth")
    environ = scrubbed(home)
    helps = [Command(f"eksauth {' '.join(argv)}", (eksauth, *argv), environ, budget=6.0) for argv in HELPS]
    return [Command(FLOOR, (python, "-c", "pass"), environ), *helps]
