"""The index of signed-in identities, for what kubectl waits for: which cached credentials ``--identity I`` means.

Walking a configuration takes a YAML parser. Whoever did it leaves an entry, found by the identity as it was spelled,
the configuration's path and the realm, that says under which name the credentials are cached and on what that depends:
the content of the configuration, the variables that it read, the files and profiles behind its links. An entry counts
while all of that is as it was. It holds no secret, and credentials that are removed are gone for it as well.

:mod:`eksauth.credentials.index_store` writes it; kubectl does not wait for that.
"""

from eksauth.aws.digest import sha256
from eksauth.credentials.cache import load, read_private
from eksauth.credentials.identity_inputs import digest, endpoints_digest, input_digest, settings_of_input
from eksauth.credentials.model import Credentials
from eksauth.credentials.settings import quick_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "eksauth identity 1"
SUFFIX = ".idx"
_FIELDS = 7


class IndexEntry:
    """What is known of an identity without reading its configuration.

    :ivar name: as the configuration spells it.
    :ivar link: the cache entry of its credentials, or empty.
    :ivar aws: instead of that, the AWS profile that it is, as an input's name.
    :ivar account: that its credentials belong to, empty when unknown.
    :ivar region: of the token when nobody names one.
    :ivar until: epoch seconds from which on the guards have to be asked again, 0 for never.
    :ivar inputs: kind, digest and name of all that it depends on.
    """

    __slots__ = ("account", "aws", "inputs", "link", "name", "region", "until")

    def __init__(
        self,
        name: str,
        link: str,
        aws: str,
        account: str,
        region: str,
        until: int,
        inputs: list[tuple[str, str, str]],
    ) -> None:
        self.name = name
        self.link = link
        self.aws = aws
        self.account = account
        self.region = region
        self.until = until
        self.inputs = inputs


def index_name(spelled: str, path: str, realm: str | None, *, searched: bool) -> str:
    """Return the name of the entry for an identity as spelled ("" for the default), a configuration and a realm.

    :param searched: the configuration was found by walking up from the working directory: it is judged less strictly.
    """
    parts = (FORMAT, spelled, path, "-" if realm is None else f"+{realm}", "searched" if searched else "")
    return digest("\0".join(parts)) + SUFFIX


def find_entry(
    environ: "Mapping[str, str]", *, spelled: str, path: str, realm: str | None, searched: bool, now: float
) -> IndexEntry | None:
    """Return the entry while everything that it depends on is as it was, else None."""
    data = read_private(environ, index_name(spelled, path, realm, searched=searched))
    entry = None if data is None else decode_index(data)
    if entry is None or (entry.until and entry.until <= now):
        return None
    for kind, before, name in entry.inputs:
        state = endpoints_digest(environ) if kind == "endpoints" else input_digest(kind, name, environ, quick_settings)
        if state is None or state != before:
            return None
    return entry


def entry_credentials(environ: "Mapping[str, str]", entry: IndexEntry, now: float) -> Credentials | None:
    """Return the credentials that an entry stands for, or None when it takes more than reading files.

    Their end is no later than that of what the guards allow.
    """
    if entry.aws:
        from eksauth.credentials.quick import quick_credentials

        settings = settings_of_input(environ, entry.aws, quick_settings)
        found = None if settings is None else quick_credentials(environ, settings, role=None, use_cache=True, now=now)
    else:
        found = load(environ, entry.link, now)
    if found is not None and entry.until and (found.expires_at is None or found.expires_at > entry.until):
        found.expires_at = entry.until
    return found


def encode_index(entry: IndexEntry) -> bytes:
    """Return the content of an entry: one field a line, then the inputs, then a checksum.

    :raises ValueError: when a field does not fit.
    """
    fields = [FORMAT, entry.name, entry.link, entry.aws, entry.account, entry.region, str(entry.until)]
    lines = fields + ["\t".join(each) for each in entry.inputs]
    body = "".join([f"{line}\n" for line in lines]).encode(errors="surrogateescape")
    data = body + _checksum(body)
    decoded = decode_index(data)
    if decoded is None or decoded.inputs != entry.inputs or decoded.name != entry.name:
        raise ValueError("an identity that cannot be indexed")
    return data


def decode_index(data: bytes) -> IndexEntry | None:
    """Return the entry in ``data``, or None when it is not whole and well formed."""
    body, checksum = data[:-65], data[-65:]
    if not body or _checksum(body) != checksum:
        return None
    lines = body.decode(errors="surrogateescape").split("\n")
    if len(lines) < _FIELDS + 1 or lines[0] != FORMAT or lines[-1] or not lines[6].isdecimal():
        return None
    if bool(lines[2]) == bool(lines[3]):
        return None
    inputs = []
    for line in lines[_FIELDS:-1]:
        kind, _, rest = line.partition("\t")
        state, tab, name = rest.partition("\t")
        if not tab:
            return None
        inputs.append((kind, state, name))
    return IndexEntry(lines[1], lines[2], lines[3], lines[4], lines[5], int(lines[6]), inputs)


def _checksum(body: bytes) -> bytes:
    text: str = sha256(body).hexdigest()
    return text.encode() + b"\n"
