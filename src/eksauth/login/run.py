"""The use-case behind ``eksauth login``: who, the sign-in, what a provider offers, and the kubeconfigs that follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from eksauth.credentials.config.model import AuthConfig, Identity, Provider
from eksauth.credentials.config.select import find_identity, select_identity
from eksauth.credentials.identities.contract import Human
from eksauth.errors import ConfigError, EksauthError, UsageError
from eksauth.login.kubeconfigs.askers import Asking, wanted_for
from eksauth.login.kubeconfigs.clusters import describe_wanted
from eksauth.login.kubeconfigs.provision import Provisioned, integrations_of, write_entries
from eksauth.login.providers import Discovered, can_be_used, discover, find_provider, provider_of, sign_in_provider
from eksauth.login.sign_in import SignedIn, Terms, sign_in
from eksauth.login.sign_in_all import Outcome, sign_in_all

SIGNING_IN = "signing in"
"""What is going on while several identities are signed in to; a person may be asked meanwhile."""

Watching = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """What ``login`` was asked.

    :ivar identity: by name or alias; None leaves it to the environment and the configuration.
    :ivar everybody: every identity that the file has, or every one with one of ``tags``; with ``provider`` also those
        that it listed.
    :ivar provider: sign in there; with ``identity`` it is only a check that the chain starts there.
    :ivar tags: identities that have one of these come into question.
    :ivar command: of exec entries; None writes no kubeconfig.
    """

    terms: Terms
    identity: str | None = None
    everybody: bool = False
    provider: str | None = None
    tags: tuple[str, ...] = ()
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """What came of it.

    :ivar outcomes: one for each identity.
    :ivar providers: where somebody signed in without an identity.
    :ivar discovered: what providers offer.
    """

    outcomes: tuple[Outcome, ...] = ()
    providers: tuple[str, ...] = ()
    discovered: tuple[Discovered, ...] = ()
    kubeconfig: Provisioned = field(default_factory=Provisioned)

    def failures(self) -> list[EksauthError]:
        """Return everything that failed, identities first."""
        found = [each.error for each in self.outcomes if each.error is not None]
        return [*found, *[each.error for each in self.kubeconfig.entries if each.error is not None]]


def login(
    config: AuthConfig,
    request: LoginRequest,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    watching: Watching = lambda _what, _done, _known: None,
) -> LoggedIn:
    """Sign in.

    A single identity that fails raises; with several, and for clusters, the failures are in the result, and whatever
    worked holds.

    :raises UsageError: when it is not clear who is meant.
    :raises EksauthError: whichever kind says why the sign-in failed.
    """
    provider = find_provider(config, request.provider) if request.provider is not None else None
    if provider is not None and request.identity is None and not request.everybody:
        return _at_provider(config, provider, request, environ, clock, watching)
    chosen = _chosen(config, request, provider, environ)
    if chosen is None:
        return _at_provider(config, _sole_provider(config), request, environ, clock, watching)
    if len(chosen) == 1 and not request.everybody:
        done = sign_in(config, chosen[0], request.terms, environ=environ, clock=clock)
        outcomes = [Outcome(chosen[0], done)]
    else:
        outcomes = sign_in_all(
            config,
            chosen,
            request.terms,
            environ=environ,
            clock=clock,
            watching=lambda done, known: watching(SIGNING_IN, done, known),
        )
    signed_in = [each.signed_in for each in outcomes if each.signed_in is not None]
    discovered = _discover(config, signed_in, request, environ, clock, watching)
    written = Provisioned()
    if request.command is not None and config.searched and request.terms.human is None:
        written = _unvouched(config, signed_in)
    elif request.command is not None:
        written = provide(
            config,
            signed_in,
            command=request.command,
            environ=environ,
            clock=clock,
            human=request.terms.human,
            switch=len(chosen) == 1,
            watching=watching,
        )
    return LoggedIn(outcomes=tuple(outcomes), discovered=discovered, kubeconfig=written)


def provide(
    config: AuthConfig,
    signed_in: Iterable[SignedIn],
    *,
    command: str,
    environ: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    human: Human | None = None,
    switch: bool = True,
    watching: Watching = lambda _what, _done, _known: None,
) -> Provisioned:
    """Write the kubeconfig entries of everybody who signed in."""
    people = list(signed_in)
    pairs = [
        (Asking(each.identity, each.credentials, each.endpoint_url), integration)
        for each in people
        for integration in integrations_of(config, each.identity)
    ]
    wanted = wanted_for(config, pairs, environ=environ, human=human, clock=clock)
    if not wanted:
        return Provisioned()
    described = describe_wanted(
        wanted,
        environ=environ,
        clock=clock,
        progress=lambda done, known: watching("asking EKS", done, known),
    )
    names = ", ".join(each.identity.name for each in people[:5])
    return write_entries(config, described, command=command, environ=environ, reason=f"login {names}", switch=switch)


def _unvouched(config: AuthConfig, signed_in: Iterable[SignedIn]) -> Provisioned:
    """Write nothing, for nobody vouches for the file; kubectl would trust it from then on."""
    if not any(integrations_of(config, each.identity) for each in signed_in):
        return Provisioned()
    why = f"no kubeconfig entries are written for {config.path}: it was found by searching"
    return Provisioned(warnings=(f"{why}; name it with --config or EKSAUTH_CONFIG",))


def _chosen(
    config: AuthConfig, request: LoginRequest, provider: Provider | None, environ: Mapping[str, str]
) -> list[Identity] | None:
    """Return who is meant; None when there is no identity at all, and so only a provider can be."""
    among = [each for each in config.identities.values() if _fits(config, each, request, provider)]
    if request.everybody:
        if request.identity is not None:
            raise UsageError("--all and an identity exclude each other", hint="leave one of them out")
        if not among:
            raise UsageError("there is no identity to sign in as", hint=_NOBODY)
        return among
    if request.identity is not None:
        found = find_identity(config, request.identity)
        if found.name not in {each.name for each in among}:
            raise UsageError(
                f"identity '{found.name}' is not one of those that --provider and --tags leave",
                hint="leave these options out",
            )
        return [found]
    if request.tags:
        return [_one_of(among, request)]
    identity = select_identity(config, environ, flag=None, human=request.terms.human)
    if identity is not None:
        return [identity]
    if config.identities:
        raise UsageError("the environment says that no identity is to be used", hint="name one: eksauth login IDENTITY")
    return None


_NOBODY = "see: eksauth identities, and eksauth config validate"


def _one_of(among: list[Identity], request: LoginRequest) -> Identity:
    tags = ", ".join(request.tags)
    if not among:
        raise UsageError(f"no identity has the tag {tags}", hint=_NOBODY)
    if len(among) == 1:
        return among[0]
    names = [each.name for each in among]
    if request.terms.human is None:
        raise UsageError(
            f"several identities have the tag {tags}: {', '.join(names[:8])}", hint="name one, or add --all"
        )
    chosen = request.terms.human.choose("identity", names)
    return next(each for each in among if each.name == chosen)


def _fits(config: AuthConfig, identity: Identity, request: LoginRequest, provider: Provider | None) -> bool:
    if request.everybody and not can_be_used(config, identity):
        return False
    if request.everybody and provider is None and identity.provisioned:
        return False  # a portal may have hundreds; who wants them all names it
    if request.tags and not set(request.tags).intersection(identity.tags):
        return False
    if provider is None:
        return True
    try:
        root = provider_of(config, identity)
    except ConfigError:
        return False
    return root is not None and root.name == provider.name


def _sole_provider(config: AuthConfig) -> Provider:
    if not config.providers:
        raise ConfigError(
            "no identities are configured" if config.path else "there is no configuration",
            hint="write eksauth.yaml (see 'eksauth config schema'), or use --profile where there is one",
            code="config.no_identities",
        )
    if len(config.providers) > 1:
        names = ", ".join(sorted(config.providers))
        raise UsageError(f"there are several providers: {names}", hint="name one with --provider")
    return next(iter(config.providers.values()))


def _at_provider(
    config: AuthConfig,
    provider: Provider,
    request: LoginRequest,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    watching: Watching,
) -> LoggedIn:
    terms = request.terms
    access = sign_in_provider(config, provider, environ=environ, human=terms.human, fresh=terms.fresh, clock=clock)
    found = discover(
        config,
        provider,
        access,
        environ=environ,
        human=terms.human,
        clock=clock,
        progress=lambda done, known: watching("listing identities", done, known),
    )
    return LoggedIn(providers=(provider.name,), discovered=(found,))


def _discover(
    config: AuthConfig,
    signed_in: Iterable[SignedIn],
    request: LoginRequest,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    watching: Watching,
) -> tuple[Discovered, ...]:
    """Ask the providers that somebody came from who else one may be; a failure is a warning."""
    found: dict[str, Discovered] = {}
    for each in signed_in:
        provider = provider_of(config, each.identity)
        if provider is None or provider.name in found or not provider.auto_provision_identities:
            continue
        human = request.terms.human
        try:
            access = sign_in_provider(config, provider, environ=environ, human=None, clock=clock)
        except EksauthError as error:
            found[provider.name] = Discovered(provider.name, warnings=(error.message,))
            continue
        found[provider.name] = discover(
            config,
            provider,
            access,
            environ=environ,
            human=human,
            clock=clock,
            progress=lambda done, known: watching("listing identities", done, known),
        )
    return tuple(found.values())
