"""The catalogue of ways in which credentials fail: what is wrong on this machine is said in one line, with a remedy.

Rows that only AWS can judge are listed with the reason and where they are covered instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eksauth.cli.main import run

ROLE = "arn:aws:iam::111122223333:role/deploy"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
SSO = """\
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
[profile p]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = admin
"""
BASIC = ("token", "--cluster-name", "demo", "--region", "eu-west-1")


@dataclass(frozen=True)
class Row:
    """One failure, made for real.

    :ivar words: in the error; ``remedy`` in the hint.
    :ivar files: below the home directory, by path.
    """

    code: int
    words: str
    remedy: str
    argv: tuple[str, ...] = BASIC
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None


def profile(text: str, **more: str) -> dict[str, str]:
    """Return the AWS config file with one profile ``p``."""
    return {".aws/config": f"[profile p]\n{text}", **more}


def expired_sso(home: Path) -> None:
    """Leave the token of an IAM Identity Center session that ended, as ``aws sso login`` wrote it."""
    directory = home / ".aws" / "sso" / "cache"
    directory.mkdir(parents=True)
    name = hashlib.sha1(b"corp").hexdigest()
    token = {
        "startUrl": "https://example.awsapps.com/start",
        "region": "eu-west-1",
        "accessToken": "S3CR3T",
        "expiresAt": "2020-01-01T00:00:00Z",
    }
    (directory / f"{name}.json").write_text(json.dumps(token))


def program(body: str) -> Callable[[Path], None]:
    """Write ``~/process`` with a body in Python."""

    def write(home: Path) -> None:
        (home / "process").write_text(f"#!{sys.executable}\n{body}\n")
        (home / "process").chmod(0o755)

    return write


P = (*BASIC, "--profile", "p")
PROCESS = profile("credential_process = {home}/process\n")
IDENTITY = (*BASIC, "--identity", "dev", "--config", "{home}/eksauth.yaml")


def identity(text: str, **more: str) -> dict[str, str]:
    """Return a configuration whose identity ``dev`` is written in ``text``."""
    return {"eksauth.yaml": f"auth:\n  identities:\n    dev: {text}\n", **more}


AS_PROFILE = "{kind: aws/profile, principal: {profile: p}}"

LOCAL: dict[str, Row] = {
    "C-01 nothing anywhere": Row(4, "no AWS credentials found", "AWS_PROFILE"),
    "C-01 only the secret": Row(
        4, "AWS_ACCESS_KEY_ID is not", "set AWS_ACCESS_KEY_ID", env={"AWS_SECRET_ACCESS_KEY": "secret"}
    ),
    "C-02 partial environment": Row(
        4, "AWS_SECRET_ACCESS_KEY is not", "AWS_SECRET_ACCESS_KEY", env={"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}
    ),
    "C-02 partial profile": Row(4, "'p'", "missing", P, files=profile("aws_access_key_id = AKIDEXAMPLE\n")),
    "C-03 unknown profile": Row(
        3, "profile 'q' does not exist", "these exist: p", (*BASIC, "--profile", "q"), files=profile("region = x\n")
    ),
    "C-03 section without the word profile": Row(
        3, "profile 'p' does not exist", "[profile p]", P, files={".aws/config": "[p]\nregion = eu-west-1\n"}
    ),
    "C-04 source profile missing": Row(
        3, 'source_profile "z"', "AWS config", P, files=profile(f"role_arn = {ROLE}\nsource_profile = z\n")
    ),
    "C-04 source profile without credentials": Row(
        3,
        "'p'",
        "AWS config",
        P,
        files={".aws/config": f"[profile p]\nrole_arn = {ROLE}\nsource_profile = b\n[profile b]\nregion = x\n"},
    ),
    "C-04 circle": Row(
        3,
        "'p'",
        "AWS config",
        P,
        files={
            ".aws/config": f"[profile p]\nrole_arn = {ROLE}\nsource_profile = b\n"
            f"[profile b]\nrole_arn = {ROLE}\nsource_profile = p\n"
        },
    ),
    "C-04 role without a source": Row(4, "'p'", "missing", P, files=profile(f"role_arn = {ROLE}\n")),
    "C-04 bogus credential source": Row(
        3, "'p'", "AWS config", P, files=profile(f"role_arn = {ROLE}\ncredential_source = Bogus\n")
    ),
    "C-05 SSO session expired": Row(
        4,
        "SSO login of profile 'p' has expired",
        "aws sso login --profile p",
        P,
        files={".aws/config": SSO},
        prepare=expired_sso,
    ),
    "C-05 SSO session expired, as an identity": Row(
        4,
        "SSO login of profile 'p' has expired",
        "aws sso login --profile p",
        IDENTITY,
        files=identity(AS_PROFILE, **{".aws/config": SSO}),
        prepare=expired_sso,
    ),
    "C-06 SSO never logged in": Row(4, "never made", "aws sso login --profile p", P, files={".aws/config": SSO}),
    "C-07 SSO session missing": Row(
        3, "'p'", "AWS config", P, files={".aws/config": SSO.replace("[sso-session corp]", "[sso-session other]")}
    ),
    "C-10 keys that say when they ended": Row(
        4,
        "have expired",
        "AWS_CREDENTIAL_EXPIRATION",
        env={**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"},
    ),
    "C-11 temporary key without its token": Row(
        4, "temporary", "AWS_SESSION_TOKEN", env={**KEYS, "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE"}
    ),
    "C-11 temporary key without its token, in a profile": Row(
        4,
        "profile 'p' is temporary",
        "aws_session_token",
        P,
        files=profile("aws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n"),
    ),
    "C-12 line end in the secret": Row(
        4, "secret access key", "white space", env={**KEYS, "AWS_SECRET_ACCESS_KEY": "secret\n"}
    ),
    "C-12 blank in the secret of an identity": Row(
        4,
        "secret access key",
        "white space",
        IDENTITY,
        files=identity('{kind: aws/user, credentials: {access_key_id: AKIDEXAMPLE1234567, secret_access_key: "a b"}}'),
    ),
    "C-15 MFA with nobody there": Row(
        4,
        "MFA code",
        "in a terminal",
        P,
        files={
            ".aws/config": f"[profile p]\nrole_arn = {ROLE}\nsource_profile = b\nmfa_serial = arn:aws:iam::111122223333:mfa/a\n",
            ".aws/credentials": "[b]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n",
        },
    ),
    "C-15 MFA of an identity with nobody there": Row(
        4,
        "MFA device",
        "eksauth login dev",
        IDENTITY,
        files=identity(
            "{kind: aws/user, credentials: {access_key_id: AKIDEXAMPLE1234567, secret_access_key: secret, "
            'mfa_arn: "arn:aws:iam::111122223333:mfa/a"}}'
        ),
    ),
    "C-19 session token of another key": Row(
        4,
        "long-term key",
        "unset AWS_SESSION_TOKEN",
        env={**KEYS, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SESSION_TOKEN": "old"},
    ),
    "C-20 wrong account": Row(
        4,
        "is in account 999988887777",
        "identity of the cluster's account",
        (*IDENTITY, "--account", "999988887777"),
        files=identity(
            f'{{kind: aws/assume-role, via: {{identity: base}}, principal: {{assume_role: "{ROLE}"}}}}\n    base: {{kind: aws/ambient}}'
        ),
    ),
    "C-23 web identity file missing": Row(
        4,
        "/nowhere/token: no such file",
        "web_identity_token_file",
        env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": ROLE},
    ),
    "C-24 container endpoint refuses": Row(
        4,
        "container-role",
        "profile",
        env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/creds"},
    ),
    "C-24 container endpoint on a strange host": Row(
        4,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "loopback",
        env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/creds"},
    ),
    "C-24 no pod identity here": Row(
        4, "EKS Pod Identity", "service account", IDENTITY, files=identity("{kind: aws/pod-identity}")
    ),
    "C-25 no instance metadata": Row(4, "instance metadata", "hop limit", IDENTITY, files=identity("{kind: aws/imds}")),
    "C-27 process fails": Row(
        4,
        "credential_process of profile 'p' failed: locked",
        "by hand",
        P,
        files=PROCESS,
        prepare=program("import sys; sys.exit('locked')"),
    ),
    "C-27 process of another version": Row(
        4,
        "credential_process of profile 'p' failed",
        "by hand",
        P,
        files=PROCESS,
        prepare=program("print('{\"Version\": 7}')"),
    ),
    "C-27 process prints no JSON": Row(
        4,
        "not",
        "by hand",
        P,
        files=PROCESS,
        prepare=program("print('S3CR3T')"),
    ),
    "C-29 no region": Row(3, "no region", "--region", ("token", "--cluster-name", "demo"), env=KEYS),
    "C-29 no such region": Row(
        2,
        "'US East 1' is no AWS region",
        "us-east-1",
        ("token", "--cluster-name", "demo", "--region", "US East 1"),
        env=KEYS,
    ),
    "C-29 a zone": Row(
        2, "is a zone", "us-east-1", ("token", "--cluster-name", "demo", "--region", "us-east-1a"), env=KEYS
    ),
    "C-30 broken file": Row(3, "/.aws/config:1", "correct the file", P, files={".aws/config": "what\n"}),
    "C-31 wrong partition": Row(
        4,
        "partition aws-cn",
        "partition",
        ("token", "--cluster-name", "demo", "--region", "cn-north-1", *IDENTITY[5:]),
        files=identity(
            f'{{kind: aws/assume-role, via: {{identity: base}}, principal: {{assume_role: "{ROLE}"}}}}\n    base: {{kind: aws/ambient}}'
        ),
    ),
    "C-35 left-over endpoint": Row(
        5,
        "cannot reach http://127.0.0.1:9",
        "AWS_ENDPOINT_URL",
        (*BASIC, "--role-arn", ROLE),
        env={**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    ),
}

ELSEWHERE = {
    "C-08": "only the portal knows assignments: tests of permission sets against the sandbox's portal",
    "C-09": "only STS knows that pasted keys expired: test_resolve.py::test_refusals[ExpiredToken]",
    "C-13": "only AWS's clock tells: test_resolve.py::test_refusals[SignatureDoesNotMatch] names the clock",
    "C-14": "only STS knows trust policies: test_resolve.py::test_refusals[AccessDenied]",
    "C-16": "only STS knows organisation policies; its text is passed on as for C-14",
    "C-17": "no error but a documented order: environment keys beat AWS_PROFILE, a flag or an identity beats both",
    "C-18": "no error but a documented order: AWS_PROFILE beats AWS_DEFAULT_PROFILE",
    "C-21": "only STS knows enabled regions: test_resolve.py::test_refusals[RegionDisabledException]",
    "C-22": "only STS reads what is in a session token; regional STS is always used here",
    "C-26": "no error but a consequence of the order; --account refuses it as C-20",
    "C-28": "only AWS throttles: one renewal for all processes prevents it (test_identity_processes.py)",
    "C-32": "only trust policies name session names: --session-name and principal.session_name set one",
    "C-33": "prevented: a role behind a role is asked for an hour at most (identities/test_role.py)",
    "C-34": "only the role's trust policy says whether it may assume itself",
}


def test_every_row_is_accounted_for() -> None:
    """Each of the thirty-five rows is either made here, or has a reason why not."""
    here = {name.split()[0] for name in LOCAL}
    assert here | set(ELSEWHERE) == {f"C-{number:02}" for number in range(1, 36)}
    assert here & set(ELSEWHERE) == set()


@pytest.mark.parametrize("row", list(LOCAL.values()), ids=list(LOCAL))
def test_row(row: Row, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The command fails with the right code, one line of error and one of remedy, nothing on stdout, and no secret."""
    for path, text in row.files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text.replace("{home}", str(home)))
        (home / path).chmod(0o600)
    if row.prepare is not None:
        row.prepare(home)
    for name, value in row.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.parent)
    code = run([word.replace("{home}", str(home)) for word in row.argv])
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert (code, out, len(lines)) == (row.code, "", 2), (code, err)
    assert lines[0].startswith("eksauth: error: ")
    assert lines[1].startswith("eksauth: hint: ")
    assert row.words in lines[0]
    assert row.remedy in lines[1]
    assert "Traceback" not in err
    assert "S3CR3T" not in err
    assert os.environ["HOME"] == str(home)
