"""Documents of every shape: text, operations, and the text that must come out."""

from __future__ import annotations

from eksauth.kubeconfig.operations import (
    Operation,
    RemoveEntry,
    RenameEntry,
    SetCurrentContext,
    SetEntry,
    SetField,
    UnsetField,
)

SHAPES: dict[str, tuple[str, list[Operation], str]] = {
    "dash on a line of its own": (
        """\
clusters:
-
  name: a
  cluster:
    server: x
""",
        [SetEntry("clusters", "b", {"server": "y"}), SetEntry("clusters", "a", {"server": "z"})],
        """\
clusters:
-
  name: a
  cluster:
    server: z
- name: b
  cluster:
    server: "y"
""",
    ),
    "wide gap after the dash": (
        """\
clusters:
-   name: a
    cluster: {server: x}
""",
        [SetEntry("clusters", "b", {"server": "y"})],
        """\
clusters:
-   name: a
    cluster: {server: x}
-   name: b
    cluster:
      server: "y"
""",
    ),
    "key written with a question mark": (
        """\
? clusters
: - name: a
    cluster:
      server: x
kind: Config
""",
        [SetEntry("clusters", "b", {"server": "y"}), SetCurrentContext("x")],
        """\
clusters:
- name: a
  cluster:
    server: x
- name: b
  cluster:
    server: "y"
kind: Config
current-context: x
""",
    ),
    "body key written with a question mark": (
        """\
clusters:
- name: a
  ? cluster
  : server: x
kind: Config
""",
        [SetEntry("clusters", "a", {"server": "y"})],
        """\
clusters:
- name: a
  cluster:
    server: "y"
kind: Config
""",
    ),
    "block scalar that ends the file without a line break": (
        """\
users:
- name: a
  user:
    token: |
      abc""",
        [SetEntry("users", "b", {"token": "y"})],
        'users:\n- name: a\n  user:\n    token: |-\n      abc\n- name: b\n  user:\n    token: "y"',
    ),
    "block scalar that keeps line breaks": (
        """\
users:
- name: a
  user:
    token: |+
      abc


""",
        [SetEntry("users", "b", {"token": "y"}), SetCurrentContext("q")],
        """\
current-context: q
users:
- name: a
  user:
    token: |+
      abc


- name: b
  user:
    token: "y"
""",
    ),
    "folded scalar replaced": (
        """\
users:
- name: a
  user:
    token: >- # why
      abc
      def
# end
""",
        [SetField("users", "a", ("token",), "new")],
        """\
users:
- name: a
  user:
    token: new
# end
""",
    ),
    "document end marker": (
        """\
current-context: a
...
# after
""",
        [SetCurrentContext("b"), SetEntry("users", "b", {"token": "y"})],
        """\
current-context: b
users:
- name: b
  user:
    token: "y"
...
# after
""",
    ),
    "no final line break": (
        """\
current-context: a""",
        [SetEntry("users", "b", {"token": "y"})],
        'current-context: a\nusers:\n- name: b\n  user:\n    token: "y"',
    ),
    "flow list over several lines with a trailing comma": (
        """\
clusters: [
  {name: a, cluster: {server: x}}, # first
  {name: b, cluster: {server: yy}}, # trailing comma
]
""",
        [SetEntry("clusters", "c", {"server": "z"}), RemoveEntry("clusters", "a")],
        """\
clusters: [
  {name: b, cluster: {server: yy}},
  {name: c, cluster: {server: z}}, # trailing comma
]
""",
    ),
    "flow mapping at the top": (
        """\
{clusters: [{name: a, cluster: {server: x}}], current-context: a}
""",
        [SetCurrentContext("b: c"), SetEntry("users", "u", {"token": "t"})],
        """\
{clusters: [{name: a, cluster: {server: x}}], current-context: "b: c", users: [{name: u, user: {token: t}}]}
""",
    ),
    "anchor on the list": (
        """\
clusters: &cs
- name: a
  cluster: &c {server: x}
""",
        [SetEntry("clusters", "b", {"server": "y"})],
        """\
clusters: &cs
- name: a
  cluster: &c {server: x}
- name: b
  cluster:
    server: "y"
""",
    ),
    "merge key is written out": (
        """\
base: &b
  server: x
clusters:
- name: a
  cluster:
    <<: *b
- name: b
  cluster: *b
""",
        [SetEntry("clusters", "a", {"proxy-url": "p"})],
        """\
base: &b
  server: x
clusters:
- name: a
  cluster:
    server: x
    proxy-url: p
- name: b
  cluster: *b
""",
    ),
    "aliases of a name": (
        """\
contexts:
- name: &n a
  context:
    cluster: *n
    user: *n
current-context: *n
""",
        [RenameEntry("contexts", "a", "z")],
        """\
contexts:
- name: z
  context:
    cluster: a
    user: a
current-context: z
""",
    ),
    "removal keeps the comments around": (
        """\
users: # all
# before a
- name: a # na
  # in a
  user: # body
    token: x # tok
  # after a
# before b
- name: b
  user: {}
# end
""",
        [RemoveEntry("users", "a")],
        """\
users: # all
# before a
  # after a
# before b
- name: b
  user: {}
# end
""",
    ),
    "removal of the last entry": (
        """\
users: # all
# before a
- name: a # na
  user: # body
    token: x # tok
  # after a
# end
kind: Config
""",
        [RemoveEntry("users", "a")],
        """\
users: [] # all
# before a
  # after a
# end
kind: Config
""",
    ),
    "removal of the first key": (
        """\
contexts:
- context: # c
    namespace: nn # nn
    # about user
    user: u
  name: a
""",
        [UnsetField("contexts", "a", ("namespace",))],
        """\
contexts:
- context: # c
    # about user
    user: u
  name: a
""",
    ),
    "removal of the first of two variables": (
        """\
users:
- name: a
  user:
    exec:
      env:
      - name: X
        value: 1a
      - name: Z
        value: b
""",
        [UnsetField("users", "a", ("exec", "env", "X"))],
        """\
users:
- name: a
  user:
    exec:
      env:
      - name: Z
        value: b
""",
    ),
    "null items and bodies": (
        """\
users:
-
- name: a
  user:
""",
        [SetEntry("users", "a", {"token": "t"}), SetEntry("users", "b", {})],
        """\
users:
-
- name: a
  user:
    token: t
- name: b
  user: {}
""",
    ),
    "tabs before line ends": (
        "current-context: a\t\nclusters:\t\n- name: a\n  cluster:\n    server: x\t# c\n",
        [SetCurrentContext("b"), SetEntry("clusters", "a", {"server": "q"})],
        "current-context: b\t\nclusters:\t\n- name: a\n  cluster:\n    server: q\t# c\n",
    ),
    "old Mac line ends": (
        "current-context: a\rkind: Config\r",
        [SetCurrentContext("b"), SetEntry("users", "u", {"token": "t"})],
        "current-context: b\rkind: Config\rusers:\r- name: u\r  user:\r    token: t\r",
    ),
    "indented document": (
        """\
  current-context: a
  kind: Config
""",
        [SetEntry("users", "u", {"token": "t"})],
        """\
  current-context: a
  kind: Config
  users:
  - name: u
    user:
      token: t
""",
    ),
    "duplicate key: the last one counts": (
        """\
current-context: a
current-context: b
""",
        [SetCurrentContext("c")],
        """\
current-context: a
current-context: c
""",
    ),
    "plain scalar over two lines": (
        """\
contexts:
- name: a
  context:
    namespace: one
      two
    user: u
""",
        [SetField("contexts", "a", ("namespace",), "three")],
        """\
contexts:
- name: a
  context:
    namespace: three
    user: u
""",
    ),
    "tagged scalar": (
        """\
current-context: !!str 123
""",
        [SetCurrentContext("456")],
        """\
current-context: "456"
""",
    ),
    "null lists": (
        """\
clusters: null
contexts: ~
users:
current-context: ''
""",
        [
            SetEntry("clusters", "a", {"server": "x"}),
            SetEntry("contexts", "a", {"user": "u"}),
            SetEntry("users", "u", {"token": "t"}),
        ],
        """\
clusters:
- cluster:
    server: x
  name: a
contexts:
- context:
    user: u
  name: a
users:
- name: u
  user:
    token: t
current-context: ''
""",
    ),
    "flow mapping behind a document start": (
        """\
--- {current-context: a}
""",
        [SetCurrentContext("b")],
        """\
--- {current-context: b}
""",
    ),
    "directive and nothing else": (
        """\
%YAML 1.1
---
""",
        [SetCurrentContext("b")],
        """\
%YAML 1.1
---
apiVersion: v1
current-context: b
kind: Config
""",
    ),
    "empty mapping": (
        """\
{} # nothing
""",
        [SetCurrentContext("b")],
        """\
apiVersion: v1
current-context: b
kind: Config # nothing
""",
    ),
    "JSON entry in a YAML file": (
        """\
clusters:
- {"name": "a", "cluster": {"server": "x"}}
""",
        [SetEntry("clusters", "a", {"tls-server-name": "n"})],
        """\
clusters:
- {"name": "a", "cluster": {"server": "x", tls-server-name: "n"}}
""",
    ),
    "JSON indented with tabs": (
        '{\n\t"clusters": [],\n\t"users": null\n}',
        [SetEntry("clusters", "a", {"server": "n"}), SetEntry("users", "a", {"token": "n"})],
        '{\n\t"clusters": [\n\t\t{\n\t\t\t"cluster": {\n\t\t\t\t"server": "n"\n\t\t\t},\n\t\t\t"name": "a"\n\t\t}\n\t],\n\t"users": [\n\t\t{\n\t\t\t"name": "a",\n\t\t\t"user": {\n\t\t\t\t"token": "n"\n\t\t\t}\n\t\t}\n\t]\n}',
    ),
    "invisible characters": (
        'contexts:\n- name: "\\u00a0x"\n  context: {}\n',
        [SetEntry("contexts", "\xa0x", {"user": "a\u2028b\x85c\ufeff"})],
        'contexts:\n- name: "\\u00a0x"\n  context:\n    user: "a\\u2028b\\u0085c\\ufeff"\n',
    ),
    "body replaced as a whole": (
        """\
users:
- name: a
  user:
    token: x
    # hm
""",
        [SetEntry("users", "a", {"exec": {"command": "c", "args": [], "env": None}}, merge=False)],
        """\
users:
- name: a
  user:
    exec:
      args: []
      command: c
      env: null
    # hm
""",
    ),
    "indented empty mapping": (
        "  {}\n",
        [SetCurrentContext("b")],
        "apiVersion: v1\ncurrent-context: b\nkind: Config\n",
    ),
}
