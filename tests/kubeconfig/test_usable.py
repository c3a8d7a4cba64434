"""Entries that load and cannot work: what is said about them, against what kubectl says when they are used."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kubeconfig.caseload import Laid, all_cases

from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.resolve import Merged, load_merged
from eksauth.kubeconfig.usable import check_cluster, check_context, check_user

CASES = {case.name: case for case in all_cases()}
# what kubectl finds only after it has loaded certificates or sent requests; lint looks into certificates
LATER = {"--cluster=badca", "--user=badcert"}
# kubectl goes on to localhost:8080 without a word
SILENT = {"--cluster=noserver"}


def _load(name: str, tmp_path: Path) -> tuple[Laid, Merged]:
    laid = CASES[name].lay_out(tmp_path / "case")
    return laid, load_merged(kubeconfig_files(laid.steps[0].env))


def _plain(text: str) -> str:
    return text.lower().replace(".", "").replace(" will override", "")


@pytest.mark.parametrize("index", range(len(CASES["103-validation-errors"].commands())))
def test_contradictions_are_found_as_kubectl_finds_them(index: int, tmp_path: Path) -> None:
    """Each broken entry of the recorded case is told about, with words that kubectl's message also has."""
    laid, merged = _load("103-validation-errors", tmp_path)
    step = laid.steps[index]
    what, _, name = step.run[-1].partition("=")
    if what == "--cluster":
        findings = check_cluster(merged.clusters[name], laid.directory)
    else:
        findings = check_user(merged.users[name], laid.directory)
    if step.run[-1] in LATER:
        assert findings == []
        return
    theirs = [
        line.removeprefix("* ").removeprefix("error: ") for line in step.stderr.splitlines() if line[:5] != "Error"
    ]
    if step.run[-1] in SILENT:
        assert [finding.fatal for finding in findings] == [False]
        return
    assert findings
    assert all(finding.fatal and finding.hint for finding in findings)
    if name not in {"gcp", "azure"}:
        assert len(findings) == len(theirs)
    for finding, line in zip(findings, theirs, strict=False):
        ours = set(_plain(finding.message).replace(":", "").replace(";", "").split())
        common = ours & set(_plain(line).replace(":", "").replace(";", "").split())
        assert len(common) >= 0.5 * len(ours), (finding.message, line)


def test_sound_entries_have_no_findings(tmp_path: Path) -> None:
    """Nothing is said about entries that work."""
    laid, merged = _load("103-validation-errors", tmp_path)
    assert check_cluster(merged.clusters["good"], laid.directory) == []
    assert check_user(merged.users["good"], laid.directory) == []


@pytest.mark.parametrize(
    "name,codes",
    [
        ("ok", []),
        ("nocluster", ["kubeconfig.dangling"]),
        ("nouser", ["kubeconfig.dangling"]),
        ("empty", ["kubeconfig.dangling", "kubeconfig.dangling"]),
    ],
)
def test_dangling_references_are_told_where_kubectl_goes_on(name: str, codes: list[str], tmp_path: Path) -> None:
    """A context without its cluster or user is told about, where kubectl connects to localhost or asks for a name."""
    laid, merged = _load("101-dangling-references", tmp_path)
    findings = check_context(merged, merged.contexts[name], laid.directory)
    assert [finding.code for finding in findings] == codes
    assert all(str(laid.directory) in str(finding.place) for finding in findings)


def test_a_tilde_in_a_path_is_a_name(tmp_path: Path) -> None:
    """The certificate is looked for in a directory called ~ beside the file, as kubectl does it."""
    laid, merged = _load("055-tilde-in-paths", tmp_path)
    finding = check_context(merged, merged.context(), laid.directory)[0]
    assert f"unable to read certificate-authority {laid.directory}/~/ca.crt for c" in finding.message
    assert f"unable to read certificate-authority {laid.directory}/~/ca.crt for c" in laid.steps[0].stderr
