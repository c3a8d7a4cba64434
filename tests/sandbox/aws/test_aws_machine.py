"""Container credentials and instance metadata work for botocore's own providers, and for nobody without the token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from tests.sandbox.aws.serving import ServedAws, serve_aws

from eksauth.sandbox.aws.seed import ACCOUNT


@pytest.fixture(name="aws")
def aws_(tmp_path: Path) -> Iterator[ServedAws]:
    """Run an endpoint."""
    with serve_aws(tmp_path / "ca.pem") as served:
        yield served


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Send a plain HTTP request; header names are written with underscores."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def who(aws: ServedAws) -> str:
    """Return who botocore's default chain is."""
    client = botocore.session.Session().create_client("sts", "us-west-2", endpoint_url=aws.url, verify=str(aws.ca_file))
    return str(client.get_caller_identity()["Arn"])


def test_container_credentials(aws: ServedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore finds the pod's role through the variables that the control API shows."""
    for name, value in aws.control("GET", "machine")["container"].items():
        monkeypatch.setenv(name, value)
    assert who(aws) == f"arn:aws:sts::{ACCOUNT}:assumed-role/PodRole/eks-demo-app-0001"


def test_container_token_file(aws: ServedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token may be in a file, as for EKS Pod Identity."""
    found = aws.control("GET", "machine")["container"]
    path = tmp_path / "token"
    path.write_text(found["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", found["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(path))
    assert who(aws).endswith("/PodRole/eks-demo-app-0001")


def test_container_refusals(aws: ServedAws) -> None:
    """Without the exact token there are no credentials; answers repeat themselves until the end comes near."""
    found = aws.control("GET", "machine")["container"]
    url, token = found["AWS_CONTAINER_CREDENTIALS_FULL_URI"], found["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": token + "x"}):
        status, body = ask(url, **headers)
        assert (status, json.loads(body)["code"]) == (400, "InvalidTokenException")
    assert ask(url, Authorization=token, Host="evil.example")[0] == 403
    status, body = ask(url, Authorization=token)
    assert status == 200
    first = json.loads(body)
    assert set(first) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "AccountId"}
    assert json.loads(ask(url, Authorization=token)[1]) == first
    aws.control("PUT", "clock", {"offset_seconds": 3000})
    assert json.loads(ask(url, Authorization=token)[1])["AccessKeyId"] != first["AccessKeyId"]


def test_pod_tags_are_transitive(aws: ServedAws) -> None:
    """The pod's session has the tags of EKS Pod Identity, and hands them on."""
    found = aws.control("GET", "machine")["container"]
    keys = json.loads(
        ask(found["AWS_CONTAINER_CREDENTIALS_FULL_URI"], Authorization=found["AWS_CONTAINER_AUTHORIZATION_TOKEN"])[1]
    )
    session = aws.endpoint.cloud.sessions.get(keys["AccessKeyId"])
    assert session is not None
    assert ("kubernetes-namespace", "default") in session.caller.session_tags.inherited().pairs


def test_instance_metadata(aws: ServedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore takes the node's role from the metadata service, version 2."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    for name, value in aws.control("GET", "machine")["instance"].items():
        monkeypatch.setenv(name, value)
    assert who(aws) == f"arn:aws:sts::{ACCOUNT}:assumed-role/NodeRole/i-0123456789abcdef0"


def test_metadata_wants_a_session_token(aws: ServedAws) -> None:
    """Version 1 is off; session tokens have a life, and are not for proxies."""
    base = aws.control("GET", "machine")["url"]
    role = f"{base}/latest/meta-data/iam/security-credentials/"
    assert ask(role)[0] == 401
    ttl: dict[str, Any] = {"X_aws_ec2_metadata_token_ttl_seconds": "60"}
    for bad in ("0", "21601", "x", "\u00b2", ""):
        assert ask(f"{base}/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds=bad)[0] == 400
    assert ask(f"{base}/latest/api/token", "GET", **ttl)[0] == 405
    assert ask(f"{base}/latest/api/token", "PUT", **ttl, X_Forwarded_For="10.0.0.1")[0] == 403
    status, token = ask(f"{base}/latest/api/token", "PUT", **ttl)
    assert status == 200
    given = {"X_aws_ec2_metadata_token": token.decode()}
    assert ask(role, **given) == (200, b"NodeRole")
    assert ask(f"{role}Other", **given)[0] == 404
    assert ask(f"{base}/latest/meta-data/placement/region", **given) == (200, b"us-west-2")
    assert json.loads(ask(f"{base}/latest/dynamic/instance-identity/document", **given)[1])["accountId"] == ACCOUNT
    aws.control("PUT", "clock", {"offset_seconds": 61})
    assert ask(role, **given)[0] == 401


def test_faults(aws: ServedAws) -> None:
    """Ordered faults hit the machine like everything else."""
    found = aws.control("GET", "machine")["container"]
    url, token = found["AWS_CONTAINER_CREDENTIALS_FULL_URI"], found["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    aws.control("POST", "faults", {"kind": "error", "status": 500, "action": "ContainerCredentials"})
    assert ask(url, Authorization=token)[0] == 500
    assert ask(url, Authorization=token)[0] == 200


def test_plain_http_is_for_nothing_else(aws: ServedAws) -> None:
    """Neither AWS's services nor the control API answer without TLS."""
    base = aws.control("GET", "machine")["url"]
    for path in ("/", "/_sandbox/seed", "/ci/jwks", "/saml/idp", "/sessions", "/token"):
        assert ask(base + path, Authorization=f"Bearer {aws.control_token}")[0] == 404
