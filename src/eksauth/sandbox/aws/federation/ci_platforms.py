"""The CI systems that the sandbox's issuer speaks for, and the claims that their tokens have; pure.

Each has the issuer URL of the real one, so that trust policies look as they do in real accounts. The sandbox's STS asks
the sandbox when it wants an issuer's keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OWNER = "acme"
REPOSITORY = "acme/shop"
BRANCH = "main"
CIRCLECI_ORGANIZATION = "5f1a6e2c-8d5c-4a3a-9f6e-0a4c1d2b3e4f"
CIRCLECI_PROJECT = "0b8a7c66-1c7d-4d0e-8b2f-7e6d5c4b3a21"
BITBUCKET_REPOSITORY = "{3f2a1b0c-4d5e-4f60-8a7b-9c8d7e6f5a4b}"


@dataclass(frozen=True)
class Platform:
    """One CI system.

    :param issuer: its URL; empty for the sandbox's own name.
    :param audience: whom a token is for unless told otherwise.
    :param seconds: how long a token lives.
    """

    name: str
    issuer: str
    audience: str
    seconds: int
    claims: dict[str, Any]


PLATFORMS = {
    one.name: one
    for one in (
        Platform(
            "github",
            "https://token.actions.githubusercontent.com",
            f"https://github.com/{OWNER}",
            300,
            {
                "sub": f"repo:{REPOSITORY}:ref:refs/heads/{BRANCH}",
                "actor": "octo",
                "actor_id": "12",
                "base_ref": "",
                "event_name": "push",
                "head_ref": "",
                "job_workflow_ref": f"{REPOSITORY}/.github/workflows/deploy.yaml@refs/heads/{BRANCH}",
                "ref": f"refs/heads/{BRANCH}",
                "ref_type": "branch",
                "repository": REPOSITORY,
                "repository_id": "74",
                "repository_owner": OWNER,
                "repository_owner_id": "65",
                "repository_visibility": "private",
                "run_attempt": "1",
                "run_id": "1000001",
                "run_number": "10",
                "runner_environment": "github-hosted",
                "sha": "c0ffee" + "0" * 34,
                "workflow": "deploy",
                "workflow_ref": f"{REPOSITORY}/.github/workflows/deploy.yaml@refs/heads/{BRANCH}",
            },
        ),
        Platform(
            "gitlab",
            "https://gitlab.com",
            "https://gitlab.com",
            3600,
            {
                "sub": f"project_path:{REPOSITORY}:ref_type:branch:ref:{BRANCH}",
                "namespace_id": "72",
                "namespace_path": OWNER,
                "project_id": "20",
                "project_path": REPOSITORY,
                "user_id": "1",
                "user_login": "octo",
                "user_email": "octo@example.com",
                "pipeline_id": "574",
                "pipeline_source": "push",
                "job_id": "302",
                "ref": BRANCH,
                "ref_type": "branch",
                "ref_protected": "true",
                "runner_environment": "gitlab-hosted",
            },
        ),
        Platform(
            "circleci",
            f"https://oidc.circleci.com/org/{CIRCLECI_ORGANIZATION}",
            CIRCLECI_ORGANIZATION,
            3600,
            {
                "sub": f"org/{CIRCLECI_ORGANIZATION}/project/{CIRCLECI_PROJECT}/user/9d8c7b6a",
                "oidc.circleci.com/project-id": CIRCLECI_PROJECT,
                "oidc.circleci.com/context-ids": [],
                "oidc.circleci.com/ssh-rerun": False,
                "oidc.circleci.com/vcs-ref": f"refs/heads/{BRANCH}",
                "oidc.circleci.com/vcs-origin": f"github.com/{REPOSITORY}",
            },
        ),
        Platform(
            "buildkite",
            "https://agent.buildkite.com",
            f"https://buildkite.com/{OWNER}",
            300,
            {
                "sub": f"organization:{OWNER}:pipeline:shop:ref:refs/heads/{BRANCH}:commit:c0ffee:step:deploy",
                "organization_slug": OWNER,
                "pipeline_slug": "shop",
                "build_number": 1,
                "build_branch": BRANCH,
                "build_commit": "c0ffee",
                "step_key": "deploy",
                "job_id": "0184990a-477b-4fa8-9968-496074483cee",
                "agent_id": "0184990a-4782-42b5-afc1-16715b10b8ff",
            },
        ),
        Platform(
            "bitbucket",
            f"https://api.bitbucket.org/2.0/workspaces/{OWNER}/pipelines-config/identity/oidc",
            f"ari:cloud:bitbucket::workspace/{OWNER}",
            3600,
            {
                "sub": f"{BITBUCKET_REPOSITORY}:{{e1d2c3b4-a596-4877-9685-74635241f0e1}}",
                "repositoryUuid": BITBUCKET_REPOSITORY,
                "branchName": BRANCH,
                "pipelineUuid": "{1f2e3d4c-5b6a-4798-8978-6a5b4c3d2e1f}",
                "stepUuid": "{e1d2c3b4-a596-4877-9685-74635241f0e1}",
                "workspaceUuid": "{a1b2c3d4-e5f6-4711-8899-aabbccddeeff}",
            },
        ),
        Platform("generic", "", "sts.amazonaws.com", 3600, {"sub": "job:example"}),
    )
}
"""By name."""
