"""Policies that a request passes along to limit its session, and the room that they and tags take.

Rules: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (Policy, PolicyArns, PackedPolicySize).
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from eksauth.aws.policy import Policy, parse_policy
from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sts import fields
from eksauth.sandbox.aws.sts.tags import SessionTags

_MOST_ARNS = 10
# AWS packs policies and tags into a format of its own, whose size it reports in percent of an unpublished limit;
# deflate and a kilobyte come near it: real tags of six keys take a fifth, no plain request of ordinary size is refused
_PACKED_BYTES = 1024


@dataclass(frozen=True)
class SessionPolicies:
    """What limits a session.

    :param text: the inline policy as it was sent; empty without one.
    :param arns: managed policies.
    """

    text: str = ""
    arns: tuple[str, ...] = ()
    inline: tuple[Policy, ...] = ()

    def resolve(self, store: IamStore, account: str) -> tuple[Policy, ...]:
        """Return all limiting policies; ``account`` is the one that owns the managed ones.

        :raises ServiceFault: ValidationError when a managed policy does not exist.
        """
        managed = store.managed_policies(account, list(self.arns))
        if len(managed) != len(self.arns):
            raise fields.invalid("PolicyArns names no policy that exists")
        return (*self.inline, *managed)


def read_session_policies(parameters: Parameters) -> SessionPolicies:
    """Read ``Policy`` and ``PolicyArns``.

    :raises ServiceFault: MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError.
    """
    arns = tuple(parameters.members("PolicyArns", "arn"))
    if len(arns) > _MOST_ARNS:
        raise fields.constraint("", "PolicyArns", f"length less than or equal to {_MOST_ARNS}")
    text = parameters.get("Policy")
    if text is None:
        return SessionPolicies("", arns)
    if len(text) > 2048:
        raise ServiceFault("PackedPolicyTooLarge", "The session policy is larger than 2048 characters")
    return SessionPolicies(text, arns, (parse_session_policy(text),))


def parse_session_policy(text: str) -> Policy:
    """Parse an inline session policy.

    :raises ServiceFault: MalformedPolicyDocument.
    """
    try:
        policy = parse_policy(text)
    except ValueError as error:
        raise ServiceFault("MalformedPolicyDocument", f"The policy is not in the valid JSON format: {error}") from None
    if any(statement.principals is not None for statement in policy.statements):
        raise ServiceFault("MalformedPolicyDocument", "Policy document should not specify a principal.")
    return policy


def packed_size(policies: SessionPolicies, tags: SessionTags) -> int | None:
    """Return the percentage of the allotted space that a session takes, None when it passes nothing.

    :raises ServiceFault: PackedPolicyTooLarge above a hundred.
    """
    if not policies.text and not policies.arns and not tags.pairs:
        return None
    compact = policies.text.strip()
    if compact:
        compact = json.dumps(json.loads(compact), separators=(",", ":"))
    passed = "\0".join([compact, *policies.arns, *(text for pair in tags.pairs for text in pair)])
    percent = -(-len(zlib.compress(passed.encode(), 9)) * 100 // _PACKED_BYTES)
    if percent > 100:
        raise ServiceFault(
            "PackedPolicyTooLarge", f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
        )
    return percent
