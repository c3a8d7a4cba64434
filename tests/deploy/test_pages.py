"""What the pages about deployments say can be copied: their YAML parses, their values render, their flags exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.deploy.chart import CHART, DEPLOY, Chart

from eksauth.cli.main import root

DOCS = DEPLOY.parent / "docs"
NAMES = ["run-on-kubeadm", "run-on-kops", "run-on-kind", "run-on-k3s", "replace-aws-iam-authenticator"]
PAGES = {
    **{name: (DOCS / "how-to" / f"{name}.md").read_text() for name in [*NAMES, "rotate-certificates"]},
    "deployment": (DOCS / "reference" / "deployment.md").read_text(),
}
each = pytest.mark.parametrize("page", PAGES)


def blocks(page: str, language: str) -> list[str]:
    """Return the code of one language on a page, without the indentation of the list that it stands in."""
    return [
        textwrap.dedent(block)
        for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGES[page], re.MULTILINE | re.DOTALL)
    ]


def commands(page: str, program: str) -> list[list[str]]:
    """Return the calls of a program in the shell code of a page."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        for part in re.split(r"&&|\||;", line):
            words = shlex.split(part, comments=True) if part.count("'") % 2 == 0 else []
            if words[:1] == [program]:
                found.append(words[1:])
    return found


@each
def test_yaml_parses(page: str) -> None:
    """Every block is YAML; those that are objects of Kubernetes name their version."""
    for block in blocks(page, "yaml"):
        for document in yaml.safe_load_all(block):
            assert document
            assert "kind" not in document or "apiVersion" in document


@each
def test_commands_of_ours_exist(page: str) -> None:
    """Every call of eksauth names commands and options that are there."""
    for words in commands(page, "eksauth"):
        names = [word for word in words if not word.startswith("-")]
        told = ""
        for depth in range(len(names), 0, -1):
            result = CliRunner().invoke(root, [*names[:depth], "--help"], prog_name="eksauth")
            if result.exit_code == 0:
                told = result.output
                break
        assert told, words
        for option in (word.partition("=")[0] for word in words if word.startswith("-") and word != "-"):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", told), (words, option)


@each
@pytest.mark.peer
def test_helm_renders_what_the_page_sets(chart: Chart, page: str) -> None:
    """Flags of 'helm install' and 'helm template', and values on the page, are ones that the chart knows."""
    calls = [words for words in commands(page, "helm") if words[0] in {"install", "template"}]
    values: list[dict[str, Any]] = [yaml.safe_load(block) for block in blocks(page, "yaml") if "# values.yaml" in block]
    for words in calls:
        arguments = [str(CHART) if word == "deploy/chart/eksauth" else word for word in words[1:]]
        if "--values" in arguments:
            place = arguments.index("--values")
            del arguments[place : place + 2]
            arguments += ["--set", "clusterID=demo"]
        done = subprocess.run(
            [str(chart.helm), "template", *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
    for value in values:
        chart.render(value)


def test_every_alert_is_explained() -> None:
    """The page about deployments names each alert with its severity."""
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"]
    lines = [line for line in PAGES["deployment"].splitlines() if line.startswith("| `Eksauth")]
    told = {name: line.split("|")[2].strip() for line in lines for name in re.findall(r"`(Eksauth\w+)`", line)}
    assert told == {rule["alert"]: rule["labels"]["severity"] for rule in rules}
