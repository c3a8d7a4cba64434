"""Identities that signing in found: one small file for each provider, kept with the caches."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eksauth.credentials.cache import cache_directory, is_private_directory
from eksauth.credentials.cache_store import prepare_directory
from eksauth.credentials.config.model import Identity, Place, Principal, Provider
from eksauth.errors import ConfigError
from eksauth.files import why, write_whole

_FORMAT = 1
_MAX_BYTES = 16 * 1024 * 1024
_LONGEST = 512


def read_provisioned(environ: Mapping[str, str], realm: str, provider: Provider) -> tuple[Identity, ...]:
    """Return the identities that were found by signing in to ``provider``; none when that never happened.

    A file that somebody damaged, or that others may write, is as good as none.
    """
    return read_with_digest(environ, realm, provider)[2]


def read_with_digest(
    environ: Mapping[str, str], realm: str, provider: Provider
) -> tuple[str, str, tuple[Identity, ...]]:
    """Return the file's path, the digest of its content (empty when there is none) and the identities in it."""
    path = provisioned_path(environ, realm, provider)
    if path is None:
        return "", "", ()
    directory = os.path.dirname(path)  # noqa: PTH120
    try:
        if not is_private_directory(directory):
            return path, "", ()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError:
        return path, "", ()
    return path, hashlib.sha256(raw).hexdigest(), _decode(raw, path, provider)


def write_provisioned(
    environ: Mapping[str, str], realm: str, provider: Provider, identities: Sequence[Identity]
) -> str:
    """Keep what signing in found, instead of what was found before, and return the file's path.

    :raises ConfigError: when it cannot be written.
    """
    path = provisioned_path(environ, realm, provider)
    if path is None:
        raise ConfigError("there is no home directory to keep identities in", hint="set HOME or EKSAUTH_CACHE_DIR")
    directory = os.path.dirname(path)  # noqa: PTH120
    content = {
        "format": _FORMAT,
        "realm": realm,
        "provider": provider.name,
        "start_url": provider.start_url,
        "region": provider.region,
        "identities": [_encode(identity) for identity in identities],
    }
    try:
        if not prepare_directory(directory):
            raise ConfigError(
                f"{directory} is not a directory of ours with mode 0700", hint="remove it, or set EKSAUTH_CACHE_DIR"
            )
        write_whole(Path(path), json.dumps(content, ensure_ascii=False, indent=1).encode(), 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: {why(error)}", hint="check the directory and its mode") from None
    return path


def remove_provisioned(environ: Mapping[str, str], realm: str, provider: Provider) -> bool:
    """Forget what signing in found; tells whether there was anything.

    :raises ConfigError: when it cannot be removed.
    """
    path = provisioned_path(environ, realm, provider)
    if path is None:
        return False
    try:
        Path(path).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigError(f"{path}: {why(error)}", hint="check the directory and its mode") from None
    return True


def provisioned_path(environ: Mapping[str, str], realm: str, provider: Provider) -> str | None:
    """Return where the identities of a provider are kept; None without a home.

    Portal, region and endpoint are part of the name: the provider ``sso`` of another repository is another provider,
    and what an emulator says of a portal is nothing that the portal said.
    """
    credentials = cache_directory(environ)
    if credentials is None:
        return None
    parts = (realm, provider.name, provider.start_url or "", provider.region or "", provider.endpoint_url or "")
    key = hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:40]
    return f"{os.path.dirname(credentials)}/provisioned/{key}.json"  # noqa: PTH120


def _encode(identity: Identity) -> dict[str, Any]:
    principal = identity.principal
    fields = {
        "name": identity.name,
        "permission_set": principal.name,
        "account_id": principal.account_id,
        "account_name": principal.account_name,
        "region": principal.region,
        "tags": list(identity.tags),
    }
    return {key: value for key, value in fields.items() if value}


def _decode(raw: bytes, path: str, provider: Provider) -> tuple[Identity, ...]:
    if len(raw) > _MAX_BYTES:
        return ()
    try:
        content = json.loads(raw)
        same = (content["format"], content["start_url"], content["region"])
        if same != (_FORMAT, provider.start_url, provider.region):
            return ()
        return tuple(_identity(item, path, provider) for item in content["identities"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def _identity(item: dict[str, Any], path: str, provider: Provider) -> Identity:
    account_id = _text(item["account_id"])
    if len(account_id) != 12 or not (account_id.isascii() and account_id.isdigit()):
        raise ValueError("not an account id")
    return Identity(
        name=_text(item["name"]),
        kind="aws/permission-set",
        declared_kind="aws/permission-set",
        place=Place(path, 1, 1),
        via_provider=provider.name,
        principal=Principal(
            name=_text(item["permission_set"]),
            account_id=account_id,
            account_name=_text(item["account_name"]) if "account_name" in item else None,
            region=_text(item["region"]) if "region" in item else None,
        ),
        tags=tuple(_text(tag) for tag in item.get("tags", ())),
        provisioned=True,
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST or not value.isprintable():
        raise ValueError("not a text")
    return value
