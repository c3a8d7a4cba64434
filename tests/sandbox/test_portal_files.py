"""The files that lead people to the sandbox's portal are ones that eksauth and botocore take."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

import pytest

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.seed import ACCOUNT, CLUSTERS, SeededCluster
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.planting import plant_portal
from eksauth.sandbox.aws.sso.seeded import SeededPortal
from eksauth.sandbox.portal_files import PERSON, SESSION, eksauth_config_text, sso_profiles_text

ENDPOINT = "https://127.0.0.1:8443"
PARTNER = "arn:aws:iam::444455556666:role/partners/PartnerRole"


@pytest.fixture(name="portal", scope="module")
def portal_() -> SeededPortal:
    """Return what a new portal is seeded with."""
    return plant_portal(IdentityCenter(), IamStore())


@pytest.fixture(name="config")
def config_(portal: SeededPortal, tmp_path: Path) -> AuthConfig:
    """Return the sandbox's configuration as eksauth reads it."""
    clusters = [SeededCluster(name, region, ACCOUNT) for name, region in CLUSTERS]
    path = tmp_path / "eksauth.yaml"
    path.write_text(eksauth_config_text(portal, ACCOUNT, PARTNER, clusters, ENDPOINT))
    path.chmod(0o600)
    return load_config({"EKSAUTH_CONFIG": str(path), "HOME": str(tmp_path)}, cwd=tmp_path)


def test_the_configuration_is_valid_and_complete(config: AuthConfig) -> None:
    """One portal, two permission sets of which one is the default, a chain, and both clusters."""
    assert (config.realm, config.searched) == ("sandbox", False)
    portal = config.providers["portal"]
    assert (portal.kind, portal.start_url) == ("aws/iam-identity-center", f"{ENDPOINT}/start")
    assert {name for name, one in config.identities.items() if one.default} == {"admin"}
    assert config.identities["partner"].via_identity == "admin"
    assert {(one.cluster_name, one.region, one.via_identity) for one in config.integrations.values()} == {
        ("demo", "us-west-2", "admin"),
        ("demo-eu", "eu-west-1", "reader"),
    }


def test_the_person_has_what_the_configuration_promises(config: AuthConfig, portal: SeededPortal) -> None:
    """Every permission set in it is assigned to the person whom the files are made for."""
    names = {one.account: one.name for one in portal.accounts}
    assigned = {(one.account, one.permission_set) for one in portal.assignments if one.user_name == PERSON}
    for identity in config.identities.values():
        if identity.kind == "aws/permission-set":
            wanted = identity.principal
            accounts = (
                [wanted.account_id] if wanted.account_id else [a for a, n in names.items() if n == wanted.account_name]
            )
            assert len(accounts) == 1
            assert (accounts[0], wanted.name) in assigned


def test_the_profiles_parse_as_botocore_parses_them(portal: SeededPortal) -> None:
    """Each profile leads to the session, and the session to the portal."""
    config = RawConfigParser()
    config.read_string(sso_profiles_text(portal, ACCOUNT, ENDPOINT))

    assert config[f"sso-session {SESSION}"]["sso_start_url"] == f"{ENDPOINT}/start"
    profiles = [name for name in config.sections() if name.startswith("profile ")]
    assert len(profiles) == 2
    for name in profiles:
        assert (config[name]["sso_session"], config[name]["sso_account_id"]) == (SESSION, ACCOUNT)


def test_a_password_is_in_no_repr_and_no_file(portal: SeededPortal, config: AuthConfig) -> None:
    """Only the seed file has the passwords of people."""
    assert config.path is not None
    text = Path(config.path).read_text()
    for person in portal.people.values():
        assert person.password not in repr(portal)
        assert person.password not in text
