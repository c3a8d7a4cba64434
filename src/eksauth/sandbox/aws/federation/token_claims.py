"""What the claims of a verified token mean for a session; pure.

Condition keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
Tags and source identity: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eksauth.sandbox.aws.federation.json_web_token import invalid_token

_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_EVERYWHERE = ("amr",)
_GITHUB = (
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "runner_environment",
    "workflow",
)
_CIRCLECI = ("oidc.circleci.com/project-id", "oidc.circleci.com/context-ids", "oidc.circleci.com/ssh-rerun")


@dataclass(frozen=True)
class SessionClaims:
    """What a token wants its session to carry."""

    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str = ""


def audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return whom a token is for; the authorized party, when there is one, stands for all of them.

    :raises ServiceFault: InvalidIdentityToken.
    """
    party = claims.get("azp")
    if isinstance(party, str) and party:
        return (party,)
    value = claims.get("aud")
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(one, str) and one for one in texts):
        raise invalid_token("Missing a required claim: aud")
    return tuple(texts)


def condition_keys(provider: str, claims: Mapping[str, Any]) -> dict[str, str | Sequence[str]]:
    """Return the condition keys of a token; ``provider`` is the issuer without its scheme.

    Only subject, audience and authentication methods count for every issuer. More claims count for the issuers that STS
    knows by name.
    """
    found: dict[str, str | Sequence[str]] = {f"{provider}:sub": str(claims["sub"])}
    intended = audiences(claims)
    found[f"{provider}:aud"] = intended[0] if len(intended) == 1 else intended
    names: tuple[str, ...] = _EVERYWHERE
    if provider == "token.actions.githubusercontent.com":
        names += _GITHUB
    elif provider.startswith("oidc.circleci.com/org/"):
        names += _CIRCLECI
    for name in names:
        value = claims.get(name)
        if isinstance(value, str):
            found[f"{provider}:{name}"] = value
        elif isinstance(value, bool):
            found[f"{provider}:{name}"] = "true" if value else "false"
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            found[f"{provider}:{name}"] = tuple(value)
    return found


def session_claims(claims: Mapping[str, Any]) -> SessionClaims:
    """Return tags and source identity that a token asks for.

    :raises ServiceFault: InvalidIdentityToken when they are not of the documented shape.
    """
    raw = claims.get(_TAGS, {})
    if not isinstance(raw, dict):
        raise invalid_token(f"The claim {_TAGS} is not an object")
    tags = raw.get("principal_tags", {})
    transitive = raw.get("transitive_tag_keys", [])
    identity = claims.get(_SOURCE_IDENTITY, "")
    if not isinstance(tags, dict) or not isinstance(transitive, list) or not isinstance(identity, str):
        raise invalid_token(f"The claim {_TAGS} or {_SOURCE_IDENTITY} has an unknown shape")
    return SessionClaims(
        tags=tuple((key, _one_text(value)) for key, value in tags.items()),
        transitive=tuple(_one_text(key) for key in transitive),
        source_identity=checked_source_identity(identity),
    )


def checked_source_identity(text: str) -> str:
    """Return a source identity that is empty or within its limits.

    :raises ServiceFault: InvalidIdentityToken.
    """
    allowed = all(letter.isascii() and (letter.isalnum() or letter in "_+=,.@-") for letter in text)
    if text and (not allowed or not 2 <= len(text) <= 64 or text.lower().startswith("aws:")):
        raise invalid_token('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')
    return text


def _one_text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise invalid_token("Session tags in a token are texts, one for each key")
    return value
