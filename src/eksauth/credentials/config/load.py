"""Finding and loading the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.search import Found, find_config


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, how it was found (None without a file), and which keys each variable of ``!env`` filled."""

    config: AuthConfig
    found: Found | None = None
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_config(
    environ: Mapping[str, str],
    *,
    flag: str | None = None,
    realm: str | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> AuthConfig:
    """Return the configuration that :func:`~eksauth.credentials.config.search.find_config` finds.

    Without any file it is empty, but for the realm and the keyring that variables name. In ``atmos.yaml`` a key that
    Atmos would ignore is ignored; in any other file it is an error.

    :param flag: ``--config``.
    :param realm: ``--realm``: empty for no realm, None when it was not given.
    :param cwd: where to look from; by default the working directory.
    :raises ConfigError: naming file, line and column, for the first thing that makes the configuration unusable.
    """
    return load(environ, flag=flag, realm=realm, cwd=cwd).config


def load(
    environ: Mapping[str, str],
    *,
    flag: str | None = None,
    realm: str | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Loaded:
    """Return what :func:`load_config` does, and how it came about.

    :raises ConfigError: as it does.
    """
    from eksauth.credentials.config.assemble import assemble
    from eksauth.credentials.config.document import read_document
    from eksauth.credentials.config.settings import effective_keyring, effective_realm

    found = find_config(environ, flag=flag, cwd=cwd)
    if found is None:
        named, named_from = effective_realm(environ, flag=realm, written=None, place="")
        keyring = effective_keyring(environ, None, _absolute)
        return Loaded(AuthConfig(realm=named, realm_from=named_from, keyring=keyring))
    document = read_document(found.path, trusted=not found.searched)
    assembled = assemble(document, environ, searched=found.searched, realm=realm)
    for problem in assembled.problems:
        if problem.fatal:
            raise problem.as_error()
    return Loaded(assembled.config, found, assembled.variables)


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
