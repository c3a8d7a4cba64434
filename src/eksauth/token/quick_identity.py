"""The identity's part of the path that kubectl waits for: from its name to its cached credentials, and the audit line.

None at any point means that :mod:`eksauth.token.as_identity` does the same with a parser, AWS and explanations.
"""

from eksauth.credentials.audit import append
from eksauth.credentials.config.search import find_config
from eksauth.credentials.identity_index import IndexEntry, find_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def config_is_there(environ: "Mapping[str, str]") -> bool:
    """Tell whether there is any configuration."""
    return find_config(environ) is not None


def quick_entry(environ: "Mapping[str, str]", flags: dict[str, str], spelled: str, now: float) -> IndexEntry | None:
    """Return the index entry for the flags of a token command while it is valid, or None.

    :param spelled: the identity as it was named, "" for the configuration's own choice.
    """
    found = find_config(environ, flag=flags.get("config"))
    if found is None:
        return None
    realm = flags.get("realm")
    entry = find_entry(environ, spelled=spelled, path=found.path, realm=realm, searched=found.searched, now=now)
    account = flags.get("account")
    if entry is None or (account is not None and (not account or account != entry.account)):
        return None
    return entry


def is_recorded(
    environ: "Mapping[str, str]", entry: IndexEntry, *, cluster: str, region: str, until: int, now: float
) -> bool:
    """Write the token into the audit log, and tell whether that worked; the full path says why not."""
    event: dict[str, str | float | None] = {
        "event": "token",
        "identity": entry.name,
        "account": entry.account,
        "cluster": cluster,
        "region": region,
        "until": until,
    }
    return append(environ, event, now=now) is None
