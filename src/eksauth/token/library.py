"""``eksauth.mint_token``: the token use-case for Python programs."""

from __future__ import annotations

import os
from typing import Any, Protocol

from eksauth.credentials.model import Credentials
from eksauth.errors import UsageError
from eksauth.token.bearer import utc_text
from eksauth.token.exec_credential import V1BETA1, exec_credential
from eksauth.token.mint import MintRequest, mint


class BotoCredentials(Protocol):
    """What ``botocore.session.Session().get_credentials()`` and its boto3 twin return."""

    def get_frozen_credentials(self) -> Any:
        """Return the values of this moment, refreshed if need be."""


class Token:
    """A bearer token for one cluster; ``str()`` gives the text, ``repr()`` does not.

    :param expires_at: when to stop using it, in seconds since the epoch.
    """

    __slots__ = ("_text", "expires_at", "region")

    def __init__(self, text: str, expires_at: int, region: str) -> None:
        self._text = text
        self.expires_at = expires_at
        self.region = region

    @property
    def text(self) -> str:
        """The token itself, for an ``Authorization: Bearer`` header."""
        return self._text

    @property
    def expires_at_text(self) -> str:
        """The end of its life as RFC 3339 in UTC."""
        return utc_text(self.expires_at)

    def exec_credential(self, api_version: str = V1BETA1) -> str:
        """Return it as the JSON that kubectl expects of an exec plugin."""
        return exec_credential(self._text, self.expires_at_text, api_version)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Token(region={self.region!r}, expires_at={self.expires_at_text!r})"


def mint_token(
    *,
    cluster_name: str | None = None,
    cluster_id: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    session_name: str | None = None,
    duration_seconds: int | None = None,
    identity: str | None = None,
    config: str | None = None,
    realm: str | None = None,
    account: str | None = None,
    credentials: Credentials | BotoCredentials | None = None,
    use_cache: bool = True,
) -> Token:
    """Make a bearer token for an EKS cluster, or any cluster that trusts AWS IAM.

    Credentials, region and profile are found as ``eksauth token`` finds them; nothing is ever asked of a person. Safe
    to call from several threads.

    :param cluster_name: the cluster's name, or for aws-iam-authenticator the cluster id it was set up with.
    :param cluster_id: the id of a local cluster on Outposts, instead of the name.
    :param identity: sign as this identity of the configuration; its session is renewed where that takes nobody's help.
    :param config: path of the configuration, instead of the one that ``eksauth token`` would find here.
    :param realm: of the configuration, instead of the one that it names itself; "" for none.
    :param account: of the cluster; an identity of another account is refused.
    :param credentials: sign with these (or assume ``role_arn`` with them): :class:`eksauth.Credentials`, or what a
        botocore or boto3 session's ``get_credentials()`` returned.
    :param use_cache: False fetches credentials anew and stores none.
    :raises NeedsHuman: when somebody has to sign in first; a CredentialsError.
    :raises EksauthError: the subclass says whose fault it is: UsageError, ConfigError, CredentialsError, AwsError.
    """
    minted = mint(
        MintRequest(
            cluster_name=cluster_name,
            cluster_id=cluster_id,
            region=region,
            profile=profile,
            role_arn=role_arn,
            external_id=external_id,
            session_name=session_name,
            duration_seconds=duration_seconds,
            identity=_named(identity),
            config_file=config,
            realm=realm,
            account=account,
            credentials=_as_credentials(credentials),
            use_cache=use_cache,
        ),
        environ=os.environ,
    )
    return Token(minted.token, minted.expires_at, minted.region)


def _named(identity: str | None) -> str | None:
    if identity == "":
        raise UsageError("the identity has no name", hint="leave it out for the configuration's default")
    return identity


def _as_credentials(given: Credentials | BotoCredentials | None) -> Credentials | None:
    if given is None or isinstance(given, Credentials):
        return given
    from eksauth.credentials.botocore_errors import translated
    from eksauth.credentials.chain import from_botocore

    with translated(None):
        return from_botocore(given, source="the caller")
