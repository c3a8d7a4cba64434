# ruff: noqa: INP001  a script, not a package
"""Write the plain manifests: what Helm makes of the chart and each file in values/, without what only Helm reads.

Usage: render.py [DIRECTORY]   helm is the one that HELM names, else the one on PATH
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
_FOR_HELM = re.compile(r"^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n|^# Source: .*\n", re.MULTILINE)


def rendered(values: Path) -> str:
    """Return the manifests for one file of values."""
    command = [os.environ.get("HELM", "helm"), "template", "eksauth", str(HERE.parent / "chart" / "eksauth")]
    done = subprocess.run(
        [*command, "--namespace", "kube-system", "--values", str(values)], capture_output=True, text=True, check=True
    )
    about = "".join(line for line in values.read_text().splitlines(keepends=True) if line.startswith("#"))
    return f"{about}# Made by render.py from the chart with values/{values.name}.\n{_FOR_HELM.sub('', done.stdout)}"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for values in sorted((HERE / "values").glob("*.yaml")):
        (target / values.name).write_text(rendered(values))
