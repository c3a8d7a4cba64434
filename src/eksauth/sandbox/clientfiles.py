"""What a client needs to use the sandbox: AWS shared files, a kubeconfig, environment variables."""

from __future__ import annotations

import os
import shlex
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import yaml

from eksauth.sandbox.layout import Layout
from eksauth.sandbox.manifest import Cluster


@dataclass(frozen=True, slots=True)
class UserProfile:
    """A profile with long-term keys of an IAM user."""

    name: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


@dataclass(frozen=True, slots=True)
class RoleProfile:
    """A profile that assumes a role from a user's profile."""

    name: str
    role_arn: str
    source: UserProfile
    external_id: str | None = None


def aws_credentials_text(users: Sequence[UserProfile]) -> str:
    """Return a shared credentials file with a section for each user."""
    return "".join(
        f"[{user.name}]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n\n"
        for user in users
    )


def aws_config_text(users: Sequence[UserProfile], roles: Sequence[RoleProfile]) -> str:
    """Return a shared config file with a profile for each user and each role."""
    text = "".join(f"[profile {user.name}]\nregion = {user.region}\n\n" for user in users)
    for role in roles:
        text += f"[profile {role.name}]\nrole_arn = {role.role_arn}\nsource_profile = {role.source.name}\n"
        if role.external_id:
            text += f"external_id = {role.external_id}\n"
        text += f"role_session_name = {role.name}\nregion = {role.source.region}\n\n"
    return text


def client_environment(layout: Layout, aws_endpoint: str) -> dict[str, str]:
    """Return the variables that lead an AWS client into the sandbox and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_CA_BUNDLE": str(layout.ca),
        "AWS_CONFIG_FILE": str(layout.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(layout.aws_credentials),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def own_command() -> str:
    """Return the absolute path of the ``eksauth`` that belongs to this interpreter."""
    beside = Path(sys.executable).parent / "eksauth"
    return str(beside if beside.exists() else Path(sys.argv[0]).absolute())


def kubeconfig_text(
    layout: Layout,
    aws_endpoint: str,
    clusters: Sequence[Cluster],
    roles: Sequence[RoleProfile],
    users: Sequence[UserProfile],
) -> str:
    """Return a kubeconfig with a context ``IDENTITY@CLUSTER`` for every pair; the first pair is current.

    The exec entries carry the sandbox's environment, so the file works from any shell.
    """
    environment = [{"name": name, "value": value} for name, value in client_environment(layout, aws_endpoint).items()]
    identities: list[tuple[str, list[str]]] = []
    for role in roles:
        arguments = ["--profile", role.source.name, "--role-arn", role.role_arn, "--session-name", role.name]
        identities.append((role.name, arguments + (["--external-id", role.external_id] if role.external_id else [])))
    identities += [(user.name, ["--profile", user.name]) for user in users]
    command = own_command()
    pairs = [(identity, cluster) for cluster in clusters for identity in identities]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster.name,
                "cluster": {
                    "server": cluster.endpoint,
                    "certificate-authority-data": b64encode(cluster.ca_pem.encode()).decode(),
                },
            }
            for cluster in clusters
        ],
        "users": [
            {
                "name": f"{name}@{cluster.name}",
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "interactiveMode": "Never",
                        "command": command,
                        "args": ["token", "--cluster-name", cluster.name, "--region", cluster.region, *arguments],
                        "env": environment,
                    }
                },
            }
            for (name, arguments), cluster in pairs
        ],
        "contexts": [
            {
                "name": f"{name}@{cluster.name}",
                "context": {"cluster": cluster.name, "user": f"{name}@{cluster.name}"},
            }
            for (name, _), cluster in pairs
        ],
        "current-context": f"{pairs[0][0][0]}@{pairs[0][1].name}",
    }
    text: str = yaml.safe_dump(document, sort_keys=False, width=1000)
    return text


SHELLS = ("posix", "fish", "powershell", "json")


def shell_exports(variables: Mapping[str, str], shell: str) -> str:
    """Return the variables as commands for ``shell``, one of :data:`SHELLS`."""
    if shell == "json":
        return msgspec.json.format(msgspec.json.encode(dict(variables)), indent=2).decode() + "\n"
    if shell == "powershell":
        quoted = {name: value.replace("'", "''") for name, value in variables.items()}
        return "".join(f"$Env:{name} = '{value}'\n" for name, value in quoted.items())
    if shell == "fish":
        escaped = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in variables.items()}
        return "".join(f"set -gx {name} '{value}'\n" for name, value in escaped.items())
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def login_shell(environ: Mapping[str, str] = os.environ) -> str:
    """Return which of :data:`SHELLS` the user's own shell understands."""
    return "fish" if Path(environ.get("SHELL", "")).name == "fish" else "posix"
