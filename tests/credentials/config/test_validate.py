"""What ``config validate`` doubts although it loads."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.credentials.config.kit import DEV, ROLE, SSO, judged, lines, loaded, write

from eksauth.credentials.config.validate import validate

TWO = SSO + DEV + "    prod: {kind: aws/user, alias: p}\n"


@pytest.mark.parametrize(
    "text, expected, message",
    [
        pytest.param(
            TWO.replace("alias: p", "default: true").replace("dev: {", "dev: {default: true, "),
            "6:5 error config.default",
            "identities.prod is a default, and dev is one already",
            id="two defaults",
        ),
        pytest.param(
            TWO.replace("alias: p", "alias: DEV"), "6:5 error config.alias", "alias 'DEV' already means dev", id="alias"
        ),
        pytest.param(
            TWO + "  guards: {g: {identities: [prd*], confirm: true}}\n",
            "7:12 warning config.guard",
            "no identity is called like 'prd*'",
            id="guard of nobody",
        ),
        pytest.param(
            TWO
            + """\
  integrations: {c: {kind: aws/eks, via: {identity: dev}, spec: {cluster: {name: web, region: eu-west-1}}}}
  guards: {g: {clusters: ['arn:aws:eks:*:*:cluster/app-*'], confirm: true}}
""",
            "8:12 warning config.guard",
            "no integration's cluster is called like",
            id="guard of no cluster",
        ),
        pytest.param(
            TWO + "  guards: {g: {identities: [dev]}}\n",
            "7:15 warning config.combination",
            "guards.g demands nothing",
            id="guard without a demand",
        ),
        pytest.param(
            TWO
            + """\
  integrations:
    a: {kind: aws/eks, via: {identity: dev}, spec: {cluster: {name: web, region: eu-west-1, alias: x}}}
    b: {kind: aws/eks, via: {identity: dev}, spec: {cluster: {name: app, region: eu-west-1, alias: x}}}
""",
            "9:5 error config.context",
            "integrations.b writes the context 'x', as a does",
            id="one context for two",
        ),
        pytest.param(
            TWO.replace("https://acme", "http://acme"), "3:5 warning config.cleartext", "is not encrypted", id="http"
        ),
        pytest.param(
            f"auth: {{identities: {{b: {{kind: aws/ambient}}, a: {{kind: aws/assume-role, via: {{identity: b}}, principal: {{assume_role: {ROLE}, region: cn-north-1}}}}}}}}",
            "1:45 error config.partition",
            "the role is of aws, and cn-north-1 of aws-cn",
            id="two partitions",
        ),
        pytest.param(
            TWO.replace("eu-west-1", "eu-wset-1x"), "3:95 warning config.region", "does not know", id="unknown region"
        ),
        pytest.param(
            TWO.replace("alias: p", "session: {duration: 40h}"), "6:48 error config.range", "15m to 36h", id="too long"
        ),
        pytest.param(
            "auth: {providers: {s: {kind: aws/saml, url: 'https://i/', region: eu-west-1, session: {duration: 13h}}}}",
            "1:98 warning config.range",
            "is brought into the range",
            id="clamped",
        ),
        pytest.param(
            "auth: {identities: {u: {kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: x}}}}",
            "1:111 warning config.secret",
            "identities.u.credentials.secret_access_key is written out",
            id="secret in the file",
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/user, env: {A: !env NOT_SET}}}}",
            "1:50 warning config.variable",
            "the variable NOT_SET is not set",
            id="variable",
        ),
        pytest.param("auth: {}", "1:1 warning config.empty", "nothing to sign in to", id="nothing"),
        pytest.param(
            f"""\
auth:
  identities:
    a:
      kind: aws/roles-anywhere
      principal:
        assume_role: {ROLE}
        certificate: eksauth.yaml
        private_key: gone.pem
        trust_anchor_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a
        profile_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:profile/p
""",
            "3:5 warning config.file",
            "there is no such file",
            id="key that is not there",
        ),
        pytest.param(
            f"auth: {{identities: {{b: {{kind: aws/ambient}}, a: {{kind: aws/assume-role, via: {{identity: b}}, principal: {{assume_role: {ROLE}, mfa_process: x}}}}}}}}",
            "1:169 warning config.combination",
            "does nothing without mfa_serial",
            id="code without a device",
        ),
    ],
)
def test_a_doubt(tmp_path: Path, text: str, expected: str, message: str) -> None:
    """What loads and yet cannot be meant, or is unsafe, is said at its place."""
    problems = judged(tmp_path, text)

    assert lines(problems) == [expected]
    assert message in problems[0].message
    assert not problems[0].fatal
    loaded(tmp_path, text)


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    """Nothing is said about a file with nothing wrong in it."""
    assert judged(tmp_path, TWO) == []


def test_a_key_file_that_others_can_read(tmp_path: Path) -> None:
    """A private key that others can read is said, with the command that mends it."""
    text = f"""\
auth:
  identities:
    a:
      kind: aws/roles-anywhere
      principal:
        assume_role: {ROLE}
        certificate: c.pem
        private_key: k.pem
        trust_anchor_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a
        profile_arn: arn:aws:rolesanywhere:eu-west-1:123456789012:profile/p
"""
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o644)

    (problem,) = judged(tmp_path, text)

    assert problem.code == "config.mode"
    assert problem.hint == f"run: chmod 600 {tmp_path}/k.pem"


def test_secrets_in_a_file_that_others_can_read(tmp_path: Path) -> None:
    """A secret is worse in a file that everybody reads; one that comes from a variable is fine."""
    keys = "auth: {identities: {u: {kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: SECRET}}}}"
    path = write(tmp_path, keys.replace("SECRET", "hunter2"))
    path.chmod(0o644)

    (problem,) = validate(str(path), {})

    assert problem.message.endswith("is written out, and others can read the file")
    assert "hunter2" not in str(problem)
    assert judged(tmp_path, keys.replace("SECRET", "!env S"), environ={"S": "hunter2"}) == []


def test_guards_may_wait_for_identities_that_signing_in_finds(tmp_path: Path) -> None:
    """Where signing in adds identities a pattern may well match nothing yet."""
    text = SSO.replace("region:", "auto_provision_identities: true, region:") + (
        "  guards: {g: {identities: ['Prod/*'], confirm: true}}\n"
    )
    assert judged(tmp_path, text) == []
