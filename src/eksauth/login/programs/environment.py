"""The environment of a program that runs as an identity: which variables point it there, and what must not be in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.aws.partitions import partition_of_region
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import links_of
from eksauth.credentials.identities.contract import Context
from eksauth.credentials.model import Credentials
from eksauth.credentials.outer import SOURCES, remembered
from eksauth.errors import ConfigError
from eksauth.kubeconfig.isolated.session import current_session
from eksauth.kubeconfig.paths import Origin, kubeconfig_files
from eksauth.login.caller import endpoint_of
from eksauth.login.kubeconfigs.provision import integrations_of
from eksauth.token.bearer import utc_text

_FROM_OUTSIDE = frozenset(("aws/ambient", "aws/container", "aws/pod-identity"))
"""Kinds that start from what the environment holds: keys are kept for these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointers:
    """What to change in an environment.

    :ivar set: new values.
    :ivar unset: names that must not be in it.
    :ivar warnings: one line each.
    """

    set: Mapping[str, str] = field(default_factory=dict, repr=False)
    unset: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def applied(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return a copy of ``environ`` with these changes."""
        hidden = frozenset(self.unset)
        return {name: value for name, value in environ.items() if name not in hidden} | dict(self.set)


def starts_outside(config: AuthConfig, identity: Identity) -> bool:
    """Tell whether the identity's chain starts from credentials that the environment holds."""
    return links_of(config, identity)[0].kind in _FROM_OUTSIDE


def region_for(identity: Identity, environ: Mapping[str, str], chain_region: str) -> str:
    """Return the region that programs get: the identity's own, else the caller's, else the one its chain uses.

    A caller's region in another partition is of no use to the identity.
    """
    own = identity.principal.region or identity.credentials.region
    callers = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if own is None and callers and partition_of_region(callers) is partition_of_region(chain_region):
        return callers
    return own or chain_region


def pointers(
    config: AuthConfig,
    identity: Identity,
    environ: Mapping[str, str],
    *,
    region: str,
    source: Mapping[str, str],
    keys_outside: bool,
) -> Pointers:
    """Return what a program needs to be ``identity`` and nobody else.

    :param source: the variables that credentials come from: a file that names a process, an endpoint, or keys.
    :param keys_outside: let eksauth itself still find keys that the identity starts from.
    :raises ConfigError: when the configuration sets a variable that no program could have.
    """
    added, warnings = _of_configuration(config, identity)
    clusters, more = kubeconfig_pointers(config, identity, environ)
    values = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_SDK_LOAD_CONFIG": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **_emulator(config, identity, environ),
        **clusters,
        **added,
        # nothing in the configuration may point programs at other credentials
        **source,
        "EKSAUTH_IDENTITY": identity.name,
    }
    if config.path is not None and not config.searched:
        # a file that was come across stays one: named like this, what it says would be trusted
        values["EKSAUTH_CONFIG"] = config.path
    secrets = keys_outside and starts_outside(config, identity)
    values |= remembered(environ, names=values, secrets=secrets)
    unset = tuple(name for name in (*SOURCES, "ATMOS_IDENTITY") if name not in values)
    return Pointers(set=values, unset=unset, warnings=(*warnings, *more))


def static_source(credentials: Credentials) -> dict[str, str]:
    """Return the variables for keys themselves, which nothing renews."""
    values = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
    }
    if credentials.session_token:
        values["AWS_SESSION_TOKEN"] = credentials.session_token
    if credentials.expires_at is not None:
        values["AWS_CREDENTIAL_EXPIRATION"] = utc_text(int(credentials.expires_at))
    return values


def kubeconfig_pointers(
    config: AuthConfig, identity: Identity, environ: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return ``KUBECONFIG`` with the identity's own files in front, and warnings; nothing when it has none.

    kubectl takes ``current-context`` from the first file that has one, so these win; the caller's files, or kubectl's
    default, stay behind them, so no context is lost. A file that does not exist yet is left out. One inside the
    directory of a configuration that was only come across is left out as well: kubeconfigs run programs.
    """
    files: list[str] = []
    warnings: list[str] = []
    if current_session(environ) is not None:  # a shell with a context of its own keeps it
        return {}, []
    for integration in integrations_of(config, identity):
        path = integration.kubeconfig
        if path is None or path in files or not Path(path).is_file():
            continue
        if config.searched and config.path is not None and _is_inside(path, Path(config.path).parent):
            warnings.append(f"{path} is not used: it lies next to a configuration that was only found by searching")
            continue
        files.append(path)
    if not files:
        return {}, warnings
    found = kubeconfig_files(environ)
    behind = [str(path) for path in found.paths if found.origin is not Origin.DEFAULT or path.is_file()]
    joined = os.pathsep.join(dict.fromkeys([*files, *behind]))
    return {"KUBECONFIG": joined, "KUBE_CONFIG_PATH": files[0]}, warnings


def _of_configuration(config: AuthConfig, identity: Identity) -> tuple[dict[str, str], list[str]]:
    """Return the identity's own ``env``; from a file that nobody named none, for such variables can run programs."""
    values = dict(identity.env)
    for name, value in values.items():
        if not name.isidentifier() or not name.isascii() or "\0" in value:
            raise ConfigError(
                f"{identity.place}: env of identity '{identity.name}' has an impossible variable {name!r}"
            )
    if values and config.searched:
        why = f"{config.path} was only found by searching; EKSAUTH_CONFIG or --config names it"
        return {}, [f"env of identity '{identity.name}' is not used: {why}"]
    return {name: value for name, value in values.items() if name not in SOURCES}, []


def _emulator(config: AuthConfig, identity: Identity, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the address of what stands for AWS where the configuration names one."""
    if config.searched:
        return {}
    endpoint = endpoint_of(config, identity, Context(config=config, environ=environ, region=""))
    return {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}


def _is_inside(path: str, directory: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))
