"""The whole judgement of one token: rules, STS, identity, mapping; the answer is a value, not an exception."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from eksauth.authenticator.config import ServerConfig
from eksauth.authenticator.identity import Identity, scrubbed_uid
from eksauth.authenticator.mapping.model import Match, NotMapped, Problem
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.authenticator.mapping.near_miss import place_of
from eksauth.authenticator.mapping.templates import TemplateError, needs_instance_name, render
from eksauth.authenticator.sts.client import StsApi, StsUnavailable
from eksauth.authenticator.verify import CheckedToken, TokenVerifier, VerifiedToken
from eksauth.errors import ConfigError, EksauthError

PrivateDnsName = Callable[[str], Awaitable[str]]
"""Finds the private DNS name of an EC2 instance by its id."""


@dataclass(frozen=True, slots=True)
class KubernetesUser:
    """What Kubernetes is told: ``groups`` without ``system:authenticated``, which the API server adds itself."""

    username: str
    groups: tuple[str, ...]
    uid: str
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one token.

    :param allowed: True when the token authenticates somebody.
    :param reason: stable code: ``ok``, ``token.…``, ``sts.…``, ``identity.…`` or ``mapping.…``.
    :param message: one line for people.
    :param hint: what to do about a refusal, or None.
    :param retryable: the refusal is not about the token: STS or EC2 did not answer; asking again may help, and the
        answer must not be cached.
    :param identity: who STS says it is, as soon as that is known, also when a later step refuses.
    :param user: who Kubernetes is told it is.
    :param match: the mapping entry that decided, or why none did.
    :param token_expires_at: seconds since the epoch; None until the token's date is known.
    :param unverified_access_key_id: the key that claims to have signed a token that was refused before anybody vouched
        for it; empty when even that is unknown.
    :param unverified_sts_host: the host that such a token names.
    :param rules: what the decision was made by, besides the mapping; of use to :meth:`Authenticator.holds` only.
    """

    allowed: bool
    reason: str
    message: str
    hint: str | None = None
    retryable: bool = False
    identity: Identity | None = None
    user: KubernetesUser | None = None
    match: Match | NotMapped | None = None
    token_expires_at: float | None = None
    unverified_access_key_id: str = ""
    unverified_sts_host: str = ""
    rules: object = field(default=None, compare=False, repr=False)


class MappingBackend(Protocol):
    """Answers which entry an identity falls under; ``problems`` are entries that will not do what they seem to."""

    name: str

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the mappings although they load."""

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or why there is none; quick and without I/O."""


class Authenticator:
    """Judges tokens for one cluster.

    :param cluster_id: what tokens must have been signed for.
    :param partition: the cluster's partition, such as ``aws``.
    :param sts: the STS client, see :class:`eksauth.authenticator.sts.client.StsClient`.
    :param mapping: where identities become users.
    :param now: the clock, seconds since the epoch.
    :param reserved_prefixes: backend mode -> how user names of its mappings may not begin; accounts are exempt.
    :param scrubbed_accounts: accounts whose identities are hidden from Kubernetes.
    :param private_dns_name: finds an instance's name for ``{{EC2PrivateDNSName}}``; None refuses such logins.
    """

    def __init__(
        self,
        *,
        cluster_id: str,
        partition: str,
        sts: StsApi,
        mapping: MappingBackend,
        now: Callable[[], float] = time.time,
        reserved_prefixes: Mapping[str, Collection[str]] | None = None,
        scrubbed_accounts: Collection[str] = (),
        private_dns_name: PrivateDnsName | None = None,
    ) -> None:
        self.verifier = TokenVerifier(cluster_id=cluster_id, partition=partition, sts=sts, now=now)
        self.mapping = mapping
        self.adopt(reserved_prefixes or {}, scrubbed_accounts)
        self._private_dns_name = private_dns_name

    def adopt(self, reserved_prefixes: Mapping[str, Collection[str]], scrubbed_accounts: Collection[str]) -> None:
        """Judge by these from now on."""
        self._reserved_prefixes = {
            mode: tuple(prefix for prefix in prefixes if prefix) for mode, prefixes in reserved_prefixes.items()
        }
        self._scrubbed_accounts = frozenset(scrubbed_accounts)
        self._rules = object()

    def holds(self, decision: Decision) -> bool:
        """Tell whether :meth:`decide` would say the same again, without waiting for anything."""
        match = decision.match
        return (
            decision.rules is self._rules
            and decision.identity is not None
            and self.mapping.lookup(decision.identity) == match
            and not (isinstance(match, Match) and needs_instance_name(match.username, match.groups))
        )

    async def authenticate(self, token: str | bytes) -> Decision:
        """Judge ``token``; refusals and outages are decisions too, nothing is raised for them."""
        try:
            verified = await self.verifier.verify(token)
        except EksauthError as error:
            return refusal(error)
        return await self.decide(verified)

    async def decide(self, verified: VerifiedToken) -> Decision:
        """Map an identity that is already verified; separate, so that verification can be cached and mapping not."""
        identity, expires_at = verified.identity, verified.expires_at
        match = self.mapping.lookup(identity)

        def refused(reason: str, message: str, hint: str | None, *, retryable: bool = False) -> Decision:
            return Decision(
                allowed=False,
                reason=reason,
                message=message,
                hint=hint,
                retryable=retryable,
                identity=identity,
                match=match,
                token_expires_at=expires_at,
                rules=self._rules,
            )

        if isinstance(match, NotMapped):
            message = f"{identity.canonical_arn} is not mapped to a Kubernetes user"
            return refused("mapping.not_mapped", message, _hint_to_map(identity, match))
        try:
            username = await render(match.username, identity, self._private_dns_name)
            groups = [await render(group, identity, self._private_dns_name) for group in match.groups]
        except TemplateError as error:
            return refused(error.code, error.message, error.hint, retryable=error.retryable)
        if not username:
            return refused(
                "mapping.empty_username",
                f"the mapping at {match.source} gives an empty user name",
                "give the entry a username; quote it when it looks like a number or a truth value",
            )
        if match.kind != "account":
            for prefix in self._reserved_prefixes.get(match.backend or self.mapping.name, ()):
                if username.startswith(prefix):
                    return refused(
                        "mapping.reserved_prefix",
                        f"user name {username} of the mapping at {match.source} begins with reserved {prefix}",
                        "choose another user name, or take the prefix off reservedPrefixConfig",
                    )
        return Decision(
            allowed=True,
            reason="ok",
            message=f"{identity.canonical_arn} is {username}",
            identity=identity,
            user=self._user(identity, username, tuple(group for group in groups if group)),
            match=match,
            token_expires_at=expires_at,
            rules=self._rules,
        )

    def _user(self, identity: Identity, username: str, groups: tuple[str, ...]) -> KubernetesUser:
        if identity.account_id in self._scrubbed_accounts:
            return KubernetesUser(username, groups, scrubbed_uid(username))
        return KubernetesUser(username, groups, identity.uid, identity.extra)


def _hint_to_map(identity: Identity, answer: NotMapped) -> str:
    if answer.near_misses:
        near = answer.near_misses[0]
        return f"{near.source}: {near.explanation}"
    section, key = place_of(identity)
    return f"add to {section} '- {key}: {identity.canonical_arn}' with a username and groups"


def refusal(error: EksauthError, checked: CheckedToken | None = None) -> Decision:
    """Return the decision that an error of the verifier stands for.

    :param checked: the token, when it obeyed the rules.
    """
    return Decision(
        allowed=False,
        reason=error.code,
        message=error.message,
        hint=error.hint,
        retryable=isinstance(error, StsUnavailable),
        unverified_access_key_id=checked.unverified_access_key_id if checked else "",
        unverified_sts_host=checked.host.name if checked else "",
    )


def build_authenticator(
    config: ServerConfig,
    sts: StsApi,
    *,
    mapping: MappingBackend | None = None,
    now: Callable[[], float] = time.time,
    private_dns_name: PrivateDnsName | None = None,
) -> Authenticator:
    """Return the authenticator that ``config`` describes.

    :param mapping: asked instead of the mappings in ``config``.
    :raises ConfigError: when the configuration names no cluster.
    """
    if not config.cluster_id:
        raise ConfigError("no cluster id", hint="set clusterID in the configuration file, or give --cluster-id")
    return Authenticator(
        cluster_id=config.cluster_id,
        partition=config.partition,
        sts=sts,
        mapping=MountedFileBackend(config.mappings) if mapping is None else mapping,
        now=now,
        reserved_prefixes=config.reserved_prefixes,
        scrubbed_accounts=config.scrubbed_accounts,
        private_dns_name=private_dns_name,
    )
