"""Every rule that a token must obey before STS is asked, in the order of aws-iam-authenticator, ours in between.

A rule that the reference does not have is marked by ``stricter``: the codes that it, and only it, may answer for tokens
that the reference would let through. ``docs/reference/verify.md`` explains each. Pure: ``now`` is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eksauth.authenticator.rules import form, signing
from eksauth.authenticator.rules.evidence import Evidence, NotReached
from eksauth.authenticator.rules.refusal import Refusal

Check = Callable[[Evidence], Refusal | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :param name: stable, for machines.
    :param title: what must hold, for people.
    :param stricter: reason codes of this rule that the reference authenticator does not have.
    """

    name: str
    title: str
    check: Check
    stricter: tuple[str, ...] = ()


RULES: tuple[Rule, ...] = (
    Rule("size", "at most 16 KiB", form.check_size),
    Rule("prefix", "begins with k8s-aws-v1.", form.check_prefix),
    Rule("base64", "continues in canonical base64url", form.check_base64, ("token.not_canonical",)),
    Rule(
        "url",
        "holds one plain URL, without user or fragment",
        form.check_url,
        ("token.unsafe_characters", "token.fragment", "token.userinfo"),
    ),
    Rule("scheme", "the URL is https", form.check_scheme),
    Rule(
        "host",
        "its host is STS in a region of the cluster's partition",
        form.check_host,
        ("token.region_unknown", "token.partition_mismatch"),
    ),
    Rule("path", "its path is /", form.check_path),
    Rule("query", "its query is well formed", form.check_query),
    Rule("unique-parameters", "no parameter in two spellings", form.check_unique_names),
    Rule(
        "known-parameters", "only parameters of a presigned call", form.check_known_names, ("token.unsafe_characters",)
    ),
    Rule("single-values", "each parameter once", form.check_single_values),
    Rule("action", "it calls GetCallerIdentity", signing.check_action),
    Rule("cluster-id-signed", "the cluster id header is signed", signing.check_cluster_id_signed),
    Rule("host-signed", "the host is signed", signing.check_host_signed, ("token.host_not_signed",)),
    Rule(
        "no-other-headers", "no other header is signed", signing.check_no_other_headers, ("token.extra_signed_headers",)
    ),
    Rule("expires", "X-Amz-Expires is from 0 to 900", signing.check_expires),
    Rule("date", "X-Amz-Date is a time", signing.check_date, ("token.fractional_date",)),
    Rule("not-expired", "not older than 15 minutes", signing.check_not_expired),
    Rule("not-future", "not dated more than 5 minutes ahead", signing.check_not_future, ("token.future_date",)),
    Rule("algorithm", "signed with AWS4-HMAC-SHA256", signing.check_algorithm, ("token.unexpected_algorithm",)),
    Rule(
        "credential",
        "names an access key and a scope",
        signing.check_credential,
        ("token.unsigned", "token.malformed_credential"),
    ),
    Rule(
        "scope-date", "the scope's day is that of X-Amz-Date", signing.check_scope_date, ("token.scope_date_mismatch",)
    ),
    Rule("scope-service", "the scope's service is sts", signing.check_scope_service, ("token.scope_service_mismatch",)),
    Rule(
        "scope-region", "the scope's region is the host's", signing.check_scope_region, ("token.scope_region_mismatch",)
    ),
    Rule(
        "signature",
        "the signature has the right form",
        signing.check_signature,
        ("token.unsigned", "token.malformed_signature"),
    ),
)
"""In this order; the first that fails is the reason a cluster gives."""

TIGHTENINGS = frozenset(code for rule in RULES for code in rule.stricter)
"""The reason codes that a token may get here although the reference authenticator would ask STS about it."""


def check_rules(evidence: Evidence) -> Iterator[tuple[Rule, Refusal | NotReached | None]]:
    """Run every rule in order; each answers None (holds), a refusal, or that there was nothing left to look at."""
    for rule in RULES:
        try:
            yield rule, rule.check(evidence)
        except NotReached as signal:
            yield rule, signal


def first_refusal(evidence: Evidence) -> Refusal | None:
    """Return what a cluster would answer, or None when STS must be asked; stops at the first failure."""
    for rule in RULES:
        refusal = rule.check(evidence)
        if refusal is not None:
            return refusal
    return None
