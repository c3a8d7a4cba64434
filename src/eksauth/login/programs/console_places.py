"""Where the consoles of AWS's partitions are, and short names for places in them; pure data and string work.

Source of the hosts: the endpoint rules of the ``signin`` service that the AWS SDKs ship, and the AWS documentation on
federated console access. Nobody outside can try the isolated partitions.
"""

from __future__ import annotations

from difflib import get_close_matches
from urllib.parse import urlsplit

from eksauth.aws.partitions import AWS, partition_of_region
from eksauth.errors import UsageError

DOMAINS = {
    "aws": "aws.amazon.com",
    "aws-cn": "amazonaws.cn",
    "aws-us-gov": "amazonaws-us-gov.com",
    "aws-iso": "c2shome.ic.gov",
    "aws-iso-b": "sc2shome.sgov.gov",
    "aws-iso-e": "csphome.adc-e.uk",
    "aws-iso-f": "csphome.hci.ic.gov",
    "aws-eusc": "amazonaws-eusc.eu",
}
"""Partition -> the domain with its ``console`` and ``signin``."""
_REGIONAL_ONLY = frozenset(("aws-eusc",))

PLACES = {
    "acm": "acm/home",
    "api-gateway": "apigateway/main/apis",
    "athena": "athena/home",
    "auto-scaling": "ec2/home#AutoScalingGroups:",
    "backup": "backup/home",
    "bedrock": "bedrock/home",
    "billing": "billing/home",
    "cloudformation": "cloudformation/home",
    "cloudfront": "cloudfront/v4/home",
    "cloudtrail": "cloudtrailv2/home",
    "cloudwatch": "cloudwatch/home",
    "codebuild": "codesuite/codebuild/projects",
    "codepipeline": "codesuite/codepipeline/pipelines",
    "config": "config/home",
    "cost-explorer": "cost-management/home",
    "dynamodb": "dynamodbv2/home",
    "ec2": "ec2/home",
    "ecr": "ecr/repositories",
    "ecs": "ecs/v2/clusters",
    "efs": "efs/home",
    "eks": "eks/home#/clusters",
    "elasticache": "elasticache/home",
    "elb": "ec2/home#LoadBalancers:",
    "emr": "emr/home",
    "eventbridge": "events/home",
    "glue": "glue/home",
    "guardduty": "guardduty/home",
    "health": "health/home",
    "iam": "iam/home",
    "identity-center": "singlesignon/home",
    "kinesis": "kinesis/home",
    "kms": "kms/home",
    "lambda": "lambda/home",
    "logs": "cloudwatch/home#logsV2:log-groups",
    "msk": "msk/home",
    "opensearch": "aos/home",
    "organizations": "organizations/v2/home",
    "rds": "rds/home",
    "redshift": "redshiftv2/home",
    "route53": "route53/v2/home",
    "s3": "s3/buckets",
    "sagemaker": "sagemaker/home",
    "secrets-manager": "secretsmanager/listsecrets",
    "security-hub": "securityhub/home",
    "service-quotas": "servicequotas/home",
    "sns": "sns/v3/home",
    "sqs": "sqs/v3/home",
    "ssm": "systems-manager/home",
    "step-functions": "states/home",
    "support": "support/home",
    "vpc": "vpcconsole/home",
    "waf": "wafv2/homev2",
}
"""Short name -> path in the console."""


def partition_name(region: str) -> str:
    """Return the partition of a region, the commercial one for a region that no partition claims."""
    return (partition_of_region(region) or AWS).name


def federation_endpoint(region: str) -> str:
    """Return the URL that trades credentials for a sign-in token, and signs in with it."""
    name = partition_name(region)
    host = f"signin.{DOMAINS[name]}"
    return f"https://{region}.{host}/federation" if name in _REGIONAL_ONLY else f"https://{host}/federation"


def destination_url(destination: str | None, region: str) -> str:
    """Return the page to land on.

    :param destination: a short name of :data:`PLACES`, an https URL in the partition's console, or None for its home.
    :raises UsageError: when it is neither.
    """
    domain = DOMAINS[partition_name(region)]
    if destination is not None and "://" in destination:
        _check_url(destination, domain)
        return destination
    path = "console/home" if destination is None else PLACES.get(destination.lower())
    if path is None:
        near = get_close_matches((destination or "").lower(), PLACES, 1, 0.5)
        raise UsageError(
            f"'{destination}' is no place in the console that has a short name",
            hint=f"did you mean {near[0]}, or give an https URL" if near else "give an https URL of the console",
            code="console.destination",
        )
    page, mark, fragment = path.partition("#")
    return f"https://console.{domain}/{page}?region={region}{mark}{fragment}"


def _check_url(url: str, domain: str) -> None:
    """Refuse anything but the console: a page elsewhere would be opened with AWS vouching for it."""
    try:
        parts = urlsplit(url)
        host, user = parts.hostname or "", parts.username
    except ValueError:
        host, user, parts = "", None, urlsplit("")
    good = parts.scheme == "https" and user is None and url.isprintable() and " " not in url
    if not good or not (host == domain or host.endswith(f".{domain}")):
        raise UsageError(
            "the destination is no https URL of this partition's console",
            hint=f"it has to be below {domain}",
            code="console.destination",
        )
