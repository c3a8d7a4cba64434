"""Configurations that are wrong: each mistake has a place, and none of them a traceback."""

from __future__ import annotations

import grp
import os
import pwd
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credentials.config.kit import DEV, SSO, judged, lines, loaded, write

from eksauth.credentials.config.document import Document, writable_by_others
from eksauth.credentials.config.load import load_config
from eksauth.credentials.config.validate import validate
from eksauth.errors import ConfigError

A_ROLE = '"arn:aws:iam::123456789012:role/a"'


@pytest.mark.parametrize(
    "text, place, message",
    [
        pytest.param("auth: [\n", "2:1", "not valid YAML", id="syntax"),
        pytest.param("auth: {a: *b}\n", "1:11", "an alias without its anchor", id="alias"),
        pytest.param("[]", "1:1", "the file must be keys and values", id="list"),
        pytest.param("just text", "1:1", "the file must be keys and values", id="text"),
        pytest.param("auth: x", "1:7", "must be keys and values", id="auth is text"),
        pytest.param("auht: {}\n", "1:1", "unknown key 'auht'", id="misspelled auth"),
        pytest.param("providers: {}\n", "1:1", "unknown key 'providers'", id="not under auth"),
        pytest.param("auth: {}\nauth: {}\n", "2:1", "has a key twice", id="auth twice"),
        pytest.param("auth: {realm: a, realm: b}", "1:18", "has a key twice", id="key twice"),
        pytest.param("auth: {{{a: b}: c}: d}", "1:7", "a key that is not plain text", id="template without quotes"),
        pytest.param("auth: {realm: true}", "1:15", "realm must be text", id="truth for text"),
        pytest.param("auth: {realm: A}", "1:15", "realm must be lower-case", id="realm"),
        pytest.param("auth: {providers: []}", "1:19", "providers must be keys and values", id="providers as a list"),
        pytest.param("auth: {providers: {a: }}", "1:23", "providers.a is empty", id="empty provider"),
        pytest.param("auth: {providers: {a: {}}}", "1:23", "providers.a.kind is missing", id="no kind"),
        pytest.param(
            "auth: {providers: {a: {kind: []}}}", "1:30", "providers.a.kind must be a single value", id="kind"
        ),
        pytest.param(
            "auth: {providers: {a: {kind: aws/sso}}}", "1:30", "there is no kind 'aws/sso'", id="no such kind"
        ),
        pytest.param("auth: {providers: {'': {kind: github/oidc}}}", "1:20", "a name must not be empty", id="no name"),
        pytest.param(
            'auth: {providers: {"a\\eb": {kind: github/oidc}}}', "1:20", "must not have control", id="control name"
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/user}, A: {kind: aws/user}}}",
            "1:42",
            "identities has both a and A",
            id="case alone",
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/user, default: maybe}}}", "1:50", "must be true or false", id="truth"
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/user, session: {duration: soon}}}}",
            "1:61",
            "must be a duration",
            id="duration",
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/permission-set, principal: {name: x, account: y}}}}",
            "1:24",
            "via is missing: a aws/permission-set starts from something",
            id="no via",
        ),
        pytest.param(
            f"auth: {{identities: {{a: {{kind: aws/assume-role, via: {{identity: A}}, principal: {{assume_role: {A_ROLE}}}}}}}}}",
            "1:21",
            "identities.a starts from itself: a -> a",
            id="own tail",
        ),
        pytest.param(
            f"auth: {{identities: {{a: {{kind: aws/assume-role, via: {{identity: b, provider: c}}, principal: {{assume_role: {A_ROLE}}}}}}}}}",
            "1:53",
            "has both provider and identity",
            id="two ways",
        ),
        pytest.param(
            f"auth: {{identities: {{a: {{kind: aws/assume-role, via: {{identity: gone}}, principal: {{assume_role: {A_ROLE}}}}}}}}}",
            "1:64",
            "there is no identity 'gone'",
            id="no such identity",
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE}}}}",
            "1:54",
            "a key id without its secret",
            id="half a key",
        ),
        pytest.param(
            "auth: {identities: {a: {kind: aws/user, env: [{key: 'A B', value: x}]}}}",
            "1:53",
            "must be the name of an environment variable",
            id="variable",
        ),
        pytest.param(
            "auth: {providers: {a: {kind: oidc/token, spec: {token: {}}}}}",
            "1:48",
            "exactly one of file",
            id="no token",
        ),
        pytest.param(
            "auth: {providers: {a: {kind: oidc/token, spec: {token: {file: a, env: B}}}}}",
            "1:48",
            "exactly one of file",
            id="two tokens",
        ),
        pytest.param(
            "auth: {providers: {a: {kind: aws/saml, region: eu-west-1}}}", "1:23", "has no url", id="saml without url"
        ),
        pytest.param(
            "auth: {providers: {a: {kind: aws/iam-identity-center, region: eu-west-1, start_url: 'javascript:alert(1)'}}}",
            "1:85",
            "must be an address",
            id="script",
        ),
        pytest.param(
            "auth: {providers: {a: {kind: aws/iam-identity-center, region: eu-west-1, start_url: 'https://u:p@h/'}}}",
            "1:85",
            "must be an address",
            id="password in an address",
        ),
        pytest.param(
            "auth: {providers: {a: {kind: aws/iam-identity-center, region: 'eu west', start_url: 'https://h/'}}}",
            "1:63",
            "must be the name of a region",
            id="region",
        ),
        pytest.param(
            "auth: {guards: {g: {require_reason: true}}}", "1:20", "guards.g guards nothing", id="guard of nothing"
        ),
        pytest.param(
            "auth: {integrations: {c: {kind: aws/eks, via: {}, spec: {cluster: {name: c, region: eu-west-1}}}}}",
            "1:47",
            "exactly one of identity and provider",
            id="integration of nobody",
        ),
        pytest.param(
            "auth: {integrations: {c: {kind: aws/eks, via: {identity: x}, spec: {cluster: {name: c, region: eu-west-1}}}}}",
            "1:58",
            "there is no identity 'x'",
            id="integration of somebody else",
        ),
    ],
)
def test_a_mistake_has_a_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    """Loading fails with file, line and column of the first mistake, and validate has it too."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)

    assert caught.value.message.startswith(f"{tmp_path}/eksauth.yaml:{place}: ")
    assert message in caught.value.message
    problems = judged(tmp_path, text)
    assert caught.value.message in {f"{item.place}: {item.message}" for item in problems}


def test_every_mistake_is_reported_once_and_in_order(tmp_path: Path) -> None:
    """Validate goes on after a mistake, and lists all of them by line."""
    text = """\
auth:
  realm: Bad
  colour: blue
  providers:
    sso: {kind: aws/iam-identity-center, start_url: nope, region: eu-west-1}
  identities:
    a: {kind: aws/permission-set, via: {provider: ssso}, principal: {name: x}}
    b: {kind: aws/assume-role, via: {identity: c}, principal: {assume_role: role/x}}
    c: {kind: aws/assume-role, via: {identity: b}, principal: {assume_role: "arn:aws:iam::123456789012:role/x", duration: 13h}}
    d: {kind: aws/ambient, default: true, alias: B}
    e: {kind: aws/ambient, default: true, alias: [z, f]}
    f: {kind: aws/assume-role, via: {provider: sso}, principal: {assume_role: "arn:aws:iam::123456789012:role/x"}}
"""
    problems = judged(tmp_path, text)

    assert lines(problems) == [
        "2:10 error config.value",
        "3:3 error config.unknown_key",
        "5:53 error config.value",
        "7:51 error config.reference",
        "7:69 error config.missing",
        "8:5 error config.cycle",
        "8:77 error config.value",
        "9:123 error config.range",
        "10:5 error config.alias",
        "11:5 error config.default",
        "11:5 error config.alias",
        "12:5 error config.reference",
    ]
    assert problems[3].hint == "did you mean sso"
    assert "b -> c -> b" in problems[5].message


def _bomb(levels: int) -> str:
    rows = [f"x-{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, levels)]
    return "\n".join(
        ["x-0: &a0 [lol]", *rows, f"auth: {{identities: {{a: {{kind: aws/user, tags: *a{levels - 1}}}}}}}"]
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("auth: " + "{a: " * 5000, id="deep below auth"),
        pytest.param(_bomb(12), id="aliases of aliases"),
        pytest.param("auth: &a {identities: *a}\n", id="aliases in a circle"),
        pytest.param("auth: &a {identities: &b {<<: *b}}\n", id="merged into itself"),
        pytest.param("x-a: &a {" + ", ".join(f"k{n}: v" for n in range(2000)) + "}\nauth:\n  identities:\n" + "".join(f"    i{n}: {{<<: *a}}\n" for n in range(2000)), id="merged again and again"),
        pytest.param("auth:\n  identities:\n    a: {kind: aws/user, tags: [\0]}\n", id="nul"),
        pytest.param("auth: {realm: " + "a" * 100_000 + "}", id="long value"),
        pytest.param("auth: {" + "k" * 5000 + ": 1}", id="long key"),
        pytest.param("auth:\n  identities:\n" + "    x" * 300 + ": {kind: aws/user}\n", id="long name"),
        pytest.param("auth: {" + ", ".join(f"relm{n}: 1" for n in range(20_000)) + "}", id="many unknown keys"),
    ],
)  # fmt: skip
def test_hostile_text_is_an_error_soon(tmp_path: Path, text: str) -> None:
    """Nesting, aliases, control characters and sheer size end in an error with a place, and neither crash nor hang."""
    started = time.process_time()

    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)

    assert caught.value.message.startswith(str(tmp_path))
    assert len(caught.value.message) < 1000
    assert time.process_time() - started < 20  # a hang would be minutes


def _roles(count: int, via: str) -> str:
    principal = "{assume_role: 'arn:aws:iam::123456789012:role/a'}"
    rows = (
        f"    a{n}: {{kind: aws/assume-role, via: {{identity: {via}{n - 1}}}, principal: {principal}}}\n"
        for n in range(1, count)
    )
    return "auth:\n  identities:\n    a0: {kind: aws/user}\n" + "".join(rows)


def test_effort_grows_with_the_text_alone(tmp_path: Path) -> None:
    """A chain of thousands loads, and thousands of wrong names end soon, with suggestions for the first of them."""
    assert len(loaded(tmp_path, _roles(4000, "a")).identities) == 4000

    problems = judged(tmp_path, _roles(4000, "aa"))

    assert [item.code for item in problems] == ["config.reference"] * 3999
    assert problems[0].hint == "did you mean a0"


def test_functions_in_place_of_sections(tmp_path: Path) -> None:
    """A function where keys should be is named, not taken for text."""
    problems = judged(tmp_path, "auth: !include auth.yaml\n", name="atmos.yaml")

    assert [item.message for item in problems if item.severity == "error"] == [
        "auth uses !include, which is not carried out here"
    ]
    with pytest.raises(ConfigError, match=r"atmos\.yaml:2:14: providers uses !x, which"):
        loaded(tmp_path, "auth:\n  providers: !x {a: {kind: github/oidc}}\n", name="atmos.yaml")


def test_a_file_that_only_ones_own_group_may_write(tmp_path: Path) -> None:
    """With a group for each user, files are writable for the group as a rule: it has nobody else in it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    try:
        somebody = pwd.getpwnam("daemon")
        own = grp.getgrnam("daemon")
        other = grp.getgrnam("games")
    except KeyError:
        pytest.skip("this system has no users daemon and games")
    path = write(tmp_path, "auth: {}\n")
    path.chmod(0o664)

    def complaint(group: int) -> tuple[str, str] | None:
        document = Document(str(path), "", "", mode=0o100664, owner=somebody.pw_uid, group=group)
        os.seteuid(somebody.pw_uid)
        try:
            return writable_by_others(document)
        finally:
            os.seteuid(0)

    assert complaint(own.gr_gid) is None
    assert complaint(other.gr_gid) == ("its group may write it", f"run: chmod go-w {path}")


def test_files_that_are_none(tmp_path: Path) -> None:
    """Missing, a directory, a loop, a pipe, too large, not UTF-8, a NUL in the name: one line each."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"# " + b"x" * 10 * 2**20)
    (tmp_path / "latin").write_bytes(b"auth:\n  realm: \xe9\n")
    (tmp_path / "wide").write_bytes("auth: {}\n".encode("utf-16"))
    expected = {
        "gone": "gone: no such file or directory",
        "dir": "dir: is a directory",
        "loop": "loop: too many levels of symbolic links",
        "pipe": "pipe: not a regular file",
        "large": "large: larger than 2 MiB",
        "latin": "latin:2:10: not UTF-8",
        "wide": "wide:1:1: not UTF-8",
    }
    for path in ("large", "latin", "wide"):
        (tmp_path / path).chmod(0o600)

    for name, message in expected.items():
        with pytest.raises(ConfigError) as caught:
            load_config({"HOME": str(tmp_path)}, flag=str(tmp_path / name))
        assert caught.value.message == f"{tmp_path}/{message}"
        (problem,) = validate(str(tmp_path / name), {})
        assert problem.severity == "error"
    for name in ("a\0b", ""):
        with pytest.raises(ConfigError):
            load_config({"HOME": str(tmp_path)}, flag=name)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_named_file_that_others_may_write(tmp_path: Path, mode: int) -> None:
    """A configuration that is trusted can name programs to run: others must not be able to write it."""
    path = write(tmp_path, "auth: {}\n")
    path.chmod(mode)

    with pytest.raises(ConfigError, match="may write it") as caught:
        load_config({"HOME": str(tmp_path)}, flag=str(path))

    assert caught.value.hint == f"run: chmod go-w {path}"
    assert load_config({"HOME": "/nowhere"}, cwd=tmp_path).searched
    assert [item.severity for item in validate(str(path), {}) if item.code == "config.writable"] == ["error"]
    found = validate(str(path), {}, searched=True)
    assert [item.severity for item in found if item.code == "config.writable"] == ["warning"]


def test_a_directory_that_others_may_write(tmp_path: Path) -> None:
    """In a directory where everybody may replace files no file is safe, unless the directory is sticky as /tmp is."""
    path = write(tmp_path / "open", "auth: {}\n")
    path.parent.chmod(0o777)

    with pytest.raises(ConfigError, match="everybody may replace it"):
        load_config({"HOME": str(tmp_path)}, flag=str(path))
    path.parent.chmod(0o1777)
    assert load_config({"HOME": str(tmp_path)}, flag=str(path)).path == str(path)


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    """The mode that counts is that of the file, not of the link."""
    path = write(tmp_path, "auth: {}\n", "real.yaml")
    link = tmp_path / "eksauth.yaml"
    link.symlink_to(path)

    assert load_config({"HOME": str(tmp_path)}, flag=str(link)).path == str(link)
    path.chmod(0o622)
    with pytest.raises(ConfigError, match="may write it"):
        load_config({"HOME": str(tmp_path)}, flag=str(link))


def test_no_secret_is_ever_in_a_message(tmp_path: Path) -> None:
    """Wrong keys with secrets in them are named by their path only."""
    text = """\
    auth:
      identities:
        a: {kind: aws/user, credentials: {access_key_id: "hunter2 hunter2", secret_access_key: [hunter2]}}
        b: {kind: aws/user, credentials: "hunter2", env: {A: [hunter2]}}
        c: {kind: aws/assume-role, via: {identity: a}, principal: {assume_role: hunter2, external_id: "hunter2 !", mfa_process: "x 'hunter2"}}
    """
    assert "hunter2" not in str(judged(tmp_path, text))


_KEYS = st.sampled_from(
    ["auth", "providers", "identities", "integrations", "guards", "kind", "via", "principal", "spec", "session",
     "duration", "account", "tags", "env", "credentials", "a", "cluster", "default", "<<", "keyring", "console"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["aws/user", "aws/assume-role", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(auth=st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=3) | _VALUES, max_size=4))
def test_no_tree_of_values_brings_it_down(tmp_path_factory: pytest.TempPathFactory, auth: object) -> None:
    """Whatever the structure: it loads, or a ConfigError says why, and validate agrees on which."""
    import yaml

    directory = tmp_path_factory.mktemp("any")
    text = yaml.safe_dump({"auth": auth})
    problems = judged(directory, text)
    if any(item.fatal for item in problems):
        with pytest.raises(ConfigError):
            loaded(directory, text)
    else:
        loaded(directory, text)


def test_several_thousand_identities_load(tmp_path: Path) -> None:
    """A large organisation's file is no hostile one."""
    more = "".join(
        f"    a{n}/Admin: {{kind: aws/permission-set, via: {{provider: sso}}, principal: {{name: A, account: '{n:012}'}}}}\n"
        for n in range(3000)
    )

    assert len(loaded(tmp_path, SSO + DEV + more).identities) == 3001
