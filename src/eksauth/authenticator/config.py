"""The server's configuration file: the keys of aws-iam-authenticator, and ours for reaching STS.

``docs/reference/server-config.md`` lists every key. Files of the reference load unchanged; keys that nobody knows are
warnings, not errors. Account ids and names are text, whatever YAML makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import yaml

from eksauth.authenticator.mapping.model import Mappings, Problem, Problems, Source
from eksauth.authenticator.mapping.modes import BACKENDS, backend_mode
from eksauth.authenticator.mapping.reader import EntryReader
from eksauth.authenticator.sts.endpoints import check_overrides
from eksauth.aws.partitions import PARTITIONS, partition_named
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile, is_null, read_bounded

DEFAULT_ADDRESS = "127.0.0.1"
DEFAULT_PORT = 21362
DEFAULT_HEALTH_PORT = 21363
DEFAULT_STATE_DIR = Path("/var/aws-iam-authenticator")
LIMITS = {
    "connections": "connections",
    "connectionsPerSource": "connections_per_source",
    "handshakes": "handshakes",
    "verifications": "verifications",
    "verificationsPerSource": "verifications_per_source",
    "verificationRatePerSource": "rate_per_source",
}
"""Keys of ``server.limits``, and what the server calls them."""
DEFAULT_KUBECONFIG = Path("/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A server's configuration, checked.

    :param cluster_id: may be empty here; the command line can give it.
    :param backend_modes: modern names, in order.
    :param reserved_prefixes: backend mode -> prefixes that its user names may not begin with.
    :param sts_endpoint_overrides: STS host -> ``https://host[:port]`` to connect to instead.
    :param sts_ca_file: extra authorities for overridden hosts.
    :param dynamic_file: of the ``DynamicFile`` backend; ``dynamic_file_strict`` goes by unique id.
    :param dynamic_backend_mode_file: says which backends are asked, and may change while the server runs.
    :param access_entries_file: of the ``AccessEntries`` backend; None takes them from custom resources.
    :param kubeconfig: how backends in the cluster reach its API; None, with no ``master``, means from inside.
    :param empty_grace_seconds: how long mappings that were emptied or deleted stay in force.
    :param workers: processes that share the port.
    :param status_port: plain HTTP for metrics, probes and the status page; None for no such port.
    :param health_port: plain HTTP for health checks; None for the default, 0 for no such port.
    :param drain_delay_seconds: between becoming unready and closing the port.
    :param limits: some of :data:`LIMITS`.
    :param warnings: what loads but will not do what its writer meant.
    """

    cluster_id: str = ""
    partition: str = "aws"
    address: str = DEFAULT_ADDRESS
    port: int = DEFAULT_PORT
    hostname: str = "localhost"
    state_dir: Path = DEFAULT_STATE_DIR
    generate_kubeconfig: Path = DEFAULT_KUBECONFIG
    kubeconfig_pregenerated: bool = False
    backend_modes: tuple[str, ...] = ("MountedFile",)
    mappings: Mappings = field(default_factory=Mappings)
    scrubbed_accounts: frozenset[str] = frozenset()
    reserved_prefixes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sts_endpoint_overrides: dict[str, str] = field(default_factory=dict)
    sts_ca_file: Path | None = None
    ec2_describe_instances_role_arn: str = ""
    ec2_describe_instances_qps: int = 15
    ec2_describe_instances_burst: int = 5
    source_arn: str = ""
    dynamic_file: Path | None = None
    dynamic_file_strict: bool = False
    dynamic_backend_mode_file: Path | None = None
    access_entries_file: Path | None = None
    kubeconfig: Path | None = None
    master: str = ""
    empty_grace_seconds: int = 600
    workers: int = 1
    status_address: str = "127.0.0.1"
    status_port: int | None = None
    health_address: str = "127.0.0.1"
    health_port: int | None = None
    drain_delay_seconds: int = 0
    explain_refusals: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    log_verbosity: str = "info"
    warnings: tuple[Problem, ...] = ()


def load_server_config(path: Path) -> ServerConfig:
    """Read and check a configuration file.

    :raises ConfigError: naming file, line and column.
    """
    return parse_server_config(read_bounded(path), str(path))


def parse_server_config(text: str, name: str) -> ServerConfig:
    """Check the text of a configuration file; ``name`` begins every error and warning.

    :raises ConfigError: naming file, line and column.
    """
    return _ConfigReader(YamlFile(text, name)).read()


_TOP_KEYS = ("clusterID", "server", "log-verbosity", "feature-gates", "defaultRole")


class _ConfigReader:
    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._problems = Problems()
        self._values: dict[str, object] = {}
        self._entries = EntryReader(file, self._problems, strict=True)
        self._sections: dict[str, tuple[object, ...]] = {}

    def read(self) -> ServerConfig:
        root = self._file.root
        if root is None or is_null(root):
            return ServerConfig()
        if not isinstance(root, yaml.MappingNode):
            raise self._file.error(root, "a server configuration must have keys and values", "begin with clusterID:")
        top = self._known(root, _TOP_KEYS, "the top level")
        config: dict[str, object] = {
            "cluster_id": self._text(top, "clusterID"),
            "log_verbosity": self._text(top, "log-verbosity"),
        }
        server = top.get("server")
        if server is not None and not is_null(server):
            config |= self._server(server)
        present = {key: value for key, value in config.items() if value is not None and value != ""}
        return ServerConfig(**present, warnings=tuple(self._problems.found))  # type: ignore[arg-type]

    def _server(self, node: yaml.Node) -> dict[str, object]:
        keys = self._known(node, _SERVER_KEYS, "server")
        overrides, ca_file = keys.get("stsEndpointOverrides"), self._text(keys, "stsCAFile")
        return {
            "partition": self._partition(keys.get("partition")),
            "address": self._text(keys, "address"),
            "port": self._number(keys.get("port"), "port", 1, 65535),
            "hostname": self._text(keys, "hostname"),
            "state_dir": self._path(keys, "stateDir"),
            "generate_kubeconfig": self._path(keys, "generateKubeconfig"),
            "kubeconfig_pregenerated": self._truth(keys.get("kubeconfigPregenerated"), "kubeconfigPregenerated"),
            "backend_modes": self._backends(keys.get("backendMode")),
            "mappings": self._mappings(keys),
            "scrubbed_accounts": frozenset(self._texts(keys.get("scrubbedAccounts"), "scrubbedAccounts")) or None,
            "reserved_prefixes": self._reserved(keys.get("reservedPrefixConfig")) or None,
            "sts_endpoint_overrides": self._overrides(overrides) if overrides is not None else None,
            "sts_ca_file": Path(ca_file) if ca_file else None,
            "ec2_describe_instances_role_arn": self._text(keys, "ec2DescribeInstancesRoleARN"),
            "ec2_describe_instances_qps": self._number(
                keys.get("ec2DescribeInstancesQps"), "ec2DescribeInstancesQps", 1
            ),
            "ec2_describe_instances_burst": self._number(
                keys.get("ec2DescribeInstancesBurst"), "ec2DescribeInstancesBurst", 1
            ),
            "source_arn": self._text(keys, "sourceARN"),
            "dynamic_file": self._path(keys, "dynamicfilepath"),
            "dynamic_file_strict": self._truth(keys.get("dynamicfileUserIDStrict"), "dynamicfileUserIDStrict"),
            "dynamic_backend_mode_file": self._path(keys, "dynamicBackendModePath"),
            "access_entries_file": self._path(keys, "accessEntriesPath"),
            "kubeconfig": self._path(keys, "kubeconfig"),
            "master": self._text(keys, "master"),
            "empty_grace_seconds": self._number(keys.get("emptyGraceSeconds"), "emptyGraceSeconds"),
            "workers": self._number(keys.get("workers"), "workers", 1, 64),
            "status_address": self._text(keys, "statusAddress"),
            "status_port": self._number(keys.get("statusPort"), "statusPort", 1, 65535),
            "health_address": self._text(keys, "healthAddress"),
            "health_port": self._number(keys.get("healthPort"), "healthPort", 0, 65535),
            "drain_delay_seconds": self._number(keys.get("drainDelaySeconds"), "drainDelaySeconds", 0, 300),
            "explain_refusals": self._truth(keys.get("explainRefusals"), "explainRefusals"),
            "limits": self._limits(keys.get("limits")),
        }

    def _known(
        self, node: yaml.Node, known: tuple[str, ...], where: str, *, any_case: bool = False
    ) -> dict[str, yaml.Node]:
        """Return the pairs under their proper names; the reference ignores case here, so another case only warns."""
        repeated = self._file.repeated_key(node)
        if repeated is not None:
            raise self._file.error(repeated, f"{str(repeated.value)[:60]} is given twice", "keep one of them")
        by_lower = {key.lower(): key for key in known}
        found: dict[str, yaml.Node] = {}
        spelled: dict[str, str] = {}
        for key, key_node, value in self._file.pairs(node):
            proper = by_lower.get(key.lower())
            if proper is None:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}" if near else None
                self._warn(key_node, "config.unknown_key", f"unknown key {key[:60]!r} in {where}", hint)
                continue
            if proper != key and not any_case:
                self._warn(key_node, "config.key_case", f"key {key!r} is read as {proper}", f"write {proper}")
            if spelled.get(proper, key) != key:
                self._warn(
                    key_node, "config.duplicate_key", f"{key} beats {spelled[proper]}, the same key in another case"
                )
            found[proper], spelled[proper] = value, key
        return found

    def _mappings(self, keys: dict[str, yaml.Node]) -> Mappings:
        roles, users, accounts = (keys.get(key) for key in ("mapRoles", "mapUsers", "mapAccounts"))
        return Mappings(
            roles=self._entries.roles(roles) if roles is not None else (),
            users=self._entries.users(users) if users is not None else (),
            accounts=self._entries.accounts(accounts) if accounts is not None else (),
        )

    def _partition(self, node: yaml.Node | None) -> str | None:
        name = self._file.text(node, "partition") if node is not None else ""
        if node is not None and name and partition_named(name) is None:
            names = ", ".join(partition.name for partition in PARTITIONS)
            raise self._file.error(node, f"no such partition: {name!r}", f"one of {names}")
        return name or None

    def _backends(self, node: yaml.Node | None) -> tuple[str, ...] | None:
        if node is None or is_null(node):
            return None
        if isinstance(node, yaml.SequenceNode):
            written = [
                (item, self._file.text(item, "a backend mode")) for item in self._file.items(node, "backendMode")
            ]
        else:
            written = [(node, name.strip()) for name in self._file.text(node, "backendMode").split(",")]
        modes = [self._backend(item, name) for item, name in written]
        if not modes or len(set(modes)) != len(modes):
            raise self._file.error(node, "backendMode names no backend, or one twice", f"one of {', '.join(BACKENDS)}")
        return tuple(modes)

    def _backend(self, node: yaml.Node, name: str) -> str:
        try:
            mode = backend_mode(name)
        except ConfigError as error:
            raise self._file.error(node, error.message, error.hint) from None
        if mode != name:
            self._warn_old_name(node, name, mode)
        return mode

    def _warn_old_name(self, node: yaml.Node, old: str, mode: str) -> None:
        self._warn(node, "config.deprecated_backend", f"backend mode {old} is now called {mode}", f"write {mode}")

    def _limits(self, node: yaml.Node | None) -> dict[str, int] | None:
        if node is None or is_null(node):
            return None
        keys = self._known(node, tuple(LIMITS), "server.limits")
        found = {name: self._number(value, name, 0 if "Rate" in name else 1) for name, value in keys.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _reserved(self, node: yaml.Node | None) -> dict[str, tuple[str, ...]]:
        reserved: dict[str, tuple[str, ...]] = {}
        for item in self._file.items(node, "reservedPrefixConfig") if node is not None else ():
            keys = self._known(
                item, ("backendMode", "usernamePrefixReserveList"), "reservedPrefixConfig", any_case=True
            )
            written = self._text(keys, "backendMode") or ""
            # the reference takes an old name for no backend and reserves nothing
            mode = BACKENDS.get(written, written)
            if mode not in BACKENDS.values():
                self._warn(item, "config.unknown_backend", f"reservedPrefixConfig names no backend: {mode[:60]!r}")
            elif mode != written:
                self._warn_old_name(item, written, mode)
            if mode in reserved:
                self._warn(
                    item, "config.duplicate_key", f"reservedPrefixConfig names {mode[:60]} again; the last counts"
                )
            prefixes = self._texts(keys.get("usernamePrefixReserveList"), "usernamePrefixReserveList")
            reserved[mode] = tuple(prefix for prefix in prefixes if prefix)
        return reserved

    def _overrides(self, node: yaml.Node) -> dict[str, str]:
        found: dict[str, str] = {}
        for host, key_node, value in self._file.pairs(node) if not is_null(node) else ():
            try:
                found |= check_overrides({host: self._file.text(value, "an override")})
            except ConfigError as error:
                if error.message.startswith(self._file.name):
                    raise
                raise self._file.error(key_node, error.message, error.hint) from None
        return found

    def _text(self, keys: dict[str, yaml.Node], key: str) -> str | None:
        return self._file.text(keys[key], key) if key in keys else None

    def _texts(self, node: yaml.Node | None, what: str) -> list[str]:
        items = self._file.items(node, what) if node is not None else ()
        return [self._file.text(item, f"an item of {what}") for item in items]

    def _path(self, keys: dict[str, yaml.Node], key: str) -> Path | None:
        text = self._text(keys, key)
        return Path(text) if text else None

    def _truth(self, node: yaml.Node | None, what: str) -> bool | None:
        return None if node is None or is_null(node) else self._file.truth(node, what)

    def _number(self, node: yaml.Node | None, what: str, low: int = 0, high: int = 10**6) -> int | None:
        if node is None or is_null(node):
            return None
        text = self._file.text(node, what)
        if text.isascii() and text.isdigit() and len(text) < 9 and low <= int(text) <= high:
            return int(text)
        raise self._file.error(node, f"{what} must be a whole number from {low} to {high}")

    def _warn(self, node: yaml.Node, code: str, message: str, hint: str | None = None) -> None:
        self._problems.add(Problem(code, message, Source(self._file.name, self._file.line(node)), hint))


_SERVER_KEYS = (
    "partition",
    "address",
    "port",
    "hostname",
    "stateDir",
    "generateKubeconfig",
    "kubeconfigPregenerated",
    "backendMode",
    "mapRoles",
    "mapUsers",
    "mapAccounts",
    "scrubbedAccounts",
    "reservedPrefixConfig",
    "stsEndpointOverrides",
    "stsCAFile",
    "ec2DescribeInstancesRoleARN",
    "ec2DescribeInstancesQps",
    "ec2DescribeInstancesBurst",
    "sourceARN",
    "kubeconfig",
    "master",
    "dynamicfilepath",
    "dynamicfileUserIDStrict",
    "dynamicBackendModePath",
    "accessEntriesPath",
    "emptyGraceSeconds",
    "workers",
    "statusAddress",
    "statusPort",
    "healthAddress",
    "healthPort",
    "drainDelaySeconds",
    "explainRefusals",
    "limits",
)
