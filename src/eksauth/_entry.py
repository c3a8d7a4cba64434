"""The console script. ``token`` takes the hot path where it can; everything else goes to the command line proper.

Under sixty lines and free of imports: kubectl waits for every one of them.
"""

import sys


def main() -> int:
    """Run eksauth with the process's own arguments and return the exit code."""
    from eksauth.cli.main import run

    return run(sys.argv[1:])
