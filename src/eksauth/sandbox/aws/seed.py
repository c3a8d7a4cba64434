"""The accounts that a new sandbox starts with: users, roles and who may become what.

=================  =======================================================================================
``alice``          user in path ``/team/``; reads IAM and EKS; may assume every role below
``bob``            user without any policy; two roles name him in their trust policies
``EksAdmin``       trusts the account; administrator; sessions of up to twelve hours
``EksReadOnly``    trusts alice and bob by name; reads EKS and IAM
``CICDRole``       trusts alice and bob by name, but only with the external id; describes clusters
``PartnerRole``    in the second account, path ``/partners/``; trusts the first account
``carol``          user of the second account; may ask for anything, and nobody in the first account trusts her
=================  =======================================================================================
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from eksauth.sandbox.aws.federation.seeded import SeededFederation
from eksauth.sandbox.aws.iam import IamStore, harden_key
from eksauth.sandbox.aws.machine.seeded import SeededMachine
from eksauth.sandbox.aws.roles_anywhere.seeded import SeededWorkload
from eksauth.sandbox.aws.sessions import new_access_key_id
from eksauth.sandbox.aws.sso.seeded import SeededPortal

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
CI_EXTERNAL_ID = "sandbox-ci"
CLUSTERS = (("demo", "us-west-2"), ("demo-eu", "eu-west-1"))
"""Name and region of the clusters that a sandbox gets."""

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_IAM_READER = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


class SeededUser(msgspec.Struct, frozen=True):
    """A user with one active long-term key."""

    name: str
    arn: str
    account: str
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"SeededUser({self.arn}, {self.access_key_id})"


class SeededRole(msgspec.Struct, frozen=True):
    """A role; ``external_id`` is what its trust policy demands, if it does."""

    name: str
    arn: str
    account: str
    external_id: str | None = None


class SeededCluster(msgspec.Struct, frozen=True):
    """A cluster that the sandbox is going to register."""

    name: str
    region: str
    account: str


class Seed(msgspec.Struct, frozen=True):
    """Everything a sandbox starts with. Holds secrets: write it to files of mode 0600 only."""

    account: str
    other_account: str
    users: dict[str, SeededUser]
    roles: dict[str, SeededRole]
    clusters: list[SeededCluster]
    portal: SeededPortal | None = None
    federation: SeededFederation | None = None
    workload: SeededWorkload | None = None
    machine: SeededMachine | None = None


def plant(store: IamStore) -> Seed:
    """Fill ``store`` with the default accounts; every key is new and random."""
    for account in (ACCOUNT, OTHER_ACCOUNT):
        store.add_account(account, "aws")
    users = [
        add_user(store, ACCOUNT, "alice", path="/team/", managed=[_IAM_READER], inline=_alice()),
        add_user(store, ACCOUNT, "bob"),
        add_user(store, OTHER_ACCOUNT, "carol", inline=_document(_allow("sts:AssumeRole", "*"))),
    ]
    people = [user.arn for user in users[:2]]
    by_name = _trust(people)
    with_external_id = _trust(people, {"StringEquals": {"sts:ExternalId": CI_EXTERNAL_ID}})
    from_account = _trust(f"arn:aws:iam::{ACCOUNT}:root")
    reads_eks = _document(_allow(["eks:Describe*", "eks:List*"], "*"))
    describes = _document(_allow("eks:DescribeCluster", "*"))
    roles = [
        add_role(store, ACCOUNT, "EksAdmin", from_account, managed=[_ADMINISTRATOR], longest=43200),
        add_role(store, ACCOUNT, "EksReadOnly", by_name, managed=[_IAM_READER], inline=reads_eks),
        add_role(store, ACCOUNT, "CICDRole", with_external_id, inline=describes, external_id=CI_EXTERNAL_ID),
        add_role(store, OTHER_ACCOUNT, "PartnerRole", from_account, path="/partners/", inline=describes),
    ]
    return Seed(
        account=ACCOUNT,
        other_account=OTHER_ACCOUNT,
        users={user.name: user for user in users},
        roles={role.name: role for role in roles},
        clusters=[SeededCluster(name, region, ACCOUNT) for name, region in CLUSTERS],
    )


def add_user(
    store: IamStore,
    account: str,
    name: str,
    *,
    path: str = "/",
    managed: list[str] | None = None,
    inline: str | None = None,
) -> SeededUser:
    """Make a user with one access key."""
    with store.opened():
        backend = store.backend(account)
        # moto derives the partition of a user's ARN from a region, and takes the partition's name as one
        user = backend.create_user(backend.partition, name, path)
        user.id = new_access_key_id("AIDA", account) + "A"
        for arn in managed or []:
            backend.attach_user_policy(arn, name)
        if inline is not None:
            backend.put_user_policy(name, "sandbox", inline)
        key = backend.create_access_key(name)
        harden_key(backend, key)
        return SeededUser(name, user.arn, account, key.access_key_id, key.secret_access_key)


def add_role(
    store: IamStore,
    account: str,
    name: str,
    trust: str,
    *,
    path: str = "/",
    managed: list[str] | None = None,
    inline: str | None = None,
    longest: int = 3600,
    external_id: str | None = None,
) -> SeededRole:
    """Make a role; ``longest`` is its MaxSessionDuration in seconds."""
    with store.opened():
        backend = store.backend(account)
        role = backend.create_role(name, trust, path, None, "", [], longest)  # type: ignore[arg-type, unused-ignore]
        for arn in managed or []:
            backend.attach_role_policy(arn, name)
        if inline is not None:
            backend.put_role_policy(name, "sandbox", inline)
        return SeededRole(name, role.arn, account, external_id)


def _alice() -> str:
    assumes = [f"arn:aws:iam::{ACCOUNT}:role/*", f"arn:aws:iam::{OTHER_ACCOUNT}:role/partners/*"]
    return _document(_allow("sts:AssumeRole", assumes), _allow(["eks:Describe*", "eks:List*"], "*"))


def _allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _trust(principal: str | list[str], condition: dict[str, Any] | None = None) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return _document(statement)


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
