"""Finding and loading the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping

from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.config.search import find_config


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
    from eksauth.credentials.config.assemble import assemble
    from eksauth.credentials.config.document import read_document
    from eksauth.credentials.config.settings import effective_keyring, effective_realm

    found = find_config(environ, flag=flag, cwd=cwd)
    if found is None:
        named, named_from = effective_realm(environ, flag=realm, written=None, place="")
        return AuthConfig(realm=named, realm_from=named_from, keyring=effective_keyring(environ, None, _absolute))
    document = read_document(found.path, trusted=not found.searched)
    assembled = assemble(document, environ, searched=found.searched, realm=realm)
    for problem in assembled.problems:
        if problem.fatal:
            raise problem.as_error()
    return assembled.config


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
