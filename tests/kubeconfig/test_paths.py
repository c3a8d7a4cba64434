"""Which files are read and written, and where relative paths start."""

from __future__ import annotations

from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.kubeconfig.in_cluster import in_cluster
from eksauth.kubeconfig.paths import (
    Files,
    Origin,
    absolute,
    absolute_command,
    default_target,
    directory_of,
    kubeconfig_files,
)


@pytest.mark.parametrize(
    "environ,flag,expected",
    [
        pytest.param({"HOME": "/h"}, None, (["/h/.kube/config"], Origin.DEFAULT), id="default"),
        pytest.param({"HOME": "/h", "KUBECONFIG": ""}, "", (["/h/.kube/config"], Origin.DEFAULT), id="empty-is-unset"),
        pytest.param({}, None, ([".kube/config"], Origin.DEFAULT), id="no-home"),
        pytest.param({"KUBECONFIG": "a:/b:a"}, None, (["a", "/b"], Origin.VARIABLE), id="repeated"),
        pytest.param({"KUBECONFIG": ":a::b:"}, None, (["a", "b"], Origin.VARIABLE), id="blank-members"),
        pytest.param({"KUBECONFIG": ":"}, None, ([], Origin.VARIABLE), id="only-blank"),
        pytest.param({"KUBECONFIG": "~/c", "HOME": "/h"}, None, (["~/c"], Origin.VARIABLE), id="no-tilde"),
        pytest.param({"KUBECONFIG": "a: b"}, None, (["a", " b"], Origin.VARIABLE), id="blanks-belong-to-the-name"),
        pytest.param({"KUBECONFIG": "a:b"}, "x:y", (["x:y"], Origin.FLAG), id="flag-is-one-file"),
    ],
)
def test_files_are_those_that_kubectl_reads(
    environ: dict[str, str], flag: str | None, expected: tuple[list[str], Origin]
) -> None:
    """The flag, then KUBECONFIG, then the home directory; nothing is expanded."""
    files = kubeconfig_files(environ, kubeconfig=flag, separator=":")
    assert ([str(path) for path in files.paths], files.origin) == expected


@pytest.mark.parametrize(
    "paths,existing,target",
    [(["a", "b", "c"], {"b", "c"}, "b"), (["a", "b"], set(), "b"), (["a"], set(), "a"), (["a", "b"], {"a", "b"}, "a")],
)
def test_new_things_go_to_the_first_existing_file_else_the_last(
    paths: list[str], existing: set[str], target: str
) -> None:
    """Kubectl's choice for entries that no file has yet."""
    files = Files(tuple(map(Path, paths)), Origin.VARIABLE)
    assert default_target(files, lambda path: str(path) in existing) == Path(target)


def test_a_list_of_nothing_has_no_target() -> None:
    """With separators only in KUBECONFIG there is nothing to write to, and the error says what to do."""
    with pytest.raises(ConfigError, match="names no file") as caught:
        default_target(Files((), Origin.VARIABLE))
    assert "unset" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "written,expected",
    [
        ("", ""),
        ("/x/y", "/x/y"),
        ("pki/ca", "/k/d/pki/ca"),
        ("./ca", "/k/d/ca"),
        ("../ca", "/k/ca"),
        ("~/ca", "/k/d/~/ca"),
    ],
)
def test_relative_paths_start_at_the_file_that_holds_them(written: str, expected: str) -> None:
    """Certificates, keys and token files are found beside the kubeconfig, not in the working directory."""
    directory = directory_of(Path("d/config"), Path("/k"))
    assert directory == Path("/k/d")
    assert absolute(written, directory) == expected


@pytest.mark.parametrize(
    "command,expected", [("aws", "aws"), ("./aws", "/k/aws"), ("bin/aws", "/k/bin/aws"), ("/aws", "/aws")]
)
def test_only_commands_with_a_slash_are_paths(command: str, expected: str) -> None:
    """A bare command is left for PATH."""
    assert absolute_command(command, Path("/k")) == expected


def test_a_pod_has_a_connection_of_its_own(tmp_path: Path) -> None:
    """Both variables and a mounted token make an in-cluster connection; POD_NAMESPACE beats the mounted namespace."""
    service = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert in_cluster(service, tmp_path) is None
    (tmp_path / "token").write_text("t")
    assert in_cluster({}, tmp_path) is None
    found = in_cluster(service, tmp_path)
    assert found is not None
    assert (found.server, found.namespace, found.ca_file) == ("https://[fd00::1]:443", "", tmp_path / "ca.crt")
    (tmp_path / "namespace").write_text("sa-ns\n")
    again = in_cluster({**service, "POD_NAMESPACE": "pod"}, tmp_path)
    mounted = in_cluster(service, tmp_path)
    assert again
    assert mounted
    assert (again.namespace, mounted.namespace) == ("pod", "sa-ns")
