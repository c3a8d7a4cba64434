"""The two services of IAM Identity Center through botocore: sign-in (``sso-oidc``) and portal (``sso``).

Calls carry a token, no signature. Endpoints are the region's, or what ``AWS_ENDPOINT_URL*`` say, or the provider's own
``endpoint_url``; profiles and keys of the environment play no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore
import botocore.config
import botocore.exceptions
import botocore.loaders

from eksauth.credentials.botocore_errors import translated, unreadable_answer
from eksauth.credentials.botocore_session import ATTEMPTS, CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, open_session
from eksauth.credentials.sso.portal import Portal
from eksauth.errors import AwsError

CONNECTIONS = 8
_MAX_FOREIGN_TEXT = 200


class Answer(AwsError):
    """What the service said instead of doing it; ``code`` is ``aws.`` and the service's own code.

    :ivar name: the service's code, such as ``SlowDownException``.
    """

    def __init__(self, name: str, said: str, *, doing: str, hint: str | None = None) -> None:
        super().__init__(f"AWS refused {doing} ({name}){': ' if said else ''}{said}", hint=hint, code=f"aws.{name}")
        self.name = name

    def plain(self) -> AwsError:
        """Return the same as an error that other packages know by its type."""
        return AwsError(self.message, hint=self.hint, code=self.code)


def oidc_client(portal: Portal, *, endpoint_url: str | None) -> Any:
    """Return a client that registers, authorizes and gets tokens.

    Each call is made once: device codes, authorization codes and refresh tokens may be worth one use only.
    """
    return _client("sso-oidc", portal.region, endpoint_url, attempts=1)


def portal_client(region: str, *, endpoint_url: str | None) -> Any:
    """Return a client that lists accounts and gets credentials with an access token."""
    return _client("sso", region, endpoint_url, attempts=ATTEMPTS)


def _client(service: str, region: str, endpoint_url: str | None, *, attempts: int) -> Any:
    config = botocore.config.Config(
        signature_version=botocore.UNSIGNED,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    with translated(None, doing="preparing a sign-in"):
        session = open_session(None, explicit=False, region=region)
        session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
        return session.create_client(service, region, endpoint_url=endpoint_url, config=config)


@cache
def _loader(data_path: str | None) -> Any:
    """Return botocore's reader of service models: a sign-in makes several clients, and each would read them anew."""
    return botocore.loaders.create_loader(data_path)


@contextmanager
def answers(doing: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn what botocore raises inside into our errors: :class:`Answer` for what the service said.

    :param doing: completes "AWS refused …" and "cannot reach AWS while …".
    :param hint: for answers.
    """
    with translated(None, doing=doing):
        try:
            yield
        except botocore.exceptions.ClientError as error:
            raise _answer(error, doing, hint) from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise unreadable_answer(doing) from None


def _answer(error: botocore.exceptions.ClientError, doing: str, hint: str | None) -> Answer:
    found = error.response
    body = found.get("Error") or {}
    name = str(body.get("Code") or "Unknown")
    said = str(found.get("error_description") or body.get("Message") or "")
    if name in {"TooManyRequestsException", "SlowDownException", "Throttling"}:
        hint = "AWS is throttling; try again in a moment"
    return Answer(name, " ".join(said.split())[:_MAX_FOREIGN_TEXT].rstrip("."), doing=doing, hint=hint)


def required(answer: Any, key: str) -> str:
    """Return a field that the answer must have, as one line of printable ASCII that fits into a header or a file.

    :raises KeyError: when it has not; :func:`answers` makes an error of it.
    """
    value = answer[key]
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise KeyError(key)
    return value
