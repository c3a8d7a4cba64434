"""What Roles Anywhere starts with, as data for the seed file."""

from __future__ import annotations

import msgspec


class SeededWorkload(msgspec.Struct, frozen=True):
    """A workload whose certificate is good for a role; certificate and private key are PEM."""

    region: str
    trust_anchor_arn: str
    profile_arn: str
    role_arn: str
    common_name: str
    certificate: str
    private_key: str

    def __repr__(self) -> str:
        return f"SeededWorkload({self.common_name})"
