"""Where a sandbox keeps its files: one private directory, recognisable as ours before anything in it is deleted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eksauth.errors import ConfigError

MARKER = "eksauth-sandbox"
"""Name of the file that says a directory is a sandbox; ``down`` removes no directory without it."""


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """The files of one cluster."""

    root: Path

    @property
    def server_config(self) -> Path:
        """The authenticator's configuration; edit it and the sandbox loads it."""
        return self.root / "server.yaml"

    @property
    def authenticator_state(self) -> Path:
        """Certificate and key of the authenticator."""
        return self.root / "authenticator"

    @property
    def webhook_kubeconfig(self) -> Path:
        """What the API server reads to find the authenticator."""
        return self.root / "webhook-kubeconfig.yaml"

    @property
    def api_state(self) -> Path:
        """Certificates and data of the API server."""
        return self.root / "apiserver"

    @property
    def admin_tokens(self) -> Path:
        """Static token file of the API server: the sandbox's own administrator, used to seed RBAC."""
        return self.root / "admin-tokens.csv"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one sandbox."""

    root: Path

    @property
    def marker(self) -> Path:
        """Says that this directory is a sandbox."""
        return self.root / MARKER

    @property
    def lock(self) -> Path:
        """Held by whoever starts or stops the sandbox."""
        return self.root / "lock"

    @property
    def manifest(self) -> Path:
        """What runs, as JSON; see :mod:`eksauth.sandbox.manifest`."""
        return self.root / "sandbox.json"

    @property
    def ca(self) -> Path:
        """The certificate authority that the AWS endpoint's certificate comes from."""
        return self.root / "ca.pem"

    @property
    def logs(self) -> Path:
        """One log file for each component."""
        return self.root / "logs"

    @property
    def aws(self) -> Path:
        """Files of the AWS endpoint."""
        return self.root / "aws"

    @property
    def aws_config(self) -> Path:
        """An AWS shared config file with a profile for each identity."""
        return self.root / "aws-config"

    @property
    def aws_credentials(self) -> Path:
        """The AWS shared credentials file with the users' keys."""
        return self.root / "aws-credentials"

    @property
    def eksauth_config(self) -> Path:
        """An ``eksauth.yaml`` with the portal's identities and both clusters."""
        return self.root / "eksauth.yaml"

    @property
    def cache(self) -> Path:
        """Where role credentials of the sandbox are cached, so that they go when it goes."""
        return self.root / "cache"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with a context for each cluster and identity."""
        return self.root / "kubeconfig"

    @property
    def etcd(self) -> Path:
        """Files and data of etcd, where a real one runs."""
        return self.root / "etcd"

    @property
    def clusters(self) -> Path:
        """A directory for each cluster."""
        return self.root / "clusters"

    def cluster(self, name: str) -> ClusterLayout:
        """Return where the cluster called ``name`` keeps its files."""
        return ClusterLayout(self.clusters / name)

    def is_sandbox(self) -> bool:
        """Tell whether this directory was made by a sandbox."""
        return self.marker.is_file()

    def is_own(self, entry: str) -> bool:
        """Tell whether a sandbox makes an entry of this name; whatever else is in the directory is left alone."""
        names = {
            self.marker.name,
            self.lock.name,
            self.manifest.name,
            self.ca.name,
            self.logs.name,
            self.aws.name,
            self.aws_config.name,
            self.aws_credentials.name,
            self.eksauth_config.name,
            self.cache.name,
            self.kubeconfig.name,
            self.kubeconfig.name + ".lock",  # kubectl's, when it was killed
            self.etcd.name,
            self.clusters.name,
        }
        half_written, _, number = entry.removeprefix(".").rpartition(".")
        return entry in names or (entry.startswith(".") and half_written in names and number.isdecimal())

    def require_ours(self) -> None:
        """Refuse a directory that somebody else may have prepared: what it says is run, stopped and believed.

        :raises ConfigError: when it belongs to another user, is a sandbox that others can write to, or cannot be seen.
        """
        try:
            status = self.root.stat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise self._unusable(error) from error
        if status.st_uid != os.geteuid():
            raise ConfigError(
                f"{self.root} belongs to another user",
                hint="give another place with --dir",
                code="sandbox.foreign_directory",
            )
        if status.st_mode & 0o022 and self.is_sandbox():
            raise ConfigError(
                f"others can write to the sandbox in {self.root}",
                hint="look at what is in it, then remove it by hand",
                code="sandbox.open_directory",
            )

    def require_free(self) -> None:
        """Refuse a directory that holds anything but a sandbox.

        :raises ConfigError: when it does.
        """
        if not self.is_sandbox() and any(entry.name != self.lock.name for entry in self.root.iterdir()):
            raise ConfigError(
                f"{self.root} is not empty and is no sandbox",
                hint="give another place with --dir",
                code="sandbox.foreign_directory",
            )

    def make_root(self) -> None:
        """Make the directory, 0700, unless it is there; refuse one that holds something else.

        :raises ConfigError: when it does, or cannot be used.
        """
        try:
            str(self.root).encode()
        except UnicodeEncodeError:
            raise ConfigError(
                "the path of the sandbox is not UTF-8 text",
                hint="give another place with --dir",
                code="sandbox.unusable_directory",
            ) from None
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.require_ours()
            self.require_free()
        except OSError as error:
            raise self._unusable(error) from error

    def create(self) -> None:
        """Make the directory, close it to others, and mark it.

        :raises ConfigError: when it holds something else, or cannot be made.
        """
        self.make_root()
        marked = self.is_sandbox()
        try:
            self.root.chmod(0o700)
            if not marked and self.is_sandbox():  # before this line others may have been able to write here
                self.marker.unlink()
            self.require_free()
            self.marker.write_text("made by 'eksauth sandbox up'; removed by 'eksauth sandbox down'\n")
            self.logs.mkdir(exist_ok=True)
            self.aws.mkdir(exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"cannot use {self.root} for the sandbox: {(error.strerror or str(error)).lower()}",
            hint="give another place with --dir",
            code="sandbox.unusable_directory",
        )


def default_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory used when none is given: ``EKSAUTH_SANDBOX_DIR``, else under the XDG state directory.

    :raises ConfigError: when neither that variable nor a home directory is there.
    """
    explicit = environ.get("EKSAUTH_SANDBOX_DIR")
    if explicit:
        return Path(explicit).absolute()
    state = environ.get("XDG_STATE_HOME")
    if state and Path(state).is_absolute():
        return Path(state) / "eksauth" / "sandbox"
    home = environ.get("HOME")
    if not home:
        raise ConfigError("there is no HOME to keep the sandbox in", hint="give a place with --dir")
    return Path(home).absolute() / ".local" / "state" / "eksauth" / "sandbox"
