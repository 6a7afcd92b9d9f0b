"""`python -m mlwright`: the same as the console script."""

import sys

from mlwright.cli import main

if __name__ == "__main__":
    sys.exit(main())
