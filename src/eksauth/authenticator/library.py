"""``eksauth.verify_token``: judge one token as a cluster would, and say who it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eksauth.authenticator.config import ServerConfig, parse_server_config
from eksauth.authenticator.decide import Authenticator, Decision, MappingBackend, refusal
from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend, is_config_map
from eksauth.authenticator.mapping.model import Problem
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.authenticator.sts.client import StsApi, StsClient
from eksauth.authenticator.verify import TokenVerifier
from eksauth.errors import EksauthError, UsageError
from eksauth.yaml_source.nodes import YamlFile, read_bounded


class Judging:
    """What tokens are judged with: a configuration, where it has one a mapping, and how STS is reached.

    :param config: a server configuration, or the path of one or of an ``aws-auth`` manifest; None judges the token and
        names the identity without mapping it.
    :param cluster_id: beats the configuration's.
    :param partition: beats the configuration's.
    :raises ConfigError: for a configuration that does not load.
    :raises UsageError: when nothing names the cluster.
    """

    def __init__(
        self,
        *,
        cluster_id: str | None = None,
        config: ServerConfig | Path | str | None = None,
        partition: str | None = None,
        sts_endpoint_overrides: Mapping[str, str] | None = None,
        sts_ca_file: Path | str | None = None,
    ) -> None:
        loaded, self.mapping, self.problems = _load(config)
        self.config = replace(
            loaded,
            cluster_id=cluster_id or loaded.cluster_id,
            partition=partition or loaded.partition,
            sts_endpoint_overrides={**loaded.sts_endpoint_overrides, **(sts_endpoint_overrides or {})},
            sts_ca_file=Path(sts_ca_file) if sts_ca_file else loaded.sts_ca_file,
        )
        if not self.config.cluster_id:
            raise UsageError("no cluster id", hint="give --cluster-id, or a configuration file with clusterID")

    def sts_client(self) -> StsClient:
        """Return the client that reaches STS as configured; raises ConfigError."""
        return StsClient(overrides=self.config.sts_endpoint_overrides, ca_file=self.config.sts_ca_file)

    async def judge(self, token: str | bytes, sts: StsApi) -> Decision:
        """Judge one token; without a mapping the decision has no user."""
        config = self.config
        if self.mapping is not None:
            authenticator = Authenticator(
                cluster_id=config.cluster_id,
                partition=config.partition,
                sts=sts,
                mapping=self.mapping,
                reserved_prefixes=config.reserved_prefixes,
                scrubbed_accounts=config.scrubbed_accounts,
            )
            return await authenticator.authenticate(token)
        verifier = TokenVerifier(cluster_id=config.cluster_id, partition=config.partition, sts=sts)
        try:
            verified = await verifier.verify(token)
        except EksauthError as error:
            return refusal(error)
        return Decision(
            allowed=True,
            reason="ok",
            message=f"the token is {verified.identity.canonical_arn}",
            identity=verified.identity,
            token_expires_at=verified.expires_at,
        )


def _load(
    config: ServerConfig | Path | str | None,
) -> tuple[ServerConfig, MappingBackend | None, tuple[Problem, ...]]:
    if config is None:
        return ServerConfig(), None, ()
    if not isinstance(config, ServerConfig):
        path = Path(config)
        text = read_bounded(path)
        file = YamlFile(text, str(path))
        if is_config_map(file):
            aws_auth = AwsAuthBackend.from_manifest(file)
            return ServerConfig(), aws_auth, aws_auth.problems
        config = parse_server_config(text, str(path))
    mounted = MountedFileBackend(config.mappings)
    return config, mounted, (*config.warnings, *mounted.problems)


async def verify_token_async(
    token: str | bytes,
    *,
    cluster_id: str | None = None,
    config: ServerConfig | Path | str | None = None,
    partition: str | None = None,
    sts_endpoint_overrides: Mapping[str, str] | None = None,
    sts_ca_file: Path | str | None = None,
) -> Decision:
    """Judge ``token`` as the cluster ``cluster_id`` would; for code that runs in an event loop.

    Refusals and STS outages are answers (``allowed`` is False; ``retryable`` tells them apart), not exceptions.

    :param config: a server configuration (or its path, or the path of an ``aws-auth`` manifest) that says who the
        identity becomes; without one the decision names the identity and has no ``user``.
    :param partition: ``aws`` unless the configuration says otherwise.
    :param sts_endpoint_overrides: STS host -> ``https://host[:port]`` to connect to instead.
    :param sts_ca_file: PEM file of authorities to trust for overridden hosts.
    :raises ConfigError: for a configuration, override or CA file that cannot be used, or when aiohttp is missing.
    :raises UsageError: when neither argument nor configuration names a cluster.
    """
    judging = Judging(
        cluster_id=cluster_id,
        config=config,
        partition=partition,
        sts_endpoint_overrides=sts_endpoint_overrides,
        sts_ca_file=sts_ca_file,
    )
    async with judging.sts_client() as sts:
        return await judging.judge(token, sts)


def verify_token(
    token: str | bytes,
    *,
    cluster_id: str | None = None,
    config: ServerConfig | Path | str | None = None,
    partition: str | None = None,
    sts_endpoint_overrides: Mapping[str, str] | None = None,
    sts_ca_file: Path | str | None = None,
) -> Decision:
    """Judge ``token`` as a cluster would; see :func:`verify_token_async` for parameters and errors.

    :raises UsageError: when called from a running event loop, where it would block; await ``verify_token_async`` there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise UsageError(
            "verify_token was called inside a running event loop", hint="await eksauth.verify_token_async(...) there"
        )
    return asyncio.run(
        verify_token_async(
            token,
            cluster_id=cluster_id,
            config=config,
            partition=partition,
            sts_endpoint_overrides=sts_endpoint_overrides,
            sts_ca_file=sts_ca_file,
        )
    )
