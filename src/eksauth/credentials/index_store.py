"""Writing the index of signed-in identities, for :mod:`eksauth.credentials.identity_index` to read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from eksauth.credentials.cache import read_private
from eksauth.credentials.cache_store import remove, store_private
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.settings import REALM_VARIABLES
from eksauth.credentials.identities.authenticate import KeepsItself, Session, target_key
from eksauth.credentials.identities.chain import chain_of
from eksauth.credentials.identities.links import inputs_of
from eksauth.credentials.identity_index import IndexEntry, encode_index, index_name
from eksauth.credentials.identity_inputs import endpoints_digest, input_digest
from eksauth.credentials.slow_settings import full_settings


def remember(
    config: AuthConfig,
    session: Session,
    *,
    environ: Mapping[str, str],
    spelled: str,
    realm: str | None,
    until: float | None,
) -> bool:
    """Leave an entry for the next ``eksauth token`` that asks for the same; tell whether there is one now.

    :param spelled: how the identity was named, "" when the configuration chose it.
    :param realm: what ``--realm`` said, None when it was not given.
    :param until: when the guards have to be asked again, infinity for never, None when they always have to be.
    """
    if config.path is None:
        return False
    name = index_name(spelled, config.path, realm, searched=config.searched)
    entry = None if until is None else _entry(config, session, environ, realm, until)
    if entry is None:
        with suppress(OSError):
            remove(environ, name)
        return False
    try:
        data = encode_index(entry)
    except ValueError:
        return False
    return read_private(environ, name) == data or store_private(environ, name, data) is None


def _entry(
    config: AuthConfig, session: Session, environ: Mapping[str, str], realm: str | None, until: float
) -> IndexEntry | None:
    steps = chain_of(config, session.identity)
    target = steps[-1]
    link = target_key(config, session.identity, environ)
    aws = target.input_name if isinstance(target, KeepsItself) else ""
    if not link and not aws:
        return None
    judged = input_digest("config", str(config.path), environ, full_settings)
    if judged is None or not judged.startswith(f"{config.digest} "):
        return None  # changed since it was read
    inputs = [("config", judged, str(config.path))]
    inputs += [("file", digest or "absent", path) for path, digest in config.files]
    inputs.append(("endpoints", endpoints_digest(environ), ""))
    named = [("env", name) for name, _ in config.inputs]
    if realm is None:
        named += [("env", name) for name in REALM_VARIABLES]
    if not aws:
        named += list(inputs_of(steps, environ))
    if until != float("inf"):  # a logout, or another login, changes what the guards allow
        from eksauth.credentials.grants import grant_path

        named.append(("file", str(grant_path(environ, config, session.identity))))
    for kind, name in named:
        state = input_digest(kind, name, environ, full_settings)
        if state is None:
            return None
        inputs.append((kind, state, name))
    end = 0 if until == float("inf") else int(until)
    return IndexEntry(session.identity.name, link or "", aws, session.account or "", session.region, end, inputs)
