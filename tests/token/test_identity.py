"""Tokens of identities: the two paths agree, what is cached is answered without a network, and every change is seen."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from tests.credentials.identities.conftest import loopback_, place_  # noqa: F401  fixtures
from tests.credentials.identities.kit import ADMIN, READER, Place
from tests.credentials.people import Typist

import eksauth
from eksauth.credentials.audit import audit_path
from eksauth.credentials.cache import cache_directory
from eksauth.errors import ConfigError, CredentialsError, EksauthError, UsageError
from eksauth.sandbox.aws.seed import ACCOUNT, OTHER_ACCOUNT
from eksauth.token.argv import parse_token_argv
from eksauth.token.bearer import utc_text
from eksauth.token.exec_credential import exec_credential
from eksauth.token.fast import fast_answer
from eksauth.token.mint import MintRequest, mint

IDENTITIES = f"""\
{{alice}}
admin:
  kind: aws/assume-role
  default: true
  alias: boss
  via: {{identity: alice}}
  principal: {{assume_role: "{ADMIN}"}}
reader:
  kind: aws/assume-role
  via: {{identity: alice}}
  principal: {{assume_role: "{READER}", region: eu-west-1}}
"""
BASIC = ["--cluster-name", "demo", "--region", "us-west-2"]


def full(argv: list[str], *, now: float | None = None) -> str:
    """Answer as the full command line does."""
    flags = parse_token_argv(argv)
    assert flags is not None
    request = MintRequest(
        cluster_name=flags.get("cluster_name"),
        region=flags.get("region"),
        profile=flags.get("profile"),
        identity=flags.get("identity"),
        config_file=flags.get("config"),
        realm=flags.get("realm"),
        account=flags.get("account"),
        role_arn=flags.get("role_arn"),
        implicit_identity=flags["layout"] != "get-token",
    )
    minted = mint(request, environ=os.environ, clock=time.time if now is None else lambda: now)
    return exec_credential(minted.token, utc_text(minted.expires_at), "client.authentication.k8s.io/v1beta1")


def hot(argv: list[str], now: float | None = None) -> str | None:
    """Answer as the hot path does."""
    return fast_answer(argv, os.environ, now)


@pytest.fixture(name="argv")
def argv_(place: Place) -> list[str]:
    """Give the command of a kubeconfig entry, after one run of the full path."""
    place.write(IDENTITIES)
    argv = ["token", *BASIC, "--identity", "admin", "--config", str(place.path), "--realm=", "--account", ACCOUNT]
    assert hot(argv) is None
    full(argv)
    return argv


def test_both_paths_give_the_same(place: Place, argv: list[str]) -> None:
    """After the full path ran once the hot path gives its answer, byte for byte, and asks nobody."""
    now = time.time()
    before = place.requests()
    answer = hot(argv, now)
    assert answer == full(argv, now=now)
    assert answer is not None
    assert place.requests() == before
    minted = eksauth.decode_token(json.loads(answer)["status"]["token"].encode())
    assert minted.unverified_account == ACCOUNT


FORMS = {
    "alias": ["token", *BASIC, "-i", "BOSS", "--config={path}"],
    "default": ["token", *BASIC, "--config", "{path}"],
    "other": ["token", *BASIC, "--identity=reader", "--config={path}", "--realm", "red"],
    "region of the identity": ["token", "--cluster-name", "demo", "-i", "reader", "--config={path}"],
}


@pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))
def test_each_spelling_gets_hot(place: Place, form: list[str]) -> None:
    """However the identity is named, the second time is answered on the hot path, as the full path would."""
    place.write(IDENTITIES)
    argv = [word.replace("{path}", str(place.path)) for word in form]
    now = time.time()
    assert hot(argv, now) is None
    answer = full(argv, now=now)
    assert hot(argv, now) == answer


def test_atmos_grammar(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Atmos's command finds the configuration by the variable, or in the working directory."""
    place.write(IDENTITIES)
    argv = ["aws", "eks", "token", *BASIC, "--identity=admin"]
    monkeypatch.setenv("EKSAUTH_CONFIG", str(place.path))
    now = time.time()
    answer = full(argv, now=now)
    assert hot(argv, now) == answer
    monkeypatch.delenv("EKSAUTH_CONFIG")
    monkeypatch.chdir(place.path.parent)
    assert hot(argv, now) is None
    assert full(argv, now=now) == answer
    assert hot(argv, now) == answer


@pytest.mark.parametrize("variable", ["EKSAUTH_IDENTITY", "ATMOS_IDENTITY"])
def test_variables_name_identities(place: Place, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A variable names the identity; a word for no turns identities off; a profile flag beats it."""
    place.write(IDENTITIES)
    user = place.aws.seed.users["bob"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", user.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", user.secret_access_key)
    monkeypatch.setenv("EKSAUTH_CONFIG", str(place.path))
    argv = ["token", *BASIC]
    now = time.time()
    plain = hot(argv, now)
    assert plain == full(argv, now=now), "explicit keys beat a configuration's default"
    monkeypatch.setenv(variable, "reader")
    answer = full(argv, now=now)
    assert answer != plain
    assert hot(argv, now) == answer
    monkeypatch.setenv(variable, "false")
    assert full(argv, now=now) == plain
    assert hot(argv, now) in {None, plain}


def test_drop_in_for_the_aws_cli_ignores_configurations(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """``eks get-token`` takes an identity only from a variable."""
    place.write(IDENTITIES)
    monkeypatch.setenv("EKSAUTH_CONFIG", str(place.path))
    argv = ["eks", "get-token", *BASIC, "--output", "json"]
    with pytest.raises(CredentialsError, match="no AWS credentials found"):
        full(argv)
    monkeypatch.setenv("EKSAUTH_IDENTITY", "admin")
    full(argv)
    assert hot(argv) is not None


def touch_config(place: Place) -> None:
    """Change the configuration."""
    place.path.write_text(place.path.read_text() + "# x\n")


def loosen_config(place: Place) -> None:
    """Let everybody write the configuration."""
    place.path.chmod(0o666)


def remove_config(place: Place) -> None:
    """Take the configuration away."""
    place.path.unlink()


def remove_credentials(_place: Place) -> None:
    """Take the cached credentials away, as a logout does."""
    for entry in Path(str(cache_directory(os.environ))).glob("*.cred"):
        entry.unlink()


def cut_index(_place: Place) -> None:
    """Cut the index short."""
    for entry in Path(str(cache_directory(os.environ))).glob("*.idx"):
        entry.write_bytes(entry.read_bytes()[:-1])


def open_index(_place: Place) -> None:
    """Let others read the index."""
    for entry in Path(str(cache_directory(os.environ))).glob("*.idx"):
        entry.chmod(0o640)


def other_endpoint(_place: Place) -> None:
    """Point AWS somewhere else."""
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"


def closed_log(_place: Place) -> None:
    """Make the audit log impossible to write."""
    os.environ["EKSAUTH_AUDIT_LOG"] = "/proc/nothing/here"


CHANGES = [
    touch_config,
    loosen_config,
    remove_config,
    remove_credentials,
    cut_index,
    open_index,
    other_endpoint,
    closed_log,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_is_seen(place: Place, argv: list[str], change: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hot path says nothing once anything that its answer depends on has changed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("EKSAUTH_AUDIT_LOG", "")
    full(argv)
    assert hot(argv) is not None
    assert callable(change)
    change(place)
    assert hot(argv) is None


def test_environment_variables_of_the_configuration_count(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that ``!env`` reads is part of what the answer depends on, and so is the realm's."""
    place.write(IDENTITIES.replace("region: eu-west-1", "region: !env WHERE eu-west-1"))
    argv = ["token", "--cluster-name", "demo", "-i", "reader", "--config", str(place.path)]
    for name, value in (("WHERE", "eu-west-2"), ("EKSAUTH_REALM", "blue")):
        full(argv)
        assert hot(argv) is not None
        monkeypatch.setenv(name, value)
        assert hot(argv) is None
    assert eksauth.decode_token(json.loads(full(argv))["status"]["token"].encode()).region == "eu-west-2"


def test_margins(argv: list[str], place: Place) -> None:
    """Five minutes before the end the full path takes over; the reported end is never after the credentials'."""
    session = place.be("admin", realm="")
    end = session.credentials.expires_at
    assert end is not None
    answer = hot(argv, end - 301)
    assert answer is not None
    assert json.loads(answer)["status"]["expirationTimestamp"] == utc_text(int(end) - 60)
    assert hot(argv, end - 299) is None


def test_profiles_need_no_entry_of_their_own(place: Place, home: Path) -> None:
    """An identity that is an AWS profile follows the profile's files."""
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("[dev]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = one\n")
    place.write("dev:\n  kind: aws/profile\n  principal: {profile: dev}\n")
    argv = ["token", *BASIC, "-i", "dev", "--config", str(place.path)]
    now = time.time()
    assert hot(argv, now) is None
    first = full(argv, now=now)
    assert hot(argv, now) == first
    (home / ".aws" / "credentials").write_text("[dev]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = two\n")
    second = hot(argv, now)
    assert second is not None
    assert second != first
    assert second == full(argv, now=now)
    assert place.requests() == 0


def test_ambient_is_the_plain_chain(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ambient identity signs with what the environment gives."""
    place.write("here:\n  kind: aws/ambient\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    now = time.time()
    argv = ["token", *BASIC, "-i", "here", "--config", str(place.path)]
    assert full(argv, now=now) == hot(["token", *BASIC], now)
    assert hot(argv, now) == full(argv, now=now)


def test_role_behind_a_profile_follows_the_profile(place: Place, home: Path) -> None:
    """A role behind a profile is another session when the profile's keys change."""
    user, other = place.aws.seed.users["alice"], place.aws.seed.users["bob"]

    def write(who: object) -> None:
        (home / ".aws" / "credentials").write_text(
            f"[base]\naws_access_key_id = {who.access_key_id}\naws_secret_access_key = {who.secret_access_key}\n"  # type: ignore[attr-defined]
        )

    (home / ".aws").mkdir()
    write(user)
    place.write(
        "base:\n  kind: aws/profile\n  principal: {profile: base}\nreader:\n  kind: aws/assume-role\n"
        f'  via: {{identity: base}}\n  principal: {{assume_role: "{READER}"}}\n'
    )
    argv = ["token", *BASIC, "-i", "reader", "--config", str(place.path)]
    now = time.time()
    first = full(argv, now=now)
    assert hot(argv, now) == first
    write(other)
    assert hot(argv, now) is None
    assert full(argv, now=now) != first


def test_wrong_account_is_refused(place: Place) -> None:
    """An identity of another account than the cluster's signs nothing, before AWS is asked, and that is recorded."""
    place.write(IDENTITIES)
    argv = ["token", *BASIC, "-i", "admin", "--config", str(place.path), "--account", OTHER_ACCOUNT]
    with pytest.raises(CredentialsError) as caught:
        full(argv)
    assert caught.value.code == "identity.wrong_account"
    assert OTHER_ACCOUNT in caught.value.message
    assert ACCOUNT in caught.value.message
    assert place.requests() == 0
    assert hot(argv) is None
    path = audit_path(os.environ)
    assert path is not None
    (line,) = Path(path).read_text().splitlines()
    assert json.loads(line)["event"] == "refused"
    assert json.loads(line)["code"] == "identity.wrong_account"


def test_account_is_asked_for_when_the_key_does_not_tell(place: Place, home: Path) -> None:
    """Where neither configuration nor key id name the account, STS is asked; and what it says is remembered."""
    user = place.aws.seed.users["alice"]
    old = "AKIAI" + "A" * 15
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(
        f"[dev]\naws_access_key_id = {old}\naws_secret_access_key = {user.secret_access_key}\n"
    )
    place.write("dev:\n  kind: aws/profile\n  principal: {profile: dev}\n")
    argv = ["token", *BASIC, "-i", "dev", "--config", str(place.path), "--account", ACCOUNT]
    with pytest.raises(EksauthError):
        full(argv)
    assert place.count("GetCallerIdentity") == 1


def test_role_flag_is_one_more_link(place: Place) -> None:
    """``--role-arn`` with an identity assumes the role as that identity."""
    place.write(IDENTITIES)
    argv = ["token", *BASIC, "-i", "alice", "--config", str(place.path), "--role-arn", READER]
    assert hot(argv) is None
    token = json.loads(full(argv))["status"]["token"]
    assert eksauth.decode_token(token.encode()).unverified_account == ACCOUNT
    full(argv)
    assert place.count("AssumeRole") == 1


def test_tokens_are_recorded_on_both_paths(argv: list[str]) -> None:
    """Every token of an identity leaves one line in the audit log, without a secret, whoever made it."""
    hot(argv)
    full(argv)
    lines = [json.loads(line) for line in Path(str(audit_path(os.environ))).read_text().splitlines()]
    assert len(lines) == 3
    wanted = {"event": "token", "identity": "admin", "account": ACCOUNT, "cluster": "demo", "region": "us-west-2"}
    for line in lines:
        assert wanted.items() <= line.items()
    assert "k8s-aws-v1" not in Path(str(audit_path(os.environ))).read_text()


GUARDED = """\
  guards:
    careful:
      identities: [admin]
      require_reason: true
"""


def test_guards_are_asked(place: Place) -> None:
    """A guarded identity signs nothing without a login, and the hint is the command."""
    place.write(IDENTITIES, GUARDED)
    with pytest.raises(CredentialsError) as caught:
        full(["token", *BASIC, "-i", "admin", "--config", str(place.path)])
    assert caught.value.code == "guard.login"
    assert caught.value.hint == "run: eksauth login admin --reason 'WHY'"
    assert place.requests() == 0
    full(["token", *BASIC, "-i", "reader", "--config", str(place.path)])


def test_mistakes(place: Place) -> None:
    """What cannot be meant is said in one line, and by the right class."""
    place.write(IDENTITIES.replace("  default: true\n", ""))
    config = ["--config", str(place.path)]
    with pytest.raises(UsageError, match="several identities"):
        full(["token", *BASIC, *config])
    with pytest.raises(UsageError, match="no identity 'admn'") as caught:
        full(["token", *BASIC, *config, "-i", "admn"])
    assert caught.value.hint == "did you mean admin"
    place.path.chmod(0o666)
    with pytest.raises(ConfigError, match="may write it"):
        full(["token", *BASIC, *config, "-i", "admin"])


def test_what_a_person_picks_is_for_once(place: Place) -> None:
    """Picking one of several identities does not make it the default of the next command."""
    place.write(IDENTITIES.replace("  default: true\n", ""))
    argv = ["token", *BASIC, "--config", str(place.path)]
    request = MintRequest(
        cluster_name="demo", region="us-west-2", config_file=str(place.path), human=Typist("reader"), interactive=True
    )
    assert mint(request, environ=os.environ).source == "identity reader"
    assert hot(argv) is None
    with pytest.raises(UsageError, match="several identities"):
        full(argv)


def test_an_empty_account_is_no_account(place: Place, argv: list[str]) -> None:
    """``--account=`` checks nothing, so it is refused on both paths."""
    assert place.path.exists()
    empty = [*argv[:-1], ""]
    assert hot(empty) is None
    with pytest.raises(UsageError, match="twelve digits"):
        full(empty)


def test_library(place: Place) -> None:
    """``eksauth.mint_token(identity=…)`` does the same for programs."""
    place.write(IDENTITIES)
    token = eksauth.mint_token(
        cluster_name="demo", region="us-west-2", identity="admin", config=str(place.path), realm="", account=ACCOUNT
    )
    assert eksauth.decode_token(token.text.encode()).unverified_account == ACCOUNT
    with pytest.raises(UsageError):
        eksauth.mint_token(cluster_name="demo", identity="")
