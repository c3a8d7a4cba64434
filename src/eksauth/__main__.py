"""``python -m eksauth`` is the same as ``eksauth``."""

import sys

from eksauth._entry import main

if __name__ == "__main__":
    sys.exit(main())
