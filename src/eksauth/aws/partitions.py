"""AWS partitions, their regions and the STS host of each; pure data and string work, safe for the hot path.

Source of the data: the partition metadata and STS endpoint rules that the AWS SDKs ship (botocore 1.44,
``partitions.json`` and ``sts/2011-06-15/endpoint-rule-set``). ``tests/aws/test_partitions.py`` compares every entry
with the installed botocore, so a new region shows up as a failing test.
"""


class Partition:
    """One AWS partition: a closed world of accounts, regions and host names."""

    __slots__ = ("dns_suffix", "dual_stack_suffix", "name", "region_prefixes", "regions")

    def __init__(
        self,
        name: str,
        dns_suffix: str,
        dual_stack_suffix: str,
        region_prefixes: tuple[str, ...],
        regions: frozenset[str],
    ) -> None:
        self.name = name
        self.dns_suffix = dns_suffix
        self.dual_stack_suffix = dual_stack_suffix
        self.region_prefixes = region_prefixes
        self.regions = regions

    def __repr__(self) -> str:
        return f"Partition({self.name})"

    def has_shape_of(self, region: str) -> bool:
        """Tell whether ``region`` is named as this partition names regions (``prefix-word-number``), known or not."""
        for prefix in self.region_prefixes:
            if region.startswith(prefix):
                word, dash, number = region[len(prefix) :].partition("-")
                if dash and number.isascii() and number.isdigit() and _is_word(word):
                    return True
        return False


AWS = Partition(
    "aws",
    "amazonaws.com",
    "api.aws",
    ("us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"),
    frozenset(
        [
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "me-west-1",
            "mx-central-1",
            "sa-east-1",
            "sa-west-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ]
    ),
)

PARTITIONS = (
    AWS,
    Partition(
        "aws-cn",
        "amazonaws.com.cn",
        "api.amazonwebservices.com.cn",
        ("cn-",),
        frozenset(("cn-north-1", "cn-northwest-1")),
    ),
    Partition("aws-us-gov", "amazonaws.com", "api.aws", ("us-gov-",), frozenset(("us-gov-east-1", "us-gov-west-1"))),
    Partition("aws-iso", "c2s.ic.gov", "api.aws.ic.gov", ("us-iso-",), frozenset(("us-iso-east-1", "us-iso-west-1"))),
    Partition(
        "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", ("us-isob-",), frozenset(("us-isob-east-1", "us-isob-west-1"))
    ),
    Partition("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", ("eu-isoe-",), frozenset(("eu-isoe-west-1",))),
    Partition(
        "aws-iso-f",
        "csp.hci.ic.gov",
        "api.aws.hci.ic.gov",
        ("us-isof-",),
        frozenset(("us-isof-east-1", "us-isof-south-1")),
    ),
    Partition("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", ("eusc-de-",), frozenset(("eusc-de-east-1",))),
)

GLOBAL_REGION = "aws-global"
"""The pseudo region of the commercial partition's global STS host, ``sts.amazonaws.com`` (signed for us-east-1)."""

_LABEL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_WORD = _LABEL - {"-"} | {"_"}


def _is_word(text: str) -> bool:
    return bool(text) and _WORD.issuperset(text)


def partition_named(name: str) -> Partition | None:
    """Return the partition called ``name`` (``aws``, ``aws-cn``, …), or None."""
    for partition in PARTITIONS:
        if partition.name == name:
            return partition
    return None


def partition_of_region(region: str) -> Partition | None:
    """Return the partition that ``region`` belongs to: by the closed list, else by the shape of its name, else None."""
    for partition in PARTITIONS:
        if region in partition.regions:
            return partition
    for partition in PARTITIONS:
        if partition.has_shape_of(region):
            return partition
    return None


def is_known_region(region: str) -> bool:
    """Tell whether ``region`` is in the closed list of any partition."""
    return any(region in partition.regions for partition in PARTITIONS)


def is_region_label(region: str) -> bool:
    """Tell whether ``region`` can be a DNS label at all; botocore refuses anything else."""
    return 0 < len(region) <= 63 and _LABEL.issuperset(region) and region[0] != "-" and region[-1] != "-"


def region_of_zone(zone: str) -> str | None:
    """Return the known region that an availability, local or wavelength zone name starts with, or None.

    ``us-east-1a`` and ``us-west-2-lax-1a`` are zones; a region itself is not.
    """
    best = ""
    for partition in PARTITIONS:
        for region in partition.regions:
            rest = zone[len(region) :]
            if zone.startswith(region) and rest and not rest[0].isdigit() and len(region) > len(best):
                best = region
    return best or None


def sts_host(region: str, *, fips: bool = False, dual_stack: bool = False) -> str:
    """Return the host of STS in ``region``, as the AWS SDKs' endpoint rules give it.

    A well-formed region that no partition claims is taken as commercial, as the SDKs do. ``aws-global`` gives the
    global host, for which there is no FIPS or dual-stack variant.
    """
    if region == GLOBAL_REGION and not fips and not dual_stack:
        return "sts.amazonaws.com"
    partition = partition_of_region(region) or AWS
    if dual_stack:
        name = "sts-fips" if fips else "sts"
        return f"{name}.{region}.{partition.dual_stack_suffix}"
    # GovCloud's ordinary STS endpoints are the FIPS ones
    name = "sts-fips" if fips and partition.name != "aws-us-gov" else "sts"
    return f"{name}.{region}.{partition.dns_suffix}"


def signing_region(region: str) -> str:
    """Return the region that goes into the credential scope: the region itself, us-east-1 for the global host."""
    return "us-east-1" if region == GLOBAL_REGION else region
