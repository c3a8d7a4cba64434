"""The ``github/oidc`` provider: a token for this very job, from GitHub Actions.

The runner tells jobs with ``permissions: id-token: write`` where to ask (``ACTIONS_ID_TOKEN_REQUEST_URL``) and with
what secret (``ACTIONS_ID_TOKEN_REQUEST_TOKEN``). Other runners that set the same variables work as well.
https://docs.github.com/en/actions/reference/security/oidc
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from eksauth.credentials.config.model import AuthConfig, Provider
from eksauth.credentials.identities.bases import ProviderStep
from eksauth.credentials.identities.contract import Context, Input, Material, WebIdentity
from eksauth.credentials.oidc.unverified_claims import check_unverified
from eksauth.credentials.plain_http import Answer, NoAnswer, is_safe_url, request
from eksauth.errors import AwsError, CredentialsError

ATTEMPTS = 5
_PAUSES = (0.5, 1.0, 2.0, 4.0)
_LONGEST_PAUSE = 20.0


@dataclass(frozen=True, slots=True)
class GithubStep(ProviderStep):
    """Asks the runner for a token with the provider's audience."""

    def facts(self) -> tuple[str, ...]:
        """Return what determines the token, besides the job, and the call that it is for."""
        return (self.provider.audience, str(self.provider.session_seconds), self.provider.endpoint_url or "")

    def inputs(self, environ: Mapping[str, str]) -> tuple[Input, ...]:
        """Name what tells one job from another: a shared runner must not give a job what another one got."""
        del environ
        return (("env", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"), ("env", "ACTIONS_ID_TOKEN"))

    def obtain(self, source: Material | None, context: Context) -> WebIdentity:
        """Get a token.

        :raises CredentialsError: outside of GitHub Actions, and in jobs that may not have one.
        :raises AwsUnreachable: when the runner's service does not answer.
        """
        del source
        return WebIdentity(github_token(context, self.provider.audience, f"provider '{self.name}'"))


def provider_step(provider: Provider, config: AuthConfig) -> GithubStep:
    """Return the step of a ``github/oidc`` provider."""
    del config
    return GithubStep(provider)


def github_token(context: Context, audience: str, what: str) -> str:
    """Return a token of this job for ``audience``, checked as far as that goes without the issuer's keys.

    :raises CredentialsError: as :meth:`GithubStep.obtain` does.
    """
    environ = context.environ
    ready = environ.get("ACTIONS_ID_TOKEN", "").strip()
    if ready:
        check_unverified(ready, what=f"{what} (ACTIONS_ID_TOKEN)", audience=audience, now=context.clock())
        return ready
    url, secret = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", ""), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not url or not secret:
        raise _not_offered(environ, what)
    if not is_safe_url(url):
        raise CredentialsError(
            f"{what}: ACTIONS_ID_TOKEN_REQUEST_URL is not an https address",
            hint="the runner sets it; do not set it by hand",
            code="oidc.github_url",
        )
    if not secret.isascii() or not secret.isprintable():
        raise CredentialsError(
            f"{what}: ACTIONS_ID_TOKEN_REQUEST_TOKEN has line ends or other letters that no token has",
            hint="the runner sets it; do not set it by hand",
            code="oidc.github_url",
        )
    answer = _ask(_with_audience(url, audience), secret, context, what)
    token = _value(answer, what)
    check_unverified(token, what=what, audience=audience, now=context.clock())
    return token


def _not_offered(environ: Mapping[str, str], what: str) -> CredentialsError:
    if environ.get("GITHUB_ACTIONS") == "true":
        return CredentialsError(
            f"{what}: this job may not have an OIDC token",
            hint="add 'permissions: {id-token: write, contents: read}' to the job or the workflow; "
            "pull requests from forks never get one",
            code="oidc.github_permission",
        )
    return CredentialsError(
        f"{what} gives tokens to jobs of GitHub Actions only, and this is none",
        hint="choose another identity here, for example with --identity",
        code="oidc.not_github",
    )


def _with_audience(url: str, audience: str) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "audience"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("audience", audience)]), fragment=""))


def _ask(url: str, secret: str, context: Context, what: str) -> Answer:
    headers = {"Authorization": f"bearer {secret}", "Accept": "application/json; api-version=2.0"}
    failure: NoAnswer | None = None
    answer: Answer | None = None
    for turn in range(ATTEMPTS):
        if turn:
            context.sleep(_pause(turn, answer))
        try:
            answer = request("GET", url, headers=headers, environ=context.environ, doing=f"getting a token for {what}")
        except NoAnswer as error:
            answer, failure = None, error
            continue
        if answer.status < 500 and answer.status not in {408, 429}:
            return answer
    if answer is None and failure is not None:
        raise failure
    status = answer.status if answer is not None else 0
    raise AwsError(
        f"the token service of GitHub Actions still answers {status} for {what} after {ATTEMPTS} tries",
        hint="try again in some minutes; www.githubstatus.com tells more",
        code="oidc.github_busy",
    )


def _pause(turn: int, answer: Answer | None) -> float:
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    if asked.isascii() and asked.isdigit() and len(asked) < 6:
        return min(float(asked), _LONGEST_PAUSE)
    # apart from each other, when a matrix of jobs was refused at the same moment
    return _PAUSES[turn - 1] * random.uniform(0.75, 1.25)  # noqa: S311  no secret depends on it


def _value(answer: Answer, what: str) -> str:
    if answer.status in {401, 403}:
        raise CredentialsError(
            f"{what}: the token service of GitHub Actions refused this job ({answer.status})",
            hint="its secret ends with the job, and needs 'permissions: id-token: write'",
            code="oidc.github_refused",
        )
    if answer.status != 200:
        raise AwsError(
            f"{what}: the token service of GitHub Actions answered {answer.status}",
            hint="is ACTIONS_ID_TOKEN_REQUEST_URL what the runner set?",
            code="oidc.github_answer",
        )
    try:
        value = json.loads(answer.body)["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        value = None
    if not isinstance(value, str) or not value:
        raise AwsError(
            f"{what}: what answered is not the token service of GitHub Actions",
            hint="check ACTIONS_ID_TOKEN_REQUEST_URL and the proxy variables",
            code="oidc.github_answer",
        )
    return value
