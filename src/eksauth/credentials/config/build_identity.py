"""An identity's keys made a :class:`~eksauth.credentials.config.model.Identity`."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import yaml

from eksauth.credentials.config.build_provider import Expand, endpoint_url
from eksauth.credentials.config.identity_keys import IDENTITIES
from eksauth.credentials.config.kinds import IDENTITY_KINDS
from eksauth.credentials.config.model import Identity, Place, Principal, Provider, UserKeys
from eksauth.credentials.config.reader import Reader
from eksauth.credentials.config.values import Values

_OIDC = ("github/oidc", "oidc/token")
_ASKS_STS = ("aws/assume-role", "aws/assume-root", "aws/roles-anywhere")


def foreign_identity(
    name: str, declared_kind: str, place: Place, *, default: bool = False, aliases: tuple[str, ...] = ()
) -> Identity:
    """Return an identity that is kept but cannot be used."""
    return Identity(
        name=name, kind="foreign", declared_kind=declared_kind, place=place, default=default, aliases=aliases
    )


def build_identity(
    reader: Reader, name: str, declared_kind: str, node: yaml.Node, place: Place, expand: Expand
) -> Identity:
    """Return the identity that ``node`` describes; what is wrong goes to the reader's problems."""
    where = f"identities.{name}"
    kind = IDENTITY_KINDS[declared_kind]
    values = reader.section(node, IDENTITIES[kind], where)
    via_provider, via_identity = _via(reader, kind, values, where)
    return Identity(
        name=name,
        kind=kind,
        declared_kind=declared_kind,
        place=place,
        via_provider=via_provider,
        via_identity=via_identity,
        default=bool(values.get("default")),
        principal=_principal(reader, kind, values, where, expand),
        credentials=_credentials(reader, values, where),
        session_seconds=values.at("session", "duration"),
        aliases=values.get("alias") or (),
        env=values.get("env") or (),
        endpoint_url=endpoint_url(values),
        tags=values.get("tags") or (),
    )


def with_duration_of(provider: Provider | None, identity: Identity) -> Identity:
    """Return a role that says no duration with the one of its OIDC provider; STS's limits hold."""
    seconds = provider.session_seconds if provider is not None else None
    if provider is None or seconds is None or identity.kind != "aws/assume-role" or provider.kind not in _OIDC:
        return identity
    if identity.principal.duration_seconds is not None:
        return identity
    limited = min(max(seconds, 900), 43200)
    return replace(identity, principal=replace(identity.principal, duration_seconds=limited))


def _via(reader: Reader, kind: str, values: Values, where: str) -> tuple[str | None, str | None]:
    provider, identity = values.at("via", "provider"), values.at("via", "identity")
    if provider is None and identity is None:
        provider = values.get("provider")
    node = values.place_of("via")
    if node is None or kind not in {"aws/permission-set", "aws/assume-role", "aws/assume-root"}:
        return None, None
    if provider is not None and identity is not None:
        hint = "keep one of them"
        reader.complain(node, f"{where}.via has both provider and identity", hint=hint, code="config.combination")
    elif provider is None and identity is None and not reader.is_wrong(node):
        choices = "provider" if kind == "aws/permission-set" else "provider or identity"
        reader.complain(
            node,
            f"{where}.via is missing: a {kind} starts from something",
            hint=f"via: {{{choices}: NAME}}",
            code="config.combination",
        )
    return provider, identity


def _principal(reader: Reader, kind: str, values: Values, where: str, expand: Expand) -> Principal:
    account_id, account_name = _account(values)
    session = values.at("session", "duration") if kind in _ASKS_STS else None
    principal = values.get("principal")
    said = principal.get if isinstance(principal, Values) else lambda _: None
    if isinstance(principal, Values):
        _judge_role(reader, principal, f"{where}.principal")
    return Principal(
        name=said("name"),
        account_id=account_id,
        account_name=account_name,
        region=said("region"),
        assume_role=said("assume_role"),
        session_name=said("session_name"),
        external_id=said("external_id"),
        duration_seconds=said("duration") or session,
        session_tags=said("tags") or (),
        transitive_tags=said("transitive_tags") or (),
        source_identity=said("source_identity"),
        policy=said("policy"),
        policy_arns=said("policy_arns") or (),
        mfa_serial=said("mfa_serial"),
        mfa_process=said("mfa_process") or (),
        target_principal=said("target_principal"),
        task_policy_arn=said("task_policy_arn"),
        profile=said("profile"),
        certificate=expand(said("certificate")),
        private_key=expand(said("private_key")),
        trust_anchor_arn=said("trust_anchor_arn"),
        profile_arn=said("profile_arn"),
    )


def _account(values: Values) -> tuple[str | None, str | None]:
    """Return id and name of the account; a bare word is the one that it looks like."""
    account = values.at("principal", "account")
    if isinstance(account, Values):
        return account.get("id"), account.get("name")
    if account is None:
        return None, None
    return (account, None) if re.fullmatch(r"[0-9]{12}", account) else (None, account)


def _judge_role(reader: Reader, principal: Values, where: str) -> None:
    """Complain about what AWS would refuse in the parameters of AssumeRole."""
    node = principal.place_of("account")
    account = principal.get("account")
    if node is not None and isinstance(account, Values) and account.get("id") is None and account.get("name") is None:
        hint = 'account: {id: "123456789012"}'
        reader.complain(node, f"{where}.account has no id and no name", hint=hint, code="config.combination")
    policy, at = principal.get("policy"), principal.place_of("policy")
    if policy is not None and at is not None and not _is_json_object(policy):
        reader.complain(at, f"{where}.policy must be a policy as JSON text", code="config.combination")
    arns, at = principal.get("policy_arns") or (), principal.place_of("policy_arns")
    if len(arns) > 10 and at is not None:
        reader.complain(at, f"{where}.policy_arns are more than the ten that STS takes", code="config.combination")
    tags, at = principal.get("tags") or (), principal.place_of("tags")
    if at is not None and any(not 1 <= len(key) <= 128 or len(str(value)) > 256 for key, value in tags):
        said = f"{where}.tags have keys of 1 to 128 characters and values of at most 256"
        reader.complain(at, said, code="config.combination")
    if len(tags) > 50 and at is not None:
        reader.complain(at, f"{where}.tags are more than the fifty that STS takes", code="config.combination")
    known = {key.lower() for key, _ in tags}
    at = principal.place_of("transitive_tags")
    for key in principal.get("transitive_tags") or ():
        if key.lower() not in known and at is not None:
            said = f"{where}.transitive_tags has '{key}', which is not among the tags"
            reader.complain(at, said, code="config.combination")
    at = principal.place_of("mfa_process")
    if at is not None and principal.get("mfa_process") is not None and principal.get("mfa_serial") is None:
        said = f"{where}.mfa_process does nothing without mfa_serial"
        reader.complain(at, said, severity="warning", code="config.combination")


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _credentials(reader: Reader, values: Values, where: str) -> UserKeys:
    keys = values.get("credentials")
    if not isinstance(keys, Values):
        return UserKeys()
    key_id, secret = keys.get("access_key_id"), keys.get("secret_access_key")
    if (key_id is None) != (secret is None) and keys.node is not None and not reader.is_wrong(keys.node):
        reader.complain(
            keys.node,
            f"{where}.credentials has {'a key id without its secret' if secret is None else 'a secret without its id'}",
            hint="write both, or none and keep them in the keyring",
            code="config.combination",
        )
    return UserKeys(
        access_key_id=key_id,
        secret_access_key=secret,
        mfa_arn=keys.get("mfa_arn"),
        mfa_process=keys.get("mfa_process") or (),
        region=keys.get("region"),
    )
