"""Who and what is in the portal of a new sandbox.

====================  ==============================================================================================
``dana``              platform engineer: ``AdministratorAccess`` and ``ClusterReader`` in the main account, and
                      ``ClusterReader`` in every other
``erik@example.com``  developer: ``ClusterReader`` in the main account, ``Data.Engineer`` in one account called
                      ``sandbox-data``
``farah``             nobody has assigned anything to her
====================  ==============================================================================================

Two accounts share the name ``sandbox-data``; names of accounts are not unique in real organisations either.
"""

from __future__ import annotations

import json
import secrets

from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.directory import PermissionSet, Person, PortalAccount
from eksauth.sandbox.aws.sso.roles import provision_role
from eksauth.sandbox.aws.sso.seeded import (
    START_PATH,
    SeededAssignment,
    SeededPerson,
    SeededPortal,
    SeededPortalAccount,
)

_NAMES = {
    ACCOUNT: "sandbox-main",
    OTHER_ACCOUNT: "sandbox-partner",
    "555566667777": "sandbox-data",
    "666677778888": "sandbox-data",
}
_READS_CLUSTERS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["eks:Describe*", "eks:List*"], "Resource": "*"}],
    }
)
_SETS = (
    PermissionSet("AdministratorAccess", managed=("arn:aws:iam::aws:policy/AdministratorAccess",)),
    PermissionSet("ClusterReader", inline=_READS_CLUSTERS),
    PermissionSet("Data.Engineer", session_seconds=7200, inline=_READS_CLUSTERS),
)
_PEOPLE = {"dana": "Dana Whitfield", "erik@example.com": "Erik Lindqvist", "farah": "Farah Haddad"}
_ASSIGNED = (
    ("dana", ACCOUNT, "AdministratorAccess"),
    *(("dana", account, "ClusterReader") for account in _NAMES),
    ("erik@example.com", ACCOUNT, "ClusterReader"),
    ("erik@example.com", "666677778888", "Data.Engineer"),
)


def plant_portal(center: IdentityCenter, iam: IamStore) -> SeededPortal:
    """Fill a portal, and make the roles in IAM; passwords are new and random."""
    directory = center.directory
    for account, name in _NAMES.items():
        iam.add_account(account, "aws")
        directory.accounts[account] = PortalAccount(account, name, f"aws+{account}@example.com")
    for permission_set in _SETS:
        directory.permission_sets[permission_set.name] = permission_set
    for user_name, display_name in _PEOPLE.items():
        directory.add_person(Person(user_name, display_name, secrets.token_urlsafe(12)))
    assignments = []
    for user_name, account, name in _ASSIGNED:
        directory.assign(user_name, account, name)
        arn = provision_role(iam, account, directory.permission_sets[name], center.region)
        assignments.append(SeededAssignment(user_name, account, name, arn))
    return SeededPortal(
        region=center.region,
        start_path=START_PATH,
        issuer_url=center.issuer_url,
        people={one.user_name: SeededPerson(one.user_name, one.display_name, one.password) for one in directory.people},
        accounts=[SeededPortalAccount(one.account, one.name, one.email) for one in directory.accounts.values()],
        assignments=assignments,
    )
