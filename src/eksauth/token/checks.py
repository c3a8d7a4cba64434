"""What a cluster and a region may be called, with the corrected value when it can be guessed.

One rule for both paths: the quick one only asks whether there is something to object to.
"""

from eksauth.aws.partitions import GLOBAL_REGION, is_known_region, is_region_label, region_of_zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def is_good_cluster_id(name: str) -> bool:
    """Tell whether ``name`` can be signed as a cluster: no outer blanks or control characters, UTF-8, not an ARN."""
    if not name or not name.isprintable() or name[0] == " " or name[-1] == " " or name[:4].lower() == "arn:":
        return False
    return name.isascii() or name.strip() == name


def is_good_region(region: str) -> bool:
    """Tell whether ``region`` is a known region, the global one, or looks like one that AWS may add (``xx-word-1``)."""
    if is_known_region(region) or region == GLOBAL_REGION:
        return True
    words = region.split("-")
    return (
        len(words) > 2
        and words[-1].isdigit()
        and all([word.isalnum() for word in words])  # noqa: C419  cheaper than a generator
        and region.islower()
        and is_region_label(region)
        and region_of_zone(region) is None
    )


def check_cluster_id(name: str, what: str = "cluster name") -> None:
    """Refuse what :func:`is_good_cluster_id` refuses, saying why.

    :raises UsageError: with the corrected value in the hint where there is one.
    """
    if is_good_cluster_id(name):
        return
    from eksauth.errors import UsageError

    bare = " ".join(name.split())
    if not bare:
        raise UsageError(f"the {what} is empty", hint="give the name that 'aws eks list-clusters' shows")
    if bare[:4].lower() == "arn:":
        _, found, rest = bare.rpartition(":cluster/")
        hint = f"use {rest}" if found and rest else "use the plain name, the part after cluster/"
        raise UsageError(f"the {what} is an ARN", hint=hint, code="usage.cluster_name")
    printable = name.strip()
    if printable != name and is_good_cluster_id(printable):
        raise UsageError(f"the {what} has blanks around it", hint=f"use {printable}", code="usage.cluster_name")
    raise UsageError(
        f"the {what} has characters that cannot be sent to AWS",
        hint="a name has letters, digits, dashes and underscores",
        code="usage.cluster_name",
    )


def check_region(region: str, raise_as: "Callable[..., Exception] | None" = None) -> None:
    """Refuse what :func:`is_good_region` refuses, saying why.

    :param raise_as: the error class; by default UsageError, ConfigError suits a region found in a file or variable.
    :raises UsageError: with the corrected value in the hint where there is one.
    """
    if is_good_region(region):
        return
    from eksauth.errors import UsageError

    error = raise_as or UsageError
    tidy = region.strip().lower()
    shown = "".join([letter if letter.isprintable() else "?" for letter in region])[:64]
    zone_of = region_of_zone(tidy)
    if zone_of is not None and not is_good_region(tidy):
        message, hint = f"{shown} is a zone, not a region", f"use {zone_of}"
    elif is_good_region(tidy):
        message, hint = f"'{shown}' is not how the region is written", f"use {tidy}"
    else:
        message, hint = f"'{shown}' is no AWS region", _nearest(tidy)
    raise error(message, hint=hint, code="usage.region" if error is UsageError else "config.region")


def _nearest(region: str) -> str:
    from difflib import get_close_matches

    from eksauth.aws.partitions import PARTITIONS

    known = [name for partition in PARTITIONS for name in sorted(partition.regions)]
    near = get_close_matches(region[:64], known, 1)
    return f"did you mean {near[0]}" if near else "regions are written like eu-west-1"
