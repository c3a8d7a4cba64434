"""A configuration with alice's keys, roles that she may become, and clusters that follow them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubeconfig.update.eks_lab import BIN, CA, Lab, Ran, role

from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.seed import OTHER_ACCOUNT

PARTNER = f"arn:aws:iam::{OTHER_ACCOUNT}:role/partners/PartnerRole"


@dataclass
class Desk:
    """A lab, and the configuration of who works there."""

    lab: Lab
    config: Path

    @property
    def identities(self) -> dict[str, Any]:
        """The identities of the configuration."""
        seed = self.lab.endpoint.seed
        assert seed is not None
        alice = seed.users["alice"]
        keys = {"access_key_id": alice.access_key_id, "secret_access_key": alice.secret_access_key}
        return {
            "alice": {"kind": "aws/user", "credentials": keys},
            "admin": self.assuming(role("EksAdmin")),
            "Read.Only/demo": self.assuming(role("EksReadOnly")) | {"alias": "ro"},
            "partner": self.assuming(PARTNER),
        }

    @staticmethod
    def assuming(arn: str, via: str = "alice") -> dict[str, Any]:
        """Return an identity that assumes a role."""
        return {
            "kind": "aws/assume-role",
            "via": {"identity": via},
            "principal": {"assume_role": arn, "region": "us-west-2"},
        }

    @staticmethod
    def following(identity: str, name: str = "demo", region: str = "us-west-2", **cluster: Any) -> dict[str, Any]:
        """Return an integration."""
        return {
            "kind": "aws/eks",
            "via": {"identity": identity},
            "spec": {"cluster": {"name": name, "region": region, **cluster}},
        }

    def write(self, integrations: dict[str, Any] | None = None, **auth: Any) -> None:
        """Write the configuration; by default one cluster follows ``admin``."""
        given = {"demo": self.following("admin")} if integrations is None else integrations
        content = {"auth": {"identities": self.identities, "integrations": given, **auth}}
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(json.dumps(content))  # JSON is YAML
        self.config.chmod(0o600)

    def other_cluster(self, name: str = "demo", region: str = "us-west-2") -> Cluster:
        """Make a cluster in the other account."""
        made = Cluster(
            name=name, region=region, account=OTHER_ACCOUNT, endpoint=f"https://{name}.other.example", ca_data=CA
        )
        self.lab.endpoint.cloud.clusters.put(made)
        return made

    def login(self, *words: str) -> Ran:
        """Run ``eksauth login``."""
        return self.lab.eksauth("login", *words)

    def logged_in(self, *words: str) -> Any:
        """Run it, expect success, and return what it says as JSON."""
        done = self.login(*words, "-o", "json")
        assert done.code == 0, done.err
        return done.json

    def logout(self, *words: str) -> Ran:
        """Run ``eksauth logout``."""
        return self.lab.eksauth("logout", *words)

    def arguments(self, user: str) -> list[str]:
        """Return the plugin arguments of a user entry."""
        found: list[str] = self.lab.parsed()["users"][user]["exec"]["args"]
        return found

    def piped(self, text: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run eksauth in a process of its own with ``text`` on standard input."""
        return subprocess.run(
            [str(BIN / "eksauth"), *words], input=text, env=os.environ, capture_output=True, text=True, timeout=120
        )

    def keys(self) -> dict[str, str]:
        """Return variables with alice's keys, for other programs."""
        seed = self.lab.endpoint.seed
        assert seed is not None
        alice = seed.users["alice"]
        return {"AWS_ACCESS_KEY_ID": alice.access_key_id, "AWS_SECRET_ACCESS_KEY": alice.secret_access_key}

    def audit_log(self) -> Path:
        """Return where the audit log is."""
        return self.lab.home / ".local" / "state" / "eksauth" / "audit.jsonl"

    def cached(self) -> list[str]:
        """Return the names of cached credentials."""
        directory = Path(os.environ["HOME"]) / ".cache" / "eksauth" / "credentials"
        return sorted(path.name for path in directory.glob("*")) if directory.exists() else []
