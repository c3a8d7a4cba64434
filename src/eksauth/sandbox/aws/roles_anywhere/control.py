"""The part of the control API that is about Roles Anywhere: certificates, revocation, switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from cryptography import x509

from eksauth.sandbox.aws.roles_anywhere.store import RolesAnywhere
from eksauth.sandbox.pki import issue_client_certificate


class _Certificate(msgspec.Struct, forbid_unknown_fields=True):
    common_name: str
    organizations: list[str] = []
    days: int = 90


class _Revocation(msgspec.Struct, forbid_unknown_fields=True):
    serial: str


class _Switch(msgspec.Struct, forbid_unknown_fields=True):
    arn: str
    enabled: bool


class _ProfileChange(msgspec.Struct, forbid_unknown_fields=True):
    arn: str
    role_arns: list[str] | None = None
    seconds: int | None = None
    accepts_session_name: bool | None = None
    session_policy: str | None = None
    managed_policy_arns: list[str] | None = None


class RolesAnywhereControl:
    """Control routes; paths are relative to ``/_sandbox/rolesanywhere/``."""

    def __init__(self, state: RolesAnywhere) -> None:
        self._state = state

    def route(self, method: str, path: str) -> Callable[[bytes], Any] | None:
        """Return what answers a control request, or None; it raises LookupError and ValueError for bad input."""
        routes: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("POST", "certificates"): self._issue,
            ("POST", "revoke"): self._revoke,
            ("PUT", "enabled"): self._switch,
            ("PUT", "profile"): self._change_profile,
        }
        return routes.get((method, path))

    def _issue(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Certificate)
        if self._state.authority is None:
            raise LookupError("this sandbox has no authority")
        certificate, key = issue_client_certificate(
            self._state.authority, wanted.common_name, wanted.organizations, days=wanted.days
        )
        serial = x509.load_pem_x509_certificate(certificate).serial_number
        return {"certificate": certificate.decode(), "private_key": key.decode(), "serial": str(serial)}

    def _revoke(self, body: bytes) -> Any:
        serial = int(msgspec.json.decode(body, type=_Revocation).serial)
        self._state.revoked |= {(arn, serial) for arn in self._state.anchors}
        return {"revoked": len(self._state.revoked)}

    def _switch(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_Switch)
        found = self._state.anchors.get(wanted.arn) or self._state.profiles.get(wanted.arn)
        if found is None:
            raise LookupError("no such trust anchor or profile")
        found.enabled = wanted.enabled
        return {}

    def _change_profile(self, body: bytes) -> Any:
        wanted = msgspec.json.decode(body, type=_ProfileChange)
        profile = self._state.profiles.get(wanted.arn)
        if profile is None:
            raise LookupError("no such profile")
        if wanted.role_arns is not None:
            profile.role_arns = tuple(wanted.role_arns)
        if wanted.seconds is not None:
            profile.seconds = wanted.seconds
        if wanted.accepts_session_name is not None:
            profile.accepts_session_name = wanted.accepts_session_name
        if wanted.session_policy is not None:
            profile.session_policy = wanted.session_policy
        if wanted.managed_policy_arns is not None:
            profile.managed_policy_arns = tuple(wanted.managed_policy_arns)
        return {}
