"""From a configuration to running backends, and from one configuration to the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from eksauth.authenticator.backends.contract import Backend
from eksauth.authenticator.backends.files.access_entries import access_entries_file_backend
from eksauth.authenticator.backends.files.dynamic_file import dynamic_file_backend
from eksauth.authenticator.backends.files.mounted import MountedBackend
from eksauth.authenticator.backends.last_good import Notice
from eksauth.authenticator.config import ServerConfig
from eksauth.errors import ConfigError

Notify: TypeAlias = Callable[[Notice], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What backends need besides the configuration.

    :ivar notice: told of everything that happens to mappings.
    :ivar reread: reads the server's configuration again.
    :ivar dynamic_file_age: told how old each update of the dynamic file was when it took effect, in seconds.
    :ivar watch_failed: told the mode of a backend whenever it could not list or watch its objects.
    :ivar remark: told what only people want to know.
    """

    notice: Notify
    reread: Callable[[], Awaitable[None]]
    dynamic_file_age: Callable[[float], None] = lambda _seconds: None
    watch_failed: Callable[[str], None] = lambda _mode: None
    remark: Callable[[str], None] = lambda _message: None


@dataclass(frozen=True, slots=True)
class Recipe:
    """One backend that a configuration asks for.

    :ivar key: equal for two configurations when the backend can go on as it is.
    """

    key: tuple[object, ...]
    make: Callable[[], Backend]


def check_backends(config: ServerConfig) -> None:
    """Check that every mode has what it needs, and nothing is set for a mode that is not asked.

    :raises ConfigError: with the fix in the hint.
    """
    dynamic = "DynamicFile" in config.backend_modes
    if dynamic and config.dynamic_file is None:
        raise ConfigError("backend mode DynamicFile needs a file", hint="set server.dynamicfilepath")
    if config.dynamic_file is not None and not dynamic and config.dynamic_backend_mode_file is None:
        raise ConfigError(
            "server.dynamicfilepath is set, but backend mode DynamicFile is not among the modes",
            hint="add DynamicFile to backendMode, or take the path out",
        )


def recipes(config: ServerConfig, modes: tuple[str, ...], surroundings: Surroundings) -> list[Recipe]:
    """Return what makes the backends of ``modes``, in order.

    :raises ConfigError: for a mode that lacks what it needs.
    """
    return [_recipe(mode, config, surroundings) for mode in modes]


def _recipe(mode: str, config: ServerConfig, around: Surroundings) -> Recipe:
    grace = float(config.empty_grace_seconds)
    if mode == "MountedFile":
        return Recipe(
            (mode, grace),
            lambda: MountedBackend(config.mappings, grace=grace, notice=around.notice, reread=around.reread),
        )
    if mode == "DynamicFile":
        path, strict = config.dynamic_file, config.dynamic_file_strict
        if path is None:
            raise ConfigError("backend mode DynamicFile needs a file", hint="set server.dynamicfilepath")
        return Recipe(
            (mode, path, strict, grace),
            lambda: dynamic_file_backend(
                path, strict=strict, grace=grace, notice=around.notice, loaded_after=around.dynamic_file_age
            ),
        )
    if mode == "AccessEntries" and config.access_entries_file is not None:
        entries, partition = config.access_entries_file, config.partition
        return Recipe(
            (mode, entries, partition, grace),
            lambda: access_entries_file_backend(entries, partition=partition, grace=grace, notice=around.notice),
        )
    return Recipe((mode, config.kubeconfig, config.master, config.partition, grace), _in_cluster(mode, config, around))


def _in_cluster(mode: str, config: ServerConfig, around: Surroundings) -> Callable[[], Backend]:
    grace = float(config.empty_grace_seconds)

    def make() -> Backend:
        # only these need a Kubernetes client, whose models take a while to import
        from eksauth.authenticator.backends.cluster.config_map import config_map_backend
        from eksauth.authenticator.backends.cluster.crd import identity_mapping_backend
        from eksauth.authenticator.backends.cluster.entry_crd import access_entry_backend
        from eksauth.authenticator.backends.cluster.kube_backend import Ears
        from eksauth.authenticator.backends.cluster.kube_where import Where

        where = Where(config.kubeconfig, config.master)
        ears = Ears(notice=around.notice, watch_failed=around.watch_failed, remark=around.remark)
        if mode == "EKSConfigMap":
            return config_map_backend(where, grace=grace, ears=ears)
        if mode == "CRD":
            return identity_mapping_backend(where, grace=grace, ears=ears)
        return access_entry_backend(where, partition=config.partition, grace=grace, ears=ears)

    return make
