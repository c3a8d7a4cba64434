"""Who one is: for AWS, and for a cluster. Nothing here asks a person or opens a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.authenticate import authenticate
from eksauth.credentials.identities.contract import NeedsHuman
from eksauth.credentials.identities.sts import caller_arn
from eksauth.credentials.model import Credentials
from eksauth.credentials.resolve import resolve_credentials
from eksauth.credentials.settings import Settings
from eksauth.credentials.slow_settings import full_settings
from eksauth.errors import ConfigError, EksauthError
from eksauth.kube.whoami import UserInfo
from eksauth.login.caller import Caller, context_of, endpoint_of, named_caller, prove

_NO_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Somebody.

    :ivar identity: None when there is no configuration, or the environment switches it off.
    :ivar chain: names from the root to the identity; the source of the credentials without one.
    :ivar alias: of the account, None when there is none or it may not be read.
    :ivar region: for calls about this caller.
    :ivar source: where the credentials came from, for people.
    """

    caller: Caller
    chain: tuple[str, ...]
    source: str
    region: str
    credentials: Credentials = field(repr=False)
    identity: Identity | None = None
    alias: str | None = None
    endpoint_url: str | None = None
    warnings: tuple[str, ...] = ()


def who(
    config: AuthConfig,
    identity: Identity | None,
    *,
    environ: Mapping[str, str],
    profile: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Who:
    """Return whom AWS takes one for.

    :param identity: None asks the plain AWS chain: environment, profile, and whatever the SDKs know.
    :raises NeedsHuman: when nobody is signed in.
    :raises EksauthError: whichever other kind says why there is no answer.
    """
    if identity is None:
        return _plain(environ, profile, clock)
    try:
        session = authenticate(config, identity, environ=environ, clock=clock)
    except NeedsHuman as error:
        raise NeedsHuman(f"not signed in as {identity.name}: {error.message}", hint=error.hint) from None
    context = context_of(config, identity, environ=environ, human=None, clock=clock)
    caller = prove(config, identity, session.credentials, context)
    endpoint = endpoint_of(config, identity, context)
    return Who(
        caller=caller,
        chain=session.chain,
        source=session.credentials.source,
        region=session.region,
        credentials=session.credentials,
        identity=identity,
        alias=account_alias(environ, session.credentials, session.region, endpoint),
        endpoint_url=endpoint,
        warnings=session.warnings,
    )


def _plain(environ: Mapping[str, str], profile: str | None, clock: Callable[[], float]) -> Who:
    settings = full_settings(environ, region_flag=None, profile_flag=profile)
    resolved = resolve_credentials(environ, settings, role=None, use_cache=True, interactive=False, clock=clock)
    credentials, region = resolved.credentials, settings.region or _NO_REGION
    caller = named_caller(caller_arn(region, None, credentials, credentials.source))
    return Who(
        caller=caller,
        chain=(credentials.source,),
        source=credentials.source,
        region=region,
        credentials=credentials,
        alias=account_alias(environ, credentials, region, None),
        warnings=resolved.warnings,
    )


def account_alias(
    environ: Mapping[str, str], credentials: Credentials, region: str, endpoint_url: str | None
) -> str | None:
    """Return the account's alias; None when there is none, or it may not be read, or IAM does not answer soon."""
    from eksauth.credentials.clients import AwsClients

    plain = Settings(
        region=region,
        fips=False,
        dual_stack=False,
        profile_name="default",
        explicit_profile=False,
        files=None,
        profile=None,
        merged=None,
    )
    quiet = {name: value for name, value in environ.items() if name not in {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}}
    try:
        clients = AwsClients(
            quiet, plain, credentials, endpoint_url=endpoint_url, service="iam", attempts=1, connect_timeout=3.0
        )
        try:
            with clients.translated("reading the account's alias"):
                found = clients.client("iam", region).list_account_aliases()["AccountAliases"]
                return str(found[0]) if found else None
        finally:
            clients.close()
    except EksauthError:
        return None


def in_context(
    context: str | None, *, environ: Mapping[str, str], cwd: Path, kubeconfig: str | None = None
) -> UserInfo:
    """Return whom the cluster of a context takes its user for, asked as kubectl would.

    :param context: None is the current one.
    :raises EksauthError: whichever kind says why there is no answer.
    """
    from eksauth.kube.connection import Connection, target_of
    from eksauth.kube.whoami import whoami_through
    from eksauth.kubeconfig.paths import kubeconfig_files
    from eksauth.kubeconfig.resolve import load_merged

    merged = load_merged(kubeconfig_files(environ, kubeconfig=kubeconfig))
    return whoami_through(Connection(target_of(merged, context, cwd=cwd, environ=environ)))


def in_cluster(
    config: AuthConfig,
    person: Who,
    cluster: str,
    region: str | None,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> UserInfo:
    """Return whom a cluster takes somebody for: EKS says where it is, and a token made for it is shown there.

    :raises EksauthError: whichever kind says why there is no answer; guards are asked as for any token.
    """
    import base64

    from eksauth.credentials import guard
    from eksauth.kube.whoami import whoami
    from eksauth.kubeconfig.asker import Asker
    from eksauth.kubeconfig.update_clusters import find_one
    from eksauth.token.bearer import bearer_token

    asker = Asker(
        environ=environ,
        region=region or person.region,
        profile=None,
        role=None,
        endpoint_url=person.endpoint_url,
        interactive=False,
        clock=clock,
        credentials=person.credentials,
    )
    try:
        found = find_one(
            asker, cluster, wait=False, waiting=lambda _cluster, _seconds: None, sleep=time.sleep
        ).clusters[0]
    finally:
        asker.close()
    if person.identity is not None:
        guard.check(config, person.identity, environ, clock(), found.arn)
    token = bearer_token(
        person.credentials,
        cluster_id=found.local_id or found.name,
        region=found.region,
        fips=asker.settings.fips,
        dual_stack=asker.settings.dual_stack,
        now=clock(),
    )
    try:
        ca_pem = base64.b64decode(found.ca_data).decode("ascii")
    except ValueError:
        raise ConfigError(f"the certificate authority of {found.arn} is no text", code="eks.answer") from None
    return whoami(found.endpoint, ca_pem, token)
