"""The text form of a bearer token: a prefix and the presigned URL in unpadded base64url."""

from binascii import b2a_base64

TOKEN_PREFIX = "k8s-aws-v1."
TOKEN_LIFE_SECONDS = 15 * 60
"""How long authenticators accept a token after its X-Amz-Date."""
EXPIRY_MARGIN_SECONDS = 60
"""What clients take off that life, so that kubectl fetches a new token before the old one dies."""

_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")


def encode_token(url: str) -> str:
    """Return the bearer token for a presigned URL."""
    return TOKEN_PREFIX + b2a_base64(url.encode(), newline=False).translate(_TO_URLSAFE).rstrip(b"=").decode()
