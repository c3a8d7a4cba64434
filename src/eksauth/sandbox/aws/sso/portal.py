"""The access portal's API: accounts, roles, credentials, signing out. A bearer token says who asks."""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import Parameters, RawRequest, parse_pairs
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.registrations import ACCOUNT_ACCESS
from eksauth.sandbox.aws.sso.roles import find_role, open_account, open_role_session
from eksauth.sandbox.aws.sso.tokens import Family
from eksauth.sandbox.aws.wire import Answer, new_request_id

_TOKEN_HEADER = "x-amz-sso_bearer_token"
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_PAGE = 100


@dataclass(frozen=True)
class Portal:
    """The API for the holder of one access token."""

    center: IdentityCenter
    iam: IamStore
    sessions: SessionStore
    family: Family
    now: float

    def serve(self, operation: str, request: RawRequest) -> Answer:
        """Answer one operation.

        :raises ServiceFault: InvalidRequestException, ForbiddenException.
        """
        if operation == "Logout":
            self._logout()
            return Answer(200, b"", "application/json", {"x-amzn-RequestId": new_request_id()})
        parameters = Parameters(parse_pairs(request.query))
        match operation:
            case "ListAccounts":
                return self._list_accounts(parameters)
            case "ListAccountRoles":
                return self._list_roles(parameters)
            case _:
                return self._credentials(parameters)

    def _list_accounts(self, parameters: Parameters) -> Answer:
        accounts = {one.account: one for one in self.center.directory.accounts_of(self.family.user_name)}
        numbers, token = self._page(list(accounts), parameters, "ListAccounts")
        found = [accounts[number] for number in numbers]
        listed = [{"accountId": one.account, "accountName": one.name, "emailAddress": one.email} for one in found]
        return _answer({"accountList": listed, "nextToken": token})

    def _list_roles(self, parameters: Parameters) -> Answer:
        account = _account(parameters)
        names = self._assigned(account)
        page, token = self._page(names, parameters, f"ListAccountRoles {account}")
        return _answer({"roleList": [{"roleName": name, "accountId": account} for name in page], "nextToken": token})

    def _credentials(self, parameters: Parameters) -> Answer:
        account = _account(parameters)
        name = parameters.get("role_name")
        if not name:
            raise _invalid("role_name is missing")
        if name not in self._assigned(account):
            raise _forbidden()
        directory = self.center.directory
        open_account(self.iam, directory, account, self.center.region)
        role = find_role(self.iam, account, name)
        if role is None:
            raise _forbidden()
        session = open_role_session(
            role,
            account=account,
            partition=self.iam.partition_of(account) or "aws",
            user_name=self.family.user_name,
            seconds=directory.permission_sets[name].session_seconds,
            sessions=self.sessions,
            now=self.now,
        )
        credentials = {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret_access_key,
            "sessionToken": session.session_token,
            "expiration": int(session.expires_at) * 1000,
        }
        return _answer({"roleCredentials": credentials})

    def _assigned(self, account: str) -> list[str]:
        names = self.center.directory.permission_sets_of(self.family.user_name, account)
        if not names:
            raise _forbidden()
        return names

    def _logout(self) -> None:
        """End the tokens, and the sign-in of the browser in which they were allowed."""
        self.center.tokens.revoke(self.family)
        self.center.visits.sign_out(self.family.visit)

    def _page(self, names: list[str], parameters: Parameters, listing: str) -> tuple[list[str], str | None]:
        """Cut one page out of sorted names; a token is good for the listing and the person it was made for."""
        text = parameters.get("max_result")
        if text is not None and not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _PAGE):
            raise _invalid(f"max_result is a number between 1 and {_PAGE}")
        size = int(text) if text is not None else _PAGE
        subject = f"{listing} {self.family.user_name}".encode()
        token = parameters.get("next_token")
        if token:
            last = self._read_token(token, subject)
            names = [name for name in names if name > last]
        page = names[:size]
        return page, self._write_token(page[-1], subject) if len(names) > size else None

    def _write_token(self, last: str, subject: bytes) -> str:
        return urlsafe_b64encode(self._seal(last.encode(), subject) + last.encode()).decode()

    def _read_token(self, token: str, subject: bytes) -> str:
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
            seal, last = raw[:16], raw[16:]
            if hmac.compare_digest(seal, self._seal(last, subject)):
                return last.decode()
        except ValueError:
            pass
        raise _invalid("next_token is not one that this listing gave out")

    def _seal(self, last: bytes, subject: bytes) -> bytes:
        return hmac.digest(self.center.seal_key, sha256(subject).digest() + last, "sha256")[:16]


def authenticate(request: RawRequest, center: IdentityCenter, now: float) -> Family:
    """Return the tokens' family of who asks.

    :raises ServiceFault: UnauthorizedException.
    """
    family = center.tokens.of_access(request.header(_TOKEN_HEADER), now)
    if family is None or center.directory.person(family.user_name) is None:
        raise ServiceFault("UnauthorizedException", "Session token not found or invalid", 401)
    if family.scopes and ACCOUNT_ACCESS not in family.scopes:
        raise _forbidden()
    return family


def _account(parameters: Parameters) -> str:
    account = parameters.get("account_id") or ""
    if not _ACCOUNT.fullmatch(account):
        raise _invalid("account_id has 12 digits")
    return account


def _invalid(message: str) -> ServiceFault:
    return ServiceFault("InvalidRequestException", message)


def _forbidden() -> ServiceFault:
    # one answer to accounts, roles and assignments that do not exist
    return ServiceFault("ForbiddenException", "No access", 403)


def _answer(document: dict[str, Any]) -> Answer:
    headers = {"x-amzn-RequestId": new_request_id(), "Cache-Control": "no-store"}
    return Answer(200, json.dumps(document).encode(), "application/json", headers)
