"""Everything that a new sandbox's AWS starts with, put together."""

from __future__ import annotations

import msgspec

from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.federation.planting import plant_federation
from eksauth.sandbox.aws.machine.planting import plant_machine
from eksauth.sandbox.aws.roles_anywhere.planting import plant_roles_anywhere
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT, Seed, plant
from eksauth.sandbox.aws.sso.planting import plant_portal


def plant_everything(cloud: Cloud) -> Seed:
    """Fill ``cloud`` with accounts, people, roles and identity providers; every secret is new and random."""
    portal = plant_portal(cloud.sso, cloud.iam)
    seed = plant(cloud.iam)
    cloud.organization.management = ACCOUNT
    cloud.organization.members = {OTHER_ACCOUNT}
    return msgspec.structs.replace(
        seed,
        portal=portal,
        federation=plant_federation(cloud.federation, cloud.iam, ACCOUNT),
        workload=plant_roles_anywhere(cloud.roles_anywhere, cloud.iam, ACCOUNT),
        machine=plant_machine(cloud.machine, cloud.iam, ACCOUNT),
    )
