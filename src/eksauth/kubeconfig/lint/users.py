"""Rules about users: credential plugins that cannot run or are never run, secrets in the open, expired certificates."""

from __future__ import annotations

import base64
import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from eksauth.kubeconfig.certificates import has_private_key
from eksauth.kubeconfig.command_path import is_shim
from eksauth.kubeconfig.entry_origin import origin_of_plugin
from eksauth.kubeconfig.exec_identity import identity_of
from eksauth.kubeconfig.lint.clusters import Certificate, check_dates, day, decoded, read_or_none
from eksauth.kubeconfig.lint.finding import Finding, Surroundings, at_entry
from eksauth.kubeconfig.located import located_user
from eksauth.kubeconfig.model import ExecConfig, User
from eksauth.kubeconfig.owner import owner_of
from eksauth.kubeconfig.redact import is_secret_name
from eksauth.kubeconfig.resolve import Found

_CERTIFICATE_FIX = "get a new one from whoever runs the cluster"


def check_user(found: Found[User], surroundings: Surroundings) -> Iterator[Finding]:
    """Check one user."""
    user, what = found.value, f'user "{found.name}"'
    located = located_user(found, surroundings.cwd)
    if user.exec is not None:
        yield from _hidden(found, what)
        if located.exec is not None and located.exec.command:
            yield from _program(found, located.exec, surroundings, what)
        yield from _plugin_secrets(found, user.exec, what)
        yield from _owner(found, user.exec, what)
    yield from _static(found, surroundings, what)
    yield from _certificate(found, located, surroundings, what)


def _hidden(found: Found[User], what: str) -> Iterator[Finding]:
    user = found.value
    for key, given in (
        ("token", user.token),
        ("tokenFile", user.token_file),
        ("username", user.username),
        ("client-certificate-data", user.client_certificate_data),
        ("client-certificate", user.client_certificate),
    ):
        if given:
            message = f"{what}: the exec plugin never runs, because {key} comes first"
            yield at_entry(found, "warning", "exec.hidden", message, f"remove {key} or exec", key)


def _program(found: Found[User], plugin: ExecConfig, surroundings: Surroundings, what: str) -> Iterator[Finding]:
    written = found.value.exec.command if found.value.exec else ""
    program = shutil.which(plugin.command, path=surroundings.search_path)
    if program is None:
        fix = "install it, or correct the command"
        if written.startswith("~"):
            fix = "write the whole path: kubectl does not expand ~"
        elif " " in written.strip():
            fix = "name the program only and put its arguments into args"
        elif "/" in written and not written.startswith("/"):
            fix = f"correct it: it means {plugin.command}, starting from the kubeconfig's directory"
        where = "does not exist or cannot be run" if "/" in written else "is not in PATH"
        yield at_entry(found, "error", "exec.missing", f"{what}: its plugin {written} {where}", fix, "exec", "command")
    elif is_shim(Path(program)):
        message = f"{what}: {program} only starts a version manager, which chooses by the current directory"
        fix = "name the real program; for eksauth: eksauth kubeconfig update"
        yield at_entry(found, "warning", "exec.shim", message, fix, "exec", "command")


def _plugin_secrets(found: Found[User], plugin: ExecConfig, what: str) -> Iterator[Finding]:
    for variable in plugin.env or ():
        if variable.value and is_secret_name(variable.name):
            message = f"{what}: the plugin's variable {variable.name} looks like a secret, which kubectl prints"
            fix = "keep it in a profile, a keyring or the environment"
            yield at_entry(found, "warning", "secret.exec_env", message, fix, "exec", "env")
    for argument, following in zip(plugin.args or (), (*(plugin.args or ()), "")[1:], strict=False):
        flag, equals, value = argument.partition("=")
        given = value if equals else ("" if following.startswith("-") else following)
        if flag.startswith("-") and given and is_secret_name(flag):
            message = f"{what}: the plugin's argument {flag} looks like a secret; process lists show it"
            fix = "keep it in a profile, a keyring or a file"
            yield at_entry(found, "warning", "secret.exec_args", message, fix, "exec", "args")


def _owner(found: Found[User], plugin: ExecConfig, what: str) -> Iterator[Finding]:
    mark, asks = owner_of(found.value.extensions), origin_of_plugin(plugin)
    if mark is not None:
        if asks.region and mark.region and asks.region != mark.region:
            message = f"{what} is marked as one for {mark.region}; its plugin asks {asks.region}"
            fix = f"write it anew: eksauth kubeconfig update --name {mark.cluster} --region {mark.region}"
            yield at_entry(found, "warning", "owner.stale", message, fix, "exec", "args")
    elif identity_of(found.value) is not None and asks.cluster and asks.region:
        message = f"{what} was not written by eksauth, so prune and update leave it alone"
        fix = f"take it over: eksauth kubeconfig update --name {asks.cluster} --region {asks.region}"
        yield at_entry(found, "info", "owner.none", message, fix)


def _static(found: Found[User], surroundings: Surroundings, what: str) -> Iterator[Finding]:
    user = found.value
    if user.token:
        end = _token_end(user.token)
        if end is not None and end < surroundings.now:
            message = f"{what}: its token expired on {day(end)}"
            yield at_entry(found, "error", "token.expired", message, "get a new one", "token")
        else:
            fix = "use an exec plugin, or a tokenFile"
            yield at_entry(found, "info", "secret.token", f"{what} has its token in the file", fix, "token")
    if user.password:
        fix = "remove it: no Kubernetes since 1.19 accepts a password"
        yield at_entry(found, "warning", "secret.password", f"{what} has a password in the file", fix, "password")
    provider = user.auth_provider
    if provider is not None:
        secrets = [key for key, value in (provider.config or {}).items() if value and is_secret_name(key)]
        if secrets:
            message = f"{what}: auth-provider holds {', '.join(sorted(secrets))}, which kubectl config view prints"
            yield at_entry(found, "warning", "secret.provider", message, "use an exec plugin", "auth-provider")


def _token_end(token: str) -> float | None:
    """Return when a JWT expires; None for other tokens. Nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _certificate(found: Found[User], located: User, surroundings: Surroundings, what: str) -> Iterator[Finding]:
    user = found.value
    for key, data, path, private in (
        ("client-certificate", user.client_certificate_data, located.client_certificate, False),
        ("client-key", user.client_key_data, located.client_key, True),
    ):
        pem = decoded(data) if data else (read_or_none(path) if path else None)
        place = f"{key}-data" if data else key
        if pem is not None and private and not has_private_key(pem):
            message = f"{what}: its client key is no PEM private key"
            yield at_entry(found, "error", "key.pem", message, "give the key that belongs to the certificate", place)
        elif pem is not None and not private:
            about = Certificate(f"the client certificate of {what}", "certificate", _CERTIFICATE_FIX, place)
            yield from check_dates(found, pem, about, surroundings)
        if private and path and not data and (mode := _mode(path)) & 0o077:
            message = f"{what}: others have access to its key {path} (mode {mode:04o})"
            yield at_entry(found, "warning", "key.mode", message, f"run: chmod 600 {path}", key)


def _mode(path: str) -> int:
    try:
        return stat.S_IMODE(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return 0
