"""``eksauth token`` and its drop-ins as processes: output, exit codes, hostile input, broken surroundings."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.credentials.fake_sts import FakeSts, fake_sts

from eksauth.token.bearer import utc_text

EKSAUTH = [str(Path(sysconfig.get_path("scripts")) / "eksauth")]
AWS = str(Path(sysconfig.get_path("scripts")) / "aws")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
REGION = ["--region", "eu-west-1"]
BASIC = ["token", "--cluster-name", "demo", *REGION]
ROLE = ["--role-arn", "arn:aws:iam::111122223333:role/deploy"]


def run(*argv: str | bytes, env: Mapping[str, str] | None = None, **how: object) -> subprocess.CompletedProcess[str]:
    """Run eksauth with the test's environment plus ``env``."""
    options: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.run(
        [*EKSAUTH, *argv],
        env={**os.environ, **(KEYS if env is None else env)},
        encoding="utf-8",
        timeout=120,
        **{**options, **how},  # type: ignore[call-overload]
    )


def one_error(done: subprocess.CompletedProcess[str], code: int) -> list[str]:
    """Check that a run failed with ``code``, nothing on stdout and an error, and at most a hint, on stderr."""
    lines = (done.stderr or "").splitlines()
    assert (done.returncode, done.stdout or "") == (code, ""), done
    assert lines[0].startswith("eksauth: error: ")
    assert all(line.startswith("eksauth: hint: ") for line in lines[1:])
    assert len(lines) <= 2
    return lines


def url_in(token: str) -> str:
    """Return the presigned URL inside a token."""
    return base64.urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()


def timeless(text: str) -> object:
    """Return an ExecCredential with what depends on the second taken out."""
    document = json.loads(text)
    url = url_in(document["status"].pop("token"))
    document["status"].pop("expirationTimestamp")
    parts = [part for part in url.split("&") if not part.startswith(("X-Amz-Date", "X-Amz-Signature"))]
    return document, list(document), parts


@pytest.fixture(name="sts")
def sts_(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSts]:
    """Run a fake STS that AssumeRole goes to."""
    with fake_sts() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server


@pytest.mark.parametrize("path", [[], ["--debug"]], ids=["hot", "full"])
def test_exec_credential(path: list[str]) -> None:
    """Both paths print one ExecCredential for the same URL and nothing else."""
    done = run(*BASIC, *path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert timeless(done.stdout) == timeless(run(*BASIC).stdout)


def test_bare_token() -> None:
    """``-o token`` prints the token alone."""
    done = run(*BASIC, "-o", "token")
    assert url_in(done.stdout.strip()).startswith("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity")


@pytest.mark.parametrize(
    "argv",
    [
        ["eks", "get-token", "--cluster-name", "demo", *REGION, "--output", "json"],
        [*REGION, "eks", "get-token", "--cluster-name", "demo", "--output", "json"],
        ["eks", "--output", "json", *REGION, "get-token", "--cluster-id", "abc-def"],
        ["eks", "get-token", "--cluster-name", "d\u00e9mo x", *REGION, "--output=text", "--no-cli-pager"],
        ["eks", "get-token", "--cluster-name", "demo", *REGION, "--query", "status.token", "--output", "text"],
        ["eks", "get-token", "--cluster-name", "demo", *REGION, "--query", "keys(@)"],
    ],
    ids=["json", "before", "between", "text", "query", "query-json"],
)
@pytest.mark.peer
def test_get_token_is_what_aws_prints(argv: list[str]) -> None:
    """The drop-in's output is the AWS CLI's, byte for byte but for date and signature."""
    if not Path(AWS).exists():
        pytest.skip("needs the AWS CLI")
    argv = [word for word in argv if word != "--no-cli-pager"]
    env = {**os.environ, **KEYS, "KUBERNETES_EXEC_INFO": ""}
    theirs = subprocess.run([AWS, *argv], env=env, capture_output=True, text=True, check=True).stdout
    ours = run(*argv).stdout
    assert _mask(ours) == _mask(theirs)


def _mask(text: str) -> str:
    """Replace tokens by what is stable in their URL, and times by a mark."""
    words = text.replace('"', ' " ').split(" ")
    for index, word in enumerate(words):
        token = word.strip().split("\t")[-1]
        if token.startswith("k8s-aws-v1."):
            parts = url_in(token).split("&")
            stable = "&".join(part for part in parts if not part.startswith(("X-Amz-Date", "X-Amz-Signature")))
            words[index] = word.replace(token, stable)
        if "T" in word and word.strip().endswith("Z"):
            words[index] = "TIME"
    return " ".join(
        "\t".join("TIME" if part[:2] == "20" and part[-1:] == "Z" else part for part in word.split("\t"))
        for word in words
    )


@pytest.mark.parametrize("output", ["yaml", "yaml-stream", "table", "off"])
def test_other_outputs(output: str) -> None:
    """The remaining formats of the AWS CLI hold the token, or nothing when told so."""
    done = run("eks", "get-token", "--cluster-name", "demo", *REGION, "--output", output)
    assert done.returncode == 0
    assert ("k8s-aws-v1." in done.stdout) == (output != "off")


def test_default_output_of_the_profile_but_json_for_kubectl(home: Path) -> None:
    """Without --output the configured format is used, except under kubectl."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[default]\noutput = text\n")
    argv = ["eks", "get-token", "--cluster-name", "demo", *REGION]
    assert "STATUS\t" in run(*argv).stdout
    info = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{}}}'
    document = json.loads(run(*argv, env={**KEYS, "KUBERNETES_EXEC_INFO": info}).stdout)
    assert document["apiVersion"] == "client.authentication.k8s.io/v1"


def test_atmos_grammar() -> None:
    """``eksauth aws eks token`` prints the same as ``eksauth token``."""
    done = run("aws", "eks", "token", "--cluster-name", "demo", *REGION)
    assert timeless(done.stdout) == timeless(run(*BASIC).stdout)


@pytest.mark.parametrize(
    "argv, env, code, words",
    [
        ([*BASIC, "--identity", "x"], KEYS, 2, "no identity 'x'"),
        (BASIC, {**KEYS, "ATMOS_IDENTITY": "x"}, 2, "ATMOS_IDENTITY"),
        (["token"], KEYS, 2, "no cluster"),
        (["token", "--cluster-name"], KEYS, 2, "requires an argument"),
        (["token", "--frob"], KEYS, 2, "no such option"),
        (["token", "--cluster-name", "x"], KEYS, 3, "no region"),
        ([*BASIC, "--profile", "x"], KEYS, 3, "'x' does not exist"),
        (BASIC, {}, 4, "no AWS credentials"),
        (BASIC, {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}, 4, "AWS_SECRET_ACCESS_KEY"),
        ([*BASIC, *ROLE], {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 5, "cannot reach"),
        (["eks", "get-token", "--cluster-name", "x", "--no-sign-request"], KEYS, 2, "--no-sign-request"),
        (["eks", "get-token", "--cluster-name", "x", *REGION, "--query", "["], KEYS, 2, "JMESPath"),
        (["eks", "get-token", "--cluster-name", "x", *REGION, "--output", "xml"], KEYS, 2, "xml"),
        (["eks", "get-token", "--cluster-name", "x", *REGION], {**KEYS, "AWS_DEFAULT_OUTPUT": "xml"}, 2, "xml"),
        (["aws", "eks", "token", "--cluster-name", "x"], KEYS, 2, "--region"),
        ([*BASIC, "--duration", "x", *ROLE], KEYS, 2, "--duration"),
    ],
    ids=lambda value: None,
)
def test_mistakes(argv: list[str], env: dict[str, str], code: int, words: str) -> None:
    """Each kind of mistake has its exit code and one line with a hint."""
    lines = one_error(run(*argv, env=env), code)
    assert words in lines[0]
    assert len(lines) == 2 or "requires an argument" in lines[0]


def test_custom_session_token_warning() -> None:
    """Differing session tokens give a warning on stderr and a token on stdout."""
    done = run(*BASIC, env={**KEYS, "AWS_SESSION_TOKEN": "a", "AWS_SECURITY_TOKEN": "b"})
    assert done.returncode == 0
    assert done.stderr.startswith("eksauth: warning: AWS_SESSION_TOKEN and AWS_SECURITY_TOKEN differ")
    assert "X-Amz-Security-Token=a&" in url_in(json.loads(done.stdout)["status"]["token"])


@pytest.mark.parametrize("info", ["[]", '"x"', "null", "5", "{", " ", '{"apiVersion":7}'])
def test_unusable_exec_info(info: str) -> None:
    """A broken KUBERNETES_EXEC_INFO is a warning and a v1beta1 answer."""
    done = run(*BASIC, env={**KEYS, "KUBERNETES_EXEC_INFO": info})
    assert done.returncode == 0
    assert done.stderr.startswith("eksauth: warning: KUBERNETES_EXEC_INFO")
    assert json.loads(done.stdout)["apiVersion"].endswith("/v1beta1")


def test_alpha_exec_info() -> None:
    """v1alpha1 is refused as a configuration error with the fix."""
    info = '{"apiVersion":"client.authentication.k8s.io/v1alpha1"}'
    lines = one_error(run(*BASIC, env={**KEYS, "KUBERNETES_EXEC_INFO": info}), 3)
    assert "v1beta1" in lines[1]


@pytest.mark.parametrize(
    "name",
    [b"de\xffmo", b"\xed\xa0\x80", b"a\x1b[31mb", b"a\nb", b"x" * 100_000],
    ids=lambda name: repr(name[:6]),
)
def test_hostile_names(name: bytes) -> None:
    """Invalid UTF-8, escapes and giants are refused or signed, never a traceback or a raw control character."""
    done = run(b"token", b"--cluster-name", name, b"--region", b"eu-west-1")
    if done.returncode == 0:
        assert name == b"x" * 100_000
    else:
        assert all(line.isprintable() for line in one_error(done, 2))


@pytest.mark.parametrize("argv", [BASIC, [*BASIC, "--debug"]], ids=["hot", "full"])
def test_stdout_that_cannot_be_written(argv: list[str]) -> None:
    """A full device and a closed pipe are one line and a failure."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        lines = one_error(run(*argv, stdout=full), 7)
    assert lines == ["eksauth: error: cannot write to standard output: no space left on device"]
    reader, writer = os.pipe()
    os.close(reader)
    lines = one_error(run(*argv, stdout=writer), 7)
    os.close(writer)
    assert lines == ["eksauth: error: cannot write to standard output: broken pipe"]


@pytest.mark.parametrize("argv", [BASIC, [*BASIC, "--debug"]], ids=["hot", "full"])
@pytest.mark.parametrize("closed, code", [(">&-", 7), ("2>&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 7)])
def test_closed_standard_streams(argv: list[str], closed: str, code: int) -> None:
    """A closed stdout is a failure; closed stdin and stderr are nobody's business."""
    env = {**os.environ, **KEYS}
    shell = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *EKSAUTH, *argv], env=env, capture_output=True, text=True
    )
    assert shell.returncode == code
    assert "Traceback" not in shell.stderr
    assert (shell.stdout != "") == (code == 0)


@pytest.mark.usefixtures("sts")
def test_token_is_never_on_disk_or_stderr(home: Path) -> None:
    """After a role token the cache holds credentials only, and --debug shows no secret, ours or fetched."""
    environ = {**KEYS, "AWS_SECRET_ACCESS_KEY": "SECRETVALUE", "AWS_SESSION_TOKEN": "SESSIONVALUE"}
    done = run("--debug", *BASIC, *ROLE, env=environ)
    assert done.returncode == 0
    assert "botocore" in done.stderr
    assert not [
        word
        for word in ("SECRETVALUE", "SESSIONVALUE", "session/token", "secret1", "k8s-aws-v1")
        if word in done.stderr
    ]
    token = json.loads(done.stdout)["status"]["token"]
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if token.encode() in path.read_bytes() or b"k8s-aws-v1" in path.read_bytes()]


def test_parallel_processes_make_one_request(sts: FakeSts, home: Path) -> None:
    """Fifty processes at once that need the same role: one AssumeRole, fifty tokens, one whole cache entry."""
    sts.delay_seconds = 0.5
    command = [*EKSAUTH, *BASIC, *ROLE, "-o", "token"]
    env = {**os.environ, **KEYS}
    children = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(50)
    ]
    outputs = [child.communicate(timeout=150) for child in children]
    assert {child.returncode for child in children} == {0}, outputs
    assert {error for _, error in outputs} == {""}
    assert all("ASIAFAKEROLE00000001" in url_in(token.strip()) for token, _ in outputs)
    assert len(sts.requests) == 1
    directory = home / ".cache" / "eksauth" / "credentials"
    assert sorted(path.suffix for path in directory.iterdir()) == [".cred", ".lock"]


def test_killed_writers_leave_no_damage(sts: FakeSts, home: Path) -> None:
    """Processes killed while they hold the lock free it, and the next one gets whole credentials."""
    sts.delay_seconds = 30
    env = {**os.environ, **KEYS}
    command = [*EKSAUTH, *BASIC, *ROLE]
    victim = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not sts.requests:
        assert victim.poll() is None
    victim.kill()
    victim.communicate()
    sts.delay_seconds = 0
    done = run(*BASIC, *ROLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sts.requests) == 2
    assert run(*BASIC, *ROLE).returncode == 0
    assert len(sts.requests) == 2
    assert len(list((home / ".cache" / "eksauth" / "credentials").glob("*.cred"))) == 1


def _no_file_bytes() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_full_disk_in_the_cache_directory(sts: FakeSts, home: Path) -> None:
    """When no byte can be written the token still comes, with one warning, and nothing half-written stays."""
    env = {**KEYS, "PYTHONDONTWRITEBYTECODE": "1"}
    done = run(*BASIC, *ROLE, env=env, preexec_fn=_no_file_bytes)
    assert done.returncode == 0
    assert done.stderr.startswith("eksauth: warning: credentials are not cached: file too large")
    assert len(done.stderr.splitlines()) == 1
    assert len(sts.requests) == 1
    assert list((home / ".cache" / "eksauth" / "credentials").glob("*.cred")) == []
    assert list((home / ".cache" / "eksauth" / "credentials").glob(".*")) == []


@pytest.mark.usefixtures("sts")
@pytest.mark.parametrize("place", ["file", "/proc/1/nowhere", "link"])
def test_unusable_cache_directory(place: str, tmp_path: Path) -> None:
    """A cache that cannot be made, as in a read-only home, is one warning."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "credentials").mkdir()
    env = {**KEYS, "EKSAUTH_CACHE_DIR": str(tmp_path / place)}
    done = run(*BASIC, *ROLE, env=env)
    assert done.returncode == 0
    assert done.stderr.startswith("eksauth: warning: credentials are not cached: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("sts")
def test_read_only_home(home: Path) -> None:
    """A home that cannot be written is one warning."""
    home.chmod(0o500)
    if os.access(home, os.W_OK):
        pytest.skip("this user may write everywhere")
    done = run(*BASIC, *ROLE)
    home.chmod(0o700)
    assert done.returncode == 0
    assert "permission denied" in done.stderr


@pytest.mark.parametrize("home", [None, "", "/proc/nonexistent", "relative"])
def test_odd_homes(home: str | None, tmp_path: Path) -> None:
    """Without a usable HOME environment keys still make a token."""
    env = {
        **os.environ,
        **KEYS,
        "AWS_CONFIG_FILE": str(tmp_path / "c"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "d"),
    }
    env.pop("HOME")
    if home is not None:
        env["HOME"] = home
    done = subprocess.run([*EKSAUTH, *BASIC], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "config",
    ["region = x\n", "\ufeff[default]\n", "[default]\nx\n", "[default]\n[default]\n", "\udcff\udcfe[default]\n"],
    ids=["no-section", "bom", "no-delimiter", "duplicate", "not-utf-8"],
)
def test_malformed_config_file(config: str, home: Path) -> None:
    """A broken config file is named with its line, exit code 3."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_bytes(config.encode(errors="surrogateescape"))
    lines = one_error(run(*BASIC, env={}), 3)
    assert str(home / ".aws" / "config") in lines[0]


def test_module_execution() -> None:
    """Module execution is the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "eksauth", *BASIC], env={**os.environ, **KEYS}, capture_output=True, text=True
    )
    assert timeless(done.stdout) == timeless(run(*BASIC).stdout)


@pytest.mark.parametrize("argv", [["token"], ["eks"], ["eks", "get-token"], ["aws", "eks", "token"]], ids=" ".join)
def test_help_has_an_example(argv: list[str]) -> None:
    """Every command explains itself."""
    done = run(*argv, "--help")
    assert done.returncode == 0
    assert "eksauth" in done.stdout
    assert shutil.which("sh") is None or done.stderr == ""


def test_sso_role_is_cached_until_logout(home: Path, sts: FakeSts) -> None:
    """A valid SSO login gives role credentials once; after logging out they are not used any more."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(
        "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
        "[profile p]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = admin\n"
    )
    login = home / ".aws" / "sso" / "cache" / f"{hashlib.sha1(b'corp').hexdigest()}.json"
    login.parent.mkdir(parents=True)
    login.write_text(json.dumps({"accessToken": "a", "expiresAt": utc_text(int(time.time()) + 9000)}))
    env = {"AWS_ENDPOINT_URL_SSO": sts.url}
    for _ in range(2):
        done = run(*BASIC, "--profile", "p", "-o", "token", env=env)
        assert "Credential=ASIASSO%2F" in url_in(done.stdout.strip())
    assert len(sts.requests) == 1
    login.unlink()
    lines = one_error(run(*BASIC, "--profile", "p", env=env), 4)
    assert lines[1] == "eksauth: hint: run: aws sso login --profile p"
