"""``aws/pod-identity`` and ``aws/container``: the endpoint that EKS Pod Identity or ECS gives to a container.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import region_of
from eksauth.credentials.identities.machine import MachineStep

_FULL, _RELATIVE = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
_TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_VARIABLES = (_RELATIVE, _FULL, _TOKEN_FILE, "AWS_CONTAINER_AUTHORIZATION_TOKEN")


def identity_step(identity: Identity, config: AuthConfig) -> MachineStep:
    """Return the step of an ``aws/pod-identity`` or ``aws/container``."""
    region = region_of(config, identity)
    if identity.kind == "aws/pod-identity":
        return MachineStep(
            identity.name,
            identity.declared_kind,
            region,
            "container-role",
            _VARIABLES,
            (_FULL, _TOKEN_FILE),
            "this is no pod with EKS Pod Identity",
            "associate the service account with a role, and start the pod again",
        )
    return MachineStep(
        identity.name,
        identity.declared_kind,
        region,
        "container-role",
        _VARIABLES,
        (),
        "this is no container with a role: neither AWS_CONTAINER_CREDENTIALS_FULL_URI nor …_RELATIVE_URI is set",
        "give the task a role",
    )
