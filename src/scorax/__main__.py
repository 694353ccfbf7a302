"""``python -m scorax``: the command line."""

import sys

from scorax.cli import main

if __name__ == "__main__":
    sys.exit(main())
