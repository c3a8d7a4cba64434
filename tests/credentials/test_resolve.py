"""The network sources: roles, the whole chain, the cache around them, and what is said when they fail."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.credentials.fake_sts import FakeSts

from eksauth.credentials.assume_role import check_role, default_session_name
from eksauth.credentials.cache import cache_directory
from eksauth.credentials.quick import RoleRequest, quick_credentials
from eksauth.credentials.resolve import UNKEYED_LIFE_SECONDS, Resolved, resolve_credentials
from eksauth.credentials.slow_settings import full_settings
from eksauth.errors import AwsError, AwsUnreachable, ConfigError, CredentialsError, EksauthError, UsageError
from eksauth.token.bearer import utc_text

ROLE = "arn:aws:iam::111122223333:role/deploy"


def resolve(
    role: RoleRequest | None = None, *, profile: str | None = None, use_cache: bool = True, interactive: bool = False
) -> Resolved:
    """Resolve with the process's environment, in eu-west-1."""
    settings = full_settings(os.environ, region_flag="eu-west-1", profile_flag=profile)
    return resolve_credentials(
        os.environ, settings, role=role, use_cache=use_cache, interactive=interactive, clock=time.time
    )


def hot(role: RoleRequest | None = None, *, profile: str | None = None) -> bool:
    """Tell whether the quick path would find credentials now."""
    settings = full_settings(os.environ, region_flag="eu-west-1", profile_flag=profile)
    return quick_credentials(os.environ, settings, role=role, use_cache=True, now=time.time()) is not None


@pytest.fixture(name="keys")
def keys_(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put long-lived keys into the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretsecret")


@pytest.fixture(name="config")
def config_(home: Path) -> Path:
    """Give the place of ``~/.aws/config``."""
    (home / ".aws").mkdir()
    return home / ".aws" / "config"


@pytest.mark.usefixtures("keys")
def test_role_is_assumed_once(sts: FakeSts) -> None:
    """The second call is answered from the cache, with the same credentials and no request."""
    role = RoleRequest(ROLE, external_id="ext", session_name="me", duration_seconds=1800)
    assert not hot(role)
    first, second = resolve(role), resolve(role)
    assert first.credentials.access_key_id == second.credentials.access_key_id == "ASIAFAKEROLE00000001"
    assert first.warnings == ()
    assert hot(role)
    (request,) = sts.requests
    wanted = {"RoleArn": ROLE, "ExternalId": "ext", "RoleSessionName": "me", "DurationSeconds": "1800"}
    assert wanted.items() <= request.items()
    assert "/eu-west-1/sts/aws4_request" in request["authorization"]


@pytest.mark.usefixtures("keys")
def test_no_cache_neither_reads_nor_writes(sts: FakeSts) -> None:
    """Without the cache each call asks, and nothing is left behind."""
    for _ in range(2):
        resolve(RoleRequest(ROLE), use_cache=False)
    assert len(sts.requests) == 2
    assert not Path(str(cache_directory(os.environ))).exists()


@pytest.mark.usefixtures("keys")
def test_credentials_about_to_die_are_fetched_again(sts: FakeSts) -> None:
    """A role session too short to keep is used but not kept."""
    sts.life_seconds = 200
    for _ in range(2):
        resolve(RoleRequest(ROLE))
    assert len(sts.requests) == 2


@pytest.mark.usefixtures("keys")
def test_damaged_entry_is_replaced(sts: FakeSts) -> None:
    """A corrupt entry is a miss that heals itself."""
    resolve(RoleRequest(ROLE))
    (entry,) = Path(str(cache_directory(os.environ))).glob("*.cred")
    entry.write_bytes(entry.read_bytes()[:-20])
    resolve(RoleRequest(ROLE))
    resolve(RoleRequest(ROLE))
    assert len(sts.requests) == 2


@pytest.mark.usefixtures("keys")
def test_threads_share_one_request(sts: FakeSts) -> None:
    """Eight threads that need the same role make one request."""
    sts.delay_seconds = 0.2
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(resolve(RoleRequest(ROLE)).credentials.access_key_id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["ASIAFAKEROLE00000001"] * 8
    assert len(sts.requests) == 1


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "code, kind, hint",
    [
        ("AccessDenied", AwsError, "trust policy"),
        ("ExpiredToken", CredentialsError, "get new ones"),
        ("InvalidClientTokenId", CredentialsError, "without its session token"),
        ("SignatureDoesNotMatch", CredentialsError, "clock"),
        ("RegionDisabledException", AwsError, "enable STS"),
        ("ValidationError", AwsError, "role ARN"),
        ("SomethingNew", AwsError, None),
    ],
)
def test_refusals(sts: FakeSts, code: str, kind: type[EksauthError], hint: str | None) -> None:
    """Each refusal of STS has a class and a hint; a refused signature does not bring the request back."""
    sts.refuse = (403, code, "no\nway. x-amz-security-token:SECRET" if code.startswith("Sig") else "no\nway.")
    with pytest.raises(EksauthError) as caught:
        resolve(RoleRequest(ROLE))
    assert type(caught.value) is kind
    assert (hint in str(caught.value.hint)) if hint else caught.value.hint is None
    assert code in caught.value.message or code == "AccessDenied"
    assert "\n" not in caught.value.message
    assert "SECRET" not in caught.value.message


@pytest.mark.usefixtures("keys")
def test_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port is "cannot reach", not a traceback, and comes soon."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(AwsUnreachable, match=r"cannot reach http://127\.0\.0\.1:9"):
        resolve(RoleRequest(ROLE))


@pytest.mark.parametrize(
    "role, hint",
    [
        (RoleRequest("deploy"), "role ARN looks like"),
        (RoleRequest("arn:aws:iam::111122223333:user/x"), "role ARN looks like"),
        (RoleRequest("arn:aws:iam::1111:role/x"), "role ARN looks like"),
        (RoleRequest("arn:aws:iam::111122223333:role/x\n"), "role ARN looks like"),
        (RoleRequest("arn:aws:sts::111122223333:assumed-role/deploy/me"), f"use {ROLE}"),
        (RoleRequest(ROLE, session_name="a b!"), "use a-b-"),
        (RoleRequest(ROLE, session_name="x"), "use x-"),
        (RoleRequest(ROLE, external_id="ü"), "owner of the role"),
        (RoleRequest(ROLE, duration_seconds=899), "leave it out"),
        (RoleRequest(ROLE, duration_seconds=43201), "leave it out"),
    ],
)
def test_malformed_roles_are_refused_before_sts(role: RoleRequest, hint: str) -> None:
    """What STS would refuse is refused here, with the corrected value."""
    with pytest.raises(UsageError) as caught:
        check_role(role)
    assert hint in str(caught.value.hint)


def test_default_session_name_is_valid() -> None:
    """The default session name passes our own check and says who."""
    check_role(RoleRequest(ROLE, session_name=default_session_name()))
    assert default_session_name().startswith("eksauth-")


def _process(path: Path, text: str, code: int = 0) -> str:
    path.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(path) + '.runs'!r}, 'a').write('x')\n"
        f"print({text!r})\nsys.exit({code})\n"
    )
    path.chmod(0o755)
    return str(path)


def _runs(path: Path) -> int:
    return len(Path(f"{path}.runs").read_text())


def _process_json(life: int | None) -> str:
    answer: dict[str, object] = {
        "Version": 1,
        "AccessKeyId": "ASIAPROCESS",
        "SecretAccessKey": "s",
        "SessionToken": "t",
    }
    if life is not None:
        answer["Expiration"] = utc_text(int(time.time()) + life)
    return json.dumps(answer)


@pytest.mark.parametrize("life, runs", [(3600, 1), (None, 2)], ids=["expiring", "lasting"])
def test_credential_process(config: Path, tmp_path: Path, life: int | None, runs: int) -> None:
    """A process that says when its credentials end runs once; one that does not runs every time."""
    config.write_text(f"[profile p]\ncredential_process = {_process(tmp_path / 'p', _process_json(life))}\n")
    found = {resolve(profile="p").credentials.access_key_id for _ in range(2)}
    assert found == {"ASIAPROCESS"}
    assert _runs(tmp_path / "p") == runs
    assert hot(profile="p") == (runs == 1)


def test_role_profile_chains_through_botocore_and_is_cached(config: Path, sts: FakeSts) -> None:
    """A profile with role_arn and source_profile is assumed by botocore once."""
    config.write_text(
        f"[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
        f"[profile p]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    )
    for _ in range(2):
        resolve(profile="p")
    assert len(sts.requests) == 1
    assert "Credential=AKIABASE/" in sts.requests[0]["authorization"]
    resolve(RoleRequest("arn:aws:iam::111122223333:role/second"), profile="p")
    assert "Credential=ASIAFAKEROLE00000001/" in sts.requests[1]["authorization"]


@pytest.mark.usefixtures("keys")
def test_profile_flag_is_authoritative(config: Path) -> None:
    """With --profile the environment's keys are not used, even when the profile has none."""
    config.write_text("[profile empty]\nregion = eu-west-1\n")
    with pytest.raises(CredentialsError, match="'empty' has none"):
        resolve(profile="empty")


def test_mfa_without_anybody_to_ask(config: Path) -> None:
    """A profile that needs an MFA code fails with a way out, not with an empty message."""
    config.write_text(
        f"[profile base]\naws_access_key_id = A\naws_secret_access_key = s\n"
        f"[profile p]\nrole_arn = {ROLE}\nsource_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/me\n"
    )
    with pytest.raises(CredentialsError, match="MFA") as caught:
        resolve(profile="p")
    assert "in a terminal" in str(caught.value.hint)


SSO = "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
SSO += "[profile p]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = admin\n"


@pytest.mark.parametrize(
    "text, kind, message, hint",
    [
        (SSO, CredentialsError, "SSO login of profile 'p'", "aws sso login --profile p"),
        ("[profile prod]\nregion=x\n", ConfigError, "profile 'p' does not exist", "prod"),
        ("[profile p]\nregion\n", ConfigError, "config:2: the file has a line", "correct"),
        (
            "region = x\naws_secret_access_key = LEAK\n",
            ConfigError,
            "config:1: the file has settings before",
            "correct",
        ),
        ("\ufeff[profile p]\n", ConfigError, "byte-order mark", "correct"),
        ("[profile p]\na=LEAK\na=LEAK\n", ConfigError, "sets a twice", "correct"),
        ("[profile p]\n[profile p]\n", ConfigError, "has section [profile p] twice", "correct"),
        ("[profile p]\ns3 =\n  LEAK\n", ConfigError, "indented block", "correct"),
        ("[profile p]\naws_access_key_id = A\n", CredentialsError, "aws_secret_access_key is missing", "add"),
        ("[profile p]\naws_access_key_id =\naws_secret_access_key =\n", CredentialsError, "access key id", "correct"),
        ("[profile p]\nrole_arn = x\n", CredentialsError, "source_profile or credential_source", "add"),
        ("[profile p]\nrole_arn = x\nsource_profile = q\n", ConfigError, "contradicts itself", "correct"),
        ("[profile p]\ncredential_process = /nonexistent/tool\n", CredentialsError, "/nonexistent/tool", "check"),
        (
            "[profile p]\nrole_arn = " + ROLE + "\nweb_identity_token_file = /nonexistent/jwt\n",
            CredentialsError,
            "jwt",
            "check",
        ),
    ],
    ids=[
        "sso",
        "missing-profile",
        "no-delimiter",
        "no-section",
        "bom",
        "duplicate-key",
        "duplicate-section",
        "bad-block",
        "partial",
        "empty",
        "role-without-source",
        "missing-source",
        "missing-process",
        "missing-jwt",
    ],
)
def test_what_is_wrong_with_a_profile(
    config: Path, text: str, kind: type[EksauthError], message: str, hint: str
) -> None:
    """Each broken profile is named with what to do, on one line, without quoting the file."""
    config.write_text(text)
    with pytest.raises(EksauthError) as caught:
        resolve(profile="p")
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert "\n" not in f"{caught.value.message}{caught.value.hint}"
    assert "LEAK" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize("text, code", [("oops", 3), ("not json", 0), ("[1]", 0), ('{"Version": 2}', 0)])
def test_broken_credential_process(config: Path, tmp_path: Path, text: str, code: int) -> None:
    """A process that fails or prints something else is named as the culprit."""
    config.write_text(f"[profile p]\ncredential_process = {_process(tmp_path / 'p', text, code)}\n")
    with pytest.raises(CredentialsError) as caught:
        resolve(profile="p")
    assert "credential_process" in f"{caught.value.message}{caught.value.hint}"


def test_nothing_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no credentials at all the hint says where they could come from."""
    with pytest.raises(CredentialsError, match="no AWS credentials found") as caught:
        resolve()
    assert "--profile" in str(caught.value.hint)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with pytest.raises(CredentialsError, match="AWS_ACCESS_KEY_ID is not"):
        resolve()


def test_config_is_a_directory(config: Path) -> None:
    """A directory in place of the file is an error that names it."""
    config.mkdir()
    with pytest.raises(ConfigError, match="is a directory"):
        resolve(profile="p")


def test_config_is_unreadable(config: Path) -> None:
    """A file that we may not read is an error, not an empty file."""
    config.write_text("[profile p]\n")
    config.chmod(0)
    if os.access(config, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(ConfigError, match="permission denied"):
        resolve(profile="p")


@pytest.mark.usefixtures("keys", "sts")
def test_unwritable_cache_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be stored the credentials still come, with one line about it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EKSAUTH_CACHE_DIR", str(tmp_path / "file"))
    found = resolve(RoleRequest(ROLE))
    assert found.credentials.session_token is not None
    (warning,) = found.warnings
    assert warning.startswith("credentials are not cached")


@pytest.mark.usefixtures("keys", "sts")
def test_cache_files_are_private() -> None:
    """Entries and locks are 0600 whatever the umask."""
    old = os.umask(0)
    try:
        resolve(RoleRequest(ROLE))
    finally:
        os.umask(old)
    files = list(Path(str(cache_directory(os.environ))).iterdir())
    assert {path.suffix for path in files} == {".cred", ".lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_web_identity_is_cached_until_its_token_changes(
    home: Path, sts: FakeSts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod's identity is exchanged once for each service account token."""
    (home / "jwt").write_text("jwt-one")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(home / "jwt"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    for _ in range(2):
        assert resolve().credentials.access_key_id == "ASIAFAKEROLE00000001"
    assert hot()
    (home / "jwt").write_text("jwt-two")
    assert not hot()
    resolve()
    assert [request["WebIdentityToken"] for request in sts.requests] == ["jwt-one", "jwt-two"]


def test_container_credentials_are_kept_for_a_while_only(sts: FakeSts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Container credentials are cached, but not for as long as they live: their role can change without a trace."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{sts.url}/container")
    sts.life_seconds = 6 * 3600
    for _ in range(2):
        assert resolve().credentials.access_key_id == "ASIACONTAINER"
    assert len(sts.requests) == 1
    settings = full_settings(os.environ, region_flag="eu-west-1", profile_flag=None)
    later = time.time() + UNKEYED_LIFE_SECONDS + 5
    assert quick_credentials(os.environ, settings, role=None, use_cache=True, now=later) is None


def test_waiting_process_takes_what_the_other_stored(config: Path, tmp_path: Path) -> None:
    """Threads that need the same slow process run it once."""
    config.write_text(f"[profile p]\ncredential_process = {_process(tmp_path / 'p', _process_json(3600))}\n")
    threads = [threading.Thread(target=resolve, kwargs={"profile": "p"}) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _runs(tmp_path / "p") == 1
