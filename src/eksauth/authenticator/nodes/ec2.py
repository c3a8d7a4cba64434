"""Asking EC2, with the server's own credentials or those of a role.

``DescribeInstances`` is filtered by instance id instead of given a list of them: of a list with one unknown id EC2
answers nothing at all. botocore does the work, in threads, and is loaded when the first node logs in.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eksauth.aws.arn import parse_arn
from eksauth.errors import ConfigError

_ROLE_SECONDS = 3600


class Ec2:
    """A client that is made once, on first use.

    :param region: of the instances; None takes the environment's, then that of the instance this runs on.
    :param role_arn: assumed for the calls; empty for none.
    :param source_arn: sent along when the role is assumed, so that its trust policy can tell one cluster's server from
        another's (``aws:SourceArn``, ``aws:SourceAccount``).
    :param called: told of each call.
    :raises ConfigError: for ARNs that are none.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        role_arn: str = "",
        source_arn: str = "",
        called: Callable[[], None] = lambda: None,
    ) -> None:
        for name, text in (("ec2DescribeInstancesRoleARN", role_arn), ("sourceARN", source_arn)):
            if text:
                _check_arn(name, text)
        self._region = region
        self._role_arn = role_arn
        self._source_arn = source_arn
        self._called = called
        self._client: Any = None
        self._making = asyncio.Lock()

    async def describe(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the private DNS names of those instances that have one.

        :raises AwsError: when EC2 refused or did not answer.
        :raises CredentialsError: when there are none to ask with.
        :raises ConfigError: when nothing names a region.
        """
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make)
        self._called()
        return await asyncio.to_thread(self._ask, list(instance_ids))

    def _ask(self, instance_ids: list[str]) -> dict[str, str]:
        from eksauth.credentials.botocore_errors import translated

        names: dict[str, str] = {}
        with translated(None, doing="looking up the names of nodes"):
            pages = self._client.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": instance_ids}]
            )
            for page in pages:
                for reservation in page.get("Reservations", ()):
                    for instance in reservation.get("Instances", ()):
                        name = instance.get("PrivateDnsName")
                        if name:
                            names[instance["InstanceId"]] = name
        return names

    def _make(self) -> Any:
        from eksauth.credentials.botocore_errors import translated
        from eksauth.credentials.botocore_session import open_session

        with translated(None, doing="looking up the names of nodes"):
            region = self._region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            region = region or _region_of_this_instance()
            session = open_session(None, explicit=False, region=region)
            if self._role_arn:
                session._credentials = self._role_credentials(session)  # noqa: SLF001  no public way to set refreshable ones
            return session.create_client("ec2")

    def _role_credentials(self, session: Any) -> Any:
        from botocore.credentials import DeferredRefreshableCredentials

        sts = session.create_client("sts")
        if self._source_arn:
            headers = {
                "x-amz-source-arn": self._source_arn,
                "x-amz-source-account": parse_arn(self._source_arn).account,
            }

            def add_headers(request: Any, **_: Any) -> None:
                for name, value in headers.items():
                    request.headers[name] = value

            sts.meta.events.register("before-sign.sts.AssumeRole", add_headers)

        def fetch() -> dict[str, str]:
            answer = sts.assume_role(
                RoleArn=self._role_arn, RoleSessionName="eksauth-server", DurationSeconds=_ROLE_SECONDS
            )["Credentials"]
            return {
                "access_key": answer["AccessKeyId"],
                "secret_key": answer["SecretAccessKey"],
                "token": answer["SessionToken"],
                "expiry_time": answer["Expiration"].isoformat(),
            }

        return DeferredRefreshableCredentials(fetch, "assume-role")


def _region_of_this_instance() -> str:
    from botocore.utils import InstanceMetadataRegionFetcher

    region: str | None = InstanceMetadataRegionFetcher(timeout=1, num_attempts=2).retrieve_region()
    if region is None:
        raise ConfigError(
            "nothing names the region of the nodes: neither AWS_REGION nor the metadata of this machine",
            hint="set AWS_REGION where the server runs",
            code="config.no_region",
        )
    return region


def _check_arn(name: str, text: str) -> None:
    try:
        parse_arn(text)
    except ValueError as error:
        raise ConfigError(f"server.{name} is no ARN: {error}", hint="write it in full, or take it out") from None
