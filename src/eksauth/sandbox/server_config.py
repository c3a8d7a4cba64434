"""The configuration of a cluster's authenticator, written for people to edit."""

from __future__ import annotations

from pathlib import Path

import yaml

from eksauth.aws.partitions import AWS, GLOBAL_REGION, sts_host
from eksauth.sandbox.identities import SandboxIdentities
from eksauth.sandbox.seeding import READ_ONLY_GROUP


def server_config_text(cluster: str, identities: SandboxIdentities, aws_endpoint: str, ca_file: Path) -> str:
    """Return the file: administrators and readers (roles, permission sets) are mapped, the CI role and bob are not."""
    admin, readonly = identities.roles["admin"].arn, identities.roles["readonly"].arn
    alice = identities.users["alice"].arn
    plumbing = yaml.safe_dump(
        {"stsCAFile": str(ca_file), "stsEndpointOverrides": dict.fromkeys(_sts_hosts(), aws_endpoint)}, sort_keys=False
    )
    return f"""\
# The authenticator of cluster {cluster}. Edit it: the sandbox checks the file and loads it within a second or two.
clusterID: {cluster}
server:
  mapRoles:
    - rolearn: {admin}
      username: admin:{{{{SessionName}}}}
      groups: [system:masters]
    - rolearn: {readonly}
      username: readonly:{{{{SessionName}}}}
      groups: [{READ_ONLY_GROUP}]
    # permission sets of the portal, whatever suffix their roles have
    - sso: {{permissionSetName: AdministratorAccess, accountID: "{identities.account}"}}
      username: sso-admin:{{{{SessionNameRaw}}}}
      groups: [system:masters]
    - sso: {{permissionSetName: ClusterReader, accountID: "{identities.account}"}}
      username: sso-reader:{{{{SessionNameRaw}}}}
      groups: [{READ_ONLY_GROUP}]
  mapUsers:
    - userarn: {alice}
      username: alice
      groups: [{READ_ONLY_GROUP}]
  # Tokens name the real STS hosts, as tokens must; here they lead to the sandbox's STS instead.
{_indented(plumbing)}"""


def _sts_hosts() -> list[str]:
    """Return every STS host of the commercial partition that a token may name."""
    hosts = [sts_host(GLOBAL_REGION)]
    for region in sorted(AWS.regions):
        hosts += [sts_host(region, fips=fips, dual_stack=dual) for fips in (False, True) for dual in (False, True)]
    return hosts


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
