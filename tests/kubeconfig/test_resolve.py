"""The merged view: origins, what is shadowed, the parts and shapes it is shown in."""

from __future__ import annotations

from pathlib import Path

import pytest

from eksauth.errors import ConfigError
from eksauth.kubeconfig.document import parse_document
from eksauth.kubeconfig.flatten import flatten
from eksauth.kubeconfig.in_cluster import InCluster
from eksauth.kubeconfig.located import located_cluster, located_user
from eksauth.kubeconfig.minify import minify
from eksauth.kubeconfig.namespaces import effective_namespace
from eksauth.kubeconfig.paths import Files, Origin
from eksauth.kubeconfig.redact import is_secret_name, redact, redact_arguments
from eksauth.kubeconfig.resolve import Merged, merge
from eksauth.kubeconfig.view import as_dict, as_yaml

FIRST = """\
current-context: ""
clusters:
- name: shared
  cluster: {server: https://first, certificate-authority: pki/ca}
contexts:
- name: x
  context: {cluster: shared, user: me, namespace: team}
"""
SECOND = """\
current-context: x
preferences: {colors: true}
extensions:
- {name: e, extension: 1}
clusters:
- name: shared
  cluster: {server: https://second, tls-server-name: lost}
users:
- name: me
  user:
    tokenFile: t
    exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1beta1}
"""
THIRD = """\
current-context: other
clusters:
- name: shared
contexts:
- name: other
  context: {cluster: gone, user: me}
- name: x
  context: {cluster: shared}
"""


def _merged(*texts: str) -> Merged:
    paths = [Path(f"d{number}/config") for number in range(1, len(texts) + 1)]
    documents = [parse_document(text.encode(), path) for text, path in zip(texts, paths, strict=True)]
    return merge(Files(tuple(paths), Origin.VARIABLE), documents)


def test_every_value_knows_its_origin_and_what_it_shadows() -> None:
    """Each entry and each setting names file and line, and the places that lost to it."""
    merged = _merged(FIRST, SECOND, THIRD)
    shared = merged.clusters["shared"]
    assert shared.value.server == "https://first"
    assert str(shared.place) == "d1/config:3"
    assert [str(place) for place in shared.shadowed] == ["d2/config:6", "d3/config:3"]
    assert merged.current_context is not None
    assert merged.current_context.value == "x"
    assert str(merged.current_context.place) == "d2/config:1"
    assert [str(place) for place in merged.current_context.shadowed] == ["d3/config:1"]
    assert merged.colors is not None
    assert str(merged.colors.place) == "d2/config:2"
    assert str(merged.extensions["e"].place) == "d2/config:3"
    assert str(merged.contexts["x"].shadowed[0]) == "d3/config:7"


def test_references_are_followed_after_the_merge() -> None:
    """A context of one file ends at a user of another; its paths start beside that other file."""
    merged = _merged(FIRST, SECOND)
    cwd = Path("/base")
    assert located_cluster(merged.clusters["shared"], cwd).certificate_authority == "/base/d1/pki/ca"
    user = located_user(merged.users["me"], cwd)
    assert user.exec
    assert (user.token_file, user.exec.command) == ("/base/d2/t", "/base/d2/plugin")


def test_minify_keeps_one_context_and_follows_its_references() -> None:
    """One context, its cluster and its user are left, and it is the current one."""
    merged = _merged(FIRST, SECOND, THIRD)
    small = minify(merged)
    assert (list(small.clusters), list(small.users), list(small.contexts)) == (["shared"], ["me"], ["x"])
    assert as_dict(small)["current-context"] == "x"
    assert as_dict(small)["preferences"] == {"colors": True}
    with pytest.raises(ConfigError, match=r'd3/config:5: context "other" names the cluster "gone"'):
        minify(merged, "other")


@pytest.mark.parametrize(
    "text,name,message",
    [
        ("", None, "current-context is not set"),
        ("current-context: ghost", None, 'd1/config:1: current-context names "ghost"'),
        ("current-context: ghost", "y", 'context "y" does not exist'),
    ],
)
def test_contexts_that_do_not_exist(text: str, name: str | None, message: str) -> None:
    """Asking for a missing context, or for the current one when there is none, says which and where."""
    with pytest.raises(ConfigError) as caught:
        _merged(text).context(name)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_flatten_embeds_files_and_makes_paths_absolute(tmp_path: Path) -> None:
    """Files are read beside the kubeconfig that names them; the rest becomes absolute; nothing relative is left."""
    (tmp_path / "d1/pki").mkdir(parents=True)
    (tmp_path / "d1/pki/ca").write_bytes(b"CA")
    flat = flatten(_merged(FIRST, SECOND), tmp_path)
    shared, me = flat.clusters["shared"].value, flat.users["me"].value
    assert (shared.certificate_authority, shared.certificate_authority_data) == ("", "Q0E=")
    assert me.exec
    assert me.exec.command == str(tmp_path / "d2/plugin")
    with pytest.raises(ConfigError, match=r'd1/config:3: cluster "shared": certificate-authority .*no such file'):
        flatten(_merged(FIRST), Path("/nowhere"))
    both = "clusters: [{name: c, cluster: {certificate-authority: a, certificate-authority-data: Q0E=}}]"
    with pytest.raises(ConfigError, match="both certificate-authority and certificate-authority-data"):
        flatten(_merged(both), tmp_path)


def test_redaction_hides_what_kubectl_hides_and_what_it_forgets() -> None:
    """No secret is left in the view, and what is no secret stays readable."""
    text = """\
clusters:
- name: c
  cluster: {server: https://s, certificate-authority-data: U0VDUkVU, proxy-url: "http://u:SECRET@p:1"}
users:
- name: u
  user:
    token: SECRET
    password: SECRET
    username: kept-1
    client-key-data: U0VDUkVU
    client-certificate-data: U0VDUkVU
    auth-provider: {name: oidc, config: {client-secret: SECRET, id-token: SECRET, idp-issuer-url: kept-2}}
    exec:
      command: kept-3
      env:
      - {name: AWS_SECRET_ACCESS_KEY, value: SECRET}
      - {name: AWS_SESSION_TOKEN, value: SECRET}
      - {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: kept-4}
      - {name: AWS_PROFILE, value: kept-5}
"""
    merged = _merged(text)
    shown = as_yaml(as_dict(redact(merged)))
    assert "SECRET" not in shown.replace("AWS_SECRET_ACCESS_KEY", "")
    assert "U0VDUkVU" not in shown
    assert all(f"kept-{number}" in shown for number in range(1, 6))
    assert "http://u:REDACTED@p:1" in shown
    assert shown.count("DATA+OMITTED") == 3
    assert "SECRET" not in repr(merged.users["u"].value).replace("AWS_SECRET_ACCESS_KEY", "")
    assert "SECRET" not in repr(merged.clusters["c"].value)
    assert redact(redact(merged)).users == redact(merged).users


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "db_password", "refresh-token", "X_API_KEY"])
def test_secret_names(name: str) -> None:
    """Names that say secret are taken at their word."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "text,context,flag,pod,expected",
    [
        (FIRST + "current-context: x", None, None, False, "team"),
        (FIRST + "current-context: x", None, "flag", False, "flag"),
        (FIRST + "current-context: x", None, "", False, "team"),
        (SECOND + "contexts: [{name: x}]", None, None, True, "default"),
        (THIRD, "x", None, False, "default"),
        (FIRST, None, None, True, "default"),
        ("", None, None, True, "pod-ns"),
        ("", None, None, False, "default"),
    ],
)
def test_namespace_in_effect(text: str, context: str | None, flag: str | None, pod: bool, expected: str) -> None:
    """The flag, the context, the pod when there is no kubeconfig, and default."""
    inside = InCluster("https://s", Path("t"), Path("c"), "pod-ns") if pod else None
    assert effective_namespace(_merged(text), context=context, flag=flag, pod=inside) == expected


@pytest.mark.parametrize(
    "given,shown",
    [
        (("--token=S",), ("--token=REDACTED",)),
        (("--client-secret", "S", "x"), ("--client-secret", "REDACTED", "x")),
        (("--password", "--verbose"), ("--password", "--verbose")),
        (("env", "MY_TOKEN=S", "prog"), ("env", "MY_TOKEN=REDACTED", "prog")),
        (("-c", "curl -H 'Authorization: Bearer S' x"), ("-c", "curl -H 'Authorization: Bearer REDACTED' x")),
        (("get-token", "--cluster-name", "token"), ("get-token", "--cluster-name", "token")),
        (("--token-file", "/f", "--token-cache-dir=/d"), ("--token-file", "/f", "--token-cache-dir=/d")),
        ((), ()),
    ],
)
def test_secret_arguments_are_hidden(given: tuple[str, ...], shown: tuple[str, ...]) -> None:
    """Values of secret flags and variables and bearer tokens go; names, files and everything else stay."""
    assert redact_arguments(given) == shown
    assert redact_arguments(shown) == shown
