"""The path that kubectl waits for: a token without a command line library, botocore, or anything that imports ``re``.

Three-valued: text when it fully understood the command, the environment and the files; None when it did not, and the
full command line takes over and does the same work with all its explanations. It never reports an error itself.
Everything that decides what is in the answer is shared with :mod:`eksauth.token.mint`.
"""

from time import time

from eksauth.credentials.env import session_token_conflict
from eksauth.credentials.quick import RoleRequest, quick_credentials
from eksauth.credentials.settings import identity_settings, quick_settings
from eksauth.token.argv import parse_token_argv
from eksauth.token.bearer import bearer_token, token_expiry, utc_text
from eksauth.token.checks import is_good_cluster_id, is_good_region
from eksauth.token.exec_credential import AWS_SESSION_NAME, common_version, exec_credential
from eksauth.token.selection import OFF, crosses_partitions, identity_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def fast_answer(argv: list[str], environ: "Mapping[str, str]", now: float | None = None) -> str | None:
    """Return what to print for ``argv`` (without the program name), or None."""
    flags = parse_token_argv(argv)
    if flags is None:
        return None
    try:
        return _answer(flags, environ, time() if now is None else now)
    except Exception:  # noqa: BLE001  whatever it is, the full path explains it better
        return None


def _answer(flags: dict[str, str], environ: "Mapping[str, str]", now: float) -> str | None:
    asked = environ.get("KUBERNETES_EXEC_INFO")
    version = common_version(asked)
    name, cluster_id = flags.get("cluster_name"), flags.get("cluster_id")
    cluster = name or cluster_id
    # without kubectl behind it, get-token's default format is a matter of configuration
    output = flags.get("output", "json" if asked or flags["layout"] != "get-token" else "")
    if version is None or not cluster or (name and cluster_id) or not is_good_cluster_id(cluster):
        return None
    if output not in {"json", "token"} or (output == "token" and flags["layout"] != "token"):
        return None
    if flags["layout"] == "atmos" and "region" not in flags:
        return None
    spelled = identity_wanted(
        environ,
        identity=flags.get("identity"),
        config=flags.get("config"),
        profile=flags.get("profile"),
        role=flags.get("role_arn"),
        implicit=flags["layout"] != "get-token",
    )
    if spelled is None:
        if not _IDENTITY_FLAGS.isdisjoint(flags):
            return None
        signed = _signed_by_chain(flags, environ, cluster, now)
    else:
        from eksauth.token.quick_identity import config_is_there

        off = spelled.lower() in OFF
        if (spelled and not off) or "config" in flags or config_is_there(environ):
            signed = _signed_by_identity(flags, environ, cluster, spelled, now)
        elif not _IDENTITY_FLAGS.isdisjoint(flags):
            return None
        else:
            signed = _signed_by_chain(flags, environ, cluster, now)
    if signed is None:
        return None
    token, expiry = signed
    if output == "token":
        return token + "\n"
    return exec_credential(token, utc_text(expiry), version, indented=flags["layout"] == "get-token")


_IDENTITY_FLAGS = frozenset(("identity", "config", "realm", "account"))


def _signed_by_chain(
    flags: dict[str, str], environ: "Mapping[str, str]", cluster: str, now: float
) -> tuple[str, int] | None:
    settings = quick_settings(environ, region_flag=flags.get("region"), profile_flag=flags.get("profile"))
    if settings is None or settings.region is None or not is_good_region(settings.region):
        return None
    if session_token_conflict(environ) or not _role_fits(flags):
        return None
    use_cache = "no_cache" not in flags
    credentials = quick_credentials(environ, settings, role=_role(flags), use_cache=use_cache, now=now)
    expiry = None if credentials is None else token_expiry(now, credentials.expires_at)
    if credentials is None or expiry is None:
        return None
    token = bearer_token(
        credentials,
        cluster_id=cluster,
        region=settings.region,
        fips=settings.fips,
        dual_stack=settings.dual_stack,
        now=now,
    )
    return token, expiry


def _signed_by_identity(
    flags: dict[str, str], environ: "Mapping[str, str]", cluster: str, spelled: str, now: float
) -> tuple[str, int] | None:
    if not _NOT_WITH_IDENTITY.isdisjoint(flags) or flags.get("identity") == "":
        return None
    from eksauth.credentials.identity_index import entry_credentials
    from eksauth.token.quick_identity import is_recorded, quick_entry

    entry = quick_entry(environ, flags, spelled, now)
    credentials = None if entry is None else entry_credentials(environ, entry, now)
    if entry is None or credentials is None:
        return None
    settings = identity_settings(environ, region_flag=flags.get("region"), region=entry.region)
    expiry = token_expiry(now, credentials.expires_at)
    if expiry is None or settings.region is None or not is_good_region(settings.region):
        return None
    if entry.link and crosses_partitions(settings.region, entry.region):
        return None
    token = bearer_token(
        credentials,
        cluster_id=cluster,
        region=settings.region,
        fips=settings.fips,
        dual_stack=settings.dual_stack,
        now=now,
    )
    recorded = is_recorded(environ, entry, cluster=cluster, region=settings.region, until=expiry, now=now)
    return (token, expiry) if recorded else None


_NOT_WITH_IDENTITY = frozenset(("profile", "role_arn", "external_id", "session_name", "duration", "no_cache"))


def _role_fits(flags: dict[str, str]) -> bool:
    """Tell whether the role flags go together and are plain; :mod:`eksauth.token.mint` says what is wrong."""
    given = [flags[name] for name in ("role_arn", "external_id", "session_name", "duration") if name in flags]
    duration = flags.get("duration", "0")
    return not given or (all(given) and "role_arn" in flags and duration.isdecimal() and duration.isascii())


def _role(flags: dict[str, str]) -> RoleRequest | None:
    arn, duration = flags.get("role_arn"), flags.get("duration")
    if arn is None:
        return None
    return RoleRequest(
        arn,
        external_id=flags.get("external_id"),
        session_name=AWS_SESSION_NAME if flags["layout"] == "get-token" else flags.get("session_name"),
        duration_seconds=None if duration is None else int(duration),
    )
