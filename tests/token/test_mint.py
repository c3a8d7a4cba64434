"""The use-case: precedence, refusals and their hints."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from eksauth.credentials.model import Credentials
from eksauth.errors import ConfigError, CredentialsError, EksauthError, UsageError
from eksauth.token.mint import MintRequest, mint

NOW = 1_767_225_600.0
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretsecret"}


def url_of(request: MintRequest, environ: dict[str, str]) -> str:
    """Mint and return the presigned URL inside."""
    token = mint(request, environ=environ, clock=lambda: NOW).token
    return base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()


@pytest.mark.parametrize(
    "flag, environ, host",
    [
        ("us-east-2", {"AWS_REGION": "us-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-east-2.amazonaws.com"),
        (None, {"AWS_REGION": "us-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-1.amazonaws.com"),
        (None, {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2.amazonaws.com"),
        (None, {}, "ap-south-1.amazonaws.com"),
        ("cn-north-1", {}, "cn-north-1.amazonaws.com.cn"),
    ],
    ids=["flag", "AWS_REGION", "AWS_DEFAULT_REGION", "profile", "china"],
)
def test_region_precedence(flag: str | None, environ: dict[str, str], host: str, home: Path) -> None:
    """Flag, AWS_REGION, AWS_DEFAULT_REGION, profile; the host is regional."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[default]\nregion = ap-south-1\n")
    url = url_of(MintRequest(cluster_name="demo", region=flag), {**KEYS, **environ})
    assert url.startswith(f"https://sts.{host}/?Action=GetCallerIdentity&")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_custom_endpoint_never_gets_into_a_token(variable: str) -> None:
    """A token names the real STS host whatever endpoint the clients use."""
    url = url_of(MintRequest(cluster_name="demo", region="eu-west-1"), {**KEYS, variable: "http://localhost:4566"})
    assert url.startswith("https://sts.eu-west-1.amazonaws.com/?")


REFUSED: dict[str, tuple[MintRequest, dict[str, str], type[EksauthError], str, str]] = {
    "no name": (MintRequest(region="us-east-1"), {}, UsageError, "no cluster", "--cluster-name"),
    "both": (MintRequest(cluster_name="a", cluster_id="b"), {}, UsageError, "exclude", "Outposts"),
    "arn": (
        MintRequest(cluster_name="arn:aws:eks:us-east-1:111122223333:cluster/prod"),
        {},
        UsageError,
        "is an ARN",
        "use prod",
    ),
    "odd arn": (MintRequest(cluster_name="ARN:aws:iam"), {}, UsageError, "is an ARN", "plain name"),
    "blanks": (MintRequest(cluster_name=" prod\n"), {}, UsageError, "blanks around", "use prod"),
    "only blanks": (MintRequest(cluster_name="  "), {}, UsageError, "is empty", "list-clusters"),
    "control": (MintRequest(cluster_name="a\x00b"), {}, UsageError, "cannot be sent", "letters"),
    "surrogate": (MintRequest(cluster_name="a\udcffb"), {}, UsageError, "cannot be sent", "letters"),
    "id as arn": (MintRequest(cluster_id="arn:x:cluster/y"), {}, UsageError, "the cluster id is an ARN", "use y"),
    "zone": (MintRequest(cluster_name="a", region="us-east-1a"), {}, UsageError, "is a zone", "use us-east-1"),
    "local zone": (MintRequest(cluster_name="a", region="us-west-2-lax-1a"), {}, UsageError, "zone", "use us-west-2"),
    "case": (MintRequest(cluster_name="a", region="EU-West-1"), {}, UsageError, "written", "use eu-west-1"),
    "blank": (MintRequest(cluster_name="a", region=" eu-west-1"), {}, UsageError, "written", "use eu-west-1"),
    "typing error": (MintRequest(cluster_name="a", region="eu-wst-1 "), {}, UsageError, "written", "use eu-wst-1"),
    "near": (MintRequest(cluster_name="a", region="euwest1"), {}, UsageError, "no AWS region", "mean eu-west-1"),
    "far": (
        MintRequest(cluster_name="a", region="\x1b[31m" + "z" * 300),
        {},
        UsageError,
        "no AWS region",
        "written like",
    ),
    "host injection": (MintRequest(cluster_name="a", region="x.evil.com/#"), {}, UsageError, "no AWS region", ""),
    "region of the environment": (
        MintRequest(cluster_name="a"),
        {"AWS_REGION": "us-east-1a"},
        ConfigError,
        "of the environment",
        "use us-east-1",
    ),
    "no region": (MintRequest(cluster_name="a"), {}, ConfigError, "no region", "--region"),
    "identity": (MintRequest(cluster_name="a", identity="x"), {}, UsageError, "no identity 'x'", "--config"),
    "identity variable": (
        MintRequest(cluster_name="a"),
        {"EKSAUTH_IDENTITY": "x"},
        UsageError,
        "EKSAUTH_IDENTITY",
        "--config",
    ),
    "atmos variable": (
        MintRequest(cluster_name="a"),
        {"ATMOS_IDENTITY": "x"},
        UsageError,
        "ATMOS_IDENTITY",
        "--config",
    ),
    "config": (MintRequest(cluster_name="a", config_file="/f"), {}, ConfigError, "/f: no such file", "check the path"),
    "profile and identity": (
        MintRequest(cluster_name="a", profile="p", identity="x"),
        {},
        UsageError,
        "--profile and --identity",
        "leave one",
    ),
    "profile and config": (
        MintRequest(cluster_name="a", profile="p", config_file="/f"),
        {},
        UsageError,
        "--profile and --config",
        "leave one",
    ),
    "account without identity": (
        MintRequest(cluster_name="a", account="111122223333"),
        {},
        UsageError,
        "--account",
        "--identity",
    ),
    "malformed account": (
        MintRequest(cluster_name="a", identity="x", account="1111"),
        {},
        UsageError,
        "twelve digits",
        "--account 1",
    ),
    "name without role": (
        MintRequest(cluster_name="a", session_name="x"),
        {},
        UsageError,
        "--session-name",
        "--role-arn",
    ),
    "bad role": (MintRequest(cluster_name="a", role_arn=""), {}, UsageError, "not a role ARN", "arn:aws:iam"),
    "dying": (
        MintRequest(cluster_name="a", region="us-east-1"),
        {"AWS_CREDENTIAL_EXPIRATION": "2026-01-01T00:00:45Z"},
        CredentialsError,
        "expire in 45 seconds",
        "AWS_CREDENTIAL_EXPIRATION",
    ),
    "dead": (
        MintRequest(cluster_name="a", region="us-east-1"),
        {"AWS_CREDENTIAL_EXPIRATION": "2025-01-01T00:00:45Z"},
        CredentialsError,
        "have expired",
        "AWS_CREDENTIAL_EXPIRATION",
    ),
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("request_, more, kind, message, hint", list(REFUSED.values()), ids=list(REFUSED))
def test_refusals_carry_the_fix(
    request_: MintRequest, more: dict[str, str], kind: type[EksauthError], message: str, hint: str
) -> None:
    """Each mistake is named, on one printable line, with the corrected value in the hint."""
    with pytest.raises(EksauthError) as caught:
        mint(request_, environ={**KEYS, **more}, clock=lambda: NOW)
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert f"{caught.value.message}{caught.value.hint}".isprintable()


@pytest.mark.usefixtures("home")
def test_warning_when_session_tokens_differ() -> None:
    """The newer variable is used, and that is said."""
    environ = {**KEYS, "AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old", "AWS_REGION": "us-east-1"}
    minted = mint(MintRequest(cluster_name="demo"), environ=environ, clock=lambda: NOW)
    (warning,) = minted.warnings
    assert "AWS_SECURITY_TOKEN" in warning
    assert "k8s-aws" not in repr(minted)


@pytest.mark.usefixtures("home")
def test_given_credentials_win_over_everything() -> None:
    """Credentials in the request are used instead of the environment's, and their expiry counts."""
    mine = Credentials("AKIAMINE", "s", None, NOW + 300, "test")
    minted = mint(
        MintRequest(cluster_name="demo", region="us-east-1", credentials=mine),
        environ={**KEYS, "EKSAUTH_IDENTITY": "ignored"},
        clock=lambda: NOW,
    )
    assert minted.expires_at == NOW + 240
    assert minted.source == "test"


def test_home_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without HOME environment keys still make a token."""
    monkeypatch.delenv("HOME")
    environ = {**KEYS, "AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    assert url_of(MintRequest(cluster_name="demo", region="us-east-1"), environ)
    assert "HOME" not in os.environ
