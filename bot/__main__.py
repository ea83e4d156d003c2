"""`python -m impasto.bot worker`: a worker that a bot started, its settings in its environment."""

import sys

from .main import main

sys.exit(main(sys.argv[1:]))
