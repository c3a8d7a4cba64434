"""Calls to the access portal, made again with a new token when the portal no longer takes the one at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from eksauth.credentials.botocore_errors import unreadable_answer
from eksauth.credentials.config.model import Provider
from eksauth.credentials.identities.contract import Context, SsoAccess
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.sso.clients import Answer, answers, portal_client, required
from eksauth.credentials.sso.provider import access as new_access

_MAX_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Account:
    """An account that the person may use; names are neither unique nor fixed."""

    id: str
    name: str


class PortalCalls:
    """What the holder of an access token may ask; use as a context manager. Safe to use from several threads.

    :ivar access: the token in use; another one after the portal refused the first.
    """

    def __init__(self, provider: Provider, access: SsoAccess, context: Context) -> None:
        if provider.endpoint_url is not None:
            require_trust(context, "asking the endpoint_url", provider.name)
        self.access = access
        self._provider = provider
        self._context = context
        self._renewing = threading.Lock()
        self._client = portal_client(access.region, endpoint_url=provider.endpoint_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def accounts(self) -> Iterator[Account]:
        """Return all accounts, page by page."""
        for page in self._pages("list_accounts", "listing accounts"):
            with answers("listing accounts"):
                found = page["accountList"]
                listed = [Account(required(one, "accountId"), str(one.get("accountName") or "")) for one in found]
            yield from listed

    def roles(self, account: str) -> list[str]:
        """Return the names of the permission sets that the person has in an account."""
        doing = f"listing what you may be in account {account}"
        names: list[str] = []
        for page in self._pages("list_account_roles", doing, accountId=account):
            with answers(doing):
                names += [required(one, "roleName") for one in page["roleList"]]
        return names

    def role_credentials(self, account: str, role: str) -> Any:
        """Return ``roleCredentials`` of GetRoleCredentials."""
        doing = f"getting credentials of {role} in account {account}"
        answer = self._call("get_role_credentials", doing, accountId=account, roleName=role)
        with answers(doing):
            return answer["roleCredentials"]

    def _pages(self, operation: str, doing: str, **parameters: str) -> Iterator[Any]:
        token: str | None = None
        for _page in range(_MAX_PAGES):
            if token is not None:
                parameters["nextToken"] = token
            page = self._call(operation, doing, **parameters)
            yield page
            before, token = token, page.get("nextToken")
            if not token:
                return
            if token == before:
                break
        raise unreadable_answer(doing)

    def _call(self, operation: str, doing: str, **parameters: str) -> Any:
        held = self.access.access_token
        try:
            return self._once(operation, doing, held, parameters)
        except Answer as answer:
            if answer.name != "UnauthorizedException":
                raise
        with self._renewing:
            if self.access.access_token == held:
                self.access = new_access(self._provider, self._context, refused=held)
        return self._once(operation, doing, self.access.access_token, parameters)

    def _once(self, operation: str, doing: str, token: str, parameters: dict[str, str]) -> Any:
        with answers(doing):
            return getattr(self._client, operation)(accessToken=token, **parameters)
