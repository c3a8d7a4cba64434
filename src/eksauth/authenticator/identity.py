"""Who STS says the caller is, in the terms that cluster mappings and Kubernetes use.

Behaviour is that of aws-iam-authenticator, with two deliberate tightenings: the account that STS names must be the
account in the ARN, and the ARN must belong to the partition of the server. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from eksauth.aws.arn import canonical_principal, parse_arn
from eksauth.errors import Refused

_UID_PREFIX = "aws-iam-authenticator"
_SESSION_KINDS = {"role", "assumed-role"}


class IdentityRefused(Refused):
    """STS vouched for the token, but what it said cannot be a principal of this server's partition."""

    code = "identity.malformed"


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The three fields of a GetCallerIdentity answer, as STS wrote them."""

    account: str
    arn: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified IAM identity.

    :param arn: as STS wrote it.
    :param canonical_arn: what mappings are compared with; for an assumed role, the role's ARN without path.
    :param kind: ``root``, ``user``, ``role``, ``assumed-role`` or ``federated-user``.
    :param account_id: 12 digits.
    :param user_id: unique id: ``AROA…`` for roles, ``AIDA…`` for users, the account for root, ``ACCOUNT:name`` for
        federated users.
    :param session_name: the role session's name, empty for everything that is no role.
    :param access_key_id: the key that signed the token.
    :param sts_host: the STS host that vouched for it.
    """

    arn: str
    canonical_arn: str
    kind: str
    account_id: str
    user_id: str
    session_name: str
    access_key_id: str
    sts_host: str

    @property
    def partition(self) -> str:
        """The partition of the ARN, such as ``aws-cn``."""
        return self.arn.split(":", 2)[1]

    @property
    def uid(self) -> str:
        """The uid that Kubernetes sees: ``aws-iam-authenticator:<account>:<unique id>``."""
        return f"{_UID_PREFIX}:{self.account_id}:{self.user_id}"

    @property
    def extra(self) -> dict[str, tuple[str, ...]]:
        """The ``extra`` fields that Kubernetes sees; keys and values are those of aws-iam-authenticator."""
        return {
            "arn": (self.arn,),
            "canonicalArn": (self.canonical_arn,),
            "sessionName": (self.session_name,),
            "accessKeyId": (self.access_key_id,),
            "principalId": (self.user_id,),
            "sigs.k8s.io/aws-iam-authenticator/principalId": (self.user_id,),
        }


def scrubbed_uid(username: str) -> str:
    """Return the uid for identities of scrubbed accounts, which tells nothing about the AWS side."""
    return f"{_UID_PREFIX}:administrative:{username}"


def identity_from(caller: CallerIdentity, *, access_key_id: str, sts_host: str, partition: str) -> Identity:
    """Derive the identity from what STS answered.

    :param partition: the partition of the server; the ARN must be of the same.
    :raises IdentityRefused: ``identity.malformed``, ``identity.partition_mismatch`` or ``identity.account_mismatch``.
    """
    if not (caller.arn.isascii() and caller.user_id.isascii()):
        # mappings are compared in lower case, where some other letters become ASCII ones (the Kelvin sign a k)
        raise IdentityRefused("STS named a caller with letters that no IAM name has")
    try:
        kind, canonical_arn = canonical_principal(caller.arn)
    except ValueError as error:
        raise IdentityRefused(f"STS named a caller that is no IAM principal: {error}") from None
    arn = parse_arn(caller.arn)
    if arn.partition != partition:
        raise IdentityRefused(
            f"the identity is of partition {arn.partition}, the cluster is of partition {partition}",
            hint="use credentials of the partition that the cluster is in",
            code="identity.partition_mismatch",
        )
    if not (len(arn.account) == 12 and arn.account.isascii() and arn.account.isdigit()):
        raise IdentityRefused("STS named a caller whose ARN holds no 12-digit account")
    if caller.account != arn.account:
        raise IdentityRefused(
            "STS named one account and an ARN of another",
            hint="nothing that the real STS says; look at what answers in its place",
            code="identity.account_mismatch",
        )
    user_id, session_name = caller.user_id, ""
    if kind in _SESSION_KINDS:
        user_id, colon, session_name = caller.user_id.partition(":")
        if not colon or ":" in session_name:
            raise IdentityRefused("STS gave a role a user id that is not of the form ID:SESSION")
    return Identity(
        arn=caller.arn,
        canonical_arn=canonical_arn,
        kind=kind,
        account_id=arn.account,
        user_id=user_id,
        session_name=session_name,
        access_key_id=access_key_id,
        sts_host=sts_host,
    )
