"""What ``aws/profile`` and ``aws/ambient`` share: the plain AWS chain finds, caches and renews their credentials.

Nothing is cached in addition, so the identity and ``--profile`` are always the same session. A profile is used in its
own region (or the identity's) whatever ``AWS_REGION`` says: kubectl in an editor means the same as the shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eksauth.credentials.cache import SUFFIX, cache_key
from eksauth.credentials.cache_store import remove
from eksauth.credentials.identities.contract import Context, Input, Material
from eksauth.credentials.identity_inputs import aws_input, settings_of_input
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import quick_credentials
from eksauth.credentials.resolve import resolve_credentials
from eksauth.credentials.settings import Settings, quick_settings
from eksauth.credentials.slow_settings import full_settings


@dataclass(frozen=True, slots=True)
class ProfileStep:
    """An AWS profile by name, or with the empty name the chain that the environment gives."""

    name: str
    kind: str
    profile: str
    region: str | None
    account: str | None = None

    def facts(self) -> tuple[str, ...]:
        """Return the profile's name and the region; all else is an input."""
        return (self.profile, self.region or "")

    def inputs(self, _environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Return the profile, with all files and variables behind it."""
        return (("aws", self.input_name),)

    @property
    def input_name(self) -> str:
        """The profile as an input names it."""
        return aws_input(self.profile, self.region)

    def obtain(self, source: Material | None, context: Context) -> Material | None:  # noqa: ARG002  the first of a chain
        """Return what the plain AWS chain gives.

        :raises CredentialsError: when there is nothing, or it is unusable.
        """
        if context.fresh and context.use_cache:
            self.forget(context.environ)
        resolved = resolve_credentials(
            context.environ,
            self.settings(context.environ),
            role=None,
            use_cache=context.use_cache,
            interactive=context.human is not None,
            clock=context.clock,
        )
        return resolved.credentials

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """Return the profile's settings.

        :raises ConfigError: when it does not exist, or its file is broken.
        """
        settings = settings_of_input(environ, self.input_name, full_settings)
        assert settings is not None  # noqa: S101  full_settings raises instead
        return settings

    def passive(self, environ: Mapping[str, str], now: float) -> Credentials | None:
        """Return what can be had from files alone."""
        settings = settings_of_input(environ, self.input_name, quick_settings)
        if settings is None:
            return None
        return quick_credentials(environ, settings, role=None, use_cache=True, now=now)

    def forget(self, environ: Mapping[str, str]) -> bool:
        """Remove what the plain chain cached for it, and tell whether there was anything."""
        key = cache_key(environ, self.settings(environ), None)
        return key is not None and remove(environ, key + SUFFIX)
