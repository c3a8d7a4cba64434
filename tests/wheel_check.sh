#!/bin/sh
# The built wheel installs into an empty environment, and `eksauth token` works from it with nothing but environment keys.
# Usage: wheel_check.sh PYTHON   (a Python that has the `build` package)
set -eu
python=$1
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
unset PYTHONDONTWRITEBYTECODE PYTHONPATH || true

"$python" -m build --wheel --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --upgrade 'pip>=25.2'
"$work/venv/bin/python" -m pip install --quiet "$work"/dist/eksauth-*.whl

cd "$work"
run() { env -i PATH="$work/venv/bin:/usr/bin:/bin" HOME="$work" \
	AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=example "$@"; }
run eksauth --version
run eksauth token --cluster-name demo --region eu-west-1 >credential.json
grep -q '"kind":"ExecCredential"' credential.json
grep -q '"token":"k8s-aws-v1\.' credential.json
run eksauth decode - <credential.json >/dev/null
# what needs an extra says which one
if run eksauth sandbox demo >out.txt 2>err.txt; then echo "the sandbox must need its extra" >&2; exit 1; fi
grep -q "eksauth\[sandbox\]" err.txt
echo "wheel check: passed"
