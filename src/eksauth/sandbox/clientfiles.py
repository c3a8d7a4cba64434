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
from eksauth.sandbox.processes import python_module

_LOOPBACK = "127.0.0.1,localhost"


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


STRAY_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""What a shell may hold from elsewhere that, beside the sandbox's keys, makes a client fail or be somebody else."""


def client_environment(layout: Layout, aws_endpoint: str) -> dict[str, str]:
    """Return the variables that lead an AWS client into the sandbox and nowhere else, whatever else is set."""
    return {
        "AWS_ENDPOINT_URL": aws_endpoint,
        # these beat or switch off the one above, so a value from elsewhere must not remain
        "AWS_ENDPOINT_URL_STS": aws_endpoint,
        "AWS_ENDPOINT_URL_SSO": aws_endpoint,
        "AWS_ENDPOINT_URL_SSO_OIDC": aws_endpoint,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_CA_BUNDLE": str(layout.ca),
        "AWS_CONFIG_FILE": str(layout.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(layout.aws_credentials),
        "AWS_EC2_METADATA_DISABLED": "true",
        "EKSAUTH_CACHE_DIR": str(layout.cache),
        "EKSAUTH_IDENTITY": "",
        "ATMOS_IDENTITY": "",
        # botocore would ask a proxy for 127.0.0.1 too; Python reads the lower-case name first, Go the upper-case one
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
    }


def shell_environment(
    layout: Layout, aws_endpoint: str, user: UserProfile, environ: Mapping[str, str]
) -> dict[str, str | None]:
    """Return what a shell has to set, and with None what it has to unset, to be ``user`` inside the sandbox.

    :param environ: the shell's environment as it is; its own proxy exceptions are kept.
    """
    variables: dict[str, str | None] = dict.fromkeys(STRAY_VARIABLES)
    variables |= client_environment(layout, aws_endpoint)
    for name in ("NO_PROXY", "no_proxy"):
        mine = [host for host in environ.get(name, "").split(",") if host and host not in _LOOPBACK.split(",")]
        variables[name] = ",".join([*mine, _LOOPBACK])
    return variables | {
        "AWS_ACCESS_KEY_ID": user.access_key_id,
        "AWS_SECRET_ACCESS_KEY": user.secret_access_key,
        "AWS_REGION": user.region,
        "AWS_DEFAULT_REGION": user.region,
        "KUBECONFIG": str(layout.kubeconfig),
        "EKSAUTH_CONFIG": str(layout.eksauth_config),
    }


def own_command() -> list[str]:
    """Return the command line, an absolute path first, of the ``eksauth`` that belongs to this interpreter.

    Where no launcher script is beside the interpreter (``pip install --user``, ``--target``), the module is run; ``-P``
    keeps files of the directory that somebody happens to be in out of it.
    """
    beside = Path(sys.executable).parent / "eksauth"
    return [str(beside)] if os.access(beside, os.X_OK) else python_module("eksauth")


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
    command, *first_arguments = own_command()
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
                        "args": [*first_arguments, "token", *_token_flags(cluster), *arguments],
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


def _token_flags(cluster: Cluster) -> list[str]:
    return ["--cluster-name", cluster.name, "--region", cluster.region]


SHELLS = ("posix", "fish", "powershell", "json")


def shell_exports(variables: Mapping[str, str | None], shell: str) -> str:
    """Return the variables as commands for ``shell``, one of :data:`SHELLS`; None unsets, and is null in JSON."""
    if shell == "json":
        return msgspec.json.format(msgspec.json.encode(dict(variables)), indent=2).decode() + "\n"
    line = {"powershell": _powershell, "fish": _fish}.get(shell, _posix)
    return "".join([line(name, value) for name, value in variables.items()])


def _posix(name: str, value: str | None) -> str:
    return f"unset {name}\n" if value is None else f"export {name}={shlex.quote(value)}\n"


def _fish(name: str, value: str | None) -> str:
    if value is None:
        return f"set -e {name}\n"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{escaped}'\n"


def _powershell(name: str, value: str | None) -> str:
    if value is None:
        return f"Remove-Item Env:{name} -ErrorAction SilentlyContinue\n"
    quoted = value.replace("'", "''")
    return f"$Env:{name} = '{quoted}'\n"


def login_shell(environ: Mapping[str, str] = os.environ) -> str:
    """Return which of :data:`SHELLS` the user's own shell understands."""
    return "fish" if Path(environ.get("SHELL", "")).name == "fish" else "posix"
