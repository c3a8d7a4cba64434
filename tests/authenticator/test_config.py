"""The server configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eksauth.authenticator.config import ServerConfig, load_server_config, parse_server_config
from eksauth.errors import ConfigError

FULL = """\
clusterID: prod.example
log-verbosity: debug
server:
  partition: aws-cn
  address: 0.0.0.0
  port: 8443
  hostname: auth.internal
  stateDir: /var/lib/auth
  generateKubeconfig: /etc/auth/kubeconfig.yaml
  kubeconfigPregenerated: true
  backendMode: [MountedFile]
  scrubbedAccounts: [012345670123, "111122223333"]
  reservedPrefixConfig:
  - backendmode: MountedFile
    usernamePrefixReserveList: ["system:", "eks:", ""]
  stsEndpointOverrides:
    sts.cn-north-1.amazonaws.com.cn: https://vpce-1.example:8443/
    sts.amazonaws.com: http://localhost:4566
  stsCAFile: /etc/auth/ca.pem
  ec2DescribeInstancesRoleARN: arn:aws-cn:iam::111122223333:role/ec2
  ec2DescribeInstancesQps: 20
  ec2DescribeInstancesBurst: 7
  sourceARN: arn:aws-cn:eks:cn-north-1:111122223333:cluster/prod
  mapRoles:
  - rolearn: arn:aws-cn:iam::111122223333:role/R
    username: r
    groups: [g]
  mapUsers:
  - userarn: arn:aws-cn:iam::111122223333:user/u
    username: u
    groups: [g]
  mapAccounts: [012345670123]
"""


def test_every_key(tmp_path: Path) -> None:
    """Each documented key arrives, account ids as they were written."""
    path = tmp_path / "server.yaml"
    path.write_text(FULL)
    config = load_server_config(path)
    assert config.warnings == ()
    assert (config.cluster_id, config.log_verbosity, config.partition) == ("prod.example", "debug", "aws-cn")
    assert (config.address, config.port, config.hostname) == ("0.0.0.0", 8443, "auth.internal")
    assert (config.state_dir, config.generate_kubeconfig) == (Path("/var/lib/auth"), Path("/etc/auth/kubeconfig.yaml"))
    assert config.kubeconfig_pregenerated is True
    assert config.backend_modes == ("MountedFile",)
    assert config.scrubbed_accounts == {"012345670123", "111122223333"}
    assert config.reserved_prefixes == {"MountedFile": ("system:", "eks:")}
    assert config.sts_endpoint_overrides == {
        "sts.cn-north-1.amazonaws.com.cn": "https://vpce-1.example:8443",
        "sts.amazonaws.com": "http://localhost:4566",
    }
    assert config.sts_ca_file == Path("/etc/auth/ca.pem")
    assert config.ec2_describe_instances_role_arn == "arn:aws-cn:iam::111122223333:role/ec2"
    assert (config.ec2_describe_instances_qps, config.ec2_describe_instances_burst) == (20, 7)
    assert config.source_arn == "arn:aws-cn:eks:cn-north-1:111122223333:cluster/prod"
    assert [entry.username for entry in config.mappings.roles] == ["r"]
    assert [entry.username for entry in config.mappings.users] == ["u"]
    assert [entry.account_id for entry in config.mappings.accounts] == ["012345670123"]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "null\n", "server:\n", "server: {}\n", "server:\n  mapRoles:\n  mapUsers: ~\n"]
)
def test_defaults_are_those_of_the_reference(text: str) -> None:
    """A file that says nothing gives the reference's defaults."""
    config = parse_server_config(text, "s.yaml")
    assert config == ServerConfig()
    assert (config.address, config.port, config.partition) == ("127.0.0.1", 21362, "aws")
    assert config.state_dir == Path("/var/aws-iam-authenticator")
    assert config.generate_kubeconfig == Path("/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml")


REFERENCE_EXAMPLE = """\
# a dev-environment file with comments, the old role default and unused keys
clusterID: my-dev-cluster.example.com
defaultRole: arn:aws:iam::000000000000:role/KubernetesAdmin
server:
  port: 21362
  stateDir: /var/aws-iam-authenticator
  master: https://10.0.0.1
  kubeconfig: /etc/kubernetes/admin.conf
  backendMode: File
  ec2DescribeInstancesRoleARN: arn:aws:iam::000000000000:role/DescribeInstancesRole
  mapRoles:
  - roleARN: arn:aws:iam::000000000000:role/KubernetesAdmin
    username: kubernetes-admin
    groups:
    - system:masters
  - roleARN: arn:aws:iam::000000000000:role/KubernetesNode
    username: aws:{{AccountID}}:instance:{{SessionName}}
    groups: [system:bootstrappers, aws:instances]
  mapAccounts:
  - 000000000000
"""


def test_files_of_the_reference_load() -> None:
    """A drop-in file loads; old names are warnings, with their lines."""
    config = parse_server_config(REFERENCE_EXAMPLE, "s.yaml")
    assert [role.username for role in config.mappings.roles] == [
        "kubernetes-admin",
        "aws:{{AccountID}}:instance:{{SessionName}}",
    ]
    assert config.mappings.accounts[0].account_id == "000000000000"
    assert [(problem.code, problem.source.line) for problem in config.warnings] == [
        ("config.deprecated_backend", 9),
    ]


@pytest.mark.parametrize(
    "text, code, hint",
    [
        pytest.param("clusterid: x\n", "config.key_case", "write clusterID", id="key-case"),
        pytest.param("server:\n  maproles: []\n", "config.key_case", "write mapRoles", id="section-case"),
        pytest.param("servre: {}\n", "config.unknown_key", "did you mean server", id="typo"),
        pytest.param("server:\n  map_roles: []\n", "config.unknown_key", "did you mean mapRoles", id="section-typo"),
        pytest.param("server:\n  zzz: 1\n", "config.unknown_key", None, id="unknown"),
        pytest.param(
            "x: &m {port: 1}\nserver:\n  <<: *m\n  port: 2\n", "config.unknown_key", None, id="merged-and-own"
        ),
        pytest.param(
            "server:\n  reservedPrefixConfig: [{backendMode: Files}]\n",
            "config.unknown_backend",
            None,
            id="no-backend-in-reserved",
        ),
        pytest.param(
            "server:\n  reservedPrefixConfig: [{backendMode: CRD}, {backendMode: CRD}]\n",
            "config.duplicate_key",
            None,
            id="backend-twice-in-reserved",
        ),
        pytest.param("server:\n  mapAccounts: [12]\n", "mapping.bad_account", None, id="short-account"),
    ],
)
def test_warnings(text: str, code: str, hint: str | None) -> None:
    """What loads and may surprise is a warning with a suggestion."""
    warnings = parse_server_config(text, "s.yaml").warnings
    assert [(problem.code, problem.hint) for problem in warnings] == [(code, hint)]


def test_prefixes_are_reserved_under_the_old_name_of_a_backend_too() -> None:
    """The reference reserves nothing then and says nothing; here the prefix holds and the name is warned about."""
    text = "server:\n  reservedPrefixConfig: [{backendMode: File, usernamePrefixReserveList: ['system:']}]\n"
    config = parse_server_config(text, "s.yaml")
    assert config.reserved_prefixes == {"MountedFile": ("system:",)}
    assert [problem.code for problem in config.warnings] == ["config.deprecated_backend"]


def test_keys_in_another_case_count_as_in_the_reference() -> None:
    """The reference ignores case in this file, so entries under ``maproles`` map."""
    text = "SERVER:\n  maproles:\n  - rolearn: arn:aws:iam::111122223333:role/R\n    username: r\n    groups: [g]\n"
    assert len(parse_server_config(text, "s.yaml").mappings.roles) == 1


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param("a: [\n", "s.yaml:2:1: not valid YAML", id="syntax"),
        pytest.param("server:\n\tport: 1\n", "s.yaml:2:1: not valid YAML", id="tab"),
        pytest.param("- a\n", "s.yaml:1:1: a server configuration must have keys and values", id="list"),
        pytest.param("text\n", "s.yaml:1:1: a server configuration must have keys", id="text"),
        pytest.param("server: text\n", "s.yaml:1:9: expected keys and values here", id="server-text"),
        pytest.param("[a]: b\n", "s.yaml:1:1: a key must be plain text", id="complex-key"),
        pytest.param("clusterID: [a]\n", "s.yaml:1:12: clusterID must be plain text", id="list-for-text"),
        pytest.param("server:\n  port: 1\n  port: 2\n", "s.yaml:3:3: port is given twice", id="key-twice"),
        pytest.param("clusterID: a\nclusterID: a\n", "s.yaml:2:1: clusterID is given twice", id="top-key-twice"),
        pytest.param("server:\n  port: x\n", "s.yaml:2:9: port must be a whole number from 1 to 65535", id="port-text"),
        pytest.param("server:\n  port: 70000\n", "s.yaml:2:9: port must", id="port-range"),
        pytest.param("server:\n  port: 99999999999999999999\n", "s.yaml:2:9: port must", id="port-huge"),
        pytest.param("server:\n  partition: aws-moon\n", "s.yaml:2:14: no such partition: 'aws-moon'", id="partition"),
        pytest.param("server:\n  kubeconfigPregenerated: maybe\n", "s.yaml:2:27: kubeconfigPregenerated must be true", id="truth"),
        pytest.param("server:\n  backendMode: Mounted\n", "s.yaml:2:16: no such backend mode: 'Mounted'", id="backend"),
        pytest.param("server:\n  backendMode: [MountedFile, File]\n", "s.yaml:2:16: backendMode names", id="backend-twice"),
        pytest.param("server:\n  backendMode: []\n", "s.yaml:2:16: backendMode names no backend", id="backend-empty"),
        pytest.param("server:\n  scrubbedAccounts: x\n", "s.yaml:2:21: scrubbedAccounts must be a list", id="accounts-text"),
        pytest.param("server:\n  stsEndpointOverrides: {a.b: https://c}\n", "s.yaml:2:26: endpoint override for 'a.b'", id="override-host"),
        pytest.param("server:\n  stsEndpointOverrides: {sts.amazonaws.com: 'http://c'}\n", "s.yaml:2:26: the override for", id="override-url"),
        pytest.param("server:\n  stsEndpointOverrides: {sts.amazonaws.com: [x]}\n", "s.yaml:2:45: an override must", id="override-list"),
        pytest.param("a: *nobody\n", "s.yaml:1:4: not valid YAML", id="alias"),
        pytest.param("a: \0\n", "s.yaml", id="nul"),
        pytest.param("a: \ud800\n", "s.yaml", id="surrogate"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_column(text: str, message: str) -> None:
    """An unusable file is a configuration error that says where."""
    with pytest.raises(ConfigError) as caught:
        parse_server_config(text, "s.yaml")
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "content, clue",
    [
        pytest.param(None, "no such file or directory", id="missing"),
        pytest.param(b"a: b\nc: \xff\n", "server.yaml:2: not UTF-8", id="not-utf8"),
    ],
)
def test_unreadable_files(tmp_path: Path, content: bytes | None, clue: str) -> None:
    """A file that is missing or not text is a configuration error."""
    path = tmp_path / "server.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_server_config(path)
    assert clue in caught.value.message


def test_a_directory_and_a_nul_in_the_path(tmp_path: Path) -> None:
    """Paths that are no files are configuration errors."""
    for path in (tmp_path, Path("a\0b")):
        with pytest.raises(ConfigError):
            load_server_config(path)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    """A file saved with a BOM loads."""
    path = tmp_path / "server.yaml"
    path.write_bytes(b"\xef\xbb\xbfclusterID: x\r\n")
    assert load_server_config(path).cluster_id == "x"


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(
            "  - &a0 {rolearn: arn:aws:iam::111122223333:role/a, username: a, groups: [g]}\n"
            + "".join(
                f"  - &a{level} {{<<: [*a{level - 1}, *a{level - 1}, *a{level - 1}]}}\n" for level in range(1, 19)
            ),
            id="merge-keys",
        ),
        pytest.param(
            "  - &e {rolearn: arn:aws:iam::111122223333:role/a, username: a, other: &b ["
            + "a," * 20_000
            + "]}\n"
            + "  - {rolearn: arn:aws:iam::111122223333:role/b, username: a, other: *b}\n" * 100,
            id="lists-that-nobody-reads",
        ),
    ],
)
def test_a_small_file_cannot_cost_much(entries: str) -> None:
    """What aliases multiply is bounded by the size of the file: a kilobyte of merge keys kept a core busy for 20 s."""
    with pytest.raises(ConfigError, match="too many values"):
        parse_server_config("server:\n  mapRoles:\n" + entries, "s.yaml")


def test_an_alias_bomb_is_cut_short() -> None:
    """Aliases that multiply into billions end in an error, soon."""
    entry = "- &e\n  rolearn: arn:aws:iam::111122223333:role/R\n  username: r\n  groups: &g [" + "g," * 20_000 + "]\n"
    text = "server:\n  mapRoles:\n" + "".join(f"  {line}\n" for line in entry.splitlines()) + "  - *e\n" * 2_000
    with pytest.raises(ConfigError, match="too many values"):
        parse_server_config(text, "s.yaml")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "a: &a [*a]\n", "&a {<<: *a}\n", "server: &s\n  <<: *s\n"]
)
def test_depth_and_loops_are_survived(text: str) -> None:
    """Nesting without end and anchors that hold themselves end in an error or load as nothing."""
    assert outcome(text).startswith(("s.yaml", "loaded"))


def outcome(text: str) -> str:
    """Return the error that a text causes, or that it loaded."""
    try:
        config = parse_server_config(text, "s.yaml")
    except ConfigError as error:
        return error.message
    assert isinstance(config, ServerConfig)
    return "loaded"


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("aserv:er-[]{}&*<>!|'\"\n\t #%@`0,?~"), max_size=60).map(
        lambda text: "server:\n  mapRoles:\n  - " + text
    )
    | st.text(max_size=80)
)
def test_arbitrary_text_loads_or_is_a_configuration_error(text: str) -> None:
    """Whatever a file holds, the result is a configuration or one kind of error."""
    assert outcome(text).startswith(("s.yaml", "loaded"))


def test_one_key_in_two_spellings() -> None:
    """Of a key in two spellings the later one counts, and both are named."""
    config = parse_server_config("server:\n  port: 1\n  Port: 2\n", "s.yaml")
    assert config.port == 2
    assert [problem.code for problem in config.warnings] == ["config.key_case", "config.duplicate_key"]
