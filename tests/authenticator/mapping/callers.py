"""Identities and mapping texts for the mapping tests."""

from __future__ import annotations

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.identity import CallerIdentity, Identity, identity_from
from eksauth.authenticator.mapping.aws_auth import SECTIONS, AwsAuthBackend
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend

A = "111122223333"
ROLE = f"arn:aws:sts::{A}:assumed-role/CICDRole/sess"
HASH = "0123456789abcdef"


def identity(arn: str = ROLE) -> Identity:
    """Return the identity behind an ARN as STS reports it."""
    sections = arn.split(":", 5)
    kind, _, name = sections[5].partition("/")
    user_id = {"assumed-role": f"AROAEXAMPLE:{name.rpartition('/')[2]}", "root": sections[4]}.get(kind, "AIDAEXAMPLE")
    return identity_from(
        CallerIdentity(account=sections[4], arn=arn, user_id=user_id),
        access_key_id="ASIAEXAMPLE",
        sts_host="sts.us-west-2.amazonaws.com",
        partition=sections[1],
    )


def aws_auth(**data: str) -> AwsAuthBackend:
    """Return the backend for an ``aws-auth`` ConfigMap."""
    return AwsAuthBackend.from_data(data)


def mounted(**data: str) -> MountedFileBackend:
    """Return the backend for the same sections in a server configuration."""
    lines = ["server:"]
    for key in SECTIONS:
        if key in data:
            lines += [f"  {key}:", *(f"    {line}" for line in data[key].splitlines())]
    return MountedFileBackend(parse_server_config("\n".join(lines), "server.yaml").mappings)


def role(arn: str, username: str = "ci", groups: str = "[g]") -> str:
    """Return one entry of mapRoles."""
    return f"- rolearn: {arn}\n  username: {username}\n  groups: {groups}\n"


def user(arn: str, username: str = "ci", groups: str = "[g]") -> str:
    """Return one entry of mapUsers."""
    return f"- userarn: {arn}\n  username: {username}\n  groups: {groups}\n"
