"""A bearer token: its text form, how long it lives, and how one is made from credentials.

Pure: the clock comes in as ``now``. Both the path that kubectl waits for and the library make their tokens here.
"""

from binascii import b2a_base64
from time import gmtime

from eksauth.aws.partitions import signing_region, sts_host
from eksauth.token.sigv4 import presign_get_caller_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.credentials.model import Credentials

TOKEN_PREFIX = "k8s-aws-v1."
TOKEN_LIFE_SECONDS = 15 * 60
"""How long authenticators accept a token after its X-Amz-Date."""
EXPIRY_MARGIN_SECONDS = 60
"""What clients take off that life, so that kubectl fetches a new token before the old one dies."""

_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")


def encode_token(url: str) -> str:
    """Return the bearer token for a presigned URL."""
    return TOKEN_PREFIX + b2a_base64(url.encode(), newline=False).translate(_TO_URLSAFE).rstrip(b"=").decode()


def token_expiry(now: float, credentials_expire_at: float | None) -> int | None:
    """Return when to stop using a token made ``now``, in seconds since the epoch.

    Fourteen minutes from now, or a minute before the credentials die, whichever comes first. None when the credentials
    die within a minute: such a token would be refused by STS while kubectl still trusts it.
    """
    expiry = int(now) + TOKEN_LIFE_SECONDS - EXPIRY_MARGIN_SECONDS
    if credentials_expire_at is not None:
        expiry = min(expiry, int(credentials_expire_at) - EXPIRY_MARGIN_SECONDS)
    return expiry if expiry > now else None


def bearer_token(
    credentials: "Credentials", *, cluster_id: str, region: str, fips: bool, dual_stack: bool, now: float
) -> str:
    """Sign a token for ``cluster_id`` (name, or id of a local cluster) against STS in ``region``."""
    return encode_token(
        presign_get_caller_identity(
            host=sts_host(region, fips=fips, dual_stack=dual_stack),
            region=signing_region(region),
            cluster_id=cluster_id,
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            session_token=credentials.session_token,
            amz_date=utc_text(int(now)).replace("-", "").replace(":", ""),
        )
    )


def utc_text(epoch: int) -> str:
    """Write a time as Kubernetes and AWS do: ``YYYY-MM-DDTHH:MM:SSZ``."""
    year, month, day, hour, minute, second = gmtime(epoch)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
