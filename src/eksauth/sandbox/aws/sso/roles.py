"""The IAM side of permission sets: reserved roles in every account, and credentials of their sessions."""

from __future__ import annotations

import json
import secrets
from typing import Any

from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.model import Caller, Session
from eksauth.sandbox.aws.seed import add_role
from eksauth.sandbox.aws.sessions import SessionStore, new_access_key_id
from eksauth.sandbox.aws.sso.directory import Directory, PermissionSet

_PREFIX = "AWSReservedSSO_"
_SIGN_IN = "https://signin.aws.amazon.com/saml"


def provision_role(store: IamStore, account: str, permission_set: PermissionSet, region: str) -> str:
    """Make a permission set's role in an account, unless it is there; returns its ARN.

    Names and paths are those of real ones: https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html
    """
    existing = find_role(store, account, permission_set.name)
    if existing is not None:
        return str(existing.arn)
    # the home region of Identity Center is part of the path, except where it all began
    place = "" if region == "us-east-1" else f"{region}/"
    name = f"{_PREFIX}{permission_set.name}_{secrets.token_hex(8)}"
    made = add_role(
        store,
        account,
        name,
        _trust(account),
        path=f"/aws-reserved/sso.amazonaws.com/{place}",
        managed=list(permission_set.managed),
        inline=permission_set.inline,
        longest=43200,
    )
    return made.arn


def open_account(store: IamStore, directory: Directory, account: str, region: str) -> None:
    """Make the IAM of an account, with the roles of what is assigned in it, if that was put off until now."""
    if account in directory.unopened:
        directory.unopened.discard(account)
        store.add_account(account, "aws")
        for name in directory.permission_sets_in(account):
            provision_role(store, account, directory.permission_sets[name], region)


def find_role(store: IamStore, account: str, permission_set: str) -> Any | None:
    """Return the record of a permission set's role in an account, or None."""
    if store.partition_of(account) is None:
        return None
    prefix = f"{_PREFIX}{permission_set}_"
    with store.opened():
        for role in store.backend(account).roles.values():
            # another set's name may continue this one's after an underscore
            if role.name.startswith(prefix) and len(role.name) == len(prefix) + 16:
                return role
    return None


def open_role_session(
    role: Any, *, account: str, partition: str, user_name: str, seconds: int, sessions: SessionStore, now: float
) -> Session:
    """Make credentials of a reserved role, in a session that has the person's name."""
    access_key_id = new_access_key_id("ASIA", account)
    return sessions.open(
        access_key_id=access_key_id,
        expires_at=now + seconds,
        caller=Caller(
            access_key_id=access_key_id,
            arn=f"arn:{partition}:sts::{account}:assumed-role/{role.name}/{user_name}",
            user_id=f"{role.id}:{user_name}",
            account=account,
            partition=partition,
            principal_arn=role.arn,
            name=role.name,
            is_role=True,
            is_temporary=True,
            mfa=False,
            issued_at=now,
        ),
    )


def _trust(account: str) -> str:
    provider = f"arn:aws:iam::{account}:saml-provider/AWSSSO_sandbox_DO_NOT_DELETE"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
        "Condition": {"StringEquals": {"SAML:aud": _SIGN_IN}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
