"""Asking STS on behalf of a chain: one client, one translation of its answers.

The endpoint is the identity's own ``spec.endpoint_url``, else what botocore makes of ``AWS_ENDPOINT_URL*`` and the
region. Neither the profile in force nor credentials of the environment play a part: a chain is what its configuration
says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore
import botocore.config

from eksauth.credentials.botocore_errors import translated, unreadable_answer
from eksauth.credentials.botocore_session import open_session
from eksauth.credentials.identities.contract import login_hint
from eksauth.credentials.model import Credentials
from eksauth.errors import AwsUnreachable, CredentialsError

STALE = frozenset(("credentials.expired", "credentials.unknown_key", "credentials.bad_signature"))
"""Codes of errors that say that the credentials themselves are no good."""


def sts_client(region: str, *, endpoint_url: str | None, credentials: Credentials | None) -> Any:
    """Return a botocore STS client that signs with ``credentials``, or does not sign at all when they are None."""
    session = open_session(None, explicit=False, region=region)
    config = None
    if credentials is None:
        config = botocore.config.Config(signature_version=botocore.UNSIGNED)
    else:
        session.set_credentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    return session.create_client("sts", region, endpoint_url=endpoint_url, config=config)


@contextmanager
def sts_errors(identity: str, doing: str) -> Iterator[None]:
    """Turn what botocore raises inside into our errors, with the hints of an identity instead of a profile's.

    :param doing: completes "AWS denied …", "cannot reach AWS while …".
    """
    try:
        with translated(None, doing=doing):
            try:
                yield
            except (KeyError, TypeError, AttributeError):
                raise unreadable_answer(doing) from None
    except AwsUnreachable:
        raise
    except CredentialsError as error:
        if error.code in STALE:
            raise CredentialsError(
                f"{error.message} ({doing})", hint=f"{login_hint(identity)} to get new ones", code=error.code
            ) from None
        raise


def credentials_from(answer: Mapping[str, Any], source: str) -> Credentials:
    """Return the ``Credentials`` element of an STS answer as one value."""
    found = answer["Credentials"]
    return Credentials(
        found["AccessKeyId"],
        found["SecretAccessKey"],
        found["SessionToken"],
        float(found["Expiration"].timestamp()),
        source,
    )


def caller_arn(region: str, endpoint_url: str | None, credentials: Credentials, identity: str) -> str:
    """Return whom STS takes ``credentials`` for; needs no permission.

    :raises EksauthError: when STS does not know them or does not answer.
    """
    with sts_errors(identity, "asking who the credentials belong to"):
        client = sts_client(region, endpoint_url=endpoint_url, credentials=credentials)
        return str(client.get_caller_identity()["Arn"])
