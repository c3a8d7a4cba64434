"""Bringing the chain up, link by link: AWS, then for each cluster its authenticator and its API server."""

from __future__ import annotations

import secrets
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from eksauth.authenticator.config import load_server_config
from eksauth.errors import ConfigError, EksauthError
from eksauth.files import write_whole
from eksauth.sandbox.api_server import start_embedded
from eksauth.sandbox.aws.clusters import Cluster as EksCluster
from eksauth.sandbox.aws.config import Config as AwsConfig
from eksauth.sandbox.aws.config import Tls
from eksauth.sandbox.aws.seed import CLUSTERS, SeededCluster
from eksauth.sandbox.binaries import ControlPlane, find_control_plane
from eksauth.sandbox.clientfiles import aws_config_text, aws_credentials_text, kubeconfig_text
from eksauth.sandbox.control_client import register_cluster
from eksauth.sandbox.control_plane import start_etcd, start_kube_apiserver
from eksauth.sandbox.flavour import Flavour
from eksauth.sandbox.identities import SandboxIdentities, read_identities, seed_file
from eksauth.sandbox.launcher import Launcher
from eksauth.sandbox.layout import ClusterLayout, Layout
from eksauth.sandbox.manifest import Cluster
from eksauth.sandbox.pki import LOOPBACK_HOSTS, issue_server_certificate, new_authority
from eksauth.sandbox.portal_files import eksauth_config_text, sso_profiles_text
from eksauth.sandbox.readiness import ready_file, wait_for
from eksauth.sandbox.seeding import seed_rbac
from eksauth.sandbox.server_config import server_config_text

_PATIENCE_SECONDS = 60.0


def bring_up(launcher: Launcher, flavour: Flavour, interrupted: Callable[[float], bool]) -> None:
    """Start everything; when it returns, every link answers.

    :param interrupted: asked between the steps whether somebody wants the sandbox to end.
    :raises EksauthError: when a component does not start; what did start is the caller's to stop.
    """
    layout = launcher.layout
    programs = None if flavour == "embedded" else find_control_plane()
    if flavour == "real" and programs is None:
        raise ConfigError(
            "no kube-apiserver and etcd were found",
            hint="put both into one directory and name it in KUBEBUILDER_ASSETS",
            code="sandbox.no_control_plane",
        )
    aws = _start_aws(launcher)
    identities = read_identities(layout)
    write_whole(layout.aws_credentials, aws_credentials_text(identities.user_profiles()).encode(), 0o600)
    _write_client_files(layout, identities, aws.url)
    etcd_url = start_etcd(launcher, programs, layout.etcd) if programs else ""
    for name, region in CLUSTERS:
        if interrupted(0):
            raise EksauthError("the sandbox was told to end while it started", code="sandbox.interrupted")
        cluster = _start_cluster(launcher, name, region, aws, identities, programs, etcd_url)
        launcher.set_cluster(cluster)
    text = kubeconfig_text(
        layout, aws.url, launcher.manifest.clusters, identities.role_profiles(), identities.user_profiles()
    )
    write_whole(layout.kubeconfig, text.encode(), 0o600)


def reload_authenticator(launcher: Launcher, cluster: Cluster) -> None:
    """Load an edited configuration: check it first, and keep the running one when it is wrong."""
    files = launcher.layout.cluster(cluster.name)
    try:
        load_server_config(files.server_config)
    except EksauthError as error:
        sys.stderr.write(f"kept the old configuration of {cluster.name}: {error.message}\n")
        return
    name = _authenticator_name(cluster.name)
    url = next(component.url for component in launcher.manifest.components if component.name == name)
    launcher.stop(name)
    try:
        _start_authenticator(launcher, cluster.name, files, port=int(url.rsplit(":", 1)[1].partition("/")[0]))
    except EksauthError as error:
        sys.stderr.write(f"{error.message}\n")
        return
    launcher.set_cluster(msgspec.structs.replace(cluster, mapping_generation=cluster.mapping_generation + 1))


def _write_client_files(layout: Layout, identities: SandboxIdentities, aws_url: str) -> None:
    profiles = aws_config_text(identities.user_profiles(), identities.role_profiles())
    profiles += sso_profiles_text(identities.portal, identities.account, aws_url)
    write_whole(layout.aws_config, profiles.encode(), 0o600)
    clusters = [SeededCluster(name, region, identities.account) for name, region in CLUSTERS]
    text = eksauth_config_text(identities.portal, identities.account, identities.partner_role_arn, clusters, aws_url)
    write_whole(layout.eksauth_config, text.encode(), 0o600)


@dataclass(frozen=True, slots=True)
class _Aws:
    url: str
    control_token: str
    ca_pem: str


def _start_aws(launcher: Launcher) -> _Aws:
    layout = launcher.layout
    authority = new_authority("eksauth sandbox AWS")
    write_whole(layout.ca, authority.cert_pem, 0o600)
    certificate, key = layout.aws / "server.pem", layout.aws / "server-key.pem"
    for path, content in zip((certificate, key), issue_server_certificate(authority, LOOPBACK_HOSTS), strict=True):
        write_whole(path, content, 0o600)
    ready = layout.aws / "ready.json"
    config = AwsConfig(
        control_token=secrets.token_urlsafe(32),
        ready_file=str(ready),
        seed_file=str(seed_file(layout)),
        tls=Tls(cert=str(certificate), key=str(key)),
        trusted_authorities=[str(layout.ca)],
    )
    config_file = layout.aws / "config.json"
    write_whole(config_file, msgspec.json.encode(config), 0o600)
    process = launcher.launch_module("aws", "eksauth.sandbox.aws", "--config", str(config_file))
    said = wait_for("aws", process, launcher.log("aws"), ready_file(ready), patience=_PATIENCE_SECONDS)
    url = str(said["url"])
    launcher.serves("aws", url)
    identities = read_identities(layout)
    launcher.set_aws(url, identities.account)
    return _Aws(url, config.control_token, authority.cert_pem.decode())


def _start_cluster(
    launcher: Launcher,
    name: str,
    region: str,
    aws: _Aws,
    identities: SandboxIdentities,
    programs: ControlPlane | None,
    etcd_url: str,
) -> Cluster:
    layout = launcher.layout
    files = layout.cluster(name)
    files.root.mkdir(parents=True, mode=0o700)
    config_text = server_config_text(name, identities, aws.url, layout.ca)
    write_whole(files.server_config, config_text.encode(), 0o600)
    admin_token = secrets.token_urlsafe(32)
    write_whole(files.admin_tokens, f"{admin_token},eksauth-sandbox,eksauth-sandbox,system:masters\n".encode(), 0o600)
    _start_authenticator(launcher, name, files, port=0)
    authority = new_authority(f"eksauth sandbox cluster {name}")
    component = f"apiserver-{name}"
    if programs is not None:
        endpoint = start_kube_apiserver(
            launcher,
            programs,
            component,
            etcd_url=etcd_url,
            etcd_files=layout.etcd,
            directory=files.api_state,
            authority=authority,
            webhook_kubeconfig=files.webhook_kubeconfig,
            admin_tokens=files.admin_tokens,
        )
    else:
        endpoint = start_embedded(
            launcher,
            component,
            directory=files.api_state,
            authority=authority,
            webhook_kubeconfig=files.webhook_kubeconfig,
            admin_tokens=files.admin_tokens,
        )
    ca_pem = authority.cert_pem.decode()
    seed_rbac(endpoint, ca_pem, admin_token)
    register_cluster(
        aws.url,
        aws.ca_pem,
        aws.control_token,
        EksCluster(
            name=name,
            region=region,
            account=identities.account,
            endpoint=endpoint,
            ca_data=b64encode(authority.cert_pem).decode(),
        ),
    )
    return Cluster(
        name=name,
        region=region,
        endpoint=endpoint,
        ca_pem=ca_pem,
        flavour="embedded" if programs is None else "kube-apiserver",
        server_config=str(files.server_config),
    )


def _authenticator_name(cluster: str) -> str:
    return f"authenticator-{cluster}"


def _start_authenticator(launcher: Launcher, cluster: str, files: ClusterLayout, *, port: int) -> None:
    name = _authenticator_name(cluster)
    ready = files.root / "authenticator-ready.json"
    ready.unlink(missing_ok=True)
    arguments = {
        "--config": files.server_config,
        "--address": "127.0.0.1",
        "--hostname": "127.0.0.1",
        "--port": port,
        "--state-dir": files.authenticator_state,
        "--generate-kubeconfig": files.webhook_kubeconfig,
        "--log-format": "json",
        "--ready-file": ready,
    }
    flat = [str(part) for pair in arguments.items() for part in pair]
    process = launcher.launch_module(name, "eksauth", "server", "run", *flat)
    said = wait_for(name, process, launcher.log(name), ready_file(ready), patience=_PATIENCE_SECONDS)
    launcher.serves(name, f"https://127.0.0.1:{said['port']}")
