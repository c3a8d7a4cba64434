"""IAM: users, roles, keys and policies, kept by moto; one isolated set per endpoint.

moto keeps its state in one dictionary per process. :meth:`IamStore.opened` lends that dictionary this store's accounts
for the length of one call, under a lock, so several endpoints (and a test's own ``mock_aws``) do not see each other.
No AWS call is patched and no thread is started.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends

from eksauth.aws.arn import parse_arn
from eksauth.aws.policy import Policy, parse_policy
from eksauth.sandbox.aws.sessions import new_access_key_id, new_secret

_LOCK = threading.RLock()


@dataclass(frozen=True)
class LongTermKey:
    """An access key of a user."""

    secret_access_key: str = field(repr=False)
    active: bool
    user_name: str
    user_arn: str
    user_id: str
    partition: str


class IamStore:
    """The IAM of every account of one endpoint."""

    def __init__(self) -> None:
        self._accounts: dict[str, Any] = {}
        self._partitions: dict[str, str] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make this store's accounts the ones that moto sees, for the length of the block."""
        with _LOCK:
            others = dict(iam_backends)
            iam_backends.clear()
            iam_backends.update(self._accounts)
            try:
                yield
            finally:
                self._accounts = {name: value for name, value in iam_backends.items() if name in self._partitions}
                iam_backends.clear()
                iam_backends.update(others)

    def add_account(self, account: str, partition: str) -> None:
        """Open an account; one that exists already is left alone."""
        if self._partitions.setdefault(account, partition) != partition or account in self._accounts:
            return
        with self.opened():
            backend = self.backend(account)
            backend.aws_managed_policies = [_copy(policy, account) for policy in _aws_managed_policies(partition)]
            backend.managed_policies = {policy.arn: policy for policy in backend.aws_managed_policies}

    def partition_of(self, account: str) -> str | None:
        """Return the partition of an account, or None when there is no such account."""
        return self._partitions.get(account)

    def backend(self, account: str) -> IAMBackend:
        """Return moto's IAM of an account; only to be used while :meth:`opened`.

        :raises KeyError: when there is no such account.
        """
        return iam_backends[account][self._partitions[account]]

    def find_key(self, access_key_id: str, account: str) -> LongTermKey | None:
        """Return a user's key, active or not, or None."""
        if account not in self._partitions:
            return None
        with self.opened():
            backend = self.backend(account)
            key = backend.access_keys.get(access_key_id)
            if key is None or key.user_name is None:
                return None
            user = backend.users.get(key.user_name)
            if user is None:
                return None
            return LongTermKey(
                key.secret_access_key, key.status == "Active", user.name, user.arn, user.id, self._partitions[account]
            )

    def find_role(self, account: str, name: str) -> Any | None:
        """Return moto's record of a role by its name, or None."""
        if account not in self._partitions:
            return None
        with self.opened():
            return next((role for role in self.backend(account).roles.values() if role.name == name), None)

    def oidc_provider(self, account: str, name: str) -> Any | None:
        """Return moto's record of the OpenID Connect provider for an issuer, its URL without the scheme, or None."""
        if account not in self._partitions:
            return None
        with self.opened():
            providers = self.backend(account).open_id_providers.values()
            return next((one for one in providers if one.url == name), None)

    def saml_metadata(self, arn: str) -> str | None:
        """Return the metadata document of a SAML provider by its ARN, or None when there is none."""
        try:
            account = parse_arn(arn).account
        except ValueError:
            return None
        if account not in self._partitions:
            return None
        with self.opened():
            found = next((one for one in self.backend(account).saml_providers.values() if one.arn == arn), None)
            return str(found.saml_metadata_document or "") if found is not None else None

    def principal_tags(self, account: str, arn: str) -> dict[str, str]:
        """Return the tags of a user or role by its ARN; none when there is no such principal."""
        if account not in self._partitions:
            return {}
        with self.opened():
            backend = self.backend(account)
            role = next((role for role in backend.roles.values() if role.arn == arn), None)
            tags = role.tags if role is not None else backend.tagger.list_tags_for_resource(arn)["Tags"]
            return {str(tag["Key"]): str(tag["Value"]) for tag in tags or []}

    def user_policies(self, account: str, name: str) -> list[Policy]:
        """Return all identity policies of a user: its own, its groups', inline and managed; unusable ones left out."""
        with self.opened():
            backend = self.backend(account)
            user = backend.users.get(name)
            if user is None:
                return []
            holders = [user, *(group for group in backend.groups.values() if user in group.users)]
            return _policies([text for holder in holders for text in _documents(holder)])

    def role_policies(self, account: str, role_id: str) -> tuple[list[Policy], list[Policy] | None]:
        """Return a role's identity policies and its permissions boundary, None without one; a deleted role has none."""
        with self.opened():
            backend = self.backend(account)
            role = backend.roles.get(role_id)
            if role is None:
                return [], None
            boundary = role.permissions_boundary_arn
            return _policies(_documents(role)), self.managed_policies(account, [boundary]) if boundary else None

    def managed_policies(self, account: str, arns: list[str]) -> list[Policy]:
        """Return managed policies by ARN; unknown ones are left out, which means that they allow nothing."""
        with self.opened():
            known = self.backend(account).managed_policies
            return _policies([_default_version(known[arn]) for arn in arns if arn in known])

    def mfa_seed(self, account: str, user_name: str, serial_number: str) -> str | None:
        """Return the base32 seed of a virtual MFA device that is enabled for a user, or None."""
        with self.opened():
            backend = self.backend(account)
            user = backend.users.get(user_name)
            device = backend.virtual_mfa_devices.get(serial_number)
            if user is None or device is None or serial_number not in user.mfa_devices:
                return None
            return str(device.base32_string_seed)

    def set_key_status(self, access_key_id: str, account: str, *, active: bool) -> bool:
        """Activate or deactivate a user's key; False when there is no such key."""
        if account not in self._partitions:
            return False
        with self.opened():
            key = self.backend(account).access_keys.get(access_key_id)
            if key is None:
                return False
            key.status = "Active" if active else "Inactive"
            return True


def harden_key(backend: IAMBackend, key: Any) -> None:
    """Give a key that moto made an id and secret from the system's random source, the account encoded as AWS does."""
    backend.access_keys.pop(key.access_key_id, None)
    key.access_key_id = new_access_key_id("AKIA", backend.account_id)
    key.secret_access_key = new_secret()
    backend.access_keys[key.access_key_id] = key


@lru_cache
def _aws_managed_policies(partition: str) -> tuple[AWSManagedPolicy, ...]:
    # reading fifteen hundred policies takes a moment, so it is done once per process, not per account
    found = json.loads(aws_managed_policies_data)
    return tuple(AWSManagedPolicy.from_data(name, "", partition, data) for name, data in found.items())


def _copy(policy: AWSManagedPolicy, account: str) -> AWSManagedPolicy:
    copied = copy(policy)
    copied.account_id = account
    copied.versions = list(policy.versions)
    return copied


def _documents(holder: Any) -> list[str]:
    inline = list(holder.policies.values())
    return inline + [_default_version(policy) for policy in holder.managed_policies.values()]


def _default_version(policy: Any) -> str:
    return next((str(one.document) for one in policy.versions if one.version_id == policy.default_version_id), "")


def _policies(texts: list[str]) -> list[Policy]:
    parsed = []
    for text in texts:
        try:
            parsed.append(parse_policy(text))
        except ValueError:
            # moto stores documents that IAM would have refused; such a policy allows nothing
            continue
    return parsed
