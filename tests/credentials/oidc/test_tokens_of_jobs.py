"""``eksauth token`` in CI jobs: what one job got from the cache, another one on the same machine does not get."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.credentials.federation_kit import Room, room_in
from tests.sandbox.aws.serving import ServedAws, serve_aws


@pytest.fixture(name="aws", scope="module")
def aws_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAws]:
    """Run one endpoint for this module."""
    with serve_aws(tmp_path_factory.mktemp("aws") / "ca.pem") as served:
        yield served


@pytest.fixture(name="room")
def room_(aws: ServedAws, home: Path) -> Iterator[Room]:
    """Return a room on that endpoint."""
    with room_in(aws, home) as room:
        yield room


def _token(room: Room, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [
        "token",
        "--cluster-name",
        "demo",
        "--region",
        "us-west-2",
        "--identity",
        "deploy",
        "--config",
        str(room.path),
    ]
    return subprocess.run(
        [sys.executable, "-m", "eksauth", *command],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def _exchanges(room: Room) -> int:
    return room.aws.endpoint.cloud.log.count("sts:AssumeRoleWithWebIdentity")


def test_a_job_uses_its_cache_and_no_other_ones(room: Room) -> None:
    """The second token of a job needs no network; a job that may not have the role does not get it from the first."""
    room.write(("deploy", room.seeded.ci.github_role_arn), provider="{kind: github/oidc}")
    job = room.aws.control("GET", "ci")["environment"]
    first = _token(room, **job)
    assert first.returncode == 0, first.stderr
    before = _exchanges(room)

    assert _token(room, **job).returncode == 0
    assert _exchanges(room) == before
    outsider = _token(room, **{**job, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "another job's"})
    assert outsider.returncode == 4
    assert outsider.stdout == ""
    assert "refused this job (401)" in outsider.stderr
    assert "another job's" not in outsider.stderr
    laptop = _token(room)
    assert laptop.returncode == 4
    assert "gives tokens to jobs of GitHub Actions only" in laptop.stderr


def test_another_token_in_the_variable(room: Room) -> None:
    """A job whose token the role does not trust is refused, whatever is cached for the job before."""
    provider = "{kind: oidc/token, spec: {token: {env: MY_TOKEN}}}"
    room.write(("deploy", room.seeded.ci.gitlab_role_arn), provider=provider)
    asked = {"platform": "gitlab", "audience": "sts.amazonaws.com"}
    good = room.aws.control("POST", "ci/tokens", asked)["token"]
    other = room.aws.control("POST", "ci/tokens", {**asked, "claims": {"sub": "project_path:evil/fork"}})["token"]
    assert _token(room, MY_TOKEN=good).returncode == 0

    refused = _token(room, MY_TOKEN=other)

    assert refused.returncode == 5
    assert "sub project_path:evil/fork" in refused.stderr
    assert other.split(".")[1] not in refused.stderr
    assert _token(room, MY_TOKEN=good).returncode == 0
