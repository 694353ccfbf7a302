"""`python -m scorax.cli` is `scorax`."""

import sys

from scorax.cli import main

sys.exit(main())
