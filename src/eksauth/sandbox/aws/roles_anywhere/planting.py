"""The trust anchor of a new sandbox, a profile, and a workload with a certificate.

=================  =======================================================================================
``WorkloadRole``   trusts Roles Anywhere for certificates with the common name ``build.example.com``
=================  =======================================================================================
"""

from __future__ import annotations

import uuid

from cryptography import x509

from eksauth.sandbox.aws.federation.planting import make_role
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.roles_anywhere.seeded import SeededWorkload
from eksauth.sandbox.aws.roles_anywhere.store import Profile, RolesAnywhere, TrustAnchor
from eksauth.sandbox.pki import issue_client_certificate, new_authority

REGION = "us-west-2"
_COMMON_NAME = "build.example.com"
_ORGANIZATION = "acme"


def plant_roles_anywhere(state: RolesAnywhere, store: IamStore, account: str) -> SeededWorkload:
    """Make an authority, trust it, and issue a certificate for a workload."""
    authority = new_authority("eksauth sandbox workloads")
    prefix = f"arn:aws:rolesanywhere:{REGION}:{account}"
    anchor = TrustAnchor(f"{prefix}:trust-anchor/{uuid.uuid4()}", (x509.load_pem_x509_certificate(authority.cert_pem),))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "rolesanywhere.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": {
            "StringEquals": {"aws:PrincipalTag/x509Subject/CN": _COMMON_NAME},
            "ArnEquals": {"aws:SourceArn": anchor.arn},
        },
    }
    role = make_role(store, account, "WorkloadRole", statement)
    profile = Profile(f"{prefix}:profile/{uuid.uuid4()}", (role,))
    state.authority = authority
    state.anchors[anchor.arn] = anchor
    state.profiles[profile.arn] = profile
    certificate, key = issue_client_certificate(authority, _COMMON_NAME, [_ORGANIZATION])
    return SeededWorkload(
        region=REGION,
        trust_anchor_arn=anchor.arn,
        profile_arn=profile.arn,
        role_arn=role,
        common_name=_COMMON_NAME,
        certificate=certificate.decode(),
        private_key=key.decode(),
    )
