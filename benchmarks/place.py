"""Where commands are measured: the built wheel, installed by a recent pip into a fresh environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROLE = "arn:aws:iam::111122223333:role/bench"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
_PROFILES = """[default]
region = eu-west-1
output = json

[profile dev]
region = eu-west-1
s3 =
  max_concurrent_requests = 20

[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1

[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = admin
region = eu-west-1
"""
_SEED = """
import os, sys, time
from eksauth.credentials.cache import cache_key
from eksauth.credentials.cache_store import store
from eksauth.credentials.model import Credentials
from eksauth.credentials.quick import RoleRequest
from eksauth.credentials.settings import quick_settings
for profile, role in (("dev", RoleRequest(sys.argv[1])), ("sso", None)):
    settings = quick_settings(os.environ, region_flag=None, profile_flag=profile)
    key = cache_key(os.environ, settings, role)
    now = time.time()
    assert store(os.environ, key, Credentials("ASIAEXAMPLE", "s" * 40, "t" * 900, now + 7200, "bench"), now) is None
"""
CONFIG = "eksauth.yaml"
_IDENTITIES = f"""auth:
  providers:
    corp: {{kind: aws/iam-identity-center, start_url: "https://example.awsapps.com/start", region: eu-west-1}}
  identities:
    base:
      kind: aws/permission-set
      via: {{provider: corp}}
      principal: {{name: admin, account: {{id: "111122223333"}}}}
    bench:
      kind: aws/assume-role
      via: {{identity: base}}
      principal: {{assume_role: "{ROLE}"}}
"""
_SIGN_IN = """
import os, sys, time
from eksauth.credentials.audit import append
from eksauth.credentials.cache_store import store
from eksauth.credentials.config.load import load_config
from eksauth.credentials.identities.authenticate import cached_session, target_key
from eksauth.credentials.index_store import remember
from eksauth.credentials.model import Credentials
config = load_config(os.environ, flag=sys.argv[1], realm="")
bench, now = config.identities["bench"], time.time()
key = target_key(config, bench, os.environ)
assert store(os.environ, key, Credentials("ASIAEXAMPLE", "s" * 40, "t" * 900, now + 7200, "bench"), now) is None
session = cached_session(config, bench, environ=os.environ, now=now)
assert remember(config, session, environ=os.environ, spelled="bench", realm="", until=float("inf"))
assert append(os.environ, {"event": "login", "identity": "bench"}) is None
"""


def install(directory: Path) -> Path:
    """Build the wheel, install it with its dependencies below ``directory`` and return the environment.

    :raises RuntimeError: when the installing pip is one whose console scripts import ``re``.
    """
    if tuple(int(part) for part in version("pip").split(".")[:2]) < (25, 2):
        raise RuntimeError("pip is older than 25.2: its console scripts import re, which would be measured as ours")
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    venv = directory / "venv"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(directory), str(ROOT)], check=True, env=environ)
    (wheel,) = directory.glob("eksauth-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, env=environ)
    target = [*pip, "--python", str(venv / "bin" / "python"), "install"]
    subprocess.run([*target, str(wheel)], check=True, env=environ)
    return venv


def furnish(home: Path, venv: Path, environ: dict[str, str]) -> None:
    """Give ``home`` AWS files, a configuration and cached credentials, as after a first use."""
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text(_PROFILES)
    keys = "\n".join(f"{name.lower()} = {value}" for name, value in KEYS.items())
    (home / ".aws" / "credentials").write_text(f"[default]\n{keys}\n[dev]\n{keys}\n")
    (home / CONFIG).write_text(_IDENTITIES)
    (home / CONFIG).chmod(0o600)
    for program, argument in ((_SEED, ROLE), (_SIGN_IN, str(home / CONFIG))):
        subprocess.run([str(venv / "bin" / "python"), "-c", program, argument], env=environ, check=True)


def describe_machine() -> str:
    """Say what the run took place on, for the table's caption."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}, {os.cpu_count()} CPUs, load average {load} before the run"
