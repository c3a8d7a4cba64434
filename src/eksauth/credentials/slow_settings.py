"""The same settings as the quick resolver's, for every file that botocore can read, and the reason when it cannot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from eksauth.credentials.settings import Settings, combine, named_profile, quick_settings
from eksauth.credentials.shared_files import file_paths, read_shared_files
from eksauth.errors import ConfigError


def full_settings(environ: Mapping[str, str], *, region_flag: str | None, profile_flag: str | None) -> Settings:
    """Return region, endpoint switches and profile.

    :raises ConfigError: when a shared file cannot be read or parsed, or the named profile is in neither file.
    """
    quick = quick_settings(environ, region_flag=region_flag, profile_flag=profile_flag)
    if quick is not None:
        return quick
    for path in file_paths(environ):
        _check_readable(path)
    merged = _profile_by_botocore(environ, profile_flag)
    return combine(
        environ,
        region_flag=region_flag,
        profile_flag=profile_flag,
        files=read_shared_files(environ),
        profile=None,
        merged=merged,
    )


def _check_readable(path: str) -> None:
    """Refuse a file that is there but closed to us: botocore would take it for empty and say "no credentials"."""
    expanded = os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111  exactly as botocore does
    try:
        with Path(expanded).open("rb") as file:
            file.read(1)
    except (FileNotFoundError, NotADirectoryError):
        return
    except ValueError:
        raise ConfigError("the path of an AWS configuration file has a NUL byte in it") from None
    except OSError as error:
        raise ConfigError(
            f"cannot read {expanded}: {(error.strerror or 'unknown error').lower()}",
            hint="make it a file that you can read, or point AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE elsewhere",
        ) from None


def profile_value(environ: Mapping[str, str], key: str, *, profile_flag: str | None) -> str | None:
    """Return one setting of the profile in force, or None.

    :raises ConfigError: as :func:`full_settings` does.
    """
    quick = quick_settings(environ, region_flag=None, profile_flag=profile_flag)
    known = None if quick is None else quick.merged
    value = (_profile_by_botocore(environ, profile_flag) if known is None else known).get(key)
    return value if isinstance(value, str) else None


def _profile_by_botocore(environ: Mapping[str, str], profile_flag: str | None) -> Mapping[str, object]:
    from eksauth.credentials.botocore_errors import translated
    from eksauth.credentials.botocore_session import open_session

    name = named_profile(environ, profile_flag)
    with translated(name):
        merged: Mapping[str, object] = open_session(name, explicit=bool(profile_flag)).get_scoped_config()
    return merged
