"""What the links of an identity's chain have in common.

A chain is a tuple of steps from the root (a provider, or an identity that stands alone) to the identity asked for. Each
step trades what the one before gave for something nearer to AWS credentials. A step returns None when it has nothing
here without a person, a value when it has, and raises when it is here but broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.model import Credentials
from eksauth.errors import CredentialsError


@dataclass(frozen=True, slots=True)
class SsoAccess:
    """An access token of an IAM Identity Center portal."""

    access_token: str = field(repr=False)
    region: str
    start_url: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class SamlAssertion:
    """A SAML response, base64 as STS wants it."""

    assertion: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """An OIDC token whose signature only its audience checks."""

    unverified_token: str = field(repr=False)


Material = Credentials | SsoAccess | SamlAssertion | WebIdentity


class Human(Protocol):
    """The person at the terminal; steps get None instead when nobody may be asked."""

    def tell(self, text: str) -> None:
        """Show a line."""

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Return an answer; raises KeyboardInterrupt when the person leaves."""

    def confirm(self, question: str) -> bool:
        """Ask for yes or no; no is the default."""

    def choose(self, title: str, names: Sequence[str]) -> str:
        """Let the person pick one of ``names``."""

    def browse(self, url: str) -> bool:
        """Open a browser unless that is not wanted or not possible; tells which."""

    def has_browser(self) -> bool:
        """Tell whether :meth:`browse` would open one on this very machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a step needs besides its own settings.

    :ivar human: who can be asked, or None: then nothing may prompt or open a browser.
    :ivar vouched: ``human`` is signing in, and so vouches for a configuration that was only come across; not so when
        they want something else that needs credentials.
    :ivar region: where STS is called for this chain.
    :ivar fresh: what is cached is not good enough; get it anew.
    :ivar use_cache: False when nothing that is obtained may be kept either.
    """

    config: AuthConfig
    environ: Mapping[str, str]
    region: str
    human: Human | None = None
    vouched: bool = True
    fresh: bool = False
    use_cache: bool = True
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Step(Protocol):
    """One link."""

    @property
    def name(self) -> str:
        """Name of the provider or identity in the configuration."""

    @property
    def kind(self) -> str:
        """Kind, as the configuration writes it."""

    @property
    def account(self) -> str | None:
        """The account that this step's credentials will belong to, where the configuration tells."""

    def facts(self) -> tuple[str, ...]:
        """Return all that determines what this step gives, in a fixed order: part of the cache key; no secrets."""

    def obtain(self, source: Material | None, context: Context) -> Material | None:
        """Give what this step makes of ``source`` (None for the first step).

        :raises NeedsHuman: when a person would have to do something and ``context.human`` is None.
        :raises EksauthError: when it is here but broken, or AWS refused.
        """


Input = tuple[Literal["file", "env", "aws", "sign-in"], str]
"""Something outside the configuration that decides what a step gives: a file by path, a variable by name, an AWS
profile with the files and variables behind it, named as :func:`eksauth.credentials.identity_inputs.aws_input` does, or
who signed in, by the path of a portal's token file."""


@runtime_checkable
class HasInputs(Protocol):
    """A step that is more than its facts: what it gave is not used any more when one of its inputs has changed.

    Optional; a step without it depends on its facts and its source alone.
    """

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Return what else decides, in a fixed order; nothing is read yet."""


class NeedsHuman(CredentialsError):
    """Somebody has to sign in; nothing that runs without a terminal can get further."""

    code = "credentials.login_needed"


def login_hint(identity: str) -> str:
    """Return the one command that a person runs to get further."""
    from shlex import quote

    return f"run: eksauth login {quote(identity)}"
