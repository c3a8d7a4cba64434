"""The small reader of the shared files against botocore: whenever it answers, botocore answers the same."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import botocore.configloader
import botocore.exceptions
import botocore.session
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eksauth.credentials.env import environment_credentials
from eksauth.credentials.quick import direct_credentials
from eksauth.credentials.settings import quick_settings
from eksauth.credentials.shared_files import MAX_BYTES, parse_sections

PLAIN = "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\nregion = eu-west-1\n"

# id: (config file, credentials file, does the small reader answer)
CORPUS: dict[str, tuple[str, str, bool]] = {
    "nothing": ("", "", True),
    "plain": (PLAIN, "", True),
    "named profile": ("[profile dev]\nregion=eu-west-1\n[default]\nregion=us-east-1\n", "", True),
    "quoted profile": ('[profile "dev"]\nregion = eu-west-1\n', "", True),
    "quoted with blank": ('[profile "my dev"]\nregion = eu-west-1\n[default]\nregion=x-y-1\n', "", True),
    "quoted, two blanks before": ('[profile  "dev"]\nregion = eu-west-1\n', "", True),
    "quoted, empty": ('[profile ""]\nregion = eu-west-1\n', "", False),
    "quoted inside quotes": ('[profile "d\'ev"]\nregion = eu-west-1\n', "", False),
    "backslash": ("[profile d\\\\ev]\nregion = eu-west-1\n", "", False),
    "glued quotes": ('[profile "d""ev"]\nregion = eu-west-1\n', "", False),
    "single quotes": ("[profile 'dev']\nregion = eu-west-1\n", "", True),
    "unbalanced quote": ('[profile "dev]\nregion = eu-west-1\n', "", False),
    "tab after profile": ("[profile\tdev]\nregion = eu-west-1\n", "", True),
    "three words": ("[profile dev ops]\nregion = eu-west-1\n", "", True),
    "profile without name": ("[profile]\nregion = eu-west-1\n", "", True),
    "profiles is profile too": ("[profilex dev]\nregion = eu-west-1\n", "", True),
    "dev without profile": ("[dev]\nregion = eu-west-1\n", "", True),
    "default twice over": ("[default]\nregion=a-b-1\n[profile default]\nregion=c-d-1\n", "", True),
    "default twice over, other way": ("[profile default]\nregion=c-d-1\n[default]\nregion=a-b-1\n", "", True),
    "comments": ("# one\n; two\n[default]\n  # three\nregion = eu-west-1 # not a comment\n", "", True),
    "crlf": (PLAIN.replace("\n", "\r\n"), "", True),
    "old mac": (PLAIN.replace("\n", "\r"), "", True),
    "no last line end": (PLAIN.rstrip(), "", True),
    "byte-order mark": ("\ufeff" + PLAIN, "", False),
    "blank lines": ("\n\n[default]\n\nregion = eu-west-1\n\n\n[profile dev]\n\nregion=x\n", "", True),
    "indented section": ("[default]\nregion = eu-west-1\n  [profile dev]\nregion = x\n", "", False),
    "indented options": ("  [default]\n  region = eu-west-1\n  output = json\n", "", True),
    "deeper then shallower": ("  [default]\n    region = eu-west-1\n  output = json\n", "", True),
    "sub-block": ("[default]\ns3 =\n  max_queue = 1\n  addressing = path\nregion = eu-west-1\n", "", True),
    "sub-block after blank": ("[default]\ns3 =\n\n  max_queue = 1\n\nregion = eu-west-1\n", "", True),
    "sub-block with comment": ("[default]\ns3 =\n  # note\n  max_queue = 1\nregion = eu-west-1\n", "", True),
    "sub-block without equals": ("[default]\ns3 =\n  nonsense\nregion = eu-west-1\n", "", False),
    "region as block": ("[default]\nregion =\n  a = b\n", "", False),
    "continued value": ("[default]\nregion = eu-\n  west-1\n", "", False),
    "key case": ("[default]\nREGION = eu-west-1\nAWS_Access_Key_Id = A\naws_secret_ACCESS_key = s\n", "", True),
    "section case": ("[Default]\nregion = eu-west-1\n", "", True),
    "configparser defaults": ("[DEFAULT]\nregion = eu-west-1\n[profile dev]\noutput = json\n", "", False),
    "colon": ("[default]\nregion: eu-west-1\n", "", True),
    "colon in value": ("[default]\nregion = a:b\nx : y = z\n", "", True),
    "equals in secret": ("[default]\naws_access_key_id=A\naws_secret_access_key=a=b==\n", "", True),
    "empty values": ("[default]\nregion =\naws_access_key_id =\naws_secret_access_key =\n", "", True),
    "empty token": (PLAIN + "aws_session_token =\n", "", True),
    "quoted value": ('[default]\nregion = "eu-west-1"\n', "", True),
    "duplicate key": ("[default]\nregion = a\nregion = b\n", "", False),
    "duplicate key by case": ("[default]\nregion = a\nRegion = b\n", "", False),
    "duplicate section": ("[default]\nregion = a\n[default]\noutput = b\n", "", False),
    "two names one profile": ('[profile dev]\nregion=a\noutput=x\n[profile "dev"]\nregion=b\n', "", True),
    "no section": ("region = a\n[default]\n", "", False),
    "no delimiter": ("[default]\nregion\n", "", False),
    "no key": ("[default]\n= a\n", "", False),
    "open bracket": ("[default\nregion = a\n", "", False),
    "empty header": ("[]\nregion = a\n", "", False),
    "text after header": ("[default] # mine\nregion = a\n", "", True),
    "two brackets": ("[a]b]\nregion = a\n", "", True),
    "nul": ("[default]\nregion = a\0b\n", "", True),
    "unicode": ("[default]\nregion = a\u00e9\n# \u65e5\u672c\n", "", True),
    "unicode blanks": ("[default]\nregion = \u00a0a\u2003\n", "", True),
    "line separator": ("[default]\nregion = a\u2028b\nx = \x0bc\x0c\n", "", True),
    "line separator in block": ("[default]\ns3 =\n  a = b\u2028c\n", "", False),
    "credentials win": (PLAIN, "[default]\nregion = us-west-2\naws_access_key_id=A2\naws_secret_access_key=s2\n", True),
    "credentials only": ("", PLAIN, True),
    "keys in both halves": ("[default]\naws_secret_access_key = s\n", "[default]\naws_access_key_id = A\n", True),
    "id in both, secret in one": (PLAIN, "[default]\naws_access_key_id = A2\n", True),
    "legacy token first": ("", PLAIN + "aws_session_token = new\naws_security_token = old\n", True),
    "config keys when credentials have none": (PLAIN, "[default]\nregion = us-west-2\n", True),
    "other source too": (PLAIN + "credential_process = /bin/false\n", "", True),
    "role": (PLAIN + "role_arn = arn:aws:iam::1:role/x\nsource_profile = default\n", "", True),
    "sso and keys": (PLAIN + "sso_account_id = 1\n", "", True),
    "profile word in credentials": ("", "[profile dev]\naws_access_key_id=A\naws_secret_access_key=s\n", True),
    "switches": (PLAIN + "use_fips_endpoint = True\nuse_dualstack_endpoint = TRUE\n", "", True),
    "switches off": (PLAIN + "use_fips_endpoint = yes\nuse_dualstack_endpoint = 1\n", "", True),
    "switch as block": (PLAIN + "use_fips_endpoint =\n  a = true\n", "", False),
}
PROFILES = ("default", "dev", "my dev", "x")


@pytest.fixture(scope="module")
def aws_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give the place of both files."""
    directory = tmp_path_factory.mktemp("aws")
    return directory / "config", directory / "credentials"


def _environ(files: tuple[Path, Path], **more: str) -> dict[str, str]:
    return {"AWS_CONFIG_FILE": str(files[0]), "AWS_SHARED_CREDENTIALS_FILE": str(files[1]), **more}


def _write(files: tuple[Path, Path], config: bytes, credentials: bytes) -> None:
    for file, data in zip(files, (config, credentials), strict=True):
        file.write_bytes(data)


def agrees_with_botocore(environ: Mapping[str, str], profile: str | None) -> bool:
    """Compare region, switches and keys; return whether the small reader answered at all."""
    found = quick_settings(environ, region_flag=None, profile_flag=profile)
    if found is None:
        return False
    with mock.patch.dict(os.environ, environ, clear=True):
        session = botocore.session.Session(profile=profile)
        theirs = session.get_scoped_config()
        assert found.region == (theirs.get("region") or None)
        for ours, name in ((found.fips, "use_fips_endpoint"), (found.dual_stack, "use_dualstack_endpoint")):
            assert ours == _botocore_switch(session, name)
        ours_found = direct_credentials(environ, found)
        if ours_found is not None:
            credentials = session.get_credentials()
            assert credentials is not None
            assert (credentials.access_key, credentials.secret_key, credentials.token or None) == (
                ours_found.access_key_id,
                ours_found.secret_access_key,
                ours_found.session_token,
            )
    return True


def _botocore_switch(session: botocore.session.Session, name: str) -> bool:
    value = session.get_config_variable(name)
    return value is True or (isinstance(value, str) and value.lower() == "true")


@pytest.mark.parametrize("profile", [None, *PROFILES])
@pytest.mark.parametrize("config, credentials, answers", list(CORPUS.values()), ids=list(CORPUS))
def test_corpus(
    config: str, credentials: str, answers: bool, profile: str | None, aws_files: tuple[Path, Path]
) -> None:
    """Each odd file is either read as botocore reads it or left to botocore."""
    _write(aws_files, config.encode(), credentials.encode())
    both = (parse_sections(config.encode()), parse_sections(credentials.encode()))
    assert agrees_with_botocore(_environ(aws_files), profile) or not answers or profile is not None
    if not answers and profile in {None, "default"} and None in both:
        assert quick_settings(_environ(aws_files), region_flag=None, profile_flag=profile) is None


@pytest.mark.parametrize("config, credentials, answers", list(CORPUS.values()), ids=list(CORPUS))
def test_the_reader_answers_for_usual_files(
    config: str, credentials: str, answers: bool, aws_files: tuple[Path, Path]
) -> None:
    """The table's last column is true: the reader is no coward, and leaves what it should leave."""
    _write(aws_files, config.encode(), credentials.encode())
    outcomes = [quick_settings(_environ(aws_files), region_flag=None, profile_flag=name) for name in (None, "dev")]
    assert any(outcome is not None for outcome in outcomes) == answers


LINES = st.sampled_from(
    [
        "[default]",
        "[profile dev]",
        '[profile "dev"]',
        "[profile 'dev']",
        '[profile  "my dev" ]',
        "[dev]",
        " [default]",
        "[default] x",
        "[x",
        "region = eu-west-1",
        "region=us-east-1",
        "  region = eu-west-1",
        "Region : a",
        "aws_access_key_id = AKIA1",
        "aws_secret_access_key = s1",
        "aws_session_token = t1",
        "aws_security_token = t2",
        "aws_session_token =",
        "s3 =",
        "  a = b",
        "    c = d",
        "  nonsense",
        "nonsense",
        "# comment",
        "  ; comment",
        "",
        "  ",
        "\t",
        "\ta = b",
        "use_fips_endpoint = true",
        "use_fips_endpoint = false",
        "role_arn = x",
        "credential_process = /bin/true",
        "= x",
        "output = json\r",
    ]
)
NEAR_TEXT = st.text(st.sampled_from(list("[]=:#; \t\nabA\u00a0\u2028\x0b\"'\\")), max_size=40)
FILES = st.lists(LINES | NEAR_TEXT, max_size=14).map("\n".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=FILES, credentials=FILES, profile=st.sampled_from([None, "default", "dev", "my dev"]))
def test_generated_files(config: str, credentials: str, profile: str | None, aws_files: tuple[Path, Path]) -> None:
    """For arbitrary files: silence, or botocore's answer."""
    _write(aws_files, config.encode(), credentials.encode())
    agrees_with_botocore(_environ(aws_files), profile)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=FILES.map(str.encode) | st.binary(max_size=60))
def test_generated_sections(data: bytes, aws_files: tuple[Path, Path]) -> None:
    """For arbitrary bytes: silence, or exactly the sections and values of botocore's parser."""
    found = parse_sections(data)
    if found is None:
        return
    aws_files[0].write_bytes(data)
    theirs = botocore.configloader.raw_config_parse(str(aws_files[0]))
    flat = {
        name: {key: None if isinstance(value, dict) else value for key, value in section.items()}
        for name, section in theirs.items()
    }
    assert found == flat


@pytest.mark.parametrize("value", ["true", "TRUE", "false", "", "1"])
def test_switch_in_the_environment(value: str, aws_files: tuple[Path, Path]) -> None:
    """A switch in the environment beats the profile's, even an empty one."""
    _write(aws_files, (PLAIN + "use_fips_endpoint = true\n").encode(), b"")
    assert agrees_with_botocore(_environ(aws_files, AWS_USE_FIPS_ENDPOINT=value), None)


def test_environment_keys_beat_a_profile_variable_but_not_a_flag(aws_files: tuple[Path, Path]) -> None:
    """AWS_PROFILE leaves environment keys in front; --profile does not; the profile must exist either way."""
    _write(aws_files, b"[profile dev]\nregion = eu-west-1\naws_access_key_id=A\naws_secret_access_key=s\n", b"")
    keys = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "e"}
    variable = _environ(aws_files, AWS_PROFILE="dev", **keys)
    assert agrees_with_botocore(variable, None)
    found = quick_settings(variable, region_flag=None, profile_flag=None)
    assert found is not None
    assert found.region == "eu-west-1"
    credentials = direct_credentials(variable, found)
    assert credentials is not None
    assert credentials.access_key_id == "AKIAENV"
    assert agrees_with_botocore(_environ(aws_files, **keys), "dev")
    assert quick_settings(_environ(aws_files, AWS_PROFILE="gone", **keys), region_flag="x", profile_flag=None) is None


def test_environment_only(aws_files: tuple[Path, Path]) -> None:
    """Without files the environment's keys are botocore's."""
    for file in aws_files:
        file.unlink(missing_ok=True)
    environ = _environ(aws_files, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s", AWS_SESSION_TOKEN="t")
    assert agrees_with_botocore(environ, None)
    assert environment_credentials(environ) is not None


@pytest.mark.parametrize("template", ["~/aws/config", "$WHERE/config", "{0}/config", "{0}/missing/config", ""])
def test_paths(template: str, home: Path, tmp_path: Path) -> None:
    """Paths are expanded as botocore expands them, or left to it."""
    (home / "aws").mkdir()
    (tmp_path / "config").write_text(PLAIN)
    (home / "aws" / "config").write_text(PLAIN.replace("eu-west-1", "us-west-2"))
    environ = {"HOME": str(home), "WHERE": str(tmp_path), "AWS_CONFIG_FILE": template.format(tmp_path)}
    assert agrees_with_botocore(environ, None) == ("$" not in template)


def test_what_is_no_file_is_left_to_botocore(tmp_path: Path) -> None:
    """Directories, pipes and giants are not read; a pipe does not block."""
    (tmp_path / "giant").write_bytes(b"#" * (MAX_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "giant", "pipe"):
        environ = {"AWS_CONFIG_FILE": str(tmp_path / name), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
        assert quick_settings(environ, region_flag=None, profile_flag=None) is None
