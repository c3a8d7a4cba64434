"""The machine that a sandbox plays, and the credentials that it hands out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from eksauth.aws.policy_foreign import ForeignPrincipal
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sts.role_session import Wanted, open_role_session, trusting_role
from eksauth.sandbox.aws.sts.tags import SessionTags

_REUSED_ABOVE = 900


@dataclass
class Machine:
    """One machine: a container and an instance, each with a role; an empty ARN means that there is none.

    :param url: of the plain HTTP listener, without a slash at the end.
    :param container_token: what ``Authorization`` has to be for container credentials.
    :param pod_tags: the session tags that the pod's session carries, as those of EKS Pod Identity do.
    """

    url: str = ""
    region: str = "us-west-2"
    instance_id: str = "i-0123456789abcdef0"
    container_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    pod_role_arn: str = ""
    node_role_arn: str = ""
    pod_tags: tuple[tuple[str, str], ...] = ()
    metadata_tokens: dict[str, float] = field(default_factory=dict, repr=False)
    _given: dict[str, tuple[float, Any]] = field(default_factory=dict, repr=False)

    def pod_credentials(self, store: IamStore, sessions: SessionStore, *, now: float) -> Any:
        """Return the credentials of the pod's role, as STS answers hold them.

        :raises ServiceFault: AccessDenied when the role is absent or does not trust Pod Identity.
        """
        wanted = Wanted(
            session_name="eks-demo-app-0001",
            tags=SessionTags(self.pod_tags, frozenset(key.lower() for key, _ in self.pod_tags)),
        )
        return self._credentials("pods.eks.amazonaws.com", self.pod_role_arn, wanted, store, sessions, now=now)

    def node_credentials(self, store: IamStore, sessions: SessionStore, *, now: float) -> Any:
        """Return the credentials of the instance's role, as STS answers hold them.

        :raises ServiceFault: AccessDenied when the role is absent or does not trust EC2.
        """
        wanted = Wanted(session_name=self.instance_id)
        return self._credentials("ec2.amazonaws.com", self.node_role_arn, wanted, store, sessions, now=now)

    def _credentials(
        self, service: str, arn: str, wanted: Wanted, store: IamStore, sessions: SessionStore, *, now: float
    ) -> Any:
        ends, found = self._given.get(arn, (0.0, None))
        # the real services repeat themselves until the end comes near
        if ends - now > _REUSED_ABOVE and sessions.get(found["AccessKeyId"]) is not None:
            return found
        actions = ["sts:AssumeRole"] + (["sts:TagSession"] if wanted.tags.pairs else [])
        try:
            role = trusting_role(
                store, arn, ForeignPrincipal("Service", service), actions, wanted.tags.request_context()
            )
        except ValueError:
            raise ServiceFault("AccessDenied", "there is no role", 403) from None
        result = open_role_session(store, sessions, role, wanted, now=now)["Credentials"]
        self._given[arn] = (result["Expiration"].seconds, result)
        return result

    def forget(self) -> None:
        """Hand out new credentials from now on."""
        self._given.clear()
