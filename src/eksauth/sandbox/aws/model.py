"""Who calls: callers, sessions and keys, as the services of the sandbox see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from eksauth.aws.policy import Policy, Requester
from eksauth.sandbox.aws.sts.tags import SessionTags


@dataclass(frozen=True)
class Caller:
    """The verified identity behind a request.

    :param arn: as GetCallerIdentity shows it.
    :param user_id: ``AIDA…`` for users, ``AROA…:session`` for role sessions.
    :param principal_arn: the IAM ARN of the user or role, with path.
    :param name: of the user or role, without path.
    :param mfa: whether the session was made with a second factor; None for long-term keys, which cannot say.
    :param is_root: whether this is the root user of the account, for a task that AssumeRoot was asked for.
    :param is_federated_user: whether the session comes from GetFederationToken.
    :param is_chained: whether the role was assumed from another role.
    :param federation: condition keys that tell later requests who vouched for the session.
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
    is_root: bool = False
    is_federated_user: bool = False
    session_tags: SessionTags = field(default_factory=SessionTags)
    source_identity: str = ""
    federation: tuple[tuple[str, str], ...] = ()
    is_chained: bool = False

    @property
    def is_user(self) -> bool:
        """Tell whether this is an IAM user, with long-term keys or a session of its own."""
        return not (self.is_role or self.is_root or self.is_federated_user)

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
