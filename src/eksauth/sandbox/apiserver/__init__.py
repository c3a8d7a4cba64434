"""A small Kubernetes API server for one machine: what stands in for kube-apiserver where none is installed.

It authenticates through a token webhook and authorizes by RBAC as kube-apiserver does, and keeps the objects that the
chain needs in memory. It schedules nothing, runs nothing and forgets everything when it stops.
"""

from __future__ import annotations

from eksauth.sandbox.apiserver.config import ServerConfig
from eksauth.sandbox.apiserver.server import EmbeddedApiServer

__all__ = ["EmbeddedApiServer", "ServerConfig"]
