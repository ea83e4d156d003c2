"""`python -m impasto.core.cli`: the same as `impasto`."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
