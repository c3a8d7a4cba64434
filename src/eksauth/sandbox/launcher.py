"""Starts the sandbox's processes and keeps the manifest true while it does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from eksauth.errors import EksauthError
from eksauth.sandbox.layout import Layout
from eksauth.sandbox.manifest import Cluster, Component, Manifest, State, write_manifest
from eksauth.sandbox.processes import python_module, spawn, start_mark, terminate

STOP_GRACE_SECONDS = 10.0
FOUNDATIONS = ("aws", "etcd")
"""The components that others need until their own end."""

# what a component may see of its starter's environment: enough to run, nothing that could point it at a real account
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH")


class Launcher:
    """Owns the child processes of one sandbox. Not thread-safe: the supervisor has one thread."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        pid = os.getpid()
        self.manifest = Manifest(supervisor_pid=pid, supervisor_mark=start_mark(pid) or "")
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def log(self, name: str) -> Path:
        """Return the log file of a component."""
        return self.layout.logs / f"{name}.log"

    def launch(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a component and record it at once, so that ``down`` finds it even if we die in the next instant."""
        environ = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        environ |= {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
        try:
            child = spawn(command, log=self.log(name), environ=environ, dies_with_parent=True)
        except OSError as error:
            raise EksauthError(
                f"cannot start the sandbox's {name}: {(error.strerror or str(error)).lower()}",
                code="sandbox.component_failed",
            ) from error
        self._children[name] = child
        component = Component(name=name, pid=child.pid, mark=start_mark(child.pid) or "", log=str(self.log(name)))
        others = tuple(known for known in self.manifest.components if known.name != name)
        self._update(components=(*others, component))
        return child

    def launch_module(self, name: str, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one of our own modules as a component."""
        return self.launch(name, [*python_module(module), *arguments])

    def serves(self, name: str, url: str) -> None:
        """Record where a component listens."""
        self._update(
            components=tuple(
                msgspec.structs.replace(known, url=url) if known.name == name else known
                for known in self.manifest.components
            )
        )

    def set_aws(self, endpoint: str, account: str) -> None:
        """Record the AWS endpoint."""
        self._update(aws_endpoint=endpoint, account=account)

    def set_cluster(self, cluster: Cluster) -> None:
        """Record a cluster, in the place of one with the same name."""
        clusters = {known.name: known for known in self.manifest.clusters} | {cluster.name: cluster}
        self._update(clusters=tuple(clusters.values()))

    def set_state(self, state: State, message: str = "") -> None:
        """Record what the sandbox as a whole is doing."""
        self._update(state=state, message=message)

    def dead(self) -> list[tuple[str, int]]:
        """Return the components that ended by themselves, each with its exit code, once."""
        ended = [(name, code) for name, child in self._children.items() if (code := child.poll()) is not None]
        for name, _ in ended:
            del self._children[name]
        return ended

    def stop(self, name: str) -> None:
        """Stop one component and take it off the manifest: it is not missing, it is not meant to be there."""
        child = self._children.pop(name, None)
        component = next((known for known in self.manifest.components if known.name == name), None)
        if child is None or component is None:
            return
        self._update(components=tuple(known for known in self.manifest.components if known.name != name))
        if child.poll() is None:
            terminate(component.pid, component.mark, grace=STOP_GRACE_SECONDS)
        child.wait()

    def stop_all(self) -> None:
        """Stop every component: those that lean on others first, all at once, then what they leaned on.

        An API server whose etcd went away first waits for it for ten seconds and more before it ends.
        """
        for names in ([name for name in self._children if name not in FOUNDATIONS], list(FOUNDATIONS)):
            for name in names:
                child = self._children.get(name)
                if child is not None and child.poll() is None:
                    child.terminate()
            for name in names:
                self.stop(name)

    def _update(self, **changes: object) -> None:
        self.manifest = msgspec.structs.replace(self.manifest, **changes)
        write_manifest(self.layout.manifest, self.manifest)
