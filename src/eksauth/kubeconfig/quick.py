"""The merged names of all kubeconfig files, by scanning; None wherever the real reader has to look.

The rules of :mod:`eksauth.kubeconfig.paths` and :mod:`eksauth.kubeconfig.resolve`, for files in kubectl's layout only.
"""

import os

from eksauth.kubeconfig.scan import MAX_BYTES, Scan, ScannedContext, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Quick:
    """What all files say together.

    :ivar scans: path and content of each file that exists, in order.
    :ivar contexts: by name, the first file's first.
    :ivar current: empty when no file sets one.
    """

    __slots__ = ("contexts", "current", "scans")

    def __init__(self) -> None:
        self.scans: list[tuple[str, Scan]] = []
        self.contexts: dict[str, ScannedContext] = {}
        self.current = ""

    def add(self, path: str, found: Scan) -> None:
        """Merge the next file."""
        self.scans.append((path, found))
        for context in found.contexts:
            self.contexts.setdefault(context.name, context)
        self.current = self.current or found.current

    def names(self) -> list[str]:
        """Return the names of the contexts, sorted as kubectl sorts; they are ASCII."""
        return sorted(self.contexts)


def quick_files(environ: "Mapping[str, str]") -> list[str]:
    """Return the files that kubectl would read, as :func:`eksauth.kubeconfig.paths.kubeconfig_files` does."""
    listed = environ.get("KUBECONFIG")
    if listed:
        return list(dict.fromkeys([part for part in listed.split(os.pathsep) if part]))
    home = environ.get("HOME", "")
    return [f"{home}/.kube/config" if home else ".kube/config"]


def quick_merge(environ: "Mapping[str, str]", *, only_contexts: bool = False) -> Quick | None:
    """Return what the files say, or None when one of them cannot be read or is unusual."""
    merged = Quick()
    for path in quick_files(environ):
        try:
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123  pathlib imports re
                data = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
        found = scan(data, only_contexts=only_contexts)
        if found is None:
            return None
        merged.add(path, found)
    return merged
