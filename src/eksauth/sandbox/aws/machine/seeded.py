"""What the machine starts with, as data for the seed file."""

from __future__ import annotations

import msgspec


class SeededMachine(msgspec.Struct, frozen=True):
    """Two roles that a machine hands out.

    :param container_path: of ``AWS_CONTAINER_CREDENTIALS_FULL_URI``, below the machine's URL (plain HTTP).
    :param container_token: for ``AWS_CONTAINER_AUTHORIZATION_TOKEN``.
    """

    container_path: str
    container_token: str
    pod_role_arn: str
    node_role_arn: str

    def __repr__(self) -> str:
        return f"SeededMachine({self.pod_role_arn})"
