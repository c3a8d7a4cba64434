"""Whatever a file holds that the server reads: it loads, or it is a ConfigError with one line; nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.authenticator.faults.fuzzing import ANY_TEXT, ARNS, JSON_VALUES, damaged, fuzzed, json_texts
from tests.authenticator.serving import ACCOUNT, SESSION, USER

from eksauth.authenticator.backends.files.mode_file import read_mode_file
from eksauth.authenticator.check import check_config_map, check_text
from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.entries.reader import EntryReader
from eksauth.authenticator.entries.table import EntryTable
from eksauth.authenticator.identity import CallerIdentity, Identity, identity_from
from eksauth.authenticator.mapping.aws_auth import AwsAuthBackend
from eksauth.authenticator.mapping.dynamic_json import parse_dynamic
from eksauth.authenticator.mapping.model import Match, NotMapped, Problems
from eksauth.authenticator.mapping.mounted_file import MountedFileBackend
from eksauth.cli.main import run
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile


def identity(caller: CallerIdentity) -> Identity:
    """Return somebody to look up."""
    return identity_from(caller, access_key_id="ASIAEXAMPLE", sts_host="sts.eu-west-1.amazonaws.com", partition="aws")


SOMEBODY = [identity(SESSION), identity(USER)]
NAMES = st.sampled_from(["admin", "{{SessionName}}", "system:node:{{EC2PrivateDNSName}}", "", "1234", "a b"]) | ANY_TEXT
ROLES = st.fixed_dictionaries(
    {},
    optional={
        "rolearn": ARNS | JSON_VALUES,
        "roleARN": ARNS,
        "userarn": ARNS,
        "username": NAMES | JSON_VALUES,
        "userid": st.just("AROAEXAMPLE") | JSON_VALUES,
        "groups": st.lists(NAMES, max_size=3) | JSON_VALUES,
        "sso": st.fixed_dictionaries(
            {},
            optional={
                "permissionSetName": st.just("View") | JSON_VALUES,
                "accountID": st.sampled_from([ACCOUNT, int(ACCOUNT), "1"]) | JSON_VALUES,
                "partition": st.sampled_from(["aws", "aws-cn", "moon"]) | JSON_VALUES,
            },
        )
        | JSON_VALUES,
    },
)
SECTION: st.SearchStrategy[Any] = st.lists(ROLES | JSON_VALUES, max_size=4) | JSON_VALUES
ACCOUNTS: st.SearchStrategy[Any] = st.lists(st.sampled_from([ACCOUNT, 12, "x"]) | JSON_VALUES, max_size=3) | JSON_VALUES
MAPPINGS = st.fixed_dictionaries({}, optional={"mapRoles": SECTION, "mapUsers": SECTION, "mapAccounts": ACCOUNTS})
MODES = st.sampled_from(["MountedFile", "EKSConfigMap", "CRD", "DynamicFile", "AccessEntries", "File", "", "x", " "])
SERVERS = st.builds(
    lambda mappings, server, rest: {"clusterID": "demo", **rest, "server": {**mappings, **server}},
    MAPPINGS,
    st.fixed_dictionaries(
        {},
        optional={
            "port": st.integers(-1, 70_000) | JSON_VALUES,
            "address": ANY_TEXT | JSON_VALUES,
            "backendMode": st.lists(MODES, max_size=4) | JSON_VALUES,
            "partition": st.sampled_from(["aws", "aws-cn"]) | JSON_VALUES,
            "scrubbedAccounts": ACCOUNTS,
            "reservedPrefixConfig": st.lists(
                st.fixed_dictionaries(
                    {}, optional={"backendMode": MODES | JSON_VALUES, "usernamePrefixReserveList": JSON_VALUES}
                )
                | JSON_VALUES,
                max_size=2,
            ),
            "stateDir": ANY_TEXT | JSON_VALUES,
            "stsEndpointOverrides": JSON_VALUES,
            "dynamicfilepath": JSON_VALUES,
            "dynamicfileUserIDStrict": JSON_VALUES,
            "ec2DescribeInstancesQps": JSON_VALUES,
            "emptyGraceSeconds": JSON_VALUES,
        },
    ),
    st.dictionaries(st.sampled_from(["clusterID", "server", "log-verbosity", "x"]), JSON_VALUES, max_size=1),
)
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
ENTRIES = st.fixed_dictionaries(
    {
        "accessEntries": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "principalArn": ARNS | JSON_VALUES,
                    "type": st.sampled_from(["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "x"]) | JSON_VALUES,
                    "username": NAMES | JSON_VALUES,
                    "kubernetesGroups": st.lists(NAMES, max_size=3) | JSON_VALUES,
                    "accessPolicies": st.lists(
                        st.fixed_dictionaries(
                            {},
                            optional={
                                "policyArn": st.just(POLICY) | ARNS | JSON_VALUES,
                                "accessScope": st.fixed_dictionaries(
                                    {},
                                    optional={
                                        "type": st.sampled_from(["cluster", "namespace", "x"]) | JSON_VALUES,
                                        "namespaces": st.lists(st.sampled_from(["dev-*", "a", "*"]) | ANY_TEXT)
                                        | JSON_VALUES,
                                    },
                                )
                                | JSON_VALUES,
                            },
                        )
                        | JSON_VALUES,
                        max_size=3,
                    )
                    | JSON_VALUES,
                },
            )
            | JSON_VALUES,
            max_size=4,
        )
        | JSON_VALUES
    }
)


def as_files(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Return values as the text of a file: JSON or block YAML, whole or damaged; and any other text."""
    block = values.map(lambda value: str(yaml.safe_dump(value, allow_unicode=True)))
    whole = json_texts(values) | block
    return whole | damaged(whole) | st.text(max_size=100)


def outcome(load: Callable[[], Any]) -> Any:
    """Return what a loader makes of a text, None when it refuses with the one error that it may raise."""
    try:
        return load()
    except ConfigError as error:
        message, hint = error.message, error.hint
    assert message
    assert "\n" not in f"{message}{hint}"
    return None


def looks_up(table: Any) -> None:
    """Assert that everybody is mapped or not, by whatever entries a table has."""
    for somebody in SOMEBODY:
        found = table.lookup(somebody)
        assert isinstance(found, (Match, NotMapped))


@fuzzed()
@given(text=as_files(SERVERS))
def test_server_configurations(text: str) -> None:
    """A configuration loads and answers look-ups, or names its mistake."""
    config = outcome(lambda: parse_server_config(text, "s.yaml"))
    if config is not None:
        backend = outcome(lambda: MountedFileBackend(config.mappings))
        if backend is not None:
            looks_up(backend)


@fuzzed()
@given(
    sections=st.dictionaries(
        st.sampled_from(["mapRoles", "mapUsers", "mapAccounts", "maproles", "x"]), as_files(SECTION)
    )
)
def test_the_data_of_aws_auth(sections: dict[str, str]) -> None:
    """Any data of the ConfigMap gives a table and problems with a place, never an error of another kind."""
    backend = AwsAuthBackend.from_data(sections)
    looks_up(backend)
    report = check_config_map(sections)
    for finding in report.findings:
        assert finding.problem.source.line >= 1
        assert "\n" not in finding.problem.message


MANIFESTS = st.builds(
    lambda data, kind, name: {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data},
    st.dictionaries(st.sampled_from(["mapRoles", "mapUsers"]), json_texts(SECTION) | JSON_VALUES) | JSON_VALUES,
    st.just("ConfigMap") | JSON_VALUES,
    st.just("aws-auth") | JSON_VALUES,
)


@fuzzed()
@given(text=as_files(ENTRIES))
def test_access_entry_files(text: str) -> None:
    """Access entries load and answer look-ups, or the file is refused."""
    problems = Problems()
    table = outcome(
        lambda: EntryTable(EntryReader(YamlFile(text, "e"), problems, partition="aws").read_file(), problems.found)
    )
    if table is not None:
        looks_up(table)


@fuzzed()
@given(text=json_texts(MAPPINGS) | damaged(json_texts(MAPPINGS)) | st.text(max_size=80), strict=st.booleans())
def test_dynamic_files(text: str, strict: bool) -> None:
    """A dynamic file counts whole or is refused."""
    content = outcome(lambda: parse_dynamic(text.encode("utf-8", "surrogatepass"), "d.json", strict=strict))
    if content is not None:
        looks_up(MountedFileBackend(content.mappings))


@fuzzed(0.5)
@given(raw=st.binary(max_size=120))
def test_dynamic_files_of_bytes(raw: bytes) -> None:
    """Bytes that are no text are refused like any other mistake."""
    outcome(lambda: parse_dynamic(raw, "d.json", strict=False))


@pytest.fixture(scope="module", name="place")
def place_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one directory for all examples."""
    return tmp_path_factory.mktemp("files")


MODE_FILES = st.fixed_dictionaries(
    {},
    optional={
        "backendMode": st.lists(MODES, max_size=4).map(" ".join) | JSON_VALUES,
        "LastUpdatedDateTime": st.integers().map(str) | JSON_VALUES,
        "Version": JSON_VALUES,
    },
)


@fuzzed()
@given(text=json_texts(MODE_FILES) | damaged(json_texts(MODE_FILES)) | st.text(max_size=60))
def test_mode_files(place: Path, text: str) -> None:
    """A file of backend modes names some, or is refused."""
    path = place / "modes.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    modes = outcome(lambda: read_mode_file(path))
    if modes is not None:
        assert modes.modes
        age = modes.age()
        assert age is None or age >= 0


EVERYTHING = as_files(SERVERS) | as_files(MANIFESTS) | as_files(ENTRIES) | json_texts(MAPPINGS)


@fuzzed()
@given(text=EVERYTHING)
def test_check_config_looks_at_any_text(text: str) -> None:
    """Whatever kind of file it is taken for, there is a report whose findings have a place and one line."""
    report = outcome(lambda: check_text(text, "f.yaml"))
    assert report is not None
    for finding in report.findings:
        assert finding.problem.source.line >= 1
        assert "\n" not in finding.problem.message


@fuzzed(0.3)
@given(text=EVERYTHING)
def test_check_config_as_a_command(place: Path, text: str) -> None:
    """The command ends with 0, 1 or 3; what it prints is JSON, and what it says has no traceback."""
    path = place / "file.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["server", "check-config", str(path), "-o", "json"])
    assert code in {0, 1, 3}, err.getvalue()
    assert "Traceback" not in err.getvalue()
    if code != 3:
        json.loads(out.getvalue())
