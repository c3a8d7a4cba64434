"""``aws/assume-root``: fifteen minutes as the root user of a member account, for one of the tasks that AWS allows.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html: at most 900 seconds, regional endpoints only.
"""

from __future__ import annotations

from dataclasses import dataclass

from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.identities.chain import region_of
from eksauth.credentials.identities.contract import Context, Material
from eksauth.credentials.identities.trust import require_trust
from eksauth.credentials.model import Credentials
from eksauth.errors import ConfigError

MAX_SECONDS = 900
TASKS = (
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
)
"""The managed policies below ``root-task/``."""


@dataclass(frozen=True, slots=True)
class RootStep:
    """A member account's root, for one task."""

    name: str
    kind: str
    account: str | None
    task_policy_arn: str
    duration_seconds: int
    region: str
    endpoint_url: str | None
    place: str

    def facts(self) -> tuple[str, ...]:
        """Return account, task, duration and where STS is asked."""
        duration = str(self.duration_seconds)
        return (self.account or "", self.task_policy_arn, duration, self.region, self.endpoint_url or "")

    def obtain(self, source: Material | None, context: Context) -> Material | None:
        """Trade AWS credentials of the management account for the member account's root.

        :raises AwsError: when STS refuses, or cannot be reached.
        """
        if self.endpoint_url is not None:
            require_trust(context, "asking the endpoint_url", self.name)
        if not isinstance(source, Credentials):
            raise ConfigError(
                f"{self.place}: identity '{self.name}' can only follow AWS credentials",
                hint="give it via.identity, with an identity of the management account",
                code="config.chain_source",
            )
        from eksauth.credentials.identities.sts import credentials_from, sts_client, sts_errors

        with sts_errors(self.name, f"assuming root of {self.account}"):
            client = sts_client(self.region, endpoint_url=self.endpoint_url, credentials=source)
            answer = client.assume_root(
                TargetPrincipal=self.account,
                TaskPolicyArn={"arn": self.task_policy_arn},
                DurationSeconds=self.duration_seconds,
            )
            return credentials_from(answer, f"root of {self.account}")


def identity_step(identity: Identity, config: AuthConfig) -> RootStep:
    """Return the step of an ``aws/assume-root``.

    :raises ConfigError: when account or task are none that AWS knows.
    """
    principal = identity.principal
    account, task = principal.target_principal or "", principal.task_policy_arn or ""
    if len(account) != 12 or not (account.isascii() and account.isdigit()):
        raise ConfigError(
            f"{identity.place}: target_principal of identity '{identity.name}' is not an account of twelve digits",
            hint='write it in quotes, such as "111122223333"',
            code="config.root",
        )
    prefix, _, name = task.rpartition("/")
    if name not in TASKS or not prefix.endswith(":policy/root-task"):
        raise ConfigError(
            f"{identity.place}: task_policy_arn of identity '{identity.name}' is none that AWS has for root tasks",
            hint=f"it is arn:aws:iam::aws:policy/root-task/ and one of {', '.join(TASKS)}",
            code="config.root",
        )
    seconds = min(principal.duration_seconds or MAX_SECONDS, MAX_SECONDS)
    return RootStep(
        identity.name,
        identity.declared_kind,
        account,
        task,
        seconds,
        region_of(config, identity),
        identity.endpoint_url,
        str(identity.place),
    )
