"""Behaviours of the reference around its configuration, by the ids of ``docs/reference/compatibility.md``."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from tests.authenticator.mapping.callers import HASH, ROLE, A, identity, mounted, role, user

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.mapping.model import Match, NotMapped
from eksauth.authenticator.mapping.modes import backend_modes
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.authenticator.server.certs import alternative_names, load_or_make
from eksauth.authenticator.server.webhook_kubeconfig import server_url
from eksauth.errors import ConfigError

SSO = f"arn:aws:sts::{A}:assumed-role/AWSReservedSSO_{{}}_{HASH}/ann"


def sso(name: str = "View", account: str = A, extra: str = "") -> str:
    """Return an entry of mapRoles for a permission set."""
    return f"- sso: {{permissionSetName: '{name}', accountID: '{account}'{extra}}}\n  username: sso\n  groups: [g]\n"


def username(data: dict[str, str], arn: str = ROLE) -> str | None:
    """Return who an ARN becomes by a mounted file."""
    found = mounted(**data).lookup(identity(arn))
    return found.username if isinstance(found, Match) else None


@pytest.mark.parametrize(
    "written, modes",
    [
        pytest.param(["MountedFile", "EKSConfigMap", "CRD", "DynamicFile"], None, id="MODE-01"),
        pytest.param(["File", "ConfigMap"], ("MountedFile", "EKSConfigMap"), id="MODE-02"),
        pytest.param(["MountedFile", "Nonsense"], (), id="MODE-03"),
        pytest.param([], (), id="MODE-04"),
        pytest.param(["MountedFile", "CRD", "MountedFile"], (), id="MODE-05"),
        pytest.param(["MountedFile", "File"], (), id="MODE-05-by-its-old-name"),
    ],
)
def test_lists_of_modes(written: list[str], modes: tuple[str, ...] | None) -> None:
    """Known modes in their order, old names as the new ones; unknown, doubled or no modes are refused."""
    if modes == ():
        with pytest.raises(ConfigError):
            backend_modes(written)
    else:
        assert backend_modes(written) == (modes or tuple(written))


def test_old_names_are_warned_about() -> None:
    """MODE-02: an old name works, and is said to be one."""
    config = parse_server_config("server:\n  backendMode: [File]\n", "s.yaml")
    assert config.backend_modes == ("MountedFile",)
    assert [problem.code for problem in config.warnings] == ["config.deprecated_backend"]


@pytest.mark.parametrize(
    "host, url",
    [
        pytest.param("auth.example", "https://auth.example:21362/authenticate", id="CFG-01-name"),
        pytest.param("127.0.0.1", "https://127.0.0.1:21362/authenticate", id="CFG-01-ipv4"),
        pytest.param("fd00::1", "https://[fd00::1]:21362/authenticate", id="CFG-01-ipv6"),
    ],
)
def test_the_url_of_the_server(host: str, url: str) -> None:
    """API servers find the server under its name or address."""
    assert server_url(host, 21362) == url


@pytest.mark.parametrize(
    "entry, arn, expected",
    [
        pytest.param(sso(), SSO.format("View"), "sso", id="CFG-02"),
        pytest.param(sso("vIEW"), SSO.format("View"), "sso", id="CFG-02-case"),
        pytest.param(sso(), SSO.format("Edit"), None, id="CFG-02-other-set"),
        pytest.param(role(f"arn:aws:iam::{A}:role/cicdROLE"), ROLE, "ci", id="CFG-03"),
        pytest.param(role(f"arn:aws:iam::{A}:role/Other"), ROLE, None, id="CFG-03-other-role"),
    ],
)
def test_role_entries(entry: str, arn: str, expected: str | None) -> None:
    """Names of permission sets and ARNs of roles are compared without regard to case."""
    assert username({"mapRoles": entry}, arn) == expected


@pytest.mark.parametrize(
    "entry, arn, expected",
    [
        pytest.param(user(f"arn:aws:iam::{A}:user/Alice"), f"arn:aws:iam::{A}:user/aLICE", "ci", id="CFG-04"),
        pytest.param(user(f"arn:aws:iam::{A}:user/Alice"), f"arn:aws:iam::{A}:user/Bob", None, id="CFG-04-other-user"),
    ],
)
def test_user_entries(entry: str, arn: str, expected: str | None) -> None:
    """ARNs of users are compared without regard to case."""
    assert username({"mapUsers": entry}, arn) == expected


def test_the_case_of_a_user_entry_stays_for_people() -> None:
    """CFG-04: what was written is what messages show."""
    (entry,) = parse_server_config(
        f"server:\n  mapUsers:\n  - {{userarn: 'arn:aws:iam::{A}:user/Alice', username: a}}\n", "s.yaml"
    ).mappings.users
    assert entry.arn == f"arn:aws:iam::{A}:user/Alice"


@pytest.mark.parametrize(
    "section, entry",
    [
        pytest.param("mapRoles", sso(extra=", partition: aws-moon"), id="CFG-02-partition"),
        pytest.param("mapRoles", sso(account="1123456789"), id="CFG-02-account"),
        pytest.param("mapRoles", sso("a*"), id="CFG-02-star"),
        pytest.param("mapRoles", "- {username: u, groups: [g]}\n", id="CFG-03-empty"),
        pytest.param("mapUsers", "- {username: u, groups: [g]}\n", id="CFG-04-empty"),
    ],
)
def test_entries_that_cannot_be(section: str, entry: str) -> None:
    """They stop the start, with their line."""
    with pytest.raises(ConfigError, match=r"server\.yaml:3"):
        mounted(**{section: entry})


@pytest.mark.parametrize(
    "names, expected",
    [
        pytest.param(("127.0.0.1", "127.0.0.1"), ["127.0.0.1"], id="CERT-01"),
        pytest.param(("127.0.0.1", "localhost"), ["127.0.0.1", "localhost"], id="CERT-02"),
        pytest.param(("::", "fd00::1"), ["fd00::1"], id="CERT-03"),
    ],
)
def test_names_in_the_certificate(names: tuple[str, ...], expected: list[str]) -> None:
    """Bind address and host name, each once, and no address that stands for all."""
    assert [str(name.value) for name in alternative_names(names)] == expected


def test_the_key_is_rsa_and_works(tmp_path: Path) -> None:
    """CERT-03: the private key on disk is RSA, whole, and signs."""
    pair = load_or_make(tmp_path, ("::", "fd00::1"), time.time())
    key = serialization.load_pem_private_key(pair.key_path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    key.public_key().verify(key.sign(b"x", padding.PKCS1v15(), SHA256()), b"x", padding.PKCS1v15(), SHA256())


FILE = {
    "mapRoles": role(f"arn:aws:iam::{A}:role/Plain", "plain")
    + sso()
    + role(f"arn:aws:sts::{A}:assumed-role/Session/x", "session"),
    "mapUsers": user(f"arn:aws:iam::{A}:user/alice", "alice"),
    "mapAccounts": "- '999999999999'\n",
}


def test_a_file_with_everything() -> None:
    """FILE-01: a role, a permission set, a session's ARN, a user and an account make a table."""
    config = parse_server_config(
        "server:\n"
        + "".join(f"  {key}:\n" + "".join(f"    {line}\n" for line in text.splitlines()) for key, text in FILE.items()),
        "s.yaml",
    )
    backend = MountedFileBackend(config.mappings)
    assert (len(config.mappings.roles), len(config.mappings.users), len(config.mappings.accounts)) == (3, 1, 1)
    assert isinstance(backend.lookup(identity(f"arn:aws:sts::{A}:assumed-role/Nobody/x")), NotMapped)


@pytest.mark.parametrize(
    "arn, expected",
    [
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Plain/s", "plain", id="FILE-02"),
        pytest.param(f"arn:aws:sts::{A}:assumed-role/Session/s", "session", id="FILE-02-session"),
        pytest.param(SSO.format("View"), "sso", id="FILE-03"),
        pytest.param(f"arn:aws:iam::{A}:user/alice", "alice", id="FILE-04"),
        pytest.param("arn:aws:iam::999999999999:user/x", "arn:aws:iam::999999999999:user/x", id="FILE-01-account"),
    ],
)
def test_who_is_in_the_file(arn: str, expected: str) -> None:
    """Each is found by what STS says about them."""
    assert username(FILE, arn) == expected
