"""Amazon Resource Names, and the one change the authenticator makes to them.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html and the behaviour of aws-iam-authenticator's
canonicalisation. Pure string work.
"""

from eksauth.aws.partitions import PARTITIONS


class Arn:
    """An ARN in its six sections; ``str()`` gives the text back unchanged."""

    __slots__ = ("account", "partition", "region", "resource", "service")

    def __init__(self, partition: str, service: str, region: str, account: str, resource: str) -> None:
        self.partition = partition
        self.service = service
        self.region = region
        self.account = account
        self.resource = resource

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    def __repr__(self) -> str:
        return f"Arn({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Arn) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


def parse_arn(text: str) -> Arn:
    """Split ``text`` into its sections.

    :raises ValueError: when it does not start with ``arn:`` or has fewer than six sections.
    """
    sections = text.split(":", 5)
    if len(sections) != 6 or sections[0] != "arn":
        raise ValueError("not an ARN: it needs six sections separated by colons and starts with arn:")
    return Arn(*sections[1:])


def looks_like_arn(text: str) -> bool:
    """Tell whether somebody meant ``text`` as an ARN, well formed or not."""
    return text.strip()[:4].lower() == "arn:"


def role_arn(partition: str, account: str, name: str) -> str:
    """Return the ARN of a role without a path."""
    return f"arn:{partition}:iam::{account}:role/{name}"


def canonical_principal(text: str) -> tuple[str, str]:
    """Return (kind, canonical ARN) of an IAM or STS principal as cluster mappings know it.

    ``kind`` is one of ``root``, ``user``, ``role``, ``assumed-role``, ``federated-user``. Assumed-role ARNs become the
    ARN of the role (the last segment, the session name, is dropped); everything else stays as it is.

    :raises ValueError: for anything that is no principal of a known partition.
    """
    arn = parse_arn(text)
    if all(arn.partition != partition.name for partition in PARTITIONS):
        raise ValueError(f"unknown partition {arn.partition!r}")
    kind, slash, rest = arn.resource.partition("/")
    if arn.service == "iam":
        if arn.resource == "root":
            return "root", text
        if kind in {"user", "role"} and slash:
            return kind, text
    elif arn.service == "sts":
        if kind == "federated-user" and slash:
            return kind, text
        if kind == "assumed-role":
            name, slash, _session = rest.rpartition("/")
            if not slash:
                raise ValueError("an assumed-role ARN needs a role name and a session name")
            return kind, role_arn(arn.partition, arn.account, name)
    raise ValueError(f"not an IAM user, role, root, assumed role or federated user: {arn.service} {kind}")
