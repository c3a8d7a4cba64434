"""Reading the names out of a kubeconfig in kubectl's own layout, line by line, without a YAML parser.

For what a person waits for at the prompt: the list of contexts, a switch, completion. Every line of the file has to be
one that kubectl, the AWS CLI or eksauth writes, with values that cannot be anything but what they look like; otherwise
the answer is None, and the real reader takes over and explains. So whatever is scanned, the real reader accepts too,
and finds the same in it. Nothing here imports anything heavy.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 50 * 1024 * 1024
_ALLOWED = bytes([10, *range(32, 127)])
# YAML 1.1 truth values and nulls, as kubectl reads them
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+=%-")
_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/")
_MAX_NAME = 1000


class ScannedContext:
    """One context: its name and what its body says.

    :ivar protected: whether eksauth's extension marks it as protected.
    :ivar owned: whether eksauth wrote it.
    """

    __slots__ = ("cluster", "name", "namespace", "owned", "protected", "user")

    def __init__(self) -> None:
        self.name = self.cluster = self.user = self.namespace = ""
        self.owned = self.protected = False


class Scan:
    """What was found in one file.

    :ivar contexts: in the order of the file.
    :ivar clusters: names of the clusters.
    :ivar eks_names: values of ``--cluster-name`` among the arguments of credential plugins.
    :ivar current: the current context; empty when the file sets none.
    :ivar start: offset of the current context's value in the file; -1 when there is no such line.
    :ivar end: offset after it.
    """

    __slots__ = ("clusters", "contexts", "current", "eks_names", "end", "start")

    def __init__(self) -> None:
        self.contexts: list[ScannedContext] = []
        self.clusters: list[str] = []
        self.eks_names: list[str] = []
        self.current = ""
        self.start = self.end = -1


class _Unusual(Exception):
    """A line that the real reader should look at."""


def scan(data: bytes, *, only_contexts: bool = False) -> Scan | None:
    """Return what is in the file, or None when it holds anything but the usual lines.

    Comments and blank lines between entries are usual: no value that is understood goes on in a second line.

    :param only_contexts: do not look at clusters and users, good or bad; for completion.
    """
    if len(data) > MAX_BYTES or data.translate(None, _ALLOWED):
        return None
    try:
        return _Scanner(data.decode("ascii"), only_contexts=only_contexts).run()
    except (_Unusual, IndexError):
        return None


def is_plain(name: str) -> bool:
    """Tell whether a name means itself when it is written without quotes, in any YAML reader."""
    return (
        0 < len(name) <= _MAX_NAME
        and name[0] in _FIRST
        and _PLAIN.issuperset(name)
        and name[-1] != ":"
        and name.lower() not in _WORDS
    )


def _text(value: str) -> str:
    """Return what a scalar says, for the ones that are text beyond doubt."""
    first = value[:1]
    if first in {'"', "'"}:
        inner = value[1:-1]
        if len(value) < 2 or value[-1] != first or first in inner or "\\" in inner:
            raise _Unusual
        return inner
    if first == "-" and value[1:2] == "-":
        first = value[2:3]
    if first not in _FIRST or value[-1] in ": " or ": " in value or " #" in value or value.lower() in _WORDS:
        raise _Unusual
    return value


def _base64(value: str) -> str:
    try:
        a2b_base64(value, strict_mode=True)
    except Base64Error:
        raise _Unusual from None
    # "" and quoted data, digits first and the like: rare
    if value[:1] not in _FIRST or value.lower() in _WORDS:
        raise _Unusual
    return value


def _truth(value: str) -> str:
    if value not in {"true", "false"}:
        raise _Unusual
    return value


_CLUSTER = {
    "    certificate-authority": _text,
    "    certificate-authority-data": _base64,
    "    disable-compression": _truth,
    "    insecure-skip-tls-verify": _truth,
    "    proxy-url": _text,
    "    server": _text,
    "    tls-server-name": _text,
}
_CONTEXT = {"    cluster": _text, "    namespace": _text, "    user": _text}
_USER = {
    "    client-certificate": _text,
    "    client-certificate-data": _base64,
    "    client-key": _text,
    "    client-key-data": _base64,
    "    password": _text,
    "    token": _text,
    "    tokenFile": _text,
    "    username": _text,
}
_EXEC = {
    "      apiVersion": _text,
    "      command": _text,
    "      installHint": _text,
    "      interactiveMode": _text,
    "      provideClusterInfo": _truth,
}
_SECTIONS = {"clusters:": "cluster", "contexts:": "context", "users:": "user"}
_BODIES = {"cluster": _CLUSTER, "context": _CONTEXT, "user": _USER}


class _Scanner:
    """The lines of one file and the place in them; every method leaves ``at`` behind what it took."""

    def __init__(self, text: str, *, only_contexts: bool = False) -> None:
        self.text = text
        self.skipped = ("clusters:", "users:") if only_contexts else ()
        lines = text.split("\n")
        if "#" in text or "\n\n" in text or " \n" in text or text[:1] == "\n":
            lines = [line for line in lines if line.lstrip(" ")[:1] not in {"#", ""}]
            if lines[:1] == ["---"]:
                del lines[0]
        elif not lines[-1]:
            lines.pop()
        self.lines = [*lines, "\n"]  # a line like no other is behind everything
        self.at = 0
        self.found = Scan()

    def run(self) -> Scan:
        lines, seen = self.lines, set()
        while True:
            line = lines[self.at]
            if line == "\n":
                break
            key, colon, value = line.partition(":")
            if not colon or key in seen:
                raise _Unusual
            seen.add(key)
            if line in self.skipped:
                self._skip()
                continue
            if line in _SECTIONS:
                self.at += 1
                self._section(_SECTIONS[line])
                continue
            if key == "current-context":
                self._current(line, value[1:])
            elif line not in {"apiVersion: v1", "kind: Config", "preferences: {}"}:
                raise _Unusual
            self.at += 1
        return self.found

    def _current(self, line: str, value: str) -> None:
        if line[:17] != "current-context: ":
            raise _Unusual
        self.found.current = _text(value)
        # no other line may begin so: it would be the same key again
        before = 0 if self.text[:17] == line[:17] else self.text.index("\n" + line[:17]) + 1
        self.found.start, self.found.end = before + 17, before + len(line)

    def _skip(self) -> None:
        lines = self.lines
        self.at += 1
        while lines[self.at][:1] in {" ", "-"}:
            self.at += 1

    def _section(self, kind: str) -> None:
        lines, opening = self.lines, f"- {kind}:"
        body_line, names = f"  {kind}:", set()
        if lines[self.at][:2] != "- ":
            raise _Unusual
        while (line := lines[self.at])[:2] == "- ":
            self.at += 1
            context = ScannedContext()
            if line == opening:
                self._body(kind, context)
                line = lines[self.at]
                if line[:8] != "  name: ":
                    raise _Unusual
                name = _text(line[8:])
                self.at += 1
            elif line[:8] == "- name: ":
                name = _text(line[8:])
                if lines[self.at] != body_line:
                    raise _Unusual
                self.at += 1
                self._body(kind, context)
            else:
                raise _Unusual
            if name in names:
                raise _Unusual
            names.add(name)
            context.name = name
            if kind == "context":
                self.found.contexts.append(context)
            elif kind == "cluster":
                self.found.clusters.append(name)

    def _body(self, kind: str, context: ScannedContext) -> None:
        lines, rules = self.lines, _BODIES[kind]
        first, seen = self.at, set()
        while (line := lines[self.at])[:4] == "    ":
            key, colon, value = line.partition(": ")
            if key in seen:
                raise _Unusual
            seen.add(key)
            rule = rules.get(key)
            if rule is not None and colon:
                given = rule(value)
                if kind == "context":
                    setattr(context, key[4:], given)
                self.at += 1
            elif line == "    extensions:":
                self.at += 1
                self._extensions(context)
            elif line == "    exec:" and kind == "user":
                self.at += 1
                self._exec()
            else:
                raise _Unusual
        if self.at == first:  # an empty body is null, or something else altogether
            raise _Unusual

    def _extensions(self, context: ScannedContext) -> None:
        """Take ``- extension:`` items whose content is a flat mapping of plain text."""
        lines, names = self.lines, set()
        if lines[self.at] != "    - extension:":
            raise _Unusual
        while lines[self.at] == "    - extension:":
            self.at += 1
            fields: dict[str, str] = {}
            while (line := lines[self.at])[:8] == "        ":
                key, colon, value = line[8:].partition(": ")
                if not colon or not is_plain(key) or key in fields:
                    raise _Unusual
                other = key != "cluster" and (value in {"true", "false"} or value.isdigit())
                fields[key] = value if other else _text(value)
                self.at += 1
            line = lines[self.at]
            if not fields or line[:12] != "      name: ":
                raise _Unusual
            name = _text(line[12:])
            if name in names:
                raise _Unusual
            names.add(name)
            self.at += 1
            if name == "eksauth":
                context.owned = bool(fields.get("cluster"))
            elif name == "eksauth-guard":
                if fields.get("protected") not in {"true", "false"}:
                    raise _Unusual
                context.protected = fields["protected"] == "true"

    def _exec(self) -> None:
        lines, seen = self.lines, set()
        first = self.at
        while (line := lines[self.at])[:6] == "      " and line[6:7] not in {" ", "-"}:
            key, colon, value = line.partition(": ")
            if key in seen:
                raise _Unusual
            seen.add(key)
            rule: Callable[[str], str] | None = _EXEC.get(key)
            self.at += 1
            if rule is not None and colon:
                rule(value)
            elif line == "      args:":
                self._arguments()
            elif line == "      env:":
                self._variables()
            elif line not in {"      args: null", "      env: null"}:
                raise _Unusual
        if self.at == first:
            raise _Unusual

    def _arguments(self) -> None:
        lines, first, before = self.lines, self.at, ""
        while (line := lines[self.at])[:8] == "      - ":
            value = _text(line[8:])
            if before == "--cluster-name":
                self.found.eks_names.append(value)
            before = value
            self.at += 1
        if self.at == first:
            raise _Unusual

    def _variables(self) -> None:
        lines, first = self.lines, self.at
        while (line := lines[self.at])[:14] == "      - name: ":
            _text(line[14:])
            value = lines[self.at + 1]
            if value[:15] != "        value: ":
                raise _Unusual
            _text(value[15:])
            self.at += 2
        if self.at == first:
            raise _Unusual
