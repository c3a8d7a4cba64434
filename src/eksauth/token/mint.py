"""The use-case behind ``eksauth token``: one request in, one token out, with every explanation on the way.

The quick path (:mod:`eksauth.token.fast`) answers a subset of these requests with the same functions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eksauth.credentials.env import session_token_conflict
from eksauth.credentials.identities.contract import Human, login_hint
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.resolve import Resolved, resolve_credentials
from eksauth.credentials.settings import Settings, identity_settings, named_region
from eksauth.credentials.slow_settings import full_settings
from eksauth.errors import ConfigError, CredentialsError, UsageError
from eksauth.token.bearer import EXPIRY_MARGIN_SECONDS, bearer_token, token_expiry
from eksauth.token.checks import check_cluster_id, check_region
from eksauth.token.selection import identity_wanted

if TYPE_CHECKING:
    from eksauth.token.as_identity import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRequest:
    """What ``eksauth token`` was asked.

    :param identity: name of an identity of the configuration; "" lets a person pick one.
    :param config_file: the configuration, instead of the one that is found.
    :param realm: instead of the one that configuration and environment name; "" for none.
    :param account: of the cluster: an identity of another account is refused.
    :param implicit_identity: whether a configuration counts that nobody mentioned.
    :param credentials: sign with (or assume the role with) these instead of looking for any.
    :param interactive: whether a person may be asked for an MFA code.
    :param human: the person, for identities.
    """

    cluster_name: str | None = None
    cluster_id: str | None = None
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str | None = None
    duration_seconds: int | None = None
    identity: str | None = None
    config_file: str | None = None
    realm: str | None = None
    account: str | None = None
    implicit_identity: bool = True
    use_cache: bool = True
    interactive: bool = False
    human: Human | None = None
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """A token and what came with it; ``expires_at`` is in seconds since the epoch."""

    token: str = field(repr=False)
    expires_at: int
    region: str
    source: str
    warnings: tuple[str, ...] = ()


def mint(request: MintRequest, *, environ: Mapping[str, str], clock: Callable[[], float] = time.time) -> Minted:
    """Make a token.

    botocore reads the process's own environment, so ``environ`` has to be it wherever the whole chain may be needed.

    :raises UsageError: when the request contradicts itself or names something impossible.
    :raises ConfigError: when a file or variable is unusable, or nothing names a region.
    :raises CredentialsError: when there are no credentials, or they die within a minute.
    :raises AwsError: when AWS refuses a role or cannot be reached.
    """
    cluster = _cluster(request)
    role = role_request(request)
    if request.region:
        check_region(request.region)
    spelled = _identity(request, environ)
    if spelled is not None:
        from eksauth.token.as_identity import signer

        found = signer(request, spelled, cluster, environ=environ, clock=clock)
        if found is not None:
            return _signed_by(found, request, cluster, environ, clock)
    if request.account is not None:
        raise UsageError("--account is for an identity, and there is none", hint="add --identity NAME")
    return _signed_by_chain(request, role, cluster, environ, clock)


def _identity(request: MintRequest, environ: Mapping[str, str]) -> str | None:
    """Return the identity as :func:`eksauth.token.selection.identity_wanted` does, after looking for contradictions."""
    for given, what in ((request.profile, "--profile"), (request.credentials, "credentials")):
        if given is None:
            continue
        for flag, value in (("--identity", request.identity), ("--config", request.config_file)):
            if value is not None:
                raise UsageError(
                    f"{what} and {flag} exclude each other",
                    hint=f"leave one of them out: {flag} is about identities, which bring their own credentials",
                )
        return None
    if request.account is not None and not (
        len(request.account) == 12 and request.account.isascii() and request.account.isdigit()
    ):
        raise UsageError(
            "--account is not an account number of twelve digits", hint="for example --account 111122223333"
        )
    return identity_wanted(
        environ,
        identity=request.identity,
        config=request.config_file,
        profile=request.profile,
        role=request.role_arn,
        implicit=request.implicit_identity,
    )


def _signed_by(
    found: Signer, request: MintRequest, cluster: str, environ: Mapping[str, str], clock: Callable[[], float]
) -> Minted:
    settings = identity_settings(environ, region_flag=request.region, region=found.region)
    region = settings.region or found.region
    check_region(region, ConfigError)
    now = clock()
    expires_at = token_expiry(now, found.credentials.expires_at)
    if expires_at is None:
        raise _dying(found.credentials, now)
    token = bearer_token(
        found.credentials,
        cluster_id=cluster,
        region=region,
        fips=settings.fips,
        dual_stack=settings.dual_stack,
        now=now,
    )
    warnings = found.warnings + found.record(region, expires_at, now)
    return Minted(token, expires_at, region, found.credentials.source, warnings)


def _signed_by_chain(
    request: MintRequest,
    role: RoleRequest | None,
    cluster: str,
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> Minted:
    settings = full_settings(environ, region_flag=request.region, profile_flag=request.profile)
    region = _region(settings, request, environ)
    resolved = _credentials(request, environ, settings, role, clock)
    credentials = resolved.credentials
    now = clock()
    expires_at = token_expiry(now, credentials.expires_at)
    if expires_at is None:
        raise _dying(credentials, now)
    token = bearer_token(
        credentials,
        cluster_id=cluster,
        region=region,
        fips=settings.fips,
        dual_stack=settings.dual_stack,
        now=now,
    )
    conflict = session_token_conflict(environ) if credentials.source == "environment" else None
    warnings = resolved.warnings if conflict is None else (conflict, *resolved.warnings)
    return Minted(token, expires_at, region, credentials.source, warnings)


def _cluster(request: MintRequest) -> str:
    if request.cluster_name and request.cluster_id:
        raise UsageError(
            "--cluster-name and --cluster-id exclude each other",
            hint="use --cluster-id only for local clusters on Outposts",
        )
    if request.cluster_id:
        check_cluster_id(request.cluster_id, "cluster id")
        return request.cluster_id
    if not request.cluster_name:
        raise UsageError("no cluster named", hint="give --cluster-name NAME, or --cluster-id ID for a local cluster")
    check_cluster_id(request.cluster_name)
    return request.cluster_name


def role_request(request: MintRequest) -> RoleRequest | None:
    """Return the role in ``request`` after checking it, or None when there is none.

    :raises UsageError: when its parts are malformed or lack the role itself.
    """
    if request.role_arn is None:
        for flag, value in (
            ("--external-id", request.external_id),
            ("--session-name", request.session_name),
            ("--duration", request.duration_seconds),
        ):
            if value is not None:
                raise UsageError(f"{flag} is for a role, and there is none", hint="add --role-arn ARN")
        return None
    from eksauth.credentials.assume_role import check_role

    role = RoleRequest(
        request.role_arn,
        external_id=request.external_id,
        session_name=request.session_name,
        duration_seconds=request.duration_seconds,
    )
    check_role(role)
    return role


def _region(settings: Settings, request: MintRequest, environ: Mapping[str, str]) -> str:
    if settings.region is None:
        raise ConfigError(
            "no region: neither --region, AWS_REGION, AWS_DEFAULT_REGION nor the profile names one",
            hint="add --region, for example --region eu-west-1",
            code="config.no_region",
        )
    if not request.region:

        def found_in(message: str, **details: str) -> ConfigError:
            where = "the environment" if named_region(environ, None) else f"profile '{settings.profile_name}'"
            return ConfigError(f"{message} (region of {where})", **details)

        check_region(settings.region, found_in)
    return settings.region


def _credentials(
    request: MintRequest,
    environ: Mapping[str, str],
    settings: Settings,
    role: RoleRequest | None,
    clock: Callable[[], float],
) -> Resolved:
    if request.credentials is None:
        return resolve_credentials(
            environ,
            settings,
            role=role,
            use_cache=request.use_cache,
            interactive=request.interactive,
            clock=clock,
        )
    if role is None:
        return Resolved(request.credentials)
    from eksauth.credentials.assume_role import assume_role

    return Resolved(assume_role(environ, settings, role, request.credentials))


def _dying(credentials: Credentials, now: float) -> CredentialsError:
    left = int((credentials.expires_at or now) - now)
    state = "have expired" if left <= 0 else f"expire in {left} seconds"
    hint = "get new ones, for example with 'aws sso login'"
    if credentials.source.startswith("identity "):
        hint = login_hint(credentials.source.removeprefix("identity "))
    if credentials.source == "environment":
        hint = "set new ones in the environment (AWS_CREDENTIAL_EXPIRATION says when these end)"
    return CredentialsError(
        f"the credentials ({credentials.source}) {state}; a token needs more than {EXPIRY_MARGIN_SECONDS}",
        hint=hint,
        code="credentials.expired",
    )
