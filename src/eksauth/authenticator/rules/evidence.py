"""What is known about a token while it is judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.authenticator.rules.presigned_url import PresignedUrl
from eksauth.authenticator.rules.sts_host import StsHost

OTHER_PLUGIN = "the program that minted this does not follow the token format; use 'eksauth token'"
"""The hint for everything that only a faulty client writes."""


class NotReached(Exception):
    """An earlier failure left nothing for this rule to look at."""


@dataclass(slots=True)
class Evidence:
    """What is known about a token so far; each rule adds what it could read. ``repr`` shows nothing of the token."""

    token: bytes = field(repr=False)
    now: float
    partition: str | None
    decoded: bytes | None = field(default=None, repr=False)
    url: PresignedUrl | None = field(default=None, repr=False)
    host: StsHost | None = None
    parameters: dict[str, str] | None = field(default=None, repr=False)
    pairs: list[tuple[str, str]] | None = field(default=None, repr=False)
    signed_at: int | None = None

    @property
    def credential(self) -> list[str]:
        """The pieces of X-Amz-Credential: access key id, date, region, service, terminator; empty when absent."""
        value = (self.parameters or {}).get("x-amz-credential", "")
        return value.split("/") if value else []

    def need_url(self) -> PresignedUrl:
        """Return the URL; raises NotReached."""
        if self.url is None:
            raise NotReached
        return self.url

    def need_pairs(self) -> list[tuple[str, str]]:
        """Return the query's pairs in order; raises NotReached."""
        if self.pairs is None:
            raise NotReached
        return self.pairs

    def need_parameters(self) -> dict[str, str]:
        """Return the parameters by lower-case name; raises NotReached."""
        if self.parameters is None:
            raise NotReached
        return self.parameters

    def need_date(self) -> int:
        """Return when the token was signed, seconds since the epoch; raises NotReached."""
        if self.signed_at is None:
            raise NotReached
        return self.signed_at

    def need_credential(self) -> list[str]:
        """Return the five pieces of X-Amz-Credential; raises NotReached."""
        self.need_parameters()
        if len(self.credential) != 5:
            raise NotReached
        return self.credential

    def need_signed_headers(self) -> list[str]:
        """Return the signed headers in lower case; raises NotReached."""
        return self.need_parameters().get("x-amz-signedheaders", "").lower().split(";")


def shown(text: str) -> str:
    """Return a short, printable form of something a stranger wrote; never used for signatures or session tokens."""
    return ascii(text if len(text) <= 60 else f"{text[:57]}...")
