"""The part of the control API that is about identity providers: tokens, key rotation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from eksauth.sandbox.aws.federation.ci_platforms import PLATFORMS
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
