"""The part of the control API that is about Identity Center: people, accounts, decisions without a browser, endings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.sso.authorization_request import RedirectedFault, allow, deny, read_authorization_request
from eksauth.sandbox.aws.sso.center import IdentityCenter, Settings
from eksauth.sandbox.aws.sso.directory import PermissionSet, Person, PortalAccount
from eksauth.sandbox.aws.sso.roles import open_account, provision_role

_MOST_ACCOUNTS = 1000
_FIRST_OF_MANY = 900_000_000_000


class _Person(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str
    password: str
    display_name: str = ""


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    name: str
    email: str = ""


class _ManyAccounts(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    user_name: str
    permission_set: str

    def __post_init__(self) -> None:
        if not 1 <= self.count <= _MOST_ACCOUNTS:
            raise ValueError(f"count lies between 1 and {_MOST_ACCOUNTS}")


class _PermissionSet(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    session_seconds: int = 3600


class _Assignment(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str
    account: str
    permission_set: str


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    user_code: str
    user_name: str
    allow: bool = True


class _Authorization(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    user_name: str
    allow: bool = True


class _Expiry(msgspec.Struct, forbid_unknown_fields=True):
    what: Literal["access", "refresh", "sign_in", "client", "device", "code"]
    user_name: str | None = None


class SsoControl:
    """Control routes over one Identity Center; paths are relative to ``/_sandbox/sso/``."""

    def __init__(self, center: IdentityCenter, iam: IamStore, now: Callable[[], float]) -> None:
        self._center = center
        self._iam = iam
        self._now = now

    def route(self, method: str, path: str) -> Callable[[bytes], Any] | None:
        """Return what answers a control request, or None; it raises LookupError and ValueError for bad input."""
        routes: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", ""): lambda _: self._describe(),
            ("PUT", "settings"): self._set,
            ("POST", "people"): self._add_person,
            ("POST", "accounts"): self._add_account,
            ("POST", "many-accounts"): self._add_many_accounts,
            ("POST", "permission-sets"): self._add_permission_set,
            ("POST", "assignments"): self._assign,
            ("DELETE", "assignments"): self._unassign,
            ("POST", "decide"): self._decide,
            ("POST", "authorize"): self._authorize,
            ("POST", "expire"): self._expire,
        }
        kind, _, user_name = path.partition("/")
        if (method, kind) == ("DELETE", "sessions") and user_name:
            return lambda _: self._end_sessions(user_name)
        return routes.get((method, path))

    def _describe(self) -> Any:
        center, directory = self._center, self._center.directory
        return {
            "start_url": center.start_url,
            "issuer_url": center.issuer_url,
            "region": center.region,
            "settings": msgspec.structs.asdict(center.settings),
            "people": [{"user_name": one.user_name, "display_name": one.display_name} for one in directory.people],
            "accounts": [msgspec.to_builtins(one) for one in directory.accounts.values()],
            "permission_sets": sorted(directory.permission_sets),
            "sessions": {
                one.user_name: len(center.tokens.of_user(one.user_name))
                for one in directory.people
                if center.tokens.of_user(one.user_name)
            },
        }

    def _set(self, body: bytes) -> Any:
        changes = msgspec.json.decode(body, type=dict[str, int])
        merged = msgspec.structs.asdict(self._center.settings) | changes
        self._center.settings = msgspec.convert(merged, type=Settings)
        return merged

    def _add_person(self, body: bytes) -> Any:
        one = msgspec.json.decode(body, type=_Person)
        self._center.directory.add_person(Person(one.user_name, one.display_name or one.user_name, one.password))
        return {}

    def _add_account(self, body: bytes) -> Any:
        one = msgspec.json.decode(body, type=_Account)
        self._open_account(PortalAccount(one.account, one.name, one.email or f"aws+{one.account}@example.com"))
        return {}

    def _add_many_accounts(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_ManyAccounts)
        directory = self._center.directory
        if directory.person(wanted.user_name) is None or wanted.permission_set not in directory.permission_sets:
            raise LookupError("no such person or permission set")
        numbers: list[str] = []
        number = _FIRST_OF_MANY
        while len(numbers) < wanted.count:
            number += 1
            account = str(number)
            if account in directory.accounts:
                continue
            # making its IAM takes longer than all the rest
            directory.unopened.add(account)
            listed = PortalAccount(account, f"account-{account[-4:]}", f"aws+{account}@example.com")
            directory.accounts[account] = listed
            directory.assign(wanted.user_name, account, wanted.permission_set)
            numbers.append(account)
        return {"accounts": numbers}

    def _open_account(self, account: PortalAccount) -> None:
        if self._iam.partition_of(account.account) not in {None, "aws"}:
            raise ValueError("that account is in another partition")
        self._iam.add_account(account.account, "aws")
        self._center.directory.accounts[account.account] = account

    def _add_permission_set(self, body: bytes) -> Any:
        one = msgspec.json.decode(body, type=_PermissionSet)
        self._center.directory.permission_sets[one.name] = PermissionSet(one.name, one.session_seconds)
        return {}

    def _assign(self, body: bytes) -> Any:
        one = msgspec.json.decode(body, type=_Assignment)
        return {"role_arn": self._give(one.user_name, one.account, one.permission_set)}

    def _give(self, user_name: str, account: str, permission_set: str) -> str:
        self._center.directory.assign(user_name, account, permission_set)
        open_account(self._iam, self._center.directory, account, self._center.region)
        found = self._center.directory.permission_sets[permission_set]
        return provision_role(self._iam, account, found, self._center.region)

    def _unassign(self, body: bytes) -> Any:
        one = msgspec.json.decode(body, type=_Assignment)
        if not self._center.directory.unassign(one.user_name, one.account, one.permission_set):
            raise LookupError("no such assignment")
        return {}

    def _decide(self, body: bytes) -> Any:
        """Allow or deny a device authorization as a person would on its page."""
        wanted = msgspec.json.decode(body, type=_Decision)
        person = self._center.directory.person(wanted.user_name)
        grant = self._center.devices.waiting(wanted.user_code, self._now())
        if person is None or grant is None:
            raise LookupError("no such person" if person is None else "no authorization waits under that code")
        grant.user_name = person.user_name
        grant.verdict = "allowed" if wanted.allow else "denied"
        return {}

    def _authorize(self, body: bytes) -> Any:
        """Do with an authorization URL what a person would; returns where the browser would be sent."""
        wanted = msgspec.json.decode(body, type=_Authorization)
        person = self._center.directory.person(wanted.user_name)
        if person is None:
            raise LookupError("no such person")
        try:
            asked = read_authorization_request(wanted.url.partition("?")[2].encode(), self._center, self._now())
        except RedirectedFault as fault:
            return {"location": fault.location}
        except ServiceFault as fault:
            raise ValueError(fault.message) from fault
        if not wanted.allow:
            return {"location": deny(asked)}
        return {"location": allow(asked, self._center, user_name=person.user_name, now=self._now())}

    def _expire(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Expiry)
        center, now = self._center, self._now()
        match wanted.what:
            case "client":
                return {"expired": center.clients.expire_all(now)}
            case "device":
                return {"expired": center.devices.expire_all(now)}
            case "code":
                return {"expired": center.codes.expire_all(now)}
            case what:
                names = [wanted.user_name] if wanted.user_name else [one.user_name for one in center.directory.people]
                families = [family for name in names for family in center.tokens.of_user(name)]
                for family in families:
                    if what == "access":
                        center.tokens.expire_access(family, now)
                    elif what == "refresh":
                        center.tokens.drop_refresh(family)
                    else:
                        family.ends_at = now
                        center.tokens.expire_access(family, now)
                return {"expired": len(families)}

    def _end_sessions(self, user_name: str) -> Any:
        person = self._center.directory.person(user_name)
        if person is None:
            raise LookupError("no such person")
        families = self._center.tokens.of_user(person.user_name)
        for family in families:
            self._center.tokens.revoke(family)
        return {"revoked": len(families), "signed_out": self._center.visits.sign_out_everywhere(person.user_name)}
