"""Configurations for tests: written to a file, loaded, or judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.problems import Problem
from eksauth.credentials.config.validate import validate

ROLE = "arn:aws:iam::123456789012:role/deploy"
SSO = """\
auth:
  providers:
    sso: {kind: aws/iam-identity-center, start_url: "https://acme.awsapps.com/start", region: eu-west-1}
"""
DEV = """\
  identities:
    dev: {kind: aws/permission-set, via: {provider: sso}, principal: {name: Dev, account: "111122223333"}}
"""


def write(directory: Path, text: str, name: str = "eksauth.yaml") -> Path:
    """Write a configuration that nobody else may change."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    path.chmod(0o600)
    return path


def loaded(
    directory: Path, text: str, *, name: str = "eksauth.yaml", environ: Mapping[str, str] | None = None
) -> AuthConfig:
    """Load a configuration that was named."""
    return load_config({"HOME": str(directory), **(environ or {})}, flag=str(write(directory, text, name)))


def judged(
    directory: Path, text: str, *, name: str = "eksauth.yaml", environ: Mapping[str, str] | None = None
) -> list[Problem]:
    """Validate a configuration."""
    return validate(str(write(directory, text, name)), {"HOME": str(directory), **(environ or {})})


def lines(problems: list[Problem]) -> list[str]:
    """Return problems as ``line:column severity code``."""
    return [f"{item.place.line}:{item.place.column} {item.severity} {item.code}" for item in problems]
