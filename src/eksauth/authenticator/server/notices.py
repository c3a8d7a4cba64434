"""What happens to mappings while the server runs, as log lines and counters."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from eksauth.authenticator.backends.contract import BackendStatus
from eksauth.authenticator.backends.last_good import Notice
from eksauth.authenticator.mapping.model import Problem
from eksauth.authenticator.server.decision_log import LOGGER_NAME
from eksauth.authenticator.server.metrics import Metrics

_log = logging.getLogger(LOGGER_NAME)
_SHOWN_PROBLEMS = 50
"""Lines of one load; a file with thousands of mistakes must not fill the log."""


class Notices:
    """Takes what backends tell; counts under the names of the reference where it has one."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self._loads = Counter(
            "eksauth_backend_loads", "Loads of mappings by how they ended.", ["backend", "result"], registry=registry
        )
        self._entries = Gauge("eksauth_backend_entries", "Mappings in force.", ["backend"], registry=registry)
        self._synced = Gauge(
            "eksauth_backend_synced", "1 when mappings were loaded since the start.", ["backend"], registry=registry
        )
        self._held = Gauge(
            "eksauth_backend_held", "1 while emptied mappings stay in force.", ["backend"], registry=registry
        )
        self._failing = Gauge(
            "eksauth_backend_failing", "1 while the newest content is not in force.", ["backend"], registry=registry
        )
        self._dynamic_failures = Counter(
            "aws_iam_authenticator_dynamicfile_failures", "Loads of the dynamic file that failed.", registry=registry
        )
        self._watch_failures = Counter(
            "aws_iam_authenticator_configmap_watch_failures", "Lists and watches that failed.", registry=registry
        )
        self._kube_failures = Counter(
            "eksauth_backend_watch_failures", "Lists and watches that failed.", ["backend"], registry=registry
        )
        self._enabled = Gauge(
            "aws_iam_authenticator_dynamic_file_enabled", "1 when DynamicFile is among the backends.", registry=registry
        )
        self._only = Gauge(
            "aws_iam_authenticator_dynamic_file_only", "1 when DynamicFile is the only backend.", registry=registry
        )
        self._known: set[str] = set()
        self._loaded_before: set[str] = set()

    def __call__(self, notice: Notice) -> None:
        """Take one notice."""
        self._loads.labels(notice.mode, notice.kind).inc()
        if notice.kind == "failed" and notice.mode == "DynamicFile":
            self._dynamic_failures.inc()
        level = logging.WARNING
        if notice.kind == "loaded":
            # that a server begins with what it was given is no news
            level = logging.INFO if notice.mode in self._loaded_before else logging.DEBUG
            self._loaded_before.add(notice.mode)
        fields = {"backend": notice.mode, "result": notice.kind, "entries": notice.entries, "detail": notice.message}
        _log.log(level, "mappings", extra={"fields": fields})
        log_problems(notice.problems)

    def watch_failed(self, mode: str) -> None:
        """Count a list or watch of a backend's objects that failed."""
        self._kube_failures.labels(mode).inc()
        if mode == "EKSConfigMap":
            self._watch_failures.inc()

    def remark(self, message: str) -> None:
        """Log what only people want to know."""
        _log.warning("mappings", extra={"fields": {"detail": message}})

    def observe(self, statuses: Iterable[BackendStatus]) -> None:
        """Set the gauges to how the backends are doing; those of backends that are gone go."""
        modes = []
        for status in statuses:
            modes.append(status.mode)
            self._entries.labels(status.mode).set(status.entries)
            self._synced.labels(status.mode).set(status.synced)
            self._held.labels(status.mode).set(status.held_until is not None)
            self._failing.labels(status.mode).set(status.failure is not None)
        for gone in self._known.difference(modes):
            for gauge in (self._entries, self._synced, self._held, self._failing):
                gauge.remove(gone)
        self._known = set(modes)
        self._enabled.set("DynamicFile" in modes)
        self._only.set(modes == ["DynamicFile"])


def log_problems(problems: Iterable[Problem]) -> None:
    """Log what loads but will not do what its writer meant, up to a number of lines."""
    for count, problem in enumerate(problems):
        if count == _SHOWN_PROBLEMS:
            _log.warning(
                "configuration", extra={"fields": {"warning": "there is more; see eksauth server check-config"}}
            )
            return
        fields = {"at": str(problem.source), "reason": problem.code, "warning": problem.message}
        _log.warning("configuration", extra={"fields": fields | ({"hint": problem.hint} if problem.hint else {})})
