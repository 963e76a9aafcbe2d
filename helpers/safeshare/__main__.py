"""``python -m safeshare`` is the command ``safeshare``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
