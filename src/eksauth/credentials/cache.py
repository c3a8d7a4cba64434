"""Where credentials that cost a network trip are kept, how their key is made, and how they are read.

Bearer tokens are never stored: signing one costs microseconds. An entry is six lines of text and a checksum, mode 0600
in a directory of mode 0700 that belongs to us; whatever is not exactly that is a miss. Its name is a SHA-256 over
everything that made the credentials, so a changed profile, role, region, endpoint or source key is another entry.
Writing and locking are in :mod:`eksauth.credentials.cache_store`, which kubectl does not wait for.
"""

import os

from eksauth.aws.digest import sha256
from eksauth.credentials.model import Credentials, unusable_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from eksauth.credentials.quick import RoleRequest
    from eksauth.credentials.settings import Settings

FORMAT = "eksauth credentials 1"
MIN_REMAINING_SECONDS = 300
"""Credentials with less life than this are fetched anew, so that a token never reports a very short one."""
MAX_ENTRY_BYTES = 64 << 10
SUFFIX = ".cred"

_MADE_BY = (
    # keys, and what decides between them and a profile
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    # web identity, containers and instances
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    # which STS or portal answers
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_SIGNIN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_STS_REGIONAL_ENDPOINTS",
)
_UNKEYED = ("AWS_CREDENTIAL_FILE", "BOTO_CONFIG")
"""Old sources whose files are not part of the key: with one of these set nothing is cached."""
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def cache_directory(environ: "Mapping[str, str]") -> str | None:
    """Return where entries live: ``$EKSAUTH_CACHE_DIR``, else ``$XDG_CACHE_HOME/eksauth``, else ``~/.cache/eksauth``.

    In each the subdirectory ``credentials``. None when there is no home to put it in.
    """
    base = environ.get("EKSAUTH_CACHE_DIR")
    if not base:
        xdg = environ.get("XDG_CACHE_HOME", "")
        # the XDG specification says to ignore relative paths
        base = f"{xdg if xdg[:1] == '/' else os.path.expanduser('~/.cache')}/eksauth"  # noqa: PTH111
    return f"{base}/credentials" if base[:1] == "/" and "\0" not in base else None


def cache_key(environ: "Mapping[str, str]", settings: "Settings", role: "RoleRequest | None") -> str | None:
    """Return the name of the entry for these inputs, 64 hex digits, or None when they cannot be told apart by a key."""
    if settings.files is None or any([name in environ for name in _UNKEYED]):  # noqa: C419  cheaper than a generator
        return None
    hasher = sha256()

    def add(value: bytes | str | None) -> None:
        if isinstance(value, str):
            value = value.encode(errors="surrogateescape")
        data = b"-" if value is None else b"+" + value
        hasher.update(b"%d:" % len(data))
        hasher.update(data)

    add(FORMAT)
    for name in _MADE_BY:
        add(environ.get(name))
    files = settings.files
    for part in (files.config_path, files.config, files.credentials_path, files.credentials):
        add(part)
    add(settings.profile_name)
    add(settings.region)
    add(f"{settings.explicit_profile}{settings.fips}{settings.dual_stack}{os.getuid()}")
    # instance and container credentials belong to a machine; homes are shared between machines
    add(_content(_BOOT_ID) or os.uname().nodename)
    for path in _token_files(environ, settings):
        add(path and _content(path))
    shared = files.config + files.credentials
    if b"sso" in shared.lower():
        add(_listing(os.path.expanduser("~/.aws/sso/cache")))  # noqa: PTH111
    if b"login" in shared.lower():
        login = environ.get("AWS_LOGIN_CACHE_DIRECTORY") or os.path.expanduser("~/.aws/login/cache")  # noqa: PTH111
        add(_listing(login))
    if role is not None:
        for text in (role.arn, role.external_id, role.session_name, str(role.duration_seconds)):
            add(text)
    digest: str = hasher.hexdigest()
    return digest


def load(
    environ: "Mapping[str, str]", key: str, now: float, least: float = MIN_REMAINING_SECONDS
) -> Credentials | None:
    """Return the entry ``key`` while it is good for at least ``least`` seconds, else None."""
    data = read_private(environ, key + SUFFIX)
    found = None if data is None else decode_entry(data)
    if found is None or found.expires_at is None or found.expires_at - now < least:
        return None
    return found


def read_private(environ: "Mapping[str, str]", name: str) -> bytes | None:
    """Return the content of file ``name`` in the cache, or None when it is not there or not ours alone."""
    directory = cache_directory(environ)
    if directory is None or not is_private_directory(directory):
        return None
    try:
        handle = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or status.st_mode & 0o170077 != 0o100000:
            return None
        return os.read(handle, MAX_ENTRY_BYTES)
    except OSError:
        return None
    finally:
        os.close(handle)


def is_private_directory(path: str) -> bool:
    """Tell whether ``path`` is a real directory, ours, and closed to everybody else."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_mode & 0o170077 == 0o040000 and status.st_uid == os.geteuid()


def encode_entry(credentials: Credentials) -> bytes:
    """Return the content of an entry.

    :raises ValueError: when a field does not fit the format or the credentials do not expire.
    """
    fields = (
        FORMAT,
        str(int(credentials.expires_at or 0)),
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token or "",
        credentials.source,
    )
    body = "".join([f"{field}\n" for field in fields]).encode()
    entry = body + _checksum(body)
    if decode_entry(entry) is None:
        raise ValueError("credentials that cannot be cached")
    return entry


def decode_entry(data: bytes) -> Credentials | None:
    """Return the credentials in an entry, or None when it is not whole and well formed."""
    body, checksum = data[:-65], data[-65:]
    if not body or _checksum(body) != checksum:
        return None
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError:
        return None
    if len(lines) != 7 or lines[0] != FORMAT or lines[6] or not lines[1].isdecimal() or int(lines[1]) == 0:
        return None
    found = Credentials(lines[2], lines[3], lines[4] or None, float(int(lines[1])), lines[5])
    return None if unusable_field(found) else found


def _checksum(body: bytes) -> bytes:
    digest: str = sha256(body).hexdigest()
    return digest.encode() + b"\n"


def _token_files(environ: "Mapping[str, str]", settings: "Settings") -> list[str | None]:
    merged = settings.merged or {}
    in_profile = merged.get("web_identity_token_file")
    return [
        environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
        environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        in_profile if isinstance(in_profile, str) else None,
    ]


def _content(path: str) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return os.read(handle, MAX_ENTRY_BYTES)
    except OSError:
        return None
    finally:
        os.close(handle)


def _listing(directory: str) -> str:
    """Describe the login files in a directory, so that a new login or a logout makes the cached credentials stale."""
    try:
        with os.scandir(directory) as entries:
            return "\n".join(sorted([f"{entry.name}\t{entry.stat().st_mtime_ns}" for entry in entries]))
    except (OSError, ValueError):
        return ""
