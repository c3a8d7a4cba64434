"""The Dockerfile: what can be said about it without building it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from tests.deploy.chart import DEPLOY

ROOT = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Return every instruction of the last stage, with what follows it."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in lines]
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A number and not a name, so that runAsNonRoot can be checked; no shell in the command; Kubernetes probes."""
    said = {word: rest for word, rest in instructions() if word not in {"LABEL", "ARG", "COPY"}}
    assert said["USER"] == "${UID}:${UID}"
    assert ("ARG", "UID=65532") in instructions()
    assert said["HEALTHCHECK"] == "NONE"
    assert said["ENTRYPOINT"] == '["/opt/eksauth/bin/eksauth"]'
    assert said["CMD"] == '["server", "run"]'
    assert "RUN" not in said
    assert not {"ADD", "VOLUME"} & set(said)


def test_everything_that_is_copied_is_in_the_context() -> None:
    """What the build copies exists, and .dockerignore lets it through and nothing else."""
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert names
    assert all((ROOT / name).exists() for name in names)
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == names


def test_stages_have_the_same_release() -> None:
    """The virtual environment points to the interpreter of the build stage: both must be the same Debian's."""
    images = dict(re.findall(r"^ARG (BUILD_IMAGE|RUN_IMAGE)=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE))
    build, run = re.search(r"debian:(\d+)", images["BUILD_IMAGE"]), re.search(r"debian(\d+)", images["RUN_IMAGE"])
    assert build is not None
    assert run is not None
    assert build[1] == run[1]


@pytest.mark.peer
def test_hadolint_finds_nothing() -> None:
    """The linter for Dockerfiles has no complaint."""
    hadolint = os.environ.get("TEST_ASSET_HADOLINT") or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("no hadolint here; TEST_ASSET_HADOLINT can name one")
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
