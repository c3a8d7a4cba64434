"""Who sends a request: a static token, a token that the webhook vouches for, or nobody."""

from __future__ import annotations

import csv
import hmac
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eksauth.errors import ConfigError
from eksauth.kube.rbac import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User
from eksauth.sandbox.apiserver.status import unauthorized
from eksauth.sandbox.apiserver.webhook import TokenWebhook, WebhookError


class Authenticator:
    """Turns an Authorization header into a user.

    :param tokens: users by static token.
    :param anonymous_paths: None lets requests without a token in everywhere as ``system:anonymous`` (RBAC then
        decides); otherwise only on these exact paths, which is what EKS does since Kubernetes 1.32.
    """

    def __init__(
        self,
        tokens: Mapping[str, User],
        webhook: TokenWebhook | None,
        *,
        anonymous_paths: tuple[str, ...] | None = None,
    ) -> None:
        self._tokens = dict(tokens)
        self._webhook = webhook
        self._anonymous_paths = anonymous_paths

    async def authenticate(self, header: str | None, path: str) -> User:
        """Return the user of a request.

        :param header: the Authorization header; anything but a bearer token counts as absent, as in kube-apiserver.
        :raises ApiError: 401, which never says why.
        """
        token = bearer_token(header)
        if token is None:
            if self._anonymous_paths is not None and path not in self._anonymous_paths:
                raise unauthorized()
            return User(ANONYMOUS, (UNAUTHENTICATED,))
        user = await self.judge(token)
        if user is None:
            raise unauthorized()
        return user

    async def judge(self, token: str) -> User | None:
        """Return the user of a bearer token, with the group that all of them are in, or None."""
        user = self._static(token)
        if user is None and self._webhook is not None:
            try:
                user = await self._webhook.authenticate(token)
            except WebhookError:
                return None
        if user is None or not user.name:
            return None
        if user.name == ANONYMOUS or {AUTHENTICATED, UNAUTHENTICATED} & set(user.groups):
            return user
        return replace(user, groups=(*user.groups, AUTHENTICATED))

    def _static(self, token: str) -> User | None:
        given = token.encode("utf-8", "surrogateescape")
        found = None
        for known, user in self._tokens.items():  # every one is compared, so that time tells nothing
            if hmac.compare_digest(known.encode(), given):
                found = user
        return found


def bearer_token(header: str | None) -> str | None:
    """Return the token of an Authorization header, or None when it holds no bearer token."""
    parts = (header or "").strip().split(" ")
    if len(parts) < 2 or parts[0].lower() != "bearer" or not parts[1]:
        return None
    return parts[1]


def read_token_file(path: Path) -> dict[str, User]:
    """Read a static token file: CSV lines of token, user name, uid and, optionally quoted, comma-separated groups.

    :raises ConfigError: when it cannot be read or a line is malformed; the line is named, its text is not shown.
    """
    users: dict[str, User] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file, skipinitialspace=True), start=1):
                if not row:
                    continue
                if len(row) < 3 or not row[0] or not row[1]:
                    raise ConfigError(
                        f"{path} line {number}: a token line needs token, user name and uid",
                        hint='write it as: token,user,uid,"group1,group2"',
                        code="token_file.malformed",
                    )
                groups = tuple(group.strip() for group in row[3].split(",") if group.strip()) if len(row) > 3 else ()
                users[row[0]] = User(row[1], groups, row[2])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = (error.strerror or "unreadable").lower() if isinstance(error, OSError) else "it is no CSV text"
        raise ConfigError(f"cannot read the token file {path}: {why}", code="token_file.unreadable") from error
    return users
