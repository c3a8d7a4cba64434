"""``aws/imds``: the role of the EC2 instance, from its metadata service (IMDSv2)."""

from __future__ import annotations

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import region_of
from eksauth.credentials.identities.machine import MachineStep

_VARIABLES = (
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
)


def identity_step(identity: Identity, config: AuthConfig) -> MachineStep:
    """Return the step of an ``aws/imds``."""
    return MachineStep(
        identity.name,
        identity.declared_kind,
        region_of(config, identity),
        "iam-role",
        _VARIABLES,
        (),
        "the instance metadata service has no credentials, or cannot be reached",
        "check the instance profile and AWS_EC2_METADATA_DISABLED; in a container the hop limit has to be 2",
    )
