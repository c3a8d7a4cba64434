"""``update-kubeconfig`` in the grammars of the AWS CLI and of Atmos, next to the AWS CLI itself."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeconfig.update.eks_lab import BIN, Lab, arn, role

needs_aws = pytest.mark.skipif(not (BIN / "aws").exists(), reason="needs the AWS CLI")
GRAMMARS = {
    "AWS CLI": ("eks", "update-kubeconfig"),
    "AWS CLI, options first": ("--region", "us-west-2", "eks", "update-kubeconfig"),
    "Atmos": ("aws", "eks", "update-kubeconfig"),
}


def seen_by(kubectl: Path, path: Path) -> dict[str, Any]:
    """Return what kubectl makes of the current context of a file."""
    words: list[str | Path] = [kubectl, "--kubeconfig", path, "config", "view", "--raw", "--minify", "-o", "json"]
    document = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    (cluster,), (context,), (user,) = (document[section] for section in ("clusters", "contexts", "users"))
    arguments = user["user"]["exec"]["args"]
    return {
        "server": cluster["cluster"]["server"],
        "ca": cluster["cluster"]["certificate-authority-data"],
        "proxy": cluster["cluster"].get("proxy-url"),
        "cluster": cluster["name"],
        "context": context["name"],
        "namespace": context["context"].get("namespace"),
        "signed for": arguments[arguments.index("--cluster-name") + 1],
        "region": arguments[arguments.index("--region") + 1],
        "role": arguments[-1] if arguments[-1].startswith("arn:aws:iam") else None,
    }


CASES = {
    "plain": [],
    "alias": ["--alias", "dev"],
    "user alias": ["--user-alias", "me"],
    "empty alias": ["--alias", ""],
    "role": ["--role-arn", role("EksAdmin")],
    "proxy": ["--proxy-url", "socks5://localhost:1080"],
    "asked with a role": ["--assume-role-arn", role("EksReadOnly")],
}


@needs_aws
@pytest.mark.parametrize("case", CASES)
def test_kubectl_sees_the_same_connection(lab: Lab, kubectl: Path, tmp_path: Path, case: str) -> None:
    """Same flags, same cluster: server, CA, names, signed cluster, region and role are those of the AWS CLI's file."""
    lab.cluster()
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"

    aws = lab.process("aws", "eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", str(theirs), *CASES[case])
    eksauth = lab.eksauth("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", str(ours), *CASES[case])

    assert (aws.returncode, eksauth.code) == (0, 0), aws.stderr + eksauth.err
    assert eksauth.out == aws.stdout.replace(str(theirs), str(ours))
    assert seen_by(kubectl, ours) == seen_by(kubectl, theirs)


@needs_aws
def test_twice_over_the_aws_cli(lab: Lab, kubectl: Path) -> None:
    """A file that the AWS CLI wrote and a person edited keeps the edits with us; the AWS CLI drops them."""
    lab.cluster()
    assert lab.process("aws", "eks", "update-kubeconfig", "--name", "demo").returncode == 0
    text = lab.kubeconfig.read_text()
    edited = "# work\n" + re.sub(r"(contexts:\n- context:\n)", r"\1    namespace: team\n", text)
    lab.kubeconfig.write_text(edited)

    done = lab.eksauth("eks", "update-kubeconfig", "--name", "demo")

    assert done.out == f"Updated context {arn('demo')} in {lab.kubeconfig}\n"
    assert lab.kubeconfig.read_text().startswith("# work\n")
    assert seen_by(kubectl, lab.kubeconfig)["namespace"] == "team"
    assert lab.process("aws", "eks", "update-kubeconfig", "--name", "demo").returncode == 0
    assert seen_by(kubectl, lab.kubeconfig)["namespace"] is None


@needs_aws
def test_dry_run_prints_the_whole_file(lab: Lab) -> None:
    """As with the AWS CLI the result goes to stdout and can be redirected; nothing is written."""
    lab.cluster()
    done = lab.eksauth("eks", "update-kubeconfig", "--name", "demo", "--dry-run")
    aws = lab.process("aws", "eks", "update-kubeconfig", "--name", "demo", "--dry-run")
    ours, theirs = yaml.safe_load(done.out), yaml.safe_load(aws.stdout)
    assert ours["current-context"] == theirs["current-context"]
    assert ours["clusters"][0]["cluster"].items() >= theirs["clusters"][0]["cluster"].items()
    assert not lab.kubeconfig.exists()


def test_dry_run_without_a_change_prints_the_file_as_it_is(lab: Lab) -> None:
    """When nothing would change the file itself is what is printed."""
    lab.cluster()
    lab.eksauth("eks", "update-kubeconfig", "--name", "demo")
    done = lab.eksauth("eks", "update-kubeconfig", "--name", "demo", "--dry-run")
    assert done.out == lab.kubeconfig.read_text()


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_every_grammar_works_and_says_what_scripts_look_for(lab: Lab, grammar: str) -> None:
    """Added the first time, Updated afterwards, also when nothing changed."""
    lab.cluster()
    words = (*GRAMMARS[grammar], "--name", "demo", "--alias", "dev")
    assert lab.eksauth(*words).out == f"Added new context dev to {lab.kubeconfig}\n"
    assert lab.eksauth(*words).out == f"Updated context dev in {lab.kubeconfig}\n"


def test_verbose_prints_the_entries(lab: Lab) -> None:
    """After the message come context, user and cluster, as the AWS CLI prints them."""
    lab.cluster()
    done = lab.eksauth("eks", "update-kubeconfig", "--name", "demo", "--verbose")
    head, _, entries = done.out.partition("Entries:\n\n")
    assert head.startswith("Added new context")
    kinds = [next(key for key in yaml.safe_load(part) if key != "name") for part in entries.strip().split("\n\n")]
    assert kinds == ["context", "user", "cluster"]


def test_a_tilde_is_expanded_as_the_aws_cli_does(lab: Lab) -> None:
    """--kubeconfig=~/x reaches us unexpanded by most shells."""
    lab.cluster()
    done = lab.eksauth("eks", "update-kubeconfig", "--name", "demo", "--kubeconfig=~/x/config")
    assert done.out.endswith(f" to {lab.home}/x/config\n")


def test_endpoint_url_is_where_eks_is_asked(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The AWS CLI's --endpoint-url is for EKS alone."""
    lab.cluster()
    url = lab.environ["AWS_ENDPOINT_URL"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert lab.eksauth("eks", "update-kubeconfig", "--name", "demo", "--endpoint-url", url).code == 0


ATMOS_REFUSED = {
    "component": ["vpc", "--name", "demo"],
    "stack": ["--stack", "dev", "--name", "demo"],
    "integration": ["--integration", "dev"],
    "identity": ["--identity", "dev", "--name", "demo"],
    "profile and role": ["--name", "demo", "--profile", "dev", "--role-arn", role("EksAdmin")],
    "no name": [],
}


@pytest.mark.parametrize("case", ATMOS_REFUSED)
def test_what_only_atmos_can_do_is_refused(lab: Lab, case: str) -> None:
    """Stacks, components, integrations and identities have no meaning here; saying so beats guessing."""
    done = lab.eksauth("aws", "eks", "update-kubeconfig", *ATMOS_REFUSED[case])
    assert (done.code, done.err.count("eksauth: hint: "), lab.asked()) == (2, 1, [])
