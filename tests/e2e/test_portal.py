"""From the portal to the cluster: a person's permission set becomes a user of Kubernetes."""

from __future__ import annotations

import json
import sys
import time
from hashlib import sha1
from pathlib import Path

import botocore
import botocore.session
import pytest
from botocore.config import Config
from tests.e2e.peers import Run, kubectls

from eksauth.sandbox.loopback import LoopbackClient, trusting
from eksauth.testing import SandboxHandle

BIN = Path(sys.executable).parent
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def sign_in(chain: SandboxHandle, home: Path, user_name: str) -> None:
    """Sign a person in by the device grant, and leave the token where the AWS CLI leaves it."""
    url, ca_file = chain.environ["AWS_ENDPOINT_URL"], chain.environ["AWS_CA_BUNDLE"]
    oidc = botocore.session.Session().create_client(
        "sso-oidc",
        "us-west-2",
        endpoint_url=url,
        verify=ca_file,
        config=Config(signature_version=botocore.UNSIGNED),
    )
    start_url = url + chain.identities.portal.start_path
    client = oidc.register_client(clientName="e2e", clientType="public", scopes=["sso:account:access"])
    proof = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
    device = oidc.start_device_authorization(startUrl=start_url, **proof)
    control_token = json.loads((chain.kubeconfig.parent / "aws" / "config.json").read_text())["control_token"]
    decision = json.dumps({"user_code": device["userCode"], "user_name": user_name}).encode()
    control = LoopbackClient(url, trusting(Path(ca_file).read_text()), control_token)
    assert control.ask("/_sandbox/sso/decide", decision).status == 200
    token = oidc.create_token(
        grantType="urn:ietf:params:oauth:grant-type:device_code", deviceCode=device["deviceCode"], **proof
    )
    cache = home / ".aws" / "sso" / "cache" / f"{sha1(b'sandbox', usedforsecurity=False).hexdigest()}.json"
    cache.parent.mkdir(parents=True)
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + token["expiresIn"]))
    cache.write_text(
        json.dumps(
            {"startUrl": start_url, "region": "us-west-2", "accessToken": token["accessToken"], "expiresAt": ends}
        )
    )


@pytest.mark.parametrize(
    "profile,user,group",
    [
        pytest.param("sso-admin", "sso-admin:dana", "system:masters", id="administrator"),
        pytest.param("sso-reader", "sso-reader:dana", "eksauth:view", id="reader"),
    ],
)
def test_a_permission_set_is_a_user_of_the_cluster(
    chain: SandboxHandle, run: Run, home: Path, profile: str, user: str, group: str
) -> None:
    """The sandbox's sso-session profile gives a token, and the cluster says who that is."""
    found = kubectls()
    if not found:
        pytest.skip("no kubectl here")
    sign_in(chain, home, "dana")
    got = run(
        BIN / "eksauth", "token", "--cluster-name", "demo", "--region", "us-west-2", "--profile", profile, "-o", "token"
    )
    assert got.returncode == 0, got.stderr
    kubeconfig = home / "kubeconfig"
    document = run(next(iter(found.values())), "config", "view", "--raw", "-o", "json").stdout
    demo = next(one for one in json.loads(document)["clusters"] if one["name"] == "demo")
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [demo],
                "users": [{"name": "dana", "user": {"token": got.stdout.strip()}}],
                "contexts": [{"name": "c", "context": {"cluster": "demo", "user": "dana"}}],
                "current-context": "c",
            }
        )
    )
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    done = run(
        next(iter(found.values())),
        "--kubeconfig",
        kubeconfig,
        "create",
        f"--raw={path}",
        "-f",
        "-",
        stdin=json.dumps(REVIEW),
    )
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)["status"]["userInfo"]

    assert info["username"] == user
    assert group in info["groups"]
    assert info["extra"]["sessionName"] == ["dana"]
