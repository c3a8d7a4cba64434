"""One operation on the desktop's keyring, in a process of its own that can be ended when the keyring does not answer.

Reads one JSON object from stdin, writes one to stdout; secrets pass through pipes only. Run with ``-P``, so that
nothing from the working directory is imported.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> int:
    """Do what stdin asks for and answer on stdout."""
    asked = json.load(sys.stdin)
    # libraries may print; only our answer goes to the pipe
    answer_to, sys.stdout = sys.stdout, sys.stderr
    try:
        answer = _do(asked)
    except ImportError as error:
        answer = {"error": "missing" if error.name == "keyring" else "ImportError"}
    except Exception as error:  # noqa: BLE001  backends raise what their libraries raise
        answer = {"error": type(error).__name__}
    json.dump(answer, answer_to)
    answer_to.flush()
    return 0


def _do(asked: dict[str, Any]) -> dict[str, Any]:
    import keyring
    from keyring.errors import PasswordDeleteError

    backend = keyring.get_keyring()
    answer: dict[str, Any] = {"backend": f"{type(backend).__module__}.{type(backend).__qualname__}"}
    answer["priority"] = float(backend.priority)
    chained = getattr(backend, "backends", None)
    if chained:
        answer["backend"], answer["priority"] = _named(chained[0]), float(chained[0].priority)
    if answer["priority"] < asked["least"]:
        return {**answer, "error": "unfit"}
    service, name = asked["service"], asked["name"]
    if asked["do"] == "set":
        backend.set_password(service, name, asked["value"])
        # a backend that keeps nothing would say nothing either
        answer["kept"] = backend.get_password(service, name) == asked["value"]
    elif asked["do"] == "delete":
        try:
            backend.delete_password(service, name)
        except PasswordDeleteError:
            answer["deleted"] = False
            answer["left"] = backend.get_password(service, name) is not None
        else:
            answer["deleted"] = True
    else:
        answer["value"] = backend.get_password(service, name)
    return answer


def _named(backend: object) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


if __name__ == "__main__":
    sys.exit(main())
