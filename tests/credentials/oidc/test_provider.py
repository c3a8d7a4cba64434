"""Tokens that something else keeps: in a file, in a variable, or printed by a command."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.credentials.oidc.tokens import NOW, jwt
from tests.credentials.people import Typist

from eksauth.credentials.config.model import AuthConfig, Place, Provider, TokenSource
from eksauth.credentials.identities.contract import Context, NeedsHuman
from eksauth.credentials.oidc.provider import provider_step
from eksauth.errors import EksauthError

PLACE = Place("eksauth.yaml", 4, 7)


def _provider(token: TokenSource, audience: str = "sts.amazonaws.com") -> Provider:
    return Provider(
        name="ci", kind="oidc/token", declared_kind="oidc/token", place=PLACE, token=token, audience=audience
    )


def _context(config: AuthConfig | None = None, human: Typist | None = None, **environ: str) -> Context:
    return Context(
        config=config or AuthConfig(),
        environ={"PATH": os.environ["PATH"], **environ},
        region="eu-west-1",
        human=human,
        clock=lambda: NOW,
    )


def _token(provider: Provider, context: Context) -> str:
    return provider_step(provider, AuthConfig()).obtain(None, context).unverified_token


def _command(script: str) -> TokenSource:
    return TokenSource(command=(sys.executable, "-c", script))


def test_three_sources(tmp_path: Path) -> None:
    """A file, a variable and a command give the token; a line end after it does not matter."""
    (tmp_path / "real").write_text(f"{jwt()}\n")
    (tmp_path / "token").symlink_to("real")

    assert _token(_provider(TokenSource(file=str(tmp_path / "token"))), _context()) == jwt()
    assert _token(_provider(TokenSource(env="MY_TOKEN")), _context(MY_TOKEN=f" {jwt()} ")) == jwt()
    assert _token(_provider(_command(f"print({jwt()!r})")), _context()) == jwt()


def test_another_audience_can_be_meant() -> None:
    """The audience to expect is the configuration's."""
    provider = _provider(TokenSource(env="T"), audience="ari:cloud:bitbucket::workspace/1")

    assert _token(provider, _context(T=jwt(aud="ari:cloud:bitbucket::workspace/1")))
    with pytest.raises(EksauthError, match="not ari:cloud"):
        _token(provider, _context(T=jwt()))


@pytest.mark.parametrize(
    "make, code",
    [
        pytest.param(lambda path: None, "file.missing", id="missing"),
        pytest.param(lambda path: path.mkdir(), "file.unreadable", id="a directory"),
        pytest.param(os.mkfifo, "file.unreadable", id="a pipe that nobody writes to"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "file.unreadable", id="a device"),
        pytest.param(lambda path: path.write_text("x" * 30000), "file.too_large", id="too large"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "oidc.not_a_jwt", id="not ASCII"),
        pytest.param(lambda path: path.write_text(""), "oidc.not_a_jwt", id="empty"),
        pytest.param(lambda path: path.write_text(jwt(exp=NOW - 600)), "oidc.expired", id="not renewed"),
    ],
)
def test_files_that_do_not_work(tmp_path: Path, make: object, code: str) -> None:
    """Each fault of the file has its own error, and nothing waits."""
    make(tmp_path / "token")  # type: ignore[operator]

    with pytest.raises(EksauthError) as caught:
        _token(_provider(TokenSource(file=str(tmp_path / "token"))), _context())
    assert caught.value.code == code


@pytest.mark.parametrize(
    "variable, environ, says",
    [
        pytest.param("AWS_ID_TOKEN", {"GITLAB_CI": "true"}, "id_tokens: {AWS_ID_TOKEN: {aud: sts", id="GitLab"),
        pytest.param("CIRCLE_OIDC_TOKEN_V2", {}, "circleci run oidc get", id="CircleCI by its variable"),
        pytest.param("ANY", {"BUILDKITE": "true"}, "oidc request-token --audience sts", id="Buildkite"),
        pytest.param("BITBUCKET_STEP_OIDC_TOKEN", {}, "oidc: true", id="Bitbucket"),
        pytest.param("ANY", {}, "choose another identity", id="a laptop"),
    ],
)
def test_a_variable_that_is_not_set(variable: str, environ: dict[str, str], says: str) -> None:
    """The hint is what the CI service needs to hand the token out."""
    with pytest.raises(EksauthError) as caught:
        _token(_provider(TokenSource(env=variable)), _context(None, None, **environ))
    assert caught.value.code == "oidc.no_token"
    assert says in str(caught.value.hint)


@pytest.mark.parametrize(
    "script, code",
    [
        pytest.param("import sys; sys.exit('no agent: hunter2'[:8])", "command.failed", id="fails"),
        pytest.param("pass", "command.output", id="prints nothing"),
        pytest.param("while True: print('x' * 100000)", "command.output", id="prints for ever"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "command.failed", id="is killed"),
        pytest.param("print('hunter2')", "oidc.not_a_jwt", id="prints something else"),
    ],
)
def test_commands_that_do_not_work(script: str, code: str) -> None:
    """Each fault of the command has its own error, and what it printed is not repeated."""
    with pytest.raises(EksauthError) as caught:
        _token(_provider(_command(script)), _context())
    assert caught.value.code == code
    assert "hunter2" not in str(caught.value)
    if code == "command.failed" and "agent" in script:
        assert "no agent" in str(caught.value)


def test_a_command_that_is_not_there() -> None:
    """A missing program is named."""
    with pytest.raises(EksauthError, match="no such file"):
        _token(_provider(TokenSource(command=("/no/such/program",))), _context())


def test_a_found_configuration_runs_nothing(tmp_path: Path) -> None:
    """A configuration that was only come across does not run its command, until a person signs in with it."""
    ran = tmp_path / "ran"
    provider = _provider(_command(f"open({str(ran)!r}, 'w'); print({jwt()!r})"))
    found = AuthConfig(path="/repo/eksauth.yaml", searched=True)

    with pytest.raises(NeedsHuman):
        _token(provider, _context(found))
    assert not ran.exists()
    assert _token(provider, _context(found, Typist())) == jwt()


@pytest.mark.parametrize(
    "environ, says",
    [
        ({"GITLAB_CI": "1"}, "GitLab CI: spec.token.env"),
        ({"BUILDKITE": "1"}, "buildkite-agent"),
        ({}, "spec.token.file, spec.token.env"),
    ],
)
def test_no_source(environ: dict[str, str], says: str) -> None:
    """A provider that does not say where its token is gets a hint for the service that it runs in."""
    with pytest.raises(EksauthError, match=r"eksauth\.yaml:4:7") as caught:
        _token(_provider(TokenSource()), _context(None, None, **environ))
    assert says in str(caught.value.hint)


def test_what_cached_credentials_depend_on() -> None:
    """Another audience or source is another entry, and so is another job on the same machine."""
    by_env = provider_step(_provider(TokenSource(env="T")), AuthConfig())
    by_command = provider_step(_provider(TokenSource(command=("agent",))), AuthConfig())

    assert by_env.inputs({}) == (("env", "T"),)
    assert ("env", "BUILDKITE_JOB_ID") in by_command.inputs({})
    assert by_env.facts() != by_command.facts()
    assert by_env.facts() != provider_step(replace(by_env.provider, audience="x"), AuthConfig()).facts()
