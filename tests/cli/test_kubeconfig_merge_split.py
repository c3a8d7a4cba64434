"""``kubeconfig merge`` and ``split``: names, paths, programs, and files that are never overwritten."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeconfig.managed import API, config, one, parsed, resolved, write

from eksauth.cli.main import run
from eksauth.kubeconfig.paths import kubeconfig_files
from eksauth.kubeconfig.resolve import load_merged
from eksauth.kubeconfig.split import file_names
from eksauth.sandbox.binaries import find_kubectl

KUBECTL = find_kubectl()


def _plugin(command: str, *args: str, **env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {
        "exec": {
            "apiVersion": API,
            "command": command,
            "args": list(args),
            "env": variables,
            "interactiveMode": "Never",
        }
    }


def _admin(server: str, token: str, **top: Any) -> dict[str, Any]:
    """Return what kubeadm writes everywhere: the same names in every file."""
    return config(
        {"kubernetes": {"server": server}},
        {"kubernetes-admin@kubernetes": {"cluster": "kubernetes", "user": "kubernetes-admin"}},
        {"kubernetes-admin": {"token": token}},
        **top,
    )


def _merge(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run(["kubeconfig", "merge", *words]) == code
    return capsys.readouterr().out


def test_two_clusters_of_kubeadm_stay_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kubectl's merge gives both contexts the first file's user; here each keeps its own."""
    first = write(tmp_path / "a.yaml", _admin("https://a", "ta"))
    second = write(tmp_path / "b.yaml", _admin("https://b", "tb"))
    result = write(tmp_path / "both", _merge(capsys, str(first), str(second)))
    after = resolved(load_merged(kubeconfig_files({}, kubeconfig=str(result))), tmp_path)
    tokens = {name: (found["cluster"]["server"], found["user"]["token"]) for name, found in after.items()}
    assert tokens == {
        "kubernetes-admin@kubernetes": ("https://a", "ta"),
        "kubernetes-admin@kubernetes-b": ("https://b", "tb"),
    }


def test_the_result_is_one_that_kubectl_reads_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no names clash, the result is what kubectl's own merge prints."""
    if KUBECTL is None:
        pytest.skip("no kubectl here")
    files = [write(tmp_path / f"{name}.yaml", one(name, current_context=name)) for name in ("one", "1e3", "yes")]
    result = write(tmp_path / "all", _merge(capsys, *map(str, files)))
    environ = {**os.environ, "KUBECONFIG": ":".join(map(str, files))}
    view = [str(KUBECTL), "config", "view", "--raw", "-o", "json"]
    theirs = subprocess.run(view, env=environ, capture_output=True, check=True)
    ours = subprocess.run(view, env={**environ, "KUBECONFIG": str(result)}, capture_output=True, check=True)
    assert json.loads(ours.stdout) == json.loads(theirs.stdout)


def test_into_keeps_every_byte_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments and order stay; only new lines come."""
    into = write(
        tmp_path / "config",
        "# mine\napiVersion: v1\nkind: Config\nclusters: # all of them\n- name: x\n  cluster: {server: https://x}\n",
    )
    source = write(tmp_path / "new.yaml", one("new"))
    before = into.read_text().splitlines()
    _merge(capsys, str(source), "--into", str(into))
    after = into.read_text().splitlines()
    assert [line for line in after if line in before] == before
    assert set(parsed(into)["clusters"]) == {"x", "new"}
    text = into.read_bytes()
    _merge(capsys, str(source), "--into", str(into))
    assert into.read_bytes() == text


@pytest.mark.parametrize("dry", [True, False], ids=["dry run", "written"])
def test_a_dry_run_says_what_a_run_does(tmp_path: Path, capsys: pytest.CaptureFixture[str], dry: bool) -> None:
    """Names and counts are the same; the diff hides tokens; only the run writes."""
    into = write(tmp_path / "config", _admin("https://a", "secret-a"))
    source = write(tmp_path / "b.yaml", _admin("https://b", "secret-b"))
    before = into.read_bytes()
    found = json.loads(_merge(capsys, str(source), "--into", str(into), "-o", "json", *(["--dry-run"] if dry else [])))
    assert found["added"] == {
        "clusters": ["kubernetes-b"],
        "users": ["kubernetes-admin-b"],
        "contexts": ["kubernetes-admin@kubernetes-b"],
    }
    assert (into.read_bytes() == before) is dry
    if dry:
        assert "https://b" in found["diff"]
        assert "secret" not in found["diff"]


@pytest.mark.parametrize(
    "template,expected",
    [
        ("{name}-{origin}", "prod-222233334444-eu-west-1"),
        ("{file}.{name}", "b.prod"),
        ("{account}", "222233334444"),
        ("{{{name}}}", "{prod}"),
        ("taken", "taken-2"),
        ("", "prod-2"),
    ],
)
def test_new_names_come_from_the_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], template: str, expected: str
) -> None:
    """Account and region come from the entry; what is taken as well is numbered."""
    arn = "arn:aws:eks:eu-west-1:{}:cluster/prod"
    contents = [
        config(
            {arn.format(account): {"server": f"https://{account}"}},
            {"prod": {"cluster": arn.format(account), "user": "u"}},
        )
        for account in ("111122223333", "222233334444")
    ]
    contents[0]["contexts"].append({"name": "taken", "context": {}})
    files = [write(tmp_path / f"{name}.yaml", content) for name, content in zip("ab", contents, strict=True)]
    result = write(tmp_path / "out", _merge(capsys, *map(str, files), "--rename-template", template))
    assert set(parsed(result)["contexts"]) == {"prod", "taken", expected}
    assert parsed(result)["contexts"][expected]["cluster"] == arn.format("222233334444")


@pytest.mark.parametrize("template", ["{nam}", "{", "{name!r}", "{name:>3}"])
def test_templates_that_make_no_sense_are_usage_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], template: str
) -> None:
    """An unknown variable or a lone brace is refused."""
    _merge(capsys, str(write(tmp_path / "a", one("a"))), "--rename-template", template, code=2)


def test_a_new_name_takes_none_that_the_file_has_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the entry with the taken name is renamed; another one of the same file keeps its own."""
    first = write(tmp_path / "a.yaml", config({"prod": {"server": "https://a"}}))
    second = write(
        tmp_path / "b.yaml", config({"prod": {"server": "https://b"}, "prod-b": {"server": "https://other"}})
    )
    result = write(tmp_path / "out", _merge(capsys, str(first), str(second)))
    servers = {name: body["server"] for name, body in parsed(result)["clusters"].items()}
    assert servers == {"prod": "https://a", "prod-b": "https://other", "prod-b-2": "https://b"}


def test_relative_paths_keep_their_meaning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All five kinds of paths mean the same file; bare commands and ~ are left alone."""
    body = {
        "client-certificate": "pki/c.crt",
        "client-key": "../k.pem",
        "tokenFile": "token",
        **_plugin("./bin/plugin"),
    }
    content = config(
        {"c": {"server": "https://c", "certificate-authority": "./ca.crt"}},
        {"x": {"cluster": "c", "user": "u"}},
        {"u": body, "bare": _plugin("aws"), "tilde": {"tokenFile": "~/t"}},
    )
    source = write(tmp_path / "d" / "s.yaml", content)
    into = tmp_path / "config"
    _merge(capsys, str(source), "--into", str(into), "--yes")
    after = parsed(into)
    user = after["users"]["u"]
    assert after["clusters"]["c"]["certificate-authority"] == "d/ca.crt"
    assert (user["client-certificate"], user["client-key"], user["tokenFile"]) == ("d/pki/c.crt", "k.pem", "d/token")
    assert user["exec"]["command"] == str(tmp_path / "d/bin/plugin")
    assert after["users"]["bare"]["exec"]["command"] == "aws"
    assert after["users"]["tilde"]["tokenFile"] == "d/~/t"


@pytest.mark.parametrize(
    "user,risky",
    [
        pytest.param(_plugin("sh", "-c", "curl evil"), True, id="shell"),
        pytest.param(_plugin("eksauth", "token", "--cluster-name", "x"), False, id="ours"),
        pytest.param(_plugin("eksauth", "token", AWS_PROFILE="p"), False, id="ours with a profile"),
        pytest.param(_plugin("eksauth", "token", LD_PRELOAD="/tmp/x.so"), True, id="ours with a library"),
        pytest.param(_plugin("eksauth", "exec", "--", "sh"), True, id="another command of ours"),
        pytest.param(_plugin("./eksauth", "token"), True, id="our name elsewhere"),
        pytest.param(_plugin("/tmp/eksauth", "token"), True, id="our name in another directory"),
        pytest.param(
            {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh", "cmd-args": "-c x"}}}, True, id="gcp"
        ),
        pytest.param({"token": "t"}, False, id="token"),
    ],
)
def test_imported_programs_need_a_yes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], user: dict[str, Any], risky: bool
) -> None:
    """A kubeconfig that makes kubectl run a program is imported only when somebody agrees."""
    source = write(tmp_path / "foreign.yaml", config({}, {}, {"u": user}))
    into = write(tmp_path / "config", one("a"))
    before = into.read_bytes()
    assert run(["kubeconfig", "merge", str(source), "--into", str(into)]) == (1 if risky else 0)
    assert ('user "u" runs' in capsys.readouterr().err) is risky
    assert (into.read_bytes() == before) is risky
    assert run(["kubeconfig", "merge", str(source), "--into", str(into), "--yes"]) == 0
    assert "u" in parsed(into)["users"]
    assert run(["kubeconfig", "merge", str(source), "--into", str(into)]) == 0  # agreed to already


def test_to_makes_a_new_private_file_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing file is never replaced."""
    source, to = write(tmp_path / "a", one("a")), tmp_path / "new" / "config"
    _merge(capsys, str(source), "--to", str(to))
    assert (to.stat().st_mode & 0o777, to.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    before = to.read_bytes()
    _merge(capsys, str(source), "--to", str(to), code=3)
    assert to.read_bytes() == before


def test_standard_input_is_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``-`` reads a kubeconfig that another program prints."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(yaml.safe_dump(one("piped")).encode())))
    assert "piped" in _merge(capsys, "-")


@pytest.mark.parametrize(
    "words,code",
    [(["missing.yaml"], 3), (["-", "-"], 2), (["a", "--into", "x", "--to", "y"], 2), ([], 2)],
    ids=["missing", "stdin twice", "two targets", "none"],
)
def test_what_cannot_be_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    """Each is refused before anything is written."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a", one("a"))
    _merge(capsys, *words, code=code)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "home"]


def test_current_context_is_the_first_one_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its new name; the file that is added to keeps its own."""
    first = write(tmp_path / "a.yaml", _admin("https://a", "a"))
    second = write(tmp_path / "b.yaml", _admin("https://b", "b", current_context="kubernetes-admin@kubernetes"))
    assert yaml.safe_load(_merge(capsys, str(first), str(second)))["current-context"] == "kubernetes-admin@kubernetes-b"
    into = write(tmp_path / "c", one("mine", current_context="mine"))
    _merge(capsys, str(second), "--into", str(into))
    assert parsed(into)["current"] == "mine"


def _split(directory: Path, *words: str, code: int = 0) -> None:
    assert run(["kubeconfig", "split", "--dir", str(directory), *words]) == code


@pytest.fixture(name="source")
def source_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with two contexts."""
    content = config(
        {"c": {"server": "https://c", "certificate-authority": "ca.crt"}},
        {"dev": {"cluster": "c", "user": "u"}, "../../up": {"cluster": "c", "user": "u"}},
        {"u": {"token": "t"}, "unused": {"token": "x"}},
    )
    path = write(tmp_path / "config", content)
    (tmp_path / "ca.crt").write_text("PEM")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_split_writes_private_files_that_stand_alone(source: Path, tmp_path: Path) -> None:
    """One 0600 file per context in the directory, nowhere else, with the path rewritten."""
    out = tmp_path / "deep" / "out"
    _split(out)
    files = sorted(out.iterdir())
    assert len(files) == 2
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert out.stat().st_mode & 0o777 == 0o700
    dev = parsed(out / "dev.yaml")
    assert (dev["current"], set(dev["users"])) == ("dev", {"u"})
    assert dev["clusters"]["c"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.crt", "config", "deep", "home"]


def test_split_overwrites_nothing_unless_forced(source: Path, tmp_path: Path) -> None:
    """One file in the way stops all of them; the same content is in nobody's way; --force can be undone."""
    out = tmp_path / "out"
    theirs = write(out / "dev.yaml", "theirs: true\n")
    _split(out, code=3)
    assert [path.name for path in out.iterdir()] == ["dev.yaml"]
    assert theirs.read_text() == "theirs: true\n"
    _split(out, "--force")
    assert parsed(theirs)["current"] == "dev"
    _split(out)
    assert run(["kubeconfig", "undo", "--kubeconfig", str(theirs)]) == 0
    assert theirs.read_text() == "theirs: true\n"


def test_split_takes_files_in(source: Path, tmp_path: Path) -> None:
    """With --flatten the part needs no other file."""
    _split(tmp_path / "out", "dev", "--flatten")
    cluster = parsed(tmp_path / "out" / "dev.yaml")["clusters"]["c"]
    assert cluster == {"server": "https://c", "certificate-authority-data": "UEVN"}
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_split_dry_run_and_unknown_context_write_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither makes even the directory."""
    _split(tmp_path / "out", "--dry-run")
    assert "would write" in capsys.readouterr().out
    _split(tmp_path / "out", "nope", code=3)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "contexts",
    [
        ["a", "A", "a.yaml"],
        ["../x", "..\\x", "/x", "x"],
        ["", ".", "..", "..."],
        ["con", "NUL", "com1.txt"],
        ["a/b", "a:b", "a b", "a_b"],
        ["x" * 300, "x" * 301],
        [".hidden", "-rf", "ü", "\u202ex", "a\x00b", "\ud800"],
    ],
    ids=["case", "traversal", "dots", "devices", "alike", "long", "odd"],
)
def test_file_names_lead_nowhere_and_differ(contexts: list[str]) -> None:
    """Every name is plain, short, visible, and no file system takes two for the same."""
    names = file_names(contexts)
    assert len({name.lower() for name in names.values()}) == len(contexts)
    for name in names.values():
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>| \x00')
        assert name[0] not in ".-"
        assert len(name) <= 130
        assert name.endswith(".yaml")
    assert names == file_names(contexts)


@pytest.mark.parametrize("words", [["--dry-run"], ["-o", "json"]], ids=["dry run", "json"])
def test_flags_about_writing_need_a_file_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """A printed merge holds secrets, which a dry run promises not to show, and is YAML."""
    source = write(tmp_path / "a", one("a", token="SECRET"))
    assert run(["kubeconfig", "merge", str(source), *words]) == 2
    shown = capsys.readouterr()
    assert "--into or --to" in shown.err
    assert shown.out == ""


def test_split_makes_no_file_behind_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link in the directory that leads nowhere is something that is there, not a free name."""
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "config", one("a"))))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.yaml").symlink_to(tmp_path / "elsewhere")
    assert run(["kubeconfig", "split", "--dir", str(tmp_path / "out")]) == 3
    assert not (tmp_path / "elsewhere").exists()
