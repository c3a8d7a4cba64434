"""The console script. ``token`` takes the hot path where it can; everything else goes to the command line proper.

Sixty lines and nearly free of imports: kubectl waits for every one of them.
"""

import os
import sys


def main() -> int:
    """Run eksauth with the process's own arguments and return the exit code; Ctrl-C counts from the first import on."""
    try:
        return _main()
    except KeyboardInterrupt:
        return 130


def _main() -> int:
    """Run the hot path, or everything else.

    When the hot path has the answer the process ends here, without the interpreter's shutdown: the answer is already
    with the reader, there is nothing left to flush or free, and freeing it anyway is an eighth of an interpreter start.
    """
    argv = sys.argv[1:]
    name = sys.argv[0].rpartition("/")[2]
    if name[:7] == "kubectl":
        argv = _as_plugin(name, argv)
    if argv[:1] in (["ctx"], ["ns"], ["__complete"]):
        from eksauth.kubeconfig.fast import fast_lane

        code = fast_lane(argv, os.environ)
        if code is not None:
            os._exit(code)
        if argv[0] == "__complete":
            from eksauth.cli.completion import full_complete

            return full_complete(argv[1:])
    if "token" in argv or "get-token" in argv:
        from eksauth.token.fast import fast_answer

        text = fast_answer(argv, os.environ)
        if text is not None:
            from eksauth.token.stdout import write_stdout

            os._exit(write_stdout(text))
    from eksauth.cli.main import run

    return run(argv)


def _as_plugin(name: str, argv: list[str]) -> list[str]:
    """Return the arguments with which kubectl means its plugins ``ctx`` and ``ns``, and their completion."""
    kind, _, word = name.removesuffix(".py").partition("-")
    if word not in {"ctx", "ns"}:
        return argv
    return [word, *argv] if kind == "kubectl" else ["__complete", "kubectl", word, *argv]
