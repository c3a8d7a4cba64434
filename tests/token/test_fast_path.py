"""The hot path: what it answers, that it answers as the full path does, and that it stays silent otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eksauth.errors import EksauthError
from eksauth.token.argv import parse_token_argv
from eksauth.token.bearer import utc_text
from eksauth.token.exec_credential import V1, V1BETA1, exec_credential
from eksauth.token.exec_info import read_exec_info
from eksauth.token.fast import fast_answer
from eksauth.token.mint import MintRequest, mint

NOW = 1_767_225_600.5
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
ENV = {**KEYS, "AWS_REGION": "eu-west-1"}
BASIC = ["--cluster-name", "demo"]


def exec_info(version: str, interactive: str = "false") -> str:
    """Write ``KUBERNETES_EXEC_INFO`` as kubectl does."""
    return f'{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":{interactive}}}}}\n'


def full_answer(argv: list[str], environ: dict[str, str]) -> str:
    """Do what the full command line does with flags it has parsed."""
    flags = parse_token_argv(argv)
    assert flags is not None
    layout = flags["layout"]
    request = MintRequest(
        cluster_name=flags.get("cluster_name"),
        cluster_id=flags.get("cluster_id"),
        region=flags.get("region"),
        profile=flags.get("profile"),
    )
    minted = mint(request, environ=environ, clock=lambda: NOW)
    version = read_exec_info(environ.get("KUBERNETES_EXEC_INFO")).api_version
    if flags.get("output") == "token":
        return minted.token + "\n"
    return exec_credential(minted.token, utc_text(minted.expires_at), version, indented=layout == "get-token")


ANSWERED: dict[str, tuple[list[str], dict[str, str]]] = {
    "plain": (["token", *BASIC], {}),
    "equals": (["token", "--cluster-name=demo", "--region=us-east-1"], {}),
    "value with equals": (["token", "--cluster-name=a=b"], {}),
    "cluster id": (["token", "--cluster-id", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"], {}),
    "bare token": (["token", *BASIC, "-o", "token"], {}),
    "bare token, long": (["token", *BASIC, "--output=token"], {}),
    "unicode name": (["token", "--cluster-name", "d\u00e9mo"], {}),
    "blank inside": (["token", "--cluster-name", "de  mo"], {}),
    "v1": (["token", *BASIC], {"KUBERNETES_EXEC_INFO": exec_info(V1)}),
    "v1beta1": (["token", *BASIC], {"KUBERNETES_EXEC_INFO": exec_info(V1BETA1, "true")}),
    "session token": (["token", *BASIC], {"AWS_SESSION_TOKEN": "FwoG/Zz+Example==Token"}),
    "legacy token": (["token", *BASIC], {"AWS_SECURITY_TOKEN": "old"}),
    "expiring": (["token", *BASIC], {"AWS_CREDENTIAL_EXPIRATION": "2026-01-01T00:05:00Z"}),
    "fips": (["token", *BASIC], {"AWS_USE_FIPS_ENDPOINT": "true"}),
    "dual stack": (["token", *BASIC], {"AWS_USE_DUALSTACK_ENDPOINT": "TRUE"}),
    "custom endpoint": (
        ["token", *BASIC],
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_STS": "http://x"},
    ),
    "china": (["token", *BASIC, "--region", "cn-north-1"], {}),
    "global": (["token", *BASIC, "--region", "aws-global"], {}),
    "new region": (["token", *BASIC, "--region", "xx-fake-9"], {}),
    "old region variable": (["token", *BASIC], {"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}),
    "aws cli": (["--region", "us-west-2", "eks", "get-token", *BASIC, "--output", "json"], {}),
    "aws cli, after": (["eks", "get-token", *BASIC, "--region", "us-west-2", "--output", "json", "--no-cli-pager"], {}),
    "aws cli, between": (["eks", "--output=json", "get-token", *BASIC, "--endpoint-url", "https://x"], {}),
    "aws cli under kubectl": (["eks", "get-token", *BASIC], {"KUBERNETES_EXEC_INFO": exec_info(V1)}),
    "atmos": (["aws", "eks", "token", *BASIC, "--region", "us-west-2"], {}),
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("argv, more", list(ANSWERED.values()), ids=list(ANSWERED))
def test_answers_what_the_full_path_answers(argv: list[str], more: dict[str, str]) -> None:
    """Ordinary commands are answered, with the text of the full path."""
    environ = {**ENV, **more}
    answer = fast_answer(argv, environ, NOW)
    assert answer is not None
    assert answer == full_answer(argv, environ)
    assert "127.0.0.1" not in answer


SILENT: dict[str, tuple[list[str], dict[str, str]]] = {
    "nothing": ([], {}),
    "other command": (["decode", "token"], {}),
    "help": (["token", "--help"], {}),
    "debug": (["token", *BASIC, "--debug"], {}),
    "abbreviation": (["token", "--cluster-nam", "demo"], {}),
    "unknown flag": (["token", *BASIC, "--frob"], {}),
    "positional": (["token", *BASIC, "demo"], {}),
    "missing value": (["token", "--cluster-name"], {}),
    "flag as value": (["token", "--cluster-name", "--region"], {}),
    "twice": (["token", *BASIC, *BASIC], {}),
    "short with equals": (["token", *BASIC, "-o=json"], {}),
    "no name": (["token"], {}),
    "empty name": (["token", "--cluster-name", ""], {}),
    "both names": (["token", *BASIC, "--cluster-id", "x"], {}),
    "arn": (["token", "--cluster-name", "arn:aws:eks:us-east-1:1:cluster/x"], {}),
    "outer blank": (["token", "--cluster-name", " demo"], {}),
    "unicode outer blank": (["token", "--cluster-name", "demo\u00a0"], {}),
    "control character": (["token", "--cluster-name", "de\x01mo"], {}),
    "surrogate": (["token", "--cluster-name", "de\udcffmo"], {}),
    "zone": (["token", *BASIC, "--region", "us-east-1a"], {}),
    "upper-case region": (["token", *BASIC, "--region", "US-EAST-1"], {}),
    "word as region": (["token", *BASIC, "--region", "production"], {}),
    "no region": (["token", *BASIC], {"AWS_REGION": ""}),
    "missing profile": (["token", *BASIC, "--profile", "x"], {}),
    "missing profile variable": (["token", *BASIC], {"AWS_PROFILE": "x"}),
    "identity": (["token", *BASIC, "-i", "x"], {}),
    "identity variable": (["token", *BASIC], {"EKSAUTH_IDENTITY": "x"}),
    "atmos identity variable": (["token", *BASIC], {"ATMOS_IDENTITY": "x"}),
    "partial keys": (["token", *BASIC], {"AWS_SECRET_ACCESS_KEY": ""}),
    "differing session tokens": (["token", *BASIC], {"AWS_SESSION_TOKEN": "a", "AWS_SECURITY_TOKEN": "b"}),
    "dying": (["token", *BASIC], {"AWS_CREDENTIAL_EXPIRATION": "2026-01-01T00:01:00Z"}),
    "junk in secret": (["token", *BASIC], {"AWS_SECRET_ACCESS_KEY": "x\n"}),
    "undecodable secret": (["token", *BASIC], {"AWS_SECRET_ACCESS_KEY": "x\udcff"}),
    "alpha": (["token", *BASIC], {"KUBERNETES_EXEC_INFO": exec_info("client.authentication.k8s.io/v1alpha1")}),
    "not json": (["token", *BASIC], {"KUBERNETES_EXEC_INFO": "{"}),
    "list": (["token", *BASIC], {"KUBERNETES_EXEC_INFO": "[]"}),
    "role not cached": (["token", *BASIC, "--role-arn", "arn:aws:iam::111122223333:role/x"], {}),
    "empty role": (["token", *BASIC, "--role-arn", ""], {}),
    "session name without role": (["token", *BASIC, "--session-name", "x"], {}),
    "aws cli, text": (["eks", "get-token", *BASIC, "--output", "text"], {}),
    "aws cli, token": (["eks", "get-token", *BASIC, "--output", "token"], {}),
    "aws cli, default output": (["eks", "get-token", *BASIC], {}),
    "aws cli, query": (["eks", "get-token", *BASIC, "--query", "status"], {}),
    "aws cli, unsigned": (["eks", "get-token", *BASIC, "--no-sign-request"], {}),
    "aws cli, other command": (["eks", "list-clusters", "get-token"], {}),
    "aws cli, no command": (["--region", "us-east-1", "get-token"], {}),
    "atmos without region": (["aws", "eks", "token", *BASIC], {}),
    "atmos identity": (["aws", "eks", "token", *BASIC, "--region", "us-east-1", "-i", "x"], {}),
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("argv, more", list(SILENT.values()), ids=list(SILENT))
def test_silent_about_everything_else(argv: list[str], more: dict[str, str]) -> None:
    """Whatever needs an explanation, a parser or a network is left to the full path."""
    assert fast_answer(argv, {**ENV, **more}, NOW) is None


WORDS = st.sampled_from(
    [
        "token",
        "eks",
        "get-token",
        "aws",
        "--cluster-name",
        "demo",
        "--cluster-name=x y",
        "--cluster-id=abc",
        "--region",
        "us-east-1",
        "--region=eu-west-1a",
        "--output",
        "json",
        "token",
        "-o",
        "--profile=dev",
        "--profile",
        "default",
        "--no-cache",
        "--no-cli-pager",
        "",
        "-",
        "--",
    ]
)
ENVIRONMENTS = st.fixed_dictionaries(
    {},
    optional={
        "AWS_ACCESS_KEY_ID": st.sampled_from(["AKIDEXAMPLE", "", "A\n"]),
        "AWS_SECRET_ACCESS_KEY": st.sampled_from(["secret", ""]),
        "AWS_SESSION_TOKEN": st.sampled_from(["token", ""]),
        "AWS_REGION": st.sampled_from(["us-east-1", "", "nowhere", "cn-north-1"]),
        "AWS_DEFAULT_REGION": st.sampled_from(["us-west-2", ""]),
        "AWS_PROFILE": st.sampled_from(["dev", "gone", ""]),
        "AWS_USE_FIPS_ENDPOINT": st.sampled_from(["true", "false", "", "yes"]),
        "AWS_CREDENTIAL_EXPIRATION": st.sampled_from(["2026-01-01T00:03:00Z", "2026-01-01T00:00:30Z", "x"]),
        "KUBERNETES_EXEC_INFO": st.sampled_from(["", exec_info(V1), exec_info(V1BETA1), "{}"]),
    },
)
CONFIGS = st.sampled_from(
    [
        "",
        "[default]\nregion = eu-west-3\n",
        "[profile dev]\nregion = eu-west-2\naws_access_key_id = AKIADEV\naws_secret_access_key = s\nuse_fips_endpoint = true\n",
        "[default]\nuse_dualstack_endpoint = true\naws_access_key_id = AKIADEF\naws_secret_access_key = s\n",
        "[default]\nregion = broken place\n",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from([["token"], ["eks", "get-token"], ["aws", "eks", "token"], []]),
    tail=st.lists(WORDS, max_size=5),
    named=st.booleans(),
    more=ENVIRONMENTS,
    config=CONFIGS,
)
def test_every_answer_is_the_full_paths(
    head: list[str], tail: list[str], named: bool, more: dict[str, str], config: str, home: Path
) -> None:
    """For any command line, environment and config: silence, or exactly the full path's text."""
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "config").write_text(config)
    argv = [*head, *(BASIC if named else []), *tail]
    environ = {"AWS_EC2_METADATA_DISABLED": "true", **more}
    answer = fast_answer(argv, environ, NOW)
    if answer is not None:
        try:
            assert answer == full_answer(argv, environ)
        except EksauthError as error:  # the full path must not object to what the quick one accepts
            pytest.fail(f"{argv}: {error}")


def test_plain_profile(home: Path) -> None:
    """A profile's static keys and region are used without the environment."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[profile dev]\nregion = eu-west-2\n")
    (home / ".aws" / "credentials").write_text("[dev]\naws_access_key_id=AKIADEV\naws_secret_access_key=s\n")
    argv = ["token", *BASIC, "--profile", "dev"]
    answer = fast_answer(argv, dict(os.environ), NOW)
    assert answer is not None
    assert answer == full_answer(argv, dict(os.environ))
    assert fast_answer(argv, {**os.environ, **KEYS, "AWS_ACCESS_KEY_ID": "AKIAENV"}, NOW) == answer
