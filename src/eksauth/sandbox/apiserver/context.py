"""The parts of a running server, put together once and handed to the request handlers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from eksauth.sandbox.apiserver.authn import Authenticator
from eksauth.sandbox.apiserver.authorizer import Authorizer
from eksauth.sandbox.apiserver.bootstrap import SYSTEM, first_objects
from eksauth.sandbox.apiserver.controllers import Controllers
from eksauth.sandbox.apiserver.registry import Registry, Write
from eksauth.sandbox.apiserver.reviews import Reviewer
from eksauth.sandbox.apiserver.store import Limits, Store


@dataclass(slots=True)
class ApiContext:
    """Everything a request may need; ``address`` is the host and port that clients use."""

    store: Store
    authenticator: Authenticator
    authorizer: Authorizer
    registry: Registry
    reviewer: Reviewer
    controllers: Controllers
    git_version: str
    address: str = ""


def build_context(
    authenticator: Authenticator, *, audiences: tuple[str, ...], git_version: str, limits: Limits | None = None
) -> ApiContext:
    """Make a server's parts and the objects that a new cluster starts with."""
    store = Store(limits)
    authorizer = Authorizer(store)
    registry = Registry(store, authorizer, rfc3339_now)
    for resource, draft in first_objects():
        registry.create(Write(SYSTEM, resource, ""), draft)
    controllers = Controllers(store, registry)
    controllers.settle()
    return ApiContext(
        store=store,
        authenticator=authenticator,
        authorizer=authorizer,
        registry=registry,
        reviewer=Reviewer(authorizer, authenticator, audiences),
        controllers=controllers,
        git_version=git_version,
    )


def rfc3339_now() -> str:
    """Return the time now as objects carry it: UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
