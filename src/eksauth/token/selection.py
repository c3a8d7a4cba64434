"""Who signs: an identity of the configuration, or the plain AWS chain. One rule for both paths.

An identity that is named comes first; then what explicitly selects AWS credentials; then the configuration's own
default, if there is a configuration; then the plain chain.
"""

from eksauth.aws.partitions import partition_of_region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTITY_VARIABLES = ("EKSAUTH_IDENTITY", "ATMOS_IDENTITY")
OFF = frozenset(("false", "0", "no", "off"))
"""Words for "no identity", as in Atmos; only a configuration tells whether one is not a name after all."""
_EXPLICIT = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that select AWS credentials by themselves."""


def identity_wanted(
    environ: "Mapping[str, str]",
    *,
    identity: str | None,
    config: str | None,
    profile: str | None,
    role: str | None,
    implicit: bool,
) -> str | None:
    """Return the identity's name as spelled, "" for the configuration's own choice, or None for the plain AWS chain.

    :param implicit: whether a configuration counts that nobody mentioned; not so in the drop-in for the AWS CLI.
    """
    if identity is not None:
        return identity
    if profile:
        return None
    for variable in IDENTITY_VARIABLES:
        name = environ.get(variable)
        if name:
            return name
    if config is not None:
        return ""
    if role or not implicit or any([environ.get(name) for name in _EXPLICIT]):  # noqa: C419  cheaper than a generator
        return None
    return ""


def crosses_partitions(region: str, of_identity: str) -> bool:
    """Tell whether two regions are certainly in different partitions."""
    one, other = partition_of_region(region), partition_of_region(of_identity)
    return one is not None and other is not None and one is not other
