"""``eksauth.verify_token`` as its users call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.authenticator.loopback import caller, error, loopback, loopback_in_a_thread, reply
from tests.authenticator.tokens import NOW, fresh, signed

import eksauth
from eksauth.authenticator.config import ServerConfig, parse_server_config
from eksauth.authenticator.decide import build_authenticator
from eksauth.authenticator.identity import CallerIdentity
from eksauth.authenticator.sts.client import StsQuestion, StsUnavailable
from eksauth.errors import ConfigError, UsageError

HOST = "sts.us-west-2.amazonaws.com"
MAPPED = """\
clusterID: demo-cluster
server:
  mapRoles:
  - rolearn: arn:aws:iam::111122223333:role/CICDRole
    username: ci:{{SessionName}}
    groups: [builders]
"""


def test_a_token_becomes_a_user(tmp_path: Path) -> None:
    """With a configuration the answer holds identity, user, groups, the deciding line and the expiry."""
    path = tmp_path / "server.yaml"
    path.write_text(MAPPED)
    with loopback_in_a_thread(reply(200, caller())) as server:
        decision = eksauth.verify_token(fresh(), config=path, sts_endpoint_overrides={HOST: server.origin()})
    assert (decision.allowed, decision.reason, decision.retryable) == (True, "ok", False)
    assert decision.user is not None
    assert (decision.user.username, decision.user.groups) == ("ci:sess", ("builders",))
    assert decision.user.uid == "aws-iam-authenticator:111122223333:AROAEXAMPLE"
    assert decision.identity is not None
    assert decision.identity.access_key_id == "AKIDEXAMPLE"
    assert decision.token_expires_at is not None
    assert b"x-k8s-aws-id: demo-cluster\r\n" in server.requests[0]


def test_the_path_may_be_an_aws_auth_manifest(tmp_path: Path) -> None:
    """An aws-auth manifest maps with its own semantics; the cluster is given beside it."""
    path = tmp_path / "aws-auth.yaml"
    entry = "- rolearn: arn:aws:iam::111122223333:role/CICDRole\n      username: ci\n      groups: [g]\n"
    path.write_text(f"kind: ConfigMap\ndata:\n  mapRoles: |\n    {entry}")
    with loopback_in_a_thread(reply(200, caller())) as server:
        overrides = {HOST: server.origin()}
        decision = eksauth.verify_token(fresh(), cluster_id="other", config=str(path), sts_endpoint_overrides=overrides)
    assert decision.user is not None
    assert decision.user.username == "ci"
    assert b"x-k8s-aws-id: other\r\n" in server.requests[0]


def test_without_a_configuration_the_identity_is_named_and_not_mapped() -> None:
    """A bare verification says who signed, and makes nobody a Kubernetes user."""
    with loopback_in_a_thread(reply(200, caller())) as server:
        decision = eksauth.verify_token(
            fresh(), cluster_id="demo-cluster", sts_endpoint_overrides={HOST: server.origin()}
        )
    assert (decision.allowed, decision.user) == (True, None)
    assert decision.identity is not None
    assert decision.identity.canonical_arn == "arn:aws:iam::111122223333:role/CICDRole"


@pytest.mark.parametrize(
    "status, body, reason, retryable",
    [
        pytest.param(403, error("SignatureDoesNotMatch"), "sts.signature_mismatch", False, id="wrong-cluster"),
        pytest.param(400, error("Throttling"), "sts.throttled", True, id="throttled"),
        pytest.param(200, caller(Arn="arn:aws-cn:iam::111122223333:user/x"), "identity.partition_mismatch", False, id="partition"),
        pytest.param(200, caller(Account="999999999999"), "identity.account_mismatch", False, id="account"),
        pytest.param(200, caller(UserId="AROA"), "identity.malformed", False, id="user-id"),
    ],
)  # fmt: skip
async def test_refusals_are_answers(status: int, body: bytes, reason: str, retryable: bool) -> None:
    """What STS says no to, or cannot say, is a decision and no exception."""
    async with loopback(reply(status, body)) as server:
        overrides = {HOST: server.origin()}
        decision = await eksauth.verify_token_async(fresh(), cluster_id="c", sts_endpoint_overrides=overrides)
    assert (decision.allowed, decision.reason, decision.retryable) == (False, reason, retryable)
    assert decision.user is None


async def test_sts_is_not_asked_about_a_token_that_breaks_a_rule() -> None:
    """An expired token costs no call."""
    async with loopback(reply(200, caller())) as server:
        decision = await eksauth.verify_token_async(
            signed(), cluster_id="c", sts_endpoint_overrides={HOST: server.origin()}
        )
    assert decision.reason == "token.expired"
    assert server.requests == []


async def test_inside_an_event_loop_the_async_variant_is_named() -> None:
    """The blocking variant refuses to block a running loop, and says what to await."""
    with pytest.raises(UsageError) as caught:
        eksauth.verify_token("x", cluster_id="c")
    assert "verify_token_async" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "arguments, kind",
    [
        pytest.param({}, UsageError, id="no-cluster"),
        pytest.param({"cluster_id": "a\nb"}, ConfigError, id="line-break"),
        pytest.param({"cluster_id": " "}, ConfigError, id="blank"),
        pytest.param({"cluster_id": "\udcff"}, ConfigError, id="surrogate"),
        pytest.param({"cluster_id": "c", "partition": "aws-moon"}, ConfigError, id="partition"),
        pytest.param({"cluster_id": "c", "config": "/nonexistent/server.yaml"}, ConfigError, id="no-file"),
        pytest.param({"cluster_id": "c", "sts_ca_file": "/nonexistent/ca.pem"}, ConfigError, id="no-ca-file"),
        pytest.param({"cluster_id": "c", "sts_endpoint_overrides": {"a": "b"}}, ConfigError, id="override"),
    ],
)
def test_bad_arguments_are_errors(arguments: dict, kind: type[Exception]) -> None:
    """What cannot be judged with is an error, before anything is asked."""
    with pytest.raises(kind):
        eksauth.verify_token(fresh(), **arguments)


class Fixed:
    """An STS that always knows the caller, or always fails."""

    def __init__(self, answer: CallerIdentity | StsUnavailable) -> None:
        self.answer = answer

    async def get_caller_identity(self, question: StsQuestion) -> CallerIdentity:
        """Return or raise what was given."""
        if isinstance(self.answer, StsUnavailable):
            raise self.answer
        return self.answer


BOB = CallerIdentity("111122223333", "arn:aws:iam::111122223333:user/bob", "AIDAEXAMPLE")


def test_an_authenticator_needs_a_cluster() -> None:
    """A configuration without cluster id cannot judge."""
    with pytest.raises(ConfigError, match="cluster id"):
        build_authenticator(ServerConfig(), Fixed(BOB))


async def test_the_clock_is_a_parameter() -> None:
    """Two minutes after its end a token is refused, and before it accepted, by the clock that was given."""
    config = parse_server_config(MAPPED, "s.yaml")
    for now, reason in ((NOW, "mapping.not_mapped"), (NOW + 1020, "token.expired")):
        authenticator = build_authenticator(config, Fixed(BOB), now=lambda now=now: now)  # type: ignore[misc]
        decision = await authenticator.authenticate(signed())
        assert decision.reason == reason


async def test_an_outage_is_retryable_and_names_nobody() -> None:
    """When STS gives no judgement the decision says so and holds no identity."""
    authenticator = build_authenticator(
        parse_server_config(MAPPED, "s.yaml"), Fixed(StsUnavailable("down")), now=lambda: NOW
    )
    decision = await authenticator.authenticate(signed())
    assert (decision.reason, decision.retryable, decision.identity) == ("sts.unreachable", True, None)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=300), st.binary(max_size=100).map(lambda raw: b"k8s-aws-v1." + raw)
    )
)
async def test_arbitrary_tokens_get_a_decision(token: str | bytes) -> None:
    """Whatever is sent as a token, the answer is a decision with a reason."""
    authenticator = build_authenticator(parse_server_config(MAPPED, "s.yaml"), Fixed(BOB))
    decision = await authenticator.authenticate(token)
    assert not decision.allowed
    assert decision.reason.startswith("token.")


def test_without_aiohttp_the_extra_is_named() -> None:
    """Where the server extra is not installed, asking STS is a configuration error that says what to install."""
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "import eksauth\n"
        "assert not eksauth.decode_token('x').acceptable\n"
        "try:\n    eksauth.verify_token('x', cluster_id='c')\n"
        "except eksauth.EksauthError as error:\n    print(error.exit_code, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "3 pip install 'eksauth[server]'\n"


def test_decoding_loads_no_network_code() -> None:
    """Taking a token apart imports neither aiohttp, botocore, asyncio nor ssl."""
    code = (
        "import sys, eksauth\neksauth.decode_token('x')\n"
        "print(sorted({'aiohttp', 'botocore', 'asyncio', 'ssl', 'yaml', 'socket'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
