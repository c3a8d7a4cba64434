"""A provider's keys made a :class:`~eksauth.credentials.config.model.Provider`."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from eksauth.credentials.config.kinds import PROVIDER_KINDS
from eksauth.credentials.config.model import Place, Provider, SamlSource, TokenSource
from eksauth.credentials.config.provider_keys import DEFAULT_AUDIENCE, PROVIDERS
from eksauth.credentials.config.reader import Reader
from eksauth.credentials.config.values import Values

_DEFAULT_SCOPES = ("sso:account:access",)
Expand = Callable[[str | None], str | None]


def foreign_provider(name: str, declared_kind: str, place: Place) -> Provider:
    """Return a provider that is kept but cannot be used."""
    return Provider(name=name, kind="foreign", declared_kind=declared_kind, place=place)


def build_provider(reader: Reader, name: str, kind: str, node: yaml.Node, place: Place, expand: Expand) -> Provider:
    """Return the provider that ``node`` describes; what is wrong goes to the reader's problems."""
    where = f"providers.{name}"
    values = reader.section(node, PROVIDERS[kind], where)
    saml = _saml(reader, values, where, expand) if kind == "aws/saml" else SamlSource()
    token = _token(reader, values, where, expand) if kind == "oidc/token" else TokenSource()
    return Provider(
        name=name,
        kind=next(known for known in PROVIDER_KINDS if known == kind),
        declared_kind=kind,
        place=place,
        region=values.get("region"),
        start_url=values.get("start_url"),
        url=values.get("url"),
        username=values.get("username"),
        audience=values.at("spec", "audience") or DEFAULT_AUDIENCE,
        auto_provision_identities=bool(values.get("auto_provision_identities")),
        session_seconds=values.at("session", "duration"),
        console_seconds=values.at("console", "session_duration"),
        endpoint_url=endpoint_url(values),
        flow=values.at("spec", "flow") or "auto",
        scopes=values.at("spec", "scopes") or _DEFAULT_SCOPES,
        session_name=values.at("spec", "session_name"),
        saml=saml,
        token=token,
        default=bool(values.get("default")),
        tags=values.get("tags") or (),
    )


def endpoint_url(values: Values) -> str | None:
    """Return ``spec.endpoint_url``, or what older files of Atmos call it."""
    found = values.at("spec", "endpoint_url") or values.at("spec", "aws", "resolver", "url")
    return str(found) if found is not None else None


def _saml(reader: Reader, values: Values, where: str, expand: Expand) -> SamlSource:
    file, command = values.at("spec", "assertion", "file"), values.at("spec", "assertion", "command")
    node = values.node
    if node is not None and file is not None and command is not None:
        reader.complain(node, f"{where}.spec.assertion has both file and command", hint="keep one of them")
    if node is not None and file is None and command is None and values.get("url") is None:
        reader.complain(
            node,
            f"{where} has no url to sign in at, and no spec.assertion",
            hint="url: address of the identity provider's sign-in page",
            code="config.combination",
        )
    return SamlSource(file=expand(file), command=command or (), port=values.at("spec", "assertion", "port") or 0)


def _token(reader: Reader, values: Values, where: str, expand: Expand) -> TokenSource:
    file, env, command = (values.at("spec", "token", name) for name in ("file", "env", "command"))
    if values.node is not None and sum(way is not None for way in (file, env, command)) != 1:
        reader.complain(
            values.place_of("spec") or values.node,
            f"{where}.spec.token needs exactly one of file, env and command",
            hint="file: path of the token, env: a variable with it, command: a program that prints it",
            code="config.combination",
        )
    return TokenSource(file=expand(file), env=env, command=command or ())
