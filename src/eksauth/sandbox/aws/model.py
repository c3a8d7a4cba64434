"""Who calls: callers, sessions and keys, as the services of the sandbox see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.aws.policy import Policy, Requester


@dataclass(frozen=True)
class Caller:
    """The verified identity behind a request.

    :param arn: as GetCallerIdentity shows it.
    :param user_id: ``AIDA…`` for users, ``AROA…:session`` for role sessions.
    :param principal_arn: the IAM ARN of the user or role, with path.
    :param name: of the user or role, without path.
    :param mfa: whether the session was made with a second factor; None for long-term keys, which cannot say.
    """

    access_key_id: str
    arn: str
    user_id: str
    account: str
    partition: str
    principal_arn: str
    name: str
    is_role: bool
    is_temporary: bool
    mfa: bool | None = None
    session_policies: tuple[Policy, ...] = ()
    issued_at: float = 0.0

    @property
    def requester(self) -> Requester:
        """Return this caller as policies compare principals."""
        return Requester(self.arn, self.principal_arn, self.account, self.user_id.partition(":")[0])


@dataclass(frozen=True)
class Session:
    """Temporary credentials that STS gave out."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: float
    caller: Caller
