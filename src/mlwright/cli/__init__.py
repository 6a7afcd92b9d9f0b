"""The command line: one file a command over `mlwright.lifecycle`, and what they share.

Started by the console script `mlwright` and by `python -m mlwright`. It decides nothing about data or
models, and `--help` must stay quick: libraries are imported by the command that needs them.
"""

from mlwright.cli.entry import main

__all__ = ["main"]
