"""Services whose tokens STS can trust: how to tell that we run in one, and how a job gets a token there.

Facts of their manuals: GitLab "OpenID Connect (OIDC) Authentication Using ID Tokens", CircleCI "Using OpenID Connect
tokens in jobs", Buildkite "buildkite-agent oidc", Bitbucket "Integrate Pipelines with resource servers using OIDC",
Kubernetes "Service Account Token Volume Projection".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownCi:
    """One service.

    :ivar marker: a variable that is set in its jobs.
    :ivar setting: what to write into the provider's ``spec``.
    :ivar variables: that hold a token there, where any do.
    """

    name: str
    marker: str
    setting: str
    get: str
    variables: tuple[str, ...] = ()


_KNOWN = (
    KnownCi(
        "GitLab CI",
        "GITLAB_CI",
        "spec.token.env: AWS_ID_TOKEN",
        "give the job 'id_tokens: {{{name}: {{aud: {audience}}}}}'",
        ("AWS_ID_TOKEN", "GITLAB_OIDC_TOKEN", "ID_TOKEN"),
    ),
    KnownCi(
        "CircleCI",
        "CIRCLECI",
        "spec.token.env: CIRCLE_OIDC_TOKEN_V2, with spec.audience set to the organization id",
        "give the job a context; for another audience use the command 'circleci run oidc get'",
        ("CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"),
    ),
    KnownCi(
        "Buildkite",
        "BUILDKITE",
        "spec.token.command: [buildkite-agent, oidc, request-token, --audience, sts.amazonaws.com]",
        "use the command 'buildkite-agent oidc request-token --audience {audience}'",
    ),
    KnownCi(
        "Bitbucket Pipelines",
        "BITBUCKET_BUILD_NUMBER",
        "spec.token.env: BITBUCKET_STEP_OIDC_TOKEN, with spec.audience set to the workspace's audience",
        "give the step 'oidc: true'",
        ("BITBUCKET_STEP_OIDC_TOKEN",),
    ),
    KnownCi(
        "Kubernetes",
        "KUBERNETES_SERVICE_HOST",
        "spec.token.file: /var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        "mount a projected service account token with audience {audience}, and name its file in spec.token.file",
    ),
)


JOB_VARIABLES = (
    "CI_JOB_ID",
    "CIRCLE_WORKFLOW_JOB_ID",
    "BUILDKITE_JOB_ID",
    "BITBUCKET_STEP_UUID",
    "GITHUB_RUN_ID",
)
"""Each is different for every job of its service."""


def known_here(environ: Mapping[str, str]) -> KnownCi | None:
    """Return the service in whose job this runs, if it is one that we know."""
    for each in _KNOWN:
        if environ.get(each.marker):
            return each
    return None


def how_to_get(variable: str, audience: str, environ: Mapping[str, str]) -> str:
    """Return what to do so that ``variable`` holds a token."""
    by_name = next((each for each in _KNOWN if variable in each.variables), None)
    known = known_here(environ) or by_name
    if known is None:
        return "it is set by the CI service; choose another identity outside of it"
    return f"in {known.name}: {known.get.format(name=variable, audience=audience)}"
