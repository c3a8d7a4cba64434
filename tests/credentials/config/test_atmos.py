"""An ``atmos.yaml`` works unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.credentials.config.kit import judged, loaded

from eksauth.credentials.config.select import select_identity
from eksauth.credentials.identities.kinds import identity_step, provider_step
from eksauth.errors import ConfigError

ATMOS = """\
base_path: "."
components:
  terraform:
    base_path: !repo-root components/terraform
    command: !exec which tofu
stacks:
  name_template: "{{ .vars.tenant }}-{{ .vars.stage }}"
  odd: {{ .settings.plain }}
  twice: 1
templates:
  settings: !include remote.yaml
  secret: !store prod/ssm key
commands:
  - name: hi
    steps: ["echo {{ .Arguments.who }}"]
auth:
  logs: {level: Debug, file: /dev/stderr}
  keyring: {type: system}
  console: {isolated_sessions: true}
  providers:
    company-sso:
      kind: aws/iam-identity-center
      start_url: !env SSO_START_URL https://acme.awsapps.com/start
      region: us-east-1
      auto_provision_identities: false
      session: {duration: 4h}
      spec: {files: {base_path: ~/.aws/atmos}}
    okta:
      kind: aws/saml
      url: https://acme.okta.com/app/x
      region: us-east-1
      username: jane
      password: !env SAML_PASSWORD
      driver: Browser
      provider_type: Okta
      download_browser_driver: true
      browser_type: chromium
      browser_executable_path: /usr/bin/chromium
    gh: {kind: github/oidc, region: us-east-1}
    az: {kind: azure/device-code, tenant_id: t, spec: {anything: [1, {a: b}]}}
    gcp: {kind: gcp/adc, project_id: p}
    pro: {kind: atmos/pro}
    fake: {kind: mock/aws}
    future: {kind: oracle/cloud, wallet: !exec cat x}
  identities:
    Core-Root/Admin:
      kind: aws/permission-set
      default: true
      required: true
      enabled: false
      Via: {Provider: Company-SSO}
      principal: {name: AdministratorAccess, account: {name: core-root}}
    tutorial: {kind: aws/permission-set, via: {provider: company-sso}, principal: {name: Dev, account: dev}}
    terraform:
      kind: aws/assume-role
      via: {identity: core-root/admin}
      principal: {assume_role: "arn:aws:iam::123456789012:role/tf", session_name: tf, colour: blue}
      session: {duration: 2h}
      env: [{key: TF_X, value: "{{ .x }}"}]
    superuser: {kind: aws/user, credentials: {region: us-east-1, webflow_enabled: true}, alias: root}
    sub: {kind: azure/subscription, via: {provider: az}, principal: {subscription_id: s}}
    local: {kind: aws/emulator, emulator: floci}
  integrations:
    dev-eks:
      kind: aws/eks
      via: {identity: tutorial}
      spec: {auto_provision: true, cluster: {name: dev, region: us-east-1, alias: dev, kubeconfig: {path: ~/.kube/x, mode: "0600", update: merge}}}
    images: {kind: aws/ecr, via: {identity: tutorial}, spec: {registry: {account_id: "123456789012", region: us-east-1}}}
    repos: {kind: github/sts, via: {provider: pro}, spec: {repos: [a/b]}}
    dangling: {kind: aws/eks, via: {identity: nobody}, spec: {cluster: {name: x, region: us-east-1}}}
"""


def test_a_whole_file_loads(tmp_path: Path) -> None:
    """Every construct of a real file loads: other sections, functions and templates there, foreign kinds, dead keys."""
    config = loaded(tmp_path, ATMOS, name="atmos.yaml")

    assert set(config.identities) == {"Core-Root/Admin", "tutorial", "terraform", "superuser", "sub", "local"}
    assert config.identities["Core-Root/Admin"].via_provider == "company-sso"
    assert config.identities["terraform"].via_identity == "Core-Root/Admin"
    assert config.identities["terraform"].principal.duration_seconds == 7200
    assert config.identities["tutorial"].principal.account_name == "dev"
    assert config.console_isolated
    assert config.providers["gh"].audience == "sts.amazonaws.com"
    assert set(config.integrations) == {"dev-eks"}
    assert config.foreign_integrations == {"images": "aws/ecr", "repos": "github/sts"}
    default = select_identity(config, {}, flag=None, human=None)
    assert default is not None
    assert default.name == "Core-Root/Admin"


def test_foreign_kinds_are_only_an_error_when_used(tmp_path: Path) -> None:
    """Kinds of other clouds are kept with what they said they are, and refused by whoever wants to use them."""
    config = loaded(tmp_path, ATMOS, name="atmos.yaml")

    assert {name for name, item in config.providers.items() if item.kind == "foreign"} == {
        "az",
        "gcp",
        "pro",
        "fake",
        "future",
    }
    assert config.identities["sub"].declared_kind == "azure/subscription"
    with pytest.raises(ConfigError, match="azure/subscription, which is not an AWS kind"):
        identity_step(config.identities["sub"], config)
    with pytest.raises(ConfigError, match="oracle/cloud"):
        provider_step(config.providers["future"], config)


def test_validate_says_what_atmos_would_not(tmp_path: Path) -> None:
    """``config validate`` names the unknown keys and kinds that loading passes over, and what dead keys do not do."""
    problems = judged(tmp_path, ATMOS, name="atmos.yaml")

    assert {item.code for item in problems if item.severity == "error"} == {
        "config.unknown_key",
        "config.kind",
        "config.reference",
    }
    assert not any(item.fatal for item in problems)
    enabled = next(item for item in problems if "'enabled'" in item.message)
    assert enabled.message == "identities.Core-Root/Admin: unknown key 'enabled'"
    (dangling,) = [item for item in problems if item.code == "config.reference"]
    line = ATMOS.splitlines()[dangling.place.line - 1]
    assert line[dangling.place.column - 1 :].startswith("nobody}")
    assert dangling.message == "integrations.dangling.via.identity: there is no identity 'nobody'"
    notes = {item.message.split(" is not used")[0] for item in problems if item.severity == "note"}
    assert notes >= {
        "logs.level",
        "logs.file",
        "providers.company-sso.session",
        "providers.company-sso.spec.files",
        "providers.okta.username",
        "providers.okta.driver",
        "providers.okta.provider_type",
        "providers.okta.browser_type",
        "identities.Core-Root/Admin.required",
        "identities.superuser.credentials.webflow_enabled",
    }


def test_the_same_text_is_read_strictly_elsewhere(tmp_path: Path) -> None:
    """In ``eksauth.yaml`` an unknown key is an error at once, with its place and what may have been meant."""
    text = "auth:\n  identities:\n    a:\n      kind: aws/user\n      credential: {}\n"

    assert loaded(tmp_path, text, name="atmos.yaml").identities["a"].kind == "aws/user"
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert caught.value.message == f"{tmp_path}/eksauth.yaml:5:7: identities.a: unknown key 'credential'"
    assert caught.value.hint == "did you mean credentials"


@pytest.mark.parametrize("text", ["base_path: .\n", "base_path: .\nauth:\n", "- a\n- list\n"])
def test_a_named_file_without_auth(tmp_path: Path, text: str) -> None:
    """An ``atmos.yaml`` that is named need not have an ``auth`` section; a list is no file of Atmos."""
    if text.startswith("-"):
        with pytest.raises(ConfigError, match=r"atmos\.yaml:1:1: the file must be keys and values"):
            loaded(tmp_path, text, name="atmos.yaml")
        return
    assert not loaded(tmp_path, text, name="atmos.yaml").identities
