"""Region, endpoint variant and profile: what the flags, the environment and a profile say together.

One place for both paths. The quick resolver answers only for files that the small reader understands and returns None
otherwise; :mod:`eksauth.credentials.slow_settings` then asks botocore and builds the same value.
"""

from eksauth.credentials.shared_files import SharedFiles, read_shared_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from eksauth.credentials.shared_files import Section


class Settings:
    """What a run needs to know besides credentials.

    :param region: None when nobody names one.
    :param profile_name: the profile in force, ``default`` when nobody names one.
    :param explicit_profile: True when a flag named the profile, so that environment keys do not beat it.
    :param profile: both halves of the profile (config file, credentials file), or None when they were not needed or
        botocore had to read them.
    :param merged: the profile as one mapping; the credentials file wins key by key. None when it was not needed.
    """

    __slots__ = ("dual_stack", "explicit_profile", "files", "fips", "merged", "profile", "profile_name", "region")

    def __init__(
        self,
        *,
        region: str | None,
        fips: bool,
        dual_stack: bool,
        profile_name: str,
        explicit_profile: bool,
        files: SharedFiles | None,
        profile: "tuple[Section | None, Section | None] | None",
        merged: "Mapping[str, object] | None",
    ) -> None:
        self.region = region
        self.fips = fips
        self.dual_stack = dual_stack
        self.profile_name = profile_name
        self.explicit_profile = explicit_profile
        self.files = files
        self.profile = profile
        self.merged = merged


def named_profile(environ: "Mapping[str, str]", flag: str | None) -> str | None:
    """Return the profile that somebody named: the flag, ``AWS_PROFILE``, then the old ``AWS_DEFAULT_PROFILE``."""
    return flag or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or None


def named_region(environ: "Mapping[str, str]", flag: str | None) -> str | None:
    """Return the region that somebody named: the flag, ``AWS_REGION``, then ``AWS_DEFAULT_REGION``."""
    return flag or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


def combine(
    environ: "Mapping[str, str]",
    *,
    region_flag: str | None,
    profile_flag: str | None,
    files: SharedFiles | None,
    profile: "tuple[Section | None, Section | None] | None",
    merged: "Mapping[str, object] | None",
) -> Settings:
    """Apply the precedence: flag, environment, profile."""
    values = merged or {}
    region = named_region(environ, region_flag) or values.get("region") or None
    return Settings(
        region=region if isinstance(region, str) else None,
        fips=_switch(environ, values, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        dual_stack=_switch(environ, values, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        profile_name=named_profile(environ, profile_flag) or "default",
        explicit_profile=bool(profile_flag),
        files=files,
        profile=profile,
        merged=merged,
    )


def quick_settings(
    environ: "Mapping[str, str]", *, region_flag: str | None, profile_flag: str | None
) -> Settings | None:
    """Return the settings, or None when a shared file is unusual or the named profile is not in it."""
    files = read_shared_files(environ)
    if files is None:
        return None
    name = named_profile(environ, profile_flag)
    profile = merged = None
    if _profile_matters(environ, files, name, named_region(environ, region_flag)):
        profile = files.profile(name or "default")
        if profile is None or (name and profile == (None, None)):
            return None
        merged = {**(profile[0] or {}), **(profile[1] or {})}
        if any([merged.get(key, "") is None for key in _READ_HERE]):  # noqa: C419  cheaper than a generator
            return None
    return combine(
        environ, region_flag=region_flag, profile_flag=profile_flag, files=files, profile=profile, merged=merged
    )


def identity_settings(environ: "Mapping[str, str]", *, region_flag: str | None, region: str) -> Settings:
    """Return the settings of a token that an identity signs: no profile plays a part.

    :param region: of the identity, for when neither flag nor environment names one.
    """
    return combine(
        environ, region_flag=region_flag, profile_flag=None, files=None, profile=None, merged={"region": region}
    )


_READ_HERE = ("region", "use_fips_endpoint", "use_dualstack_endpoint")


def _profile_matters(environ: "Mapping[str, str]", files: SharedFiles, name: str | None, region: str | None) -> bool:
    """Tell whether the outcome can depend on a profile: with keys and region at hand only endpoint switches can."""
    if name:
        return True
    if not files.config and not files.credentials:
        return False
    if not region or not environ.get("AWS_ACCESS_KEY_ID"):
        return True
    return b"_endpoint" in files.config.lower() or b"_endpoint" in files.credentials.lower()


def _switch(environ: "Mapping[str, str]", values: "Mapping[str, object]", variable: str, key: str) -> bool:
    """Read a switch as botocore does: ``true`` in any case is on, the variable beats the profile even when empty."""
    value = environ[variable] if variable in environ else values.get(key)
    return isinstance(value, str) and value.lower() == "true"
