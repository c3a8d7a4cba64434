"""Credentials of the machine that this runs on, through one of botocore's own providers and no other.

Where they come from can change without a trace in any file, so what is cached is used for a quarter of an hour at most,
and only on the machine that got it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eksauth.credentials.botocore_errors import translated
from eksauth.credentials.botocore_session import open_session
from eksauth.credentials.chain import from_botocore
from eksauth.credentials.identities.contract import Context, Input, Material
from eksauth.credentials.resolve import UNKEYED_LIFE_SECONDS
from eksauth.errors import CredentialsError

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class MachineStep:
    """One of botocore's providers.

    :ivar method: botocore's name of the provider.
    :ivar variables: that decide what it gives; all of ``required`` have to be set.
    :ivar absent: what to say when there is nothing; ``hint`` what to do about it.
    """

    name: str
    kind: str
    region: str
    method: str
    variables: tuple[str, ...]
    required: tuple[str, ...]
    absent: str
    hint: str
    account: str | None = None
    life_seconds: int = UNKEYED_LIFE_SECONDS

    def facts(self) -> tuple[str, ...]:
        """Return the provider's name; what it gives is a matter of the machine."""
        return (self.method,)

    def inputs(self, _environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Return the machine, and the variables that say where the credentials are."""
        return (("file", _BOOT_ID), *[("env", name) for name in self.variables])

    def obtain(self, source: Material | None, context: Context) -> Material | None:  # noqa: ARG002  the first of a chain
        """Ask the provider.

        :raises CredentialsError: when it has nothing, or fails.
        """
        missing = [name for name in self.required if not context.environ.get(name)]
        if missing:
            raise CredentialsError(
                f"'{self.name}' ({self.kind}): {self.absent}: {missing[0]} is not set",
                hint=self.hint,
                code="credentials.none",
            )
        with translated(None, doing=f"getting credentials of {self.name}"):
            session = open_session(None, explicit=False, region=self.region)
            found = session.get_component("credential_provider").get_provider(self.method).load()
            if found is None:
                raise CredentialsError(
                    f"'{self.name}' ({self.kind}): {self.absent}", hint=self.hint, code="credentials.none"
                )
            return from_botocore(found, source=self.kind)
