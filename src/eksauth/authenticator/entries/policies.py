"""The access policies of EKS as data: their names, and the rules of those that are known.

No API tells what a policy grants, so the table is written down from AWS's documentation, with its version. A policy
without rules here exists, and what it grants is not known to this version: it grants nothing, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from eksauth.aws.arn import parse_arn
from eksauth.kube.rbac import Rule

Audience = Literal["people", "services", "service-linked roles"]


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One access policy.

    :ivar audience: whom it is made for; those for service-linked roles cannot be associated by users.
    :ivar rules: None when this version does not know them.
    """

    name: str
    audience: Audience
    rules: tuple[Rule, ...] | None


@dataclass(frozen=True, slots=True)
class PolicyTable:
    """Every policy by name, as of ``version``."""

    version: str
    policies: dict[str, AccessPolicy]

    def find(self, policy_arn: str) -> AccessPolicy:
        """Return the policy that an ARN names.

        :raises ValueError: when it names none, with what is wrong.
        """
        try:
            arn = parse_arn(policy_arn)
        except ValueError:
            raise ValueError("is not an ARN") from None
        kind, _, name = arn.resource.partition("/")
        if arn.service != "eks" or arn.account != "aws" or kind != "cluster-access-policy":
            what = "is an IAM policy, not an access policy" if arn.service == "iam" else "is not an access policy"
            raise ValueError(f"{what}; access policies are arn:aws:eks::aws:cluster-access-policy/NAME")
        policy = self.policies.get(name)
        if policy is None:
            near = get_close_matches(name, self.policies, 1)
            raise ValueError("names no access policy" + (f"; did you mean {near[0]}" if near else ""))
        return policy


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    verbs: tuple[str, ...]
    apiGroups: tuple[str, ...] = ()  # noqa: N815  Kubernetes' own spelling
    resources: tuple[str, ...] = ()
    nonResourceURLs: tuple[str, ...] = ()  # noqa: N815


class _Policy(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    audience: Audience = msgspec.field(name="for")
    includes: tuple[str, ...] = ()
    rules: tuple[_Rule, ...] | None = None


class _File(msgspec.Struct):
    version: str
    policies: tuple[_Policy, ...]


@cache
def policy_table() -> PolicyTable:
    """Return the table that comes with this version."""
    raw = files("eksauth.authenticator.entries").joinpath("access_policies.json").read_bytes()
    file = msgspec.json.decode(raw, type=_File)
    written = {policy.name: policy for policy in file.policies}

    def rules_of(policy: _Policy) -> tuple[Rule, ...] | None:
        if policy.rules is None:
            return None
        own = tuple(
            Rule(
                verbs=rule.verbs,
                api_groups=rule.apiGroups,
                resources=rule.resources,
                non_resource_urls=rule.nonResourceURLs,
            )
            for rule in policy.rules
        )
        included = tuple(rule for name in policy.includes for rule in rules_of(written[name]) or ())
        return included + own

    return PolicyTable(
        file.version,
        {policy.name: AccessPolicy(policy.name, policy.audience, rules_of(policy)) for policy in file.policies},
    )
