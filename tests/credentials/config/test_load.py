"""A configuration becomes values."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.credentials.config.kit import DEV, ROLE, SSO, loaded, write

from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.model import AuthConfig, Keyring, Place
from eksauth.errors import ConfigError


def test_without_a_file(tmp_path: Path) -> None:
    """No file is an empty configuration; a realm and a keyring that variables name hold all the same."""
    environ = {"HOME": str(tmp_path), "EKSAUTH_REALM": "acme", "ATMOS_KEYRING_TYPE": "memory"}

    config = load_config(environ, cwd=tmp_path)

    assert config == AuthConfig(realm="acme", realm_from="EKSAUTH_REALM", keyring=Keyring(kind="memory"))
    assert load_config({"HOME": str(tmp_path)}, cwd=tmp_path) == AuthConfig()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "auth:\n", "auth: {}\n", "x-anchors: {a: &a b}\n"])
def test_an_empty_file_is_an_empty_configuration(tmp_path: Path, text: str) -> None:
    """A file may say nothing at all."""
    config = loaded(tmp_path, text)

    assert not config.identities
    assert config.path == str(tmp_path / "eksauth.yaml")
    assert config.digest == hashlib.sha256(text.encode()).hexdigest()


def test_who_named_the_file(tmp_path: Path) -> None:
    """A file that was found by walking up is marked, one that was named is not."""
    write(tmp_path, "auth: {}\n")
    environ = {"HOME": str(tmp_path / "nowhere")}

    assert load_config(environ, cwd=tmp_path).searched
    assert not load_config(environ, flag="eksauth.yaml", cwd=tmp_path).searched


def test_an_identity_center_provider(tmp_path: Path) -> None:
    """Every key of an IAM Identity Center provider arrives."""
    text = """\
    auth:
      providers:
        Acme SSO:
          kind: aws/iam-identity-center
          start_url: https://acme.awsapps.com/start/#/
          region: eu-west-1
          auto_provision_identities: yes
          session: {duration: 8h}
          console: {session_duration: 12h}
          default: true
          tags: [corp, eu]
          spec:
            endpoint_url: http://localhost:4566
            flow: device
            scopes: [sso:account:access, "codewhisperer:completions"]
            session_name: acme
    """
    provider = loaded(tmp_path, text).providers["Acme SSO"]

    assert provider.place == Place(str(tmp_path / "eksauth.yaml"), 3, 5)
    assert provider.start_url == "https://acme.awsapps.com/start/#/"
    assert (provider.region, provider.auto_provision_identities, provider.default) == ("eu-west-1", True, True)
    assert (provider.session_seconds, provider.console_seconds) == (28800, 43200)
    assert (provider.endpoint_url, provider.flow, provider.session_name) == ("http://localhost:4566", "device", "acme")
    assert provider.scopes == ("sso:account:access", "codewhisperer:completions")
    assert provider.tags == ("corp", "eu")


def test_oidc_providers(tmp_path: Path) -> None:
    """The audience has a default, also for GitHub; a token comes from a file next to the configuration, and so on."""
    text = """\
    auth:
      providers:
        gh: {kind: github/oidc, region: us-east-1}
        lab: {kind: oidc/token, spec: {audience: aws, token: {env: GITLAB_OIDC_TOKEN}}}
        pod: {kind: oidc/token, spec: {token: {file: secrets/token}}}
        cmd: {kind: oidc/token, spec: {token: {command: "buildkite-agent oidc 'request token'"}}}
    """
    providers = loaded(tmp_path, text).providers

    assert providers["gh"].audience == "sts.amazonaws.com"
    assert (providers["lab"].audience, providers["lab"].token.env) == ("aws", "GITLAB_OIDC_TOKEN")
    assert providers["pod"].token.file == str(tmp_path / "secrets" / "token")
    assert providers["cmd"].token.command == ("buildkite-agent", "oidc", "request token")


def test_saml_sources(tmp_path: Path) -> None:
    """An assertion comes from a browser by default, or from what ``spec.assertion`` says."""
    text = """\
    auth:
      providers:
        browser: {kind: aws/saml, url: "https://idp.example/sso", region: eu-west-1, spec: {assertion: {port: 8765}}}
        file: {kind: aws/saml, region: eu-west-1, spec: {assertion: {file: ~/saml.b64}}}
        command: {kind: aws/saml, region: eu-west-1, spec: {assertion: {command: [get-saml, --idp, x y]}}}
    """
    providers = loaded(tmp_path, text).providers

    assert (providers["browser"].url, providers["browser"].saml.port) == ("https://idp.example/sso", 8765)
    assert providers["file"].saml.file == str(tmp_path / "saml.b64")
    assert providers["command"].saml.command == ("get-saml", "--idp", "x y")


def test_a_role_with_everything(tmp_path: Path) -> None:
    """Every parameter of a role arrives, names are resolved to their spelling, and the order of tags stays."""
    text = f"""\
    auth:
      identities:
        Base/Dev.1: {{kind: aws/user, alias: base}}
        deploy:
          kind: aws/assume-role
          via: {{identity: BASE}}
          default: true
          alias: [d, dep]
          tags: prod
          env:
            - {{key: TF_VAR_x, value: "1"}}
            - {{key: EMPTY}}
          spec: {{aws: {{resolver: {{url: "http://127.0.0.1:4566"}}}}}}
          principal:
            assume_role: {ROLE}
            session_name: me
            external_id: 12345
            duration: 30m
            tags: {{Team: core, "a b": 7}}
            transitive_tags: [team]
            source_identity: jane
            policy: '{{"Version": "2012-10-17"}}'
            policy_arns: [arn:aws:iam::aws:policy/ReadOnlyAccess]
            mfa_serial: arn:aws:iam::123456789012:mfa/jane
            mfa_process: ykman oath code -s aws
            region: eu-west-1
    """
    identity = loaded(tmp_path, text).identities["deploy"]
    principal = identity.principal

    assert (identity.via_identity, identity.via_provider) == ("Base/Dev.1", None)
    assert (identity.aliases, identity.tags, identity.default) == (("d", "dep"), ("prod",), True)
    assert identity.env == (("TF_VAR_x", "1"), ("EMPTY", ""))
    assert identity.endpoint_url == "http://127.0.0.1:4566"
    assert principal.external_id == "12345"
    assert principal.duration_seconds == 1800
    assert principal.session_tags == (("Team", "core"), ("a b", "7"))
    assert principal.transitive_tags == ("team",)
    assert principal.mfa_process == ("ykman", "oath", "code", "-s", "aws")
    assert principal.policy == '{"Version": "2012-10-17"}'


@pytest.mark.parametrize(
    "duration, session, expected",
    [("principal", "", 900), ("", "session", 7200), ("principal", "session", 900), ("", "", None)],
)
def test_the_duration_of_a_role(tmp_path: Path, duration: str, session: str, expected: int | None) -> None:
    """``session.duration`` of a role counts where ``principal.duration`` says nothing; Atmos ignores it."""
    text = f"""\
    auth:
      identities:
        base: {{kind: aws/ambient}}
        deploy:
          kind: aws/assume-role
          via: {{identity: base}}
          principal: {{assume_role: "{ROLE}"{", duration: 15m" if duration else ""}}}
          {"session: {duration: 7200}" if session else ""}
    """
    assert loaded(tmp_path, text).identities["deploy"].principal.duration_seconds == expected


@pytest.mark.parametrize("own, expected", [("", 7200), (", duration: 15m", 900)])
def test_the_duration_of_a_role_from_a_token(tmp_path: Path, own: str, expected: int) -> None:
    """Where a role says nothing its OIDC provider's ``session.duration`` counts."""
    text = f"""\
    auth:
      providers: {{gh: {{kind: github/oidc, session: {{duration: 2h}}}}}}
      identities:
        ci: {{kind: aws/assume-role, via: {{provider: GH}}, principal: {{assume_role: "{ROLE}"{own}}}}}
    """
    assert loaded(tmp_path, text).identities["ci"].principal.duration_seconds == expected


@pytest.mark.parametrize(
    "written, account_id, account_name",
    [
        pytest.param('{id: "012345678901"}', "012345678901", None, id="id"),
        pytest.param("{id: 012345678901}", "012345678901", None, id="id without quotes"),
        pytest.param("{id: 012345670123}", "012345670123", None, id="what YAML 1.1 takes for octal"),
        pytest.param("{id: 111122223333}", "111122223333", None, id="what YAML takes for a number"),
        pytest.param("{name: Dev Account}", None, "Dev Account", id="name"),
        pytest.param('{name: Dev, id: "111122223333"}', "111122223333", "Dev", id="both"),
        pytest.param("dev", None, "dev", id="bare name"),
        pytest.param("012345670123", "012345670123", None, id="bare id"),
        pytest.param("!env ACCOUNT", "999999999999", None, id="from a variable"),
    ],
)
def test_the_account_of_a_permission_set(
    tmp_path: Path, written: str, account_id: str | None, account_name: str | None
) -> None:
    """An account is a mapping or a bare word, and its digits stay what they are."""
    text = SSO + DEV.replace('"111122223333"', written)

    principal = loaded(tmp_path, text, environ={"ACCOUNT": "999999999999"}).identities["dev"].principal

    assert (principal.account_id, principal.account_name) == (account_id, account_name)


def test_kinds_that_stand_alone(tmp_path: Path) -> None:
    """Users, profiles, certificates, machines: each arrives with what it needs."""
    text = f"""\
    auth:
      identities:
        user:
          kind: aws/user
          credentials: {{access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: !env KEY, mfa_arn: "arn:aws:iam::123456789012:mfa/j"}}
          session: {{duration: 36h}}
        profile: {{kind: aws/profile, principal: {{profile: old one}}}}
        cert:
          kind: aws/roles-anywhere
          principal:
            assume_role: {ROLE}
            certificate: pki/cert.pem
            private_key: ~/key.pem
            trust_anchor_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a
            profile_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:profile/p
        plain: {{kind: ambient, principal: {{region: eu-west-1}}}}
        pod: {{kind: aws/pod-identity}}
        ecs: {{kind: aws/container}}
        ec2: {{kind: aws/imds}}
    """
    found = loaded(tmp_path, text, environ={"KEY": "s3cr3t"}).identities

    assert found["user"].credentials.secret_access_key == "s3cr3t"
    assert "s3cr3t" not in repr(found)
    assert found["user"].session_seconds == 129600
    assert found["profile"].principal.profile == "old one"
    assert found["cert"].principal.certificate == str(tmp_path / "pki" / "cert.pem")
    assert found["cert"].principal.private_key == str(tmp_path / "key.pem")
    assert (found["plain"].kind, found["plain"].declared_kind) == ("aws/ambient", "ambient")
    assert {found[name].kind for name in ("pod", "ecs", "ec2")} == {"aws/pod-identity", "aws/container", "aws/imds"}


def test_assume_root(tmp_path: Path) -> None:
    """A root session names the member account and the task."""
    task = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
    text = f"""\
    auth:
      identities:
        base: {{kind: aws/ambient}}
        root:
          kind: aws/assume-root
          via: {{identity: base}}
          principal: {{target_principal: 012345678901, task_policy_arn: "{task}", duration: 5m}}
    """
    principal = loaded(tmp_path, text).identities["root"].principal

    assert (principal.target_principal, principal.task_policy_arn, principal.duration_seconds) == (
        "012345678901",
        task,
        300,
    )


def test_integrations_and_guards(tmp_path: Path) -> None:
    """A cluster's entries and a guard's demands arrive, with paths that start at the home or at the file."""
    text = (
        SSO
        + DEV
        + """\
  integrations:
    one: {kind: aws/eks, via: {identity: DEV}, spec: {cluster: {name: c1, region: eu-west-1}}}
    two:
      kind: aws/eks
      via: {provider: SSO}
      spec:
        auto_provision: false
        cross_account: true
        cluster:
          name: c2
          region: eu-west-1
          alias: "{name}"
          namespace: web
          kubeconfig: {path: ~/.kube/two, mode: 0640, update: error, set_current_context: off}
    ecr: {kind: aws/ecr, via: {identity: dev}, spec: {registry: {account_id: 1, region: x}}}
  guards:
    prod: {identities: [dev*], clusters: prod-*, require_reason: true, confirm: true, require_audit: true, max_session: 1h}
"""
    )
    config = loaded(tmp_path, text)
    one, two = config.integrations["one"], config.integrations["two"]
    (guard,) = config.guards

    assert (one.via_identity, one.auto_provision, one.kubeconfig, one.mode, one.update) == (
        "dev",
        True,
        None,
        0o600,
        "merge",
    )
    assert (one.set_current_context, one.cross_account, one.cluster_alias) == (True, False, None)
    assert (two.via_provider, two.auto_provision, two.cross_account, two.namespace) == ("sso", False, True, "web")
    assert (two.kubeconfig, two.mode, two.update) == (str(tmp_path / ".kube" / "two"), 0o640, "error")
    assert (two.cluster_alias, two.set_current_context) == ("{name}", False)
    assert config.foreign_integrations == {"ecr": "aws/ecr"}
    assert (guard.identities, guard.clusters, guard.max_session_seconds) == (("dev*",), ("prod-*",), 3600)
    assert (guard.require_reason, guard.confirm, guard.require_audit) == (True, True, True)


@pytest.mark.parametrize(
    "environ, realm, expected",
    [
        pytest.param({}, None, ("file", "eksauth.yaml:1:15"), id="file"),
        pytest.param({"ATMOS_AUTH_REALM": "atmos"}, None, ("atmos", "ATMOS_AUTH_REALM"), id="variable of Atmos"),
        pytest.param(
            {"ATMOS_AUTH_REALM": "atmos", "EKSAUTH_REALM": "ours"}, None, ("ours", "EKSAUTH_REALM"), id="our variable"
        ),
        pytest.param({"EKSAUTH_REALM": ""}, None, ("file", "eksauth.yaml:1:15"), id="empty variable"),
        pytest.param({"EKSAUTH_REALM": "ours"}, "flag", ("flag", "--realm"), id="flag"),
        pytest.param({"EKSAUTH_REALM": "ours"}, "", ("", "--realm"), id="no realm on purpose"),
    ],
)
def test_the_realm(tmp_path: Path, environ: dict[str, str], realm: str | None, expected: tuple[str, str]) -> None:
    """Flag, our variable, that of Atmos, the file; an empty flag pins no realm at all."""
    path = write(tmp_path, "auth: {realm: file}")

    config = load_config({"HOME": str(tmp_path), **environ}, flag=str(path), realm=realm)

    assert (config.realm, config.realm_from.rpartition("/")[2]) == expected


@pytest.mark.parametrize("realm", ["Acme", "a--b", "-a", "a_", "a/b", "a.b", "..", "x" * 65, "a\n", "ü"])
def test_a_realm_that_cannot_be_one(tmp_path: Path, realm: str) -> None:
    """A realm becomes part of file names: capitals, dots, slashes and the like are refused, wherever it comes from."""
    with pytest.raises(ConfigError, match=r"^--realm must be"):
        load_config({"HOME": str(tmp_path)}, realm=realm, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r"^EKSAUTH_REALM must be"):
        load_config({"HOME": str(tmp_path), "EKSAUTH_REALM": realm}, cwd=tmp_path)


def test_variables_win_over_the_keyring_of_the_file(tmp_path: Path) -> None:
    """Each part of the keyring has a variable of ours, and one of Atmos, that wins over the file."""
    text = "auth: {keyring: {type: system, spec: {path: kr, password_env: A}}}"

    plain = loaded(tmp_path, text).keyring
    ours = loaded(
        tmp_path,
        text,
        environ={
            "EKSAUTH_KEYRING_TYPE": "file",
            "ATMOS_KEYRING_TYPE": "memory",
            "ATMOS_KEYRING_FILE_PATH": "/k",
            "EKSAUTH_KEYRING_PASSWORD_ENV": "B",
        },
    ).keyring

    assert plain == Keyring(kind="system", path=str(tmp_path / "kr"), password_env="A")
    assert ours == Keyring(kind="file", path="/k", password_env="B")
    with pytest.raises(ConfigError, match="EKSAUTH_KEYRING_TYPE must be auto, system, file or memory"):
        loaded(tmp_path, text, environ={"EKSAUTH_KEYRING_TYPE": "vault"})


@pytest.mark.parametrize(
    "text, isolated",
    [
        ("console: {isolated: true}", True),
        ("console: {isolated_sessions: true}", True),
        ("console: {isolated: false, isolated_sessions: true}", False),
        ("console:", False),
    ],
)
def test_both_names_of_isolated_consoles(tmp_path: Path, text: str, isolated: bool) -> None:
    """The name in Atmos's documentation and the one in its code both work; the latter wins."""
    assert loaded(tmp_path, f"auth:\n  {text}\n").console_isolated is isolated


def test_anchors_and_merged_keys(tmp_path: Path) -> None:
    """Anchors under ``x-`` keys and ``<<`` work, and a key that is written out wins."""
    text = """\
    x-role: &role
      kind: aws/assume-role
      via: {identity: base}
      principal: &principal {assume_role: "arn:aws:iam::123456789012:role/a", duration: 1h}
    auth:
      identities:
        base: {kind: aws/ambient}
        a: *role
        b:
          <<: *role
          principal: {<<: *principal, duration: 2h}
    """
    found = loaded(tmp_path, text).identities

    assert (found["a"].principal.duration_seconds, found["b"].principal.duration_seconds) == (3600, 7200)
    assert found["b"].principal.assume_role == "arn:aws:iam::123456789012:role/a"


def test_an_identity_found_by_signing_in_is_written_as_atmos_does(tmp_path: Path) -> None:
    """``provider`` next to ``principal``, as Atmos writes what it found, means ``via.provider``."""
    text = (
        SSO
        + "  identities:\n    a/b: {kind: aws/permission-set, provider: sso, principal: {name: b, account: {id: 123456789012}}}\n"
    )

    assert loaded(tmp_path, text).identities["a/b"].via_provider == "sso"
