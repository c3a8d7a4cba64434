"""The part of the control API that is about identity providers: tokens, key rotation, SAML responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eksauth.sandbox.aws.federation.ci_platforms import PLATFORMS
from eksauth.sandbox.aws.federation.saml_idp import SamlPerson
from eksauth.sandbox.aws.federation.state import Federation


class _Token(msgspec.Struct, forbid_unknown_fields=True):
    platform: str
    audience: str | list[str] | None = None
    claims: dict[str, Any] = {}
    seconds: int | None = None
    kid: str | None = None

    def __post_init__(self) -> None:
        if self.platform not in PLATFORMS:
            raise ValueError(f"platform is one of {', '.join(PLATFORMS)}")


class _Response(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str
    request_id: str | None = None
    changes: dict[str, Any] = {}


class _Person(msgspec.Struct, forbid_unknown_fields=True):
    user_name: str
    email: str
    password: str
    roles: list[tuple[str, str]] = []
    tags: dict[str, str] = {}


class _Rotation(msgspec.Struct, forbid_unknown_fields=True):
    keep: bool = True


class FederationControl:
    """Control routes over the identity providers; paths are relative to ``/_sandbox/``."""

    def __init__(self, federation: Federation, now: Callable[[], float]) -> None:
        self._federation = federation
        self._now = now

    def route(self, method: str, path: str) -> Callable[[bytes], Any] | None:
        """Return what answers a control request, or None; it raises LookupError and ValueError for bad input."""
        routes: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", "ci"): lambda _: self._describe_ci(),
            ("POST", "ci/tokens"): self._make_token,
            ("POST", "ci/rotate"): self._rotate,
            ("PUT", "ci/job"): self._set_job,
            ("POST", "saml/people"): self._put_person,
            ("POST", "saml/responses"): self._make_response,
        }
        return routes.get((method, path))

    def _describe_ci(self) -> Any:
        issuer = self._federation.ci
        return {
            "issuers": {name: issuer.issuer_of(platform) for name, platform in PLATFORMS.items()},
            "keys": [key.key_id for key in issuer.keys],
            "job_claims": issuer.job_claims,
            "environment": {
                "GITHUB_ACTIONS": "true",
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.base_url}/ci/github/token?api-version=2.0",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": issuer.request_token,
            },
        }

    def _put_person(self, body: bytes) -> Any:
        one = msgspec.json.decode(body, type=_Person)
        found = SamlPerson(one.user_name, one.email, one.password, tuple(one.roles), tuple(one.tags.items()))
        self._federation.idp.people[one.user_name.lower()] = found
        return {}

    def _make_response(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Response)
        idp = self._federation.idp
        person = idp.people.get(wanted.user_name)
        if person is None:
            raise LookupError("no such person")
        text = idp.response(person, now=self._now(), request_id=wanted.request_id, changes=wanted.changes)
        return {"response": text}

    def _make_token(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Token)
        token = self._federation.ci.token(
            PLATFORMS[wanted.platform],
            now=self._now(),
            audience=wanted.audience,
            claims=wanted.claims,
            seconds=wanted.seconds,
            key_id=wanted.kid,
        )
        return {"token": token}

    def _rotate(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body or b"{}", type=_Rotation)
        return {"kid": self._federation.ci.rotate(keep=wanted.keep)}

    def _set_job(self, body: bytes) -> Any:
        self._federation.ci.job_claims = msgspec.json.decode(body, type=dict[str, Any])
        return {}
