"""What could be typed next, for shells: names of contexts, namespaces and clusters without waiting.

The answer is text: the first line says whether files fit as well (``files``) or not (``names``), then one candidate per
line, for zsh and fish with a tab and a description. None where the whole command line has to be known.
"""

import os

from eksauth.kubeconfig.quick import quick_merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# kind of the next plain word, by command
_WORDS = {
    ("ctx",): "contexts",
    ("ns",): "namespaces",
    ("run",): "one-context",
    ("each",): "contexts",
    ("kubeconfig", "protect"): "contexts",
    ("kubeconfig", "remove"): "contexts",
    ("kubeconfig", "rename"): "one-context",
    ("kubeconfig", "split"): "contexts",
    ("kubeconfig", "list"): "contexts",
}
# kind of the value of an option, by command
_VALUES = {
    "--cluster-name": "clusters",
    "--cluster-id": "clusters",
    "--context": "contexts",
    "--name": "clusters",
    "--namespace": "namespaces",
    "-n": "namespaces",
}
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+=-,%")


class Names:
    """What can be completed.

    :ivar contexts: name to description.
    :ivar current: the current context, with its cluster and user, for the names of its namespaces.
    """

    __slots__ = ("clusters", "contexts", "current", "namespaces")

    def __init__(self) -> None:
        self.contexts: dict[str, str] = {}
        self.clusters: list[str] = []
        self.namespaces: list[str] = []
        self.current: tuple[str, str, str] = ("", "", "")


def quick_names(environ: "Mapping[str, str]", kind: str = "clusters") -> Names | None:
    """Return the names, or None when a file is unusual or there is an isolated shell around."""
    if environ.get("EKSAUTH_OVERLAY"):
        return None
    merged = quick_merge(environ, only_contexts=kind != "clusters")
    if merged is None:
        return None
    names = Names()
    for name in merged.names():
        context = merged.contexts[name]
        names.contexts[name] = "protected" if context.protected else ""
        if context.namespace:
            names.namespaces.append(context.namespace)
    for _, found in merged.scans:
        names.clusters += [*found.eks_names, *map(eks_name, found.clusters)]
    current = merged.contexts.get(merged.current)
    if current is not None:
        names.current = (current.name, current.cluster, current.user)
    return names


def eks_name(cluster: str) -> str:
    """Return the cluster's own name where an entry is named by its ARN."""
    return cluster.rpartition("/")[2] if cluster[:4] == "arn:" else cluster


def complete(
    argv: list[str],
    environ: "Mapping[str, str]",
    names_of: "Callable[[Mapping[str, str], str], Names | None]" = quick_names,
) -> str | None:
    """Return the answer for ``SHELL WORD…``, the last word being the one that is typed; for bash its line instead.

    bash gives the line, the cursor's place and its word breaks, of which it cuts the words itself. kubectl
    (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/) wants a directive in the last line instead.
    """
    shell, *words = argv
    breaks, quote, name = "", "", "eksauth"
    if shell == "bash":
        line, point, breaks = words
        name, words, quote = split_line(line[: int(point)])
        name = name.rpartition("/")[2]
        if name in {"kubectl-ctx", "kubectl-ns"}:
            words.insert(0, name[8:])
    kind = kind_of(words)
    if kind is None:
        return None
    if kind == "files":
        return "files\n"
    names = names_of(environ, kind)
    if names is None:
        return None
    typed = words[-1]
    found = [
        (text, note)
        for text, note in _candidates(kind, names, typed, environ)
        if text.startswith(typed) and text.isprintable()  # shells show candidates as they are
    ]
    if shell == "kubectl":
        return "".join([f"{text}\t{note}\n" if note else f"{text}\n" for text, note in found]) + ":4\n"
    if shell == "bash":
        cut = 0 if quote else max([typed.rfind(letter) for letter in breaks if letter in ":="], default=-1) + 1
        return "names\n" + "".join([(text[cut:] if quote else escaped(text[cut:])) + "\n" for text, _ in found])
    return "names\n" + "".join([f"{text}\t{note}\n" if note else f"{text}\n" for text, note in found])


def kind_of(words: list[str]) -> str | None:
    """Return what the last word is: a kind of names, ``files``, or None when only the full command line knows."""
    typed = words[-1] if words else ""
    command = tuple(words[:1])
    rest = words[1:-1]
    if words[:1] == ["kubeconfig"] and len(words) > 2:
        command, rest = tuple(words[:2]), words[2:-1]
    if "--" in rest:
        return "files"
    if "--kubeconfig" in rest or any([word[:13] == "--kubeconfig=" for word in rest]):  # noqa: C419  cheaper here
        return None
    before = rest[-1] if rest else ""
    if before in _VALUES and command != ("ctx",):
        return _VALUES[before]
    if typed[:1] == "-" or len(words) < 2 or command not in _WORDS or before in {"-o", "--output", "-j", "--jobs"}:
        return None
    if before == "--timeout":
        return None
    kind = _WORDS[command]
    plain = [word for word in rest if word[:1] != "-" or word == "-"]
    if kind == "one-context":
        return "contexts" if not plain else "files" if command == ("run",) else None
    if command == ("ctx",) and plain and not {"-d", "--delete"} & set(rest):
        return "nothing"
    return "nothing" if kind == "namespaces" and plain else kind


def _candidates(kind: str, names: Names, typed: str, environ: "Mapping[str, str]") -> list[tuple[str, str]]:
    if kind == "contexts":
        new, equals, _ = typed.rpartition("=")
        if equals and not any([name.startswith(typed) for name in names.contexts]):  # noqa: C419
            return [(f"{new}={name}", note) for name, note in names.contexts.items()]
        return list(names.contexts.items())
    if kind == "clusters":
        return [(name, "") for name in sorted(set(names.clusters))]
    if kind == "namespaces":
        from eksauth.kubeconfig.namespace_cache import known_namespaces

        known = known_namespaces(environ, *names.current)
        return [(name, "") for name in sorted({*known, *names.namespaces, "default"})]
    return []


def split_line(line: str) -> tuple[str, list[str], str]:
    """Return the program, the words so far, the last one possibly empty, and the quote that is still open."""
    words, word, quote, started = [], "", "", False
    at = 0
    while at < len(line):
        letter = line[at]
        at += 1
        if quote:
            if letter == quote:
                quote = ""
            elif letter == "\\" and quote == '"' and line[at : at + 1] in {'"', "\\", "$", "`"}:
                word += line[at]
                at += 1
            else:
                word += letter
        elif letter in "'\"":
            quote, started = letter, True
        elif letter == "\\" and at < len(line):
            word += line[at]
            at, started = at + 1, True
        elif letter.isspace():
            if word or started:
                words.append(word)
            word, started = "", False
        else:
            word += letter
    return (words[0] if words else ""), [*words[1:], word], quote


def escaped(text: str) -> str:
    """Return ``text`` as bash reads it back outside quotes."""
    return "".join([letter if letter in _SAFE or not letter.isascii() else "\\" + letter for letter in text])


def program(environ: "Mapping[str, str]") -> str | None:
    """Return the eksauth that a background refresh runs: the one that was asked, never another one on PATH."""
    import sys

    path = os.path.abspath(sys.argv[0])  # noqa: PTH100
    return path if os.access(path, os.X_OK) and not environ.get("EKSAUTH_NO_REFRESH") else None
