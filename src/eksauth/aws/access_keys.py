"""What an access key id says without asking anybody.

AWS encodes the account number into the ids of keys made since 2019: the part behind the four-letter prefix is base32
(RFC 4648 alphabet); bits 1 to 40 of its first six bytes are the account. Ids whose fifth letter is I or J predate that.
The result is a claim made by whoever wrote the id; nothing here verifies it.
"""

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ACCOUNT_MASK = 0x7FFFFFFFFF80

KINDS = {"AKIA": "long-term access key", "ASIA": "temporary access key"}
"""The two prefixes that sign requests, and what they are."""


def unverified_account_of(access_key_id: str) -> str | None:
    """Return the 12-digit account number encoded in ``access_key_id``, or None when it carries none."""
    body = access_key_id[4:]
    if access_key_id[:4] not in KINDS or len(body) < 10 or body[0] in "IJ":
        return None
    number = 0
    for letter in body[:10]:
        digit = _BASE32.find(letter)
        if digit < 0:
            return None
        number = number << 5 | digit
    account = ((number >> 2) & _ACCOUNT_MASK) >> 7
    return f"{account:012d}" if account < 10**12 else None
