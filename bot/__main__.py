"""`python -m impasto.bot worker PID`: a worker of that process, its settings in the environment."""

import sys

from .main import main

sys.exit(main(sys.argv[1:]))
