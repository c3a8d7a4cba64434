"""AWS credentials as one value."""


class Credentials:
    """An access key pair, with session token and expiry where it has them; ``repr`` shows no secret.

    :param expires_at: seconds since the epoch, or None for keys that do not expire.
    :param source: where they came from, for people: ``environment``, ``profile dev``, ``assumed role …``.
    """

    __slots__ = ("access_key_id", "expires_at", "secret_access_key", "session_token", "source")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        expires_at: float | None = None,
        source: str = "",
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token
        self.expires_at = expires_at
        self.source = source

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id[:4]}…, source={self.source!r}, expires_at={self.expires_at})"


def unusable_field(credentials: Credentials) -> str | None:
    """Name the part that no AWS key can look like (empty, or with blanks or control characters), or return None.

    A line end copied along with a secret is the usual cause; AWS would only say that the signature does not match.
    """
    for name, value in (
        ("access key id", credentials.access_key_id),
        ("secret access key", credentials.secret_access_key),
        ("session token", credentials.session_token),
    ):
        if value is None:
            continue
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            return name
    return None


def token_mismatch(credentials: Credentials) -> str | None:
    """Say how key id and session token contradict each other, or return None.

    AWS's ids of temporary keys start with ASIA and work only with their token, those of long-term keys with AKIA and
    work only without one. Other ids, as emulators give them, are nobody's business.
    """
    kind = credentials.access_key_id[:4]
    if len(credentials.access_key_id) != 20:
        return None
    if kind == "ASIA" and credentials.session_token is None:
        return "is temporary (ASIA…), but its session token is missing"
    if kind == "AKIA" and credentials.session_token is not None:
        return "is a long-term key (AKIA…), but there is a session token of another key with it"
    return None
