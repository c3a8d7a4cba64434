"""Tokens of an identity: which one is meant, whether it may, its credentials, and a line in the audit log.

The quick path (:mod:`eksauth.token.quick_identity`) answers from what this leaves in the index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from eksauth.aws.partitions import partition_of_region
from eksauth.credentials.config.model import AuthConfig, Identity, Principal
from eksauth.credentials.identities.contract import Human
from eksauth.credentials.model import Credentials
from eksauth.credentials.settings import named_region
from eksauth.errors import AwsError, CredentialsError, UsageError
from eksauth.token.selection import crosses_partitions

if TYPE_CHECKING:
    from eksauth.credentials.identities.authenticate import Session
    from eksauth.token.mint import MintRequest


PLAIN_KINDS = ("aws/profile", "aws/ambient", "aws/imds", "aws/container", "aws/pod-identity")
"""Kinds whose partition only AWS knows."""


class Signer:
    """An identity that a token is about to be signed by.

    :ivar credentials: good for as long as the guards allow at most.
    :ivar region: of the token when nobody names one.
    """

    __slots__ = ("_cluster", "_config", "_environ", "_session", "credentials", "region", "warnings")

    def __init__(
        self,
        config: AuthConfig,
        session: Session,
        credentials: Credentials,
        environ: Mapping[str, str],
        cluster: str,
    ) -> None:
        self._config = config
        self._session = session
        self._environ = environ
        self._cluster = cluster
        self.credentials = credentials
        self.region = session.region
        self.warnings = session.warnings

    def record(self, region: str, until: float, now: float) -> tuple[str, ...]:
        """Write the token into the audit log; return warnings.

        :raises CredentialsError: when it cannot be written although a guard insists.
        """
        from eksauth.credentials.guard import cluster_reference
        from eksauth.credentials.recording import record

        identity, account = self._session.identity, self._session.account
        event: dict[str, str | float | None] = {
            "event": "token",
            "account": account,
            "cluster": self._cluster,
            "region": region,
            "until": until,
        }
        reference = cluster_reference(self._cluster, region=region, account=account)
        warning = record(self._config, identity, self._environ, event, now=now, cluster=reference)
        return () if warning is None else (warning,)


def signer(
    request: MintRequest, spelled: str, cluster: str, *, environ: Mapping[str, str], clock: Callable[[], float]
) -> Signer | None:
    """Return who signs, or None when there is no configuration to choose from and nobody named an identity.

    :param spelled: the identity as it was named, "" for the configuration's own choice.
    :raises UsageError: when there is no such identity, or no telling which.
    :raises NeedsHuman: when somebody has to sign in.
    :raises CredentialsError: when a guard refuses, or the identity's account is not the cluster's.
    :raises ConfigError: when the configuration is unusable.
    :raises AwsError: when AWS refuses or cannot be reached.
    """
    from eksauth.credentials import audit
    from eksauth.credentials.config.load import load_config

    config = load_config(environ, flag=request.config_file, realm=request.realm)
    identity = _select(config, request, environ)
    if identity is None:
        return None
    target, config = _with_role(config, identity, request)
    try:
        # the role on the command line is nothing that anybody signs in to: guards are those of the identity
        until = _until(config, identity, request, cluster, environ, clock())
        return _allowed(config, target, request, spelled, cluster, until, environ, clock)
    except CredentialsError as error:
        if error.code.startswith(("guard.", "identity.")):
            event: dict[str, str | float | None] = {
                "event": "refused",
                "identity": identity.name,
                "cluster": cluster,
                "code": error.code,
            }
            audit.append(environ, event, now=clock())
        raise


def _select(config: AuthConfig, request: MintRequest, environ: Mapping[str, str]) -> Identity | None:
    from eksauth.credentials.config.select import select_identity

    if request.identity == "":
        return _picked(config, request.human)
    return select_identity(config, environ, flag=request.identity, human=request.human)


def _picked(config: AuthConfig, human: Human | None) -> Identity:
    """Return the identity that a person picks: Atmos's ``--identity`` without a name asks for that."""
    from eksauth.credentials.config.select import find_identity

    names = sorted(each.name for each in config.identities.values())
    if human is None or not names:
        raise UsageError(
            "--identity names nobody, and nobody can be asked here",
            hint=f"name one of: {', '.join(names)}" if names else "no identities are configured",
            code="usage.identity",
        )
    return find_identity(config, human.choose("Identity", names))


def _with_role(config: AuthConfig, identity: Identity, request: MintRequest) -> tuple[Identity, AuthConfig]:
    """Return the identity with ``--role-arn`` as one more link of its chain."""
    if request.role_arn is None:
        return identity, config
    name = f"{identity.name} as {request.role_arn}"
    link = Identity(
        name=name,
        kind="aws/assume-role",
        declared_kind="aws/assume-role",
        place=identity.place,
        via_identity=identity.name,
        principal=Principal(
            assume_role=request.role_arn,
            external_id=request.external_id,
            session_name=request.session_name,
            duration_seconds=request.duration_seconds,
        ),
        endpoint_url=identity.endpoint_url,
    )
    return link, replace(config, identities={**config.identities, name: link})


def _until(
    config: AuthConfig, identity: Identity, request: MintRequest, cluster: str, environ: Mapping[str, str], now: float
) -> float | None:
    from eksauth.credentials.guard import check, cluster_reference

    reference = cluster_reference(cluster, region=request.region, account=request.account)
    return check(config, identity, environ, now, reference)


def _allowed(
    config: AuthConfig,
    identity: Identity,
    request: MintRequest,
    spelled: str,
    cluster: str,
    until: float | None,
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> Signer:
    from eksauth.credentials import guard
    from eksauth.credentials.identities.authenticate import authenticate
    from eksauth.credentials.index_store import remember

    _check_account(_configured_account(config, identity), identity, request, cluster)
    _check_partition(config, identity, named_region(environ, request.region))
    human = _who_may_be_asked(config, identity, request)
    session = authenticate(config, identity, environ=environ, human=human, use_cache=request.use_cache, clock=clock)
    account = session.account
    if request.account is not None and account is None:
        account = _ask_account(config, session)
        session = replace(session, account=account)
    _check_account(account, identity, request, cluster)
    if request.use_cache and request.role_arn is None and _is_lasting_choice(config, request, spelled):
        hot = guard.hot_until(config, identity, environ, clock())
        remember(config, session, environ=environ, spelled=spelled, realm=request.realm, until=hot)
    return Signer(config, session, guard.clip(session.credentials, until), environ, cluster)


def _is_lasting_choice(config: AuthConfig, request: MintRequest, spelled: str) -> bool:
    """Tell whether the same words mean the same identity next time; what a person picked was for once."""
    if spelled or request.identity is not None:
        return bool(spelled)
    defaults = [each for each in config.identities.values() if each.default]
    return len(defaults or config.identities) == 1


def _who_may_be_asked(config: AuthConfig, identity: Identity, request: MintRequest) -> Human | None:
    """Return the person, for codes that are typed; no token ever starts a browser, or trusts a file because of them."""
    from eksauth.credentials.config.model import Provider
    from eksauth.credentials.identities.chain import links_of

    if config.searched or isinstance(links_of(config, identity)[0], Provider):
        return None
    return request.human


def _configured_account(config: AuthConfig, identity: Identity) -> str | None:
    from eksauth.credentials.identities.chain import chain_of

    return chain_of(config, identity)[-1].account


def _ask_account(config: AuthConfig, session: Session) -> str:
    from eksauth.aws.arn import parse_arn
    from eksauth.credentials.identities.sts import caller_arn

    identity = session.identity
    endpoint = None if config.searched else identity.endpoint_url
    arn = caller_arn(session.region, endpoint, session.credentials, identity.name)
    try:
        return parse_arn(arn).account
    except ValueError:
        raise AwsError("STS did not say which account the credentials belong to", code="aws.answer") from None


def _check_account(account: str | None, identity: Identity, request: MintRequest, cluster: str) -> None:
    if request.account is None or account is None or account == request.account:
        return
    raise CredentialsError(
        f"cluster {cluster} is in account {request.account}, but identity '{identity.name}' is of account {account}",
        hint="use an identity of the cluster's account, or say 'cross_account: true' in the cluster's integration",
        code="identity.wrong_account",
    )


def _check_partition(config: AuthConfig, identity: Identity, region: str | None) -> None:
    """Refuse to sign for another partition: its STS knows nobody of this one, and the cluster would say only 401."""
    from eksauth.credentials.identities.chain import region_of

    home = region_of(config, identity)
    if region is None or identity.kind in PLAIN_KINDS or not crosses_partitions(region, home):
        return
    here, there = partition_of_region(home), partition_of_region(region)
    raise CredentialsError(
        f"region {region} is in partition {there and there.name}, identity '{identity.name}' in {here and here.name}",
        hint="use an identity of the cluster's partition, or correct the region",
        code="identity.wrong_partition",
    )
