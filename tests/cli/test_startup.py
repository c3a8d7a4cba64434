"""What start-up may load. Modules, not milliseconds: the set is the same on a fast machine and a busy one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.installed import clean_environment, installed, interpreters

from eksauth.credentials.audit import append
from eksauth.credentials.cache import cache_key
from eksauth.credentials.cache_store import store
from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.select import find_identity
from eksauth.credentials.identities.authenticate import cached_session, target_key
from eksauth.credentials.index_store import remember
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.settings import quick_settings

ALLOWED = {
    # what the token itself takes
    "eksauth",
    "eksauth._entry",
    "eksauth.token",
    "eksauth.token.argv",
    "eksauth.token.bearer",
    "eksauth.token.checks",
    "eksauth.token.exec_credential",
    "eksauth.token.fast",
    "eksauth.token.selection",
    "eksauth.token.sigv4",
    "eksauth.token.stdout",
    "eksauth.aws",
    "eksauth.aws.digest",
    "eksauth.aws.partitions",
    "eksauth.credentials",
    "eksauth.credentials.env",
    "eksauth.credentials.model",
    "eksauth.credentials.quick",
    "eksauth.credentials.settings",
    "eksauth.credentials.shared_files",
    # C code of the interpreter: one base64, one SHA-256 (3.11 has another name for it, and looks for the new one first)
    "binascii",
    "_sha2",
    "_sha256",
}
ALLOWED_FOR = {
    "environment": set[str](),
    "expiring": {"eksauth.credentials.timestamps"},
    "profile": set[str](),
    "cached-role": {"eksauth.credentials.cache"},
    "cached-chain": {"eksauth.credentials.cache"},
    "get-token": set[str](),
    "identity": {
        "eksauth.credentials.audit",
        "eksauth.credentials.cache",
        "eksauth.credentials.config",
        "eksauth.credentials.config.search",
        "eksauth.credentials.identity_index",
        "eksauth.credentials.identity_inputs",
        "eksauth.token.quick_identity",
    },
}
DENIED = {
    "re": "half an interpreter start, and the sign that something heavy got in",
    "json": "imports re",
    "base64": "imports re",
    "argparse": "imports re",
    "hashlib": "loads libcrypto",
    "hmac": "loads libcrypto",
    "datetime": "a third of our own modules together",
    "typing": "imports re",
    "enum": "costs more than the command",
    "functools": "costs a quarter of the command",
    "contextlib": "costs a third of the command",
    "pathlib": "imports re",
    "dataclasses": "imports re and inspect",
    "logging": "imports re",
    "configparser": "imports re",
    "subprocess": "imports everything",
    "ssl": "the hot path has no network",
    "click": "the hot path has no parser",
    "botocore": "the whole prize",
    "yaml": "no YAML on the hot path",
}

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
ROLE = "arn:aws:iam::111122223333:role/x"
TOKEN = ["token", "--cluster-name", "demo"]


@pytest.fixture(scope="session", params=["3.11", "3.12", "3.13", "3.14"], name="venv")
def venv_(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an environment with the installed wheel, for each Python there is."""
    python = interpreters().get(request.param)
    if python is None:
        pytest.skip(f"needs Python {request.param}")
    base = tmp_path_factory.getbasetemp()
    # under xdist all workers share the parent
    return installed(base.parent if hasattr(request.config, "workerinput") else base, python, request.param)


def imported(command: list[str], environ: dict[str, str]) -> tuple[set[str], str]:
    """Run a command to its end and return the modules that it imported, and its stdout."""
    done = subprocess.run(
        command, env={**environ, "PYTHONPROFILEIMPORTTIME": "1"}, capture_output=True, text=True, check=True
    )
    lines = [line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    return set(lines) - {"imported package"}, done.stdout


def over_pass(venv: Path, command: list[str], environ: dict[str, str]) -> tuple[set[str], str]:
    """Return what a command imports over ``python -c pass`` of the same environment."""
    floor, _ = imported([str(venv / "bin" / "python"), "-c", "pass"], environ)
    modules, out = imported(command, environ)
    return modules - floor, out


def seed(home: Path, profile: str, role: RoleRequest | None, **variables: str) -> None:
    """Put credentials into the cache of ``home``, where the installed program will look for them."""
    environ = {**clean_environment(), "HOME": str(home), **variables}
    settings = quick_settings(environ, region_flag=None, profile_flag=profile)
    assert settings is not None
    key = cache_key(environ, settings, role)
    assert key is not None
    now = time.time()
    assert store(environ, key, Credentials("ASIACACHED", "secret", "token", now + 3600, "test"), now) is None


def seed_identity(home: Path) -> list[str]:
    """Sign in as an identity of a configuration in ``home``, and return the command of its kubeconfig entry."""
    path = home / "eksauth.yaml"
    path.write_text(
        "auth:\n  identities:\n    dev:\n      kind: aws/assume-role\n      via: {identity: base}\n"
        f'      principal: {{assume_role: "{ROLE}"}}\n    base: {{kind: aws/user}}\n'
    )
    path.chmod(0o600)
    environ = {**clean_environment(), "HOME": str(home)}
    config = load_config(environ, flag=str(path), realm="")
    dev = find_identity(config, "dev")
    key = target_key(config, dev, environ)
    assert key is not None
    now = time.time()
    assert store(environ, key, Credentials("ASIACACHED", "secret", "token", now + 3600, "test"), now) is None
    session = cached_session(config, dev, environ=environ, now=now)
    assert session is not None
    assert remember(config, session, environ=environ, spelled="dev", realm="", until=float("inf"))
    assert append(environ, {"event": "login", "identity": "dev"}) is None
    return [*TOKEN, "--region", "eu-west-1", "--identity", "dev", "--config", str(path), "--realm="]


@pytest.mark.parametrize("case", list(ALLOWED_FOR))
def test_hot_path_imports(case: str, venv: Path, home: Path) -> None:
    """The installed program loads no module that is not on the list, and none of the heavy ones."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(
        "[profile dev]\nregion = eu-west-1\n[profile sso]\nregion = eu-west-1\nsso_session = corp\n"
    )
    (home / ".aws" / "credentials").write_text("[dev]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n")
    argv, variables = list(TOKEN), dict[str, str]()
    if case == "cached-role":
        seed(home, "dev", RoleRequest(ROLE))
        argv += ["--profile", "dev", "--role-arn", ROLE]
    elif case == "cached-chain":
        seed(home, "sso", None)
        argv += ["--profile", "sso"]
    elif case == "identity":
        argv = [*seed_identity(home), "--account", "111122223333"]
    elif case == "profile":
        argv += ["--profile", "dev"]
    elif case == "get-token":
        argv = ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "demo", "--output", "json"]
        variables = dict(KEYS)
    else:
        variables = dict(KEYS)
    if case == "expiring":
        variables["AWS_CREDENTIAL_EXPIRATION"] = "2999-01-01T00:00:00Z"
    environ = clean_environment(**variables)
    modules, out = over_pass(venv, [str(venv / "bin" / "eksauth"), *argv], environ)
    assert json.loads(out)["status"]["token"].startswith("k8s-aws-v1.")
    assert {name: DENIED[name] for name in modules & set(DENIED)} == {}
    assert modules - ALLOWED - ALLOWED_FOR[case] == set()


def test_the_probe_sees_a_violation(venv: Path, tmp_path: Path) -> None:
    """A console script that imports ``re``, as old installers write it, is found out."""
    script = (venv / "bin" / "eksauth").read_text().replace("import sys\n", "import re\nimport sys\n", 1)
    spoiled = tmp_path / "eksauth"
    spoiled.write_text(script)
    spoiled.chmod(0o755)
    modules, _ = over_pass(venv, [str(spoiled), *TOKEN], clean_environment(**KEYS))
    assert "re" in modules
    assert modules - ALLOWED >= {"re", "enum", "functools"}


HEAVY = {
    "botocore",
    "boto3",
    "yaml",
    "lightkube",
    "httpx",
    "rich",
    "aiohttp",
    "cryptography",
    "asyncio",
    "msgspec",
    "ssl",
}


@pytest.mark.parametrize(
    "argv, more",
    [
        (["--version"], set[str]()),
        (["--help"], set[str]()),
        (["token", "--help"], set[str]()),
        (["eks", "get-token", "--help"], set[str]()),
        (["aws", "eks", "token", "--help"], set[str]()),
        (["decode", "--help"], set[str]()),
        (["verify", "--help"], set[str]()),
        (["server", "run", "--help"], set[str]()),
        (["sandbox", "--help"], set[str]()),
        (["exec", "--help"], set[str]()),
        (["shell", "--help"], set[str]()),
        (["env", "--help"], set[str]()),
        (["credential-process", "--help"], set[str]()),
        (["console", "--help"], set[str]()),
        (["audit", "--help"], set[str]()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_loads_no_heavy_library(argv: list[str], more: set[str]) -> None:
    """Help and version load the parser and nothing that talks to AWS, Kubernetes or a terminal."""
    code = (
        "import sys; from eksauth.cli.main import run; code = run(sys.argv[1:])\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))
    assert loaded & HEAVY <= more


def test_mistakes_load_no_heavy_library() -> None:
    """An ordinary mistake under kubectl, which may run the plugin five times, is cheap too."""
    code = "import sys; from eksauth.cli.main import run; run(sys.argv[1:]); print('botocore' in sys.modules)"
    for argv in (
        ["token"],
        ["token", "--cluster-name", "x"],
        ["token", "--cluster-name", "x", "--region", "us-east-1a"],
    ):
        done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n", argv
