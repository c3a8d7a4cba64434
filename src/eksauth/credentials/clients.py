"""botocore clients that act as one resolved identity, for many regions and threads at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore.config

from eksauth.credentials.botocore_errors import translated, unreadable_answer
from eksauth.credentials.botocore_session import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, open_session
from eksauth.credentials.model import Credentials
from eksauth.credentials.settings import Settings, named_profile

ATTEMPTS = 6
"""Tries of one call: EKS throttles an account that describes hundreds of clusters at once."""


class AwsClients:
    """Makes clients, one for each service and region; safe to use from several threads.

    Endpoints come from botocore's rules, ``AWS_ENDPOINT_URL*`` and the profile, as for every AWS tool.

    :param endpoint_url: sends the calls of ``service`` there instead.
    :param connections: calls at the same time.
    :param attempts: tries of each call, with botocore's pauses between them.
    :param connect_timeout: seconds.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        settings: Settings,
        credentials: Credentials,
        *,
        endpoint_url: str | None = None,
        service: str = "eks",
        connections: int = 16,
        attempts: int = ATTEMPTS,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        self._profile = settings.profile_name
        self._endpoint_url = endpoint_url
        self._service = service
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str], Any] = {}
        named = settings.profile_name if settings.explicit_profile else named_profile(environ, None)
        with translated(self._profile):
            self._session = open_session(named, explicit=settings.explicit_profile, region=settings.region)
            self._session.set_credentials(
                credentials.access_key_id, credentials.secret_access_key, credentials.session_token
            )
        self._config = botocore.config.Config(
            connect_timeout=connect_timeout,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )

    def client(self, service: str, region: str) -> Any:
        """Return the client of a service in a region."""
        with self._lock:
            client = self._made.get((service, region))
            if client is None:
                url = self._endpoint_url if service == self._service else None
                client = self._session.create_client(service, region, endpoint_url=url, config=self._config)
                self._made[service, region] = client
            return client

    @contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Turn botocore's errors inside into ours; ``doing`` completes "cannot reach AWS while …"."""
        with translated(self._profile, doing=doing):
            try:
                yield
            except (ValueError, KeyError, TypeError, AttributeError):
                # botocore trusts what it parses; with the credentials at hand it can only be the answer
                raise unreadable_answer(doing) from None

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            while self._made:
                self._made.popitem()[1].close()
